"""ConceptMap $translate on maps and requests that public reports, suites and clients found mistaken answers for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from terminology import Terminology, TerminologyError
from terminology.core.model import Document
from tests.support.asking import matches, value, values
from tests.support.builders import body_of, code_system, concept_map, value_set
from tests.support.engine import catalogue_of

LOAF = "http://example.org/loaf"
BIN = "http://example.org/bin"
SHELF = "http://example.org/shelf"
MAP = "http://example.org/ConceptMap/loaf-to-bin"
BOTH_RELEASES = pytest.mark.parametrize("release", ["r4", "r5"])


def to(code: str, relationship: str = "equivalent", **more: Any) -> Document:
    return {"code": code, "relationship": relationship, **more}


def served(*documents: Document) -> Terminology:
    return Terminology(catalogue=catalogue_of(documents))


def translate(
    library: Terminology, release: str = "r5", resources: Sequence[Document] = (), **more: Any
) -> Document:
    parameters = [{"name": "tx-resource", "resource": resource} for resource in resources]
    for name, given in more.items():
        key = "valueBoolean" if isinstance(given, bool) else "valueString"
        parameters.append({"name": name, key: given})
    return library.ask("ConceptMap/$translate", body_of(*parameters), release)


# -- case ----------------------------------------------------------------------------------------

CASES = [
    code_system(LOAF, "Rye", "Bun", caseSensitive=False),
    code_system(BIN, "b1", "B2", caseSensitive=False),
    code_system(SHELF, "s", "S", caseSensitive=True),
    concept_map(MAP, LOAF, BIN, [{"code": "RYE", "target": [to("B1")]}]),
    concept_map("shelves", SHELF, BIN, [{"code": "s", "target": [to("b1")]}]),
]


@BOTH_RELEASES
@pytest.mark.parametrize("code", ["RYE", "Rye", "rye"])
def test_a_source_code_in_any_case_is_translated(release: str, code: str) -> None:
    answer = translate(served(*CASES), release, system=LOAF, code=code)
    assert matches(answer) == [("B1", "equivalent")]
    note = f"The map has '{code}' as 'RYE': in {LOAF} case does not count."
    assert value(answer, "message") == (None if code == "RYE" else note)


@BOTH_RELEASES
def test_a_target_code_in_any_case_is_translated_back(release: str) -> None:
    library = served(*CASES)
    back = translate(library, release, system=BIN, code="b1", targetSystem=LOAF, reverse=True)
    assert matches(back) == [("RYE", "equivalent")]
    (match,) = values(translate(library, release, targetSystem=BIN, targetCode="b1", system=LOAF), "match")
    assert value(match, "source")["code"] == "RYE"


@BOTH_RELEASES
def test_case_counts_where_the_code_system_says_so(release: str) -> None:
    answer = translate(served(*CASES), release, system=SHELF, code="S")
    assert value(answer, "result") is False
    assert "The map does not have 'S', but 's'." in value(answer, "message")


@BOTH_RELEASES
@pytest.mark.parametrize(("code", "found"), [("s", False), ("S", True)])
def test_a_concept_of_its_own_is_no_other_case_where_that_is_not_said(
    release: str, code: str, found: bool
) -> None:
    """A code system that does not say whether case matters may have a concept for each case."""
    both = code_system(SHELF, "s", "S")
    library = served(both, concept_map("shelves", SHELF, BIN, [{"code": "S", "target": [to("b1")]}]))
    assert value(translate(library, release, system=SHELF, code=code), "result") is found


@BOTH_RELEASES
def test_a_code_in_another_case_is_not_unmapped(release: str) -> None:
    elements = [{"code": "Rye", "target": [to("b1")]}]
    unmapped = {"mode": "fixed", "code": "B2", "relationship": "related-to"}
    library = served(*CASES[:3], concept_map(MAP, LOAF, BIN, elements, group={"unmapped": unmapped}))
    codes = [code for code, _ in matches(translate(library, release, system=LOAF, code="RYE"))]
    assert codes == ["b1"]
    assert [c for c, _ in matches(translate(library, release, system=LOAF, code="Bun"))] == ["B2"]


# -- words of R4 and of R5 -----------------------------------------------------------------------


def words_of(release: str) -> Document:
    """One map, in the words of R4 or of R5, with every element that the two call differently."""
    is_r4 = release == "r4"
    condition = {"property": "http://example.org/oven", "value": "stone"}
    if not is_r4:
        condition = {"attribute": "oven", "valueString": "stone"}
    word = "equivalence" if is_r4 else "relationship"
    elements: list[Document] = [
        {"code": "Rye", "target": [{"code": "b1", word: "disjoint" if is_r4 else "not-related-to"}]},
        {"code": "Bun", "target": [{"code": "B2", word: "equivalent", "dependsOn": [condition]}]},
        {"code": "Crumb", "target": [{"equivalence": "unmatched"}]}
        if is_r4
        else {"code": "Crumb", "noMap": True},
    ]
    scope = "targetUri" if is_r4 else "targetScopeUri"
    group: Document = {"unmapped": {"mode": "provided" if is_r4 else "use-source-code"}}
    more: Document = {scope: "http://example.org/vs/bins"}
    if is_r4:
        group["sourceVersion"] = "1"
    else:
        more["additionalAttribute"] = [{"code": "oven", "uri": "http://example.org/oven", "type": "string"}]
        group["unmapped"]["relationship"] = "related-to"
    source = LOAF if is_r4 else f"{LOAF}|1"
    return concept_map(MAP, source, BIN, elements, group=group, **more)


LOAVES_OF_1 = code_system(LOAF, "Rye", "Bun", "Crumb", "Oat", version="1")


@BOTH_RELEASES
@pytest.mark.parametrize("words", ["r4", "r5"])
@pytest.mark.parametrize("name", ["conceptMap", "tx-resource"])
@pytest.mark.parametrize("code", ["Rye", "Bun", "Crumb", "Oat"])
def test_words_of_either_release_are_read(release: str, words: str, name: str, code: str) -> None:
    def answer(words: str, release: str, version: str) -> Document:
        body = body_of(
            {"name": name, "resource": words_of(words)},
            {"name": "url", "valueUri": MAP},
            {"name": "system", "valueUri": LOAF},
            {"name": "version", "valueString": version},
            {"name": "code", "valueCode": code},
            {"name": "targetScope", "valueUri": "http://example.org/vs/bins"},
        )
        return served(LOAVES_OF_1).ask("ConceptMap/$translate", body, release)

    for version in ("1", "2"):
        assert answer(words, release, version) == answer(release, release, version)
    assert value(answer(words, release, "1"), "result") is (code in ("Bun", "Oat"))
    assert value(answer(words, release, "2"), "result") is False


@BOTH_RELEASES
@pytest.mark.parametrize(
    ("place", "element"),
    [
        ("targetUri", {"targetUri": "http://example.org/a", "targetScopeUri": "http://example.org/b"}),
        ("equivalence", {"code": "b1", "equivalence": "disjoint", "relationship": "equivalent"}),
        ("url", {"mode": "other-map", "url": "http://example.org/a", "otherMap": "http://example.org/b"}),
        ("sourceVersion", {"source": f"{LOAF}|1", "sourceVersion": "2"}),
        ("property", {"property": "a", "attribute": "b", "valueString": "c"}),
    ],
)
def test_an_element_in_the_words_of_both_is_refused(release: str, place: str, element: Document) -> None:
    target = element if place == "equivalence" else to("b1")
    if place == "property":
        target = {**target, "dependsOn": [element]}
    group = {"unmapped": element} if place == "url" else {}
    more = element if place == "targetUri" else {}
    if place == "sourceVersion":
        group = element
    mixed = concept_map(MAP, LOAF, BIN, [{"code": "Rye", "target": [target]}], group=group, **more)
    with pytest.raises(TerminologyError, match=f"{place} is what R4 has for R5's"):
        translate(served(), release, [mixed], url=MAP, system=LOAF, code="Rye")


# -- malformed maps ------------------------------------------------------------------------------


@BOTH_RELEASES
@pytest.mark.parametrize("is_sent", [True, False])
def test_a_target_without_a_relationship_is_no_match(release: str, is_sent: bool) -> None:
    targets = [{"code": "b1"}, to("B2", "related-to")]
    elements = [{"code": "Rye", "target": targets}, {"code": "Bun", "target": targets[:1]}]
    documents = [*CASES[:3], concept_map(MAP, LOAF, BIN, elements)]
    library = served() if is_sent else served(*documents)
    sent = documents if is_sent else []
    answer = translate(library, release, sent, system=LOAF, code="Rye")
    assert [code for code, _ in matches(answer)] == ["B2"]
    answer = translate(library, release, sent, system=LOAF, code="Bun")
    assert value(answer, "result") is False
    assert not values(answer, "match")
    assert f"The map {MAP} does not say how 'Bun' and 'b1' are related" in value(answer, "message")


MALFORMED_RULES: list[tuple[Document, str]] = [
    ({"mode": "whatever"}, "unmapped.mode must be fixed, other-map or use-source-code"),
    ({"code": "b1"}, "unmapped must have mode"),
    ({"mode": "fixed"}, "unmapped must have code or valueSet"),
    ({"mode": "other-map"}, "unmapped must have otherMap"),
]


@BOTH_RELEASES
@pytest.mark.parametrize(("rule", "message"), MALFORMED_RULES)
def test_a_rule_for_unmapped_codes_that_says_too_little_is_refused(
    release: str, rule: Document, message: str
) -> None:
    element = {"code": "Rye", "target": [to("b1")]}
    sent = concept_map(MAP, LOAF, BIN, [element], group={"unmapped": rule})
    with pytest.raises(TerminologyError, match=message):
        translate(served(), release, [sent], url=MAP, system=LOAF, code="Bun")


@BOTH_RELEASES
@pytest.mark.parametrize(
    ("element", "message"),
    [
        ({"target": [to("b1")]}, r"element\[0\] must have code or valueSet"),
        ({"code": "", "target": [to("b1")]}, r"element\[0\] must have code or valueSet"),
        (
            {"code": "Rye", "target": [{"relationship": "equivalent"}]},
            r"target\[0\] must have code or valueSet",
        ),
    ],
)
def test_a_row_without_a_code_is_refused(release: str, element: Document, message: str) -> None:
    sent = concept_map(MAP, LOAF, BIN, [element])
    with pytest.raises(TerminologyError, match=message):
        translate(served(), release, [sent], url=MAP, system=LOAF, code="Rye")


# -- value sets as targets -----------------------------------------------------------------------

BINS = value_set("http://example.org/vs/bins", {"system": BIN, "concept": [{"code": "b1"}, {"code": "B2"}]})
TO_BINS = concept_map(
    MAP,
    LOAF,
    BIN,
    [{"code": "Rye", "target": [{"valueSet": BINS["url"], "relationship": "related-to"}]}],
    group={"unmapped": {"mode": "fixed", "valueSet": BINS["url"], "relationship": "not-related-to"}},
)


@BOTH_RELEASES
@pytest.mark.parametrize("is_sent", [True, False])
def test_a_row_to_a_value_set_gives_all_its_codes(release: str, is_sent: bool) -> None:
    documents = [*CASES[:3], BINS, TO_BINS]
    library, sent = (served(), documents) if is_sent else (served(*documents), [])
    answer = translate(library, release, sent, system=LOAF, code="Rye")
    word = "relatedto" if release == "r4" else "related-to"
    assert matches(answer) == [("b1", word), ("B2", word)]
    back = translate(library, release, sent, system=BIN, code="b2", targetSystem=LOAF, reverse=True)
    assert matches(back) == [("Rye", word)]
    answer = translate(library, release, sent, system=LOAF, code="Bun")
    assert [code for code, _ in matches(answer)] == ["b1", "B2"]
    assert value(answer, "result") is False


@BOTH_RELEASES
def test_a_row_to_a_value_set_leads_to_codes_of_its_own_code_system(release: str) -> None:
    """``target.valueSet`` has concepts of ``group.target``: others that are in it are no targets."""
    mixed = value_set("mixed", *BINS["compose"]["include"], {"system": SHELF, "concept": [{"code": "s"}]})
    to_mixed = [{"code": "Rye", "target": [{"valueSet": mixed["url"], "relationship": "related-to"}]}]
    library = served(*CASES[:3], mixed, concept_map(MAP, LOAF, BIN, to_mixed))
    answer = translate(library, release, url=MAP, system=LOAF, code="Rye")
    assert {code for code, _ in matches(answer)} == {"b1", "B2"}


@BOTH_RELEASES
def test_a_row_to_an_empty_value_set_leaves_the_code_unmapped(release: str) -> None:
    """https://hl7.org/fhir/R5/conceptmap-definitions.html#ConceptMap.group.unmapped"""
    include = BINS["compose"]["include"]
    empty = value_set("empty", *include, exclude=include)
    rule = {"unmapped": {"mode": "fixed", "code": "b1", "relationship": "related-to"}}
    rows = [{"code": "Rye", "target": [{"valueSet": empty["url"], "relationship": "equivalent"}]}]
    library = served(*CASES[:3], empty, concept_map(MAP, LOAF, BIN, rows, group=rule))
    assert [code for code, _ in matches(translate(library, release, system=LOAF, code="Rye"))] == ["b1"]


@BOTH_RELEASES
def test_a_row_from_a_value_set_to_a_value_set_is_turned_round(release: str) -> None:
    loaves = value_set("loaves", {"system": LOAF, "concept": [{"code": "Rye"}, {"code": "Bun"}]})
    rows = [{"valueSet": loaves["url"], "target": [{"valueSet": BINS["url"], "relationship": "related-to"}]}]
    library = served(*CASES[:3], BINS, loaves, concept_map(MAP, LOAF, BIN, rows))
    answer = translate(library, release, url=MAP, system=BIN, code="B2", reverse=True)
    assert {code for code, _ in matches(answer)} == {"Rye", "Bun"}


@BOTH_RELEASES
def test_a_value_set_that_cannot_be_listed_is_named(release: str) -> None:
    large = code_system(BIN, *(f"b{number}" for number in range(101)))
    whole = value_set("http://example.org/vs/bins", {"system": BIN})
    for documents in ([TO_BINS], [TO_BINS, whole, large]):
        answer = translate(served(CASES[0], *documents), release, system=LOAF, code="Rye")
        assert value(answer, "result") is False
        assert not values(answer, "match")
        assert "translates to the codes of http://example.org/vs/bins, which are not listed: " in value(
            answer, "message"
        )


# -- scopes --------------------------------------------------------------------------------------

SCOPED = [
    *CASES[:3],
    {**BINS, "id": "bins"},
    concept_map(MAP, LOAF, BIN, [{"code": "Rye", "target": [to("b1")]}]),
    concept_map(
        "others", LOAF, SHELF, [{"code": "Rye", "target": [to("s")]}, {"code": "Bun", "noMap": True}]
    ),
]


@BOTH_RELEASES
@pytest.mark.parametrize("name", ["bins", "ValueSet/bins", BINS["url"]])
def test_a_scope_may_be_an_id_or_a_location(release: str, name: str) -> None:
    more: dict[str, Any]
    for parameter in ("target", "targetScope"):
        more = {parameter: name}
        answer = translate(served(*SCOPED), release, system=LOAF, code="Rye", **more)
        assert [code for code, _ in matches(answer)] == ["b1"]
    for parameter in ("source", "sourceScope"):
        more = {parameter: name}
        back = translate(served(*SCOPED), release, system=BIN, code="b1", reverse=True, **more)
        assert [code for code, _ in matches(back)] == ["Rye"]
    with pytest.raises(TerminologyError, match="could not be found"):
        translate(served(*SCOPED), release, system=LOAF, code="Rye", target="ValueSet/nothing")


@BOTH_RELEASES
def test_a_scope_that_is_a_code_system_is_read_as_one(release: str) -> None:
    library = served(*SCOPED)
    answer = translate(library, release, source=LOAF, target=BIN, code="Rye")
    assert [code for code, _ in matches(answer)] == ["b1"]
    assert f"The source scope {LOAF} is a code system" in value(answer, "message")
    assert f"The target scope {BIN} is a code system" in value(answer, "message")
    back = translate(library, release, targetScope=BIN, targetCode="b1", sourceScope=LOAF)
    assert [value(match, "source")["code"] for match in values(back, "match")] == ["Rye"]
    both = translate(library, release, system=LOAF, source=LOAF, targetSystem=SHELF, target=BIN, code="Rye")
    assert value(both, "result") is False
    with pytest.raises(TerminologyError, match="No suitable concept map"):
        translate(library, release, system=LOAF, target=LOAF, code="Rye")


# -- matches -------------------------------------------------------------------------------------


@BOTH_RELEASES
def test_rows_to_one_target_are_matches_by_relationship(release: str) -> None:
    words = ["not-related-to", "related-to", "equivalent", "related-to"]
    rows = [{"code": "Rye", "target": [to("b1", word)]} for word in words]
    answer = translate(
        served(*CASES[:3], concept_map(MAP, LOAF, BIN, rows)), release, system=LOAF, code="Rye"
    )
    expected = ["equivalent", "relatedto", "disjoint"]
    if release == "r5":
        expected = ["equivalent", "related-to", "not-related-to"]
    assert matches(answer) == [("b1", word) for word in expected]
    assert value(answer, "result") is True


# -- one direction -------------------------------------------------------------------------------

ONE_WAY_MARKS: list[Document] = [
    {
        "extension": [
            {"url": "http://example.org/StructureDefinition/concept-map-one-way", "valueBoolean": True}
        ]
    },
    {
        "property": [
            {"code": "gemFlags", "uri": "http://example.org/CodeSystem/words#gemFlags", "type": "string"}
        ]
    },
]


@BOTH_RELEASES
@pytest.mark.parametrize("mark", ONE_WAY_MARKS)
def test_a_map_that_holds_in_one_direction_is_not_turned_round(release: str, mark: Document) -> None:
    one_way = concept_map(MAP, LOAF, BIN, [{"code": "Rye", "target": [to("b1")]}], **mark)
    back = concept_map("back", BIN, LOAF, [{"code": "B2", "target": [to("Bun")]}])
    library = served(*CASES[:3], one_way, back)
    assert [c for c, _ in matches(translate(library, release, system=LOAF, code="Rye"))] == ["b1"]
    said = f"The map {MAP} says that it holds in one direction only, so it was not used in reverse."
    more: dict[str, Any]
    for more in ({}, {"url": MAP}):
        answer = translate(library, release, [], system=BIN, code="b1", reverse=True, **more)
        assert value(answer, "result") is False and said in value(answer, "message")
    answer = translate(library, release, system=BIN, code="b1")
    assert value(answer, "result") is False
    assert "reverse" not in value(answer, "message")


# -- known gaps ----------------------------------------------------------------------------------


@BOTH_RELEASES
def test_a_known_gap_of_a_map_is_named_and_is_no_match(release: str) -> None:
    parts = [{"url": "code", "valueCode": "Rye"}, {"url": "gap", "valueString": "Nobody has seen the list."}]
    gap = {"url": "http://example.org/StructureDefinition/concept-map-gap", "extension": parts}
    rows = [{"code": "Bun", "target": [to("b1")]}]
    library = served(*CASES[:3], concept_map(MAP, LOAF, BIN, rows, extension=[gap]))
    answer = translate(library, release, system=LOAF, code="Rye", url=MAP)
    assert value(answer, "result") is False and matches(answer) == []
    said = f"ConceptMap '{MAP}' has a known gap for the code 'Rye': Nobody has seen the list."
    assert said in value(answer, "message")
    assert "gap" not in (
        value(translate(library, release, system=LOAF, code="Bun", url=MAP), "message") or ""
    )


# -- rows that say that there is no target -------------------------------------------------------


@BOTH_RELEASES
def test_no_map_rows_to_other_systems_are_not_reported(release: str) -> None:
    library = served(*SCOPED)
    everything = translate(library, release, system=LOAF, code="Bun")
    assert [code for code, _ in matches(everything)] == [None]
    others: list[dict[str, Any]] = [{"targetSystem": BIN}, {"target": BIN}, {"target": BINS["url"]}]
    for more in others:
        answer = translate(library, release, system=LOAF, code="Bun", **more)
        assert value(answer, "result") is False
        assert not values(answer, "match")
    own: list[dict[str, Any]] = [{"targetSystem": SHELF}, {"target": f"{SHELF}?fhir_vs"}]
    for more in own:
        answer = translate(library, release, system=LOAF, code="Bun", **more)
        assert [code for code, _ in matches(answer)] == [None]


# -- modifiers -----------------------------------------------------------------------------------

CPT = "http://www.ama-assn.org/go/cpt"
# A code with modifiers means less than its base code; R4's word describes the target.
LESS = {"r4": "wider", "r5": "source-is-narrower-than-target"}


@BOTH_RELEASES
@pytest.mark.parametrize(
    ("code", "modifiers"),
    [
        ("57520:51", "51"),
        ("57520-51", "51"),
        ("57520:51:LT", "51, LT"),
        ("57520 LT", "LT"),
        ("57520 51", "51"),
        ("57520LT", "LT"),
        ("57520lt", "lt"),
        ("575201P", "1P"),
        ("57520 - 51, LT", "51, LT"),
        ("57520LT51", None),
        ("5752051", None),
        ("57520 5", None),
    ],
)
def test_a_code_with_modifiers_is_translated_by_its_base(
    release: str, code: str, modifiers: str | None
) -> None:
    rows = [{"code": "57520", "target": [to("b1")]}]
    library = served(
        *CASES[:3],
        concept_map(MAP, CPT, BIN, rows, group={"unmapped": {"mode": "fixed", "code": "B2"}}),
        concept_map("others", LOAF, BIN, rows),
    )
    answer = translate(library, release, system=CPT, code=code)
    if modifiers is None:
        assert [found for found, _ in matches(answer)] == ["B2"]
        return
    assert matches(answer) == [("b1", LESS[release])]
    message = f"The map does not have '{code}': its base code '57520' was translated, without the modifier {modifiers}."
    with_colons = f"57520:{modifiers.replace(', ', ':').upper()}"
    if code != with_colons:
        message += f" In CPT each modifier follows a colon: '{with_colons}'."
    assert value(answer, "message") == message
    assert value(translate(library, release, system=LOAF, code=code), "result") is False
    assert [c for c, _ in matches(translate(library, release, system=CPT, code="57522:51"))] == ["B2"]


# -- hints ---------------------------------------------------------------------------------------

PROCEDURES = "http://www.cms.gov/Medicare/Coding/ICD10"
MISTYPED = [
    code_system(PROCEDURES, "0UBC7ZZ", "007", name="Procedures"),
    code_system(CPT, "57520", "00520"),
    concept_map(MAP, PROCEDURES, BIN, [{"code": "0UBC7ZZ", "target": [to("b1")]}], id="p-to-b"),
]


@BOTH_RELEASES
@pytest.mark.parametrize(
    ("system", "code", "meant"),
    [
        (PROCEDURES, "OUBC7ZZ", "0UBC7ZZ"),
        (PROCEDURES, "oubc7zz", "0UBC7ZZ"),
        (PROCEDURES, "UBC7ZZ", "0UBC7ZZ"),
        (PROCEDURES, "0UB.C7ZZ", "0UBC7ZZ"),
        (PROCEDURES, "7", "007"),
        (CPT, "57520-51", "57520:51"),
        (CPT, "57520:LT", "57520"),
        (CPT, "520", "00520"),
    ],
)
def test_a_mistyped_code_is_pointed_out(release: str, system: str, code: str, meant: str) -> None:
    library = served(*MISTYPED)
    with pytest.raises(TerminologyError, match=f"Did you mean '{meant}'"):
        library.ask("CodeSystem/$lookup", release=release, system=system, code=code)
    if system == PROCEDURES:
        answer = translate(library, release, system=system, code=code)
        assert value(answer, "result") is False
        assert f"Did you mean '{meant}'?" in value(answer, "message")


@BOTH_RELEASES
@pytest.mark.parametrize("name", ["ICD-10-PCS", "icd10pcs", "Procedures", "ICD10"])
def test_the_short_name_of_a_code_system_is_pointed_out(release: str, name: str) -> None:
    for path in ("CodeSystem/$lookup", "ConceptMap/$translate"):
        with pytest.raises(TerminologyError, match=f"Did you mean .*'{PROCEDURES}'"):
            served(*MISTYPED).ask(path, release=release, system=name, code="0UBC7ZZ")


@BOTH_RELEASES
@pytest.mark.parametrize(
    "url", ["p-to-b", "loaf-to-bin", "https://example.org/ConceptMap/loaf-to-bin/", MAP.upper()]
)
def test_a_map_that_is_nearly_named_is_pointed_out(release: str, url: str) -> None:
    with pytest.raises(TerminologyError, match=f"Did you mean '{MAP}'"):
        translate(served(*MISTYPED), release, url=url, system=PROCEDURES, code="0UBC7ZZ")


# -- chains --------------------------------------------------------------------------------------

FAR = "http://example.org/far"
NARROWER, BROADER = "source-is-narrower-than-target", "source-is-broader-than-target"


def chain(first: str, second: str) -> Terminology:
    return served(
        code_system(LOAF, "Rye"),
        concept_map("one", LOAF, BIN, [{"code": "Rye", "target": [to("b1", first)]}]),
        concept_map("two", BIN, FAR, [{"code": "b1", "target": [to("f", second)]}]),
    )


@BOTH_RELEASES
def test_two_maps_in_a_row_are_pointed_out(release: str) -> None:
    with pytest.raises(TerminologyError, match=f"through {BIN}: send '_compose=true'"):
        translate(chain("equivalent", "equivalent"), release, system=LOAF, code="Rye", targetSystem=FAR)


@pytest.mark.parametrize(
    ("first", "second", "composed"),
    [
        ("equivalent", "equivalent", "equivalent"),
        ("equivalent", NARROWER, NARROWER),
        (BROADER, "equivalent", BROADER),
        (NARROWER, NARROWER, NARROWER),
        (NARROWER, BROADER, "related-to"),
        (NARROWER, "related-to", "related-to"),
        ("not-related-to", "equivalent", None),
        ("equivalent", "not-related-to", None),
    ],
)
def test_a_chain_has_the_weaker_relationship(first: str, second: str, composed: str | None) -> None:
    library = chain(first, second)
    answer = translate(library, system=LOAF, code="Rye", targetSystem=FAR, _compose=True)
    assert matches(answer) == ([("f", composed)] if composed else [])
    assert value(answer, "result") is (composed is not None)
    assert f"two maps in a row were used, through {BIN}" in value(answer, "message")
    back = translate(library, targetSystem=FAR, targetCode="f", system=LOAF, _compose=True)
    assert [value(match, "source")["code"] for match in values(back, "match")] == (
        ["Rye"] if composed else []
    )
    assert matches(back) == matches(answer)


def test_a_chain_names_each_hop() -> None:
    answer = translate(
        chain("equivalent", NARROWER), system=LOAF, code="Rye", targetSystem=FAR, _compose=True
    )
    (match,) = values(answer, "match")
    assert value(match, "via") == "http://example.org/ConceptMap/one"
    assert value(match, "originMap") == "http://example.org/ConceptMap/two"
    assert value(match, "targetComment") == (
        f"{LOAF}#Rye is equivalent to {BIN}#b1 by http://example.org/ConceptMap/one; "
        f"{BIN}#b1 is {NARROWER} to {FAR}#f by http://example.org/ConceptMap/two"
    )
