"""Identifiers are random, or derived from a text."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

from terminology.core.new_ids import derived_from, new_name, new_secret, new_uuid


def some() -> list[str]:
    return [new_name(), new_name(), str(new_uuid()), new_secret()]


def derived(text: bytes) -> list[str]:
    with derived_from(text):
        return some()


def test_identifiers_are_new_each_time() -> None:
    assert len({*some(), *some()}) == 8
    assert UUID(some()[2]).version == 4


def test_derived_identifiers_are_those_of_their_text_alone() -> None:
    with ThreadPoolExecutor(1) as threads:
        elsewhere = threads.submit(derived, b"a").result()
    assert derived(b"a") == elsewhere
    assert len({*derived(b"a"), *derived(b"b")}) == 8
    assert UUID(derived(b"a")[2]).version == 4


def test_after_the_block_identifiers_are_random_again() -> None:
    with derived_from(b"a"):
        inner = derived(b"b")
        assert some() == derived(b"a"), "the block inside changes nothing"
    assert inner == derived(b"b")
    assert some() != derived(b"a")
