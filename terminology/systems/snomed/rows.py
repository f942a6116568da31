"""The rows of SNOMED CT: a concept has inactive descriptions and a normal form, besides what every concept has."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

from terminology.core.model import Designation, Property, Typed
from terminology.store.artifacts import Artifact
from terminology.store.packing import OWN, line_of
from terminology.systems.indexed_rows import RowReader
from terminology.systems.snomed.ecl.descriptions import Descriptions
from terminology.systems.snomed.identifiers import INACTIVE_DESCRIPTION, URL

TERSE, WITH_TERMS = "normalFormTerse", "normalForm"
# The texts and numbers of an expression, in which no concept is; or a concept.
_CONCEPT = re.compile(r'("(?:[^"\\]|\\.)*"|#[+-]?[0-9.]+)|([1-9][0-9]{5,17})')
_USE = {"system": URL, "code": INACTIVE_DESCRIPTION, "display": "Inactive"}


class LateText(Typed):
    """A text that is written when somebody reads it."""

    __slots__ = ("_write",)

    def __init__(self, write: Callable[[], str]) -> None:
        self.type, self._write = "string", write

    def __getattr__(self, name: str) -> str:
        """Write the text. Python calls this only for an attribute without a value."""
        if name != "value":
            raise AttributeError(name)
        self.value = self._write()
        return self.value  # type: ignore[no-any-return]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Typed) and (self.type, self.value) == (other.type, other.value)

    __hash__ = Typed.__hash__


class SnomedRowReader(RowReader):
    """Reads the rows of a release that was imported from RF2, or of any other."""

    def __init__(self, artifact: Artifact, descriptions: Descriptions) -> None:
        super().__init__(artifact)
        self._descriptions = descriptions

    def properties(self, lines: Sequence[bytes]) -> list[Property]:
        """With the normal form, whose terms are not stored."""
        properties = super().properties(lines)
        for place, property_ in enumerate(properties):
            if property_.code == TERSE:
                text = LateText(partial(self._normal_form, property_.value.value, tuple(properties)))
                properties.insert(place, Property(WITH_TERMS, text))
                break
        return properties

    def _normal_form(self, terse: str, properties: Iterable[Property]) -> str:
        """The normal form with terms; the values of properties have theirs."""
        return self.with_terms(
            terse,
            lambda: {
                p.value.value: p.description for p in properties if p.description and p.value.type == "code"
            },
        )

    def with_terms(self, expression: str, known: Callable[[], Mapping[str, str]] = dict) -> str:
        """An expression without terms, with the display of each concept; ``known`` returns those of some."""
        # Every third piece is a concept, or None.
        pieces = _CONCEPT.split(expression)
        terms = self.displays.of(filter(None, pieces[2::3]), known)
        for place in range(2, len(pieces), 3):
            if term := terms.get(pieces[place]):
                pieces[place] += f"|{term}|"
        return "".join(filter(None, pieces))

    def former(self, lines: Sequence[bytes]) -> Sequence[Designation]:
        """The terms of inactive descriptions."""
        signatures = self._descriptions.former
        return [
            Designation(text, signatures[number].language, _USE)
            for number, text in line_of(lines, OWN) or ()
            if number in signatures
        ]
