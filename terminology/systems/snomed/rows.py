"""The rows of SNOMED CT: a concept has inactive descriptions and a normal form, besides what every concept has."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import astuple
from functools import partial
from types import MappingProxyType
from typing import Any

from terminology.core.cache import RecentValues, size_of_texts
from terminology.core.model import Designation, Property
from terminology.store.artifacts import Artifact
from terminology.store.packing import OWN, line_of
from terminology.systems.indexed_rows import RowReader
from terminology.systems.snomed.ecl.descriptions import Descriptions
from terminology.systems.snomed.identifiers import INACTIVE_DESCRIPTION, URL

# How many displays are kept: those of attributes come again and again.
RECENT_DISPLAYS = 2_000
TERSE, WITH_TERMS = "normalFormTerse", "normalForm"
# The texts and numbers of an expression, in which no concept is; or a concept.
_TEXT_OR_CONCEPT = re.compile(r'("(?:[^"\\]|\\.)*"|#[+-]?[0-9.]+|[1-9][0-9]{5,17})')
_USE = {"system": URL, "code": INACTIVE_DESCRIPTION, "display": "Inactive"}


class NormalForm(Property):
    """The normal form with terms, which is written when somebody reads it."""

    __slots__ = ("_write",)

    def __init__(self, write: Callable[[], str]) -> None:
        self.code, self.type, self.description, self.source = WITH_TERMS, "string", None, None
        self._write = write

    def __getattr__(self, name: str) -> str:
        """Write the text. Python calls this only for an attribute without a value."""
        if name != "value":
            raise AttributeError(name)
        self.value = self._write()
        return self.value  # type: ignore[no-any-return]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Property) and astuple(self) == astuple(other)

    __hash__ = None  # type: ignore[assignment]


class SnomedRowReader(RowReader):
    """Reads the rows of a release that was imported from RF2, or of any other."""

    def __init__(self, artifact: Artifact, descriptions: Descriptions) -> None:
        super().__init__(artifact)
        self._artifact, self._descriptions = artifact, descriptions
        self._recent: RecentValues[str] = RecentValues(RECENT_DISPLAYS, size_of_texts)

    def properties(self, lines: Sequence[bytes]) -> list[Property]:
        """With the normal form, whose terms are not stored."""
        properties = super().properties(lines)
        # From the end: the children, of which there may be hundreds, come first.
        for place in reversed(range(len(properties))):
            if properties[place].code == TERSE:
                write = partial(self._normal_form, properties[place].value, tuple(properties))
                properties.insert(place, NormalForm(write))
                break
        return properties

    def _normal_form(self, terse: str, properties: Iterable[Property]) -> str:
        """The normal form with terms; those values of properties that are concepts have theirs."""
        terms = {p.value: p.description for p in properties if p.description}
        return self.with_terms(terse, terms)

    def with_terms(self, expression: str, known: Mapping[str, str] = MappingProxyType({})) -> str:
        """An expression without terms, with the display of each concept; ``known`` has those of some."""
        # Every second piece is a concept, or a text or number.
        pieces = _TEXT_OR_CONCEPT.split(expression)
        others = self._displays(piece for piece in pieces[1::2] if piece not in known and piece.isdigit())
        for place in range(1, len(pieces), 2):
            id_ = pieces[place]
            if term := known.get(id_) or others.get(id_):
                pieces[place] = f"{id_}|{term}|"
        return "".join(pieces)

    def _displays(self, ids: Iterable[str]) -> Mapping[str, str]:
        """The display of each of these concepts, "" where it has none."""
        find = self._recent.find
        displays: dict[str, Any] = {id_: find(id_) for id_ in ids}
        missing = [id_ for id_, display in displays.items() if display is None]
        if missing:
            read = dict(self._artifact.displays(missing))
            for id_ in missing:
                displays[id_] = display = read.get(id_) or ""
                self._recent.put(id_, display)
        return displays

    def former(self, lines: Sequence[bytes]) -> Sequence[Designation]:
        """The terms of inactive descriptions."""
        signatures = self._descriptions.former
        return [
            Designation(text, signatures[number].language, _USE)
            for number, text in line_of(lines, OWN) or ()
            if number in signatures
        ]
