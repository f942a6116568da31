"""The speed of the store: ``python benchmarks/store.py [--concepts 400000] [--store FOLDER or URL]``

Import against the bare ``executemany`` of the same rows, and the questions of the reading side, in one
process. Figures are of this machine; only the ratios mean something on another.
"""

from __future__ import annotations

import argparse
import random
import resource
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson

from terminology.core.model import Filter
from terminology.opening import ServedContent
from terminology.settings import Settings
from terminology.store import store_at
from terminology.store.loading import StoreWriter
from terminology.systems.protocol import CodeSystem, Selection
from tests.support import synthetic
from tests.support.importing import importer_of_rows
from tests.support.reporters import CollectingReporter


def bare(count: int, folder: str) -> float:
    """Seconds for the same rows in three plain tables, as fast as SQLite takes them.

    The time to make the rows is not counted.
    """
    path = Path(folder, "bare.sqlite")
    path.unlink(missing_ok=True)
    connection = sqlite3.connect(path, isolation_level=None)
    connection.executescript(
        "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN;"
        "CREATE TABLE concept (id INTEGER PRIMARY KEY, code TEXT UNIQUE, display TEXT, inactive INTEGER);"
        "CREATE TABLE designation (concept INTEGER, language TEXT, use TEXT, value TEXT);"
        "CREATE TABLE property (concept INTEGER, code TEXT, type TEXT, value TEXT);"
        "CREATE INDEX d ON designation (concept); CREATE INDEX p ON property (concept);"
    )
    spent = 0.0
    rows = synthetic.concepts(count)
    number = 0
    while chunk := [row for _, row in zip(range(5_000), rows, strict=False)]:
        concepts, designations, properties = [], [], []
        for row in chunk:
            concepts.append((number, row.code, row.display, row.inactive))
            use = "900000000000013009"
            designations += [(number, d[1], use, d[0]) for d in row.designations]
            properties += [(number, p[0], p[1], str(p[2])) for p in row.properties]
            properties += [(number, "parent", "code", parent) for parent in row.parents]
            number += 1
        began = time.perf_counter()
        connection.executemany("INSERT INTO concept VALUES (?, ?, ?, ?)", concepts)
        connection.executemany("INSERT INTO designation VALUES (?, ?, ?, ?)", designations)
        connection.executemany("INSERT INTO property VALUES (?, ?, ?, ?)", properties)
        spent += time.perf_counter() - began
    began = time.perf_counter()
    connection.execute("COMMIT")
    connection.close()
    return spent + time.perf_counter() - began


def making(count: int) -> float:
    began = time.perf_counter()
    for _ in synthetic.concepts(count):
        pass
    return time.perf_counter() - began


def load(place: str, count: int) -> dict[str, float]:
    importer = importer_of_rows((synthetic.release(), synthetic.concepts(count)), kind="synthetic")
    writer = StoreWriter(store_at(place))
    began = time.perf_counter()
    (outcome,) = writer.load(importer, [], CollectingReporter())
    spent = time.perf_counter() - began
    writer.close()
    both = resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN
    peak = sum(resource.getrusage(who).ru_maxrss for who in both)
    return {"seconds": spent, "bytes": outcome.artifact.bytes, "peak": peak * 1024}


def resident() -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0.0


def timed(name: str, ask: Callable[[int], object], times: int = 5_000) -> None:
    for number in range(200):
        ask(number)
    spent = []
    for number in range(times):
        began = time.perf_counter_ns()
        ask(number)
        spent.append((time.perf_counter_ns() - began) / 1000)
    spent.sort()
    print(f"{name:44} {statistics.median(spent):9.1f} {spent[int(times * 0.99)]:9.1f}")


def read(place: str, count: int) -> None:
    began, before = time.perf_counter(), resident()
    serving = ServedContent(Settings(environment={}, bundled=False, store=place))
    system = serving.catalogue().system(synthetic.URL)
    print(f"opened in {(time.perf_counter() - began) * 1000:.1f} ms")
    below: Any = system.select([Filter("concept", "is-a", synthetic.code(1))])
    print(f"{len(below):,} concepts below {synthetic.code(1)}")
    print(f"{'':44} {'p50 us':>9} {'p99 us':>9}")
    _time_concepts(system, count, below)
    _time_selections(system)
    print(f"resident: {resident():.0f} MB, {resident() - before:.0f} more than before")


def _time_concepts(system: CodeSystem, count: int, below: Selection) -> None:
    """Questions about single codes, and about pages of codes."""
    chance = random.Random(3)
    codes = [synthetic.code(chance.randrange(count)) for _ in range(20_000)]

    def is_a(n: int) -> Selection:
        return system.select([Filter("concept", "is-a", _inner(n))])

    timed("locate", lambda n: system.locate(codes[n]))
    timed("locate and describe ($lookup)", lambda n: (system.locate(codes[n]), system.describe([codes[n]])))
    timed("describe 100", lambda n: system.describe(codes[n * 100 : n * 100 + 100]), 190)
    timed("subsumes", lambda n: system.subsumes(_inner(n), codes[n]))
    timed("code in is-a of many", lambda n: codes[n] in below)
    timed("select is-a, then code in it", lambda n: codes[n] in is_a(n))


def _time_selections(system: CodeSystem) -> None:
    """Filters and texts, each with its number of concepts and a page of them."""
    words = synthetic.vocabulary()[:2_000]

    def page(selection: Any) -> object:
        """``selection`` is a ConceptSet, as every one of the store is."""
        return len(selection), selection[:20]

    def by_filter(property_: str, op: str, value: str) -> object:
        return page(system.select([Filter(property_, op, value)]))

    def by_text(n: int) -> object:
        return page(system.select(text=f"{words[n % 2000][:3]} {words[n * 7 % 2000][:4]}"))

    timed("select is-a, count, page of 20", lambda n: by_filter("concept", "is-a", _inner(n)))
    timed("select kind = x, count, page of 20", lambda n: by_filter("kind", "=", f"kind-{n % 40}"))
    timed("text of 1 word, count, page of 20", lambda n: page(system.select(text=words[n % 2000][:3])))
    timed("text of 2 words, count, page of 20", by_text)
    timed("iterate 10,000", lambda n: [c for c, _ in zip(system.select(), range(10_000), strict=False)], 20)


def _inner(n: int) -> str:
    """One of the concepts that have many descendants."""
    return synthetic.code(n % 399 + 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--concepts", type=int, default=400_000)
    parser.add_argument("--store")
    parser.add_argument("--step", choices=["bare", "load", "read"])
    arguments = parser.parse_args()
    if arguments.step == "read":
        read(arguments.store, arguments.concepts)
    elif arguments.step == "load":
        print(orjson.dumps(load(arguments.store, arguments.concepts)).decode())
    elif arguments.step == "bare":
        print(
            orjson.dumps(
                {"bare": bare(arguments.concepts, arguments.store), "making": making(arguments.concepts)}
            ).decode()
        )
    else:
        with tempfile.TemporaryDirectory() as folder:
            everything(arguments.store or folder, folder, arguments.concepts)


def everything(place: str, folder: str, count: int) -> None:
    """Each step in a process of its own, so that memory is what that step takes."""

    def step(name: str, where: str) -> str:
        command = [sys.executable, __file__, "--step", name, "--store", where, "--concepts", str(count)]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    plain = orjson.loads(step("bare", folder))
    loaded = orjson.loads(step("load", place))
    own = loaded["seconds"] - plain["making"]
    print(f"{count:,} concepts")
    print(f"bare executemany: {plain['bare']:.1f} s, {count / plain['bare']:,.0f} concepts a second")
    print(f"import: {own:.1f} s, {count / own:,.0f} concepts a second: {plain['bare'] / own:.2f} of bare")
    print(f"artifact: {loaded['bytes'] / 1e6:.0f} MB, {loaded['bytes'] / count:.0f} bytes a concept")
    times = loaded["peak"] / loaded["bytes"]
    print(f"peak memory of the import: {loaded['peak'] / 1e6:.0f} MB, {times:.1f} x artifact")
    print(step("read", place))


if __name__ == "__main__":
    main()
