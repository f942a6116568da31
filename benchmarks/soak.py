"""A soak: clients ask for everything at once, while the service is reloaded, written to, imported into and killed.

    python benchmarks/soak.py                        # 200,000 requests
    python benchmarks/soak.py --requests 6000        # as .ci/check does: under a minute
    python benchmarks/soak.py --seconds 3600 --requests 100000000
    python benchmarks/soak.py --requests 6000 --plant old    # a fault that must be found; --help has all

It starts a service with several workers, a store of SQLite, a folder of content, API keys, writes and an upstream,
which is another such service behind a proxy that spoils answers (``faulty_proxy``). Meanwhile, every few seconds, the
folder changes and is read again (now and then with a broken file in it), a worker is killed (``kill -9``), and rarer a
release is imported, and the upstream is away. ``soak_requests`` has the requests, and what their right answers are.

It prints a line for each tenth and a table. The exit status is 1 if an answer was wrong, lost without a kill, or
refused with another fault than those that pass (``transient``, of an upstream or a write); if the service or a worker
that nobody killed ended, or an incident was logged; or if memory grew. Interrupted (Ctrl-C), it ends all that it
started and prints what it has until then.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean, quantiles
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import faulty_proxy  # noqa: E402
import soak_requests  # noqa: E402
from served import smaps  # noqa: E402
from soak_requests import STORED, Client, Numbers, Tally, World  # noqa: E402

from tests.support.authentication import api_key, auth_file  # noqa: E402
from tests.support.service import Service, serving, until  # noqa: E402
from tests.support.stores import load  # noqa: E402
from tests.support.upstreams import upstreams_file  # noqa: E402

PATIENCE = 300.0  # seconds for which the machine may be busy with other work
LONGEST_LAG = 30.0  # seconds after a reload until each worker has the new content
SPOILT = 0.15  # of the answers of the upstream
AWAY = 3.0  # seconds
LEAST_FOR_MEMORY = 50_000  # requests: fewer say nothing about it
SHOWN = 10  # wrong answers

# Faults to plant, as Python that the first process runs before it serves.
PLANTS = {
    "mixed": """
# Every hundredth $translate has the answer to the one before.
from dataclasses import replace
from itertools import count
from terminology.wire.operation_table import OPERATIONS
row, numbers, answers = OPERATIONS["ConceptMap", "translate"], count(1), [None]
def run(catalogue, request):
    before, answers[0] = answers[0], row.run(catalogue, request)
    return before if before and next(numbers) % 100 == 0 else answers[0]
OPERATIONS["ConceptMap", "translate"] = replace(row, run=run)
""",
    "old": """
# A worker reads no content again.
from terminology.http.reloading import WorkerContent
WorkerContent.look = lambda self: None
""",
    "unseen": """
# What another worker has written is seen a quarter of a second late.
import time
from terminology.opening import ServedContent
look, times = ServedContent.catalogue, {}
def catalogue(self):
    if time.monotonic() - times.get(id(self), 0) < 0.25:
        return self._catalogue
    times[id(self)] = time.monotonic()
    return look(self)
ServedContent.catalogue = catalogue
""",
    "fault": """
# Every twentieth $subsumes is an incident.
from dataclasses import replace
from itertools import count
from terminology.wire.operation_table import OPERATIONS
row, numbers = OPERATIONS["CodeSystem", "subsumes"], count(1)
def run(catalogue, request):
    if next(numbers) % 20 == 0:
        raise RuntimeError("planted")
    return row.run(catalogue, request)
OPERATIONS["CodeSystem", "subsumes"] = replace(row, run=run)
""",
    "leak": """
# Each $subsumes keeps 200,000 bytes.
from dataclasses import replace
from terminology.wire.operation_table import OPERATIONS
row, kept = OPERATIONS["CodeSystem", "subsumes"], []
def run(catalogue, request):
    kept.append(bytearray(b"x" * 200_000))
    return row.run(catalogue, request)
OPERATIONS["CodeSystem", "subsumes"] = replace(row, run=run)
""",
}


@dataclass(slots=True, frozen=True)
class Bounds:
    """The ends of the soak, and the MB by which the memory of a process may grow in its second half."""

    requests: int
    seconds: float
    grown: float


@dataclass(slots=True)
class Done:
    """What was done to the service, and what went wrong with that."""

    reloads: int = 0
    broken: int = 0
    kills: int = 0
    imports: int = 0
    absences: int = 0
    faults: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Memory:
    """MB (RSS) after each tenth: of the first process, of the worker that nobody kills, and of all processes (PSS)."""

    first: list[float] = field(default_factory=list)
    spared: list[float] = field(default_factory=list)
    all: list[float] = field(default_factory=list)

    def add(self, service: Service, spared: int) -> None:
        pids = [service.process.pid, *service.workers]
        self.first.append(smaps(pids[0])["Rss"] / 1024)
        with suppress(OSError):
            self.spared.append(smaps(spared)["Rss"] / 1024)
        total = 0
        for pid in pids:
            with suppress(OSError):
                total += smaps(pid)["Pss"]
        self.all.append(total / 1024)

    def grown(self) -> dict[str, float]:
        """By how much the last three tenths have more than the three in the middle, in the mean."""
        return {
            name: mean(tenths[7:10]) - mean(tenths[3:6])
            for name, tenths in (("first process", self.first), ("worker", self.spared))
            if len(tenths) >= 10
        }


# -- the service ---------------------------------------------------------------------------------


@dataclass(slots=True)
class Target:
    """The service, and what a soak plays with around it."""

    service: Service
    proxy: faulty_proxy.FaultyProxy
    folder: Path
    keys: list[str]
    spared: int

    @property
    def content(self) -> Path:
        return self.folder / "content"

    @property
    def store(self) -> str:
        return str(self.folder / "store")

    def put(self, number: int) -> None:
        """The content of a number takes the place of that before."""
        _put(self.content, number)

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """A command of ``terminology`` with the data folder of the service."""
        return subprocess.run(
            [sys.executable, "-m", "terminology", *words],
            cwd=HERE.parent,
            env={**os.environ, "TERMINOLOGY_DATA": str(self.folder / "data")},
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )

    def report(self) -> dict[str, Any]:
        """The report of the service on its reloads: see ``terminology/state/services.py``."""
        (report,) = (self.folder / "data" / "services").glob("*.json")
        content: dict[str, Any] = json.loads(report.read_text())
        return content

    @property
    def has_spared(self) -> bool:
        """Does the worker live that nobody kills?"""
        return self.spared in self.service.workers

    def log(self) -> list[str]:
        """The lines of its error log."""
        return (self.folder / "errors.log").read_text().splitlines()

    def incidents(self) -> list[str]:
        """The lines of the log about faults of the service."""
        return [line for line in self.log() if "Traceback" in line or "incident" in line.lower()]


def _put(folder: Path, number: int) -> None:
    new = folder / "shades.new"
    new.write_text(json.dumps(soak_requests.shades(number)))
    new.replace(folder / "shades.json")


@contextmanager
def target(folder: Path, workers: int, clients: int, seed: int, plant: str) -> Iterator[Target]:
    """A service with an upstream behind a proxy, which ends with the block."""
    content = folder / "content"
    content.mkdir()
    _put(content, 1)
    load(str(folder / "store"), *soak_requests.stored_releases(1))
    far = folder / "far.json"
    far.write_text(json.dumps(soak_requests.far_content()))
    users = [api_key(f"user-{number}", "system/*.cruds") for number in range(clients)]
    with ExitStack() as open_:
        upstream = open_.enter_context(serving("--content", str(far)))
        proxy = open_.enter_context(faulty_proxy.proxying(upstream.port, SPOILT, seed))
        row = {
            "name": "far",
            "base": f"http://127.0.0.1:{proxy.server_port}/fhir/r4",
            "canonicals": ["http://example.org/far*", "http://example.org/vs/far*"],
            "fhirVersion": "4.0.1",
        }
        options = ["--workers", str(workers), "--content", str(content), "--store", str(folder / "store")]
        options += ["--writes", "--auth", str(auth_file(folder, keys=[entry for _, entry in users]))]
        options += ["--upstreams", str(upstreams_file(folder, row, cacheSeconds=1, staleSeconds=0))]
        options += ["--data", str(folder / "data"), "--access-log", str(folder / "access.log")]
        log = open_.enter_context((folder / "errors.log").open("w"))
        service = open_.enter_context(serving(*options, program=plant, stderr=log))
        until(lambda: [*map(_has_started, service.workers)] == [True] * workers, PATIENCE)
        yield Target(service, proxy, folder, [key for key, _ in users], service.workers[0])


# -- what is done to it --------------------------------------------------------------------------


class Disturbance:
    """What happens to the service while clients ask: each in a thread, again and again until the end."""

    def __init__(self, target: Target, world: World, workers: int, seed: int) -> None:
        self._target, self._world, self._workers = target, world, workers
        self._chance = random.Random(seed)
        self._is_over = threading.Event()
        self.done = Done()

    @contextmanager
    def going_on(self) -> Iterator[None]:
        plays = (
            (self._reload, 1.0, 2.5),
            (self._kill, 2.5, 5.0),
            (self._import, 4.0, 20.0),
            (self._be_away, 40.0, 90.0),
        )
        threads = [threading.Thread(target=self._repeat, args=play) for play in plays]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._is_over.set()
            for thread in threads:
                thread.join()

    def _repeat(self, play: Callable[[], None], first: float, period: float) -> None:
        """Every so many seconds, at random, and for the first time after so many."""
        pause = first
        while not self._is_over.wait(pause):
            pause = self._chance.uniform(0.5, 1.5) * period
            try:
                play()
            except Exception as problem:
                self.done.faults.append(f"{play.__name__}: {type(problem).__name__}: {problem}")
                return

    def _reload(self) -> None:
        """New content; each second time by the command, else by SIGHUP. Now and then a broken file comes after it."""
        numbers, target = self._world.content, self._target
        number = numbers.last + 1
        numbers.begin(number)
        target.put(number)
        if number % 2:
            said = target.command("reload")
            if said.returncode:
                raise RuntimeError(said.stderr)
        else:
            before = target.report()["reloads"]
            os.kill(target.service.process.pid, signal.SIGHUP)
            until(lambda: target.report()["reloads"] > before, PATIENCE)
            if problem := target.report().get("problem"):
                raise RuntimeError(problem)
        self.done.reloads += 1
        if (
            number % 3 == 0
        ):  # a worker that has not read the new content yet waits until the broken file is gone
            broken = target.content / "broken.json"
            broken.write_text('{"resourceType": "CodeSystem", ')
            said = target.command("reload")
            broken.unlink()
            if said.returncode != 1 or str(broken) not in said.stderr:
                raise RuntimeError(f"a broken file is not named: {said}")
            self.done.broken += 1
        numbers.end_before(number)

    def _kill(self) -> None:
        """``kill -9`` of a worker, which another replaces; the spared one is left, so that its memory shows."""
        service = self._target.service
        before = service.workers
        victim = self._chance.choice([worker for worker in before if worker != self._target.spared])
        self._world.tally.kills.append(time.monotonic())
        os.kill(victim, signal.SIGKILL)
        self._world.tally.kills.append(time.monotonic())
        self.done.kills += 1
        until(lambda: victim not in service.workers, PATIENCE)
        # Workers that die before they have started end the service.
        until(lambda: [*map(_has_started, service.workers)] == [True] * self._workers, PATIENCE)

    def _import(self) -> None:
        """A release takes the place of that before."""
        number = self._world.imported[STORED].last + 1
        for numbers in self._world.imported.values():
            numbers.begin(number)
        load(self._target.store, *soak_requests.stored_releases(number))
        for numbers in self._world.imported.values():
            numbers.end_before(number)
        self.done.imports += 1

    def _be_away(self) -> None:
        self._target.proxy.is_away.set()
        self._is_over.wait(AWAY)
        self._target.proxy.is_away.clear()
        self.done.absences += 1


def _has_started(worker: int) -> bool:
    """Has a worker a thread that answers?"""
    with suppress(OSError):
        return any("tokio" in name.read_text() for name in Path(f"/proc/{worker}/task").glob("*/comm"))
    return False


# -- the soak ------------------------------------------------------------------------------------


def soak(target: Target, bounds: Bounds, workers: int, seed: int) -> tuple[World, Done, Memory, float]:
    """Ask until a bound is met, or somebody interrupts it. Returns what happened, and for how many seconds."""
    is_over, tally, memory = threading.Event(), Tally(), Memory()
    world = World(
        port=target.service.port,
        tally=tally,
        content=Numbers(LONGEST_LAG),
        imported={STORED: Numbers(), "map": Numbers()},
        written=[{"alone": Numbers(), "together": Numbers()} for _ in target.keys],
        keys=target.keys,
        is_over=is_over.is_set,
    )
    for numbers in (world.content, *world.imported.values()):
        numbers.begin(1)
    for written in world.written:
        for numbers in written.values():
            numbers.begin(0)
    clients = [Client(world, index, seed) for index in range(len(target.keys))]
    threads = [threading.Thread(target=client.run) for client in clients]
    disturbance = Disturbance(target, world, workers, seed)
    began = time.monotonic()
    with suppress(KeyboardInterrupt), disturbance.going_on():
        for thread in threads:
            thread.start()
        try:
            _watch(target, world, bounds, memory, disturbance.done, began)
        finally:
            is_over.set()
            for thread in threads:
                thread.join()
    return world, disturbance.done, memory, time.monotonic() - began


def _watch(target: Target, world: World, bounds: Bounds, memory: Memory, done: Done, began: float) -> None:
    """Until the end, print a line for each tenth."""
    share = 0.0
    while share < 1 and target.service.process.poll() is None and not done.faults:
        time.sleep(0.1)
        seconds, tally = time.monotonic() - began, world.tally
        share = max(tally.requests / bounds.requests, seconds / bounds.seconds)
        if len(tally.wrong) > 1_000:
            return
        while share * 10 >= len(memory.all) + 1 and len(memory.all) < 10:
            memory.add(target.service, target.spared)
            line = f"{len(memory.all)}/10: {tally.requests:,} requests in {seconds:,.0f} s"
            line += f", {memory.all[-1]:.0f} MB, {len(tally.wrong)} wrong, {tally.lost} lost by a kill"
            print(line, flush=True)


def judge(target: Target, world: World, done: Done, memory: Memory, bounds: Bounds) -> list[str]:
    """All that went wrong."""
    faults = [*done.faults, *target.incidents()[:SHOWN]]
    if world.tally.wrong:
        faults.append(f"{len(world.tally.wrong):,} answers were wrong")
    if target.service.process.poll() is not None:
        faults += ["the service ended, and said", *target.log()[-3:]]
    else:
        if not target.has_spared:
            faults.append("a worker ended that nobody had killed")
        target.service.process.terminate()
        status, _ = target.service.ended()
        if status:
            faults.append(f"told to end, the service ended with {status}")
    if world.tally.requests >= LEAST_FOR_MEMORY:
        grown = memory.grown().items()
        faults += [f"the memory of the {name} grew by {mb:.0f} MB" for name, mb in grown if mb > bounds.grown]
    return faults


def table(target: Target, world: World, done: Done, memory: Memory, seconds: float) -> str:
    tally = world.tally
    times = sorted(tally.seconds) or [0.0]
    percentiles = quantiles(times, n=100) if len(times) > 1 else times * 99
    statuses = ", ".join(f"{count:,} × {status}" for status, count in sorted(tally.statuses.items()))
    rows: list[tuple[str, Any]] = [
        ("requests", f"{tally.requests:,} of {len(tally.kinds)} kinds in {seconds:,.0f} s"),
        ("statuses", statuses),
        ("wrong answers", len(tally.wrong)),
        ("lost by a kill, and asked again", tally.lost),
        *((f"passing: {text}", f"{count:,}") for text, count in sorted(tally.transients.items())),
        ("half of all within", f"{percentiles[49] * 1000:.1f} ms"),
        ("99 of 100 within", f"{percentiles[98] * 1000:.1f} ms"),
        ("slowest", f"{tally.slowest[0]:.2f} s ({tally.slowest[1]})"),
        ("reloads", f"{done.reloads}, and {done.broken} with a broken file"),
        ("old content last seen after a reload", f"{world.content.lag:.2f} s"),
        ("writes", sum(numbers.last for written in world.written for numbers in written.values())),
        ("kills of workers", done.kills),
        ("imports", done.imports),
        (
            "answers of the upstream",
            ", ".join(f"{n:,} {name or 'well'}" for name, n in sorted(target.proxy.faults.items())),
        ),
        ("absences of the upstream", done.absences),
        ("MB of all processes after each tenth", " ".join(f"{mb:.0f}" for mb in memory.all)),
        ("MB of the worker that nobody kills", " ".join(f"{mb:.0f}" for mb in memory.spared)),
        ("MB of the first process", " ".join(f"{mb:.0f}" for mb in memory.first)),
        *((f"growth of the {name}", f"{mb:+.1f} MB") for name, mb in memory.grown().items()),
    ]
    return "\n".join(["| | |", "| --- | --- |", *(f"| {name} | {value} |" for name, value in rows)])


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--requests", type=int, default=200_000, help="how many")
    parser.add_argument("--seconds", type=float, default=7_200, help="how long at most")
    parser.add_argument("--clients", type=int, default=8, help="how many ask at a time")
    parser.add_argument("--workers", type=int, default=3, help="processes of the service, at least two")
    parser.add_argument(
        "--grown", type=float, default=25, help="MB by which the memory of a process may grow"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--plant", choices=PLANTS, help="a fault that must be found")
    options = parser.parse_args()
    if min(options.requests, options.seconds, options.clients) <= 0 or options.workers < 2:
        parser.error("--requests, --seconds and --clients are positive, and --workers is at least 2")
    bounds = Bounds(options.requests, options.seconds, options.grown)
    with tempfile.TemporaryDirectory() as folder:
        plant = PLANTS.get(options.plant, "")
        try:
            with target(Path(folder), options.workers, options.clients, options.seed, plant) as played:
                world, done, memory, seconds = soak(played, bounds, options.workers, options.seed)
                print("\n" + table(played, world, done, memory, seconds) + "\n", flush=True)
                faults = judge(played, world, done, memory, bounds)
        except KeyboardInterrupt:
            print("interrupted before it began")
            return 130
    print("\n".join([f"{len(faults)} faults", *faults, *world.tally.wrong[:SHOWN]]))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
