"""Messages about texts that the licence of a code system keeps back."""

from __future__ import annotations

from terminology.core.issues.severity import error
from terminology.core.model import Issue


def texts_kept_back(system: str, licence: str, property_: str) -> Issue:
    text = (
        f"The filter on '{property_}' needs texts of the code system {system}, which this service may not use for you: "
        f"they need {licence}"
    )
    return error(code="forbidden", text=text)


def answer_kept_back(system: str, licence: str, server: str) -> Issue:
    text = (
        f"The answer of the upstream {server} has content of the code system {system}, which this service may not "
        f"pass on to you: it needs {licence}"
    )
    return error(code="forbidden", text=text)
