"""The measurements behind the table of ``speed.py``: each gives figures by the name of a row."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from served import HERE, Asked, Load, Server, Slice, ceiling, product, smaps, timed_start
from stage import BATCH, Questions, Stage, document_of, load, sizes

from terminology.store import store_at
from terminology.store.registry import ACTIVE, Registry

TO_CEILING = (
    "lookup",
    "translate",
    "subsumes",
    "validate-code",
    "validate-in-set",
    "expand-text",
    "expand-100",
    "post-lookup",
    "post-translate",
    "post-validate",
    "lookup-xml",
    "post-lookup-xml",
    "not-found",
    "metadata",
    "batch",
)
SAMPLE, PATIENCE = 50, 10.0
STARTS = 5
CLIENTS = 4
# So many requests a second no server here can answer: no request comes twice in a slice.
FASTEST = 20_000

Figures = dict[str, float]


@dataclass(slots=True)
class Plan:
    """How long to measure. ``say`` is told what happens."""

    rounds: int
    seconds: float
    stage: Stage
    scratch: Path
    say: Callable[[str], None]
    details: dict[str, list[dict[str, float]]] = field(default_factory=dict)


class WrongAnswer(RuntimeError):
    """The product gives a wrong answer; its speed is of no interest."""


# -- throughput ----------------------------------------------------------------------------------


def to_ceiling(plan: Plan, names: Sequence[str], store: str = "", suffix: str = "") -> Figures:
    """Throughput and p99 relative to empty views, operation by operation, in turns."""
    questions = Questions(plan.stage)
    results: Figures = {}
    with product(store or plan.stage.store, plan.stage.content) as server:
        lengths = sizes({name: _checked(server, questions, name) for name in names})
        if "expand-text" in names and not questions.texts_are_right(lambda one: _document(server, one)):
            raise WrongAnswer("expand-text: a total is wrong")
        with ceiling(lengths) as empty:
            for name in names:
                pairs = _rounds(plan, server, empty, questions, name)
                results |= _compared(plan, name + suffix, pairs, lengths[name])
            if not suffix:
                results |= _memory(server, empty)
    return results


def _document(server: Server, request: Asked) -> dict[str, Any]:
    return json.loads(server.ask(request)[1])


def _checked(server: Server, questions: Questions, name: str) -> list[bytes]:
    """The bodies of some answers, as many as come in a few seconds. Raises WrongAnswer."""
    bodies, end = [], time.monotonic() + PATIENCE
    for request in questions.requests(name, SAMPLE, -1):
        if bodies and time.monotonic() > end:
            break
        status, body = server.ask(request)
        if status != request.status or not questions.is_right(name, request, document_of(request, body)):
            raise WrongAnswer(f"{name}: {request.path}: {status} {body[:500]!r}")
        bodies.append(body)
    return bodies


def _rounds(
    plan: Plan, server: Server, empty: Server, questions: Questions, name: str
) -> list[tuple[Slice, Slice]]:
    wrk = Load(plan.scratch)
    pairs = []
    for turn in range(-1, plan.rounds):
        seconds = plan.seconds if turn >= 0 else min(1.0, plan.seconds)  # the first one is to warm up
        requests = questions.requests(name, _enough(name, seconds), turn)
        slices = {}
        for one in (empty, server) if turn % 2 else (server, empty):
            path = (lambda a: f"/{name}?{a.path.partition('?')[2]}") if one is empty else (lambda a: a.path)
            slices[one.port] = wrk.on(one, [a.raw(one.host, path(a)) for a in requests], seconds)
        if turn >= 0:
            pairs.append((slices[server.port], slices[empty.port]))
            plan.say(f"{name}: {pairs[-1][0].rate:,.0f} of {pairs[-1][1].rate:,.0f} requests a second")
    return pairs


def _enough(name: str, seconds: float) -> int:
    return 3_000 if name == "batch" else max(20_000, int(FASTEST * seconds))


def _compared(plan: Plan, name: str, pairs: list[tuple[Slice, Slice]], size: int) -> Figures:
    median = statistics.median
    own, empty = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    detail = {
        "bytes": size,
        "rate": median(s.rate for s in own),
        "ceiling": median(s.rate for s in empty),
        "ratio": median(s.rate / e.rate for s, e in pairs),
        "cpu": median(s.cpu for s in own),
        "ceiling_cpu": median(s.cpu for s in empty),
        "p50": median(s.p50 for s in own),
        "p99": median(s.p99 for s in own),
        "p99_ratio": median(s.p99 / e.p99 for s, e in pairs),
        "failed": sum(s.failed for s in own),
    }
    plan.details.setdefault("http", []).append({"operation": name, **detail})
    results = {name: detail["ratio"]}
    if name != "not-found":
        results[f"{name} failed"] = detail["failed"]
    return results | ({"p99": detail["p99_ratio"]} if name == "lookup" else {})


def _memory(server: Server, empty: Server) -> Figures:
    """MB that the worker has of its own more than the empty one, after the load."""
    own, other = server.memory(), empty.memory()
    return {"memory": own["uss"] - other["uss"], "memory (PSS)": own["pss"] - other["pss"]}


def postgres(plan: Plan) -> Figures:
    """``$lookup`` from PostgreSQL. Raises FileNotFoundError where it is not installed."""
    sys.path.insert(0, str(HERE.parent))
    from tests.support.postgres import server as started

    with started() as database:
        plan.say("importing into PostgreSQL")
        load(database.url(), plan.stage.count, maps=False)
        return to_ceiling(plan, ["lookup"], database.url(), " on PostgreSQL")


def batch(plan: Plan) -> Figures:
    """Codes a second in batches, against single calls: posted alike, and by GET."""
    questions = Questions(plan.stage)
    wrk = Load(plan.scratch)
    names = ("batch", "post-validate", "validate-code")
    ratios: list[tuple[float, float]] = []
    with product(plan.stage.store, plan.stage.content) as server:
        for name in names:
            _checked(server, questions, name)
        for turn in range(plan.rounds):
            rates = {}
            for name in names:
                requests = questions.requests(name, _enough(name, plan.seconds), turn)
                rates[name] = wrk.on(server, [a.raw(server.host) for a in requests], plan.seconds).rate
            codes = rates["batch"] * BATCH
            ratios.append((codes / rates["post-validate"], codes / rates["validate-code"]))
            single = f"{rates['post-validate']:,.0f} posted, {rates['validate-code']:,.0f} by GET"
            plan.say(f"batch: {codes:,.0f} codes a second; single: {single}")
    posted, by_get = (statistics.median(results) for results in zip(*ratios, strict=True))
    return {"batch to POST": posted, "batch to GET": by_get}


def xml(plan: Plan) -> Figures:
    """Requests a second in XML, against the same in JSON: by GET and by POST."""
    questions, wrk = Questions(plan.stage), Load(plan.scratch)
    names = ("lookup", "post-lookup")
    ratios: dict[str, list[float]] = {name: [] for name in names}
    with product(plan.stage.store, plan.stage.content) as server:
        for name in names:
            _checked(server, questions, name)
            _checked(server, questions, f"{name}-xml")
        for _ in range(plan.rounds):
            for name in names:
                rates = []
                for form in (name, f"{name}-xml"):
                    requests = questions.requests(form, _enough(form, plan.seconds), len(ratios[name]))
                    rates.append(wrk.on(server, [a.raw(server.host) for a in requests], plan.seconds).rate)
                ratios[name].append(rates[1] / rates[0])
                plan.say(f"{name}: {rates[1]:,.0f} requests a second in XML, {rates[0]:,.0f} in JSON")
    return {f"{name} XML to JSON": statistics.median(ratios[name]) for name in names}


# -- start and swap ------------------------------------------------------------------------------


def start(plan: Plan) -> Figures:
    """Seconds from the start of the process to the first ``$lookup``."""
    first = Questions(plan.stage).requests("lookup", 1, 5)[0].path
    times = [timed_start(lambda: product(plan.stage.store, plan.stage.content, first)) for _ in range(STARTS)]
    return {"start": statistics.median(times)}


@contextmanager
def _swapping(store: str, every: float) -> Iterator[list[int]]:
    """Replace the served content by the same content, again and again: a new artifact each time.

    A second name of the same file is a new artifact to every reader.
    """
    content, numbers, stop = store_at(store), [], threading.Event()
    registry = Registry(content.registry_url)

    def swap() -> None:
        while not stop.wait(every):
            served = [one for one in registry.all() if one.status == ACTIVE]
            number = registry.next_number()
            with registry.changing() as change:
                for place, one in enumerate(served):
                    files = Path(store, "artifacts")
                    os.link(files / f"{one.id}.sqlite", files / f"{number + place}.sqlite")
                    change.add(replace(one, id=number + place))
            content.announce(*registry.published())
            numbers.append(number)

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        yield numbers
    finally:
        stop.set()
        thread.join()
        registry.close()


def swap(plan: Plan) -> Figures:
    """Throughput while all content is swapped every second, against none; requests that failed."""
    copy = plan.scratch / "swapped"
    shutil.copytree(plan.stage.store, copy)
    questions, wrk = Questions(plan.stage), Load(plan.scratch)
    ratios, failed, swaps = [], 0, 0
    seconds = max(plan.seconds, 3.0)
    with product(str(copy), plan.stage.content) as server:
        _checked(server, questions, "lookup")
        for turn in range(plan.rounds):
            raw = [a.raw(server.host) for a in questions.requests("lookup", _enough("", seconds), turn)]
            steady = wrk.on(server, raw, seconds)
            with _swapping(str(copy), 1.0) as numbers:
                moved = wrk.on(server, raw[::-1], seconds)
            ratios.append(moved.rate / steady.rate)
            failed += moved.failed
            swaps += len(numbers)
            plan.say(
                f"swap: {moved.rate:,.0f} of {steady.rate:,.0f} requests a second, {moved.failed} failed"
            )
    shutil.rmtree(copy)
    return {"swap": statistics.median(ratios), "swap failed": failed, "swaps": swaps}


# -- the import ----------------------------------------------------------------------------------


def imports(plan: Plan, rounds: int) -> Figures:
    """Importing against the bare ``executemany`` of the same rows; memory and sizes."""
    results: list[Figures] = []
    for _ in range(rounds):
        bare = _step("bare", plan.scratch, plan.stage.count)[0]
        one = imported(plan)
        seconds = one.pop("seconds") - bare["making"]
        results.append(one | {"import": bare["bare"] / seconds})
        plan.say(f"import: {seconds:.1f} s without making the rows, bare {bare['bare']:.1f} s")
    return {name: statistics.median(one[name] for one in results) for name in results[0]}


def imported(plan: Plan) -> Figures:
    """One import: its seconds, memory and sizes."""
    results, peak = _step("load", plan.scratch / "imported", plan.stage.count)
    shutil.rmtree(plan.scratch / "imported")
    plan.say(f"import: {results['bytes'] / 1e6:.0f} MB, at most {peak / 1e6:.0f} MB of memory")
    return {
        "seconds": results["seconds"],
        "import memory": peak / results["bytes"],
        "bytes a concept": results["bytes"] / plan.stage.count,
    }


def _step(name: str, place: Path, count: int) -> tuple[dict[str, float], float]:
    """The figures of a step of ``store.py`` in a process of its own, and its memory.

    The memory is the most PSS (in bytes) that it and the processes which it started had at once.
    """
    command = [sys.executable, str(HERE / "store.py"), "--step", name]
    command += ["--store", str(place), "--concepts", str(count)]
    environment = {**os.environ, "PYTHONPATH": str(HERE.parent)}
    with tempfile.TemporaryFile() as answer:
        process = subprocess.Popen(command, stdout=answer, env=environment)
        most = 0
        while process.poll() is None:
            most = max(most, _memory_of(process.pid))
            time.sleep(0.05)
        if process.returncode:
            raise RuntimeError(f"store.py --step {name} failed")
        answer.seek(0)
        return json.loads(answer.read()), most * 1024


def _memory_of(pid: int) -> int:
    """KiB of a process and those that it started. A page that several have counts in shares."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return smaps(pid)["Pss"] + sum(_memory_of(int(child)) for child in children)
    except (OSError, KeyError, IndexError):
        return 0  # it has just ended


# -- without wrk ---------------------------------------------------------------------------------


def plain_memory(plan: Plan) -> Figures:
    """Memory as in ``to_ceiling``, after a few requests of each kind from one client."""
    questions = Questions(plan.stage)
    with product(plan.stage.store, plan.stage.content) as server:
        lengths = sizes({name: _checked(server, questions, name) for name in TO_CEILING})
        for name in TO_CEILING:
            server.ask_all(questions.requests(name, 300, 1))
        with ceiling(lengths) as empty:
            empty.ask_all([Asked("/lookup")] * 2_000)
            return _memory(server, empty)


def plain_swap(plan: Plan, seconds: float = 5.0) -> Figures:
    """Requests of several clients that fail while all content is swapped as often as can be."""
    copy = plan.scratch / "swapped"
    shutil.copytree(plan.stage.store, copy)
    questions, statuses = Questions(plan.stage), []

    def client(turn: int) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            statuses.extend(server.ask_all(questions.requests("lookup", 100, turn)))

    with product(str(copy), plan.stage.content) as server, _swapping(str(copy), 0.01) as numbers:
        clients = [threading.Thread(target=client, args=(turn,)) for turn in range(CLIENTS)]
        for one in clients:
            one.start()
        for one in clients:
            one.join()
    failed = sum(status != 200 for status in statuses)
    plan.say(f"swap: {len(statuses)} requests during {len(numbers)} swaps, {failed} failed")
    if len(numbers) < 3 or not statuses:
        raise RuntimeError("too little was swapped or asked to say anything")
    return {"swap failed": failed}
