"""The lists of complications and comorbidities: properties of the codes of ICD-10-CM."""

from __future__ import annotations

import gzip
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from terminology import Settings, create_app
from terminology.core.errors import BrokenReleaseError
from terminology.opening import known_importers
from terminology.store import store_at
from terminology.store.loading import StoreWriter
from terminology.store.release import ConceptRow
from tests.support import releases
from tests.support.importing import opened, read, refusal
from tests.support.packages import package
from tests.support.releases import APPENDIX_C, write
from tests.support.reporters import CollectingReporter, StrictReporter
from tests.support.stores import place, postgres_server  # noqa: F401

CM = "http://hl7.org/fhir/sid/icd-10-cm"
MANUAL = "msdrgv48.0icd10_r0_definitionsmanual_text"
CODES = ("Q000    Torn left wing", "Q001    Torn right wing", "Q011XXA Clipped left wing", "Q9A     Smoke")
NAMES = {
    "ccMcc",
    "ccExclusion",
    "principalDiagnosisCollection",
    "ccOnlyIfDischargedAlive",
    "ccExcludedInMsDrg",
    "hacCategory",
}


def stated(*paths: Path, reporter: Any = None) -> dict[str, list[tuple[str, Any]]]:
    """What the lists say of each code."""
    (one,) = opened("icd10cm", *paths)
    rows = [row for row in read(one, reporter or StrictReporter()) if isinstance(row, ConceptRow)]
    of = {row.code: [(name, value) for name, _, value in row.properties if name in NAMES] for row in rows}
    return {code: properties for code, properties in of.items() if properties}


def listed(folder: Path, *lines: str, name: str = "appendix_C.txt", year: str = "2031") -> Path:
    """A list of codes, and beside it a file with these lines."""
    write(folder, f"icd10cm_codes_{year}.txt", *CODES)
    write(folder, name, *lines, end="\r\n")
    return folder


def without(*left_out: str, of: Iterable[str] = APPENDIX_C) -> list[str]:
    return [line for line in of if not line.strip().startswith(left_out)]


# -- what the lists say --------------------------------------------------------------------------

APPENDIX: dict[str, list[tuple[str, Any]]] = {
    "Q00.0": [
        ("ccMcc", "CC"),
        ("ccExclusion", "0002"),
        ("ccExcludedInMsDrg", "901"),
        ("ccExcludedInMsDrg", "902"),
    ],
    "Q00.1": [("principalDiagnosisCollection", "0002")],
    "Q01.1XXA": [("ccMcc", "MCC"), ("hacCategory", "05"), ("ccExclusion", "0003")],
    "Q9A": [
        ("ccMcc", "CC"),
        ("principalDiagnosisCollection", "0002"),
        ("principalDiagnosisCollection", "0003"),
        ("ccOnlyIfDischargedAlive", True),
    ],
}


def test_appendix_C_gives_levels_collections_and_exceptions(tmp_path: Path) -> None:
    assert stated(listed(tmp_path, *APPENDIX_C)) == APPENDIX


def test_table_6K_is_read_as_appendix_C_is(tmp_path: Path) -> None:
    lines = [line.replace("Appendix C Part", "K Part").replace(" HAC", "") for line in APPENDIX_C]
    lines[:6] = ["TABLE 6K - COMPLETE LIST OF CC EXCLUSIONS", ""]
    assert stated(listed(tmp_path, *lines, name="table_6k.txt")) == APPENDIX


def test_an_older_appendix_has_no_heading_of_part_1(tmp_path: Path) -> None:
    lines = without("Appendix C Part 1", "Q011XXA", "Appendix C Part 3", "MDC 77")
    lines = [line.replace(" HAC", "").replace("No Excl", "NoExcl") for line in lines[:-1]]
    found = stated(listed(tmp_path, *lines))
    assert found["Q00.0"] == APPENDIX["Q00.0"][:2] and found["Q9A"] == APPENDIX["Q9A"]


def test_tables_6I_and_6J_give_the_levels(tmp_path: Path) -> None:
    heads = ("TABLE 6I - COMPLETE MCC LIST", "Diagnosis Code\tDescription")
    write(tmp_path, "6i.txt", *heads, "Q01.1XXA\tClipped left wing", "", "\tNotes:", end="\r\n")
    listed(tmp_path, heads[0].replace("6I", "6J"), heads[1], "Q9A\tSmoke", name="6j.txt")
    assert stated(tmp_path) == {"Q01.1XXA": [("ccMcc", "MCC")], "Q9A": [("ccMcc", "CC")]}


def test_a_row_that_stands_twice_is_said_once(tmp_path: Path) -> None:
    twice = [line for line in APPENDIX_C for _ in range(2 if line.startswith(" ") else 1)]
    assert stated(listed(tmp_path, *twice)) == APPENDIX


def test_a_code_that_is_CC_and_MCC_is_reported(tmp_path: Path) -> None:
    heads = ("TABLE 6I - COMPLETE MCC LIST", "Diagnosis Code\tDescription")
    write(tmp_path, "z6i.txt", *heads, "Q9A\tSmoke")
    reporter = CollectingReporter()
    found = stated(listed(tmp_path, *APPENDIX_C), reporter=reporter)
    assert [problem.text for problem in reporter.problems] == ["Q9A is CC and MCC"] and found == APPENDIX


# -- files ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (
            " Q000    XX     0002:2 codes     Torn",
            "expected a code, CC or MCC, its exclusions and a title, not",
        ),
        (" Q000    CC", "expected a code, CC or MCC, its exclusions and a title, not 'Q000    CC'"),
    ],
)
def test_a_malformed_row_of_levels_is_reported_with_its_line(row: str, said: str, tmp_path: Path) -> None:
    lines = [*APPENDIX_C[:8], row, *APPENDIX_C[8:]]
    reporter = CollectingReporter()
    assert stated(listed(tmp_path, *lines), reporter=reporter) == APPENDIX
    (problem,) = reporter.problems
    assert (problem.file, problem.line) == ("appendix_C.txt", 9) and problem.text.startswith(said)


def test_a_malformed_row_below_a_heading_is_reported(tmp_path: Path) -> None:
    lines = [*APPENDIX_C[:13], "  Q-1  Torn", *APPENDIX_C[13:]]
    reporter = CollectingReporter()
    assert stated(listed(tmp_path, *lines), reporter=reporter) == APPENDIX
    assert [str(problem) for problem in reporter.problems] == [
        "appendix_C.txt:14: expected a code and a title, not 'Q-1  Torn'"
    ]


def test_a_row_of_table_6I_without_its_columns_is_reported(tmp_path: Path) -> None:
    folder = listed(tmp_path, "TABLE 6I - COMPLETE MCC LIST", "Q9A\tSmoke", "Q-9\tSmoke", name="6i.txt")
    reporter = CollectingReporter()
    assert stated(folder, reporter=reporter) == {"Q9A": [("ccMcc", "MCC")]}
    assert [problem.text for problem in reporter.problems] == [
        "expected a code, a tab and a title, not 'Q-9\\tSmoke'"
    ]


def test_a_code_that_the_list_of_codes_lacks_is_reported(tmp_path: Path) -> None:
    reporter = CollectingReporter()
    lines = [line.replace("Q001 ", "Q777 ") for line in APPENDIX_C]
    stated(listed(tmp_path, *lines), reporter=reporter)
    assert [problem.text for problem in reporter.problems] == ["Q777 is not in the list of codes"]


@pytest.mark.parametrize(
    ("kept", "why"),
    [
        (11, "it lacks collection 0002, which it names"),
        (15, "it lacks collection 0003, which it names"),
        (18, "it has no Part 2"),
    ],
)
def test_an_appendix_that_is_cut_off_at_a_line_ends_the_import(kept: int, why: str, tmp_path: Path) -> None:
    with pytest.raises(BrokenReleaseError, match=f"the file breaks off: {why}"):
        stated(listed(tmp_path, *APPENDIX_C[:kept]))


def test_an_appendix_that_is_cut_off_in_a_row_ends_the_import(tmp_path: Path) -> None:
    listed(tmp_path, *APPENDIX_C)
    path = tmp_path / "appendix_C.txt"
    path.write_bytes(path.read_bytes().partition(b"CC     0002")[0])
    with pytest.raises(BrokenReleaseError, match="the file breaks off"):
        stated(tmp_path)


@pytest.mark.parametrize(
    ("name", "head", "said"),
    [
        (f"{MANUAL}/appendix_C.txt", "", "appendix_C.txt is of 2031"),
        ("table 6k FY 2031.txt", "", "table 6k FY 2031.txt is of 2031"),
        ("6k.txt", "TABLE 6K - COMPLETE LIST OF CC EXCLUSIONS - FY 2031", "6k.txt is of 2031"),
    ],
)
def test_a_list_of_another_fiscal_year_is_refused(name: str, head: str, said: str, tmp_path: Path) -> None:
    listed(tmp_path, *([head] if head else []), *APPENDIX_C, name=name, year="2030")
    assert refusal("icd10cm", tmp_path).endswith(
        f"expected files of one year, but icd10cm_codes_2030.txt is of 2030 and {said}"
    )


def test_a_list_is_read_in_a_zip_and_refused_in_gzip_or_a_zip_in_it(tmp_path: Path) -> None:
    folder = listed(tmp_path / "release", *APPENDIX_C)
    with zipfile.ZipFile(tmp_path / "manual.zip", "w") as archive:
        archive.write(folder / "appendix_C.txt", f"{MANUAL}/appendix_C.txt")
    codes = folder / "icd10cm_codes_2031.txt"
    assert stated(codes, tmp_path / "manual.zip") == APPENDIX
    with zipfile.ZipFile(tmp_path / "outer.zip", "w") as archive:
        archive.write(tmp_path / "manual.zip", "manual.zip")
    assert "outer.zip/manual.zip is an archive within an archive" in refusal(
        "icd10cm", tmp_path / "outer.zip"
    )
    (tmp_path / "appendix_C.txt.gz").write_bytes(gzip.compress(b"x"))
    assert "is compressed with gzip; unpack it" in refusal("icd10cm", tmp_path / "appendix_C.txt.gz")


def test_the_real_tables_of_2026_are_of_the_codes_of_the_real_list() -> None:
    tabular = next(package("simple-icd-10-cm").rglob("icd10c-tabular-*.xml"))
    cms = package("drg") / "drg" / "data" / "cms"
    found = stated(tabular, cms / "mcc_list.txt", cms / "cc_list.txt", cms / "cc_exclusions.txt")
    levels = [value for properties in found.values() for name, value in properties if name == "ccMcc"]
    assert (levels.count("CC"), levels.count("MCC")) == (15_078, 3_354)
    assert dict(found["I46.9"])["ccExclusion"] == "0821" and "N87.1" not in found


# -- what is answered ----------------------------------------------------------------------------


@pytest.fixture
def client(place: str, tmp_path: Path) -> FlaskClient:  # noqa: F811
    kinds = {importer.kind: importer for importer in known_importers()}
    releases.icd10cm(tmp_path)
    writer = StoreWriter(store_at(place))
    assert writer.load(kinds["icd10cm"], [tmp_path], StrictReporter())
    writer.close()
    settings = Settings(environment={}, data="", bundled=False, store=place)
    return create_app(settings=settings).test_client()


@pytest.mark.parametrize(
    ("name", "value", "codes"),
    [
        ("ccMcc", "MCC", ["Q01.1XXA"]),
        ("principalDiagnosisCollection", "0002", ["Q00.1", "Q9A"]),
        ("ccOnlyIfDischargedAlive", "true", ["Q9A"]),
        ("ccExcludedInMsDrg", "902", ["Q00.0"]),
    ],
)
def test_filters_find_levels_and_the_diagnoses_that_exclude_them(
    client: FlaskClient, name: str, value: str, codes: list[str]
) -> None:
    include = {"system": CM, "filter": [{"property": name, "op": "=", "value": value}]}
    value_set = {"resourceType": "ValueSet", "status": "active", "compose": {"include": [include]}}
    body = {"resourceType": "Parameters", "parameter": [{"name": "valueSet", "resource": value_set}]}
    answer = client.post("/fhir/r4/ValueSet/$expand", json=body).get_json()
    assert sorted(node["code"] for node in answer["expansion"]["contains"]) == codes


def test_lookup_says_that_a_code_is_CC_and_what_excludes_it(client: FlaskClient) -> None:
    query = {"system": CM, "code": "Q00.0", "property": "ccMcc"}
    answer = client.get("/fhir/r4/CodeSystem/$lookup", query_string=query).get_json()
    parts = [part["part"] for part in answer["parameter"] if part["name"] == "property"]
    assert parts == [[{"name": "code", "valueCode": "ccMcc"}, {"name": "value", "valueCode": "CC"}]]
