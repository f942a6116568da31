"""Rows of rules: a request in short, and some facts that its answer has.

A row of a table is ``title: (request, facts)``. A request is the name of a method of ``Asking`` with its arguments;
the facts are a part of those that the method returns, by short names. A fact whose name ends with ``~`` is a text
that has to be in the answer somewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from terminology import Terminology
from terminology.core.errors import TerminologyError
from terminology.core.model import Document
from tests.support.asking import properties, values
from tests.support.builders import value_set

Facts = dict[str, Any]
Rule = tuple[tuple[Any, ...], Facts]
RELEASES = ("r4", "r4b", "r5")
_UNCLOSED = "http://hl7.org/fhir/StructureDefinition/valueset-unclosed"


class Asking:
    """Asks a library about one code system, in a release of FHIR."""

    def __init__(self, terminology: Terminology, system: str, release: str = "r5") -> None:
        self.terminology, self.system, self.release = terminology, system, release

    def lookup(self, code: str, **more: Any) -> Facts:
        return self._facts("CodeSystem/$lookup", system=self.system, code=code, **more)

    def validate(self, code: str, **more: Any) -> Facts:
        """$validate-code of the code system; ``display`` and others are further parameters."""
        return self._facts("CodeSystem/$validate-code", url=self.system, code=code, **more)

    def subsumes(self, one: str, other: str) -> Facts:
        return self._facts("CodeSystem/$subsumes", system=self.system, codeA=one, codeB=other)

    def filter(self, *filters: str, **more: Any) -> Facts:
        """$expand of a value set with one include; a filter is a text of property, operator and value."""
        return self._facts("ValueSet/$expand", valueSet=self._set(filters), **more)

    def member(self, code: str, *filters: str, **more: Any) -> Facts:
        """$validate-code against such a value set."""
        own = self._set(filters)
        return self._facts("ValueSet/$validate-code", valueSet=own, system=self.system, code=code, **more)

    def listed(self, *codes: str, **more: Any) -> Facts:
        """$expand of a value set that lists codes."""
        own = value_set("listed", {"system": self.system, "concept": [{"code": code} for code in codes]})
        return self._facts("ValueSet/$expand", valueSet=own, **more)

    def expand(self, url: str, **more: Any) -> Facts:
        return self._facts("ValueSet/$expand", url=url, **more)

    def context(self, **named: Any) -> Facts:
        """$expand without a value set."""
        return self._facts("ValueSet/$expand", **named)

    def inside(self, url: str, code: str, **more: Any) -> Facts:
        """$validate-code against a value set of the server."""
        return self._facts("ValueSet/$validate-code", url=url, system=self.system, code=code, **more)

    def _set(self, filters: Sequence[str]) -> Document:
        nodes = [
            {"property": name, "op": op, "value": value}
            for name, op, value in (each.split(" ", 2) for each in filters)
        ]
        return value_set("filtered", {"system": self.system} | ({"filter": nodes} if nodes else {}))

    def _facts(self, operation: str, **parameters: Any) -> Facts:
        try:
            answer = self.terminology.ask(operation, release=self.release, **parameters)
        except TerminologyError as error:
            first = error.issues[0]
            text = " ".join(f"{issue.text} {issue.diagnostics or ''}" for issue in error.issues)
            return {"error": first.message_id or first.code, "text": text}
        return _of_value_set(answer) if answer["resourceType"] == "ValueSet" else _of_parameters(answer)


def _of_parameters(answer: Document) -> Facts:
    """The values of parameters by name; the severities and texts of issues; properties, and designations by use."""
    facts: Facts = {
        node["name"]: next(v for k, v in node.items() if k.startswith("value"))
        for node in answer["parameter"]
        if any(key.startswith("value") for key in node)
    }
    outcomes = [each["resource"]["issue"] for each in values(answer, "issues")]
    issues = [issue for outcome in outcomes for issue in outcome]
    facts["issues"] = [issue["severity"] for issue in issues]
    facts["text"] = " ".join(f"{issue['details']['text']} {issue.get('diagnostics', '')}" for issue in issues)
    facts["hint"] = "Did you mean" in facts["text"]
    facts |= properties(answer)
    names: dict[str | None, list[str]] = {}
    for node in values(answer, "designation"):
        parts = {
            part["name"]: next(v for k, v in part.items() if k.startswith("value")) for part in node["part"]
        }
        names.setdefault(parts.get("use", {}).get("code"), []).append(parts["value"])
    return facts | {"designations": names}


def _of_value_set(answer: Document) -> Facts:
    """The elements of the value set, its codes, displays and parameters, and whether and why it is unclosed."""
    expansion = answer["expansion"]
    contains = expansion.get("contains", [])
    extensions = {each["url"]: each for each in expansion.get("extension", ())}
    reason = extensions.get(f"{_UNCLOSED}-reason", {}).get("valueString", "")
    echoed = {
        each["name"]: next(v for k, v in each.items() if k.startswith("value"))
        for each in expansion.get("parameter", ())
    }
    return (
        answer
        | echoed
        | {
            "codes": [entry["code"] for entry in contains],
            "displays": [entry.get("display") for entry in contains],
            "inactive": [entry["code"] for entry in contains if entry.get("inactive")],
            "statuses": [status for entry in contains for status in _statuses(entry)],
            "total": expansion.get("total"),
            "unclosed": extensions.get(_UNCLOSED, {}).get("valueBoolean", False),
            "reason": reason,
        }
    )


def _statuses(entry: Document) -> list[str]:
    """The property ``status`` of an entry; R4 has it as an extension."""
    nodes = [*entry.get("property", ()), *map(_parts, entry.get("extension", ()))]
    return [node["valueCode"] for node in nodes if node.get("code") == "status"]


def _parts(extension: Document) -> Document:
    parts = {part["url"]: part for part in extension.get("extension", ())}
    return {
        "code": parts.get("code", {}).get("valueCode"),
        "valueCode": parts.get("value", {}).get("valueCode"),
    }


def holds(rule: Rule, asking: Asking) -> None:
    """Assert that the answer to the request of a row has its facts."""
    (method, *arguments), expected = rule
    more = arguments.pop() if arguments and isinstance(arguments[-1], dict) else {}
    answer: Facts = getattr(asking, method)(*arguments, **more)
    for name, fact in expected.items():
        if name.endswith("~"):
            assert fact in str(answer.get(name[:-1])), name
        else:
            assert answer.get(name) == fact, name
