"""What the words of local texts mean."""

from __future__ import annotations

import pytest

from terminology.core.texts import words
from terminology.workbench.glossary import english_forms, meanings


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("bx", "biopsy"),
        ("cone biopsy", "conization"),
        ("Gebärmutterhals", "cervix"),
        ("Gebärmutterhalskrebs", "cervix malignant neoplasm"),
        ("Eierstockzyste", "ovary cyst"),
        ("Schlingenkonisation", "loop conization"),
    ],
)
def test_abbreviations_synonyms_and_german_compounds_are_read(text: str, meaning: str) -> None:
    assert meaning in [" ".join(each.words) for _, each in meanings(words(text), 0)]


@pytest.mark.parametrize("text", ["konisationx", "krebsa", "uterus9", "xyz"])
def test_a_word_that_is_not_known_has_no_meaning(text: str) -> None:
    assert list(meanings([text], 0)) == []


def test_words_in_a_row_come_before_single_ones() -> None:
    lengths = [length for length, _ in meanings(words("cold knife bösartige neubildung"), 2)]
    assert lengths == sorted(lengths, reverse=True) and lengths[0] == 2


@pytest.mark.parametrize(
    ("german", "english"),
    [
        ("hysterektomie", "hysterectomy"),
        ("karzinom", "carcinoma"),
        ("stenose", "stenosis"),
        ("konisation", "conization"),
        ("chronisch", "chronic"),
    ],
)
def test_a_German_word_of_Latin_or_Greek_has_an_English_form(german: str, english: str) -> None:
    assert english in english_forms(german)


def test_a_short_word_or_one_with_a_digit_has_no_other_form() -> None:
    assert english_forms("akne") == english_forms("karzinom2") == []
