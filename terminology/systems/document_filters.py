"""The filters of a code system that is a CodeSystem resource: tests of the keys of its concepts."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from terminology.core.model import CodeSystemInfo, Document, Typed
from terminology.core.numbers import number
from terminology.systems.description import SystemDescription
from terminology.systems.document_index import DocumentIndex, Node
from terminology.systems.filters import Accepts, ConceptFilters, Passing, ReadValues, anything

Keys = Passing[str]


class DocumentFilters(ConceptFilters[Keys, str]):
    """Filters on a ``DocumentIndex``. A filter reads only the concepts that are asked about."""

    def __init__(
        self,
        about: CodeSystemInfo,
        document: Document,
        index: DocumentIndex,
        description: SystemDescription | None = None,
    ) -> None:
        super().__init__(about, document, description)
        self._index = index

    def find(self, code: str) -> str | None:
        key = self._index.key(code)
        return key if key in self._index.nodes else None

    def everything(self) -> Keys:
        return anything()

    def below(self, concept: str, itself: bool) -> Keys:
        below = self._index.descendants(concept)
        return Passing((below | {concept} if itself else below - {concept}).__contains__)

    def above(self, concept: str) -> Keys:
        return Passing((self._index.ancestors(concept) | {concept}).__contains__)

    def children(self, concept: str) -> Keys:
        return Passing(frozenset(self._index.children.get(concept, ())).__contains__)

    def inner(self) -> Keys:
        return Passing(self._index.children.__contains__)

    def marked(self, mark: str) -> Keys:
        concept = self._index.concept
        if mark == "inactive":
            return Passing(lambda key: concept(key).inactive)
        return Passing(lambda key: concept(key).abstract)

    def with_status(self, accepts: Accepts) -> Keys:
        concept = self._index.concept
        return Passing(lambda key: (status := concept(key).status) is not None and accepts(status))

    # -- values ------------------------------------------------------------------------------

    def codes(self) -> ReadValues[str]:
        return self._read(lambda node: [node["code"]], self._index.key)

    def texts(self, name: str) -> ReadValues[str]:
        return self._read(lambda node: [node[name]] if name in node else [])

    def relatives(self, role: str) -> ReadValues[str]:
        index = self._index
        edges = index.children if role == "child" else index.parents
        return ReadValues(lambda key: [index.nodes[k]["code"] for k in edges.get(key, ())], index.key)

    def property_values(self, code: str, is_number: bool, is_code: bool) -> ReadValues[str]:
        normal = number if is_number else self._index.key if is_code else None
        return self._read(partial(_values, code), normal)

    def values_in_any_case(self, code: str) -> ReadValues[str]:
        return self._read(partial(_values, code), str.casefold)

    def property_of(self, concept: str, code: str) -> list[str]:
        return _values(code, self._index.nodes[concept])

    def _read(
        self, values: Callable[[Node], list[str]], normal: Callable[[str], str] | None = None
    ) -> ReadValues[str]:
        nodes = self._index.nodes
        return ReadValues(lambda key: values(nodes[key]), normal)


def _values(code: str, node: Node) -> list[str]:
    """The values of a property of a concept."""
    return [_value(p) for p in node.get("property", ()) if p.get("code") == code]


def _value(node: Node) -> str:
    """The value of a property as filters compare it."""
    value = Typed.of(node)
    if value is None:
        return ""
    if value.type == "Coding":
        return str(value.value.get("code", ""))
    return str(value.value).lower() if value.type == "boolean" else str(value.value)
