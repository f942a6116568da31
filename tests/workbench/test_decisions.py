"""Decisions: nothing is a mapping before a person has accepted it."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from terminology import Terminology
from terminology.wire.fhir_versions import RELEASES
from terminology.workbench.columns import columns_of
from terminology.workbench.decisions import (
    DecisionSummary,
    MappingDecision,
    accepted,
    add_to_map,
    checked,
    proposals,
)
from terminology.workbench.draft_map import DraftHeader, DraftMap
from terminology.workbench.mapping import SheetMapper, targets_of
from terminology.workbench.sheets import open_sheet
from terminology.workbench.suggest import Suggester

LOCAL = "http://example.org/local"
OWN = "http://terminology.example.org/fhir/CodeSystem/cervical-conization"
PCS = "http://www.cms.gov/Medicare/Coding/ICD10"
SHEET = "Local code,Name,CPT,Count\nL1,Cone,57520,7\nL2,Schlingenkonisation,,3\nL3,zzz,,1\n"


@pytest.fixture(scope="module")
def terminology() -> Iterator[Terminology]:
    with Terminology() as terminology:
        yield terminology


def proposed(
    terminology: Terminology, folder: Path, target: str = "cervical-conization"
) -> list[MappingDecision]:
    path = folder / "codes.csv"
    path.write_text(SHEET, "utf-8")
    targets = targets_of(terminology, [target])
    suggesters = [(each, Suggester(terminology, each.system)) for each in targets]
    with open_sheet(path) as sheet:
        columns = columns_of(terminology, sheet, {})
        mapper = SheetMapper(terminology, targets)
        return list(proposals(mapper, suggesters, sheet, columns, source_url=LOCAL))


def map_of_decisions(decisions: list[MappingDecision], release: str = "r5") -> dict[str, Any]:
    stream = io.StringIO()
    with DraftMap(DraftHeader("http://example.org/m"), RELEASES[release]) as draft:
        add_to_map(draft, decisions)
        draft.write(stream)
    document: dict[str, Any] = json.loads(stream.getvalue())
    return document


def test_codes_have_the_matches_of_maps_and_others_suggestions(
    terminology: Terminology, tmp_path: Path
) -> None:
    rows = proposed(terminology, tmp_path)
    assert {row.status for row in rows} == {"proposed"} and {row.source_system for row in rows} == {LOCAL}
    of_map = [row for row in rows if row.source_code == "L1"]
    assert {row.target_code for row in of_map} >= {"conization", "conization-cold-knife"}
    assert all("ConceptMap/cpt-to-conization" in row.why and not row.score for row in of_map)
    by_text = [row for row in rows if row.source_code == "L2"]
    assert by_text[0].target_code == "conization-loop" and by_text[0].relationship == ""
    assert len(by_text) == 5 and all(row.score for row in by_text)
    (none,) = [row for row in rows if row.source_code == "L3"]
    assert (none.target_code, none.why) == ("", "No term of cervical-conization is like 'zzz'.")


def test_the_reason_of_a_proposal_has_words_of_the_command_line(
    terminology: Terminology, tmp_path: Path
) -> None:
    path = tmp_path / "codes.csv"
    path.write_text("code\n57520\n", "utf-8")
    targets = targets_of(terminology, ["ops"])
    suggesters = [(each, Suggester(terminology, each.system)) for each in targets]
    with open_sheet(path) as sheet:
        columns = columns_of(terminology, sheet, {}, "cpt")
        (none,) = proposals(SheetMapper(terminology, targets), suggesters, sheet, columns)
    assert "use --compose" in none.why and "_compose" not in none.why


def test_a_target_of_a_shape_that_its_code_system_does_not_have_is_refused(terminology: Terminology) -> None:
    rows = [
        accepted(MappingDecision(f"L{code}", target_system="cpt", target_code=code), "Ada")
        for code in ("57520", "99999", "5752", "ABCDE", "57520:51")
    ]
    summary = DecisionSummary()
    usable = [decision.target_code for decision in checked(terminology, rows, summary)]
    assert usable == ["57520", "99999", "57520:51"]  # 99999 may be a code: not all of CPT is here
    assert [problem.partition(":")[0] for problem in summary.problems] == ["row 4, L5752", "row 5, LABCDE"]
    assert all("http://www.ama-assn.org/go/cpt" in problem for problem in summary.problems)


def test_a_proposal_is_not_a_mapping(terminology: Terminology, tmp_path: Path) -> None:
    assert "group" not in map_of_decisions(proposed(terminology, tmp_path))


def test_what_is_accepted_is_served_with_conditions_and_who_decided(
    terminology: Terminology, tmp_path: Path
) -> None:
    rows = proposed(terminology, tmp_path, "icd10pcs")
    for row in rows:
        if row.source_code == "L1":
            accepted(row, "Ada")
    for release in ("r4", "r5"):
        with Terminology([map_of_decisions(rows, release)]) as served:
            answer = served.translate(LOCAL, "L1", target_system=PCS)
            assert [m.concept and m.concept.code for m in answer.matches] == ["0UBC7ZZ", "0UBC7ZX"]
            assert "decided by Ada 20" in (answer.matches[0].comment or "")
            diagnostic = {"attribute": "intent", "value": "diagnostic"}
            narrowed = served.translate(LOCAL, "L1", target_system=PCS, dependency=diagnostic)
            assert [m.concept and m.concept.code for m in narrowed.matches] == ["0UBC7ZX"]
            assert not served.translate(LOCAL, "L2", target_system=PCS)


def test_targets_of_a_code_stand_together_whatever_the_order(terminology: Terminology) -> None:
    rows = [
        MappingDecision("A", "a", LOCAL, target_system=OWN, target_code=code, status="accepted")
        for code in ("conization", "conization-loop")
    ]
    other = MappingDecision("B", "b", LOCAL, target_system=OWN, target_code="conization", status="accepted")
    (group,) = map_of_decisions([rows[0], other, rows[1]])["group"]
    assert [(e["code"], len(e["target"])) for e in group["element"]] == [("A", 2), ("B", 1)]
    assert {t["relationship"] for e in group["element"] for t in e["target"]} == {"related-to"}


def test_an_accepted_row_without_a_target_says_that_there_is_none() -> None:
    row = MappingDecision("A", "a", LOCAL, target_system=OWN, status="accepted")
    (group,) = map_of_decisions([row])["group"]
    assert group["element"] == [{"code": "A", "display": "a", "noMap": True}]


@pytest.mark.parametrize("release", ["r4", "r4b", "r5"])
def test_the_reason_why_there_is_no_target_is_served_with_who_decided(release: str) -> None:
    row = MappingDecision("A", "a", LOCAL, target_system=OWN, status="accepted")
    row.by, row.when, row.comment = "Ada", "2026-12-01", "Not a procedure of the cervix"
    document = map_of_decisions([row], release)
    with Terminology([document]) as served:
        answer = served.translate(LOCAL, "A", url="http://example.org/m")
    assert not answer
    assert "Not a procedure of the cervix; decided by Ada 2026-12-01" in (answer.message or "")
    if release != "r5":
        (target,) = document["group"][0]["element"][0]["target"]
        comment = "Not a procedure of the cervix; decided by Ada 2026-12-01"
        assert target == {"equivalence": "unmatched", "comment": comment}


def test_a_code_has_either_targets_or_none(terminology: Terminology) -> None:
    def row(target: str) -> MappingDecision:
        return MappingDecision("A", "", LOCAL, target_system=OWN, target_code=target, status="accepted")

    for codes, problem in (
        (("conization", ""), "row 3, A: it is accepted without a target, and row 2 with one"),
        (("", "conization"), "row 3, A: it is accepted with a target, and row 2 without one"),
    ):
        summary = DecisionSummary()
        (kept,) = checked(terminology, map(row, codes), summary)
        assert (kept.target_code, summary.problems) == (codes[0], [problem])


def test_the_target_system_of_a_code_without_a_target_may_be_a_short_name(terminology: Terminology) -> None:
    row = MappingDecision("A", "", LOCAL, target_system="icd10pcs", status="accepted")
    (kept,) = checked(terminology, [row], DecisionSummary())
    assert kept.target_system == PCS


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"status": "maybe"}, "the status 'maybe' is not one of proposed, accepted, rejected"),
        ({"status": "accepted", "relationship": "same"}, "the relationship 'same' is not one of"),
        ({"status": "accepted", "target_code": "conizatoin"}, "has no code 'conizatoin'"),
        ({"status": "accepted", "target_system": "nix"}, "No code system is called 'nix'"),
        ({"status": "accepted", "target_system": "", "target_code": ""}, "has no target system"),
        ({"status": "accepted", "target_code": "", "condition": "http://e.org/a=b"}, "and has no target"),
        ({"status": "accepted", "source_code": ""}, "has no source code"),
        ({"status": "Accepted"}, None),
        ({"status": ""}, None),
        ({"status": "rejected", "target_code": "nix"}, None),
        ({"status": "accepted", "target_system": "icd10pcs", "target_code": "0UBC0ZZ"}, None),
    ],
)
def test_a_row_that_cannot_be_used_is_a_problem(
    terminology: Terminology, values: dict[str, str], problem: str | None
) -> None:
    row = MappingDecision(**{"source_code": "A", "target_system": OWN, "target_code": "conization", **values})
    summary = DecisionSummary()
    kept = list(checked(terminology, [row], summary))
    assert len(kept) == (problem is None)
    assert len(summary.problems) == (problem is not None)
    assert all((problem or "") in text and "row 2" in text for text in summary.problems)


def test_the_summary_counts_codes_that_wait_for_a_decision(terminology: Terminology) -> None:
    rows = [
        MappingDecision(code, "", LOCAL, target_system=OWN, target_code="conization", status=status)
        for code, status in (("A", "accepted"), ("A", "rejected"), ("B", "proposed"), ("C", "rejected"))
    ]
    summary = DecisionSummary()
    assert len(list(checked(terminology, rows, summary))) == 4
    assert (summary.waiting, summary.statuses["rejected"]) == (2, 2)


def test_a_row_that_is_refused_has_no_status(terminology: Terminology) -> None:
    rows = [
        MappingDecision("A", "", LOCAL, target_system=OWN, target_code=code, status="accepted")
        for code in ("conization", "nix")
    ]
    summary = DecisionSummary()
    list(checked(terminology, rows, summary))
    assert (dict(summary.statuses), len(summary.problems)) == ({"accepted": 1}, 1)
