"""The rows of SNOMED CT: a concept has inactive descriptions and a normal form, besides what every concept has."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
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
# A concept of an expression; before it the texts and numbers in which none is.
_CONCEPT = re.compile(r'"(?:[^"\\]|\\.)*"|#[+-]?[0-9.]+|([1-9][0-9]{5,17})')
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


class SnomedRowReader(RowReader):
    """Reads the rows of a release that was imported from RF2, or of any other."""

    def __init__(self, artifact: Artifact, descriptions: Descriptions) -> None:
        super().__init__(artifact)
        self._descriptions = descriptions
        self.terms = Terms(artifact)

    def properties(self, lines: Sequence[bytes]) -> list[Property]:
        """With the normal form, whose terms are not stored."""
        properties = super().properties(lines)
        place = next((place for place, p in enumerate(properties) if p.code == TERSE), None)
        if place is not None:
            known = {
                p.value.value: p.description for p in properties if p.value.type == "code" and p.description
            }
            text = self.with_terms(properties[place].value.value, known)
            properties.insert(place, Property(WITH_TERMS, Typed("string", text)))
        return properties

    def with_terms(self, expression: str, known: Mapping[str, str] = MappingProxyType({})) -> str:
        """An expression without terms, with the display of each concept; ``known`` has those of some."""
        missing = [id_ for id_ in _CONCEPT.findall(expression) if id_ and id_ not in known]
        terms = {**known, **self.terms.of(missing)}
        return _CONCEPT.sub(lambda match: _with_term(match[0], terms), expression)

    def former(self, lines: Sequence[bytes]) -> Sequence[Designation]:
        """The terms of inactive descriptions."""
        signatures = self._descriptions.former
        return [
            Designation(text, signatures[number].language, _USE)
            for number, text in line_of(lines, OWN) or ()
            if number in signatures
        ]


def _with_term(id_: str, terms: Mapping[str, str]) -> str:
    term = terms.get(id_)
    return f"{id_}|{term}|" if term else id_
