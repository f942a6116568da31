"""The parts of a batch that are written one by one: the whole is as if it were written at once."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from terminology.wire import json as wire_json
from terminology.wire import xml
from terminology.wire.fhir_versions import RELEASES
from terminology.wire.json import Written

VALUE_SET = {
    "resourceType": "ValueSet",
    "url": "http://example.org/é",
    "status": "active",
    "extension": [{"url": "http://example.org/weight", "valueDecimal": Decimal("1.50")}],
}
RELEASE = RELEASES["r4"]


def bundle_of(resource: Any) -> dict[str, Any]:
    """A response with a resource, and with one in the outcome of another entry."""
    entries = [
        {"resource": resource, "response": {"status": "200"}},
        {"response": {"status": "400", "outcome": resource}},
    ]
    return {"resourceType": "Bundle", "type": "batch-response", "entry": entries}


def parameters_of(resource: Any) -> dict[str, Any]:
    return {"resourceType": "Parameters", "parameter": [{"name": "validation", "resource": resource}]}


@pytest.mark.parametrize("whole", [bundle_of, parameters_of])
def test_a_written_part_is_in_the_whole_as_it_was(whole: Callable[[Any], dict[str, Any]]) -> None:
    part = Written(wire_json.write(VALUE_SET))
    for pretty in (False, True):
        plain = wire_json.write(whole(VALUE_SET), pretty)
        assert wire_json.write(whole(part), pretty) == plain
        assert json.loads(plain, parse_float=Decimal) == whole(VALUE_SET)
        assert xml.write(whole(part), RELEASE, pretty) == xml.write(whole(VALUE_SET), RELEASE, pretty)
    assert b'value="1.50"' in xml.write(whole(part), RELEASE)
