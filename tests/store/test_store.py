"""The store: imported releases give the same answers as resources, in SQLite and in PostgreSQL alike."""

from __future__ import annotations

import gc
import os
import re
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests
from click.testing import CliRunner

from terminology import Settings, Terminology, TerminologyError, create_app
from terminology.catalogue.content import Content
from terminology.catalogue.overlay import Overlay
from terminology.catalogue.protocol import Catalogue
from terminology.cli import commands as cli
from terminology.cli.progress import show
from terminology.core.errors import NotLoadedError, SettingError, StoreBusyError, UnrecognisedReleaseError
from terminology.core.model import Document, Filter
from terminology.opening import ServedContent
from terminology.store import store_at
from terminology.store.backend import PublishedArtifact
from terminology.store.damage import Damage
from terminology.store.loading import StoreWriter
from terminology.store.release import (
    CodeSystemRelease,
    ConceptRow,
    Importer,
    MapRow,
    SourceFile,
)
from terminology.store.schema import TABLES
from terminology.store.sql import STATEMENTS, ArtifactTables
from terminology.systems.document import DocumentCodeSystem
from terminology.systems.indexed import IndexedCodeSystem
from tests.support.birds import (
    ATTRIBUTE,
    BIRDS,
    FISH,
    LONG,
    MAP_URL,
    MAPPINGS,
    URL,
    USE,
    document_of,
    map_document,
    map_release,
    release,
)
from tests.support.builders import body_of, tx_resource
from tests.support.reporters import CollectingReporter
from tests.support.stores import ENGINES, empty, file, load, serving

# -- releases ------------------------------------------------------------------------------------


def tables_of(place: str, number: int) -> ArtifactTables:
    named = PublishedArtifact(number, "CodeSystem", URL, None)
    return store_at(place).open(named, Damage(named.name))


def stored(place: str, url: str = URL, version: str | None = None) -> IndexedCodeSystem:
    found = serving(place).catalogue().system(url, version)
    assert isinstance(found, IndexedCodeSystem)
    return found


def look_at_each_request(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not only once a second, and however long the database takes."""
    monkeypatch.setattr("terminology.store.postgres.INTERVAL", 0.0)
    monkeypatch.setattr("terminology.store.postgres.WAIT", 10.0)


# -- the same answers as from a resource -----------------------------------------------------------

HIERARCHY = ("is-a", "is-not-a", "descendent-of", "child-of", "descendent-leaf", "generalizes")
FILTERS = [
    *(("concept", op, code) for op in HIERARCHY for code in ("animal", "bird", "owl", "rock")),
    *(("code", *rest) for rest in (("=", "owl"), ("in", "owl,rock,nothing"), ("not-in", "owl, rock"))),
    *(("code", "regex", value) for value in ("b.*", "(owl|rock)", "barn-?owl")),
    ("code", "exists", "true"),
    ("display", "=", "Barn owl"),
    ("display", "regex", ".* (owl|mouse)"),
    ("display", "exists", "false"),
    ("definition", "exists", "true"),
    ("definition", "regex", "Sees.*"),
    ("legs", "=", "2"),
    ("legs", "in", "2,4"),
    ("legs", "not-in", "4"),
    ("legs", "regex", "[0-3]"),
    ("legs", "exists", "true"),
    ("legs", "exists", "false"),
    ("song", "=", "hoo"),
    ("song", "=", LONG),
    ("song", "regex", "a song.*"),
    ("song", "regex", "h.+"),
    ("http://example.org/song", "=", "x"),
    ("eats", "=", "mouse"),
    ("weight", "=", "1.50"),
    ("kept", "=", "true"),
    ("kept", "=", "false"),
    ("unused", "=", "x"),
    ("unused", "exists", "false"),
    ("unused", "regex", ".*"),
    ("status", "=", "retired"),
    ("notSelectable", "=", "true"),
    ("notSelectable", "exists", "false"),
    ("parent", "=", "bird"),
    ("parent", "in", "night,owl"),
    ("parent", "regex", "b.*"),
    ("parent", "exists", "true"),
    ("child", "=", "owl"),
    ("child", "not-in", "owl"),
    ("child", "exists", "false"),
]


@pytest.fixture(params=ENGINES, scope="module")
def pair(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[DocumentCodeSystem, IndexedCodeSystem]:
    """The birds as a resource and in a store."""
    place = empty(request.param, request, tmp_path_factory.mktemp("birds"))
    load(place, (release(), BIRDS))
    return DocumentCodeSystem(document_of(release(), BIRDS)), stored(place)


def test_a_concept_is_located_and_described_as_from_a_resource(
    pair: tuple[DocumentCodeSystem, IndexedCodeSystem],
) -> None:
    document, kept = pair
    for row in BIRDS:
        assert kept.locate(row.code) == document.locate(row.code)
        assert kept.describe([row.code]) == document.describe([row.code])
    codes = [row.code for row in BIRDS]
    assert kept.describe([*codes, "nothing"]) == document.describe([*codes, "nothing"])
    assert kept.locate("nothing") is None
    assert kept.locate("Owl") is None


@pytest.mark.parametrize("given", FILTERS, ids=lambda given: " ".join(given)[:50])
def test_a_filter_finds_the_rows_that_pass_its_test(
    pair: tuple[DocumentCodeSystem, IndexedCodeSystem], given: tuple[str, str, str]
) -> None:
    """A filter finds the codes of the rows that pass its test, one by one."""
    document, kept = pair
    expected = {row.code for row in BIRDS if passes(row, *given)}
    selection = kept.select([Filter(*given)])
    assert {concept.code for concept in selection} == expected
    assert len(selection) == len(expected)
    assert {row.code for row in BIRDS if row.code in selection} == expected
    assert "nothing" not in selection
    if given[0] not in ("parent", "child"):
        assert {concept.code for concept in document.select([Filter(*given)])} == expected


@pytest.mark.parametrize(
    "given", [("concept", "is-a", "nothing"), ("code", "exists", "maybe"), ("code", "regex", "(")]
)
def test_a_filter_that_cannot_be_used_is_refused_in_the_same_words(
    pair: tuple[DocumentCodeSystem, IndexedCodeSystem], given: tuple[str, str, str]
) -> None:
    said = []
    for system in pair:
        with pytest.raises(TerminologyError) as caught:
            list(system.select([Filter(*given)]))
        said.append(caught.value.issues)
    assert said[0] == said[1]


def passes(row: ConceptRow, property_: str, op: str, value: str) -> bool:
    """Whether a row passes a filter, computed in the simplest way."""
    above, other = ancestors(row.code), ancestors(value)
    hierarchy = {
        "is-a": lambda: value in {row.code, *above},
        "is-not-a": lambda: value not in {row.code, *above},
        "descendent-of": lambda: value in above,
        "child-of": lambda: value in row.parents,
        "descendent-leaf": lambda: value in above and not children(row.code),
        "generalizes": lambda: row.code in {value, *other},
    }
    if op in hierarchy:
        return hierarchy[op]() and (value in CODES or op != "generalizes")
    values = stated(row, property_)
    wanted = [item.strip() for item in value.split(",")]
    return {
        "=": lambda: value in values,
        "in": lambda: any(item in values for item in wanted),
        "not-in": lambda: not any(item in values for item in wanted),
        "regex": lambda: any(re.fullmatch(value, item) for item in values),
        "exists": lambda: bool(values) is (value == "true"),
    }[op]()


CODES = {row.code: row for row in BIRDS}


def ancestors(code: str) -> set[str]:
    parents = CODES[code].parents if code in CODES else ()
    return {*parents, *(above for parent in parents for above in ancestors(parent))}


def children(code: str) -> list[str]:
    return [row.code for row in BIRDS if code in row.parents]


def stated(row: ConceptRow, property_: str) -> list[str]:
    own = {
        "code": [row.code],
        "display": [row.display] if row.display else [],
        "definition": [row.definition] if row.definition else [],
        "parent": list(row.parents),
        "child": children(row.code),
    }
    if property_ in own:
        return [value for value in own[property_] if value is not None]
    code = property_.rpartition("/")[2]
    return [str(v).lower() if isinstance(v, bool) else str(v) for c, _, v in row.properties if c == code]


def test_what_a_concept_is_can_be_filtered_by_where_no_property_states_it(place: str) -> None:
    rows = [ConceptRow("a", abstract=True), ConceptRow("b", inactive=True, status="retired"), ConceptRow("c")]
    load(place, (release(), rows))
    kept = stored(place)
    for property_, value, code in (
        ("notSelectable", "true", "a"),
        ("inactive", "true", "b"),
        ("status", "retired", "b"),
    ):
        assert [c.code for c in kept.select([Filter(property_, "=", value)])] == [code]
    assert kept.describe(["a"])["a"].properties == []


def test_filters_are_combined_with_each_other_and_with_a_text(
    pair: tuple[DocumentCodeSystem, IndexedCodeSystem],
) -> None:
    _, kept = pair
    filters = [Filter("concept", "is-a", "bird"), Filter("song", "exists", "true")]
    assert [c.code for c in kept.select(filters)] == ["owl", "barn-owl"]
    assert [c.code for c in kept.select(filters, "barn")] == ["barn-owl"]


@pytest.mark.parametrize("op", ["is-a", "has", "<"])
def test_a_filter_that_is_not_known_is_refused(
    pair: tuple[DocumentCodeSystem, IndexedCodeSystem], op: str
) -> None:
    _, kept = pair
    with pytest.raises(TerminologyError):
        kept.select([Filter("song", op, "x")])
    with pytest.raises(TerminologyError):
        kept.select([Filter("plumage", "=", "x")])
    with pytest.raises(TerminologyError):
        kept.select([Filter("song", "=", "")])


def test_subsumption_is_that_of_the_parents(pair: tuple[DocumentCodeSystem, IndexedCodeSystem]) -> None:
    document, kept = pair
    for one in CODES:
        for other in CODES:
            expected = one == other or one in ancestors(other)
            assert kept.subsumes(one, other) is expected is document.subsumes(one, other)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("owl", {"owl", "barn-owl"}),
        ("OWL ba", {"barn-owl"}),
        ("eul", {"owl"}),
        ("cafe kauz", {"owl"}),
        ("Café-Kauz", {"owl"}),
        # Definitions are not looked at: the owl "sees at night".
        ("night", {"night"}),
        ("o", {"owl", "barn-owl"}),
        ("ouse", set()),
        ("zebra", set()),
        ("m", {"mouse"}),
        ("\x00", set()),
        ("\ud800", set()),
    ],
)
def test_every_word_typed_begins_a_word_of_what_is_said(
    pair: tuple[DocumentCodeSystem, IndexedCodeSystem], text: str, found: set[str]
) -> None:
    _, kept = pair
    assert {c.code for c in kept.select(text=text)} == found


def test_concepts_come_in_preorder_and_pages_joined_are_the_whole(
    pair: tuple[DocumentCodeSystem, IndexedCodeSystem],
) -> None:
    _, kept = pair
    everything = kept.select()
    codes = [c.code for c in everything]
    assert codes == ["animal", "bird", "owl", "barn-owl", "dodo", "night", "mouse", "rock"]
    assert len(everything) == len(codes)
    assert [c.code for start in range(0, 9, 3) for c in everything[start : start + 3]] == codes
    chosen = kept.select([Filter("concept", "is-a", "animal")])
    assert [c.code for start in range(0, 9, 2) for c in chosen[start : start + 2]] == codes[:-1]
    assert [c.code for c in chosen.without(inactive=True, abstract=True)] == [
        "bird", "owl", "barn-owl", "night", "mouse",
    ]  # fmt: skip


def test_everything_is_implied_by_the_code_system_itself(place: str) -> None:
    load(place, (release(value_set="http://example.org/vs"), BIRDS))
    catalogue = serving(place).catalogue()
    for canonical in ("http://example.org/vs", f"{URL}?fhir_vs"):
        include = catalogue.value_set(canonical)["compose"]["include"]
        assert include == [{"system": URL}]
        include = catalogue.value_set(canonical, "1.0")["compose"]["include"]
        assert include == [{"system": URL, "version": "1.0"}]


# -- odd releases --------------------------------------------------------------------------------


def test_a_circle_in_the_hierarchy_does_no_harm(place: str) -> None:
    rows = [ConceptRow("a", parents=["c"]), ConceptRow("b", parents=["a"]), ConceptRow("c", parents=["b"])]
    rows += [ConceptRow("d", parents=["b"]), ConceptRow("self", parents=["self"])]
    load(place, (release(), rows))
    kept, document = stored(place), DocumentCodeSystem(document_of(release(), rows))
    for op in ("is-a", "descendent-of", "descendent-leaf", "generalizes", "is-not-a"):
        for code in "abcd":
            given = [Filter("concept", op, code)]
            assert {c.code for c in kept.select(given)} == {c.code for c in document.select(given)}, (
                op,
                code,
            )
    assert kept.subsumes("a", "c") and kept.subsumes("c", "a") and not kept.subsumes("d", "a")


def test_case_does_not_count_where_the_code_system_says_so(place: str) -> None:
    rows = [ConceptRow("Ab", "One"), ConceptRow("cD", "Two", parents=["AB"])]
    load(place, (release(case_sensitive=False), rows))
    kept = stored(place)
    located = kept.locate("aB")
    assert located is not None and located.code == "Ab"
    assert kept.subsumes("AB", "CD")
    assert [c.code for c in kept.select([Filter("concept", "is-a", "ab")])] == ["Ab", "cD"]
    assert "AB" in kept.select([Filter("concept", "is-a", "ab")])
    assert list(kept.describe(["CD"])) == ["CD"]


def test_a_code_that_comes_twice_and_a_missing_parent_are_reported(place: str) -> None:
    reporter = CollectingReporter()
    rows = [ConceptRow("a", "first"), ConceptRow("a", "second"), ConceptRow("b", parents=["nobody"])]
    (outcome,) = load(place, (release(), rows), reporter=reporter)
    assert [problem.text for problem in reporter.problems] == [
        "the code 'a' comes again; the first one stays",
        "the parent 'nobody' of 'b' is not there",
    ]
    assert (outcome.artifact.rows, outcome.artifact.problems) == (2, 2)
    located = stored(place).locate("a")
    assert located is not None and located.display == "first"


def test_an_empty_release_is_a_code_system_without_concepts(place: str) -> None:
    load(place, (release(), []))
    kept = stored(place)
    assert list(kept.select()) == [] and len(kept.select([Filter("code", "=", "a")])) == 0


@pytest.mark.parametrize("code", ["\x00", "a\x00", "\ud800", "", "'", "%", "\U0010ffff"])
def test_no_code_is_too_odd_to_be_asked_for(place: str, code: str) -> None:
    load(place, (release(), BIRDS))
    kept = stored(place)
    assert kept.locate(code) is None
    assert kept.describe([code, "owl"]).keys() == {"owl"}
    assert code not in kept.select() and not kept.subsumes(code, "owl")
    for op in ("=", "in", "not-in"):
        if code:
            kept.select([Filter("code", op, code)])
            kept.select([Filter("song", op, code)])
    if code:
        with pytest.raises(TerminologyError, match="has no code"):
            kept.select([Filter("code", "is-a", code)])


def many(count: int) -> Iterator[ConceptRow]:
    """A hierarchy in which concepts have several parents, made by rule."""
    for number in range(count):
        parents = {number // 7, number // 11} if number else set()
        yield ConceptRow(
            f"C{number}",
            f"concept {number} of word{number % 37} and {'abcdefgh'[number % 8]}{number % 101}",
            inactive=number % 10 == 3,
            parents=[f"C{parent}" for parent in sorted(parents)],
            designations=[(f"Begriff {number}", "de", USE, None)],
            properties=[("legs", "integer", number % 5), ("song", "string", f"song {number}")],
        )


def test_a_larger_release_answers_as_a_plain_look_at_its_rows(place: str) -> None:
    rows = list(many(3_000))
    load(place, (release(), rows))
    kept = stored(place)
    parents = {row.code: row.parents for row in rows}
    above: dict[str, set[str]] = {}
    for row in rows:
        above[row.code] = {row.code}.union(*(above[parent] for parent in parents[row.code]))
    for code in ("C0", "C1", "C5", "C70", "C2999"):
        expected = {other for other, found in above.items() if code in found}
        selection = kept.select([Filter("concept", "is-a", code)])
        assert {c.code for c in selection} == expected and len(selection) == len(expected)
        assert {c.code for c in kept.select([Filter("concept", "generalizes", code)])} == above[code]
    for text in ("w", "word1", "word3 a", "concept 29", "begriff 1", "h", "word36 of c"):
        words = text.split()
        expected = {row.code for row in rows if _finds(words, row)}
        assert {c.code for c in kept.select(text=text)} == expected, text
    assert {c.code for c in kept.select([Filter("legs", "=", "3")])} == {f"C{n}" for n in range(3, 3_000, 5)}
    active = kept.select([Filter("legs", "=", "3")]).without(inactive=True)
    assert len(active) == sum(1 for row in rows if not row.inactive and row.properties[0][2] == 3)


def _finds(words: list[str], row: ConceptRow) -> bool:
    said = f"{row.code} {row.display} {row.designations[0][0]}".lower().split()
    return all(any(other.startswith(word) for other in said) for word in words)


def test_a_second_process_makes_the_same_index(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [*many(500), *BIRDS]
    made = []
    for large in (0, 1_000_000):
        monkeypatch.setattr("terminology.store.compile.indexing.LARGE", large)
        (outcome,) = load(place, (release(f"{large}"), rows))
        tables = tables_of(place, outcome.artifact.id)
        fields = range(20)
        made.append([tables.select("terms", field, "", "\U0010ffff") for field in fields])
        assert stored(place, version=f"{large}").artifact.header.long == ["song"]
    assert made[0] == made[1] and len(made[0][0]) > 500


def test_the_tables_are_the_same_byte_for_byte_in_both_databases(both: list[str]) -> None:
    for place in both:
        load(place, (release(), many(1_500)), (map_release(), MAPPINGS))
    for number in (1, 2):
        one, other = (tables_of(place, number) for place in both)
        assert len(one.select("range", 0, 2_000)) == (1_500 if number == 1 else 0)
        for question, values in {
            "range": (0, 2_000), "mappings": (0, 100), "keys": ("", "\U0010ffff"),
            "parents": (list(range(1_500)),), "children of": (list(range(1_500)),),
            "header": ("header",), "terms": (0, "", "\U0010ffff"), "concepts by key": (["C1", "C2"],),
        }.items():  # fmt: skip
            assert sorted(one.select(question, *values)) == sorted(other.select(question, *values)), question
        assert one.select("header", "dictionary") == other.select("header", "dictionary")
    assert set(STATEMENTS) and TABLES


# -- maps ------------------------------------------------------------------------------------------


QUESTIONS_OF_MAPS: tuple[Document, ...] = (
    {"sourceCode": "owl"},
    {"sourceCode": "owl", "targetSystem": FISH},
    {"sourceCode": "owl", "dependency": {"attribute": ATTRIBUTE, "value": "winter"}},
    {"sourceCode": "owl", "dependency": {"attribute": "season", "value": "summer"}},
    {"sourceCode": "owl", "dependency": {"attribute": "unknown", "value": "summer"}},
    {"sourceCode": "barn-owl"},
    {"sourceCode": "rock"},
    {"sourceCode": "duck"},
    {"sourceCode": "nothing", "targetSystem": FISH},
    {"sourceCode": "a1", "targetSystem": FISH},
    {"sourceCode": "00A1", "targetSystem": FISH},
    {"sourceCode": "cod", "targetSystem": FISH},
    {"targetCode": "eel"},
    {"targetCode": "f7"},
    {"targetCode": "owl"},
    {"sourceCode": "\x00", "targetSystem": FISH},
)


@pytest.mark.parametrize("asked", QUESTIONS_OF_MAPS, ids=str)
@pytest.mark.parametrize("names_map", [True, False])
def test_a_map_translates_as_from_a_resource(place: str, asked: Document, names_map: bool) -> None:
    load(place, (map_release(), MAPPINGS))
    ways = (serving(place).catalogue(), Content([map_document()]))
    asked = dict(asked)
    asked["system" if "sourceCode" in asked else "targetSystem"] = URL if "sourceCode" in asked else FISH
    if names_map:
        asked["url"] = MAP_URL
    one, other = (_answer(catalogue, asked) for catalogue in ways)
    assert one == other


def test_an_attribute_that_only_rows_of_other_codes_name_is_known(place: str) -> None:
    """An attribute that only the rows of other codes name is known, as it is in a map from a resource."""
    rows = [
        MapRow("owl", "eel", "equivalent", depends_on=[("http://example.org/moon", "code", "full")]),
        MapRow("rock", "cod", "equivalent", depends_on=[("season", "code", "winter")]),
        MapRow("duck", "cod", "equivalent"),
    ]
    load(place, (map_release(), rows))
    # A resource declares its attributes: a code for each uri.
    moon = MapRow("owl", "eel", "equivalent", depends_on=[("moon", "code", "full")])
    document = map_document([moon, *rows[1:]])
    document["additionalAttribute"] = [
        *document["additionalAttribute"],
        {"code": "moon", "uri": "http://example.org/moon", "type": "code"},
    ]
    ways = (serving(place).catalogue(), Content([document]))
    for attribute, is_known in (("http://example.org/moon", True), ("http://example.org/sun", False)):
        for code in ("owl", "rock", "duck", "nothing"):
            asked: Document = {"sourceCode": code, "system": URL, "targetSystem": FISH, "url": MAP_URL}
            asked["dependency"] = {"attribute": attribute, "value": "full"}
            one, other = (_answer(catalogue, asked) for catalogue in ways)
            assert one == other
            assert ("has the attribute" in str(one)) is not is_known


def test_the_same_target_with_other_products_is_another_match(place: str) -> None:
    load(place, (map_release(), MAPPINGS))
    answer = _answer(serving(place).catalogue(), {"sourceCode": "duck", "system": URL, "targetSystem": FISH})
    assert sum(part["name"] == "match" for part in answer["parameter"]) == 2


def _answer(catalogue: Catalogue, asked: Document) -> Any:
    try:
        return Terminology(catalogue=catalogue).ask("ConceptMap/$translate", **asked)
    except TerminologyError as error:
        return error.issues


# -- coming and going --------------------------------------------------------------------------------


def test_importing_the_same_files_twice_is_a_no_op(place: str) -> None:
    (first,) = load(place, (release(files=[file()]), BIRDS))
    (second,) = load(place, (release(files=[file()]), ()))
    assert first.is_new and not second.is_new and second.artifact.id == first.artifact.id
    (third,) = load(place, (release(files=[file(digest="11")]), BIRDS[:1]))
    assert third.is_new
    assert len(stored(place).select()) == 1


def test_versions_stand_side_by_side_and_the_latest_is_the_default(place: str) -> None:
    """Several versions stand side by side, and the latest answers if none is asked for."""
    for version, count in (("1.9", 2), ("1.10", 3)):
        load(place, (release(version), BIRDS[:count]))
    catalogue = serving(place).catalogue()
    assert catalogue.known_versions("CodeSystem", URL) == ["1.9", "1.10"]
    assert stored(place).about.version == "1.10"
    assert len(stored(place, version="1.9").select()) == 2


def test_a_retired_version_is_not_served_until_it_comes_back(place: str) -> None:
    load(place, (release("1", files=[file()]), BIRDS), (release("2"), BIRDS))
    writer = StoreWriter(store_at(place))
    writer.retire(f"{URL}|2")
    assert serving(place).catalogue().known_versions("CodeSystem", URL) == ["1"]
    assert [(held.version, held.status) for held in writer.status()] == [("1", "active"), ("2", "retired")]
    writer.retire(f"{URL}|2", undo=True)
    assert serving(place).catalogue().known_versions("CodeSystem", URL) == ["1", "2"]
    writer.retire(f"{URL}|1")
    writer.close()
    (again,) = load(place, (release("1", files=[file()]), ()))
    assert not again.is_new
    assert serving(place).catalogue().known_versions("CodeSystem", URL) == ["1", "2"]


def test_a_removed_version_is_gone_and_its_room_is_free(place: str) -> None:
    load(place, (release("1"), BIRDS))
    load(place, (release("2"), BIRDS))
    writer = StoreWriter(store_at(place))
    with pytest.raises(NotLoadedError, match="nothing active or retired"):
        writer.remove(f"{URL}|3")
    writer.remove(f"{URL}|1")
    assert [held.version for held in writer.status()] == ["2"]
    assert store_at(place).artifacts() == {1, 2}, "requests that began before may still read it"
    writer.remove(f"{URL}|2", now=True)
    writer.close()
    assert store_at(place).artifacts() == set()
    assert serving(place).catalogue().find_system(URL) is None


def test_the_status_says_what_from_where_when_how_many_and_on_which_terms(place: str) -> None:
    load(place, (release(title="Birds", licence="free", files=[file(digest="ab" * 32)]), BIRDS))
    writer = StoreWriter(store_at(place))
    (loaded,) = writer.status()
    writer.close()
    assert (loaded.title, loaded.licence, loaded.rows, loaded.status) == ("Birds", "free", 8, "active")
    assert loaded.files == [SourceFile("birds.txt", "ab" * 32, 1)]
    assert loaded.loaded.endswith("+00:00") and loaded.bytes > 0


def test_a_dry_run_reads_everything_and_writes_nothing(place: str) -> None:
    reporter = CollectingReporter()
    (outcome,) = load(place, (release(), [*BIRDS, BIRDS[0]]), reporter=reporter, dry_run=True)
    assert (outcome.artifact.rows, outcome.artifact.problems, len(reporter.problems)) == (8, 1, 1)
    assert store_at(place).artifacts() == set()
    assert serving(place).catalogue().find_system(URL) is None


def test_files_that_are_not_recognised_are_refused_with_what_was_expected(place: str) -> None:
    def refuse(paths: Any) -> list[Any]:
        raise UnrecognisedReleaseError("x.txt:3: expected birds")

    importer = Importer("test", "", "birds", refuse)
    writer = StoreWriter(store_at(place))
    with pytest.raises(UnrecognisedReleaseError, match="x.txt:3: expected birds"):
        writer.load(importer, [], CollectingReporter())
    writer.close()


def test_an_import_that_fails_leaves_everything_as_it_was(place: str) -> None:
    load(place, (release(), BIRDS))

    def broken() -> Iterator[ConceptRow]:
        yield from BIRDS[:3]
        raise RuntimeError("the disk is gone")

    with pytest.raises(RuntimeError, match="the disk is gone"):
        load(place, (release("0"), BIRDS), (release("2"), broken()))
    assert serving(place).catalogue().known_versions("CodeSystem", URL) == ["1.0"]
    assert store_at(place).artifacts() == {1}


def test_only_one_import_runs_at_a_time(place: str) -> None:
    def meanwhile() -> Iterator[ConceptRow]:
        with pytest.raises(StoreBusyError):
            load(place, (release("2"), BIRDS))
        yield from BIRDS

    load(place, (release("1"), meanwhile()))
    assert serving(place).catalogue().known_versions("CodeSystem", URL) == ["1"]


def test_a_writer_that_has_ended_keeps_out_no_other(place: str) -> None:
    load(place, (release("1"), BIRDS))
    store = store_at(place)
    for _ in range(100):
        with store.lock():
            pass


KILLED = """
    import os, signal, sys
    sys.path[:0] = {path!r}
    from tests.support.birds import release
    from tests.support.stores import load
    from terminology.store.release import ConceptRow

    def rows():
        for number in range(30_000):
            yield ConceptRow(f"new{{number}}", "a concept")
        if {when!r} == "reading":
            os.kill(os.getpid(), signal.SIGKILL)

    from terminology.store import sqlite, postgres
    for sink in (sqlite.SqliteSink, postgres.PostgresSink):
        written = sink.write
        def write(self, table, rows, written=written):
            written(self, table, rows)
            if {when!r} == table:
                os.kill(os.getpid(), signal.SIGKILL)
        sink.write = write
        finished = sink.finish
        def finish(self, finished=finished):
            finished(self)
            if {when!r} == "finished":
                os.kill(os.getpid(), signal.SIGKILL)
        sink.finish = finish
    load({place!r}, (release("1.0"), rows()))
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no kill -9 here")
@pytest.mark.parametrize("when", ["reading", "concept", "header", "finished"])
def test_kill_minus_9_in_the_middle_of_a_load_leaves_the_old_one(place: str, when: str) -> None:
    load(place, (release("1.0"), BIRDS))
    running = serving(place)
    program = textwrap.dedent(KILLED.format(path=sys.path, place=place, when=when))
    ended = subprocess.run([sys.executable, "-c", program], env=os.environ, capture_output=True, text=True)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    for catalogue in (running.catalogue(), serving(place).catalogue()):
        assert len(catalogue.system(URL).select()) == len(BIRDS)  # type: ignore[arg-type]
    # The next one finds nothing in its way, and clears up.
    load(place, (release("1.0"), BIRDS[:2]))
    assert len(stored(place).select()) == 2
    assert store_at(place).artifacts() == {1, 2}


# -- while it is being asked -------------------------------------------------------------------------


def test_a_running_server_serves_new_content_at_its_next_request(
    place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_at_each_request(monkeypatch)
    running = serving(place)
    assert running.catalogue().find_system(URL) is None
    load(place, (release("1"), BIRDS))
    began = running.catalogue()
    assert len(began.system(URL).select()) == 8  # type: ignore[arg-type]
    assert running.catalogue() is began, "nothing has changed"
    load(place, (release("1"), BIRDS[:3]))
    assert len(running.catalogue().system(URL).select()) == 3  # type: ignore[arg-type]
    assert len(list(began.system(URL).select())) == 8, "a request keeps what it began with"


def test_what_is_bundled_stays_what_it_was_when_content_is_swapped(tmp_path: Path) -> None:
    running = ServedContent(Settings(environment={}, data="", store=str(tmp_path)))
    names = "http://hl7.org/fhir/ValueSet/administrative-gender", "http://hl7.org/fhir/administrative-gender"
    began = {version: running.catalogue().for_fhir(version) for version in ("4.0.1", "5.0.0")}
    held = {version: (seen.value_set(names[0]), seen.system(names[1])) for version, seen in began.items()}
    load(str(tmp_path), (release(), BIRDS), (map_release(), MAPPINGS))
    for version, (value_set, system) in held.items():
        seen = running.catalogue().for_fhir(version)
        assert seen is not began[version]
        assert seen.value_set(names[0]) is value_set and seen.system(names[1]) is system
        assert seen.find_system("http://unitsofmeasure.org") is not None
        assert stored_in(seen).locate("owl") is not None
        assert seen.concept_map(MAP_URL).groups[0].forward.of("barn-owl")


@pytest.mark.parametrize("release_", ["r4", "r5"])
def test_what_is_stored_is_expanded_validated_and_looked_up_over_HTTP(tmp_path: Path, release_: str) -> None:
    client = create_app(settings=Settings(environment={}, data="", store=str(tmp_path))).test_client()
    looked_up = f"/fhir/{release_}/CodeSystem/$lookup?system={URL}&code=owl"
    assert client.get(looked_up).status_code == 404
    load(str(tmp_path), (release(), BIRDS))
    assert client.get(looked_up).status_code == 200
    expanded = client.get(f"/fhir/{release_}/ValueSet/$expand?url={URL}?fhir_vs&filter=owl").get_json()
    assert [c["code"] for c in expanded["expansion"]["contains"]] == ["owl", "barn-owl"]
    validated = f"/fhir/{release_}/ValueSet/$validate-code?url={URL}?fhir_vs&system={URL}&code="
    for code, is_there in (("owl", True), ("pigeon", False)):
        answer = client.get(validated + code).get_json()
        assert {"name": "result", "valueBoolean": is_there} in answer["parameter"]


KINDS_WITH_ROWS = [("CodeSystem", "concept"), ("ConceptMap", "group")]


@pytest.mark.parametrize("release_", ["r4", "r4b", "r5"])
def test_what_is_stored_is_read_with_its_content(place: str, release_: str) -> None:
    load(place, (release(), BIRDS), (map_release(), MAPPINGS))
    client = create_app(Settings(environment={}, data=""), catalogue=serving(place).catalogue).test_client()
    for kind, content in KINDS_WITH_ROWS:
        [found] = client.get(f"/fhir/{release_}/{kind}?version=1.0").get_json()["entry"]
        resource = found["resource"]
        address = f"/fhir/{release_}/{kind}/{resource['id']}"
        read = client.get(address)
        by_version = client.get(f"{address}/_history/{resource['meta']['versionId']}").get_json()
        by_history = client.get(f"{address}/_history").get_json()
        assert read.get_json() == resource == by_version == by_history["entry"][0]["resource"]
        assert resource[content] and "tag" not in resource["meta"] and "Link" not in read.headers
        for part in ("_summary=true", "_elements=url"):
            short = client.get(f"{address}?{part}").get_json()
            assert [tag["code"] for tag in short["meta"]["tag"]] == ["SUBSETTED"]
            assert content not in short and short["meta"]["versionId"] == resource["meta"]["versionId"]
        again = client.get(address, headers={"If-None-Match": read.headers["ETag"]})
        assert again.status_code == 304
    read = client.get(f"/fhir/{release_}/CodeSystem/birds-1.0").get_json()
    assert (read["content"], read["count"]) == ("complete", len(BIRDS))


@pytest.mark.parametrize("release_", ["r4", "r4b", "r5"])
@pytest.mark.parametrize(("kind", "content"), KINDS_WITH_ROWS)
def test_a_large_resource_is_read_page_by_page(place: str, release_: str, kind: str, content: str) -> None:
    """https://hl7.org/fhir/R5/resource.html#tag-subsetted: a consumer must not take a part for the whole."""
    load(place, (release(), BIRDS), (map_release(), MAPPINGS))
    client = create_app(Settings(environment={}, data=""), catalogue=serving(place).catalogue).test_client()
    [found] = client.get(f"/fhir/{release_}/{kind}?version=1.0").get_json()["entry"]
    whole, address = found["resource"], f"/fhir/{release_}/{kind}/{found['resource']['id']}"
    pages = [client.get(f"{address}?_count=2")]
    while "Link" in pages[-1].headers:
        link = pages[-1].headers["Link"]
        assert link.startswith("<http://localhost/") and link.endswith('>; rel="next"')
        pages.append(client.get(link[len("<http://localhost") : -len('>; rel="next"')]))
    rows = {"CodeSystem": len(BIRDS), "ConceptMap": len(MAPPINGS)}[kind]
    assert len(pages) == (rows + 1) // 2 > 1
    codes: list[str] = []
    for number, page in enumerate(pages):
        resource = page.get_json()
        assert [tag["code"] for tag in resource["meta"]["tag"]] == ["SUBSETTED"]
        assert resource["meta"]["versionId"] == whole["meta"]["versionId"]
        assert f" {2 * number + 1} to {min(2 * number + 2, rows)}, of {rows}." in resource["text"]["div"]
        codes += codes_in(resource, kind)
    assert list(dict.fromkeys(codes)) == list(dict.fromkeys(codes_in(whole, kind)))
    beyond = client.get(f"{address}?_offset={rows}").get_json()
    assert content not in beyond and beyond["meta"]["tag"] and "None of the" in beyond["text"]["div"]
    assert client.get(f"{address}?_count=x").status_code == 400


def codes_in(resource: dict[str, Any], kind: str) -> list[str]:
    """The codes of the concepts, or of the sources, in their order."""
    if kind == "ConceptMap":
        return [element["code"] for group in resource["group"] for element in group["element"]]

    def below(nodes: list[dict[str, Any]]) -> list[str]:
        return [code for node in nodes for code in (node["code"], *below(node.get("concept", [])))]

    return below(resource["concept"])


def test_another_content_is_another_version(place: str) -> None:
    """Also where everything but the concepts, or mappings, is the same."""
    versions = set()
    for last in ("one", "other"):
        load(place, (release(), [*BIRDS[:-1], replace(BIRDS[-1], display=last)]))
        load(place, (map_release(), [*MAPPINGS[:-1], replace(MAPPINGS[-1], comment=last)]))
        catalogue = serving(place).catalogue()
        for kind, _ in KINDS_WITH_ROWS:
            header = next(catalogue.headers(kind))
            versions.add(catalogue.whole(header)["meta"]["versionId"])
    assert len(versions) == 4


@pytest.mark.parametrize("server", ["granian", "werkzeug"])
def test_a_running_service_answers_from_what_is_imported_while_it_runs(tmp_path: Path, server: str) -> None:
    load(str(tmp_path), (release("1"), BIRDS[:2]))
    without = "import terminology.http.web_server as s; s.find_spec = lambda name: None\n"
    options = ["serve", "--port", "0", "--store", str(tmp_path)]
    path = f"import sys; sys.path[:0] = {sys.path!r}\n"
    start = f"{path}from terminology.cli import commands; commands.main({options!r})"
    process = subprocess.Popen(
        [sys.executable, "-c", (without if server == "werkzeug" else "") + start],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "TERMINOLOGY_DATA": "", "TERMINOLOGY_WORKERS": "2", "TERMINOLOGY_BUNDLED": "no"},
    )
    try:
        assert process.stdout is not None
        base = next(line for line in process.stdout if line.startswith("Listening on ")).split()[2]
        asked = f"{base}/r4/CodeSystem/$lookup?system={URL}&code="
        assert _status(asked + "bird") == 200 and _status(asked + "owl") == 404
        load(str(tmp_path), (release("1"), BIRDS))
        assert {_status(asked + "owl") for _ in range(20)} == {200}
    finally:
        process.terminate()
        process.communicate()


def _status(url: str) -> int:
    for _ in range(200):
        with suppress(requests.ConnectionError):
            return requests.get(url, timeout=60).status_code
        time.sleep(0.1)
    raise AssertionError("the service does not answer")


def test_a_stored_language_pack_says_a_code_system_in_another_language(place: str) -> None:
    kind = "http://hl7.org/fhir/StructureDefinition/codesystem-supplement-type"
    header = {"supplements": URL, "extension": [{"url": kind, "valueCode": "lang-pack"}]}
    pack = CodeSystemRelease("test", f"{URL}-fr", "1", content="supplement", language="fr", header=header)
    said = [ConceptRow("owl", designations=[("Hibou", "fr", None, None)])]
    load(place, (release(), BIRDS), (pack, said))
    catalogue = serving(place).catalogue()
    plain, document = catalogue.find_system(URL), catalogue.supplement(f"{URL}-fr")
    assert plain is not None
    for system in (
        catalogue.supplemented(plain),
        catalogue.for_fhir("5.0.0").system(URL, supplements=[f"{URL}-fr"]),
        Overlay.of(catalogue, ()).supplemented(plain, [document]),
    ):
        assert [d.value for d in system.describe(["owl"])["owl"].designations].count("Hibou") == 1


def test_an_artifact_of_another_format_is_not_served(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """An artifact in another format is not served, and the status says to import it again."""
    place = str(tmp_path / "store")
    load(place, (release(), BIRDS))
    [artifact] = (tmp_path / "store" / "artifacts").glob("*.sqlite")
    for path, statement in (
        (
            artifact,
            "UPDATE header SET value = replace(value, '\"format\":', '\"format\":9') WHERE name = 'header'",
        ),
        (tmp_path / "store" / "registry.sqlite", "UPDATE artifact SET format = 9"),
    ):
        with closing(sqlite3.connect(path)) as connection, connection:
            assert connection.execute(statement).rowcount == 1
    assert serving(place).catalogue().find_system(URL) is None
    assert f"not served: CodeSystem {URL}|1.0 was compiled in format" in caplog.text
    writer = StoreWriter(store_at(place))
    show([(loaded, None) for loaded in writer.status()], as_json=False)
    writer.close()
    assert "import it again" in capsys.readouterr().out
    load(place, (release(), BIRDS))
    assert stored(place).locate("owl") is not None


def test_what_nobody_reads_any_more_is_closed(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    look_at_each_request(monkeypatch)
    load(place, (release("1"), BIRDS), (map_release(), MAPPINGS))
    running = serving(place)
    gc.disable()
    try:
        catalogue = running.catalogue()
        for seen in (catalogue, catalogue.for_fhir("4.0.1"), Overlay.of(catalogue, ())):
            seen.concept_map(MAP_URL)
            assert seen.find_system(URL) is not None
        old = weakref.ref(stored_in(catalogue).artifact)
        del catalogue, seen
        load(place, (release("1"), BIRDS[:3]))
        running.catalogue()
        assert old() is None
    finally:
        gc.enable()


def test_an_idle_session_holds_open_nothing_that_is_not_served_any_more(
    place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_at_each_request(monkeypatch)
    load(place, (release("1"), BIRDS), (map_release(), MAPPINGS))
    running = serving(place)
    client = create_app(Settings(environment={}, data=""), catalogue=running.catalogue).test_client()
    own: Document = {"resourceType": "CodeSystem", "url": "http://example.org/own", "status": "active"}
    own |= {"content": "complete", "concept": [{"code": "a"}]}
    body = body_of(tx_resource(own))
    started = client.post("/fhir/r5/$cache-control?mode=start&sealed=false", json=body).get_json()
    headers = {"X-Cache-Id": next(p["valueString"] for p in started["parameter"] if p["name"] == "cache-id")}

    def asked(url: str, code: str) -> int:
        path = f"/fhir/r5/CodeSystem/$lookup?system={url}&code={code}"
        return client.get(path, headers=headers).status_code

    assert asked("http://example.org/own", "a") == asked(URL, "owl") == 200
    old = weakref.ref(stored_in(running.catalogue()).artifact)
    load(place, (release("1"), BIRDS[:2]))
    client.get("/fhir/r5/metadata")
    gc.collect()
    assert old() is None
    assert asked("http://example.org/own", "a") == 200
    assert asked(URL, "owl") == 404 and asked(URL, "bird") == 200


@pytest.mark.skipif(
    not Path("/proc/self/fd").is_dir(), reason="open files are counted where Linux lists them"
)
def test_after_many_swaps_no_more_is_open_than_after_one(tmp_path: Path) -> None:
    running = serving(str(tmp_path))
    client = create_app(Settings(environment={}, data=""), catalogue=running.catalogue).test_client()

    def open_files() -> int:
        links = (os.path.realpath(link) for link in Path("/proc/self/fd").iterdir())
        return sum(link.startswith(str(tmp_path / "artifacts")) for link in links)

    def swap_and_ask(number: int) -> None:
        rows = [ConceptRow("a", f"A {number}")]
        load(str(tmp_path), (release("1"), rows), (map_release(), MAPPINGS[:1]))
        for path in (f"CodeSystem/$lookup?system={URL}&code=a", f"ValueSet/$expand?url={URL}?fhir_vs"):
            for spoken in ("r4", "r5"):
                assert f"A {number}" in client.get(f"/fhir/{spoken}/{path}").get_data(as_text=True)

    swap_and_ask(0)
    first = open_files()
    held = []
    for number in range(1, 120):
        swap_and_ask(number)
        held.append(weakref.ref(stored_in(running.catalogue()).artifact))
    assert open_files() <= first
    gc.collect()
    assert [one() is None for one in held] == [True] * (len(held) - 1) + [False]


def test_a_thread_that_has_ended_has_closed_its_connections(place: str) -> None:
    load(place, (release("1"), BIRDS))
    running = serving(place)
    system = running.catalogue().system(URL)
    assert isinstance(system, IndexedCodeSystem)

    def ask(kept: list[Any]) -> None:
        assert system.artifact.concept("owl") is not None
        kept.append(True)

    def connections() -> int:
        gc.collect()
        kinds = (sqlite3.Connection, psycopg.Connection)
        return sum(isinstance(held, kinds) and not _is_closed(held) for held in gc.get_objects())

    before, asked = connections(), list[Any]()
    for _ in range(20):
        asking = threading.Thread(target=ask, args=(asked,))
        asking.start()
        asking.join()
    assert len(asked) == 20
    assert connections() <= before
    running.close()


def _is_closed(connection: Any) -> bool:
    if isinstance(connection, psycopg.Connection):
        return connection.closed
    try:
        connection.execute("SELECT 1")
    except sqlite3.Error:
        return True
    return False


def stored_in(catalogue: Catalogue) -> IndexedCodeSystem:
    found = catalogue.system(URL)
    assert isinstance(found, IndexedCodeSystem)
    return found


THIS_PROCESS = Path("/proc/self/fd")


@pytest.mark.skipif(not THIS_PROCESS.exists(), reason="nothing here says which files are open")
def test_what_a_thread_has_open_is_closed_when_it_ends(place: str) -> None:
    """A server may answer each request in a thread of its own."""
    load(place, (release(), BIRDS))
    catalogue = serving(place).catalogue()
    listed = []

    def ask() -> None:
        listed.append([concept.code for concept in catalogue.system(URL).select()])

    open_files = []
    for _ in range(2):
        for _ in range(60):
            thread = threading.Thread(target=ask)
            thread.start()
            thread.join()
        open_files.append(len(list(THIS_PROCESS.iterdir())))
    assert len(listed[0]) == len(BIRDS) and listed == [listed[0]] * 120
    assert open_files[1] <= open_files[0]  # what a test before left open may be closed meanwhile


def test_no_request_fails_and_none_sees_a_mixture_while_content_is_swapped(
    place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_at_each_request(monkeypatch)

    def numbered(generation: int) -> list[ConceptRow]:
        return [ConceptRow(f"C{n}", f"generation {generation}") for n in range(200)]

    load(place, (release("1"), numbered(0)))
    running = serving(place)
    failures: list[object] = []
    seen: set[str | None] = set()
    ended = threading.Event()

    def ask() -> None:
        while not ended.is_set():
            try:
                system = running.catalogue().system(URL)
                shown = {concept.display for concept in system.select()}
                first = system.locate("C0")
                assert first is not None and shown == {first.display}
                seen.update(shown)
            except Exception as failure:
                failures.append(failure)
                return

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for generation in range(1, 8):
        load(place, (release("1"), numbered(generation)))
    ended.set()
    for thread in threads:
        thread.join()
    assert not failures
    assert len(seen) > 1


def test_readers_read_on_after_a_lost_connection(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    place = empty("postgres", request, tmp_path)
    load(place, (release(), BIRDS))
    kept = stored(place)
    assert kept.locate("owl") is not None
    with psycopg.connect(place, autocommit=True) as connection:
        others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
        connection.execute(others + " AND pid <> pg_backend_pid()")
    assert kept.locate("bird") is not None


# -- the commands ------------------------------------------------------------------------------------


@pytest.fixture
def commands(place: str) -> Callable[..., Any]:
    def run(*arguments: str) -> Any:
        return CliRunner().invoke(cli.main, [*arguments[:1], "--store", place, *arguments[1:]])

    return run


@pytest.fixture
def titles(tmp_path: Path) -> Path:
    path = tmp_path / "CMS32_DESC_LONG_SG.txt"
    path.write_bytes(b"672  Conization of cervix\r\n6732 Destruct cerv les by cauterization\r\n")
    return path


def test_a_release_is_imported_shown_retired_and_removed_by_commands(
    commands: Callable[..., Any], titles: Path
) -> None:
    done = commands("import", "icd9cm", str(titles))
    assert done.exit_code == 0, done.output
    assert "there already" in commands("import", "icd9cm", str(titles)).output
    shown = commands("status").output
    assert "http://hl7.org/fhir/sid/icd-9-cm" in shown and "public domain" in shown
    assert SourceFile.of(titles).sha256 in shown
    assert SourceFile.of(titles).sha256 in commands("status", "--json").output
    url = "http://hl7.org/fhir/sid/icd-9-cm"
    assert "not served any more" in commands("retire", url).output
    assert "served again" in commands("retire", "--undo", url).output
    assert "removed" in commands("remove", "--now", url).output
    assert "nothing active in the store" in commands("retire", url).output
    assert commands("status").output == "nothing has been imported\n"


def test_a_command_that_cannot_be_done_says_why_in_one_line(
    commands: Callable[..., Any], titles: Path, tmp_path: Path
) -> None:
    assert "there is no importer 'birds'" in commands("import", "birds", str(titles)).output
    assert "there is no store in" in commands("retire", "http://nowhere").output
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("a,b\n")
    refused = commands("import", "icd9cm", str(wrong))
    assert refused.exit_code == 1 and "expected" in refused.output
    broken = tmp_path / "birds.json"
    broken.write_text('{"resourceType": "CodeSystem", "url": "http://x", "concept": [{"code": "a"}, {"co')
    refused = commands("import", "fhir", str(broken))
    assert refused.exit_code == 1 and refused.output.startswith("Error: birds.json")
    assert isinstance(refused.exception, SystemExit)


def test_without_a_place_the_commands_say_how_to_name_one() -> None:
    said = CliRunner().invoke(cli.main, ["status"], env={"TERMINOLOGY_STORE": ""}).output
    assert "TERMINOLOGY_STORE" in said


def test_a_server_does_not_load_what_only_the_commands_need(tmp_path: Path) -> None:
    load(str(tmp_path), (release(), BIRDS))
    program = textwrap.dedent(
        f"""
        import sys
        sys.path[:0] = {sys.path!r}
        from terminology import Settings
        from terminology.opening import ServedContent
        served = ServedContent(Settings(environment={{}}, bundled=False, store={str(tmp_path)!r})).catalogue()
        assert served.system({URL!r}).locate("owl")
        print([name for name in ("sqlalchemy", "psycopg", "terminology.importers") if name in sys.modules])
        """
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_missing_package_is_named_with_the_way_to_get_it(tmp_path: Path) -> None:
    program = textwrap.dedent(
        f"""
        import sys
        sys.path[:0] = {sys.path!r}
        sys.modules["pyroaring"] = None
        from terminology.core.errors import SettingError
        from terminology.opening import open_store
        try:
            open_store({str(tmp_path)!r})
        except SettingError as problem:
            print(problem)
        """
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "pip install '.[store]'" in done.stdout
    assert issubclass(SettingError, ValueError)
