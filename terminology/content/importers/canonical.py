"""Under which canonical is something known here that its publisher gave none?

Code systems have theirs. Maps that come as bare tables (GEMs, the reference sets of RF2) have none, nor have
the attributes and properties that their columns become.
"""

from __future__ import annotations

from terminology.core.model import Document

BASE = "http://terminology.example.org/fhir"  # as in fhir_bundles/source/publication.toml
VOCABULARY = f"{BASE}/CodeSystem/conization-vocabulary"


def concept_map(id_: str) -> str:
    return f"{BASE}/ConceptMap/{id_}"


def word(code: str) -> str:
    """What a property or attribute of a map is called.

    >>> word("gemFlags")
    'http://terminology.example.org/fhir/CodeSystem/conization-vocabulary#gemFlags'
    """
    return f"{VOCABULARY}#{code}"


def declared(words: dict[str, tuple[str, str]]) -> list[Document]:
    """``ConceptMap.property`` or ``additionalAttribute``, from code to type and description."""
    return [
        {"code": code, "uri": word(code), "description": text, "type": type_}
        for code, (type_, text) in words.items()
    ]
