"""Attacks on a default server, while a second client asks it for codes.

    python benchmarks/attack.py                      # each for 20 seconds: about half an hour
    python benchmarks/attack.py --short              # each for a second: about 90 seconds
    python benchmarks/attack.py --only deep_xml,gzip_bombs --seconds 5
    python benchmarks/attack.py --list               # what they are

It starts its own server on the loopback address, with one worker, four threads and a new data folder, and attacks
nothing else. The second client asks from an address of its own, 127.0.0.2, and from the attacker's, 127.0.0.1. An
attack fails if a request from the own address fails or takes more than a second, if the server is not quiet again soon
afterwards, or if the server keeps much more memory or disk than before. The exit status is 1 if one failed. The service
shares its threads among addresses: how the other one fares, which waits with the attacker, is shown, not judged.

What follows ``--`` are options of ``terminology serve``; ``--plant`` runs Python in the server before it starts. Both
loosen a bound, to see that the attack then fails:

    python benchmarks/attack.py --short --only filters_over_many_codes -- --max-work 1000000000000 --deadline 3600
"""

from __future__ import annotations

import argparse
import http.client
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE)]

import attacker  # noqa: E402
import hostile_connections  # noqa: E402, F401
import hostile_requests  # noqa: E402, F401
import second_client  # noqa: E402
import served  # noqa: E402

SHORT, LONG = 0.6, 20.0
LEAST_OF_HOLDING = 1.6  # seconds of an attack that only holds something back: more than ``SLOWEST``
SLOWEST = 1.0  # seconds
MOST_KEPT = 100.0  # MB of memory, and of disk, that the attacks may leave behind
LONGEST_PREPARATION = 10.0  # seconds that an attack may take to make what it sends
CALM = 20.0  # seconds after which the server must be quiet again
UNTIL_THREADS_END = 45.0  # seconds after which threads that nobody needs have ended
_SPAWN = multiprocessing.get_context("spawn")


@dataclass(slots=True, frozen=True)
class Bounds:
    """The seconds that an answer to the second client may take, and the MB that may be kept afterwards."""

    slowest: float = SLOWEST
    kept: float = MOST_KEPT


@dataclass(slots=True, frozen=True)
class Outcome:
    """A line of the table. Memory and disk in MB.

    ``busy`` is for how many seconds the server worked on; ``said`` how often it answered with which status.
    """

    name: str
    bounds: Bounds
    fared: dict[str, second_client.Fared]
    before: float
    peak: float
    after: float
    disk: float
    busy: float
    is_alive: bool
    said: dict[int, int]

    @property
    def faults(self) -> list[str]:
        faults = []
        fared = self.fared[second_client.OWN]
        if fared.failures:
            faults.append(fared.failures[0])
        elif fared.slowest > self.bounds.slowest:
            faults.append("slow")
        if not self.is_alive:
            faults.append("the server ended")
        elif self.busy >= CALM:
            faults.append("still busy")
        if self.after - self.before > self.bounds.kept:
            faults.append("keeps memory")
        if self.disk > self.bounds.kept:
            faults.append("keeps disk")
        return faults

    def cells(self) -> list[str]:
        cells = [self.name]
        for fared in self.fared.values():
            cells += [str(fared.answers), str(len(fared.failures)), f"{fared.slowest:.2f}"]
        cells += [f"{self.before:.0f}", f"{self.peak:.0f}", f"{self.after:.0f}", f"{self.disk:.1f}"]
        said = ", ".join(f"{times} × {status}" for status, times in sorted(self.said.items()))
        cells += [f"{self.busy:.1f}", said, "FAIL " + ", ".join(self.faults) if self.faults else "ok"]
        return cells


COLUMNS = [
    "attack",
    *(
        f"{what} {address}"
        for address in second_client.ADDRESSES
        for what in ("answers", "failed", "slowest s")
    ),
    *("MB before", "peak", "after", "disk +MB", "busy s", "said", "verdict"),
]


# -- the server ----------------------------------------------------------------------------------


@dataclass(slots=True, frozen=True)
class Target:
    """The server that is attacked."""

    server: served.Server
    data: Path

    @property
    def is_alive(self) -> bool:
        return self.server.process.poll() is None and bool(_processes(self.server))

    def memory(self) -> float:
        """MB (PSS) of all its processes."""
        found = 0
        for pid in _processes(self.server):
            with suppress(OSError, KeyError):
                found += served.smaps(pid)["Pss"]
        return found / 1024

    def memory_kept(self, enough: float, patience: float = 8.0) -> float:
        """The memory when it has given back what it gives back by itself, which takes it seconds.

        granian's allocator does so while it works: somebody has to ask meanwhile.
        """
        end = time.monotonic() + patience
        while (memory := self.memory()) > enough and time.monotonic() < end:
            time.sleep(0.2)
        return memory

    def disk(self) -> float:
        """MB of its data folder."""
        sizes = 0
        for file in self.data.rglob("*"):
            with suppress(OSError):
                sizes += file.stat().st_size
        return sizes / 1e6

    def seconds_until_quiet(self) -> float:
        """How long it still works on something, at most ``CALM`` seconds."""
        began = time.monotonic()
        before, pauses = self._seconds_of_cpu(), 0
        while time.monotonic() - began < CALM:
            time.sleep(0.1)
            now = self._seconds_of_cpu()
            pauses = pauses + 1 if now - before <= 0.03 else 0
            before = now
            if pauses >= 2 and self._answers_at_once():
                break
        return time.monotonic() - began

    def _answers_at_once(self) -> bool:
        """Does it answer a request? It may be idle because something else has the processor."""
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=SLOWEST)
        with closing(connection), suppress(OSError, http.client.HTTPException):
            connection.request("GET", second_client.PATH + "male")
            return connection.getresponse().status == 200
        return False

    def _seconds_of_cpu(self) -> float:
        try:
            return self.server.seconds_of_cpu()
        except OSError:
            return 0.0  # a process has ended; ``is_alive`` says so


def _processes(server: served.Server) -> list[int]:
    try:
        return [server.process.pid, *server.workers]
    except OSError:
        return []


@contextmanager
def target(plant: str, options: Sequence[str]) -> Iterator[Target]:
    """A default server with a new data folder."""
    code = f"{plant}\nfrom terminology.cli.commands import main; main()"
    with tempfile.TemporaryDirectory() as folder:
        port = served.free_port()
        command = [
            "-c",
            code,
            "serve",
            "--port",
            str(port),
            "--workers",
            "1",
            "--threads",
            "4",
            "--data",
            folder,
        ]
        with served.running([*command, *options], port, second_client.PATH + "male") as server:
            yield Target(server, Path(folder))


# -- one attack ----------------------------------------------------------------------------------


def play(name: str, target: Target, seconds: float, bounds: Bounds) -> Outcome:
    """Play one attack, wait until the server is quiet, and say how it went."""
    if name in attacker.HOLDING:
        seconds = max(seconds, LEAST_OF_HOLDING)
    before, disk = target.memory(), target.disk()
    observer, ours = _second_client(target)
    peak = before
    said, saying = _SPAWN.Pipe(duplex=False)
    attacking = _SPAWN.Process(target=_attack, args=(name, target.server.port, seconds, saying), daemon=True)
    attacking.start()
    end = time.monotonic() + seconds + LONGEST_PREPARATION
    while attacking.is_alive() and time.monotonic() < end:
        attacking.join(0.1)
        peak = max(peak, target.memory())
    attacking.kill()
    attacking.join()
    busy = target.seconds_until_quiet()
    after = target.memory_kept(before + bounds.kept)
    ours.send("end")
    fared = _received(ours)
    observer.join(1)
    observer.kill()
    return Outcome(
        name,
        bounds,
        fared,
        before,
        max(peak, after),
        after,
        target.disk() - disk,
        busy,
        target.is_alive,
        said.recv() if said.poll() else {},
    )


def _second_client(target: Target) -> tuple[BaseProcess, Connection]:
    """A client that asks until it is told to end, and then says how it fared."""
    ours, theirs = _SPAWN.Pipe()
    asking = second_client.ask_until_told
    observer = _SPAWN.Process(target=asking, args=(target.server.port, theirs), daemon=True)
    observer.start()
    return observer, ours


def _memory_at_work(target: Target) -> float:
    """The memory while the second client alone asks: before the attacks, and after them."""
    observer, _ = _second_client(target)
    memory = target.memory_kept(0.0)
    observer.kill()
    return memory


def _attack(name: str, port: int, seconds: float, saying: Connection) -> None:
    os.nice(10)  # the second client waits for the server, not for the attacker
    saying.send(attacker.run(name, port, seconds))


def _received(connection: Connection) -> dict[str, second_client.Fared]:
    if connection.poll(second_client.TIMEOUT * 3):
        fared: dict[str, second_client.Fared] = connection.recv()
        return fared
    return {name: second_client.Fared(failures=["no report"]) for name in second_client.ADDRESSES}


# -- all attacks ---------------------------------------------------------------------------------


def play_all(
    names: Sequence[str], seconds: float, bounds: Bounds, plant: str, options: Sequence[str]
) -> tuple[list[Outcome], list[str]]:
    """Play the attacks and print the table. Returns its lines, and the faults.

    A server that an attack has ended, or that does not come to rest, is replaced by a new one.
    """
    outcomes: list[Outcome] = []
    faults: list[str] = []
    print(_row(COLUMNS) + "\n" + _row(["---"] * len(COLUMNS)), flush=True)
    remaining = list(names)
    while remaining:
        with target(plant, options) as current:
            memory_at_first = _memory_at_work(current)
            while remaining:
                outcome = play(remaining.pop(0), current, seconds, bounds)
                print(_row(outcome.cells()), flush=True)
                outcomes.append(outcome)
                faults += [f"{outcome.name}: {fault}" for fault in outcome.faults]
                if not outcome.is_alive or outcome.busy >= CALM:
                    break
            time.sleep(UNTIL_THREADS_END)  # a thread that somebody uses does not end
            kept = _memory_at_work(current) - memory_at_first
            disk = current.disk()
            print(f"\nAt the end: {kept:+.0f} MB of memory, {disk:.1f} MB of disk\n", flush=True)
            if kept > bounds.kept:
                faults.append(f"all together: {kept:.0f} MB more memory than at the start")
            if disk > bounds.kept:
                faults.append(f"all together: {disk:.0f} MB of disk")
    return outcomes, faults


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def page(outcomes: Sequence[Outcome], command: str) -> str:
    """The table of a page: what each attack does, and how the second client fared."""
    lines = [
        f"{date.today()}, {len(served.CORES)} cores: `{command}`",
        "",
        _row(["attack", "slowest, own address", "slowest, same address", "failed", "memory", "disk", ""]),
        _row(["---"] * 7),
    ]
    for outcome in outcomes:
        slowest = [f"{fared.slowest:.2f} s" for fared in outcome.fared.values()]
        failed = sum(len(fared.failures) for fared in outcome.fared.values())
        kept = [f"{outcome.after - outcome.before:+.0f} MB", f"{outcome.disk:+.0f} MB"]
        verdict = "**fails**" if outcome.faults else "ok"
        lines.append(_row([summary(outcome.name), *slowest, str(failed), *kept, verdict]))
    return "\n".join(lines)


def summary(name: str) -> str:
    return (attacker.ATTACKS[name].__doc__ or "").splitlines()[0]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--short", action="store_true", help=f"each attack for {SHORT} seconds")
    parser.add_argument("--seconds", type=float, help="how long each attack lasts")
    parser.add_argument("--slowest", type=float, default=SLOWEST, help="the most seconds of an answer")
    parser.add_argument("--kept", type=float, default=MOST_KEPT, help="the most MB that are kept afterwards")
    parser.add_argument("--only", default="", help="the attacks to play, with commas between them")
    parser.add_argument("--list", action="store_true", help="list the attacks")
    parser.add_argument("--plant", default="", help="Python that the server runs before it starts")
    parser.add_argument("--write", type=Path, help="a page with marks for the table")
    parser.add_argument("options", nargs="*", help="options of 'terminology serve', after --")
    arguments = parser.parse_args()
    attacks = attacker.ATTACKS
    if arguments.list:
        print("\n".join(f"{name}: {summary(name)}" for name in attacks))
        return 0
    names = [name for name in arguments.only.split(",") if name] or list(attacks)
    unknown = [name for name in names if name not in attacks]
    if unknown:
        parser.error(f"there is no attack {', '.join(unknown)}; --list says which there are")
    seconds = arguments.seconds or (SHORT if arguments.short else LONG)
    bounds = Bounds(arguments.slowest, arguments.kept)
    outcomes, faults = play_all(names, seconds, bounds, arguments.plant, arguments.options)
    print("\n".join([f"{len(faults)} faults", *faults]))
    if arguments.write:
        from speed import put

        put(arguments.write, "attacks", page(outcomes, f"python {' '.join(sys.argv)}"))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
