"""A made-up release of RxNorm of any size, in the real formats, and its filters computed in the plainest way.

The number of rows of each file follows that of the concepts, as in a full release: most rows are of other sources.
"""

from __future__ import annotations

import csv
import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

TYPES = ("IN", "PIN", "MIN", "SCDC", "SCDF", "SCDG", "SCD", "SBD", "SBDC", "BN", "DF", "DFG", "GPCK", "BPCK")
SEMANTIC_TYPES = {
    "T200": ("A1.3.3", "Clinical Drug"),
    "T109": ("A1.4.1.2.1", "Organic Chemical"),
    "T121": ("A1.4.1.1.1", "Pharmacologic Substance"),
    "T116": ("A1.4.1.2.1.7", "Amino Acid, Peptide, or Protein"),
}
# A relationship, its reverse, and the general ones (REL) of both.
RELATIONSHIPS = (
    ("has_ingredient", "ingredient_of", "RO", "RO"),
    ("has_precise_ingredient", "precise_ingredient_of", "RO", "RO"),
    ("has_dose_form", "dose_form_of", "RO", "RO"),
    ("has_doseformgroup", "doseformgroup_of", "RO", "RO"),
    ("consists_of", "constitutes", "RO", "RO"),
    ("contains", "contained_in", "RO", "RO"),
    ("has_part", "part_of", "RO", "RO"),
    ("has_form", "form_of", "RO", "RO"),
    ("has_quantified_form", "quantified_form_of", "RO", "RO"),
    ("reformulated_to", "reformulation_of", "RO", "RO"),
    ("tradename_of", "has_tradename", "RB", "RN"),
    ("isa", "inverse_isa", "CHD", "PAR"),
    ("", "", "SY", "SY"),
)
SOURCES = ("MTHSPL", "VANDF", "GS", "MMSL", "NDDF", "SNOMEDCT_US")
# Attributes of RXNSAT that are no properties, and one that belongs to another source.
_OTHER_ATTRIBUTES = (("RXN_ACTIVATED", "RXNORM"), ("SPL_SET_ID", "MTHSPL"))


def write(folder: Path, concepts: int, seed: int = 1) -> Path:
    """Write a release with so many concepts, and some merged and retired ones; returns its folder."""
    base = folder / "RxNorm_full_03042033" / "rrf"
    base.mkdir(parents=True)
    chance = random.Random(seed)
    codes = [str(9_000_000 + 3 * number) for number in range(concepts)]
    _write(base / "RXNCONSO.RRF", _names(codes, chance))
    _write(base / "RXNREL.RRF", _relationships(codes, chance))
    _write(base / "RXNSTY.RRF", _semantic_types(codes, chance))
    _write(base / "RXNSAT.RRF", _attributes(codes, chance))
    _write(base / "RXNATOMARCHIVE.RRF", _archive(codes))
    _write(base / "RXNCUI.RRF", [["9000002", "01012030", "02012030", "1", codes[0]]])
    changes = [
        ["a1", codes[0], "MTHSPL", "DP", "A drug", "9000011", codes[1]],
        ["a2", "9000008", "RXNORM", "SCD", "A drug before its code changed", "9000008", codes[3]],
    ]
    _write(base / "RXNCUICHANGES.RRF", changes)
    _write(base / "RXNSAB.RRF", [["", "", "RXNORM", "RXNORM", "RxNorm", *[""] * 20]])
    _write(base / "RXNDOC.RRF", [["TTY", "SCD", "expanded_form", "Semantic Clinical Drug"]])
    return base.parent


def _write(path: Path, rows: Iterable[Sequence[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        stream.writelines("|".join(row) + "|\n" for row in rows)


def _names(codes: list[str], chance: random.Random) -> Iterator[list[str]]:
    """Five rows for a concept: two of RxNorm, the others of other sources."""

    def row(code: str, source: str, type_: str, text: str, suppress: str = "N") -> list[str]:
        atom = ["ENG", *[""] * 5, f"a{code}", "", code, ""]
        return [code, *atom, source, type_, code, text, "", suppress, "4096"]

    for code in codes:
        yield row(code, "RXNORM", chance.choice(TYPES), f"drug {code}", chance.choice("NNNO"))
        if chance.random() < 0.3:
            yield row(code, "RXNORM", "PSN", f"Drug {code}")
        if chance.random() < 0.3:
            yield row(code, "RXNORM", "SY", f"Remède {code}")
        for source in SOURCES:
            if chance.random() < 0.6:
                yield row(code, source, "DP", f"DRUG {code}", chance.choice("NY"))
    yield row("9999999", "VANDF", "DP", "A drug without a name by RxNorm")


def _relationships(codes: list[str], chance: random.Random) -> Iterator[list[str]]:
    """Each with its reverse: the second concept of a row has the relationship to the first."""

    def row(one: str, two: str, general: str, name: str, source: str, suppress: str = "N") -> list[str]:
        return [one, "", "CUI", general, two, "", "CUI", name, "1", "", source, source, "", "", suppress, ""]

    few = codes[: max(5, len(codes) // 20)]
    for code in codes:
        for _ in range(chance.choice((2, 4, 6))):
            name, reverse, rel, reverse_rel = chance.choice(RELATIONSHIPS)
            # Few ingredients and dose forms have most of the drugs.
            other = chance.choice(few if chance.random() < 0.7 else codes)
            suppress = "Y" if chance.random() < 0.02 else "N"
            yield row(other, code, rel, name, "RXNORM", suppress)
            yield row(code, other, reverse_rel, reverse, "RXNORM", suppress)
        for number in range(22):
            yield row(other, code, "RO", "of_another_source", SOURCES[number % len(SOURCES)])
        # A relationship of atoms has no concepts.
        yield ["", "1", "AUI", "SY", "", "2", "AUI", "", "1", "", "RXNORM", "RXNORM", "", "", "N", ""]
    # A concept that RxNorm has no name for.
    yield row("9999999", codes[0], "RO", "has_ingredient", "RXNORM")


def _semantic_types(codes: list[str], chance: random.Random) -> Iterator[list[str]]:
    for code in codes:
        for tui in chance.sample(list(SEMANTIC_TYPES), chance.choice((1, 1, 1, 2))):
            yield [code, tui, *SEMANTIC_TYPES[tui], f"AT{code}", "256"]
    yield ["9999999", "T200", *SEMANTIC_TYPES["T200"], "AT9999999", "256"]


def _attributes(codes: list[str], chance: random.Random) -> Iterator[list[str]]:
    """Some attributes for each concept; most rows are of other sources or are no properties."""

    def row(code: str, name: str, source: str, text: str, suppress: str = "N") -> list[str]:
        return [code, "", "", "a", "AUI", code, "AT", "", name, source, text, suppress, "4096"]

    for place, code in enumerate(codes):
        yield row(code, "NDC", "RXNORM", f"{code:0>11}")
        if not place % 2:
            yield row(code, "NDC", "RXNORM", f"5{code:0>10}", "NO"[place // 2 % 2])
            yield row(code, "RXN_HUMAN_DRUG", "RXNORM", "US")
            yield row(code, "RXTERM_FORM", "RXNORM", chance.choice(("Tab", "Sol, oral", "Crm")))
        if not place % 3:
            strength = f"{chance.randint(1, 500)} MG / {chance.randint(1, 99)} MG"
            yield row(code, "RXN_AVAILABLE_STRENGTH", "RXNORM", strength)
            yield row(code, "RXN_STRENGTH", "RXNORM", f"{chance.randint(1, 500)} MG/ML")
        for name, source in _OTHER_ATTRIBUTES * 15:
            yield row(code, name, source, "08-2033")


def _archive(codes: list[str]) -> Iterator[list[str]]:
    """A merged concept, a retired one, one of another source, and an older atom of a concept that is there.

    Of many concepts there are many more.
    """

    def row(code: str, source: str, merged: str) -> list[str]:
        stamps = ["01-JAN-30"] * 3
        return [
            "1", "", f"former {code}", *stamps, code, "", "ENG", "", "", "", code, source, "SCD", merged
        ]  # fmt: skip

    yield row("9000001", "RXNORM", codes[1])
    yield row("9000004", "RXNORM", "9000004")
    yield row("9000005", "VANDF", "9000005")
    yield row(codes[2], "RXNORM", codes[2])
    for place in range(3, len(codes), 3):
        former = str(int(codes[place]) + 1)
        yield row(former, "RXNORM", codes[place - 1] if place % 2 else former)
        yield row(codes[place], "RXNORM", codes[place])


# -- the filters, computed plainly ---------------------------------------------------------------


class PlainRxNorm:
    """The files of a release as sets of concepts. ``values`` has those with each value, by property and value.

    ``codes`` are the concepts with a name by RxNorm, ``former`` those that were merged or retired.
    """

    def __init__(self, base: Path) -> None:
        rrf = base / "rrf"
        self.codes = {row[0] for row in _rows(rrf / "RXNCONSO.RRF") if row[11] == "RXNORM"}
        self.former: set[str] = set()
        self.values: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        for row in _rows(rrf / "RXNCONSO.RRF"):
            if row[11] == "RXNORM":
                self._add("TTY", row[12], row[0])
            self._add("SAB", row[11], row[0])
        for code, tui, stn, sty, *_ in _rows(rrf / "RXNSTY.RRF"):
            for column, value in (("TUI", tui), ("STN", stn), ("STY", sty)):
                self._add(column, value, code)
        for row in _rows(rrf / "RXNREL.RRF"):
            if row[10] == "RXNORM" and row[0] and row[14] in ("", "N"):
                self._add(row[7], row[0], row[4])
                self._add(row[3], row[0], row[4])
        for row in _rows(rrf / "RXNSAT.RRF"):
            if row[9] == "RXNORM" and row[11] in ("", "N"):
                self._add(row[8], row[10], row[0])
        for row in _rows(rrf / "RXNATOMARCHIVE.RRF"):
            if row[13] == "RXNORM" and row[12] not in self.codes:
                self._add_former(row[12], row[15])
        for row in _rows(rrf / "RXNCUI.RRF"):
            if row[0] not in self.codes:
                self._add_former(row[0], row[4])
        for row in _rows(rrf / "RXNCUICHANGES.RRF"):
            if row[2] == "RXNORM" and row[5] not in self.codes:
                self._add_former(row[5], row[6])

    def _add(self, property_: str, value: str, code: str) -> None:
        if property_ and code in self.codes:
            self.values[property_][value].add(code)

    def _add_former(self, code: str, successor: str) -> None:
        self.former.add(code)
        if successor != code:
            self.values["MERGED_TO_RXCUI"][successor].add(code)


def _rows(path: Path) -> Iterator[list[str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        for row in csv.reader(stream, delimiter="|", quoting=csv.QUOTE_NONE):
            yield row[:-1]


# -- a release for rows of rules -----------------------------------------------------------------


def write_few(folder: Path, *without: str) -> Path:
    """Write a release of few concepts, each with something that a rule is about; returns its folder.

    ``without`` are the names of files that are left out.
    """
    base = folder / "RxNorm_full_07092034" / "rrf"
    base.mkdir(parents=True)

    def name(code: str, type_: str, text: str, suppress: str = "N", source: str = "RXNORM") -> list[str]:
        atom = [code, "ENG", *[""] * 5, f"a{code}", "", code, "", source, type_, code]
        return [*atom, text, "", suppress, "4096"]

    def relation(first: str, rel: str, second: str, rela: str, source: str = "RXNORM") -> list[str]:
        return [first, "", "CUI", rel, second, "", "CUI", rela, "1", "", source, source, "", "", "N", ""]

    names = (
        name("9001", "IN", "bakeflour"),
        name("9002", "PSN", "Bakeflour 1 g tablet"),
        name("9002", "DF", "Tablet of bakeflour"),
        name("9002", "SCD", "bakeflour 1 GM Oral Tablet"),
        name("9002", "SY", "flour tablet"),
        name("9002", "DP", "BAKEFLOUR TAB", source="MTHSPL"),
        name("9003", "SBD", "bakeflour 1 GM Oral Tablet [Crumbex]"),
        name("9004", "BN", "Crumbex"),
        name("9005", "SCD", "bakeflour tablet without a strength", "E"),
        name("9006", "SCD", "old bakeflour", "O"),
        name("9007", "SCD", "bakeflour that an editor hides", "Y"),
        name("9008", "DP", "Words of another source alone", source="VANDF"),
    )
    tables = {
        "RXNCONSO.RRF": names,
        "RXNREL.RRF": (
            relation("9001", "RO", "9002", "has_ingredient"),
            relation("9002", "RO", "9001", "ingredient_of"),
            relation("9002", "RB", "9003", "tradename_of"),
            relation("9001", "SIB", "9006", "sibling_in_atc", "ATC"),
        ),
        "RXNSTY.RRF": (
            ("9002", "T200", "A1.3.3", "Clinical Drug", "AT1", "256"),
            ("9001", "T109", "A1.4.1.2.1", "Organic Chemical", "AT2", "256"),
        ),
        "RXNSAT.RRF": (
            ("9002", "", "", "a", "AUI", "9002", "AT", "", "NDC", "RXNORM", "99999000101", "N", ""),
        ),
        "RXNATOMARCHIVE.RRF": (
            (
                "1",
                "",
                "former bakeflour",
                *["01-JAN-30"] * 3,
                "9011",
                "",
                "ENG",
                "",
                "",
                "",
                "9011",
                "RXNORM",
                "IN",
                "9001",
            ),
        ),
        "RXNCUI.RRF": (("9012", "01012030", "02012030", "1", "9002"),),
        "RXNCUICHANGES.RRF": (
            ("a1", "9013", "RXNORM", "SCD", "bakeflour before its code changed", "9013", "9002"),
            ("a2", "9014", "VANDF", "DP", "of another source", "9014", "9002"),
        ),
    }
    for file, rows in tables.items():
        if file not in without:
            _write(base / file, rows)
    return base.parent
