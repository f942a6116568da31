"""Texts of other people in a page."""

from __future__ import annotations

import pytest

from terminology.pages import texts
from tests.support.hostile import ALL, ENDLESS, TURNED


@pytest.mark.parametrize("text", [*ALL, ENDLESS])
def test_every_text_is_escaped_and_isolated(text: str) -> None:
    for shown in (texts.brief(text), texts.whole(text), texts.prose(f"`{text}`")):
        assert "<script" not in shown and "<img" not in shown
        assert "<bdi>" in shown and shown.count("<bdi") == shown.count("</bdi>")


@pytest.mark.parametrize(
    "text", [TURNED, "\u2067a", "a\u2069\u202eb", "\u2066\u2067a\u2069\u2069\u2069b", "\u202ea"]
)
def test_letters_that_turn_the_direction_stay_inside_their_text(text: str) -> None:
    """Each isolate that a text begins ends in it, and no other does: else the end of the bdi would be its own."""
    for shown in (texts.brief(text), texts.whole(text), texts.prose(text)):
        depth = 0
        for letter in shown:
            depth += (letter in "\u2066\u2067\u2068") - (letter == "\u2069")
            assert depth >= 0
        assert depth == 0 and "<bdi>" in shown


def test_a_text_that_is_too_long_is_cut_and_can_be_seen_whole() -> None:
    assert len(texts.brief(ENDLESS)) < 300
    whole = texts.whole(ENDLESS)
    assert ENDLESS in whole and "<details" in whole and "100\u202f000" in whole


def test_characters_that_no_page_can_have_are_replaced() -> None:
    assert texts.clean("a\x00b\ud800c\td\n") == "a\ufffdb\ufffdc\td\n"
    assert texts.clean("a\x00b\ud800c").encode()


def test_paragraphs_are_parted_by_blank_lines_and_code_is_marked() -> None:
    assert (
        str(texts.prose("One `two`.\n\nThree"))
        == "<p><bdi>One <code>two</code>.</bdi></p><p><bdi>Three</bdi></p>"
    )


@pytest.mark.parametrize(
    ("code", "words"),
    [("cold-knife", "cold knife"), ("colposcopyGuided", "colposcopy guided"), ("CPT", "CPT"), ("", "")],
)
def test_a_code_is_shown_in_words(code: str, words: str) -> None:
    assert texts.in_words(code) == words
