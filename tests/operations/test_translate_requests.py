"""ConceptMap $translate: scopes, chains, displays and the order of the matches, as fresh users asked for them."""

from __future__ import annotations

from typing import Any

import pytest

from terminology import Terminology, TerminologyError
from terminology.catalogue.content import Content
from terminology.content.importers.fhir import headers
from terminology.core.model import Document
from terminology.wire import r4
from tests.support.asking import matches, value, values
from tests.support.builders import body_of, code_system, concept, concept_map, value_set
from tests.support.engine import catalogue_of
from tests.support.engine import served as stored_beside

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
        {**concept_map("m", LOAF, BIN, RYE_TO_BIN), f"{end}ScopeUri": SET},
    )
    for name in (end, f"{end}Scope"):
        known: dict[str, Any] = {name: f"{SET}|1"}
        answer = translate(library, release, system=LOAF, code="Rye", **known)
        assert [code for code, _ in matches(answer)] == ["b1"]
        unknown: dict[str, Any] = {name: f"{SET}|99"}
        with pytest.raises(TerminologyError, match="could not be found") as refusal:
            translate(library, release, system=LOAF, code="Rye", **unknown)
        assert refusal.value.issues[0].code == "not-found"


@BOTH_RELEASES
def test_a_scope_that_a_system_implies_is_unknown_in_other_versions(release: str) -> None:
    loaves = {**LOAVES, "valueSet": SET}
    library = served(loaves, {**concept_map("m", LOAF, BIN, RYE_TO_BIN), "sourceScopeUri": SET})
    answer = translate(library, release, system=LOAF, code="Rye", source=SET)
    assert [code for code, _ in matches(answer)] == ["b1"]
    with pytest.raises(TerminologyError, match="could not be found"):
        translate(library, release, system=LOAF, code="Rye", source=f"{SET}|99")


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
    library = served(LOAVES, code_system(BIN, "b1", version="1"), concept_map("m", LOAF, BIN, RYE_TO_BIN))
    answer = translate(library, release, system=LOAF, code="Rye", targetSystem=f"{BIN}|1999")
    assert [code for code, _ in matches(answer)] == ["b1"]
    assert f"does not have {BIN} in the version '1999'" in value(answer, "message")
    known = translate(library, release, system=LOAF, code="Rye", targetSystem=f"{BIN}|1")
    assert value(known, "message") is None


# -- displays ------------------------------------------------------------------------------------

NAMELESS_BIN = concept(
    "b2",
    designation=[{"value": "Weak word", "use": {"code": "other"}}, {"value": "Bin two"}],
)
BINS = code_system(BIN, concept("b1", "Bin one"), NAMELESS_BIN, language="en", version="1")
GERMAN = code_system(
    "http://example.org/german",
    concept("b1", designation=[{"language": "de", "value": "Fach eins"}]),
    content="supplement",
    supplements=BIN,
    language="de",
)
SHOWN = concept_map(
    "shown",
    LOAF,
    BIN,
    [
        {"code": "Rye", "display": "As the map says", "target": [to("b1", display="Another one"), to("b2")]},
        {"code": "Bun", "target": [to("b3", display="Only in the map")]},
    ],
)


@BOTH_RELEASES
@pytest.mark.parametrize("language", [None, "en", "de", "fr"])
def test_a_match_has_the_display_that_lookup_gives(release: str, language: str | None) -> None:
    """One display for all operations: $validate-code accepts it, and the map's own may be no display at all."""
    library = served(LOAVES, BINS, GERMAN, SHOWN)
    more: dict[str, Any] = {} if language is None else {"displayLanguage": language}
    answer = translate(library, release, system=LOAF, code="Rye", **more)
    assert len(values(answer, "match")) == 2
    for match in values(answer, "match"):
        found = value(match, "concept")
        asked = {"code": found["code"], **more}
        looked_up = library.ask("CodeSystem/$lookup", release=release, system=BIN, **asked)
        assert found["display"] == value(looked_up, "display")
        judged = library.ask(
            "CodeSystem/$validate-code", release=release, url=BIN, display=found["display"], **asked
        )
        assert value(judged, "result") is True


@BOTH_RELEASES
def test_the_display_of_the_map_is_for_codes_that_are_not_here(release: str) -> None:
    library = served(LOAVES, BINS, SHOWN)
    (match,) = values(translate(library, release, system=LOAF, code="Bun"), "match")
    assert value(match, "concept")["display"] == "Only in the map"
    (match,) = values(translate(library, release, targetSystem=BIN, targetCode="b1"), "match")
    assert value(match, "source")["display"] == "As the map says"
    assert value(match, "concept")["display"] == "Bin one"


# -- chains --------------------------------------------------------------------------------------

FARS = value_set("http://example.org/vs/fars", {"system": FAR, "concept": [{"code": "f"}]}, id="fars")
ONE = concept_map("one", LOAF, BIN, [{"code": "Rye", "target": [to("b1")]}, {"code": "Bun", "noMap": True}])
TWO = concept_map("two", BIN, FAR, [{"code": "b1", "target": [to("f"), to("g")]}])
OFFER = f"through {BIN}: send '_compose=true'"


@BOTH_RELEASES
@pytest.mark.parametrize("scope", ["fars", FARS["url"], f"{FAR}?fhir_vs"])
def test_a_chain_is_offered_and_made_for_a_scope_alone(release: str, scope: str) -> None:
    library = served(LOAVES, code_system(FAR, "f", "g"), FARS, ONE, TWO)
    offered = translate(library, release, system=LOAF, code="Rye", target=scope)
    assert value(offered, "result") is False
    assert f"No map leads to the code systems of the scope, but two maps in a row do, {OFFER}" in value(
        offered, "message"
    )
    made = translate(library, release, system=LOAF, code="Rye", target=scope, _compose=True)
    in_scope = ["f", "g"] if scope.endswith("?fhir_vs") else ["f"]
    assert [code for code, _ in matches(made)] == in_scope
    back = translate(library, release, targetSystem=FAR, targetCode="f", source=LOAF, _compose=True)
    assert [value(match, "source")["code"] for match in values(back, "match")] == ["Rye"]


@BOTH_RELEASES
def test_no_chain_is_offered_where_a_map_is_named_or_leads_there(release: str) -> None:
    direct = concept_map("direct", LOAF, FAR, [{"code": "Rye", "target": [to("g")]}])
    library = served(LOAVES, code_system(FAR, "f", "g"), FARS, ONE, TWO, direct)
    for more in ({}, {"url": ONE["url"]}):
        answer = translate(library, release, system=LOAF, code="Rye", target="fars", **more)
        assert value(answer, "result") is False
        assert "_compose" not in value(answer, "message")
        assert (
            matches(translate(library, release, system=LOAF, code="Rye", target="fars", _compose=True)) == []
        )


@BOTH_RELEASES
@pytest.mark.parametrize("composes", [True, False])
def test_a_row_without_target_in_the_first_map_is_the_reason(release: str, composes: bool) -> None:
    library = served(LOAVES, ONE, TWO)
    said = f"The map {ONE['url']} says that there is no translation to {BIN}."
    asked: dict[str, Any] = {"system": LOAF, "code": "Bun", "targetSystem": FAR}
    if composes:
        message = value(translate(library, release, **asked, _compose=True), "message")
    else:
        with pytest.raises(TerminologyError) as refusal:
            translate(library, release, **asked)
        message = str(refusal.value)
    assert said in message
    assert "Other maps translate the code" not in message


# -- malformed maps ------------------------------------------------------------------------------

EXCLUDING: list[tuple[Document, str]] = [
    (
        concept_map("bad", LOAF, BIN, [{**RYE_TO_BIN[0], "noMap": True}]),
        r"element\[0\] has noMap and target",
    ),
    (
        concept_map("bad", LOAF, BIN, RYE_TO_BIN, sourceScopeUri=SET, sourceScopeCanonical=SET),
        "sourceScopeUri and sourceScopeCanonical",
    ),
    (
        concept_map("bad", LOAF, BIN, RYE_TO_BIN, targetUri=SET, targetCanonical=SET),
        "targetScopeUri and targetScopeCanonical",
    ),
]


@BOTH_RELEASES
@pytest.mark.parametrize(("bad", "message"), EXCLUDING)
def test_elements_that_exclude_each_other_are_refused(release: str, bad: Document, message: str) -> None:
    with pytest.raises(TerminologyError, match=message) as refusal:
        translate(served(), release, bad, url=bad["url"], system=LOAF, code="Rye")
    assert refusal.value.issues[0].code == "structure"
    inline = {"name": "conceptMap", "resource": bad}
    code: dict[str, Any] = {"code": {"valueCode": "Rye"}, "system": {"valueUri": LOAF}}
    with pytest.raises(TerminologyError, match=message):
        served().ask("ConceptMap/$translate", body_of(inline, **code), release)


@BOTH_RELEASES
def test_a_store_that_has_a_scope_twice_is_still_read(release: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An earlier version imported a ``sourceUri`` as both elements."""
    monkeypatch.setattr(headers, "require", lambda document: document)
    twice = concept_map("twice", LOAF, BIN, RYE_TO_BIN, sourceScopeUri=SET, sourceScopeCanonical=SET)
    library = Terminology(catalogue=stored_beside([twice], Content()))
    for more in ({}, {"url": twice["url"]}):
        answer = translate(library, release, system=LOAF, code="Rye", **more)
        assert [code for code, _ in matches(answer)] == ["b1"]


# -- the order of the matches --------------------------------------------------------------------


@BOTH_RELEASES
@pytest.mark.parametrize("is_sent", [True, False])
def test_equally_strong_matches_come_in_the_order_of_their_maps(release: str, is_sent: bool) -> None:
    rows = {name: [{"code": "Rye", "target": [to(name)]}] for name in ("c", "a", "b")}
    maps = [concept_map(name, LOAF, BIN, row) for name, row in rows.items()]
    for order in (maps, maps[::-1]):
        library, sent = (served(LOAVES), order) if is_sent else (served(LOAVES, *order), [])
        answer = translate(library, release, *sent, system=LOAF, code="Rye")
        assert [code for code, _ in matches(answer)] == ["a", "b", "c"]


@BOTH_RELEASES
def test_the_stricter_word_of_R4_comes_first(release: str) -> None:
    words = ["wider", "subsumes", "equivalent", "equal", "narrower", "specializes"]
    targets = [{"code": f"t-{word}", "equivalence": word} for word in words]
    map_ = concept_map("m", LOAF, BIN, [{"code": "Rye", "target": targets}])
    library = served(LOAVES, r4.upgrade(map_))
    answer = translate(library, release, system=LOAF, code="Rye")
    expected = ["equal", "equivalent", "subsumes", "wider", "specializes", "narrower"]
    assert [code for code, _ in matches(answer)] == [f"t-{word}" for word in expected]


# -- conditions ----------------------------------------------------------------------------------


@BOTH_RELEASES
@pytest.mark.parametrize("is_stored", [True, False])
def test_an_attribute_that_R4_names_by_uri_has_one_code_everywhere(release: str, is_stored: bool) -> None:
    setting = "http://example.org/p/setting"
    condition = {"property": setting, "value": "theatre"}
    targets = [{"code": "b1", "equivalence": "equivalent", "dependsOn": [condition]}]
    map_ = concept_map("m", LOAF, BIN, [{"code": "Rye", "target": targets}])
    catalogue = stored_beside([map_], Content()) if is_stored else Content([r4.upgrade(map_)])
    library = Terminology(catalogue=catalogue)
    answer = translate(library, release, system=LOAF, code="Rye")
    assert "depends on setting (theatre):" in value(answer, "message")
    words = ("element", "concept") if release == "r4" else ("attribute", "value")
    for name in ("setting", setting):
        dependency = {
            "name": "dependency",
            "part": [{"name": words[0], "valueUri": name}, {"name": words[1], "valueString": "office"}],
        }
        body = body_of(dependency, system={"valueUri": LOAF}, code={"valueCode": "Rye"})
        assert value(library.ask("ConceptMap/$translate", body, release), "result") is False
