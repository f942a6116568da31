"""Messages about displays and their languages."""

from __future__ import annotations

from collections.abc import Sequence

from terminology.core.issues.phrases import or_list
from terminology.core.issues.severity import error, information, warning
from terminology.core.model import Issue


def wrong_display(given: str, coding: str, known: Sequence[str], languages: str, only_blanks: bool) -> Issue:
    """``known`` are the right displays as they are to be quoted."""
    choices = known[0] if len(known) == 1 else f"one of {len(known)} choices: {or_list(known)}"
    text = (
        f"Wrong {'whitespace in ' if only_blanks else ''}Display Name '{given}' for {coding}. Valid display "
        f"is {choices} (for the language(s) '{languages}')"
    )
    message_id = f"Display_Name_{'WS_' if only_blanks else ''}for__should_be_one_of__instead_of"
    return error(code="invalid", text=text, tx="invalid-display", message_id=message_id)


def no_display_to_compare(given: str, coding: str) -> Issue:
    text = f"Cannot validate the display name '{given}' for {coding}, since there are no valid display names"
    return warning(code="invalid", text=text, tx="invalid-display", message_id="NO_VALID_DISPLAY_AT_ALL")


def display_in_default_language(given: str, coding: str, languages: str) -> Issue:
    text = (
        f"There are no valid display names found for the code {coding} for language(s) '{languages}'. The "
        f"display is '{given}' which is a valid display for the default language"
    )
    message_id = "NO_VALID_DISPLAY_FOUND_NONE_FOR_LANG_OK"
    return information(code="invalid", text=text, tx="invalid-display", message_id=message_id)


def wrong_display_no_language(given: str, coding: str, languages: str, default: str) -> Issue:
    text = (
        f"Wrong Display Name '{given}' for {coding}. There are no valid display names found for language(s) "
        f"'{languages}'. Default display is '{default}'"
    )
    message_id = "NO_VALID_DISPLAY_FOUND_NONE_FOR_LANG_ERR"
    return error(code="invalid", text=text, tx="invalid-display", message_id=message_id)


def display_no_longer_correct(given: str, code: str, status: str, correct: Sequence[str]) -> Issue:
    text = (
        f"'{given}' is no longer considered a correct display for code '{code}' (status = {status}). The "
        f"correct display is one of {','.join(_if_needed_quoted(display) for display in correct)}."
    )
    return warning(code="invalid", text=text, tx="display-comment", message_id="INACTIVE_DISPLAY_FOUND")


def display_cannot_be_checked(given: str, coding: str) -> Issue:
    text = (
        f"The display '{given}' for {coding} cannot be checked: the descriptions by the owner of the code "
        "system are not here (they may need a licence), but only words of somebody else's for its codes"
    )
    return warning(code="informational", text=text, tx="process-note")


def _if_needed_quoted(text: str) -> str:
    return f'"{text}"' if any(mark in text for mark in ' ,"') else text


def bad_language(text: str) -> Issue:
    return error(
        code="processing",
        text=f"Invalid displayLanguage: '{text}'",
        tx="invalid-display",
        message_id="INVALID_DISPLAY_NAME",
    )
