"""A resource that is built wrongly is refused, whatever element it is and whichever operation reads it."""

from __future__ import annotations

from typing import Any

import pytest

from terminology import Terminology, TerminologyError
from tests.support.builders import BASE, body_of, code_system, coding, tx_resource, value_set

Json = dict[str, Any]

SYSTEM = code_system("x", "a", version="1", property=[{"code": "p", "type": "string"}])
SET = value_set("s", {"system": SYSTEM["url"]})
STORED = {
    "resourceType": "ValueSet",
    "url": f"{BASE}/vs/s",
    "expansion": {"contains": [{"system": f"{BASE}/x", "code": "a"}]},
}
WRONG: list[tuple[str, Json, list[Json]]] = [
    ("CodeSystem.hierarchyMeaning must be a string", {"hierarchyMeaning": []}, []),
    ("CodeSystem.caseSensitive must be true or false", {"caseSensitive": "no"}, []),
    ("CodeSystem.compositional must be true or false", {"compositional": 1}, []),
    ("CodeSystem.versionNeeded must be true or false", {"versionNeeded": {}}, []),
    ("CodeSystem.experimental must be true or false", {"experimental": "true"}, []),
    ("CodeSystem.title must be a string", {"title": ["x"]}, []),
    ("CodeSystem.property[0].type must be a string", {"property": [{"code": "p", "type": {}}]}, []),
    (
        "CodeSystem.concept[0].property[0].valueBoolean must be true or false",
        {"concept": [{"code": "a", "property": [{"code": "inactive", "valueBoolean": "no"}]}]},
        [],
    ),
    ("ValueSet.compose.inactive must be true or false", {}, [SET | {"compose": {"inactive": "no"}}]),
    ("ValueSet.compose.lockedDate must be a string", {}, [SET | {"compose": {"lockedDate": 2020}}]),
    ("ValueSet.expansion.extension must be a list", {}, [SET | {"expansion": {"extension": "x"}}]),
    (
        "ValueSet.expansion.contains[0].inactive must be true or false",
        {},
        [STORED | {"expansion": {"contains": [{"code": "a", "inactive": "no"}]}}],
    ),
]
OPERATIONS: dict[str, list[Json]] = {
    "CodeSystem/$lookup": [coding("a", SYSTEM["url"])],
    "CodeSystem/$validate-code": [coding("a", SYSTEM["url"]), {"name": "url", "valueUri": SYSTEM["url"]}],
    "CodeSystem/$subsumes": [
        {"name": "codeA", "valueCode": "a"},
        {"name": "codeB", "valueCode": "a"},
        {"name": "system", "valueUri": SYSTEM["url"]},
    ],
    "ValueSet/$expand": [{"name": "url", "valueUri": SET["url"]}],
    "ValueSet/$validate-code": [{"name": "url", "valueUri": SET["url"]}, coding("a", SYSTEM["url"])],
    "ValueSet/$related": [{"name": f"{side}Url", "valueUri": SET["url"]} for side in ("this", "other")],
}


@pytest.mark.parametrize("release", ["r4", "r5"])
@pytest.mark.parametrize(("expected", "elements", "sets"), WRONG, ids=[row[0] for row in WRONG])
def test_an_element_of_another_type_is_refused(
    expected: str, elements: Json, sets: list[Json], release: str
) -> None:
    sent = [tx_resource(resource) for resource in [SYSTEM | elements, *(sets or [SET])]]
    for operation, parameters in OPERATIONS.items():
        if sets and operation.startswith("CodeSystem"):
            continue
        with pytest.raises(TerminologyError) as error:
            Terminology(bundled=False).ask(operation, body_of(*sent, *parameters), release)
        [issue] = error.value.issues
        assert (issue.code, issue.text) == ("structure", expected)
