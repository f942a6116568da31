"""Value sets in the store: a ValueSet that is imported answers as the same one loaded as a document."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient

from terminology import Settings, create_app
from terminology.catalogue import stored_value_set
from terminology.content.importers.fhir import FHIR
from terminology.core.documents import Enumeration, Listing
from terminology.core.model import Document
from terminology.opening import catalogue_of
from terminology.store import store_at, value_sets
from terminology.store.artifacts import Artifact
from terminology.store.loading import StoreWriter
from terminology.store.release import CodeSystemRelease, ConceptRow
from terminology.store.reporting import Reporter
from terminology.systems.protocol import CodeSystem
from tests.support.importing import opened, read, refusal
from tests.support.reporters import CollectingReporter, StrictReporter
from tests.support.stores import ENGINES, empty, load, serving

BASE = "http://example.org/"
# A code system that minds case, one that does not, a fragment that does not say, one that is nowhere; the first in
# two versions.
TREES, FISH, PART, NOWHERE = (f"{BASE}CodeSystem/{name}" for name in ("trees", "fish", "part", "nowhere"))
TREE_CODES = [f"{letter}{number}" for letter in ("t", "T", "u") for number in range(12)]
FISH_CODES = [f"Fish-{number}" for number in range(15)]
NO_CODES = ["x1", "fish-99", "T99"]
NUMBER = 24


def systems() -> Iterator[tuple[CodeSystemRelease, list[ConceptRow]]]:
    for version in ("1", "2"):
        rows = [
            ConceptRow(
                code,
                f"Tree {code}",
                parents=[TREE_CODES[0]] if number else (),
                inactive=number % 5 == 2,
                abstract=number % 7 == 3,
                designations=[(f"Baum {code}", "de", None, None)],
            )
            for number, code in enumerate(TREE_CODES)
        ]
        yield CodeSystemRelease("test", TREES, version), rows
    yield (
        CodeSystemRelease("test", FISH, "1", case_sensitive=False),
        [ConceptRow(c, f"A {c}") for c in FISH_CODES],
    )
    yield (
        CodeSystemRelease("test", PART, "1", case_sensitive=None, content="fragment"),
        [ConceptRow(c, f"Tree {c}", inactive=c == "T5") for c in TREE_CODES[5:]],
    )


# -- value sets at random ------------------------------------------------------------------------


def random_value_set(number: int, chance: Random) -> Document:
    made: Document = {
        "resourceType": "ValueSet",
        "id": f"vs{number}",
        "meta": {"lastUpdated": "2026-01-01T00:00:00Z"},
        "url": url(number),
        "version": "1.0",
        "name": f"Set{number}",
        "status": "active",
    }
    if chance.random() < 0.2:
        made["language"] = "de"
    if chance.random() < 0.8:
        made["compose"] = compose(number, chance)
    if chance.random() < (0.2 if "compose" in made else 0.9):
        made["expansion"] = {
            "timestamp": "2026-01-01T00:00:00Z",
            "contains": contains(chance, 2),
            "total": 3,
        }
    if chance.random() < 0.3:
        made["copyright"] = "after all that is long"
    return made


def url(number: int) -> str:
    return f"{BASE}ValueSet/{number}"


def compose(number: int, chance: Random) -> Document:
    made: Document = {
        "include": [block(number, chance, False) for _ in range(chance.choice((1, 1, 1, 2, 3)))]
    }
    if chance.random() < 0.15:
        made["inactive"] = False
    if chance.random() < 0.25:
        made["exclude"] = [block(number, chance, True)]
    return made


def block(number: int, chance: Random, excludes: bool) -> Document:
    if number and chance.random() < 0.15:
        return {"valueSet": [url(chance.randrange(number))]}
    system = chance.choice((TREES, TREES, FISH, NOWHERE) if chance.random() < 0.2 else (TREES, FISH, PART))
    made: Document = {"system": system}
    if system == TREES and chance.random() < 0.3:
        made["version"] = chance.choice("12")
    if chance.random() < 0.85:
        made["concept"] = [
            random_concept(code, chance) for code in codes(system, chance, 6 if excludes else 20)
        ]
    if system == TREES and chance.random() < 0.2:
        made["filter"] = [{"property": "concept", "op": "is-a", "value": TREE_CODES[0]}]
    if number and chance.random() < 0.1:
        made["valueSet"] = [url(chance.randrange(number))]
    return made


def codes(system: str, chance: Random, most: int) -> list[str]:
    """Some that are there and some that are not, now and then one twice or in another case."""
    own = [*(FISH_CODES if system == FISH else TREE_CODES), *NO_CODES]
    some = [chance.choice(own) for _ in range(chance.randrange(most))]
    return [code.swapcase() if chance.random() < 0.1 else code for code in some]


def random_concept(code: str, chance: Random) -> Document:
    made: Document = {"code": code}
    if chance.random() < 0.4:
        made["display"] = f"The {code} of {chance.randrange(100)}"
    if chance.random() < 0.3:
        made["designation"] = [{"language": chance.choice(("de", "fr")), "value": f"Le {code}"}]
    if chance.random() < 0.2:
        url = "http://hl7.org/fhir/StructureDefinition/itemWeight"
        made["extension"] = [{"url": url, "valueDecimal": chance.choice((1.5, 2, 0.25))}]
    if chance.random() < 0.1:
        url = "http://hl7.org/fhir/StructureDefinition/valueset-deprecated"
        made["extension"] = [{"url": url, "valueBoolean": True}]
    return made


def contains(chance: Random, deeper: int) -> list[Document]:
    made = []
    for _ in range(chance.randrange(1, 7)):
        system = chance.choice((TREES, FISH, PART))
        some = codes(system, chance, 2)
        node: Document = {"display": "A group", "abstract": True}
        if some:
            node = {"system": system, **random_concept(some[0], chance)}
            if system == TREES and chance.random() < 0.3:
                node = {"system": system, "version": chance.choice("12"), "code": some[0]}
        if deeper and chance.random() < 0.3:
            node["contains"] = contains(chance, deeper - 1)
        if chance.random() < 0.3:
            node["inactive"] = False
        made.append(node)
    return made


def in_a_folder(folder: Path) -> Path:
    chance = Random(20)
    for number in range(NUMBER):
        content = json.dumps(random_value_set(number, chance))
        # As FHIR's JSON may have it: decimals with the digits that somebody gave them.
        folder.joinpath(f"vs{number}.json").write_text(
            content.replace("1.5,", "1.50,").replace("1.5}", "1.50}")
        )
    return folder


# -- the same by two ways ------------------------------------------------------------------------


@pytest.fixture(
    scope="module", params=[f"{engine} {how}" for engine in ENGINES for how in ("lists", "small")]
)
def ways(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[FlaskClient, FlaskClient]:
    """HTTP to the value sets as documents, and to the same in the store."""
    engine, how = request.param.split()
    folder = in_a_folder(tmp_path_factory.mktemp("values"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(value_sets, "SMALL", 0 if how == "lists" else 1_000)
        store = empty(engine, request, tmp_path_factory.mktemp("store"))
        beside = empty(engine, request, tmp_path_factory.mktemp("beside"))
        for place in (store, beside):
            load(place, *systems())
        brought_in(store, folder)
    documents = Settings(environment={}, bundled=False, data="", store=beside, content=[folder])
    imported = Settings(environment={}, bundled=False, data="", store=store)
    return tuple(create_app(settings=each).test_client() for each in (documents, imported))  # type: ignore[return-value]


def brought_in(place: str, *paths: Path, reporter: Reporter | None = None) -> list[Any]:
    writer = StoreWriter(store_at(place))
    try:
        return writer.load(FHIR, paths, reporter or StrictReporter())
    finally:
        writer.close()


def answers(ways: tuple[FlaskClient, FlaskClient], path: str) -> list[Any]:
    said = []
    for client in ways:
        answer = client.get(path)
        body = answer.get_json()
        body.get("expansion", {}).pop("identifier", None)
        body.get("expansion", {}).pop("timestamp", None)
        said.append((answer.status_code, body))
    return said


def all_urls() -> list[str]:
    return [quote(url(number), safe="") for number in range(NUMBER)]


@pytest.mark.parametrize(
    "asked",
    [
        "",
        "&count=5",
        "&count=5&offset=4",
        "&count=0",
        "&count=3&offset=1000",
        "&activeOnly=true&count=7",
        "&excludeNotForUI=true",
        "&filter=of 1",
        "&filter=tree&count=4&offset=2",
        "&includeDesignations=true&displayLanguage=de",
        "&includeDefinition=true&count=2",
        "&property=parent&count=6",
        f"&exclude-system={FISH}",
        f"&system-version={TREES}|1",
    ],
)
def test_the_expansion_is_the_same(ways: tuple[FlaskClient, FlaskClient], asked: str) -> None:
    listed = 0
    for name in all_urls():
        by_document, by_store = answers(ways, f"/fhir/r5/ValueSet/$expand?url={name}{asked}")
        assert by_store == by_document
        listed += len(by_store[1].get("expansion", {}).get("contains", ()))
    assert listed or "count=0" in asked or "1000" in asked


@pytest.mark.parametrize("more", ["", "&activeOnly=true", "&inferSystem=true", "&displayLanguage=de"])
def test_every_code_is_validated_alike(ways: tuple[FlaskClient, FlaskClient], more: str) -> None:
    chance = Random(7)
    results = set()
    for name in all_urls():
        for _ in range(6):
            system = chance.choice((TREES, FISH, PART, NOWHERE))
            code = chance.choice([*TREE_CODES, *FISH_CODES, *NO_CODES, "fISH-3", "a\x00b"])
            stated = "" if "infer" in more else f"&system={system}" + chance.choice(("", "&systemVersion=1"))
            display = chance.choice(("", f"&display=The {code} of 3", f"&display=Tree {code}"))
            asked = f"url={name}&code={quote(code)}{stated}{display}{more}"
            by_document, by_store = answers(ways, f"/fhir/r5/ValueSet/$validate-code?{asked}")
            assert by_store == by_document
            results |= {p["valueBoolean"] for p in by_store[1].get("parameter", ()) if p["name"] == "result"}
    assert results == {True, False}


@pytest.mark.parametrize("release", ["r4", "r5"])
def test_it_is_read_byte_for_byte_as_it_was_imported(
    ways: tuple[FlaskClient, FlaskClient], release: str
) -> None:
    for number in range(NUMBER):
        by_document, by_store = (client.get(f"/fhir/{release}/ValueSet/vs{number}") for client in ways)
        assert by_store.get_json() == by_document.get_json()
        assert by_store.data == by_document.data
        assert by_store.headers["ETag"] == by_document.headers["ETag"]
        assert by_store.status_code == 200


@pytest.mark.parametrize(
    "asked",
    [
        "?_sort=_id&_count=100",
        f"?reference={TREES}&_sort=_id",
        "?code=t1&_sort=_id",
        "?name=Set3",
        "?_summary=true&_sort=_id",
        "/vs3/_history",
        "/vs4/$expand?count=4",
        "/vs5/$validate-code?system=" + TREES + "&code=t3",
    ],
)
def test_it_is_found_and_asked_by_its_id_alike(ways: tuple[FlaskClient, FlaskClient], asked: str) -> None:
    by_document, by_store = answers(ways, "/fhir/r5/ValueSet" + asked)
    assert by_store == by_document
    assert by_store[0] == 200


# -- what is read of a long one ------------------------------------------------------------------

LONG = 30_000


@pytest.fixture
def long(place: str, tmp_path: Path) -> tuple[str, Document]:
    """A value set of 30,000 codes of a code system that has every third of them not."""
    system = f"{BASE}CodeSystem/long"
    rows = [ConceptRow(f"c{number}", f"Concept {number}") for number in range(LONG) if number % 3]
    load(place, (CodeSystemRelease("test", system, "1"), rows))
    listed = [{"code": f"c{number}"} for number in range(LONG - 1, -1, -1)]
    listed[0]["display"] = "The first one"
    made = {
        "resourceType": "ValueSet",
        "id": "long",
        "url": f"{BASE}ValueSet/long",
        "version": "2026",
        "status": "active",
        "compose": {"include": [{"system": system, "concept": listed}]},
    }
    file = tmp_path / "long.json"
    file.write_text(json.dumps(made))
    [outcome] = brought_in(place, file)
    assert (outcome.artifact.kind, outcome.artifact.rows, outcome.artifact.version) == (
        "ValueSet",
        LONG,
        "2026",
    )
    return place, made


def test_a_page_reads_only_its_own_rows_and_a_code_takes_one_row(
    long: tuple[str, Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page of many thousand codes reads the rows of that page, and one code takes one row."""
    place, made = long
    client = create_app(settings=Settings(environment={}, bundled=False, data="", store=place)).test_client()
    expand = f"/fhir/r5/ValueSet/$expand?url={made['url']}&count=10&offset=1000"
    first = client.get(expand).get_json()
    assert first["expansion"]["total"] == LONG - LONG // 3
    read = _rows_read(monkeypatch)
    again = client.get(expand).get_json()
    assert again["expansion"]["contains"] == first["expansion"]["contains"]
    codes_ = [c["code"] for c in first["expansion"]["contains"]]
    in_order = [f"c{number}" for number in range(LONG - 1, -1, -1) if number % 3]
    assert codes_ == in_order[1000:1010]
    assert sum(read["member"]) == 20, "its codes, and what the value set says of them"
    read["member"].clear()
    validate = f"/fhir/r5/ValueSet/$validate-code?url={made['url']}&system={BASE}CodeSystem/long&code="
    for code, is_member in (("c29997", False), ("c29998", True), ("c1", True), ("nothing", False)):
        [said] = [p for p in client.get(validate + code).get_json()["parameter"] if p["name"] == "result"]
        assert said["valueBoolean"] is is_member
        assert sum(read["member"]) <= 1
        read["member"].clear()


def _rows_read(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[int]]:
    """How many rows of ``member`` each question to an artifact gives from now on."""
    read: dict[str, list[int]] = {"member": []}
    questions = ("listed", "all_listed", "members_at")
    for name in questions:
        asked = getattr(Artifact, name)

        def noting(self: Artifact, *values: Any, asked: Any = asked) -> Any:
            rows = asked(self, *values)
            read["member"].append(len(rows))
            return rows

        monkeypatch.setattr(Artifact, name, noting)

    def all_of_them(self: Artifact, first: int, end: int) -> Any:
        raise AssertionError("everything is read")

    monkeypatch.setattr(Artifact, "members", all_of_them)
    return read


def test_a_list_in_the_store_is_a_sequence_and_a_mapping_like_any_other(long: tuple[str, Document]) -> None:
    place, made = long
    [listed] = [b["concept"] for b in serving(place).catalogue().value_set(made["url"])["compose"]["include"]]
    concepts = made["compose"]["include"][0]["concept"]
    assert isinstance(listed, Enumeration) and len(listed) == LONG and list(listed) == concepts
    assert listed[0] == concepts[0] and listed[5:7] == concepts[5:7]
    by_code = listed.by_code(False)
    assert isinstance(by_code, Listing) and len(by_code) == LONG
    assert list(by_code) == [c["code"] for c in concepts] and list(by_code.values()) == concepts
    assert by_code["c29999"] == concepts[0] and "C29999" not in by_code
    assert "C29999" in listed.by_code(True) or "c29999" in listed.by_code(True)


def test_what_other_threads_ask_meanwhile_does_no_harm(
    long: tuple[str, Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    place, made = long
    read = stored_value_set.StoredListing._read
    others = [f"other{number}" for number in range(stored_value_set.ROOM_OF_ENTRIES // 200)]

    def and_meanwhile(self: stored_value_set.StoredListing, key: str) -> Any:
        nodes = read(self, key)
        self.among(others)
        for other in others:
            self._recent.put(other, ())
        return nodes

    monkeypatch.setattr(stored_value_set.StoredListing, "_read", and_meanwhile)
    value_set_ = serving(place).catalogue().value_set(made["url"])
    by_code = value_set_["compose"]["include"][0]["concept"].by_code(False)
    assert by_code["c1"] == {"code": "c1"} and "c2" in by_code and "nothing" not in by_code


def test_versions_stand_side_by_side_and_the_latest_answers_unasked(place: str, tmp_path: Path) -> None:
    load(place, *systems())
    for version, code in (("1", "t1"), ("2", "t2")):
        made = {
            "resourceType": "ValueSet",
            "url": url(1),
            "version": version,
            "status": "active",
            "compose": {"include": [{"system": TREES, "concept": [{"code": code}]}]},
        }
        tmp_path.joinpath(f"{version}.json").write_text(json.dumps(made))
    brought_in(place, tmp_path)
    client = create_app(settings=Settings(environment={}, bundled=False, data="", store=place)).test_client()
    for asked, code in ((url(1), "t2"), (url(1) + "|1", "t1")):
        expanded = client.get(f"/fhir/r5/ValueSet/$expand?url={asked}").get_json()
        assert [c["code"] for c in expanded["expansion"]["contains"]] == [code]
    assert [outcome.is_new for outcome in brought_in(place, tmp_path)] == [False, False]


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="Linux says which files are open")
def test_of_small_value_sets_no_file_stays_open(tmp_path: Path) -> None:
    folder, store = tmp_path / "values", tmp_path / "store"
    folder.mkdir()
    in_a_folder(folder)
    load(str(store), *systems())
    brought_in(str(store), folder)
    client = create_app(
        settings=Settings(environment={}, bundled=False, data="", store=str(store))
    ).test_client()
    for name in all_urls():
        client.get(f"/fhir/r5/ValueSet/$expand?url={name}")
    opened = [os.path.realpath(link) for link in Path("/proc/self/fd").iterdir()]
    own = {name for name in opened if name.startswith(str(store / "artifacts"))}
    assert len(own) == len(list(systems()))


# -- files that are not as they should be ----------------------------------------------------------


@pytest.mark.parametrize(
    ("compose_", "said"),
    [
        ([], "compose"),
        ({"include": {"concept": []}}, "include"),
        ({"include": ["x"]}, "include"),
        ({"include": [{"concept": {"code": "x"}}]}, "concept"),
    ],
)
def test_a_value_set_that_is_none_is_refused_with_the_place(compose_: Any, said: str, tmp_path: Path) -> None:
    made = {"resourceType": "ValueSet", "url": url(1), "compose": compose_}
    tmp_path.joinpath("x.json").write_text(json.dumps(made))
    text = refusal("fhir", tmp_path)
    assert text.startswith("x.json: ") and said in text


@pytest.mark.parametrize("more", [{}, {"expansion": {"contains": []}}], ids=["one list", "expanded, too"])
def test_an_entry_that_is_none_is_reported_and_left_out(more: Document, tmp_path: Path) -> None:
    wrong: list[Any] = ["x", {"display": "no code"}, {"code": 1}, {"code": "a", "designation": "x"}, None]
    listed = [{"code": "t1"}, *wrong, {"code": "t2"}]
    made = {
        "resourceType": "ValueSet",
        "url": url(1),
        "compose": {"include": [{"system": TREES, "concept": listed}]},
        **more,
    }
    tmp_path.joinpath("x.json").write_text(json.dumps(made))
    (release,) = opened("fhir", tmp_path)
    reporter = CollectingReporter()
    rows = list(read(release, reporter))
    assert [row.node["code"] for row in rows] == ["t1", "t2"]  # type: ignore[union-attr]
    assert [problem.file for problem in reporter.problems] == ["x.json"] * len(wrong)


def test_what_a_misshapen_entry_of_an_expansion_contains_is_kept(place: str, tmp_path: Path) -> None:
    load(place, *systems())
    inner = [{"system": TREES, "code": "t2"}]
    made = {
        "resourceType": "ValueSet",
        "id": "x",
        "url": url(1),
        "status": "active",
        "expansion": {"contains": [{"code": 5, "contains": inner}, {"system": TREES, "code": "t1"}, 7]},
    }
    tmp_path.joinpath("x.json").write_text(json.dumps(made))
    reporter = CollectingReporter()
    brought_in(place, tmp_path, reporter=reporter)
    assert len(reporter.problems) == 2
    client = create_app(settings=Settings(environment={}, bundled=False, data="", store=place)).test_client()
    read = client.get("/fhir/r5/ValueSet/x").get_json()
    assert read["expansion"]["contains"] == [{"contains": inner}, {"system": TREES, "code": "t1"}]
    expanded = client.get(f"/fhir/r5/ValueSet/$expand?url={url(1)}").get_json()
    assert [c["code"] for c in expanded["expansion"]["contains"]] == ["t2", "t1"]


def test_common_units_in_a_store_name_units_and_are_listed(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A value set of the common units that is imported answers as one that is loaded."""
    monkeypatch.setattr("terminology.store.postgres.INTERVAL", 0.0)  # what is imported is seen at once
    ucum = "http://unitsofmeasure.org"
    concept = {"code": "mg/L", "display": "milligram per liter"}
    made = {
        "resourceType": "ValueSet",
        "id": "common",
        "url": "http://hl7.org/fhir/ValueSet/ucum-common",
        "status": "active",
        "compose": {"include": [{"system": ucum, "concept": [concept]}]},
    }
    served = serving(place)
    assert not names_of_units(served.catalogue().system(ucum)), "nothing is imported"
    tmp_path.joinpath("common.json").write_text(json.dumps(made))
    brought_in(place, tmp_path)
    loaded = catalogue_of([made], with_definitions=False)
    for system in (served.catalogue().system(ucum), loaded.system(ucum)):
        assert names_of_units(system) == {"milligram per liter"}
        assert [each.code for each in system.select()] == ["mg/L"]


def names_of_units(system: CodeSystem) -> set[str]:
    """The names of milligrams per liter, without the analysed form."""
    return {each.value for each in system.describe(["mg/L"])["mg/L"].designations} - {"(milligram) / (liter)"}
