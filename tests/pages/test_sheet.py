"""A sheet that a browser sends comes back mapped, within bounds; nothing of it stays, and rights hold."""

from __future__ import annotations

import io
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from werkzeug.test import TestResponse

from terminology import Settings, create_app
from terminology.pages.upload import MOST_BYTES
from tests.support.authentication import api_key, auth_file
from tests.support.conization import CPT, OURS, PCS
from tests.support.hostile import SCRIPT
from tests.support.pages import BROWSER, Reader, words

SHEET = "/fhir/r5/sheet"
CODES = "code,name\nconization-cold-knife,Cold knife\nconization-loop,Loop\nconization-lop,\n,nothing\n"


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader(create_app(Settings(environment={}, data="")).test_client())


def sent(reader: Reader, address: str = SHEET, headers: Any = None, **fields: Any) -> TestResponse:
    """The answer to a form. ``sheet`` is the content of a file."""
    if "sheet" in fields:
        fields["sheet"] = (io.BytesIO(fields["sheet"]), fields.pop("name", "codes.csv"))
    return reader.client.post(
        address,
        data=fields,
        content_type="multipart/form-data",
        headers={"Accept": BROWSER, **(headers or {})},
    )


def read(answer: TestResponse, status: int = 200) -> Any:
    from lxml import html

    text = answer.get_data(as_text=True)
    assert answer.status_code == status, text[:2000]
    assert answer.content_type == "text/html; charset=utf-8"
    return html.fromstring(text).get_element_by_id("main")


def lines(page: Any) -> list[str]:
    return [words(row) for row in page.xpath(".//table/tbody/tr")]


def workbook(*rows: list[Any]) -> bytes:
    book, stream = openpyxl.Workbook(), io.BytesIO()
    for row in rows:
        book.active.append(row)
    book.save(stream)
    return stream.getvalue()


@pytest.mark.parametrize("root", ["/fhir", "/fhir/r4", "/fhir/r5"])
def test_each_row_has_its_codes_or_a_reason(reader: Reader, root: str) -> None:
    page = read(sent(reader, f"{root}/sheet", sheet=CODES.encode(), to="cpt, icd10pcs"))
    first, second, slip, empty = lines(page)
    assert "57520" in first and "0UBC7Z" in first and "Cold knife" in first
    assert "57461" in second and "57522" in second and "colposcopy guided: yes" in second
    assert "has no code 'conization-lop'" in slip
    assert "The row has no code" in empty
    assert f"codes are taken for those of {OURS}" in words(page)
    assert {CPT, PCS} <= {href.partition("url=")[2] for href in page.xpath(".//h3/a/@href")}


def test_what_is_known_of_every_row_decides(reader: Reader) -> None:
    text, where = "code\nconization-loop\n", "colposcopyGuided=true"
    page = read(sent(reader, text=text, to="cpt", where=where, **{"from": OURS}))
    assert "57461" in lines(page)[0] and "57522" not in lines(page)[0]
    page = read(sent(reader, text=text, to="cpt", where="colposcopyGided=true", **{"from": OURS}))
    assert "Did you mean 'colposcopyGuided'" in words(page)


def test_codes_can_be_pasted(reader: Reader) -> None:
    page = read(sent(reader, text="code\nconization-cold-knife\n", to="cpt", **{"from": OURS}))
    assert "57520" in lines(page)[0]


@pytest.mark.parametrize("to", ["cpt", "nonsense"])
def test_the_text_stays_to_be_sent_again(reader: Reader, to: str) -> None:
    text = "code\nconization-cold-knife"
    answer = sent(reader, text=text, to=to, **{"from": OURS})
    assert read(answer, answer.status_code).get_element_by_id("f-text").value == text


def test_the_form_says_which_fields_it_needs_and_what_they_take(reader: Reader) -> None:
    page = reader.page(SHEET)
    to, source = page.get_element_by_id("f-to"), page.get_element_by_id("f-from")
    assert to.get("required") is not None and source.get("required") is None
    assert "required" in words(page.xpath("//label[@for='f-to']")[0])
    notes = [words(page.get_element_by_id(each.get("aria-describedby"))) for each in (to, source)]
    assert "commas" in notes[0] and "column 'system'" in notes[1]


def test_a_column_of_systems_takes_the_names_that_the_form_shows(reader: Reader) -> None:
    text = "system,code\nCPT,57520\nICD-10-PCS,0UBC7ZZ\n"
    page = read(sent(reader, text=text, to="icd-10-pcs"))
    systems = ["".join(row.xpath("./td[1]/a/@href")) for row in page.xpath(".//table/tbody/tr")]
    assert "ama-assn" in systems[0] and "cms.gov" in systems[1]


def test_codes_of_no_system_get_one_message_for_all(reader: Reader) -> None:
    text = "code,name\nxq1,a\nxq2,b\n,nothing\n"
    page = read(sent(reader, text=text, to="cpt, icd10pcs"))
    assert words(page).count("Nothing says of which code system") == 1
    assert "Nothing says of which code system" in words(page.find_class("issue")[0])
    assert "The row has no code" in lines(page)[2]
    named = read(sent(reader, text="code,system\nxq1,\nxq2,cpt\n", to="cpt"))
    assert "Nothing says of which code system" in lines(named)[0] and not named.find_class("issue")


def test_a_workbook_is_read_and_written_with_what_spreadsheets_spoil(reader: Reader) -> None:
    content = workbook(["code", "name"], ["conization-cold-knife", "a"], ["=A2", "b"])
    page = read(sent(reader, sheet=content, name="codes.xlsx", to="cpt", **{"from": OURS}))
    assert "is a formula" in lines(page)[1]
    again = {
        field.get("name"): field.value
        for field in page.xpath(".//form[@class='downloads']//*[@name][@name!='as']")
    }
    answer = sent(reader, **again, **{"as": "xlsx"})
    assert answer.headers["Content-Disposition"] == 'attachment; filename="mapped.xlsx"'
    sheet = openpyxl.load_workbook(io.BytesIO(answer.data)).active
    rows = [[cell.value for cell in row] for row in sheet.iter_rows()]
    assert rows[0][:3] == ["code", "name", "cpt code"] and rows[1][:3] == [
        "conization-cold-knife",
        "a",
        "57520",
    ]
    assert "spreadsheet-formula" in rows[2]


def test_the_download_is_the_sheet_with_further_columns(reader: Reader) -> None:
    page = read(sent(reader, sheet=CODES.encode(), to="cpt"))
    again = {
        field.get("name"): field.value
        for field in page.xpath(".//form[@class='downloads']//*[@name][@name!='as']")
    }
    answer = sent(reader, **again, **{"as": "csv"})
    assert answer.content_type == "text/csv; charset=utf-8"
    assert answer.headers["Cache-Control"].startswith("private")
    header, first, *_ = answer.data.decode("utf-8-sig").splitlines()
    assert header.startswith("code,name,cpt code,cpt display,cpt relationship")
    assert first.startswith("conization-cold-knife,Cold knife,57520,")


@pytest.mark.parametrize(
    ("fields", "status", "text"),
    [
        ({}, 400, "There is no sheet"),
        ({"text": "code\na"}, 400, "which code system to map to"),
        ({"text": "code\na", "to": "nonsense"}, 404, "nonsense"),
        ({"text": "code\na", "to": "a,b,c,d"}, 422, "at most 3 code systems"),
        ({"text": "one,two\na,b", "to": "cpt"}, 400, "the field 'Column of the codes'"),
        ({"text": "code\na", "to": "cpt", "where": "loop"}, 400, "'loop' should be a condition"),
        ({"text": "code\na", "to": "cpt", "code": "other"}, 400, "no column 'other'"),
        ({"text": "code\n" + "a\n" * 2_001, "to": "cpt"}, 422, "more than 2,000 rows"),
        ({"sheet": b"PK\x03\x04 and no more", "to": "cpt"}, 400, "neither text nor an XLSX file"),
        ({"sheet": b"{not json", "name": "a.jsonl", "to": "cpt"}, 400, "is not JSON"),
        ({"sheet": b"\x00\x01\x02\x00", "to": "cpt"}, 400, "cannot be read"),
    ],
)
def test_a_sheet_that_cannot_be_mapped_is_refused_plainly(
    reader: Reader, fields: dict[str, Any], status: int, text: str
) -> None:
    page = read(sent(reader, **fields), status)
    assert text in words(page.find_class("issue")[0]) and "/tmp" not in words(page)
    assert page.xpath(".//form[@method='post']"), "the form is there to try again"


def test_a_workbook_that_unpacks_to_much_is_refused_unread(reader: Reader) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/sharedStrings.xml", b" " * 30_000_000)
    assert len(stream.getvalue()) < MOST_BYTES
    page = read(sent(reader, sheet=stream.getvalue(), name="bomb.xlsx", to="cpt"), 400)
    assert "unpacked it has 30 MB; at most 20 MB are read" in words(page)


def test_a_form_of_more_bytes_than_a_sheet_may_have_is_refused(reader: Reader) -> None:
    content = b'--x\r\nContent-Disposition: form-data; name="text"\r\n\r\n%s\r\n--x--\r\n' % (
        b"a" * MOST_BYTES
    )
    media = "multipart/form-data; boundary=x"
    page = read(reader.client.post(SHEET, data=content, content_type=media), 413)
    assert "2,000,000 bytes" in words(page)


@pytest.mark.parametrize("body", [b"", b"--x\r\nnothing", b"--x\r\n" * 100])
def test_a_form_that_is_not_whole_is_refused(reader: Reader, body: bytes) -> None:
    for media in ("multipart/form-data; boundary=x", "multipart/form-data"):
        answer = reader.client.post(SHEET, data=body, content_type=media, headers={"Accept": BROWSER})
        assert answer.status_code == 400


def test_hostile_cells_make_no_element(reader: Reader) -> None:
    content = f'code,name\n"{SCRIPT}","</textarea>{SCRIPT}"\n'.encode()
    answer = sent(reader, sheet=content, name=f"{SCRIPT}.csv", to="cpt", **{"from": OURS})
    page = read(answer)
    assert not page.xpath(".//script | .//img") and len(page.xpath(".//table/tbody/tr")) == 1
    assert SCRIPT in page.xpath(".//textarea[@hidden]")[0].value


def test_nothing_of_a_sheet_stays(reader: Reader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for kind in ("page", "csv", "xlsx"):
        assert sent(reader, sheet=CODES.encode(), to="cpt", **{"as": kind}).status_code == 200
    assert sent(reader, sheet=b"one,two\na,b", to="cpt").status_code == 400
    assert list(tmp_path.iterdir()) == []


def test_a_sheet_is_mapped_with_the_rights_of_its_user(tmp_path: Path) -> None:
    key, entry = api_key("reader", "system/*.rs")
    path = auth_file(tmp_path, keys=[entry], anonymous=["system/CodeSystem.rs"])
    reader = Reader(create_app(Settings(environment={}, data="", auth=path)).test_client())
    answer = sent(reader, text=CODES, to="cpt")
    assert "57520" not in words(read(answer, 401)) and answer.headers["WWW-Authenticate"]
    assert "57520" in words(read(sent(reader, headers={"X-API-Key": key}, text=CODES, to="cpt")))


def test_sheets_count_for_the_rate_limit() -> None:
    app = create_app(Settings(environment={}, data="", request_rate=2))
    statuses = [sent(Reader(app.test_client()), text=CODES, to="cpt").status_code for _ in range(6)]
    assert statuses[0] == 200 and 429 in statuses


def test_a_FHIR_client_at_the_address_of_sheets_gets_an_outcome(reader: Reader) -> None:
    for answer in (
        reader.client.get(SHEET),
        reader.client.post(SHEET, json={"resourceType": "Parameters"}, content_type="application/fhir+json"),
    ):
        assert answer.status_code == 404 and answer.get_json()["resourceType"] == "OperationOutcome"


@pytest.mark.parametrize(
    ("address", "accept"),
    [
        (SHEET, "application/fhir+json"),
        (f"{SHEET}?_format=json", BROWSER),
        ("/fhir/r5/CodeSystem/sheet", "application/fhir+json"),
        ("/fhir/r4/Binary/x/sheet", "application/fhir+json"),
    ],
)
def test_who_asks_for_FHIR_gets_an_outcome_whatever_is_sent(
    reader: Reader, address: str, accept: str
) -> None:
    answer = sent(reader, address, {"Accept": accept}, sheet=CODES.encode(), to="cpt")
    assert answer.status_code in (404, 415)
    assert answer.content_type.startswith("application/fhir+json")
    assert answer.get_json()["resourceType"] == "OperationOutcome"


def test_who_names_no_type_gets_the_page(reader: Reader) -> None:
    answer = sent(reader, SHEET, {"Accept": "*/*"}, sheet=CODES.encode(), to="cpt")
    assert answer.status_code == 200 and answer.content_type.startswith("text/html")


def test_an_archive_of_a_version_to_come_is_refused(reader: Reader) -> None:
    content = bytearray(workbook(["code"], ["57520"]))
    place = content.rindex(b"PK\x01\x02")
    content[place + 6] = 200  # the version that is needed to unpack it
    page = read(sent(reader, sheet=bytes(content), to="cpt"), 400)
    assert "neither text nor an XLSX file" in words(page)
