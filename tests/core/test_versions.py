"""The order of versions."""

from __future__ import annotations

from terminology.core.versions import natural

LONG = "9" * 5_000


def test_numbers_in_versions_are_compared_by_value_however_long() -> None:
    ordered = ["", "0", "0.9", "00.10", "1", f"1.{LONG}", "2", "10", LONG, f"{LONG}0", "rc"]
    assert sorted(reversed(ordered), key=natural) == ordered
    assert natural("007") == natural("7")


def test_the_date_of_an_edition_counts_first_however_long() -> None:
    editions = [
        f"http://snomed.info/sct/{m}/version/{d}" for m, d in ((99, 20300101), (11, 20310101), (11, LONG))
    ]
    assert sorted(reversed(editions), key=natural) == editions


def test_digits_of_other_scripts_are_text() -> None:
    assert natural("٣") > natural(LONG)
