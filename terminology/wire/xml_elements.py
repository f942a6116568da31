"""The elements of each FHIR type: their order and their types.

XML has an order, and does not say which elements repeat and which are numbers; so it is read and written by these
tables. JSON that comes from outside is checked by them (``wire/json_types``). They hold all of FHIR and are made from
HL7's StructureDefinitions by tests/tools/xml_elements.py. A line is

    Extension < Element: @url=string value[x]=*

An Extension has the elements of an Element, an attribute ``url`` and a value of any type.
``concept=CodeSystem.concept*`` repeats, and its parts are on the line of that path.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

from terminology.core.cache import kept_results

RESOURCE = "Resource"
NARRATIVE = "xhtml"
_ABSTRACT = ("Resource", "DomainResource")
# Of a type. Keys that a client makes up are in none of them.
_MOST_LAYOUTS = 200


@dataclass(slots=True, frozen=True)
class XmlElement:
    """A child of a type, by the name it has in a document: ``valueCode``, not ``value[x]``.

    ``is_text``: a primitive, but no narrative. ``is_group``: its content is other elements, and no resource.
    """

    name: str
    type: str
    repeats: bool = False
    is_primitive: bool = False
    is_text: bool = field(init=False)
    is_group: bool = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "is_text", self.is_primitive and self.type != NARRATIVE)
        object.__setattr__(self, "is_group", not self.is_primitive and self.type != RESOURCE)


# How an object is written: the names of its attributes, and its elements in order, each with the key of its companion
# (``_status``) where there is one.
XmlLayout = tuple[Sequence[str], Sequence[tuple[XmlElement, str | None]]]


class XmlType:
    """The attributes and the elements of a type, in order."""

    def __init__(self, attributes: Iterable[str], elements: Iterable[XmlElement]) -> None:
        self.attributes = tuple(attributes)
        self.elements = {element.name: element for element in elements}
        self._layouts: dict[tuple[str, ...], XmlLayout] = {}

    def layout(self, node: Mapping[str, Any]) -> XmlLayout:
        """How a JSON object is written. Objects of a type have few different sets of keys: each is worked out once."""
        keys = tuple(node)
        layout = self._layouts.get(keys)
        if layout is None:
            layout = self._worked_out(keys)
            if len(self._layouts) < _MOST_LAYOUTS and all(map(self._knows, keys)):
                self._layouts[keys] = layout
        return layout

    def _worked_out(self, keys: Sequence[str]) -> XmlLayout:
        names = {key.removeprefix("_") for key in keys}
        elements = [element for name, element in self.elements.items() if name in names]
        companions = (f"_{element.name}" for element in elements)
        pairs = [(one, key if key in keys else None) for one, key in zip(elements, companions, strict=True)]
        return [name for name in self.attributes if name in keys], pairs

    def _knows(self, key: str) -> bool:
        return key.removeprefix("_") in self.elements or key in self.attributes or key == "resourceType"


class XmlTypes:
    """The types of a release."""

    def __init__(self, text: str) -> None:
        lines = (line.partition(": ") for line in text.splitlines() if not line.startswith("#"))
        rows = {head.rstrip(":"): row for head, _, row in lines}
        self._open = rows.pop("*")
        self._rows = {head.partition(" < ")[0]: row for head, row in rows.items()}
        self._parents = {head.partition(" < ")[0]: head.partition(" < ")[2] for head in rows}
        self._shapes: dict[str, XmlType] = {}

    def shape(self, type_: str) -> XmlType:
        """The shape of a complex type, or of a group (``CodeSystem.concept``). Raises KeyError if none."""
        if type_ not in self._shapes:
            cells = self._cells(type_)
            attributes = [name.removeprefix("@") for name, _ in cells if name.startswith("@")]
            elements = (e for name, type_ in cells if name[0] != "@" for e in self._elements(name, type_))
            self._shapes[type_] = XmlType(attributes, elements)
        return self._shapes[type_]

    def has(self, type_: str) -> bool:
        """Is this the name of a type, or of a group of elements below one?"""
        return type_ in self._rows

    def is_resource(self, type_: str) -> bool:
        """Is this the name of a resource type?"""
        return self._parents.get(type_) in _ABSTRACT and type_ not in _ABSTRACT

    def _cells(self, type_: str) -> list[tuple[str, str]]:
        parent = self._parents[type_]
        own = (cell.partition("=") for cell in self._rows[type_].split())
        return [*(self._cells(parent) if parent else ()), *((name, kind) for name, _, kind in own)]

    def _elements(self, name: str, type_: str) -> Iterator[XmlElement]:
        """The names of primitive types begin with a small letter."""
        if not name.endswith("[x]"):
            yield XmlElement(name, type_.removesuffix("*"), type_.endswith("*"), type_[0].islower())
            return
        for each in (self._open if type_ == "*" else type_).split("|"):
            chosen = name.removesuffix("[x]") + each[0].upper() + each[1:]
            yield XmlElement(chosen, each, is_primitive=each[0].islower())


@kept_results(2)
def table_of(is_r4: bool) -> XmlTypes:
    """The table of a release. R4 and R4B have one, that of R4B; R6 is written as R5."""
    file = resources.files(__package__).joinpath(f"xml_elements_{'r4' if is_r4 else 'r5'}.txt")
    return XmlTypes(file.read_text(encoding="utf-8"))
