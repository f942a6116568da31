"""JSON in and out: numbers, and keys that come twice."""

from __future__ import annotations

import time
from decimal import Decimal

import pytest

from terminology.core.errors import TerminologyError
from terminology.wire import json


@pytest.mark.parametrize("text", ["20000000000000000.000e3", "-20000000000000000.000e3", "1.50", "1e-9"])
def test_a_decimal_that_is_written_can_be_read_again(text: str) -> None:
    (number,) = json.read(f"[{text}]")
    again = json.read(json.write([number]))
    assert again == [number] == [Decimal(text)]
    assert again[0].as_tuple() == number.as_tuple()


def test_a_key_that_comes_twice_among_many_is_found_at_once() -> None:
    keys = ",".join(f'"k{number}":1' for number in range(100_000))
    began = time.thread_time()
    with pytest.raises(TerminologyError, match="has the key 'k99999' twice"):
        json.read(f'{{{keys},"k99999":1}}')
    assert time.thread_time() - began < 5


@pytest.mark.parametrize(
    "text, problem",
    [
        ('{"resourceType":"Code', "Unterminated string starting at line 1 column 17"),
        ('{"a": "b\n"}', "Invalid control character at line 1 column 9"),
        ('{"a": "\\q"}', "Invalid \\escape at line 1 column 8"),
        ('{"a": }', "Expecting value at line 1 column 7"),
    ],
)
def test_text_that_is_not_JSON_is_refused_with_the_place_as_one_sentence(text: str, problem: str) -> None:
    with pytest.raises(TerminologyError) as refusal:
        json.read(text)
    assert str(refusal.value) == f"The body is not JSON: {problem}"
