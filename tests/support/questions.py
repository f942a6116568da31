"""Questions about worlds drawn at random, and their answers in few words."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from terminology import Terminology, TerminologyError
from terminology.core.model import Document
from tests.support.asking import value, values
from tests.support.builders import body_of
from tests.support.engine import catalogue_of
from tests.support.worlds import flat


def primitive(name: str, content: str | bool | int) -> Document:
    """A parameter with a value of a simple type."""
    if isinstance(content, bool):
        return {"name": name, "valueBoolean": content}
    if isinstance(content, int):
        return {"name": name, "valueInteger": content}
    kinds = {"url": "valueUri", "system": "valueUri", "targetSystem": "valueUri", "code": "valueCode"}
    return {"name": name, kinds.get(name, "valueString"): content}


def forms(system: str, code: str, **more: str) -> Iterable[list[Document]]:
    """The same code as a code, a coding and a CodeableConcept; ``more`` are display and version."""
    node = {"system": system, "code": code, **more}
    bare = {("systemVersion" if name == "version" else name): content for name, content in node.items()}
    yield [primitive(name, content) for name, content in bare.items()]
    yield [{"name": "coding", "valueCoding": node}]
    yield [{"name": "codeableConcept", "valueCodeableConcept": {"coding": [node]}}]


class World:
    """A server of a world. An answer is None where the request was refused."""

    def __init__(self, documents: list[Document], release: str = "r5") -> None:
        self._terminology = Terminology(catalogue=catalogue_of(documents))
        self._release = release

    def ask(self, operation: str, *parameters: Document, **values_: Any) -> Document | None:
        body = body_of(*(primitive(name, content) for name, content in values_.items()), *parameters)
        try:
            return self._terminology.ask(operation, body, self._release)
        except TerminologyError:
            return None

    def expansion(self, *parameters: Document, **values_: Any) -> Document | None:
        answer = self.ask("ValueSet/$expand", *parameters, **values_)
        return answer and answer["expansion"]

    def listing(self, *parameters: Document, **values_: Any) -> list[Document] | None:
        """The entries of an expansion, flat."""
        expansion = self.expansion(*parameters, **values_)
        return None if expansion is None else [*flat(expansion.get("contains", []))]

    def verdict(self, *parameters: Document, **values_: Any) -> tuple[bool | None, str | None]:
        """Result and display of a value set's ``$validate-code``."""
        return verdict_of(self.ask("ValueSet/$validate-code", *parameters, **values_))


def verdict_of(answer: Document | None) -> tuple[bool | None, str | None]:
    """Result and display of a validation."""
    return (None, None) if answer is None else (value(answer, "result"), value(answer, "display"))


def issues_of(answer: Document | None) -> list[str]:
    """The texts of the issues of a validation."""
    outcomes = values(answer, "issues") if answer else []
    return [issue["details"]["text"] for outcome in outcomes for issue in outcome["resource"]["issue"]]
