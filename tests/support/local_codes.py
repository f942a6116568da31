"""A made-up sheet of local gynaecology codes, as a hospital might have it, by a seed.

Nothing in it is from a hospital. Its codes are those of our published content, its texts the names that our code system
for cervical conization has in English and German; a seed spoils them as people and spreadsheet programs do.
"""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Sequence
from dataclasses import dataclass

from terminology import Terminology

OWN = "http://terminology.example.org/fhir/CodeSystem/cervical-conization"
SYSTEMS = {
    "CPT": "http://www.ama-assn.org/go/cpt",
    "ICD-10-PCS": "http://www.cms.gov/Medicare/Coding/ICD10",
    "ICD-10-CM": "http://hl7.org/fhir/sid/icd-10-cm",
    "SNOMED": "http://snomed.info/sct",
}
HOUSE = "http://example.org/fhir/CodeSystem/house-2019"
HEADER = ("Hauscode", "Bezeichnung", "System", "Code", "Anzahl")
# A catalogue that the hospital has given up: some of its codes name their successors.
OLD_CATALOGUE = {
    "resourceType": "CodeSystem",
    "url": HOUSE,
    "name": "House2019",
    "version": "2019",
    "status": "active",
    "content": "complete",
    "caseSensitive": True,
    "property": [
        {"code": "inactive", "uri": "http://hl7.org/fhir/concept-properties#inactive", "type": "boolean"},
        {"code": "replacedBy", "type": "code"},
    ],
    "concept": [
        {"code": "K1", "display": "Konisation"},
        {
            "code": "K0",
            "display": "Konus",
            "property": [
                {"code": "inactive", "valueBoolean": True},
                {"code": "replacedBy", "valueCode": "K1"},
            ],
        },
    ],
}
OLD_MAP = {
    "resourceType": "ConceptMap",
    "url": "http://example.org/fhir/ConceptMap/house-2019",
    "status": "active",
    "group": [
        {
            "source": HOUSE,
            "target": OWN,
            "element": [{"code": "K1", "target": [{"code": "conization", "relationship": "equivalent"}]}],
        }
    ],
}


@dataclass(slots=True)
class LocalCode:
    """A row of the sheet, and what was done to it."""

    cells: tuple[str, str, str, str, str]
    kind: str


def local_codes(terminology: Terminology, count: int, seed: int = 5_000) -> list[LocalCode]:
    """The rows of a sheet."""
    chance = random.Random(seed)
    codes = {
        name: sorted(concept.code for concept in terminology.catalogue.system(url).select())
        for name, url in SYSTEMS.items()
    }
    names = _names(terminology)
    kinds = {
        "plain": 34, "text": 22, "modifier": 8, "letter O": 5, "zero lost": 5, "dotless": 5, "case": 4, "retired": 4,
        "old": 3, "wrong system": 3, "unknown": 3, "blanks": 2, "error": 1, "date": 1,
    }  # fmt: skip
    rows = []
    for number in range(count):
        kind = chance.choices(list(kinds), list(kinds.values()))[0]
        system, code = _code(kind, codes, chance)
        text = _text(chance.choice(names), chance)
        cells = (f"GYN{number:05}", text, system, code, str(int(chance.paretovariate(0.8))))
        rows.append(LocalCode(cells, kind))
    return rows


def _names(terminology: Terminology) -> list[str]:
    system = terminology.catalogue.system(OWN)
    concepts = list(system.select())
    details = system.describe([concept.code for concept in concepts])
    texts = [concept.display or "" for concept in concepts]
    texts += [
        designation.value
        for detail in details.values()
        for designation in detail.designations
        if (designation.language or "en")[:2] in ("en", "de")
    ]
    german = ["Schlingenkonisation", "Messerkonisation", "Gebärmutterhals-Biopsie", "Wiederholte Konisation"]
    return sorted({text for text in texts if text} | set(german))


def _code(kind: str, codes: dict[str, list[str]], chance: random.Random) -> tuple[str, str]:
    cpt, pcs, cm = (chance.choice(codes[name]) for name in ("CPT", "ICD-10-PCS", "ICD-10-CM"))
    match kind:
        case "text":
            return "", ""
        case "modifier":
            return "CPT", f"{cpt}-{chance.choice(('51', '59', 'LT'))}"
        case "letter O":
            return "ICD-10-PCS", pcs.replace("0", "O", 1)
        case "zero lost":
            return "ICD-10-PCS", pcs.removeprefix("0")
        case "dotless":
            return "ICD-10-CM", cm.replace(".", "")
        case "case":
            return "icd-10-cm", cm.lower()
        case "retired":
            return "House2019", "K0"
        case "old":
            return "House2019", "K1"
        case "wrong system":
            return "CPT", cm
        case "unknown":
            return "CPT", f"9{chance.randrange(10_000):04}"
        case "blanks":
            return " CPT ", f" {cpt} "
        case "error":
            return "CPT", "#N/A"
        case "date":
            return "CPT", "1-Mar"
    name = chance.choice(list(SYSTEMS))
    return name, chance.choice(codes[name])


def _text(text: str, chance: random.Random) -> str:
    """A text as people write it: in capitals, or with two letters swapped."""
    if chance.random() < 0.2:
        return text.upper()
    words = [word for word in text.split() if len(word) > 5 and word.isalpha()]
    if words and chance.random() < 0.2:
        word = chance.choice(words)
        place = chance.randrange(1, len(word) - 2)
        return text.replace(word, word[:place] + word[place + 1] + word[place] + word[place + 2 :], 1)
    return text


def sheet_of(rows: Sequence[LocalCode]) -> bytes:
    """The rows as a CSV file: with semicolons, and each third line in Windows-1252, the others in UTF-8."""
    lines = []
    for number, cells in enumerate([HEADER, *(row.cells for row in rows)]):
        line = io.StringIO()
        csv.writer(line, delimiter=";", lineterminator="\r\n").writerow(cells)
        lines.append(line.getvalue().encode("cp1252" if number % 3 == 1 else "utf-8", "replace"))
    return b"".join(lines)
