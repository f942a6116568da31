"""The published rows on MS-DRGs, held against two groupers of others: `msdrg` and `drgpy`, both of version 43.1."""

from __future__ import annotations

import csv
import random
from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any

import pytest

from terminology.content.publication import FOLDER

REASON = "pip install '.[test]': the MS-DRG groupers msdrg and drgpy are not here"
msdrg = pytest.importorskip("msdrg", reason=REASON)
drgpy = pytest.importorskip("drgpy.msdrg", reason=REASON)

# A complication that both groupers count for every diagnosis of the value set (acute blood loss anaemia).
COMPLICATION = "D62"


class Groupers:
    """Two groupers with one question: the MS-DRGs of a stay."""

    def __init__(self, first: Any, second: Any) -> None:
        self._first, self._second = first, second

    def of(self, diagnosis: str, procedures: Sequence[str], complication: bool) -> set[int]:
        """The MS-DRGs that they find: one if they agree."""
        others = [COMPLICATION] if complication else []
        stay = {
            "version": 431,
            "age": 40,
            "sex": 1,
            "discharge_status": 1,
            "pdx": {"code": diagnosis.replace(".", "")},
            "sdx": [{"code": code, "poa": "Y"} for code in others],
            "procedures": [{"code": code} for code in procedures],
        }
        first = self._first.group(stay)["final_drg"]
        second = self._second.get_drg([diagnosis.replace(".", ""), *others], list(procedures))
        return {int(first), int(second)}


@pytest.fixture(scope="module")
def groupers() -> Iterator[Groupers]:
    with msdrg.MsdrgGrouper() as first:
        yield Groupers(first, drgpy.DRGEngine())


def table(name: str) -> list[dict[str, str]]:
    return list(csv.DictReader((FOLDER / "source" / name).read_text("utf-8").splitlines()))


def listed(value_set: str) -> list[str]:
    return [row["code"] for row in table("value-sets.csv") if row["valueSet"] == value_set]


ROWS = [
    (source, row["target"], [part.split("=") for part in row["dependsOn"].split("; ")])
    for row in table("maps/icd-10-pcs-to-ms-drg.csv")
    for source in row["source"].split("|")
]
DIAGNOSES, REGROUPING = listed("conization-diagnoses-mdc-13"), listed("conization-regrouping-procedures")


def published(procedures: Sequence[str], complication: bool) -> set[str]:
    """The groups that the rows of the first procedure state, with the others beside it."""
    beside = "biopsy-or-curettage" if set(procedures[1:]) & set(REGROUPING) else "none-that-regroups"
    known = {
        "principalDiagnosis": "of-mdc-13",
        "ccMcc": "with-cc-mcc" if complication else "without-cc-mcc",
        "otherProcedures": beside,
    }
    return {
        target
        for source, target, conditions in ROWS
        if source == procedures[0] and all([name, known[name]] in conditions for name in known)
    }


def test_each_published_row_is_what_both_groupers_find(groupers: Groupers) -> None:
    for source, target, conditions in ROWS:
        complication = ["ccMcc", "with-cc-mcc"] in conditions
        for diagnosis in DIAGNOSES:
            if ["otherProcedures", "none-that-regroups"] in conditions:
                assert groupers.of(diagnosis, [source], complication) == {int(target)}
        for other, diagnosis in zip(REGROUPING, DIAGNOSES, strict=False):
            if ["otherProcedures", "biopsy-or-curettage"] in conditions and other != source:
                assert groupers.of(diagnosis, [source, other], complication) == {int(target)}


def test_a_thousand_stays_around_the_rows_are_grouped_as_published(groupers: Groupers) -> None:
    """Any two or three procedures of the fragment, with any diagnosis of MDC 13, with and without complication."""
    sources = sorted({source for source, _, _ in ROWS})
    codes = [*sources, *(code for code in REGROUPING if code not in sources), "0UJH8ZZ"]
    stays = [chosen for count in (2, 3) for chosen in combinations(codes, count) if chosen[0] in sources]
    drawn = random.Random(57520)
    for procedures in drawn.sample(stays, 1000):
        diagnosis, complication = drawn.choice(DIAGNOSES), drawn.random() < 0.5
        (expected,) = published(procedures, complication)
        assert groupers.of(diagnosis, procedures, complication) == {int(expected)}, (diagnosis, procedures)


@pytest.mark.parametrize("diagnosis", ["R87.619", "R87.618", "O34.41", "Z86.001", "Z87.410", "A63.0"])
def test_outside_mdc_13_the_groups_of_the_rows_are_not_reached(groupers: Groupers, diagnosis: str) -> None:
    assert diagnosis not in DIAGNOSES
    for procedure in ("0UBC7ZZ", "0UBC7ZX", "0U5C7ZZ"):
        assert not groupers.of(diagnosis, [procedure], False) & {744, 745, 746, 747}


def test_a_therapeutic_cone_with_a_curettage_reaches_745(
    groupers: Groupers,
) -> None:
    assert groupers.of("N87.1", ["0UBC7ZZ"], False) == {747}
    for other in ("0UDB7ZZ", "0UBC7ZX", "0U9C7ZX"):
        assert groupers.of("N87.1", ["0UBC7ZZ", other], False) == {745}
        assert published(["0UBC7ZZ", other], False) == {"745"}


# A laparoscopy, an interruption of the tubes, an ablation of them: none is a biopsy or a curettage.
ELSEWHERE = {"0WJG4ZZ": 745, "0UL74ZZ": 745, "0U574ZZ": 745, "0UJD4ZZ": 743}


@pytest.mark.parametrize("other", ELSEWHERE)
def test_other_procedures_regroup_a_therapeutic_cone_too(groupers: Groupers, other: str) -> None:
    """A condition that no other procedure regroups the stay is more than the absence of biopsy and curettage."""
    assert other not in REGROUPING
    assert groupers.of("N87.1", ["0UBC7ZZ", other], False) == {ELSEWHERE[other]}


def test_the_value_set_has_every_diagnosis_of_mdc_13_of_both_groupers(groupers: Groupers) -> None:
    """A carried diagnosis is of MDC 13 if, and only if, it is in the value set."""
    carried = [
        row["code"] for row in table("code-systems/icd-10-cm/concepts.csv") if row["billable"] == "true"
    ]
    of_mdc_13 = [code for code in carried if groupers.of(code, ["0UBC7ZZ"], False) == {747}]
    assert of_mdc_13 == sorted(DIAGNOSES)


def test_a_planted_row_is_found(groupers: Groupers) -> None:
    """A row that is not true is not what the groupers find."""
    wrong: tuple[str, str, Any] = ("0UBC7ZZ", "745", [["otherProcedures", "none-that-regroups"]])
    assert groupers.of("N87.1", [wrong[0]], False) != {int(wrong[1])}
