"""Made-up releases of SNOMED CT in the true format (RF2, snapshot), of any size.

``python -m tests.support.rf2 PLACE [--concepts 400000] [--descriptions 1200000]``; a place that ends with
``.zip`` becomes an archive, any other a folder.

What a concept is follows from its number alone, so that every file is written row by row and nothing is held.
Identifiers are those of a made-up namespace with the right partitions and check digits; only the concepts of
SNOMED CT's own model that tools look for have the identifiers that they have.
"""

from __future__ import annotations

import argparse
import io
import random
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import IO

from tests.support import synthetic

NAMESPACE = "1000888"
DATE = "20310301"
DAYS = ("20020131", "20080731", "20150131", "20200731", "20250201", DATE)
CORE, ROOT, IS_A = "900000000000207008", "138875005", "116680003"
FSN, SYNONYM, DEFINITION = "900000000000003001", "900000000000013009", "900000000000550004"
PREFERRED, ACCEPTABLE = "900000000000548007", "900000000000549004"
PRIMITIVE, DEFINED = "900000000000074008", "900000000000073002"
US, GB, SPANISH = "900000000000509007", "900000000000508004", "450828004"
INFERRED, SOME = "900000000000011006", "900000000000451002"
SAME_AS, REPLACED_BY, POSSIBLY, WAS_A = (
    "900000000000527005",
    "900000000000526001",
    "900000000000523009",
    "900000000000528000",
)
MOVED_FROM = "900000000000525002"
INACTIVATION, AMBIGUOUS = "900000000000489007", "900000000000484002"
REFERENCE_SET, HISTORICAL = "900000000000455006", "900000000000522004"
ICD_10, ICD_O = "447562003", "446608001"
METADATA, ATTRIBUTES = "900000000000441003", "106237007"
# What SNOMED CT needs to speak of itself, each with what it is below.
MODEL = {
    METADATA: ROOT,
    ATTRIBUTES: METADATA,
    IS_A: ATTRIBUTES,
    REFERENCE_SET: METADATA,
    HISTORICAL: REFERENCE_SET,
    **dict.fromkeys((SAME_AS, REPLACED_BY, POSSIBLY, WAS_A, MOVED_FROM), HISTORICAL),
    **dict.fromkeys((US, GB, SPANISH, ICD_10, ICD_O, INACTIVATION, AMBIGUOUS, CORE), METADATA),
    **dict.fromkeys((FSN, SYNONYM, DEFINITION, PREFERRED, ACCEPTABLE, PRIMITIVE, DEFINED), METADATA),
}
# The kinds of concepts, with how many of a hundred there are.
KINDS = {"finding": 45, "procedure": 25, "site": 18, "substance": 12}
ATTRIBUTE_COUNT, REFSET_COUNT = 30, 8
# The attributes whose values are numbers, texts, and true or false.
NUMBERS, TEXTS, TRUTHS = 27, 28, 29


# -- identifiers ---------------------------------------------------------------------------------


def _checked(stem: str) -> str:
    """With Verhoeff's check digit."""
    check = 0
    for place, digit in enumerate(reversed(stem)):
        check = _D[check][_P[(place + 1) % 8][int(digit)]]
    return stem + str(_INVERSE[check])


_D = [
    [(a + b) % 5 + 5 * (b > 4) if a < 5 else (a - b) % 5 + 5 * (b < 5) for b in range(10)] for a in range(10)
]
_INVERSE = (0, 4, 3, 2, 1, 5, 6, 7, 8, 9)
_P = [list(range(10))]
for _ in range(7):
    _P.append([(1, 5, 7, 6, 2, 8, 3, 0, 9, 4)[digit] for digit in _P[-1]])


@lru_cache(maxsize=100_000)
def concept_id(number: int) -> str:
    return _checked(f"{number + 1}{NAMESPACE}10")


def description_id(number: int) -> str:
    return _checked(f"{number + 1}{NAMESPACE}11")


def relationship_id(number: int) -> str:
    return _checked(f"{number + 1}{NAMESPACE}12")


def _uuid(*of: object) -> str:
    made = random.Random("/".join(map(str, of))).getrandbits(128)
    text = f"{made:032x}"
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


# -- what a concept is -----------------------------------------------------------------------------


@dataclass(slots=True, frozen=True)
class Described:
    """A description. ``accepted`` are language reference sets with the acceptability in each."""

    active: bool
    language: str
    type: str
    term: str
    accepted: tuple[tuple[str, str], ...] = ()


class Made:
    """A release of a size; ``seed`` makes another one of the same size."""

    def __init__(self, concepts: int, descriptions: int, seed: int = 1, date: str = DATE) -> None:
        self.count, self.descriptions, self.seed = concepts, max(descriptions, 2 * concepts), seed
        self.date = date
        self.module = _checked(f"999000{seed % 90 + 10}{NAMESPACE}10")
        fixed = ATTRIBUTE_COUNT + REFSET_COUNT
        self.starts: dict[str, tuple[int, int]] = {}
        start = fixed
        for kind, share in KINDS.items():
            size = (concepts - fixed) * share // 100 if kind != "substance" else concepts - start
            self.starts[kind] = start, size
            start += size
        self.count = start

    @cached_property
    def _pool(self) -> list[str]:
        words = synthetic.vocabulary()
        weights = [1 / (rank + 20) for rank in range(len(words))]
        return random.Random(self.seed).choices(words, weights, k=200_000)

    def chance(self, number: int, of: str) -> random.Random:
        return random.Random(f"{self.seed}/{of}/{number}")

    @property
    def attributes(self) -> list[str]:
        return [concept_id(number) for number in range(ATTRIBUTE_COUNT)]

    @property
    def refsets(self) -> list[str]:
        return [concept_id(ATTRIBUTE_COUNT + number) for number in range(REFSET_COUNT)]

    def kind(self, number: int) -> tuple[str, int, int] | None:
        """The kind of a concept, its place in it, and the size of the kind; None of attributes and sets."""
        for kind, (start, size) in self.starts.items():
            if start <= number < start + size:
                return kind, number - start, size
        return None

    def is_active(self, number: int) -> bool:
        placed = self.kind(number)
        # Only what has nothing below it can be inactive.
        return placed is None or 4 * placed[1] < placed[2] or number * 2_654_435_761 % 97 >= 9

    def parents(self, number: int) -> list[str]:
        placed = self.kind(number)
        if placed is None:
            return [ATTRIBUTES if number < ATTRIBUTE_COUNT else METADATA]
        kind, place, _ = placed
        if place == 0:
            return [ROOT]
        start, chance = self.starts[kind][0], self.chance(number, "parents")
        steps = {place // chance.choice((4, 5, 8)) for _ in range(chance.choice((1, 1, 1, 2, 2, 3)))}
        return [concept_id(start + step) for step in sorted(steps)]

    def some(self, kind: str, chance: random.Random) -> str:
        """An active concept of a kind, some of them much more often than others."""
        start, size = self.starts[kind]
        number = start + int(size * chance.random() ** 3)
        return concept_id(number if self.is_active(number) else start + (number - start) // 4)

    def relationships(self, number: int) -> list[tuple[int, str, str]]:
        """Group, attribute and value of each; a concrete value begins with ``#``, ``"``, or is a word."""
        placed = self.kind(number)
        if placed is None or placed[0] == "site" or not self.is_active(number):
            return []
        chance = self.chance(number, "relationships")
        made = [self._relationship(group, chance) for group in self._groups(chance)]
        if placed[0] == "substance":
            made += self._concrete(chance)
        return list(dict.fromkeys(made))

    @staticmethod
    def _groups(chance: random.Random) -> Iterator[int]:
        yield from (0 for _ in range(chance.choice((0, 0, 0, 1, 2))))
        for group in range(1, chance.choice((1, 1, 2, 2, 3, 4))):
            yield from (group for _ in range(chance.choice((1, 2, 2, 3))))

    def _relationship(self, group: int, chance: random.Random) -> tuple[int, str, str]:
        attribute = int(NUMBERS * chance.random() ** 2)
        kind = ("site", "substance", "finding", "site")[attribute % 4]
        return group, concept_id(attribute), self.some(kind, chance)

    @staticmethod
    def _concrete(chance: random.Random) -> list[tuple[int, str, str]]:
        number = f"#{chance.choice((1, 2, 5, 10, 20, 50, 100, 250))}{chance.choice(('', '', '.5', '.25'))}"
        text, truth = f'"{chance.choice(("red", "blue", "pale red"))} pill"', chance.choice(("true", "false"))
        group = chance.choice((0, 1, 1, 2))
        said = ((NUMBERS, number), (TEXTS, text), (TRUTHS, truth))
        return [(group, concept_id(a), value) for a, value in said if chance.random() < 0.6]

    # -- words -------------------------------------------------------------------------------

    def described(self, number: int) -> list[Described]:
        kind = (self.kind(number) or ("metadata",))[0]
        chance = self.chance(number, "descriptions")
        text, both = self._text(chance), ((US, PREFERRED), (GB, PREFERRED))
        is_british = chance.random() < 0.2
        british = ((US, PREFERRED), (GB, ACCEPTABLE)) if is_british else both
        made = [
            Described(True, "en", FSN, f"{text} ({kind})", both),
            Described(True, "en", SYNONYM, text, british),
        ]
        for extra in range(self._extra(number)):
            made.append(self._other(chance, is_british and not extra))
        return made

    def _extra(self, number: int) -> int:
        """So many that the release has as many as it should."""
        more, count = self.descriptions - 2 * self.count, self.count
        return (number + 1) * more // count - number * more // count

    def _other(self, chance: random.Random, is_british: bool) -> Described:
        text = self._text(chance)
        if is_british:
            return Described(True, "en", SYNONYM, text, ((US, ACCEPTABLE), (GB, PREFERRED)))
        if chance.random() < 0.25:
            return Described(True, "es", SYNONYM, f"{text} añejo", ((SPANISH, PREFERRED),))
        if chance.random() < 0.05:
            return Described(False, "en", SYNONYM, text)
        return Described(True, "en", SYNONYM, text, ((US, ACCEPTABLE),))

    def definition(self, number: int) -> str | None:
        chance = self.chance(number, "definition")
        return f"{self._text(chance)}, {self._text(chance)}." if chance.random() < 0.02 else None

    def _text(self, chance: random.Random) -> str:
        start = chance.randrange(len(self._pool) - 8)
        return " ".join(self._pool[start : start + chance.randint(1, 6)]).capitalize()

    # -- rows --------------------------------------------------------------------------------

    def head(self, number: int, active: bool = True) -> tuple[str, str, str]:
        """Day, active, module."""
        module = CORE if number % 10 else self.module
        return DAYS[number * 7919 % 101 % len(DAYS)], str(int(active)), module


# -- files ---------------------------------------------------------------------------------------

_COMPONENT = "id effectiveTime active moduleId"
_MEMBER = f"{_COMPONENT} refsetId referencedComponentId"
_EXTENDED = "mapGroup mapPriority mapRule mapAdvice mapTarget correlationId mapCategoryId"
Row = tuple[str, ...]


def _concepts(made: Made) -> Iterator[Row]:
    for id_ in (ROOT, made.module, *MODEL):
        yield id_, DAYS[0], "1", CORE, PRIMITIVE
    for number in range(made.count):
        status = DEFINED if number % 3 == 0 else PRIMITIVE
        yield concept_id(number), *made.head(number, made.is_active(number)), status


def _descriptions(language: str) -> Callable[[Made], Iterator[Row]]:
    def rows(made: Made) -> Iterator[Row]:
        for place, (concept, number, said) in enumerate(_said(made)):
            if said.language == language:
                head = made.head(number + place, said.active)
                yield (
                    description_id(place),
                    *head,
                    concept,
                    language,
                    said.type,
                    said.term,
                    "900000000000448009",
                )

    return rows


def _said(made: Made) -> Iterator[tuple[str, int, Described]]:
    """All descriptions in their order, each with its concept and the number of that."""
    both = ((US, PREFERRED), (GB, PREFERRED))
    for place, id_ in enumerate((ROOT, made.module, *MODEL)):
        yield id_, place, Described(True, "en", FSN, f"Made-up model {place} (metadata)", both)
    for number in range(made.count):
        for said in made.described(number):
            yield concept_id(number), number, said


def _definitions(made: Made) -> Iterator[Row]:
    for number in range(made.count):
        text = made.definition(number)
        if text and made.is_active(number):
            id_ = description_id(10 * made.descriptions + number)
            yield id_, *made.head(number), concept_id(number), "en", DEFINITION, text, "900000000000448009"


def _relationships(made: Made) -> Iterator[Row]:
    place = 0
    for child, parent in ((made.module, METADATA), *MODEL.items()):
        yield relationship_id(place), DAYS[0], "1", CORE, child, parent, "0", IS_A, INFERRED, SOME
        place += 1
    for number in range(made.count):
        active = made.is_active(number)
        for parent in made.parents(number):
            # What became inactive has its relationships still, inactive.
            head = made.head(number, active)
            yield relationship_id(place), *head, concept_id(number), parent, "0", IS_A, INFERRED, SOME
            place += 1
        for group, kind, value in made.relationships(number):
            if value.isdigit():
                head = made.head(number)
                yield (
                    relationship_id(place),
                    *head,
                    concept_id(number),
                    value,
                    str(group),
                    kind,
                    INFERRED,
                    SOME,
                )
                place += 1


def _concrete(made: Made) -> Iterator[Row]:
    place = 100 * made.count
    for number in range(made.count):
        for group, kind, value in made.relationships(number):
            if not value.isdigit():
                head = made.head(number)
                yield (
                    relationship_id(place),
                    *head,
                    concept_id(number),
                    value,
                    str(group),
                    kind,
                    INFERRED,
                    SOME,
                )
                place += 1


def _language(language: str) -> Callable[[Made], Iterator[Row]]:
    def rows(made: Made) -> Iterator[Row]:
        for place, (_, number, said) in enumerate(_said(made)):
            for refset, acceptability in said.accepted if said.language == language else ():
                yield (
                    _uuid("l", place, refset),
                    *made.head(number),
                    refset,
                    description_id(place),
                    acceptability,
                )

    return rows


def _simple(made: Made) -> Iterator[Row]:
    for number in range(made.count):
        for place, refset in enumerate(made.refsets):
            if number * 40_507 % (3 + 40 * place * place) == 0:
                yield _uuid("s", place, number), *made.head(number), refset, concept_id(number)


def _inactive(made: Made) -> Iterator[tuple[int, random.Random]]:
    for number in range(made.count):
        if not made.is_active(number):
            yield number, made.chance(number, "history")


def _associations(made: Made) -> Iterator[Row]:
    for number, chance in _inactive(made):
        kind = (made.kind(number) or ("finding",))[0]
        refset = chance.choice((SAME_AS, SAME_AS, REPLACED_BY, POSSIBLY, WAS_A))
        for again in range(2 if refset == POSSIBLY else 1):
            target = made.some(kind, chance)
            yield _uuid("a", number, again), *made.head(number), refset, concept_id(number), target
        if number % 3 == 0:
            # Only here the concept that stayed comes first.
            stayed = made.some(kind, random.Random(number))
            yield _uuid("b", number), *made.head(number), MOVED_FROM, stayed, concept_id(number)


def _reasons(made: Made) -> Iterator[Row]:
    for number, _ in _inactive(made):
        yield _uuid("r", number), *made.head(number), INACTIVATION, concept_id(number), AMBIGUOUS


def _simple_map(made: Made) -> Iterator[Row]:
    start, size = made.starts["finding"]
    for number in range(start, start + size, 10):
        target = f"{8000 + number % 1000}/{number % 4}"
        yield _uuid("m", number), *made.head(number), ICD_O, concept_id(number), target


def _extended_map(made: Made) -> Iterator[Row]:
    start, size = made.starts["finding"]
    for number in range(start, start + size, 4):
        if made.is_active(number):
            for group, priority, rule in ((1, 1, f"IFA {number}"), (1, 2, "OTHERWISE TRUE"), (2, 1, "TRUE"))[
                number % 3 :
            ]:
                target = f"{'ABCDE'[number % 5]}{number % 90 + 10}.{priority}"
                head = (_uuid("x", number, group, priority), *made.head(number), ICD_10, concept_id(number))
                yield (
                    *head, str(group), str(priority), rule, f"ALWAYS {target}", target,
                    "447561005", "447637006",
                )  # fmt: skip


def _identifiers(made: Made) -> Iterator[Row]:
    """Identifiers in a scheme, which is the last reference set; every tenth is inactive."""
    for number in range(0, made.count, 50):
        head = made.head(number, active=number % 500 != 0)
        yield f"Z{number}-1", *head, made.refsets[-1], concept_id(number)


def _dependencies(made: Made) -> Iterator[Row]:
    yield _uuid("d"), made.date, "1", made.module, "900000000000534007", CORE, made.date, made.date


_DESCRIPTION = f"{_COMPONENT} conceptId languageCode typeId term caseSignificanceId"
_RELATED = "relationshipGroup typeId characteristicTypeId modifierId"
FILES: tuple[tuple[str, str, Callable[[Made], Iterable[Row]]], ...] = (
    ("Terminology/sct2_Concept_Snapshot", f"{_COMPONENT} definitionStatusId", _concepts),
    ("Terminology/sct2_Description_Snapshot-en", _DESCRIPTION, _descriptions("en")),
    ("Terminology/sct2_Description_Snapshot-es", _DESCRIPTION, _descriptions("es")),
    ("Terminology/sct2_TextDefinition_Snapshot-en", _DESCRIPTION, _definitions),
    (
        "Terminology/sct2_Relationship_Snapshot",
        f"{_COMPONENT} sourceId destinationId {_RELATED}",
        _relationships,
    ),
    (
        "Terminology/sct2_RelationshipConcreteValues_Snapshot",
        f"{_COMPONENT} sourceId value {_RELATED}",
        _concrete,
    ),
    (
        "Terminology/sct2_Identifier_Snapshot",
        "alternateIdentifier effectiveTime active moduleId identifierSchemeId referencedComponentId",
        _identifiers,
    ),
    ("Refset/Language/der2_cRefset_LanguageSnapshot-en", f"{_MEMBER} acceptabilityId", _language("en")),
    ("Refset/Language/der2_cRefset_LanguageSnapshot-es", f"{_MEMBER} acceptabilityId", _language("es")),
    ("Refset/Content/der2_Refset_SimpleSnapshot", _MEMBER, _simple),
    ("Refset/Content/der2_cRefset_AssociationSnapshot", f"{_MEMBER} targetComponentId", _associations),
    ("Refset/Content/der2_cRefset_AttributeValueSnapshot", f"{_MEMBER} valueId", _reasons),
    ("Refset/Map/der2_sRefset_SimpleMapSnapshot", f"{_MEMBER} mapTarget", _simple_map),
    ("Refset/Map/der2_iisssccRefset_ExtendedMapSnapshot", f"{_MEMBER} {_EXTENDED}", _extended_map),
    (
        "Refset/Metadata/der2_ssRefset_ModuleDependencySnapshot",
        f"{_MEMBER} sourceEffectiveTime targetEffectiveTime",
        _dependencies,
    ),
)


def write(place: Path, made: Made) -> Path:
    """Write a release to a folder or archive; the place."""
    with _container(place) as opened:
        for name, columns, rows in FILES:
            with opened(f"SnomedCT_MadeUp_{made.date}/Snapshot/{name}_XX{NAMESPACE}_{made.date}.txt") as file:
                file.write("\t".join(columns.split()) + "\r\n")
                file.writelines("\t".join(row) + "\r\n" for row in rows(made))
    return place


@contextmanager
def _container(place: Path) -> Iterator[Callable[[str], IO[str]]]:
    if place.suffix != ".zip":

        def opened(name: str) -> IO[str]:
            path = place / name
            path.parent.mkdir(parents=True, exist_ok=True)
            return path.open("w", encoding="utf-8", newline="")

        yield opened
        return
    with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        yield lambda name: io.TextIOWrapper(
            archive.open(name, "w", force_zip64=True), encoding="utf-8", newline=""
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("place", type=Path)
    parser.add_argument("--concepts", type=int, default=400_000)
    parser.add_argument("--descriptions", type=int, help="thrice as many as concepts, if not said")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    write(given.place, Made(given.concepts, given.descriptions or 3 * given.concepts, given.seed))


if __name__ == "__main__":
    main()
