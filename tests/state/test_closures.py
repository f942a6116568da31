"""Closure tables are bounded, and lose nothing to threads and processes."""

from __future__ import annotations

import multiprocessing
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terminology import TerminologyError
from terminology.core.model import Coding
from terminology.operations.closure import ClosureRequest, closure
from terminology.state import State
from terminology.state.closures import ClosureBounds, Closures
from terminology.state.database import Database
from tests.support.builders import code_system, tree
from tests.support.engine import catalogue_of

ANIMALS = "http://example.org/animals"
CATALOGUE = catalogue_of(
    [code_system(ANIMALS, tree("animal", tree("mammal", tree("cat"), tree("dog")), tree("bird")))]
)


def bounded(**bounds: Any) -> Closures:
    return Closures(Database(), bounds=ClosureBounds(**bounds))


def add(tables: Closures, name: str, *codes: str) -> set[tuple[str | None, str | None]]:
    request = ClosureRequest(name, [Coding(ANIMALS, code) for code in codes])
    entries = closure(CATALOGUE, tables, request).entries
    return {(entry.source.code, entry.target.code) for entry in entries}


def begin(tables: Closures, name: str) -> None:
    closure(CATALOGUE, tables, ClosureRequest(name))


BOUNDS = [
    ("concepts", {"concepts": 2}, "A closure table may have at most 2 concepts"),
    ("entries", {"entries": 2}, "A closure table may have at most 2 entries"),
    ("bytes", {"concept_bytes": 30}, "has 32 bytes; at most 30 are allowed in a closure table"),
]


@pytest.mark.parametrize("title,bounds,says", BOUNDS, ids=[row[0] for row in BOUNDS])
def test_a_refusal_says_the_bound(title: Any, bounds: Any, says: Any) -> None:
    tables = bounded(**bounds)
    begin(tables, "first")
    if "concept_bytes" not in bounds:
        add(tables, "first", "cat", "animal")
    with pytest.raises(TerminologyError) as refused:
        add(tables, "first", "mammal")
    assert says in refused.value.issues[0].text
    assert refused.value.issues[0].code == "too-costly"
    assert pairs_of(tables, "first") <= {("cat", "animal")}, "a refused request adds nothing"


def pairs_of(tables: Closures, name: str) -> set[tuple[str | None, str | None]]:
    return {(entry.source.code, entry.target.code) for entry in tables.since(name, -1)}


def test_the_pairs_of_one_request_are_bounded(monkeypatch: Any) -> None:
    monkeypatch.setattr("terminology.operations.closure.MOST_PAIRS", 3)
    tables = bounded()
    begin(tables, "mine")
    add(tables, "mine", "cat", "dog", "bird")
    with pytest.raises(
        TerminologyError, match="at most 3 pairs are allowed in one request. Send fewer concepts"
    ):
        add(tables, "mine", "animal", "mammal")


def test_many_threads_lose_nothing() -> None:
    codes = [f"c{n}" for n in range(40)]
    catalogue = catalogue_of([code_system(ANIMALS, tree("root", *(tree(code) for code in codes)))])
    tables = State().closures
    begin(tables, "mine")

    def work(part: list[str]) -> None:
        for code in part:
            closure(catalogue, tables, ClosureRequest("mine", [Coding(ANIMALS, code)]))

    parts = [["root"], *(codes[n::4] for n in range(4))]
    threads = [threading.Thread(target=work, args=(part,)) for part in parts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert pairs_of(tables, "mine") == {(code, "root") for code in codes}
    table = tables.table("mine")
    assert table is not None and table.version == 41


def add_in_process(folder: Path, codes: list[str]) -> None:
    catalogue = catalogue_of([code_system(ANIMALS, tree("root", *(tree(f"c{n}") for n in range(40))))])
    tables = State(folder).closures
    for code in codes:
        closure(catalogue, tables, ClosureRequest("mine", [Coding(ANIMALS, code)]))


@pytest.mark.parametrize("method", ["spawn", "fork"])
def test_many_processes_lose_nothing(tmp_path: Any, method: Any) -> None:
    """Also when they open the file at the same time, and when it was open before they were forked."""
    state = State(tmp_path)
    if method == "fork":
        begin(state.closures, "mine")
    else:
        begin(State(tmp_path).closures, "mine")
    codes = [f"c{n}" for n in range(40)]
    context = multiprocessing.get_context(method)
    parts = [["root"], *(codes[n::3] for n in range(3))]
    processes = [context.Process(target=add_in_process, args=(tmp_path, part)) for part in parts]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0] * 4
    assert pairs_of(state.closures, "mine") == {(code, "root") for code in codes}


# -- law -----------------------------------------------------------------------------------------


@given(st.permutations(["animal", "mammal", "cat", "dog", "bird"]), st.integers(1, 5))
def test_the_table_is_the_same_in_whatever_order_it_was_built(order: Any, size: Any) -> None:
    tables = State().closures
    begin(tables, "mine")
    said = [add(tables, "mine", *order[n : n + size]) for n in range(0, 5, size)]
    assert sum(map(len, said)) == len(set().union(*said)), "nothing is said twice"
    assert set().union(*said) == pairs_of(tables, "mine")
    assert set().union(*said) == {
        ("mammal", "animal"),
        ("bird", "animal"),
        ("cat", "mammal"),
        ("cat", "animal"),
        ("dog", "mammal"),
        ("dog", "animal"),
    }
