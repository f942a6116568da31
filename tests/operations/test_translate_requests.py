"""ConceptMap $translate: scopes, chains, displays and the order of the matches, as fresh users asked for them."""

from __future__ import annotations

from typing import Any

import pytest

from terminology import Terminology, TerminologyError
from terminology.core.model import Document
from tests.support.asking import matches, value, values
from tests.support.builders import body_of, code_system, concept, concept_map, value_set
from tests.support.engine import catalogue_of

LOAF = "http://example.org/loaf"
BIN = "http://example.org/bin"
FAR = "http://example.org/far"
NAMED = "http://example.org/named"
SET = "http://example.org/vs/bins"
BOTH_RELEASES = pytest.mark.parametrize("release", ["r4", "r5"])


def to(code: str, relationship: str = "equivalent", **more: Any) -> Document:
    return {"code": code, "relationship": relationship, **more}


def served(*documents: Document) -> Terminology:
    return Terminology(catalogue=catalogue_of(documents))


def translate(library: Terminology, release: str = "r5", *sent: Document, **more: Any) -> Document:
    parameters = [{"name": "tx-resource", "resource": resource} for resource in sent]
    for name, given in more.items():
        key = "valueBoolean" if isinstance(given, bool) else "valueString"
        parameters.append({"name": name, key: given})
    return library.ask("ConceptMap/$translate", body_of(*parameters), release)


LOAVES = code_system(LOAF, "Rye", "Bun", version="1")
RYE_TO_BIN = [{"code": "Rye", "target": [to("b1")]}]

# -- scopes --------------------------------------------------------------------------------------


@BOTH_RELEASES
@pytest.mark.parametrize("end", ["source", "target"])
def test_a_scope_in_a_version_that_is_not_here_is_unknown(release: str, end: str) -> None:
    system, code = {"source": (LOAF, "Rye"), "target": (BIN, "b1")}[end]
    library = served(
        LOAVES,
        value_set(SET, {"system": system, "concept": [{"code": code}]}, version="1"),
        concept_map("m", LOAF, BIN, RYE_TO_BIN, **{f"{end}ScopeUri": SET}),
    )
    for name in (end, f"{end}Scope"):
        known: dict[str, Any] = {name: f"{SET}|1"}
        answer = translate(library, release, system=LOAF, code="Rye", **known)
        assert [code for code, _ in matches(answer)] == ["b1"]
        unknown: dict[str, Any] = {name: f"{SET}|99"}
        with pytest.raises(TerminologyError, match="could not be found") as refusal:
            translate(library, release, system=LOAF, code="Rye", **unknown)
        assert refusal.value.issues[0].code == "not-found"


NAMING: Document = {
    "resourceType": "NamingSystem",
    "name": "Named",
    "status": "active",
    "kind": "codesystem",
    "uniqueId": [{"type": "uri", "value": NAMED, "preferred": True}],
}


@BOTH_RELEASES
@pytest.mark.parametrize("is_sent", [True, False])
def test_a_scope_that_is_a_system_only_of_maps_is_read_as_one(release: str, is_sent: bool) -> None:
    documents = [concept_map("m", LOAF, BIN, RYE_TO_BIN, id="m"), NAMING]
    library, sent = (served(), documents) if is_sent else (served(*documents), [])
    for name in ("target", "targetScope"):
        scope: dict[str, Any] = {name: BIN}
        answer = translate(library, release, *sent, system=LOAF, code="Rye", **scope)
        assert [code for code, _ in matches(answer)] == ["b1"]
        assert f"The target scope {BIN} is a code system" in value(answer, "message")
        versioned: dict[str, Any] = {name: f"{BIN}|7"}
        answer = translate(library, release, *sent, system=LOAF, code="Rye", **versioned)
        assert [code for code, _ in matches(answer)] == ["b1"]
        named: dict[str, Any] = {name: NAMED}
        with pytest.raises(TerminologyError, match="No suitable concept map"):
            translate(library, release, *sent, system=LOAF, code="Rye", **named)
    for name in ("source", "sourceScope"):
        near: dict[str, Any] = {name: LOAF}
        answer = translate(library, release, *sent, code="Rye", **near)
        assert [code for code, _ in matches(answer)] == ["b1"]
        answer = translate(library, release, *sent, targetSystem=BIN, targetCode="b1", **near)
        assert [value(match, "source")["code"] for match in values(answer, "match")] == ["Rye"]


@BOTH_RELEASES
def test_an_unknown_version_of_the_target_system_is_noted(release: str) -> None:
    library = served(
        LOAVES, code_system(BIN, "b1", version="1"), concept_map("m", LOAF, BIN, RYE_TO_BIN)
    )
    answer = translate(library, release, system=LOAF, code="Rye", targetSystem=f"{BIN}|1999")
    assert [code for code, _ in matches(answer)] == ["b1"]
    assert f"does not have {BIN} in the version '1999'" in value(answer, "message")
    known = translate(library, release, system=LOAF, code="Rye", targetSystem=f"{BIN}|1")
    assert value(known, "message") is None
