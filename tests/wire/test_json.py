"""JSON in and out: numbers."""

from __future__ import annotations

from decimal import Decimal

import pytest

from terminology.wire import json


@pytest.mark.parametrize("text", ["20000000000000000.000e3", "-20000000000000000.000e3", "1.50", "1e-9"])
def test_a_decimal_that_is_written_can_be_read_again(text: str) -> None:
    (number,) = json.read(f"[{text}]")
    again = json.read(json.write([number]))
    assert again == [number] == [Decimal(text)]
    assert again[0].as_tuple() == number.as_tuple()
