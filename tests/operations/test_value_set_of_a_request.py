"""The value set that a request is about: $expand and ValueSet/$validate-code find it by the same rules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from terminology.catalogue.protocol import Catalogue
from terminology.core.errors import TerminologyError
from terminology.core.model import Coding
from terminology.operations.validate.validate import validate_in_value_set
from terminology.operations.validate.validate_request import ValidateRequest
from terminology.operations.value_set.expand import expand
from terminology.operations.value_set.expand_request import ExpandRequest
from tests.support.engine import catalogue_of

Json = dict[str, Any]

URL = "http://example.org/vs/letters"
SYSTEM = "http://example.org/letters"
CONTEXT = "http://example.org/StructureDefinition/pet#Pet.kind"


def letters(version: str | None, *codes: str, url: str | None = URL, **more: Any) -> Json:
    """A ValueSet that lists some letters."""
    include = {"system": SYSTEM, "concept": [{"code": code} for code in codes]}
    document = {"resourceType": "ValueSet", "status": "active", "compose": {"include": [include]}, **more}
    named = {"url": url, "version": version}
    return document | {name: value for name, value in named.items() if value is not None}


CODES = ("a", "b", "c", "d")
CODE_SYSTEM = {
    "resourceType": "CodeSystem",
    "url": SYSTEM,
    "status": "active",
    "content": "complete",
    "concept": [{"code": code} for code in CODES],
}
ONE, TWO = letters("1", "a"), letters("2", "a", "b")
HOLDER = letters("1", "d", contained=[letters(None, "c", url=None, id="inner")])
OTHER = letters("1", "c", url="http://example.org/vs/other")
CATALOGUE = catalogue_of([CODE_SYSTEM, ONE, TWO, OTHER])


def expanded(catalogue: Catalogue, parameters: Json) -> str:
    return "".join(entry.code for entry in expand(catalogue, ExpandRequest(**parameters)).entries)


def validated(catalogue: Catalogue, parameters: Json) -> str:
    """The codes that are valid."""
    requests = (ValidateRequest(coding=Coding(SYSTEM, code), **parameters) for code in CODES)
    answers = (validate_in_value_set(catalogue, request) for request in requests)
    return "".join(answer.code or "" for answer in answers if answer.result)


OPERATIONS = pytest.mark.parametrize(
    "ask", [pytest.param(expanded, id="$expand"), pytest.param(validated, id="$validate-code")]
)
Ask = Callable[[Catalogue, Json], str]


@OPERATIONS
@pytest.mark.parametrize(
    ("parameters", "codes"),
    [
        pytest.param({"url": URL}, "ab", id="url"),
        pytest.param({"url": f"{URL}|1"}, "a", id="url with a version"),
        pytest.param({"url": URL, "value_set_version": "1"}, "a", id="url and valueSetVersion"),
        pytest.param({"value_set": OTHER}, "c", id="valueSet"),
        pytest.param({"value_set": letters(None, "d", url=None)}, "d", id="valueSet without a url"),
        pytest.param({"value_set": ONE, "url": URL}, "a", id="valueSet, and its url"),
        pytest.param({"value_set": ONE, "url": f"{URL}|1"}, "a", id="valueSet, and its url and version"),
        pytest.param(
            {"value_set": letters("1.2", "a"), "value_set_version": "1.x"}, "a", id="valueSet, and a wildcard"
        ),
        pytest.param(
            {"value_set": letters(None, "d"), "value_set_version": "7"},
            "d",
            id="valueSet without a version, and valueSetVersion",
        ),
        pytest.param({"value_set": HOLDER, "url": "#inner"}, "c", id="valueSet, and a contained one"),
        pytest.param({"value_set": HOLDER, "url": f"{URL}#inner"}, "c", id="a contained one, in full"),
        pytest.param({"instance": OTHER}, "c", id="instance"),
        pytest.param({"instance": ONE, "url": URL}, "a", id="instance, and its url"),
        pytest.param({"instance": ONE, "value_set": ONE}, "a", id="instance, and the same as valueSet"),
        pytest.param({"instance": HOLDER, "url": "#inner"}, "c", id="one contained in the instance"),
        pytest.param({"context": CONTEXT, "url": URL}, "ab", id="context beside url"),
        pytest.param({"context": CONTEXT, "value_set": OTHER}, "c", id="context beside valueSet"),
        pytest.param({"context": CONTEXT, "instance": OTHER}, "c", id="context beside an instance"),
    ],
)
def test_a_request_names_its_value_set(ask: Ask, parameters: Json, codes: str) -> None:
    assert ask(CATALOGUE, parameters) == codes


@OPERATIONS
@pytest.mark.parametrize(
    ("parameters", "code", "text"),
    [
        pytest.param({}, "required", "'url' or 'valueSet'", id="nothing"),
        pytest.param({"context": CONTEXT}, "not-supported", CONTEXT, id="context alone"),
        pytest.param({"url": f"{URL}|3"}, "not-found", f"{URL}|3", id="an unknown version"),
        pytest.param(
            {"value_set": OTHER, "url": URL},
            "invalid",
            f"The parameter 'url' is '{URL}', but .* has '{OTHER['url']}'",
            id="valueSet, and the url of another one",
        ),
        pytest.param(
            {"instance": OTHER, "url": URL},
            "invalid",
            f"The parameter 'url' is '{URL}', but .* has '{OTHER['url']}'",
            id="instance, and the url of another one",
        ),
        pytest.param(
            {"value_set": ONE, "url": f"{URL}|2"},
            "invalid",
            "The parameter 'url' is '2', but .* has '1'",
            id="valueSet, and the url of another version",
        ),
        pytest.param(
            {"value_set": ONE, "value_set_version": "2"},
            "invalid",
            "The parameter 'valueSetVersion' is '2', but .* has '1'",
            id="valueSet, and another valueSetVersion",
        ),
        pytest.param(
            {"instance": ONE, "value_set": OTHER},
            "invalid",
            r"The parameter 'valueSet' is 'http://example.org/vs/other\|1', but .* has",
            id="instance, and another valueSet",
        ),
        pytest.param({"value_set": HOLDER, "url": "#outer"}, "not-found", "#outer", id="none contained"),
        pytest.param({"value_set": CODE_SYSTEM}, "value", "a ValueSet", id="a valueSet of another type"),
    ],
)
def test_a_request_that_names_none_or_two_is_refused(
    ask: Ask, parameters: Json, code: str, text: str
) -> None:
    with pytest.raises(TerminologyError, match=text) as refused:
        ask(CATALOGUE, parameters)
    assert [issue.code for issue in refused.value.issues] == [code]
