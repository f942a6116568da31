"""Typing errors in the names of parameters.

FHIR lets a server ignore a parameter that it does not know (https://hl7.org/fhir/R5/operations.html), and
most are of other servers. One that is nearly the name of a parameter is a typing error: the answer then says so,
whether it is an error or not. Where it is said: docs/design.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

from terminology.core import issues
from terminology.core.errors import TerminologyError
from terminology.core.model import Document, Issue
from terminology.operations.spelling import near_names
from terminology.wire.outcome import operation_outcome
from terminology.wire.parameters import Argument, Parameter

# The header that carries warnings: RFC 7234, section 5.5, with the code for a miscellaneous one.
WARNING = "Warning"
# How many unknown names are compared with the known ones: the first, since a client makes few such errors.
_MOST = 20
_AGENT = "terminology-adapter"
# A request with more unknown names than this has other faults than typing errors.
_MOST_NAMES = 20


def slips(parameters: Sequence[Parameter], ignored: Iterable[Argument]) -> list[Issue]:
    """A warning for each of the ignored arguments whose name is nearly that of a parameter."""
    known = [name for parameter in parameters for name in parameter.names]
    return _warnings({argument.name: argument.at for argument in islice(ignored, _MOST)}, known)


def slips_of_search(known: Iterable[str], query: Iterable[tuple[str, str]]) -> list[Issue]:
    """The same for the parameters of a search; ``known`` are their names without modifiers."""
    names = list(known)
    names_sent = dict.fromkeys(name.partition(":")[0] for name, _ in query)
    ignored = (name for name in names_sent if name not in names)
    return _warnings({name: name for name in islice(ignored, _MOST)}, names)


def _warnings(places: Mapping[str, str], known: Sequence[str]) -> list[Issue]:
    """``places``: unknown names, and where each stands."""
    near = {name: near_names(name, known) for name in islice(places, _MOST_NAMES)}
    return [
        issues.ignored_parameter(name, choices, places[name]) for name, choices in near.items() if choices
    ]


def explain(error: TerminologyError, warnings: Sequence[Issue], place: str | None) -> None:
    """Let the first issue of an error name the typing errors of the request as well.

    Where the operation has ``issues`` as a ``place`` for warnings its texts are HL7's: then beside the text.
    """
    if not warnings:
        return
    hint = " ".join(warning.text for warning in warnings)
    first = error.issues[0]
    if place == "issues":
        error.issues[0] = issues.with_diagnostics(first, hint)
        return
    error.issues[0] = issues.with_hint(first, hint)
    # ``str(error)`` is what callers of the library print.
    error.args = ("; ".join(issue.text for issue in error.issues),)


def header(warnings: Iterable[Issue]) -> str:
    """The value of the header ``Warning``. Names and choices are plain ASCII: see ``near_names``."""
    return ", ".join(f'199 {_AGENT} "{_plain(warning.text)}"' for warning in warnings)


def _plain(text: str) -> str:
    """The text as a quoted string of a header can have it."""
    return "".join(c for c in text if " " <= c <= "~" and c not in '"\\')


def with_warnings(document: Document, place: str | None, warnings: Sequence[Issue]) -> Document:
    """A Parameters resource with the warnings in the parameter ``place``: ``issues`` or ``message``."""
    if place is None or not warnings:
        return document
    nodes = list(document.get("parameter", ()))
    index = next((i for i, node in enumerate(nodes) if node["name"] == place), None)
    if place == "issues":
        outcome = operation_outcome(warnings)
        if index is not None:
            outcome["issue"] = [*nodes.pop(index)["resource"]["issue"], *outcome["issue"]]
        nodes.append({"name": place, "resource": outcome})
    else:
        text = " ".join(warning.text for warning in warnings)
        if index is None:
            # After the result, which comes first.
            nodes.insert(1, {"name": place, "valueString": text})
        else:
            nodes[index] = {"name": place, "valueString": f"{nodes[index]['valueString']} {text}"}
    return {**document, "parameter": nodes}
