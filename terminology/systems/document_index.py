"""The concepts of a CodeSystem resource, indexed once by their codes.

Hierarchy comes from nesting and from the properties ``parent``, ``child`` and ``subsumedBy``. Keys are those of
``core.code_keys``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from terminology.core.budget import spend
from terminology.core.cache import Cache
from terminology.core.code_keys import CodeKeys
from terminology.core.languages import STANDARDS_STATUS, Languages
from terminology.core.model import CodeSystemInfo, Concept, ConceptDetail, Document, Property, Typed
from terminology.core.texts import folded
from terminology.systems.metadata import (
    INACTIVE_STATUS,
    MARKS,
    deprecations_of,
    designation_of,
    is_deprecation,
    roles_of,
)

# The number of concepts of a code system whose details are kept once they have been read.
ROOM_OF_DETAILS = 10_000_000

Node = dict[str, Any]


def _bytes_of_detail(detail: ConceptDetail) -> int:
    return 200 + 200 * (len(detail.designations) + len(detail.properties))


class DocumentIndex:
    """Nodes, parents and children of a CodeSystem resource by key; concepts and details are read from them."""

    def __init__(self, about: CodeSystemInfo, document: Document) -> None:
        self._language = about.language
        self._role = roles_of(document)
        self._marks = {self._role[role]: role for role in MARKS if role in self._role}
        self._deprecations = deprecations_of(document)
        self._concepts: dict[str, Concept] = {}
        self._details: Cache[ConceptDetail] = Cache(ROOM_OF_DETAILS, _bytes_of_detail)
        self.nodes: dict[str, Node] = {}
        self._keys = CodeKeys(about.case_sensitive, self.nodes)
        # The key of a code of a request, whether a concept has it or not.
        self.key = self._keys.of
        self.parents: dict[str, list[str]] = {}
        self.children: dict[str, list[str]] = {}
        # Each parent with each child, while they are added: a concept may have thousands of either.
        self._related: set[tuple[str, str]] = set()
        self._add(document.get("concept", ()), None)
        self._add_hierarchy_of_properties()
        self._related.clear()

    # -- indexing ----------------------------------------------------------------------------

    def _add(self, nodes: Sequence[Node], parent: str | None) -> None:
        for node in nodes:
            if "code" not in node:
                self._add(node.get("concept", ()), parent)
                continue
            key = self._keys.own(node["code"])
            self.nodes.setdefault(key, node)
            if parent is not None:
                self._relate(parent, key)
            self._add(node.get("concept", ()), key)

    def _add_hierarchy_of_properties(self) -> None:
        """Only codes of this code system take part. Children stay in the order of the resource."""
        for key, node in self.nodes.items():
            for role in ("parent", "subsumedBy"):
                for value in self._values(node, role):
                    self._relate(self.key(str(value)), key)
        for key, node in self.nodes.items():
            for value in self._values(node, "child"):
                self._relate(key, self.key(str(value)))
        places = {key: place for place, key in enumerate(self.nodes)}
        for children in self.children.values():
            children.sort(key=places.__getitem__)

    def _relate(self, parent: str, child: str) -> None:
        pair = (parent, child)
        if pair not in self._related and parent in self.nodes and child in self.nodes:
            self._related.add(pair)
            self.parents.setdefault(child, []).append(parent)
            self.children.setdefault(parent, []).append(child)

    def _values(self, node: Node, role: str) -> list[Any]:
        code = self._role.get(role)
        if code is None:
            return []
        values = (Typed.of(p) for p in node.get("property", ()) if p.get("code") == code)
        return [value.value for value in values if value is not None]

    # -- hierarchy ---------------------------------------------------------------------------

    def ancestors(self, key: str) -> set[str]:
        """The keys above a key; the key itself only where it is in a circle."""
        return _closure(key, self.parents)

    def descendants(self, key: str) -> set[str]:
        """The keys below a key; the key itself only where it is in a circle."""
        return _closure(key, self.children)

    # -- concepts ----------------------------------------------------------------------------

    def concept(self, key: str) -> Concept:
        concept = self._concepts.get(key)
        if concept is None:
            concept = self._concepts[key] = self._read_concept(self.nodes[key])
        if self._deprecations:
            # Computed each time: a date may come while the server runs.
            concept.deprecated_by_date = self._is_deprecated(self.nodes[key])
        return concept

    def _is_deprecated(self, node: Node) -> bool:
        values = (Typed.of(p) for p in node.get("property", ()) if p.get("code") in self._deprecations)
        return any(value is not None and is_deprecation(value) for value in values)

    def _read_concept(self, node: Node) -> Concept:
        concept = Concept(node["code"], node.get("display"), node.get("definition"))
        for property_ in node.get("property", ()):
            role = self._marks.get(property_.get("code"))
            value = Typed.of(property_) if role else None
            if value is None:
                continue
            if role == "status":
                concept.status = concept.status or str(value.value)
            elif value.value is True and role == "notSelectable":
                concept.abstract = True
            elif value.value is True:
                concept.inactive = True
        concept.status = concept.status or _standards_status(node)
        concept.inactive = concept.inactive or concept.status in INACTIVE_STATUS
        return concept

    def detail(self, key: str) -> ConceptDetail:
        return self._details.get(key, lambda: self._read_detail(key, self.nodes[key]))

    def _read_detail(self, key: str, node: Node) -> ConceptDetail:
        return ConceptDetail(
            designations=[designation_of(d, self._language) for d in node.get("designation", ())],
            properties=[
                *(self._relative("parent", other) for other in self.parents.get(key, ())),
                *(self._relative("child", other) for other in self.children.get(key, ())),
                *(
                    self._property(p)
                    for p in node.get("property", ())
                    if p.get("code") and p["code"] not in self._hierarchy
                ),
            ],
            extension=node.get("extension", ()),
        )

    @cached_property
    def _hierarchy(self) -> frozenset[str]:
        return frozenset(self._role[role] for role in ("parent", "child") if role in self._role)

    def _relative(self, role: str, key: str) -> Property:
        node = self.nodes[key]
        return Property(role, "code", node["code"], node.get("display"))

    def _property(self, node: Node) -> Property:
        typed = Typed.of(node) or Typed("string", "")
        concept = self.nodes.get(self.key(str(typed.value))) if typed.type == "code" else None
        return Property(node["code"], typed.type, typed.value, concept.get("display") if concept else None)

    # -- texts -------------------------------------------------------------------------------

    @cached_property
    def texts(self) -> dict[str, str]:
        """Code, display and designations of each concept, folded."""
        return {key: "".join(texts.values()) for key, texts in self.texts_by_language.items()}

    @cached_property
    def words(self) -> list[str]:
        """The words of all texts, each once, in order."""
        return sorted({word for text in self.texts.values() for word in text.split()})

    @cached_property
    def texts_by_language(self) -> dict[str, dict[str | None, str]]:
        """The same by language; the code has none."""
        by_key: dict[str, dict[str | None, str]] = {key: {} for key in self.nodes}
        for key, node in self.nodes.items():
            texts = by_key[key]
            for text, language in _texts(node, self._language):
                tag = language or None
                texts[tag] = texts.get(tag, "") + folded(text)
        return by_key

    def has_text_in(self, key: str, languages: Languages) -> bool:
        """Does a concept have a text in one of these languages?"""
        return any(languages.rank(tag) for tag in self.texts_by_language[key])


def _closure(key: str, edges: Mapping[str, Sequence[str]]) -> set[str]:
    """All keys that can be reached; a circle in the resource does no harm."""
    reached: set[str] = set()
    waiting = list(edges.get(key, ()))
    while waiting:
        other = waiting.pop()
        if other not in reached:
            reached.add(other)
            waiting.extend(edges.get(other, ()))
    spend(len(reached))
    return reached


def _standards_status(node: Node) -> str | None:
    marks = (e.get("valueCode") for e in node.get("extension", ()) if e.get("url") == STANDARDS_STATUS)
    return next(marks, None)


def _texts(node: Node, language: str | None) -> Iterator[tuple[str, str | None]]:
    """All texts of a concept, each with its language."""
    yield node["code"], None
    if "display" in node:
        yield node["display"], language
    for designation in node.get("designation", ()):
        yield designation.get("value", ""), designation.get("language")
