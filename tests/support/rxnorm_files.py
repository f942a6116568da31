"""A made-up release of RxNorm of any size, in the real formats, and its filters computed in the plainest way."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

TYPES = ("IN", "SCD", "SBD", "BN", "DF")
SEMANTIC_TYPES = {
    "T200": ("A1.3.3", "Clinical Drug"),
    "T109": ("A1.4.1.2.1", "Organic Chemical"),
    "T116": ("A1.4.1.2.1.7", "Amino Acid, Peptide, or Protein"),
}
# A relationship, its reverse, and the general ones (REL) of both.
RELATIONSHIPS = (
    ("has_ingredient", "ingredient_of", "RO", "RO"),
    ("tradename_of", "has_tradename", "RB", "RN"),
    ("isa", "inverse_isa", "CHD", "PAR"),
)
SOURCES = ("MTHSPL", "VANDF")


def write(folder: Path, concepts: int, seed: int = 1) -> Path:
    """Write a release with so many concepts, and some merged and retired ones; returns its folder."""
    base = folder / "RxNorm_full_03042033" / "rrf"
    base.mkdir(parents=True)
    chance = random.Random(seed)
    codes = [str(9_000_000 + 3 * number) for number in range(concepts)]
    _write(base / "RXNCONSO.RRF", _names(codes, chance))
    _write(base / "RXNREL.RRF", _relationships(codes, chance))
    _write(base / "RXNSTY.RRF", _semantic_types(codes, chance))
    ndcs = (
        (code, "", "", "a", "AUI", code, "AT", "", "NDC", "RXNORM", f"{code:0>11}", "N", "4096")
        for code in codes
    )
    _write(base / "RXNSAT.RRF", ndcs)
    _write(base / "RXNATOMARCHIVE.RRF", _archive(codes))
    _write(base / "RXNCUI.RRF", [("9000002", "01012030", "02012030", "1", codes[0])])
    return base.parent


def _write(path: Path, rows: Iterable[Iterable[str]]) -> None:
    path.write_text("".join("|".join(row) + "|\n" for row in rows), "utf-8")


def _names(codes: list[str], chance: random.Random) -> Iterator[list[str]]:
    def row(code: str, source: str, type_: str, text: str, suppress: str = "N") -> list[str]:
        return [
            code,
            "ENG",
            *[""] * 5,
            f"a{code}",
            "",
            code,
            "",
            source,
            type_,
            code,
            text,
            "",
            suppress,
            "4096",
        ]

    for code in codes:
        yield row(code, "RXNORM", chance.choice(TYPES), f"drug {code}", chance.choice("NNNO"))
        if chance.random() < 0.3:
            yield row(code, "RXNORM", "PSN", f"Drug {code}")
        for source in SOURCES:
            if chance.random() < 0.3:
                yield row(code, source, "DP", f"DRUG {code}", chance.choice("NY"))
    yield row("9999999", "VANDF", "DP", "A drug without a name by RxNorm")


def _relationships(codes: list[str], chance: random.Random) -> Iterator[list[str]]:
    """Each with its reverse: the second concept of a row has the relationship to the first."""
    for code in codes:
        name, reverse, rel, reverse_rel = chance.choice(RELATIONSHIPS)
        other = chance.choice(codes)
        for one, two, relation, general in ((other, code, name, rel), (code, other, reverse, reverse_rel)):
            yield [
                one,
                "",
                "CUI",
                general,
                two,
                "",
                "CUI",
                relation,
                "1",
                "",
                "RXNORM",
                "RXNORM",
                "",
                "",
                "N",
                "",
            ]
        yield [
            other,
            "",
            "CUI",
            "RO",
            code,
            "",
            "CUI",
            "of_another_source",
            "1",
            "",
            "VANDF",
            "",
            "",
            "",
            "N",
            "",
        ]
    # A relationship of atoms has no concepts.
    yield ["", "1", "AUI", "SY", "", "2", "AUI", "", "1", "", "RXNORM", "RXNORM", "", "", "N", ""]


def _semantic_types(codes: list[str], chance: random.Random) -> Iterator[list[str]]:
    for code in codes:
        tui = chance.choice(list(SEMANTIC_TYPES))
        yield [code, tui, *SEMANTIC_TYPES[tui], f"AT{code}", "256"]


def _archive(codes: list[str]) -> Iterator[list[str]]:
    """A merged concept, a retired one, one of another source, and an older atom of a concept that is there."""
    for code, source, merged in (
        ("9000001", "RXNORM", codes[1]),
        ("9000004", "RXNORM", "9000004"),
        ("9000005", "VANDF", "9000005"),
        (codes[2], "RXNORM", codes[2]),
    ):
        stamps = ["01-JAN-30"] * 3
        yield ["1", "", f"former {code}", *stamps, code, "", "ENG", "", "", "", code, source, "SCD", merged]


class PlainRxNorm:
    """The files of a release as sets of concepts. ``values`` has those with each value, by property and value."""

    def __init__(self, base: Path) -> None:
        rrf = base / "rrf"
        names = [row for row in _rows(rrf / "RXNCONSO.RRF")]
        self.codes = {row[0] for row in names if row[11] == "RXNORM"}
        self.values: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        for row in names:
            if row[11] == "RXNORM":
                self._add("TTY", row[12], row[0])
            self._add("SAB", row[11], row[0])
        for code, tui, stn, sty, *_ in _rows(rrf / "RXNSTY.RRF"):
            for column, value in (("TUI", tui), ("STN", stn), ("STY", sty)):
                self._add(column, value, code)
        for row in _rows(rrf / "RXNREL.RRF"):
            if row[10] == "RXNORM" and row[0]:
                self._add(row[7], row[0], row[4])
                self._add(row[3], row[0], row[4])
        for row in _rows(rrf / "RXNSAT.RRF"):
            self._add(row[8], row[10], row[0])

    def _add(self, property_: str, value: str, code: str) -> None:
        if code in self.codes:
            self.values[property_][value].add(code)


def _rows(path: Path) -> Iterator[list[str]]:
    for line in path.read_text("utf-8").splitlines():
        yield line.split("|")[:-1]


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
