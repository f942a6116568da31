"""Messages about displays and their languages."""

from __future__ import annotations

from collections.abc import Sequence

from terminology.core.issues.phrases import or_list
from terminology.core.issues.severity import error, information, warning
from terminology.core.model import Issue

# -- HL7's texts ---------------------------------------------------------------------------------


def wrong_display(
    display: str, coding: str, known: Sequence[str], languages: str, only_blanks: bool
) -> Issue:
    """``known``: the valid displays, in quotes; ``only_blanks``: the display differs in white space only."""
    choices = known[0] if len(known) == 1 else f"one of {len(known)} choices: {or_list(known)}"
    text = (
        f"Wrong {'whitespace in ' if only_blanks else ''}Display Name '{display}' for {coding}. Valid display "
        f"is {choices} (for the language(s) '{languages}')"
    )
    message_id = f"Display_Name_{'WS_' if only_blanks else ''}for__should_be_one_of__instead_of"
    return error(code="invalid", text=text, tx="invalid-display", message_id=message_id)


def display_of_user_assigned_code(display: str, coding: str, known: str, languages: str) -> Issue:
    """``known``: the display of the code system, in quotes."""
    text = (
        f"The display name '{display}' is not a known display name for {coding}. Known display is {known} (for the "
        f"language(s) '{languages}'). Use a supplement to define displays for user assigned codes"
    )
    message_id = "Display_Name_Not_Fixed_use_Supplement"
    return information(code="invalid", text=text, tx="invalid-display", message_id=message_id)


def no_display_to_compare(display: str, coding: str) -> Issue:
    text = (
        f"Cannot validate the display name '{display}' for {coding}, since there are no valid display names"
    )
    return warning(code="invalid", text=text, tx="invalid-display", message_id="NO_VALID_DISPLAY_AT_ALL")


def display_in_default_language(display: str, coding: str, languages: str) -> Issue:
    text = (
        f"There are no valid display names found for the code {coding} for language(s) '{languages}'. The "
        f"display is '{display}' which is a valid display for the default language"
    )
    message_id = "NO_VALID_DISPLAY_FOUND_NONE_FOR_LANG_OK"
    return information(code="invalid", text=text, tx="invalid-display", message_id=message_id)


def display_is_the_code(display: str, coding: str, languages: str) -> Issue:
    text = (
        f"There are no valid display names found for the code {coding} for language(s) '{languages}'. The "
        f"display '{display}' is the code itself, which stands for a display where there is none"
    )
    return information(code="invalid", text=text, tx="invalid-display")


def wrong_display_no_language(display: str, coding: str, languages: str, default: str) -> Issue:
    text = (
        f"Wrong Display Name '{display}' for {coding}. There are no valid display names found for language(s) "
        f"'{languages}'. Default display is '{default}'"
    )
    message_id = "NO_VALID_DISPLAY_FOUND_NONE_FOR_LANG_ERR"
    return error(code="invalid", text=text, tx="invalid-display", message_id=message_id)


def display_no_longer_correct(display: str, code: str, status: str, correct: Sequence[str]) -> Issue:
    text = (
        f"'{display}' is no longer considered a correct display for code '{code}' (status = {status}). The "
        f"correct display is one of {','.join(_if_needed_quoted(name) for name in correct)}."
    )
    return warning(code="invalid", text=text, tx="display-comment", message_id="INACTIVE_DISPLAY_FOUND")


def bad_language(text: str) -> Issue:
    return error(
        code="processing",
        text=f"Invalid displayLanguage: '{text}'",
        tx="invalid-display",
        message_id="INVALID_DISPLAY_NAME",
    )


def _if_needed_quoted(text: str) -> str:
    return f'"{text}"' if any(mark in text for mark in ' ,"') else text


# -- our own texts -------------------------------------------------------------------------------


def display_may_be_another_term(display: str, coding: str) -> Issue:
    """For a fragment that has only some of the owner's terms."""
    text = (
        f"The display '{display}' for {coding} cannot be checked: this server has only some of the terms that the "
        "owner of the code system has for its codes"
    )
    return warning(code="informational", text=text, tx="process-note")


def display_cannot_be_checked(display: str, coding: str) -> Issue:
    """For a code system that this server knows only by supplements of other publishers."""
    text = (
        f"The display '{display}' for {coding} cannot be checked: this server does not have the descriptions by "
        "the owner of the code system (they may need a licence), only names that others gave its codes"
    )
    return warning(code="informational", text=text, tx="process-note")


def display_of_code_not_here(display: str, coding: str, in_fragment: bool = False) -> Issue:
    """For a code that only a value set lists: of an unknown code system, or one that a fragment lacks."""
    why = (
        "its fragment of the code system lacks the code"
        if in_fragment
        else "it does not have the code system"
    )
    text = f"The display '{display}' for {coding} cannot be checked by this server: {why}"
    return warning(code="informational", text=text, tx="process-note")
