"""Coverage of a list of codes by maps, also as often as each code is used."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from terminology import Terminology
from terminology.workbench.columns import columns_of
from terminology.workbench.coverage import CoverageReport, coverage
from terminology.workbench.mapping import SheetMapper, targets_of
from terminology.workbench.sheets import open_sheet
from tests.support.builders import code_system, concept
from tests.support.maps import HERE, SYSTEMS, THERE, map_of, to

OLD = concept("gone", property=[{"code": "inactive", "valueBoolean": True}])
MAP = map_of(
    "m",
    HERE,
    THERE,
    [
        {"code": "plain", "target": [to("P")]},
        {"code": "wide", "target": [to("P", "related-to"), to("X")]},
        {"code": "many", "target": [to("gone")]},
        {"code": "cond", "target": [to("Q", dependsOn=[{"attribute": "when", "valueString": "now"}])]},
    ],
    additionalAttribute=[{"code": "when", "uri": "http://example.org/when", "type": "string"}],
)


@pytest.fixture(scope="module")
def terminology() -> Iterator[Terminology]:
    there = code_system(THERE, "P", OLD)
    with Terminology([SYSTEMS[0], there, MAP], bundled=False) as terminology:
        yield terminology


def report(terminology: Terminology, folder: Path, text: str, value_set: str | None = None) -> CoverageReport:
    path = folder / "codes.csv"
    path.write_text(text)
    (target,) = targets_of(terminology, [THERE])
    with open_sheet(path) as sheet:
        columns = columns_of(terminology, sheet, {}, HERE)
        rows = list(SheetMapper(terminology, [target]).rows(sheet, columns))
        weights = {row.row.number: columns.cell("count", row.row) for row in rows}
    return coverage(terminology, target, rows, weights, value_set)


def test_a_report_says_what_is_mapped_how_and_to_what(terminology: Terminology, tmp_path: Path) -> None:
    found = report(terminology, tmp_path, "code,count\nplain,70\nwide,20\nmany,6\nnone,3\nnix,1\n")
    assert (found.codes, found.mapped, found.share, found.weighted_share) == (5, 3, 0.6, 0.96)
    assert dict(found.relationships) == {"equivalent": 3, "related-to": 1}
    assert found.several == {"wide": ["X", "P"]} and found.shared == {"P": ["plain", "wide"]}
    assert found.unmapped == {"none": "no-row", "nix": "unknown-code"}
    assert (found.inactive, found.unknown) == (["gone"], ["X"])
    assert found.as_json()["weightedShare"] == 0.96
    assert found.lines()[0].endswith("3 of 5 codes mapped (60.0%); weighted by use 96.0%")


def test_mapped_codes_that_wait_for_a_condition_are_counted_apart(
    terminology: Terminology, tmp_path: Path
) -> None:
    found = report(terminology, tmp_path, "code\nplain\ncond\nnone\n")
    assert (found.mapped, found.open, dict(found.reasons)) == (2, 1, {"no-row": 1})
    assert "2 of 3 codes mapped (66.7%), of these 1 with an open condition; weighted" in found.lines()[0]
    assert found.as_json()["openConditions"] == 1


def test_codes_of_a_value_set_that_are_no_target_are_named(terminology: Terminology, tmp_path: Path) -> None:
    found = report(terminology, tmp_path, "code\nplain\n", f"{THERE}?fhir_vs")
    assert found.unused == ["gone"] and "  never used: gone" in found.lines()


def test_a_code_counts_once_and_all_its_use(terminology: Terminology, tmp_path: Path) -> None:
    found = report(terminology, tmp_path, 'code,count\nplain,"1,000"\nplain,500\nnix,x\n')
    assert (found.codes, found.mapped, found.weight, found.mapped_weight) == (2, 1, 1501, 1500)
    assert found.shared == {}
