"""A ConceptMap compiled into rows, which are found from either end.

https://hl7.org/fhir/R5/conceptmap.html. The resource is in R5 shape and never changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

from terminology.core.model import Coding, Document, Typed, split_canonical
from terminology.core.texts import bare, code_of_uri

# The R4 equivalence that a mapping was written with, and the comment on a code without a target, as HAPI's
# converter keeps them.
KEPT_WORD = "http://hl7.org/fhir/1.0/StructureDefinition/extension-ConceptMap.element.target.equivalence"
NO_MAP_COMMENT = (
    "http://hl7.org/fhir/4.0/StructureDefinition/extension-ConceptMap.group.element.target.comment"
)
# A property of a row without a target: on the element, where R4 has it on its ``unmatched`` target.
NO_MAP_PROPERTY = (
    "http://hl7.org/fhir/5.0/StructureDefinition/extension-ConceptMap.group.element.target.property"
)

# How a map says that it holds in one direction only: the end of the url of its extension with the value true, or of
# the uri of a property that it declares (the flags of the General Equivalence Mappings).
ONE_WAY_EXTENSION = "/StructureDefinition/concept-map-one-way"
# The end of the url of another one: the map fills in for fuller ones between its code systems, which may be imported.
FILLS_IN_EXTENSION = "/StructureDefinition/concept-map-fills-in"
ONE_WAY_PROPERTY = "#gemFlags"

# The end of the url of an extension of our own: a code of the source (``code``) of which nobody knows yet whether it
# has a target, and what would tell (``gap``). https://hl7.org/fhir/R5/conceptmap.html has noMap for a code without one.
GAP_EXTENSION = "/StructureDefinition/concept-map-gap"

FLIPPED = {
    "source-is-narrower-than-target": "source-is-broader-than-target",
    "source-is-broader-than-target": "source-is-narrower-than-target",
}
FLIPPED_WORD = {"subsumes": "specializes", "specializes": "subsumes"}

Node = dict[str, Any]


@dataclass(slots=True, frozen=True)
class Attribute:
    """A condition (``dependsOn``) or a further result (``product``): ``uri`` names the attribute."""

    code: str
    uri: str
    value: Typed


@dataclass(slots=True, frozen=True)
class MapProperty:
    """``target.property``: more information about a mapping."""

    uri: str
    value: Typed


@dataclass(slots=True)
class ConceptMapRow:
    """One mapping. ``target`` is None where the map says that there is no target (``noMap``).

    ``target_value_set`` is the canonical of a value set; all its codes are targets, and ``target`` is None.
    ``word`` is the R4 equivalence that the map was written with, where it is finer than ``relationship``.
    """

    source: Coding
    target: Coding | None
    relationship: str | None = None
    word: str | None = None
    comment: str | None = None
    depends_on: Sequence[Attribute] = ()
    products: Sequence[Attribute] = ()
    properties: Sequence[MapProperty] = ()
    target_value_set: str | None = None


@dataclass(slots=True)
class Unmapped:
    """``group.unmapped``: how a group maps the codes that it does not list."""

    mode: str
    code: str | None = None
    display: str | None = None
    relationship: str | None = None
    other_map: str | None = None
    value_set: str | None = None


class Rows(Protocol):
    """The rows of a group by the codes of one of its ends."""

    def of(self, code: str) -> Sequence[ConceptMapRow]:
        """The rows of a code; none for a code that is not listed."""

    def __contains__(self, code: object) -> bool: ...

    def spelled_like(self, code: str) -> Iterable[str]:
        """The listed codes that differ only in dots, blanks, case and leading zeros."""


class RowsInMemory:
    """Rows of a map that is a document."""

    def __init__(self) -> None:
        self._rows: dict[str, list[ConceptMapRow]] = {}
        self._codes_by_spelling: dict[str, list[str]] = {}

    def add(self, code: str, rows: Iterable[ConceptMapRow]) -> None:
        if code not in self._rows:
            self._codes_by_spelling.setdefault(bare(code), []).append(code)
        self._rows.setdefault(code, []).extend(rows)

    def __iter__(self) -> Iterator[ConceptMapRow]:
        for rows in self._rows.values():
            yield from rows

    def of(self, code: str) -> Sequence[ConceptMapRow]:
        return self._rows.get(code, ())

    def __contains__(self, code: object) -> bool:
        return code in self._rows

    def spelled_like(self, code: str) -> Iterable[str]:
        return self._codes_by_spelling.get(bare(code), ())


@dataclass(slots=True)
class Group:
    """Mappings between two code systems. Either may be missing (None).

    ``forward`` has the rows by the code of their source, ``backward`` by that of their target. ``by_value_set`` has
    the rows whose source is a value set, ``to_value_sets`` those with a code as source and a value set as target.
    """

    source: Coding
    target: Coding
    unmapped: Unmapped | None
    forward: Rows
    backward: Rows
    by_value_set: list[tuple[str, list[ConceptMapRow]]] = field(default_factory=list)
    to_value_sets: list[ConceptMapRow] = field(default_factory=list)


class DeclaredNames:
    """The attributes and properties that a ConceptMap declares: the uri of each by its code.

    ``used``: the names of attributes in use, each of which may be a code or, in a map that came as R4, a uri.
    """

    def __init__(self, document: Document, used: Iterable[str] = ()) -> None:
        self.attributes = _uris(document.get("additionalAttribute", ()))
        self._codes = codes_of_attributes(document, used)
        self._properties = _uris(document.get("property", ()))

    def attribute(self, code: str, value: Typed) -> Attribute:
        """A condition or product."""
        return Attribute(*self.code_and_uri(code), value)

    def code_and_uri(self, name: str) -> tuple[str, str]:
        """The code and the uri of the attribute with a code or uri."""
        code = self._codes.get(name, name)
        return code, self.attributes.get(code, name)

    def property(self, code: str, value: Typed) -> MapProperty:
        return MapProperty(self._properties.get(code, code), value)


class ConceptMap:
    """A compiled ConceptMap resource."""

    def __init__(self, document: Document, system: Callable[[str], str] = str) -> None:
        """``system`` gives the preferred uri of a code system, by which the ends of groups are known."""
        self.document = document
        self.url: str = document.get("url", "")
        self.version: str | None = document.get("version")
        self.source_scope = _scope(document, "sourceScope")
        self.target_scope = _scope(document, "targetScope")
        self._names = DeclaredNames(document)
        self.groups = [self._group(node, system) for node in document.get("group", ())]

    @property
    def canonical(self) -> str:
        """``url|version``, or the url if there is no version; "" if there is no url."""
        return f"{self.url}|{self.version}" if self.url and self.version else self.url

    @cached_property
    def fills_in(self) -> bool:
        """True if the map says that it only fills in: where another map says the same, that one answers."""
        return self._states(FILLS_IN_EXTENSION)

    @cached_property
    def is_one_way(self) -> bool:
        """True if the map says that it must not be used in reverse."""
        properties = self.document.get("property", ())
        return self._states(ONE_WAY_EXTENSION) or any(
            str(p.get("uri")).endswith(ONE_WAY_PROPERTY) for p in properties
        )

    def _states(self, extension: str) -> bool:
        """Whether it has an extension with such an end of its url, and the value true."""
        nodes = self.document.get("extension", ())
        return any(str(e.get("url")).endswith(extension) and e.get("valueBoolean") is True for e in nodes)

    @cached_property
    def gaps(self) -> dict[str, str]:
        """Words on each code of the source of which the map does not know yet whether it has a target."""
        marked = (e for e in self.document.get("extension", ()) if str(e.get("url")).endswith(GAP_EXTENSION))
        parts = ({part.get("url"): part for part in extension.get("extension", ())} for extension in marked)
        return {
            part["code"].get("valueCode", ""): part["gap"].get("valueString", "")
            for part in parts
            if "code" in part and "gap" in part
        }

    @cached_property
    def attributes(self) -> dict[str, str]:
        """The uri of every attribute that a condition of the map uses, by its code."""
        conditions = (condition for row in self._rows_in_memory() for condition in row.depends_on)
        return {condition.code: condition.uri for condition in conditions}

    def _rows_in_memory(self) -> Iterator[ConceptMapRow]:
        """The rows that do not have to be read from the store, in their order."""
        for group in self.groups:
            if isinstance(group.forward, RowsInMemory):
                yield from group.forward
            for _, rows in group.by_value_set:
                yield from rows

    # -- compiling ---------------------------------------------------------------------------

    def _group(self, node: Node, system: Callable[[str], str]) -> Group:
        forward, backward = RowsInMemory(), RowsInMemory()
        source, target = (
            end_of(*split_canonical(node.get(name) or ""), system) for name in ("source", "target")
        )
        group = Group(source, target, unmapped_of(node.get("unmapped")), forward, backward)
        for element in node.get("element", ()):
            rows = list(self._rows(group, element))
            if "valueSet" in element:
                group.by_value_set.append((element["valueSet"], rows))
                continue
            forward.add(element.get("code", ""), rows)
            for row in rows:
                if row.target is not None and row.target.code is not None:
                    backward.add(row.target.code, [row])
            group.to_value_sets += [row for row in rows if row.target_value_set is not None]
        return group

    def _rows(self, group: Group, element: Node) -> Iterator[ConceptMapRow]:
        code, display = element.get("code"), element.get("display")
        source = Coding(group.source.system, code, group.source.version, display)
        if element.get("noMap"):
            properties = [self._property(node) for node in no_map_properties(element)]
            yield ConceptMapRow(
                source, None, comment=_extension(element, NO_MAP_COMMENT), properties=properties
            )
        for target in element.get("target", ()):
            end = Coding(group.target.system, target.get("code"), group.target.version, target.get("display"))
            yield ConceptMapRow(
                source=source,
                target=end if end.code else None,
                relationship=target.get("relationship"),
                word=_extension(target, KEPT_WORD),
                comment=target.get("comment"),
                depends_on=[self._attribute(a) for a in target.get("dependsOn", ())],
                products=[self._attribute(a) for a in target.get("product", ())],
                properties=[self._property(p) for p in target.get("property", ())],
                target_value_set=target.get("valueSet"),
            )

    def _attribute(self, node: Node) -> Attribute:
        value = Typed.of(node) or Typed("canonical", node.get("valueSet", ""))
        return self._names.attribute(str(node.get("attribute", "")), value)

    def _property(self, node: Node) -> MapProperty:
        return self._names.property(str(node.get("code", "")), Typed.of(node) or Typed("string", ""))


def codes_of_attributes(document: Document, used: Iterable[str]) -> dict[str, str]:
    """The codes of the attributes that a map declares or uses, by their codes and uris."""
    declared = document.get("additionalAttribute", ())
    codes: dict[str, str] = {each.get("code", ""): each.get("code", "") for each in declared}
    codes |= {each["uri"]: each.get("code", "") for each in declared if "uri" in each}
    for name in used:
        if name not in codes:
            codes[name] = code_of_uri(name, codes.values())
    return codes


def end_of(url: str | None, version: str | None, system: Callable[[str], str]) -> Coding:
    """One end of a group, by the preferred uri of its code system."""
    return Coding(system(url) if url else None, None, version)


def _uris(declarations: Sequence[Node]) -> dict[str, str]:
    return {d["code"]: d["uri"] for d in declarations if "code" in d and "uri" in d}


def _scope(document: Document, name: str) -> str | None:
    return document.get(f"{name}Canonical") or document.get(f"{name}Uri")


def _extension(node: Node, url: str) -> str | None:
    values = (
        e.get("valueCode") or e.get("valueString") for e in node.get("extension", ()) if e.get("url") == url
    )
    return next((value for value in values if value), None)


def no_map_properties(element: Node) -> Iterator[Node]:
    """The properties of an element without a target, in the shape of ``target.property``."""
    for extension in element.get("extension", ()):
        if extension.get("url") == NO_MAP_PROPERTY:
            parts = {part.get("url"): part for part in extension.get("extension", ())}
            value = {k: v for k, v in parts.get("value", {}).items() if k.startswith("value")}
            yield {"code": parts.get("code", {}).get("valueCode", ""), **value}


def unmapped_of(node: Node | None) -> Unmapped | None:
    """``group.unmapped`` of a resource."""
    if not node:
        return None
    return Unmapped(
        mode=node.get("mode", ""),
        code=node.get("code"),
        display=node.get("display"),
        relationship=node.get("relationship"),
        other_map=node.get("otherMap"),
        value_set=node.get("valueSet"),
    )
