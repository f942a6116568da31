"""The MS-DRG Definitions Manual: groups, and the diagnoses and procedures that lead to them."""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from terminology import Settings, create_app
from terminology.core.errors import BrokenReleaseError
from terminology.opening import known_importers
from terminology.store import store_at
from terminology.store.loading import StoreWriter
from terminology.store.release import ConceptRow, MapRow
from tests.support import releases
from tests.support.importing import opened, read, refusal
from tests.support.packages import package
from tests.support.releases import APPENDIX_A, APPENDIX_B, APPENDIX_D_E, write
from tests.support.reporters import CollectingReporter, StrictReporter
from tests.support.stores import place, postgres_server  # noqa: F401

DRG = (
    "https://www.cms.gov/Medicare/Medicare-Fee-for-Service-Payment/AcuteInpatientPPS/"
    "MS-DRG-Classifications-and-Software"
)
PCS, CM = "http://www.cms.gov/Medicare/Coding/ICD10", "http://hl7.org/fhir/sid/icd-10-cm"
MANUAL = "msdrgv48.1icd10_r0_definitionsmanual_text"


def manual(folder: Path, **lines: tuple[str, ...]) -> Path:
    """The manual, with other lines in the appendix ``a``, ``b`` or ``e``."""
    write(folder, "appendix_A.txt", *lines.get("a", APPENDIX_A), end="\r\n")
    write(folder, "appendix_B.txt", *lines.get("b", APPENDIX_B), end="\r\n")
    write(folder, "appendix_D_E.txt", *lines.get("e", APPENDIX_D_E), end="\r\n")
    return folder


def groups(*paths: Path, reporter: Any = None) -> dict[str, ConceptRow]:
    (first, *_) = opened("msdrg", *paths)
    rows = read(first, reporter or StrictReporter())
    return {row.code: row for row in rows if isinstance(row, ConceptRow)}


def mappings(number: int, *paths: Path, reporter: Any = None) -> list[MapRow]:
    """The rows of the index of diagnoses (1) or of procedures (2)."""
    rows = read(opened("msdrg", *paths)[number], reporter or StrictReporter())
    return [row for row in rows if isinstance(row, MapRow)]


def targets(rows: list[MapRow]) -> list[tuple[str, str | None]]:
    return [(row.source, row.target) for row in rows]


def stated(row: ConceptRow | MapRow) -> dict[str, Any]:
    return {name: value for name, _, value in row.properties}


# -- the groups ----------------------------------------------------------------------------------


def test_appendix_A_says_title_category_and_type_of_each_group(tmp_path: Path) -> None:
    found = groups(manual(tmp_path))
    assert opened("msdrg", tmp_path)[0].release.version == "FY2031"
    assert {code: (row.display, stated(row)) for code, row in found.items()} == {
        "901": ("Wing Procedures, Other", {"mdc": "77", "type": "SURG"}),
        "902": ("Ungroupable Dragon or Egg", {}),
        "904": ("Disorders of Wings", {"mdc": "77", "type": "MED"}),
        "905": ("Transplant of Wings", {"type": "SURG"}),
        "999": ("Ungroupable", {}),
    }


def test_beside_table_5_the_manual_adds_what_the_table_lacks(tmp_path: Path) -> None:
    releases.msdrg(tmp_path)
    found = groups(tmp_path)
    assert list(found) == ["901", "902", "904", "905", "999"]
    wing = found["901"]
    assert (wing.display, wing.designations) == ("WING PROCEDURES, OTHER", ())
    assert {"mdc", "type", "weight"} <= stated(wing).keys() and len(wing.properties) == 8
    assert [value for value, *_ in found["902"].designations] == ["Ungroupable Dragon or Egg"]
    assert found["904"].display == "Disorders of Wings"


def test_a_table_of_another_year_than_the_manual_is_refused(tmp_path: Path) -> None:
    releases.msdrg(tmp_path)
    path = tmp_path / "table5.txt"
    path.write_bytes(path.read_bytes().replace(b"2031", b"2030"))
    assert refusal("msdrg", tmp_path) == (
        "table5.txt: is of FY2030, but version 48.1 of the manual is of FY2031"
    )


# -- the indexes ---------------------------------------------------------------------------------


def test_a_diagnosis_leads_to_each_group_of_its_ranges_that_there_is(tmp_path: Path) -> None:
    rows = mappings(1, manual(tmp_path))
    assert targets(rows) == [
        *[("Q00.0", group) for group in ("901", "902", "904", "905")],
        ("Q9A", "905"),
    ]
    assert {row.relationship for row in rows} == {"related-to"}
    both = next(row for row in rows if row.target == "904")
    assert [value for name, _, value in both.properties if name == "mdc"] == ["77", "78"]
    assert stated(rows[-1]) == {"mdc": "Pre"}


def test_a_procedure_leads_to_its_groups_with_what_the_marks_say(tmp_path: Path) -> None:
    rows = mappings(2, manual(tmp_path))
    assert targets(rows) == [
        *[("QAA10ZZ", group) for group in ("901", "902", "905")],
        *[("QAA2XZZ", group) for group in ("904", "905")],
        ("QAA30ZZ", "905"),
    ]
    assert stated(rows[0]) == {
        "mdc": "77",
        "surgicalCategory": "Wing Procedures",
        "operatingRoom": True,
        "cluster": False,
    }
    assert stated(rows[3]) == {"mdc": "78", "operatingRoom": False, "cluster": False}
    assert stated(rows[-1])["cluster"] is True


def test_the_maps_have_the_version_of_the_manual(tmp_path: Path) -> None:
    _, diagnoses, procedures = (one.release for one in opened("msdrg", manual(tmp_path)))
    assert (diagnoses.version, procedures.version) == ("48.1", "48.1")
    assert diagnoses.url.endswith("/ConceptMap/msdrg-diagnosis-index")
    assert procedures.url.endswith("/ConceptMap/msdrg-procedure-index")


def test_with_table_5_alone_the_indexes_lead_to_its_groups(tmp_path: Path) -> None:
    releases.msdrg(tmp_path)
    (tmp_path / MANUAL / "appendix_A.txt").unlink()
    assert targets(mappings(1, tmp_path)) == [("Q00.0", "901"), ("Q00.0", "902")]


# -- files ---------------------------------------------------------------------------------------


def test_an_index_without_groups_is_refused(tmp_path: Path) -> None:
    folder = manual(tmp_path)
    assert refusal("msdrg", folder / "appendix_B.txt") == (
        "appendix_B.txt: leads to groups, and does not list them: give it with appendix_A.txt or Table 5"
    )


def test_an_appendix_A_with_other_columns_ends_the_import(tmp_path: Path) -> None:
    lines = tuple(line.replace("DRG MDC MS Description", "MS-DRG Title") for line in APPENDIX_A)
    with pytest.raises(
        BrokenReleaseError, match="expected the columns DRG MDC MS Description, and found no line"
    ):
        groups(manual(tmp_path, a=lines))


def test_two_manuals_at_once_are_refused(tmp_path: Path) -> None:
    manual(tmp_path / "a")
    write(tmp_path / "b", "appendix_A.txt", *APPENDIX_A[:-2], APPENDIX_A[-1])
    assert "appendix_A.txt is another one" in refusal("msdrg", tmp_path)


@pytest.mark.parametrize(
    ("place_of_row", "row", "said"),
    [
        (8, "90x 77  P  Wing", "expected a group, its MDC, M or P and a title, not '90x 77  P  Wing'"),
        (8, "901 77  P  Wing Procedures, Other", "901 is there twice"),
    ],
)
def test_a_malformed_row_of_appendix_A_is_reported(
    place_of_row: int, row: str, said: str, tmp_path: Path
) -> None:
    reporter = CollectingReporter()
    lines = (*APPENDIX_A[:place_of_row], row, *APPENDIX_A[place_of_row:])
    assert len(groups(manual(tmp_path, a=lines), reporter=reporter)) == 5
    assert [str(problem) for problem in reporter.problems] == [f"appendix_A.txt:9: {said}"]


def test_lines_that_go_on_with_a_code_that_cannot_be_read_are_left_out(tmp_path: Path) -> None:
    b = (*APPENDIX_B[:7], " q77     77  901         Claw", "         79  902         ", *APPENDIX_B[7:])
    e = (
        *APPENDIX_D_E[:10],
        "  QAO10ZZ   77  901     Claw",
        "            79  905     Claw",
        *APPENDIX_D_E[10:],
    )
    reporter = CollectingReporter()
    found = [mappings(number, manual(tmp_path, b=b, e=e), reporter=reporter) for number in (1, 2)]
    assert found == [mappings(number, manual(tmp_path)) for number in (1, 2)]
    assert [str(problem) for problem in reporter.problems] == [
        f"appendix_B.txt:8: expected a diagnosis, its MDC and its MS-DRGs, not {b[7]!r}",
        "appendix_B.txt:9: goes on with a code that cannot be read: '79  902'",
        f"appendix_D_E.txt:11: expected a procedure, its MDC, its MS-DRGs and a category, not {e[10]!r}",
        "appendix_D_E.txt:12: goes on with a code that cannot be read: '79  905     Claw'",
    ]


@pytest.mark.parametrize(
    ("lines", "number", "why"),
    [
        ({"a": APPENDIX_A[:-1]}, 0, "it has no group 999"),
        ({"e": APPENDIX_D_E[:-5]}, 2, "it has no Procedure Cluster/MS-DRG Index"),
    ],
)
def test_an_appendix_that_is_cut_off_at_a_line_ends_the_import(
    lines: dict[str, tuple[str, ...]], number: int, why: str, tmp_path: Path
) -> None:
    release = opened("msdrg", manual(tmp_path, **lines))[number]
    with pytest.raises(BrokenReleaseError, match=f"the file breaks off: {why}"):
        list(read(release, CollectingReporter()))


@pytest.mark.parametrize(
    ("name", "number", "mark"),
    [("A", 0, b"able\r\n:"), ("A", 0, b"Transplant"), ("B", 1, b"Smoke"), ("D_E", 2, b"78  904-905")],
)
def test_an_appendix_that_is_cut_off_in_a_line_ends_the_import(
    name: str, number: int, mark: bytes, tmp_path: Path
) -> None:
    path = manual(tmp_path) / f"appendix_{name}.txt"
    path.write_bytes(path.read_bytes().removesuffix(b"\r\n").partition(mark)[0])
    with pytest.raises(BrokenReleaseError, match="the file breaks off"):
        list(read(opened("msdrg", tmp_path)[number], CollectingReporter()))


def test_the_manual_is_read_in_a_zip_and_refused_in_gzip_or_a_zip_in_it(tmp_path: Path) -> None:
    folder = manual(tmp_path / MANUAL)
    with zipfile.ZipFile(tmp_path / "manual.zip", "w") as archive:
        for path in folder.iterdir():
            archive.write(path, f"{MANUAL}/{path.name}")
    assert mappings(2, tmp_path / "manual.zip") == mappings(2, folder)
    with zipfile.ZipFile(tmp_path / "outer.zip", "w") as archive:
        archive.write(tmp_path / "manual.zip", "manual.zip")
    assert "outer.zip/manual.zip is an archive within an archive" in refusal("msdrg", tmp_path / "outer.zip")
    (tmp_path / "appendix_A.txt.gz").write_bytes(gzip.compress((folder / "appendix_A.txt").read_bytes()))
    assert "is compressed with gzip; unpack it" in refusal("msdrg", tmp_path / "appendix_A.txt.gz")


def test_the_real_table_5_goes_with_a_manual_of_its_year(tmp_path: Path) -> None:
    table = package("drg") / "drg" / "data" / "cms" / "drg_weights.txt"
    lines = tuple(line.replace("48.1", "43.1") for line in APPENDIX_A)
    found = groups(table, manual(tmp_path, a=lines) / "appendix_A.txt")
    assert len(found) == 772 and stated(found["744"])["type"] == "SURG"


# -- what is answered ----------------------------------------------------------------------------


def imported(place: str, tmp_path: Path, bundled: bool) -> FlaskClient:  # noqa: F811
    kinds = {importer.kind: importer for importer in known_importers()}
    writer = StoreWriter(store_at(place))
    for kind in ("icd10pcs", "icd10cm", "msdrg"):
        folder = tmp_path / kind
        releases.RELEASES[kind](folder)
        assert writer.load(kinds[kind], [folder], StrictReporter())
    writer.close()
    settings = Settings(environment={}, data="", bundled=bundled, store=place)
    return create_app(settings=settings).test_client()


def ask(client: FlaskClient, operation: str, **query: str) -> dict[str, Any]:
    answer: dict[str, Any] = client.get(f"/fhir/r4/{operation}", query_string=query).get_json()
    return answer


def test_translate_says_the_groups_of_a_code_and_the_codes_of_a_group(
    place: str,  # noqa: F811
    tmp_path: Path,
) -> None:
    client = imported(place, tmp_path, bundled=False)
    answer = ask(client, "ConceptMap/$translate", system=PCS, code="QAA10ZZ", targetsystem=DRG)
    assert concepts(answer) == ["901", "902", "905"] and "Wing Procedures" in str(answer)
    query = {"system": DRG, "code": "905", "targetsystem": CM, "reverse": "true"}
    assert concepts(ask(client, "ConceptMap/$translate", **query)) == ["Q00.0", "Q9A"]


def concepts(answer: dict[str, Any]) -> list[str]:
    parts = [part["part"] for part in answer["parameter"] if part["name"] == "match"]
    return [each["valueCoding"]["code"] for part in parts for each in part if each["name"] == "concept"]


CPT = "http://www.ama-assn.org/go/cpt"
QUESTIONS = [
    ("CodeSystem/$lookup", {"system": CPT, "code": "57520"}),
    ("ConceptMap/$translate", {"system": CPT, "code": "57520", "targetsystem": PCS}),
    ("ConceptMap/$translate", {"system": CPT, "code": "57520", "targetsystem": "http://snomed.info/sct"}),
    ("CodeSystem/$validate-code", {"url": CPT, "code": "57520"}),
]


def test_questions_on_57520_are_answered_as_before_the_import(place: str, tmp_path: Path) -> None:  # noqa: F811
    before = create_app(settings=Settings(environment={}, data="")).test_client()
    after = imported(place, tmp_path, bundled=True)
    for operation, query in QUESTIONS:
        assert ask(after, operation, **query) == ask(before, operation, **query)


def test_what_is_retired_or_removed_is_not_answered_any_more(place: str, tmp_path: Path) -> None:  # noqa: F811
    imported(place, tmp_path, bundled=False)
    settings = Settings(environment={}, data="", bundled=False, store=place)
    writer = StoreWriter(store_at(place))
    (index,) = (one.url for one in writer.status() if one.url.endswith("msdrg-procedure-index"))

    def answers() -> tuple[bool, bool]:
        """Whether the map leads to a group, and whether a term of the index is found."""
        client = create_app(settings=settings).test_client()
        translated = ask(client, "ConceptMap/$translate", system=PCS, code="QAA10ZZ", targetsystem=DRG)
        listed = ask(client, "ValueSet/$expand", url=f"{PCS}?fhir_vs", filter="pterygectomy")
        return "901" in str(translated), "QAA2XZZ" in str(listed)

    assert answers() == (True, True)
    for undo in (False, True):
        for canonical in (index, PCS):
            assert writer.retire(canonical, undo=undo)
        assert answers() == (undo, undo)
    for canonical in (index, PCS):
        assert writer.remove(canonical, now=True)
    assert answers() == (False, False)
    writer.close()
