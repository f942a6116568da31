"""A designation with the use ``index-term`` leads to a code: texts find it, and it is never a display."""

from __future__ import annotations

import pytest

from terminology import Terminology
from terminology.core.model import Document
from tests.support.asking import value
from tests.support.builders import body_of
from tests.support.engine import catalogue_of

URL, MAP = "http://example.org/wings", "http://example.org/wings-to-wings"


def term(value: str, system: str = URL) -> Document:
    return {"language": "en", "use": {"system": system, "code": "index-term"}, "value": value}


WINGS = {
    "resourceType": "CodeSystem",
    "url": URL,
    "language": "en",
    "status": "active",
    "content": "complete",
    "concept": [
        {"code": "fold", "display": "Folding of a wing", "designation": [term("Pterygectomy")]},
        {"code": "mend", "designation": [term("Pterygorrhaphy", "http://example.org/other")]},
    ],
}
TO_WINGS = {
    "resourceType": "ConceptMap",
    "url": MAP,
    "status": "active",
    "group": [
        {
            "source": URL,
            "target": URL,
            "element": [{"code": "fold", "target": [{"code": "mend", "relationship": "related-to"}]}],
        }
    ],
}


def ask(operation: str, release: str, **named: str) -> Document:
    kinds = {"url": "valueUri", "system": "valueUri", "display": "valueString", "filter": "valueString"}
    parameters = [{"name": name, kinds.get(name, "valueCode"): text} for name, text in named.items()]
    terminology = Terminology(catalogue=catalogue_of([WINGS, TO_WINGS]))
    return terminology.ask(operation, body_of(*parameters), release)


RELEASES = pytest.mark.parametrize("release", ["r4", "r4b", "r5"])
LANGUAGES = pytest.mark.parametrize("more", [{}, {"displayLanguage": "en"}, {"displayLanguage": "en-GB"}])


@RELEASES
@LANGUAGES
@pytest.mark.parametrize("operation", ["CodeSystem/$validate-code", "ValueSet/$validate-code"])
def test_an_index_term_is_no_right_display(operation: str, release: str, more: dict[str, str]) -> None:
    url = URL if operation.startswith("CodeSystem") else f"{URL}?fhir_vs"
    system = {} if operation.startswith("CodeSystem") else {"system": URL}
    query = {"url": url, **system, "code": "fold", **more}
    assert value(ask(operation, release, **query, display="Folding of a wing"), "result") is True
    wrong = ask(operation, release, **query, display="Pterygectomy")
    assert value(wrong, "result") is False and value(wrong, "display") == "Folding of a wing"


@RELEASES
@LANGUAGES
def test_a_code_without_a_display_is_not_shown_by_an_index_term(release: str, more: dict[str, str]) -> None:
    for code, shown in (("fold", "Folding of a wing"), ("mend", "mend")):
        assert value(ask("CodeSystem/$lookup", release, system=URL, code=code, **more), "display") == shown
    entries = ask("ValueSet/$expand", release, url=f"{URL}?fhir_vs", **more)["expansion"]["contains"]
    assert [entry.get("display") for entry in entries] == ["Folding of a wing", None]
    source = "sourceCode" if release == "r5" else "code"
    translated = ask("ConceptMap/$translate", release, url=MAP, system=URL, **{source: "fold"}, **more)
    assert "Pterygorrhaphy" not in str(translated) and "mend" in str(translated)


@RELEASES
def test_a_text_finds_a_code_by_an_index_term(release: str) -> None:
    found = ask("ValueSet/$expand", release, url=f"{URL}?fhir_vs", filter="pterygorr")["expansion"][
        "contains"
    ]
    assert [entry["code"] for entry in found] == ["mend"]
