"""What a compilation holds in memory does not grow with the code system, and the result does not depend on it."""

from __future__ import annotations

import errno
import tracemalloc
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terminology.content.importers.buckets import Buckets
from terminology.store.compile import indexing, postings, scratch
from terminology.store.compile.compiler import compile_code_system
from terminology.store.compile.places import PlaceTable
from terminology.store.compile.runs import BLOCK, Runs
from terminology.store.compile.scratch import ScratchFile
from terminology.store.loading import DiscardingSink
from terminology.store.release import CodeSystemRelease, ConceptRow, PropertyDeclaration
from terminology.store.sqlite import SqliteSink
from terminology.store.temporary import temporary_file, temporary_files_in
from tests.support.reporters import CollectingReporter, StrictReporter

RELEASE = CodeSystemRelease("test", "http://example.org/pets", "1", language="en", case_sensitive=None)
# What stays in memory of a concept, in bytes: where it is in the file and in the order, and the place of its code.
OF_CONCEPT = 80


def pets(count: int, long: int = 1) -> Iterator[ConceptRow]:
    """Pets in a hierarchy, children first, with words in two languages and properties that refer to others."""
    for number in reversed(range(count)):
        yield ConceptRow(
            f"Pet{number}",
            f"the pet {number} {'x' * long}",
            parents=[f"pet{number // 7}"] if number else [],
            designations=[(f"das Haustier {number % 91}", "de", None, None)],
            properties=[("friend", "code", f"PET{(number * 31) % count}"), ("age", "integer", number % 19)],
        )


def artifact(folder: Path, name: str) -> bytes:
    sink = SqliteSink(folder / name)
    properties = [PropertyDeclaration("friend", "code"), PropertyDeclaration("age", "integer")]
    release = CodeSystemRelease(
        "test", RELEASE.url, "1", language="en", case_sensitive=None, properties=properties
    )
    compile_code_system(release, pets(1_500), sink, StrictReporter())
    sink.finish()
    return (folder / name).read_bytes()


def test_an_artifact_is_the_same_however_little_stays_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    all_at_hand = artifact(tmp_path, "all")
    monkeypatch.setattr(indexing, "LOOK", 10)
    for limit in (0, 50_000):
        monkeypatch.setattr(postings, "LIMIT", limit)
        assert artifact(tmp_path, f"at most {limit}") == all_at_hand
    monkeypatch.setattr(indexing, "LARGE", 1_000)
    assert artifact(tmp_path, "of two processes") == all_at_hand


def test_of_a_concept_only_some_numbers_stay_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postings, "LIMIT", 100_000)
    monkeypatch.setattr(scratch, "AT_HAND", 100)
    monkeypatch.setattr("terminology.store.compile.compiler.AT_HAND", 100)

    def peak(count: int) -> int:
        rows = (ConceptRow(row.code, row.display, parents=row.parents) for row in pets(count, long=2_000))
        tracemalloc.start()
        compile_code_system(RELEASE, rows, DiscardingSink(), StrictReporter())
        highest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return highest

    peak(10)
    small, large = peak(9_000), peak(18_000)
    assert large - small < OF_CONCEPT * 9_000 + 500_000


# -- labels --------------------------------------------------------------------------------------


def test_a_label_is_what_was_written_whatever_its_length() -> None:
    rows = [
        ConceptRow("a"),
        ConceptRow("b", ""),
        ConceptRow("c", "é" * 1_000),
        ConceptRow("d" * 1_000, "\ud800"),
    ]
    with temporary_file() as file, temporary_file() as parents:
        made = ScratchFile(RELEASE, file, parents, StrictReporter())
        for row in rows:
            made.add(row)
        assert [made.label(place) for place in range(4)] == [(row.code, row.display) for row in rows]
        assert [row[:2] for row in made.read(range(4))] == [(row.code, row.display) for row in rows]


def test_a_code_in_another_case_means_the_first_one_of_the_release() -> None:
    reporter = CollectingReporter()
    with temporary_file() as file, temporary_file() as parents:
        made = ScratchFile(RELEASE, file, parents, reporter)
        for place, code in ((3, "Rye"), (1, "RYE"), (2, "oat"), (4, "oat")):
            made.add(ConceptRow(code, place=place))
        assert [made.place_of(code) for code in ("rye", "Rye", "OAT", "wheat")] == [1, 0, 2, None]
    assert [problem.text for problem in reporter.problems] == [
        "the code 'oat' comes again; the first one stays"
    ]


class _SameHash(str):
    """A text whose hash says nothing."""

    def __hash__(self) -> int:
        return 7


@pytest.mark.parametrize("kind", [str, _SameHash])
@given(keys=st.lists(st.text("abc", max_size=4)))
def test_a_key_has_the_place_at_which_it_first_came(kind: type[str], keys: list[str]) -> None:
    first: dict[str, int] = {}
    table = PlaceTable(lambda place: keys[place])
    for place, key in enumerate(keys):
        known = first.setdefault(key, place)
        assert table.add(kind(key), place) == (None if known == place else known)
    assert all(table.find(kind(key)) == place for key, place in first.items())
    assert table.find(kind("abcabc")) is None


def test_a_table_of_places_grows() -> None:
    table = PlaceTable(str)
    assert {table.add(str(place), place) for place in range(10_000)} == {None}
    assert [table.find(str(place)) for place in (0, 9_999, 10_000)] == [0, 9_999, None]


# -- sorting on the disk -------------------------------------------------------------------------


@given(st.lists(st.sets(st.integers(0, 3 * BLOCK)), max_size=5), st.integers(0, 4))
def test_runs_are_merged_in_order(made: list[set[int]], large: int) -> None:
    runs = [{f"{term:05}": number for term in terms} for number, terms in enumerate(made)]
    if large < len(runs):  # several blocks
        runs[large] = {f"{term:05}": large for term in range(0, 6 * BLOCK, large + 1)}
    *before, last = runs or [{}]
    with temporary_file() as file:
        on_disk = Runs(file)
        for run in before:
            on_disk.add(run)
        lists = list(on_disk.merged(last))
    merged = [pair for pairs in lists for pair in pairs]
    assert merged == sorted(pair for run in runs for pair in run.items())
    ends = [(pairs[0][0], pairs[-1][0]) for pairs in lists]
    assert all(before[1] < after[0] for before, after in zip(ends, ends[1:], strict=False))


@given(
    st.lists(st.tuples(st.integers(0, 39), st.binary().map(lambda line: line.replace(b"\n", b"")))),
    st.sampled_from((0, 50, 1_000_000)),
)
def test_lines_come_back_by_range_however_few_are_in_memory(
    lines: Sequence[tuple[int, bytes]], limit: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("terminology.content.importers.buckets.LIMIT", limit)
        patch.setattr("terminology.content.importers.buckets.RANGE", 4)
        with Buckets(range(0, 40, 2)) as buckets:
            for key, line in lines:
                buckets.put(key, b"%d %b" % (key, line))
                assert buckets.size <= limit
            ranges = list(buckets)
    assert [line for some in ranges for line in some] == [
        b"%d %b" % pair for bound in range(0, 40, 8) for pair in lines if bound <= pair[0] < bound + 8
    ]


def test_ranges_are_cut_by_a_sample_of_many_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("terminology.content.importers.buckets._SAMPLE", 64)
    monkeypatch.setattr("terminology.content.importers.buckets.RANGE", 100)
    with Buckets(array("Q", range(10_000))) as buckets:
        for key in range(10_000):
            buckets.put(key, b"")
        sizes = [len(lines) for lines in buckets]
    assert sum(sizes) == 10_000 and max(sizes) <= 300


# -- the temporary files -------------------------------------------------------------------------


def test_temporary_files_are_in_the_folder_and_leave_nothing(tmp_path: Path) -> None:
    with temporary_files_in(tmp_path), temporary_file() as file:
        file.write(b"row")
        file.flush()
        assert Path(f"/proc/self/fd/{file.fileno()}").readlink().parent == tmp_path
        assert not list(tmp_path.iterdir()), "it has no name"


def test_a_full_disk_in_the_second_process_is_a_full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    program = f"import sys; sys.exit({errno.ENOSPC})"
    monkeypatch.setattr(indexing, "_PROGRAM", program)
    monkeypatch.setattr(indexing, "LARGE", 10)
    with pytest.raises(OSError, match="No space left on device") as full:
        compile_code_system(RELEASE, pets(20), DiscardingSink(), StrictReporter())
    assert full.value.errno == errno.ENOSPC


def test_an_error_of_the_second_process_is_one_of_the_import(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing, "temporary_folder", lambda: tmp_path / "nowhere")
    monkeypatch.setattr(indexing, "LARGE", 10)
    with pytest.raises(FileNotFoundError, match="No such file or directory"):
        compile_code_system(RELEASE, pets(20), DiscardingSink(), StrictReporter())
