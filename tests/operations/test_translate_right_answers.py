"""ConceptMap $translate on maps and requests that public reports, suites and clients found mistaken answers for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from terminology import Terminology
from terminology.core.model import Document
from tests.support.asking import matches, value, values
from tests.support.builders import body_of, code_system, concept_map
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
def test_a_code_in_another_case_is_not_unmapped(release: str) -> None:
    elements = [{"code": "Rye", "target": [to("b1")]}]
    unmapped = {"mode": "fixed", "code": "B2", "relationship": "related-to"}
    library = served(*CASES[:3], concept_map(MAP, LOAF, BIN, elements, group={"unmapped": unmapped}))
    codes = [code for code, _ in matches(translate(library, release, system=LOAF, code="RYE"))]
    assert codes == ["b1"]
    assert [c for c, _ in matches(translate(library, release, system=LOAF, code="Bun"))] == ["B2"]
