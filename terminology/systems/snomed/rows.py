"""The rows of SNOMED CT: a concept has inactive descriptions and a normal form, besides what every concept has."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from types import MappingProxyType

from terminology.core.cache import RecentValues, size_of_texts
from terminology.core.model import Designation, Property, Typed
from terminology.store.artifacts import Artifact
from terminology.store.packing import OWN, line_of
from terminology.systems.indexed_rows import RowReader
from terminology.systems.snomed.ecl.descriptions import Descriptions
from terminology.systems.snomed.identifiers import INACTIVE_DESCRIPTION, URL

TERSE, WITH_TERMS = "normalFormTerse", "normalForm"
# How many terms are kept: those of attributes come again and again.
RECENT = 2_000
# The texts and numbers of an expression, in which no concept is; or a concept.
_CONCEPT = re.compile(r'("(?:[^"\\]|\\.)*"|#[+-]?[0-9.]+)|([1-9][0-9]{5,17})')
_USE = {"system": URL, "code": INACTIVE_DESCRIPTION, "display": "Inactive"}


class Terms:
    """The displays of the concepts of one release."""

    def __init__(self, artifact: Artifact) -> None:
        self._artifact = artifact
        self._recent: RecentValues[str] = RecentValues(RECENT, size_of_texts)

    def of(self, codes: Iterable[str]) -> Mapping[str, str]:
        """The display of each of these concepts that has one."""
        terms: dict[str, str] = {}
        missing = []
        for code in dict.fromkeys(codes):
            term = self._recent.find(code)
            if term is None:
                missing.append(code)
            else:
                terms[code] = term
        for row in self._artifact.concepts_by_key(missing) if missing else ():
            terms[row.key] = row.display or ""
            self._recent.put(row.key, terms[row.key])
        return terms


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
        self.terms = Terms(artifact)

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
        codes = (p for p in properties if p.description and p.value.type == "code")
        return self.with_terms(terse, {p.value.value: p.description for p in codes if p.description})

    def with_terms(self, expression: str, known: Mapping[str, str] = MappingProxyType({})) -> str:
        """An expression without terms, with the display of each concept; ``known`` has those of some."""
        # Every third piece is a concept, or None.
        pieces = _CONCEPT.split(expression)
        terms = self.terms.of(id_ for id_ in pieces[2::3] if id_ and id_ not in known)
        for place in range(2, len(pieces), 3):
            if (id_ := pieces[place]) and (term := known.get(id_) or terms.get(id_)):
                pieces[place] = f"{id_}|{term}|"
        return "".join(filter(None, pieces))

    def former(self, lines: Sequence[bytes]) -> Sequence[Designation]:
        """The terms of inactive descriptions."""
        signatures = self._descriptions.former
        return [
            Designation(text, signatures[number].language, _USE)
            for number, text in line_of(lines, OWN) or ()
            if number in signatures
        ]
