"""A made-up download of OMOP's vocabularies of any size, in the format of Athena."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

DOMAINS = {"Drug": "13", "Condition": "19", "Spec Anatomic Site": "17"}
CLASSES = {"Ingredient": "44817001", "Clinical Finding": "44818997"}
VOCABULARIES = {
    "SNOMED": "44819097",
    "LOINC": "44819102",
    "ICD10CM": "44819098",
    "RxNorm": "44819104",
    "Gemscript": "44819090",
}
RELATIONSHIP = (
    "concept_id_1 concept_id_2 relationship_id valid_start_date valid_end_date invalid_reason".split()
)
WHOLE = (("None", "v5.0 16-JUL-34"), ("OMOP Extension", "OMOP Extension 20340811"))
CONCEPT = (
    "concept_id concept_name domain_id vocabulary_id concept_class_id standard_concept concept_code valid_start_date "
    "valid_end_date invalid_reason"
).split()


def write(folder: Path, concepts: int, seed: int = 1) -> Path:
    """Write a download with so many concepts; returns its folder."""
    chance = random.Random(seed)
    ids = [str(9_000_001 + number) for number in range(concepts)]
    _write(folder / "CONCEPT.csv", CONCEPT, _concepts(ids, chance))
    _write(folder / "CONCEPT_RELATIONSHIP.csv", RELATIONSHIP, _relationships(ids, chance))
    _write_names(folder, WHOLE)
    return folder


def write_rows(
    folder: Path,
    concepts: Iterable[tuple[str, ...]],
    relationships: Iterable[tuple[str, ...]] = (),
    synonyms: Iterable[tuple[str, ...]] = (),
    versions: Sequence[tuple[str, str]] = WHOLE,
) -> Path:
    """Write a download with these rows; returns its folder.

    A concept has number, name, domain, vocabulary, class, standard, code and reason why it is invalid; a relationship
    two numbers, name and reason; a synonym number, name and language; ``versions`` are of vocabularies.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rows = ((*row[:-1], "20200101", "20991231", row[-1]) for row in concepts)
    _write(folder / "CONCEPT.csv", CONCEPT, rows)
    rows = ((*row[:-1], "20200101", "20991231", row[-1]) for row in relationships)
    _write(folder / "CONCEPT_RELATIONSHIP.csv", RELATIONSHIP, rows)
    columns = "concept_id concept_synonym_name language_concept_id".split()
    _write(folder / "CONCEPT_SYNONYM.csv", columns, synonyms)
    _write_names(folder, versions)
    return folder


def _write_names(folder: Path, versions: Sequence[tuple[str, str]]) -> None:
    """The files of domains, classes and vocabularies."""
    columns = "domain_id domain_name domain_concept_id".split()
    _write(folder / "DOMAIN.csv", columns, ((name, name, id_) for name, id_ in DOMAINS.items()))
    columns = "concept_class_id concept_class_name concept_class_concept_id".split()
    _write(folder / "CONCEPT_CLASS.csv", columns, ((name, name, id_) for name, id_ in CLASSES.items()))
    columns = (
        "vocabulary_id vocabulary_name vocabulary_reference vocabulary_version vocabulary_concept_id".split()
    )
    whole = [(name, name, "", version, str(number)) for number, (name, version) in enumerate(versions)]
    names = dict(versions)
    others = ((name, name, "", "x", id_) for name, id_ in VOCABULARIES.items() if name not in names)
    _write(folder / "VOCABULARY.csv", columns, [*whole, *others])


def _concepts(ids: Sequence[str], chance: random.Random) -> Iterator[Sequence[str]]:
    for id_ in ids:
        names = (chance.choice(list(names)) for names in (DOMAINS, VOCABULARIES, CLASSES))
        standard, invalid = chance.choice((("S", ""), ("S", ""), ("C", ""), ("", ""), ("", "D"), ("", "U")))
        yield (id_, f"Concept {id_}", *names, standard, f"X{id_}", "20200101", "20991231", invalid)


def _relationships(ids: Sequence[str], chance: random.Random) -> Iterator[Sequence[str]]:
    for id_ in ids:
        one, two = (id_, chance.choice(ids))
        for name, reverse in (("Maps to", "Mapped from"), ("Is a", "Subsumes"), ("Has form", "Form of")):
            invalid = chance.choice(("", "", "D"))
            yield one, two, name, "20200101", "20991231", invalid
            yield two, one, reverse, "20200101", "20991231", invalid


def _write(path: Path, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    path.write_text("".join("\t".join(row) + "\n" for row in [columns, *rows]), "utf-8")
