"""Does $closure keep a client's table as https://hl7.org/fhir/R5/terminology-service.html#closure says?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from terminology import Settings, create_app
from tests.support.builders import body_of, code_system, coding, tree
from tests.support.engine import catalogue_of

ANIMALS = "http://example.org/animals"
THINGS = "http://example.org/things"

Json = dict[str, Any]


CATALOGUE = catalogue_of(
    [
        code_system(ANIMALS, tree("animal", tree("mammal", tree("cat"), tree("dog")), tree("bird"))),
        code_system(THINGS, tree("thing", tree("animal"))),
        code_system("http://example.org/any-case", tree("Top", tree("Low")), caseSensitive=False),
        code_system("http://example.org/parts", tree("car", tree("wheel")), hierarchyMeaning="part-of"),
    ]
)


def open_client(folder: Path | None) -> Any:
    return create_app(
        Settings(environment={}, data=str(folder or ""), r6=True), catalogue=CATALOGUE
    ).test_client()


@pytest.fixture(params=["file", "memory"])
def client(request: Any, tmp_path: Any) -> Any:
    return open_client(tmp_path / "data" if request.param == "file" else None)


def closure_body(name: str | None, *codes: str, version: str | None = None, system: str = ANIMALS) -> Json:
    nodes: list[Json] = [] if name is None else [{"name": "name", "valueString": name}]
    nodes += [{**coding(code, system), "name": "concept"} for code in codes]
    nodes += [] if version is None else [{"name": "version", "valueString": version}]
    return body_of(*nodes)


def post(client: Any, *args: Any, release: str = "r5", **more: Any) -> Json:
    answer = client.post(f"/fhir/{release}/$closure", json=closure_body(*args, **more))
    assert answer.status_code == 200, answer.json
    assert answer.json["resourceType"] == "ConceptMap"
    found: Json = answer.json
    return found


def pairs(concept_map: Json, word: str = "relationship") -> set[tuple[str, str, str]]:
    return {
        (element["code"], target[word], target["code"])
        for group in concept_map.get("group", ())
        for element in group["element"]
        for target in element["target"]
    }


NARROWER = "source-is-narrower-than-target"

# -- the three calls -----------------------------------------------------------------------------


def test_a_name_alone_begins_an_empty_table(client: Any) -> None:
    begun = post(client, "mine")
    assert begun["version"] == "0"
    assert begun["status"] == "active"
    assert "group" not in begun


def test_adding_answers_with_the_new_relationships_only(client: Any) -> None:
    post(client, "mine")
    assert pairs(post(client, "mine", "cat")) == set()
    assert pairs(post(client, "mine", "animal")) == {("cat", NARROWER, "animal")}
    added = post(client, "mine", "mammal", "dog")
    assert pairs(added) == {
        ("cat", NARROWER, "mammal"),
        ("mammal", NARROWER, "animal"),
        ("dog", NARROWER, "mammal"),
        ("dog", NARROWER, "animal"),
    }
    assert added["version"] == "3"
    assert {(group["source"], group["target"]) for group in added["group"]} == {(ANIMALS, ANIMALS)}


def test_what_is_known_is_not_said_again(client: Any) -> None:
    post(client, "mine")
    first = post(client, "mine", "cat", "animal")
    again = post(client, "mine", "animal", "cat", "cat")
    assert pairs(again) == set()
    assert again["version"] == first["version"]


def test_a_version_has_what_came_after_it_sent_again(client: Any) -> None:
    post(client, "mine")
    versions = [post(client, "mine", code)["version"] for code in ("cat", "animal", "mammal")]
    assert pairs(post(client, "mine", version="0")) == {
        ("cat", NARROWER, "animal"),
        ("cat", NARROWER, "mammal"),
        ("mammal", NARROWER, "animal"),
    }
    after = post(client, "mine", version=versions[1])
    assert pairs(after) == {("cat", NARROWER, "mammal"), ("mammal", NARROWER, "animal")}
    assert after["version"] == versions[-1]
    assert pairs(post(client, "mine", version=versions[-1])) == set()


def test_a_table_begun_anew_is_empty_and_its_older_versions_are_refused(client: Any) -> None:
    post(client, "mine")
    post(client, "mine", "cat", "animal")
    assert post(client, "mine")["version"] == "2"
    assert pairs(post(client, "mine", "mammal")) == set()
    answer = client.post("/fhir/r5/$closure", json=closure_body("mine", version="1"))
    assert answer.status_code == 409


def test_names_are_tables_of_their_own(client: Any) -> None:
    post(client, "mine")
    post(client, "yours")
    post(client, "mine", "animal")
    assert pairs(post(client, "yours", "cat")) == set()


def test_concepts_of_different_systems_are_not_related(client: Any) -> None:
    post(client, "mine")
    post(client, "mine", "cat")
    assert pairs(post(client, "mine", "animal", system=THINGS)) == set()
    assert pairs(post(client, "mine", "thing", system=THINGS)) == {("animal", NARROWER, "thing")}


def test_a_code_is_kept_as_its_system_writes_it(client: Any) -> None:
    system = "http://example.org/any-case"
    post(client, "mine")
    post(client, "mine", "TOP", system=system)
    assert pairs(post(client, "mine", "low", system=system)) == {("Low", NARROWER, "Top")}
    assert pairs(post(client, "mine", "LOW", "top", system=system)) == set()


@pytest.mark.parametrize("release", ["r4", "r4b"])
def test_r4_says_equal_specializes_and_subsumes(client: Any, release: Any) -> None:
    post(client, "mine", release=release)
    added = post(client, "mine", "cat", "animal", release=release)
    assert pairs(added, "equivalence") == {("cat", "subsumes", "animal")}
    assert "relationship" not in str(added)
    assert "extension" not in str(added)


# -- what is refused -----------------------------------------------------------------------------

REFUSALS = [
    ("without a name", closure_body(None, "cat"), 400),
    ("a table that was never begun", closure_body("other", "cat"), 404),
    ("a version of a table that was never begun", closure_body("other", version="0"), 404),
    ("concepts and a version at once", closure_body("mine", "cat", version="0"), 400),
    ("a version that is none", closure_body("mine", version="one"), 409),
    ("a version to come", closure_body("mine", version="7"), 409),
    ("a code that is not known", closure_body("mine", "cat", "cow"), 404),
    ("a system that is not known", closure_body("mine", "cat", system="urn:x"), 404),
    ("a hierarchy of parts", closure_body("mine", "car", system="http://example.org/parts"), 422),
    ("a concept without a code", closure_body("mine", ""), 400),
    ("a name without end", closure_body("n" * 300), 400),
]


@pytest.mark.parametrize("title,sent,status", REFUSALS, ids=[row[0] for row in REFUSALS])
def test_refused(client: Any, title: Any, sent: Any, status: Any) -> None:
    post(client, "mine")
    answer = client.post("/fhir/r5/$closure", json=sent)
    assert (answer.status_code, answer.json["resourceType"]) == (status, "OperationOutcome")
    assert pairs(post(client, "mine", "animal")) == set(), "a refused request adds nothing"


@pytest.mark.parametrize("method", ["get", "head", "put", "delete"])
def test_it_affects_state_and_so_is_only_posted(client: Any, method: Any) -> None:
    answer = getattr(client, method)("/fhir/r4/$closure?name=mine")
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "POST, OPTIONS"


def test_r6_has_no_closure(client: Any) -> None:
    assert client.post("/fhir/r6/$closure", json=closure_body("mine")).status_code == 404
    operations = client.get("/fhir/r6/metadata").json["rest"][0]["operation"]
    assert "closure" not in [operation["name"] for operation in operations]


@pytest.mark.parametrize("release", ["r4", "r4b", "r5"])
def test_the_capability_statement_lists_it_at_the_base(client: Any, release: Any) -> None:
    operations = client.get(f"/fhir/{release}/metadata").json["rest"][0]["operation"]
    listed = {operation["name"]: operation["definition"] for operation in operations}
    assert listed["closure"] == "http://hl7.org/fhir/OperationDefinition/ConceptMap-closure"
    capabilities = client.get(f"/fhir/{release}/metadata?mode=terminology").json
    assert capabilities["closure"] == {"translation": False}


# -- durable -------------------------------------------------------------------------------------


def test_a_table_outlasts_the_process(tmp_path: Any) -> None:
    first = open_client(tmp_path)
    post(first, "mine")
    post(first, "mine", "cat")
    after_restart = open_client(tmp_path)
    assert pairs(post(after_restart, "mine", "mammal")) == {("cat", NARROWER, "mammal")}
    assert pairs(post(after_restart, "mine", version="0")) == {("cat", NARROWER, "mammal")}


def test_the_file_is_for_its_owner_alone(tmp_path: Any) -> None:
    post(open_client(tmp_path / "data"), "mine")
    assert (tmp_path / "data" / "state.sqlite").stat().st_mode & 0o077 == 0


def test_nothing_is_written_before_it_is_needed(tmp_path: Any) -> None:
    client = open_client(tmp_path / "data")
    assert client.get("/fhir/r4/metadata").status_code == 200
    assert not (tmp_path / "data").exists()


def test_a_broken_file_is_an_outcome_and_not_a_crash(tmp_path: Any) -> None:
    (tmp_path / "state.sqlite").write_bytes(b"this is no database" * 100)
    answer = open_client(tmp_path).post("/fhir/r5/$closure", json=closure_body("mine"))
    assert answer.status_code == 503
    assert answer.json["issue"][0]["code"] == "transient"
    assert str(tmp_path) not in answer.text
