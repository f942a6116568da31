"""The maps that a release of OMOP implies: its concepts are those of other vocabularies, under numbers of its own.

``https://fhir-terminology.ohdsi.org/ConceptMap/to-[concept id of a vocabulary]`` leads from the concepts of the
vocabulary to its codes, ``from-…`` back. No map is stored: a row is made of the concept when it is asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from terminology.catalogue.concept_map import ConceptMap, ConceptMapRow, Group
from terminology.catalogue.protocol import Catalogue
from terminology.core.model import Coding, Concept, Document, Filter
from terminology.systems.omop import COPYRIGHT, URL, VOCABULARIES, Vocabulary
from terminology.systems.protocol import CodeSystem

MAP = f"{URL}/ConceptMap/"
TO, FROM = "to-", "from-"


def omop_map(catalogue: Catalogue, url: str, version: str | None) -> ConceptMap | None:
    """The map of a canonical; None for any other, and for a vocabulary that the release has no concept of."""
    if not url.startswith(MAP):
        return None
    system = catalogue.find_system(URL, version)
    direction, _, id_ = url.removeprefix(MAP).partition("-")
    vocabulary = next((each for each in VOCABULARIES if each.concept_id == id_), None)
    if system is None or vocabulary is None or direction not in ("to", "from"):
        return None
    return _map(system, vocabulary, direction == "to") if _has_concepts(system, vocabulary) else None


def omop_maps(catalogue: Catalogue) -> list[ConceptMap]:
    """All maps of the release that is used where no version is asked for; none without OMOP."""
    system = catalogue.find_system(URL)
    if system is None:
        return []
    vocabularies = [each for each in VOCABULARIES if _has_concepts(system, each)]
    return [_map(system, each, leads_out) for each in vocabularies for leads_out in (True, False)]


def _has_concepts(system: CodeSystem, vocabulary: Vocabulary) -> bool:
    of_vocabulary = Filter("vocabulary-id", "=", vocabulary.id)
    return next(iter(system.select([of_vocabulary])), None) is not None


def _map(system: CodeSystem, vocabulary: Vocabulary, leads_out: bool) -> ConceptMap:
    map_ = ConceptMap(_header(system, vocabulary, leads_out))
    version = system.about.version
    concepts = ConceptsOfVocabulary(system, vocabulary, leads_out)
    codes = CodesOfVocabulary(system, vocabulary, leads_out)
    own, other = Coding(URL, None, version), Coding(vocabulary.system)
    map_.groups = [
        Group(own, other, None, concepts, codes) if leads_out else Group(other, own, None, codes, concepts)
    ]
    return map_


def _header(system: CodeSystem, vocabulary: Vocabulary, leads_out: bool) -> Document:
    ends = ["OMOP", vocabulary.id] if leads_out else [vocabulary.id, "OMOP"]
    version = system.about.version
    return {
        "resourceType": "ConceptMap",
        "url": f"{MAP}{TO if leads_out else FROM}{vocabulary.concept_id}",
        **({"version": version} if version else {}),
        "name": f"{ends[0]}To{ends[1]}",
        "title": f"{ends[0]} to {ends[1]}",
        "status": "active",
        "copyright": COPYRIGHT,
    }


@dataclass(slots=True)
class RowsOfVocabulary:
    """The rows of a map by one of its ends. ``leads_out``: the source of each is the concept of OMOP."""

    system: CodeSystem
    vocabulary: Vocabulary
    leads_out: bool

    def row(self, concept: Concept, code: str) -> ConceptMapRow:
        own = Coding(URL, concept.code, self.system.about.version, concept.display)
        other = Coding(self.vocabulary.system, code, None, concept.display)
        source, target = (own, other) if self.leads_out else (other, own)
        return ConceptMapRow(source, target, "equivalent")


class ConceptsOfVocabulary(RowsOfVocabulary):
    """The rows by the concepts of OMOP."""

    def of(self, code: str) -> Sequence[ConceptMapRow]:
        concept = self.system.locate(code)
        detail = self.system.describe([code]).get(code)
        if concept is None or detail is None:
            return ()
        values = {each.code: each.value for each in detail.properties}
        source = values.get("source-concept-code")
        if values.get("vocabulary-id") != self.vocabulary.id or not isinstance(source, dict):
            return ()
        return [self.row(concept, source["code"])]

    def __contains__(self, code: object) -> bool:
        return bool(self.of(str(code)))

    def spelled_like(self, code: str) -> Iterable[str]:
        """A number has no other spelling."""
        return ()


class CodesOfVocabulary(RowsOfVocabulary):
    """The rows by the codes of the vocabulary; of several concepts with one code, those in use come first."""

    def of(self, code: str) -> Sequence[ConceptMapRow]:
        concepts = self.system.select(
            [Filter("source-concept-code", "=", code), Filter("vocabulary-id", "=", self.vocabulary.id)]
        )
        return [self.row(concept, code) for concept in sorted(concepts, key=lambda each: each.inactive)]

    def __contains__(self, code: object) -> bool:
        return bool(self.of(str(code)))

    def spelled_like(self, code: str) -> Iterable[str]:
        """The code in capitals or small letters."""
        return [other for other in dict.fromkeys((code.upper(), code.lower())) if other in self]
