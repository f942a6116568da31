"""Files of other tools: read and written, and what they cannot hold is named."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from terminology import UnreadableFileError
from terminology.systems.omop import URL as OMOP
from terminology.workbench.decisions import FIELDS, STATUSES, MappingDecision
from terminology.workbench.exchange_formats import EXCHANGE_FORMATS, SNOMED, decisions_in, rows_of
from terminology.workbench.sheets import open_sheet
from terminology.workbench.tables import open_table

LOCAL = "http://example.org/local"
TARGETS = {"stcm": (OMOP, "4012345"), "snap2snomed": (SNOMED, "54535009")}


def decision(name: str, status: str = "accepted", relationship: str = "equivalent") -> MappingDecision:
    system, code = TARGETS.get(name, ("http://example.org/there", "T-1"))
    return MappingDecision(
        "L1", "Cone", LOCAL, "7", system, code, "Cone biopsy", relationship, "http://example.org/a#setting=x", status,
        "Ada", "2026-12-01", "looks right", "0.9", "the words of the display",
    )  # fmt: skip


def went_round(
    name: str, folder: Path, rows: list[MappingDecision]
) -> tuple[list[MappingDecision], Counter[str]]:
    format_, losses = EXCHANGE_FORMATS[name], Counter[str]()
    path = folder / "file.csv"
    with open_table(path, "csv", format_.columns, format_.delimiter, beginning=format_.beginning()) as table:
        for row in rows_of(format_, rows, losses):
            table.row(row)
    with open_sheet(path, header=True) as sheet:
        return list(decisions_in(sheet)), losses


@pytest.mark.parametrize("name", EXCHANGE_FORMATS)
def test_all_but_what_is_named_as_lost_goes_round(tmp_path: Path, name: str) -> None:
    row = decision(name)
    (back,), losses = went_round(name, tmp_path, [row])
    lost = {field.replace(" ", "_") for field in losses}
    assert lost == set(EXCHANGE_FORMATS[name].losses)
    for field in FIELDS:
        if field not in lost:
            assert getattr(back, field) == getattr(row, field), field
        else:
            assert getattr(back, field) != getattr(row, field), f"{field} is not lost"


@pytest.mark.parametrize("name", EXCHANGE_FORMATS)
@pytest.mark.parametrize("status", STATUSES)
def test_a_status_is_kept_or_the_row_is_left_out(tmp_path: Path, name: str, status: str) -> None:
    """Nothing that is proposed or rejected comes back as accepted."""
    back, losses = went_round(name, tmp_path, [decision(name, status)])
    assert [row.status for row in back] == [status] or (back == [] and losses[f"rows that are {status}"] == 1)


@pytest.mark.parametrize("name", ["decisions", "usagi", "sssom", "snap2snomed"])
@pytest.mark.parametrize(
    "relationship",
    ["equivalent", "source-is-narrower-than-target", "source-is-broader-than-target", "related-to"],
)
def test_a_relationship_keeps_its_direction(tmp_path: Path, name: str, relationship: str) -> None:
    (back,), _ = went_round(name, tmp_path, [decision(name, relationship=relationship)])
    assert back.relationship == relationship


@pytest.mark.parametrize("name", EXCHANGE_FORMATS)
def test_an_accepted_row_without_a_target_stays_without_one(tmp_path: Path, name: str) -> None:
    row = decision(name)
    row.target_code = row.target_display = row.relationship = ""
    (back,), _ = went_round(name, tmp_path, [row])
    assert (back.target_code, back.status) == ("", "accepted")


@pytest.mark.parametrize("name", ["stcm", "snap2snomed"])
def test_a_target_of_another_code_system_is_left_out(tmp_path: Path, name: str) -> None:
    row = decision(name)
    row.target_system = "http://example.org/there"
    back, losses = went_round(name, tmp_path, [row])
    assert back == [] and any(text.startswith("targets that are not of") for text in losses)


USAGI = """sourceCode,sourceName,sourceFrequency,sourceAutoAssignedConceptIds,matchScore,mappingStatus,\
equivalence,statusSetBy,statusSetOn,conceptId,conceptName,domainId,mappingType,comment,createdBy,createdOn,assignedReviewer
A,cone,3,,0.87,APPROVED,EQUIVALENT,ada,1796083200000,4012345,Cone biopsy,Procedure,MAPS_TO,,ada,1796083200000,
B,dx,1,,0.2,UNCHECKED,UNREVIEWED,,0,4099999,Other,Procedure,MAPS_TO,,,0,
C,nothing,1,,0,APPROVED,UNMATCHED,ada,1796083200000,0,,,MAPS_TO,no such,ada,0,
"""


def test_a_file_of_usagi_itself_is_read(tmp_path: Path) -> None:
    path = tmp_path / "saved.csv"
    path.write_text(USAGI, "utf-8")
    with open_sheet(path) as sheet:
        a, b, c = decisions_in(sheet)
    assert (a.target_system, a.target_code, a.relationship, a.status, a.when) == (
        OMOP, "4012345", "equivalent", "accepted", "2026-12-01",
    )  # fmt: skip
    assert (b.status, b.relationship, c.target_code, c.status) == ("proposed", "", "", "accepted")


SSSOM = """#curie_map:
#  HP: "http://purl.obolibrary.org/obo/HP_"
#mapping_set_id: "https://example.org/set"
subject_id\tsubject_label\tpredicate_id\tobject_id\tobject_label\tmapping_justification
HP:0009124\tAbnormal adipose\tskos:exactMatch\tMP:0000003\tabnormal adipose\tsemapv:LexicalMatching
HP:0008551\tMicrotia\tskos:broadMatch\tMP:0000018\tsmall ears\tsemapv:LexicalMatching
"""


def test_a_file_of_sssom_with_its_metadata_is_read(tmp_path: Path) -> None:
    path = tmp_path / "set.sssom.tsv"
    path.write_text(SSSOM, "utf-8")
    with open_sheet(path) as sheet:
        one, two = decisions_in(sheet)
    assert (one.source_code, one.target_code, one.relationship) == ("0009124", "0000003", "equivalent")
    assert two.relationship == "source-is-narrower-than-target"


def test_a_sheet_of_another_kind_is_refused_with_the_known_formats(tmp_path: Path) -> None:
    path = tmp_path / "codes.csv"
    path.write_text("code,name\nA,b\n")
    with open_sheet(path) as sheet, pytest.raises(UnreadableFileError, match=r"usagi: conceptId.*sssom"):
        list(decisions_in(sheet))
