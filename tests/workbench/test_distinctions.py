"""Numbers, sides, extents and degrees: in what texts of almost the same words differ."""

from __future__ import annotations

import pytest

from terminology.core.texts import words
from terminology.workbench.distinctions import differences, distinctions, roman_numeral, spelled_numerals


def different(text: str, term: str) -> dict[str, str]:
    one, other = (distinctions(spelled_numerals(words(each))) for each in (text, term))
    return differences(one, other)


@pytest.mark.parametrize(
    ("text", "numerals"),
    [
        ("CIN II-III", ["cin", "2", "3"]),
        ("CIN I/II", ["cin", "1", "2"]),
        ("CINIII VIN3", ["cin", "3", "vin", "3"]),
        ("FIGO stage IV", ["figo", "stage", "4"]),
        ("2nd degree", ["2", "degree"]),
        ("i.v. contrast, x ray, vitamin", ["i", "v", "contrast", "x", "ray", "vitamin"]),
        ("IV infusion", ["iv", "infusion"]),
    ],
)
def test_Roman_numerals_are_Arabic_ones_and_letters_stay_letters(text: str, numerals: list[str]) -> None:
    assert spelled_numerals(words(text)) == numerals


def test_only_a_Roman_numeral_of_two_letters_can_be_looked_for() -> None:
    assert [roman_numeral(word) for word in ("2", "15", "1", "16", "0", "cin")] == ["ii", "xv", *[None] * 4]


@pytest.mark.parametrize(
    ("text", "term", "kinds"),
    [
        ("grade II", "grade 3", ["number"]),
        ("left ovary", "right ovary", ["side"]),
        ("left ovary", "both ovaries", ["sides"]),
        ("left and right ovary", "bilateral", []),
        ("partial", "total", ["extent"]),
        ("links total", "right subtotal", ["extent", "side"]),
        ("low grade", "high grade", ["grade"]),
        ("mild", "severe", ["degree"]),
        ("type 2 stage 4", "type 2 stage 3", ["number"]),
        ("grade 2", "grade 2b", []),
        ("grade 2 in 2026", "grade 2", []),
        ("grade 2", "neoplasia", []),
        ("neoplasia", "grade 2", []),
        ("grade 2", "grade 2 or 3", []),
    ],
)
def test_a_term_differs_where_it_contradicts_the_text(text: str, term: str, kinds: list[str]) -> None:
    assert sorted(different(text, term)) == kinds


def test_a_difference_says_what_stands_for_what() -> None:
    assert different("CIN II", "CIN III") == {"number": "3 for 2"}
