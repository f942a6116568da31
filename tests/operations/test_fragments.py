"""Fragments: what they lack may be elsewhere, unless it can be nowhere; what they call a code need not be all."""

from __future__ import annotations

from typing import Any

import pytest

from terminology import Terminology, TerminologyError
from terminology.catalogue.protocol import Catalogue
from tests.support.asking import Ask
from tests.support.builders import BASE, body_of, code_system, coding, concept, value_set
from tests.support.engine import catalogue_of
from tests.support.pets import Json, of, read, several, text

RELEASES = pytest.mark.parametrize("release", ["r4", "r4b", "r5"])
SNOMED, CPT, PCS = (
    "http://snomed.info/sct",
    "http://www.ama-assn.org/go/cpt",
    "http://www.cms.gov/Medicare/Coding/ICD10",
)
MESH = "https://www.nlm.nih.gov/mesh"
CM, OPS = "http://hl7.org/fhir/sid/icd-10-cm", "http://fhir.de/CodeSystem/bfarm/ops"


def texts(answer: Json) -> list[str]:
    outcomes = [part["resource"] for part in answer["parameter"] if part["name"] == "issues"]
    return [issue["details"]["text"] for outcome in outcomes for issue in outcome["issue"]]


# -- the published fragments ---------------------------------------------------------------------


@RELEASES
@pytest.mark.parametrize(
    ("system", "code", "result"),
    [
        (SNOMED, "54535090", False),
        (SNOMED, "5288900", False),
        (SNOMED, "54535009", True),
        (SNOMED, "23140002", True),
        (CPT, "ABC", False),
        (CPT, "57520-51", False),
        (CPT, "57520:57520", False),
        (CPT, "57461:59", True),
        (CPT, "99213", True),
        (PCS, "0UBC7ZO", False),
        (PCS, "0UDC7ZZ", False),
        (PCS, "0UTC3ZZ", False),
        (PCS, "0UDB0ZZ", True),
        (CM, "N872", False),
        (CM, "ZZZ", False),
        (CM, "N87.2", False),
        (CM, "N87.8", False),
        (CM, "D06.2", False),
        (CM, "D06.5", False),
        (CM, "C53.2", False),
        (CM, "O34.41", True),
        (MESH, "cone biopsy!", False),
        (MESH, "x", False),
        (MESH, "D007044x", False),
        (MESH, "D00704", False),
        (MESH, "D014594", True),
        (MESH, "D000066388", True),
        (MESH, "C578561", True),
        (MESH, "Q000941", True),
    ],
)
def test_no_fragment_holds_what_is_no_code(
    ask: Ask, release: str, system: str, code: str, result: bool
) -> None:
    answer = ask("CodeSystem/$validate-code", release=release, url=system, code=code)
    assert read(answer)["result"] is result
    everything = value_set("all", {"system": system}, version="1")
    body = body_of({"name": "valueSet", "resource": everything}, coding(code, system))
    assert read(ask("ValueSet/$validate-code", body, release=release))["result"] is result


@pytest.mark.parametrize(("table", "number"), [("0UBC", 10), ("0U5C", 5), ("0UTC", 4), ("0UDC", 0)])
def test_a_table_of_pcs_that_is_said_to_be_complete_has_all_codes(
    ask: Ask, catalogue: Catalogue, table: str, number: int
) -> None:
    """The numbers are those of the official tables of FY2024."""
    filter_ = {"property": "code", "op": "regex", "value": f"{table}.*"}
    listed = value_set("table", {"system": PCS, "filter": [filter_]}, version="1")
    body = body_of({"name": "valueSet", "resource": listed})
    assert ask("ValueSet/$expand", body)["expansion"]["total"] == number
    published = catalogue.system(PCS).about.document or {}
    stated = [e["valueString"] for e in published["extension"] if e["url"].endswith("complete-codes")]
    assert f"{table}.*" in stated


@pytest.mark.parametrize(
    ("system", "code", "display"),
    [
        (OPS, "5-671", "Konisation der Cervix uteri"),
        (CPT, "57520", "Conization of cervix"),
        (SNOMED, "54535009", "A synonym of the owner"),
        (CM, "N87.1", "A title of the owner"),
    ],
)
@RELEASES
def test_other_words_of_the_owner_are_not_wrong(
    ask: Ask, release: str, system: str, code: str, display: str
) -> None:
    answer = ask("CodeSystem/$validate-code", release=release, url=system, code=code, display=display)
    assert read(answer)["result"] is True
    assert read(answer)["issues"] == ["warning process-note display"]
    assert any("cannot be checked" in each for each in texts(answer))


# -- fragments of a request ----------------------------------------------------------------------

COMPLETE = {"url": f"{BASE}/StructureDefinition/code-system-complete-codes", "valueString": "b[0-9]"}
SOME = {"url": f"{BASE}/StructureDefinition/code-system-some-terms", "valueBoolean": True}
BINS = f"{BASE}/bins"
PART = code_system(
    BINS, concept("b1", "Blue"), content="fragment", version="1", extension=[COMPLETE], caseSensitive=True
)
SERVER = Terminology(catalogue=catalogue_of([PART]))
LISTED = value_set("listed", {"system": BINS, "concept": [{"code": c} for c in ("b1", "b9", "c9")]})


def asked(operation: str, *parameters: Json, release: str = "r5") -> Json:
    return SERVER.ask(operation, body_of(*parameters), release=release)


@RELEASES
def test_a_value_set_lists_of_a_fragment_what_may_be_a_code(release: str) -> None:
    resource = {"name": "valueSet", "resource": LISTED}
    listed = asked("ValueSet/$expand", resource, release=release)["expansion"]
    assert [entry["code"] for entry in listed["contains"]] == ["b1", "c9"]
    results = [
        read(asked("ValueSet/$validate-code", resource, coding(code, BINS), release=release))["result"]
        for code in ("b1", "b9", "c9", "c8")
    ]
    assert results == [True, False, True, False]


@RELEASES
def test_a_code_refused_by_its_shape_is_hinted_at(ask: Ask, release: str) -> None:
    answer = ask("CodeSystem/$validate-code", release=release, url=CM, code="n87.1")
    outcome = next(part["resource"] for part in answer["parameter"] if part["name"] == "issues")
    assert [issue.get("diagnostics") for issue in outcome["issue"]] == ["Did you mean 'N87.1'?", None]


@RELEASES
def test_the_reason_stands_beside_hl7s_message(release: str) -> None:
    answer = asked("CodeSystem/$validate-code", text("url", BINS), text("code", "b9"), release=release)
    assert read(answer)["issues"] == ["error invalid-code code", "information invalid-code code"]
    assert texts(answer) == [
        f"Unknown code 'b9' in the CodeSystem '{BINS}' version '1'",
        f"'b9' cannot be a code of '{BINS}|1': all of its codes that match the regular expression 'b[0-9]' are on "
        "this server",
    ]


@pytest.mark.parametrize(
    ("operation", "parameters"),
    [
        ("CodeSystem/$lookup", {"system": BINS, "code": "b9"}),
        ("CodeSystem/$subsumes", {"system": BINS, "codeA": "b1", "codeB": "b9"}),
    ],
)
def test_no_operation_says_that_such_a_code_may_be_elsewhere(operation: str, parameters: Any) -> None:
    with pytest.raises(TerminologyError) as caught:
        asked(operation, *(text(name, value) for name, value in parameters.items()))
    assert "some other fragment" not in caught.value.issues[0].text
    assert "cannot be a code" in caught.value.issues[0].text


def test_a_codeable_concept_is_judged_by_what_may_be_a_code() -> None:
    url = text("url", BINS)
    assert read(asked("CodeSystem/$validate-code", url, several(of("c9", BINS))))["result"] is True
    assert read(asked("CodeSystem/$validate-code", url, several(of("b9", BINS))))["result"] is False


def test_a_wrong_display_is_an_error_unless_there_are_more_terms() -> None:
    wrong = [text("url", BINS), text("code", "b1"), text("display", "Red")]
    assert read(asked("CodeSystem/$validate-code", *wrong))["result"] is False
    partly = PART | {"extension": [SOME], "version": "2"}
    sent = {"name": "tx-resource", "resource": partly}
    answer = read(asked("CodeSystem/$validate-code", sent, text("version", "2"), *wrong))
    assert answer["result"] is True
    assert "has only some of the terms" in answer["message"]
