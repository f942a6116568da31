"""How Medicare pays for codes: Addendum B, the fee schedule and the NCCI edits as supplements of CPT and HCPCS."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from terminology import Settings, create_app
from terminology.core.errors import BrokenReleaseError
from terminology.store import store_at
from terminology.store.loading import StoreWriter
from terminology.store.release import ConceptRow
from tests.support import releases
from tests.support.asking import properties
from tests.support.importing import BY_KIND, opened, read, refusal
from tests.support.medicare_files import (
    EDITS,
    OPPS_ROWS,
    SECRET,
    UNITS,
    addendum_b,
    edits,
    fee_schedule,
    one_row_of_names,
    rvu_row,
)
from tests.support.releases import write
from tests.support.reporters import CollectingReporter, StrictReporter
from tests.support.stores import ENGINES, empty, postgres_server  # noqa: F401

CPT = "http://www.ama-assn.org/go/cpt"
HCPCS = "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"
BASE = "http://terminology.example.org/fhir/CodeSystem"


def rows_of(kind: str, *paths: Path, reporter: Any = None) -> dict[str, dict[str, list[Any]]]:
    """The values of each property of each code, of all releases in some files."""
    found: dict[str, dict[str, list[Any]]] = {}
    for one in opened(kind, *paths):
        for row in read(one, reporter or StrictReporter()):
            assert isinstance(row, ConceptRow) and SECRET not in str(row) and row.code not in found
            values = found.setdefault(row.code, {})
            for code, _, value in row.properties:
                values.setdefault(code, []).append(value)
    return found


def made(kind: str, folder: Path) -> Path:
    releases.RELEASES[kind](folder)
    return folder


@pytest.mark.parametrize(
    ("kind", "urls"),
    [
        ("opps", ["cpt-opps", "hcpcs-opps"]),
        ("rvu", ["cpt-fee-schedule", "hcpcs-fee-schedule"]),
        (
            "ncci",
            [
                "cpt-ncci-practitioner",
                "hcpcs-ncci-practitioner",
                "cpt-mue-practitioner",
                "hcpcs-mue-practitioner",
            ],
        ),
    ],
)
def test_a_table_is_a_supplement_of_each_code_system_it_has_codes_of(
    kind: str, urls: list[str], tmp_path: Path
) -> None:
    found = [one.release for one in opened(kind, made(kind, tmp_path))]
    assert [release.url for release in found] == [f"{BASE}/{url}" for url in urls]
    assert {release.version for release in found} == {"2031-07"}
    supplemented = [CPT if url.startswith("cpt") else HCPCS for url in urls]
    assert [release.header["supplements"] for release in found] == supplemented
    assert all(("CPT ©" in (release.copyright or "")) == ("/cpt-" in release.url) for release in found)


# -- Addendum B ----------------------------------------------------------------------------------


def test_addendum_b_gives_indicators_weights_and_amounts(tmp_path: Path) -> None:
    found = rows_of("opps", made("opps", tmp_path))
    assert found["57520"] == {
        "oppsStatusIndicator": ["J1"],
        "oppsApc": ["5415"],
        "oppsRelativeWeight": [Decimal("35.4411")],
        "oppsPaymentRate": [Decimal("3407.24")],
        "oppsMinimumCopayment": [Decimal("681.45")],
        "oppsRelease": ["July 2031"],
    }
    assert found["00940"] == {"oppsStatusIndicator": ["N"], "oppsRelease": ["July 2031"]}
    assert found["G0463"]["oppsNationalCopayment"] == [Decimal("30.00")]


@pytest.mark.parametrize(
    ("name", "title", "version"),
    [
        ("2031 April Web Addendum B.csv", "x", "2031-04"),
        ("october-2031-opps-addendum-b.csv", "x", "2031-10"),
        ("b.csv", "Addendum B, January 2031", "2031-01"),
        ("b.csv", "Payment for CY 2031", "2031"),
    ],
)
def test_name_or_title_tells_the_quarter(name: str, title: str, version: str, tmp_path: Path) -> None:
    write(tmp_path, name, *addendum_b(OPPS_ROWS[0], title=title))
    (one,) = opened("opps", tmp_path)
    assert one.release.version == version


def test_what_is_no_number_or_code_is_reported(tmp_path: Path) -> None:
    wrong = ("57455,T,5053,5.0,many,.,,,", "99999X,N,,,,,,,", "57456,T,5053,NaN,,,,,")
    path = write(tmp_path, "2031 July.csv", *addendum_b(OPPS_ROWS[0], *wrong), "Note: x,,,,,,,,,")
    reporter = CollectingReporter()
    assert [*rows_of("opps", path, reporter=reporter)] == ["57520"]
    assert [(problem.line, problem.text) for problem in reporter.problems] == [
        (6, "a weight or an amount of 57455 is not a number"),
        (7, "expected a code of CPT or HCPCS, not '99999X'"),
        (8, "a weight or an amount of 57456 is not a number"),
    ]


def test_a_code_is_read_without_what_cannot_be_printed(tmp_path: Path) -> None:
    text = "\r\n".join(addendum_b(OPPS_ROWS[0])).replace("57520,", "57520\xff,").encode("latin-1")
    (tmp_path / "2031 July.csv").write_bytes(text + b"\r\n")
    assert [*rows_of("opps", tmp_path)] == ["57520"]


def workbook(path: Path, rows: list[list[Any]]) -> None:
    import openpyxl

    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in rows:
        sheet.append(row)
    book.save(path)


def test_a_sheet_is_read_like_the_text_of_it(tmp_path: Path) -> None:
    names = ["HCPCS Code", "Short Descriptor", "SI", "APC", "Relative Weight", "Payment Rate"]
    cells = [[57520, SECRET, "J1", 5415, 35.5, 3407.24], [940, SECRET, "N", None, None, None]]
    workbook(tmp_path / "2031 July.xlsx", [["Addendum B"], [], names, *cells])
    found = rows_of("opps", tmp_path)
    assert found["57520"]["oppsPaymentRate"] == [Decimal("3407.24")]
    assert (found["57520"]["oppsApc"], found["00940"]["oppsStatusIndicator"]) == (["5415"], ["N"])


def test_an_archive_with_text_and_sheet_of_a_table_is_read_once(tmp_path: Path) -> None:
    workbook(tmp_path / "b.xlsx", [["HCPCS Code", "SI", "APC", "Relative Weight", "Payment Rate"]])
    text = write(tmp_path, "b.csv", *addendum_b(*OPPS_ROWS))
    with zipfile.ZipFile(tmp_path / "july-2031-opps-addendum-b.zip", "w") as archive:
        archive.write(text, "508 Version/b.csv")
        archive.write(tmp_path / "b.xlsx", "b.xlsx")
    assert len(rows_of("opps", tmp_path / "july-2031-opps-addendum-b.zip")) == 4


@pytest.mark.parametrize(
    ("kind", "name", "header", "said"),
    [
        (
            "opps",
            "x.csv",
            "HCPCS Code,SI,APC",
            "expected the columns RELATIVE WEIGHT, PAYMENT RATE; found HCPCS",
        ),
        ("rvu", "x.csv", "HCPCS,MOD,PROCSTAT", "expected the columns STATUS CODE, WORK RVU"),
        (
            "ncci",
            "x.txt",
            "Column 1\tColumn 2",
            "expected the columns EFFECTIVE, DELETION, MODIFIER; found COLUMN 1",
        ),
        (
            "ncci",
            "x.csv",
            "HCPCS/CPT Code,MUE Values",
            "expected the columns MUE ADJUDICATION INDICATOR; found",
        ),
    ],
)
def test_a_table_that_lacks_columns_is_refused_with_those_found(
    kind: str, name: str, header: str, said: str, tmp_path: Path
) -> None:
    assert said in refusal(kind, write(tmp_path, name, "A title", header, "57520,1,2"))


def test_two_tables_are_refused(tmp_path: Path) -> None:
    for month in ("April", "July"):
        write(tmp_path, f"2031 {month}.csv", *addendum_b(OPPS_ROWS[0]))
    assert "expected one Addendum B; found 2031 April.csv, 2031 July.csv" in refusal("opps", tmp_path)


@pytest.mark.parametrize("kind", ["opps", "rvu", "ncci"])
def test_a_table_that_breaks_off_ends_the_reading(kind: str, tmp_path: Path) -> None:
    path = sorted(made(kind, tmp_path).iterdir())[-1]
    path.write_bytes(path.read_bytes()[:-40].rstrip())
    with pytest.raises(BrokenReleaseError, match="breaks off"):
        rows_of(kind, path)


# -- the fee schedule ----------------------------------------------------------------------------


@pytest.mark.parametrize("names", [None, [one_row_of_names()]], ids=["two rows of names", "one"])
@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_a_fee_schedule_gives_relative_values_and_rules(names: Any, end: str, tmp_path: Path) -> None:
    lines = fee_schedule(rvu_row("57520")) if names is None else fee_schedule(rvu_row("57520"), names=names)
    found = rows_of("rvu", write(tmp_path, "PPRRVU31_JUL.csv", *lines, end=end))["57520"]
    told = {code: found[code] for code in ("workRvu", "globalDays", "assistantAtSurgery", "conversionFactor")}
    assert told == {
        "workRvu": [Decimal("4.11")],
        "globalDays": ["090"],
        "assistantAtSurgery": ["1"],
        "conversionFactor": [Decimal("33.4009")],
    }
    assert "facilityPeRvu" not in found and "endoscopicBase" not in found
    assert found["feeScheduleRelease"] == ["July 2031"]


def test_a_code_with_a_modifier_is_one_in_CPT_and_none_in_HCPCS(tmp_path: Path) -> None:
    rows = (rvu_row("71046", "26", work="0.2"), rvu_row("71046"), rvu_row("G0101", "TC"), rvu_row("G0101"))
    found = rows_of("rvu", write(tmp_path, "x2031.csv", *fee_schedule(*rows)))
    assert sorted(found) == ["71046", "71046:26", "G0101"]
    assert found["71046:26"]["workRvu"] == [Decimal("0.2")]


def test_of_two_fee_schedules_that_of_most_physicians_is_read(tmp_path: Path) -> None:
    for name, work in (("QPP", "1"), ("nonQPP", "2")):
        write(tmp_path, f"PPRRVU2031_Jul_{name}.csv", *fee_schedule(rvu_row("57520", work=work)))
    write(tmp_path, "OPPSCAP_Jul.csv", "HCPCS,MOD,PROCSTAT,CARRIER,LOCALITY", "57520,,A,1,0")
    assert rows_of("rvu", tmp_path)["57520"]["workRvu"] == [2]


# -- NCCI ----------------------------------------------------------------------------------------


def test_edits_in_force_are_values_of_the_code_of_column_1(tmp_path: Path) -> None:
    found = rows_of("ncci", write(tmp_path, "ccipra-v372r0-f1.txt", *edits(*EDITS)))
    assert found == {
        "57520": {
            "ncciNever": [{"system": CPT, "code": "58120"}, {"system": CPT, "code": "57510"}],
            "ncciWithModifier": [{"system": CPT, "code": "57505"}, {"system": HCPCS, "code": "G0463"}],
        },
        "G0101": {"ncciNever": [{"system": CPT, "code": "57520"}]},
    }


def test_files_of_one_quarter_are_one_table_and_settings_are_two(tmp_path: Path) -> None:
    for name in ("ccipra-v372r0-f1", "ccipra-v372r0-f2", "ccioph-v372r0-f1"):
        code = "57505" if name.endswith("2") else "58120"
        write(tmp_path, f"{name}.txt", *edits(("57520", code, "20200101", "*", "0")))
    releases_ = opened("ncci", tmp_path)
    assert [one.release.url.rpartition("/")[2] for one in releases_] == [
        "cpt-ncci-hospital",
        "cpt-ncci-practitioner",
    ]
    (row,) = (row for row in read(releases_[1], StrictReporter()) if isinstance(row, ConceptRow))
    assert [value["code"] for _, _, value in row.properties] == ["58120", "57505"]


def test_files_of_two_quarters_are_refused(tmp_path: Path) -> None:
    for version in ("v372r0", "v371r0"):
        write(tmp_path, f"ccipra-{version}-f1.txt", *edits(EDITS[0]))
    assert "expected files of one quarter, but ccipra-v371r0-f1.txt is of 2031-04" in refusal(
        "ncci", tmp_path
    )


def test_edits_need_a_name_that_says_whose_they_are(tmp_path: Path) -> None:
    said = refusal("ncci", write(tmp_path, "edits.txt", *edits(EDITS[0])))
    assert "expected ccipra (practitioners) or ccioph (hospitals) and a version in the name" in said


@pytest.mark.parametrize(
    "row",
    [
        ("57520", "?", "20200101", "*", "0"),
        ("57520", "58120", "2020", "*", "0"),
        ("57520", "58120", "20200101", "never", "0"),
        ("57520", "58120", "20200101", "*", "3"),
    ],
)
def test_a_malformed_edit_is_reported_and_left_out(row: tuple[str, ...], tmp_path: Path) -> None:
    reporter = CollectingReporter()
    path = write(tmp_path, "ccipra-v372r0-f1.txt", *edits(EDITS[1], row))
    assert rows_of("ncci", path, reporter=reporter)["57520"] == {
        "ncciWithModifier": [{"system": CPT, "code": "57505"}]
    }
    (problem,) = reporter.problems
    assert (
        problem.line == 8 and "expected two codes, dates (YYYYMMDD) and a modifier indicator" in problem.text
    )


def test_units_of_a_day_are_a_number(tmp_path: Path) -> None:
    write(tmp_path, "MCR_MUE_PractitionerServices_Eff_07-01-2031.csv", *UNITS)
    assert rows_of("ncci", tmp_path) == {
        "57520": {"muePractitioner": [1], "muePractitionerAdjudication": ["2"]},
        "J1100": {"muePractitioner": [20], "muePractitionerAdjudication": ["1"]},
    }


# -- the stores ----------------------------------------------------------------------------------


@pytest.fixture(params=ENGINES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return empty(request.param, request, tmp_path)


@pytest.fixture
def import_(place: str, tmp_path: Path) -> Callable[[str], None]:
    def run(kind: str) -> None:
        with closing(StoreWriter(store_at(place))) as writer:
            assert writer.load(BY_KIND[kind], [made(kind, tmp_path / kind)], StrictReporter())

    return run


@pytest.fixture
def client(place: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[FlaskClient]:
    """A server with the bundled content and the store, which looks for a new generation at every request."""
    monkeypatch.setattr("terminology.store.postgres.INTERVAL", 0.0)
    monkeypatch.setattr("terminology.store.postgres.WAIT", 10.0)
    with closing(StoreWriter(store_at(place))):
        pass
    yield create_app(settings=Settings(environment={}, store=place)).test_client()


def lookup(client: FlaskClient, code: str, *names: str, system: str = CPT, supplement: str = "") -> Any:
    query: dict[str, Any] = {"system": system, "code": code, "property": list(names)}
    if supplement:
        query["useSupplement"] = supplement
    answer = client.get("/fhir/r5/CodeSystem/$lookup", query_string=query)
    assert answer.status_code == 200, answer.get_json()
    return {code: [v for v in values] for code, values in properties(answer.get_json()).items()}


def test_an_imported_addendum_prevails_until_it_is_retired_or_removed(
    client: FlaskClient, place: str, import_: Callable[[str], None]
) -> None:
    asked = ("oppsStatusIndicator", "oppsPaymentRate", "oppsRelease", "technique", "seeAlso")
    before = lookup(client, "57520", *asked)
    assert before["oppsRelease"] == ["April 2026"]
    import_("opps")
    after = lookup(client, "57520", *asked)
    assert after["oppsRelease"] == ["July 2031"] and after["oppsPaymentRate"] == [3407.24]
    assert {name: after[name] for name in asked[3:]} == {name: before[name] for name in asked[3:]}
    with closing(StoreWriter(store_at(place))) as writer:
        writer.retire(f"{BASE}/cpt-opps")
        assert lookup(client, "57520", *asked) == before
        writer.retire(f"{BASE}/cpt-opps", undo=True)
        assert lookup(client, "57520", *asked) == after
        writer.remove(f"{BASE}/cpt-opps")
        assert lookup(client, "57520", *asked) == before


def test_a_filter_goes_by_what_prevails(client: FlaskClient, import_: Callable[[str], None]) -> None:
    def chosen(indicator: str) -> set[str]:
        include = {
            "system": CPT,
            "filter": [{"property": "oppsStatusIndicator", "op": "=", "value": indicator}],
        }
        value_set = {"resourceType": "ValueSet", "status": "active", "compose": {"include": [include]}}
        body = {"resourceType": "Parameters", "parameter": [{"name": "valueSet", "resource": value_set}]}
        answer = client.post("/fhir/r5/ValueSet/$expand", json=body).get_json()
        return {entry["code"] for entry in answer["expansion"].get("contains", ())}

    assert "57455" in chosen("T") and "57455" not in chosen("J1")
    import_("opps")
    assert "57455" not in chosen("T") and "57455" in chosen("J1")
    assert "57456" in chosen("T")


def test_codes_of_an_imported_CPT_have_the_fee_schedule(
    client: FlaskClient, place: str, tmp_path: Path, import_: Callable[[str], None]
) -> None:
    path = write(tmp_path, "x2031.csv", *fee_schedule(rvu_row("57520"), rvu_row("99001", days="000")))
    with closing(StoreWriter(store_at(place))) as writer:
        assert writer.load(BY_KIND["rvu"], [path], StrictReporter())
    assert lookup(client, "57520", "globalDays", "workRvu") == {"globalDays": ["090"], "workRvu": [4.11]}
    import_("cpt")
    assert lookup(client, "99001", "globalDays") == {"globalDays": ["000"]}


def test_edits_apply_where_they_are_named(client: FlaskClient, import_: Callable[[str], None]) -> None:
    import_("ncci")
    named = f"{BASE}/cpt-ncci-practitioner"
    assert lookup(client, "57520", "ncciNever", "muePractitioner") == {"muePractitioner": [1]}
    never = lookup(client, "57520", "ncciNever", supplement=named)["ncciNever"]
    assert sorted(value["code"] for value in never) == ["57510", "58120"]


@pytest.mark.parametrize(("beside", "together"), [("58120", True), ("57505", False), ("57500", False)])
def test_two_codes_that_are_never_paid_together_are_a_value_set(
    beside: str, together: bool, client: FlaskClient, import_: Callable[[str], None]
) -> None:
    """Is a code one beside which another one is never paid?"""
    import_("ncci")
    value_set = {
        "resourceType": "ValueSet",
        "status": "active",
        "extension": [
            {
                "url": "http://hl7.org/fhir/StructureDefinition/valueset-supplement",
                "valueCanonical": f"{BASE}/cpt-ncci-practitioner",
            }
        ],
        "compose": {
            "include": [{"system": CPT, "filter": [{"property": "ncciNever", "op": "=", "value": beside}]}]
        },
    }
    body = {
        "resourceType": "Parameters",
        "parameter": [
            {"name": "valueSet", "resource": value_set},
            {"name": "coding", "valueCoding": {"system": CPT, "code": "57520"}},
        ],
    }
    answer = client.post("/fhir/r5/ValueSet/$validate-code", json=body).get_json()
    assert {p["name"]: p.get("valueBoolean") for p in answer["parameter"]}["result"] is together
