"""A model of code systems and value sets as sets, written from the specification.

It knows one version of each code system. https://hl7.org/fhir/R5/valueset.html#compositions,
https://hl7.org/fhir/R5/codesystem-filter-operator.html, https://hl7.org/fhir/R5/codesystem-concept-properties.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from terminology.core.model import Document

Code = tuple[str, str]


class UnusableFilterError(Exception):
    """A filter names a concept that its code system does not have."""


class CodeSystemModel:
    """The concepts of a CodeSystem by their codes."""

    def __init__(self, document: Document) -> None:
        self.url: str = document["url"]
        self.case_counts = document.get("caseSensitive") is True
        self.concepts: dict[str, Document] = {}
        self.parents: dict[str, set[str]] = {}
        self._add(document["concept"], None)

    def _add(self, nodes: list[Document], above: str | None) -> None:
        for node in nodes:
            said = set(values_of(node, "parent"))
            self.concepts[node["code"]] = node
            self.parents[node["code"]] = said | ({above} if above is not None else set())
            self._add(node.get("concept", []), node["code"])

    def concept_of(self, code: str) -> str | None:
        """The code of the concept that a code means: exactly, or without its case where case does not count."""
        if code in self.concepts or self.case_counts:
            return code if code in self.concepts else None
        return next((other for other in self.concepts if other.lower() == code.lower()), None)

    def is_inactive(self, code: str) -> bool:
        node = self.concepts[code]
        return values_of(node, "inactive") == [True] or "retired" in values_of(node, "status")

    def is_abstract(self, code: str) -> bool:
        return values_of(self.concepts[code], "notSelectable") == [True]

    def ancestors(self, code: str) -> set[str]:
        """Every concept above: the transitive closure of the parents."""
        found: set[str] = set()
        new = self.parents[code]
        while new:
            found |= new
            new = {above for parent in new for above in self.parents[parent]} - found
        return found

    def subsumes(self, one: str, other: str) -> bool:
        return one == other or one in self.ancestors(other)

    def satisfying(self, filter_: Document) -> set[str]:
        """The codes that a filter chooses. Raises UnusableFilterError."""
        value = filter_["value"]
        if filter_["property"] == "concept":
            concept = self.concept_of(value)
            if concept is None:
                raise UnusableFilterError
            return {code for code in self.concepts if self._stands(code, filter_["op"], concept)}
        return {code for code in self.concepts if _holds(self._texts(code, filter_), filter_["op"], value)}

    def _stands(self, code: str, operator: str, value: str) -> bool:
        """How a code stands to the concept of a filter."""
        below = value in self.ancestors(code)
        return {
            "is-a": below or code == value,
            "descendent-of": below,
            "is-not-a": not below and code != value,
            "generalizes": self.subsumes(code, value),
            "child-of": value in self.parents[code],
            "descendent-leaf": below and not any(code in parents for parents in self.parents.values()),
        }[operator]

    def _texts(self, code: str, filter_: Document) -> list[str]:
        name = filter_["property"]
        return [code] if name == "code" else [str(v) for v in values_of(self.concepts[code], name)]


def _holds(texts: list[str], operator: str, value: str) -> bool:
    if operator == "exists":
        return bool(texts) is (value == "true")
    if operator == "regex":
        return any(re.fullmatch(value, text) for text in texts)
    return any(text in value.split(",") for text in texts)


def values_of(node: Document, property_: str) -> list[Any]:
    """The values of a property of a concept."""
    found = (p for p in node.get("property", ()) if p["code"] == property_)
    return [value for p in found for name, value in p.items() if name.startswith("value")]


class SetModel:
    """The members of the value sets of a world."""

    def __init__(self, documents: list[Document]) -> None:
        systems = [d for d in documents if d["resourceType"] == "CodeSystem" and d["content"] == "complete"]
        self.systems = {document["url"]: CodeSystemModel(document) for document in systems}
        self._sets = {d["url"]: d for d in documents if d["resourceType"] == "ValueSet"}

    def members(self, url: str) -> set[Code]:
        """The codes of a value set. Raises UnusableFilterError."""
        return self._members_of(self._sets[url])

    def _members_of(self, document: Document) -> set[Code]:
        if "compose" not in document:
            meant = [(url, self.systems[url].concept_of(c)) for url, c in _listed(document["expansion"])]
            return {(url, code) for url, code in meant if code is not None}
        compose = document["compose"]
        included = self._union(compose["include"], document)
        found = included - self._union(compose.get("exclude", []), document)
        if compose.get("inactive") is False:
            found = {(url, code) for url, code in found if not self.systems[url].is_inactive(code)}
        return found

    def _union(self, blocks: list[Document], document: Document) -> set[Code]:
        return {code for block in blocks for code in self._chosen(block, document)}

    def _chosen(self, block: Document, document: Document) -> set[Code]:
        """What a block chooses of its code system, and is in all of the value sets that it imports."""
        inner = {f"#{contained['id']}": contained for contained in document.get("contained", ())}
        sets = [self._members_of(inner.get(url) or self._sets[url]) for url in block.get("valueSet", ())]
        if "system" in block:
            sets.append({(block["system"], code) for code in self._of_system(block)})
        return set.intersection(*sets)

    def _of_system(self, block: Document) -> set[str]:
        system = self.systems[block["system"]]
        if "concept" in block:
            meant = (system.concept_of(node["code"]) for node in block["concept"])
            return {code for code in meant if code is not None}
        chosen = (system.satisfying(filter_) for filter_ in block.get("filter", ()))
        return set.intersection(set(system.concepts), *chosen)


def _listed(node: Document) -> Iterator[Code]:
    """The codes in an expansion, or below an entry of one."""
    for entry in node.get("contains", ()):
        yield entry["system"], entry["code"]
        yield from _listed(entry)
