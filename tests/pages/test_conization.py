"""The page about conization says what the maps say, and nothing else."""

from __future__ import annotations

import json
import shlex
from typing import Any

import pytest

from terminology import create_app
from terminology.core.model import Document
from tests.support.pages import Reader, application, words

PAGE = "/fhir/r5/conization"


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader(create_app().test_client())


@pytest.mark.parametrize(
    ("query", "codes", "others"),
    [
        (
            "technique=conization-loop-colposcopic&setting=outpatient-or-professional",
            {"57461"},
            {"57522", "0UBC7ZX"},
        ),
        ("technique=conization-loop&colposcopy=true", {"57461"}, {"57522"}),
        ("technique=conization-loop&colposcopy=false", {"57522"}, {"57461"}),
        ("technique=conization-cold-knife", {"57520", "0UBC7ZX", "0UBC7ZZ", "67.2", "54535009"}, {"57522"}),
        ("setting=inpatient-facility&intent=diagnostic", {"0UBC7ZX"}, {"0UBC7ZZ", "57520", "57522", "57461"}),
        ("setting=inpatient-facility&intent=therapeutic", {"0UBC7ZZ"}, {"0UBC7ZX", "57520"}),
        ("setting=outpatient-or-professional&intent=therapeutic", {"57520", "57522"}, {"0UBC7ZZ"}),
    ],
)
def test_the_form_chooses_among_the_codes(
    reader: Reader, query: str, codes: set[str], others: set[str]
) -> None:
    part = reader.page(f"{PAGE}?{query}").get_element_by_id("codes")
    shown = {words(link) for link in part.xpath(".//td//a[@class='code']")}
    assert codes <= shown and not others & shown


@pytest.mark.parametrize("root", ["r4", "r5"])
@pytest.mark.parametrize(
    "query",
    [
        "technique=conization-loop&setting=outpatient-or-professional&colposcopy=true",
        "technique=conization-loop&colposcopy=false",
        "technique=conization-cold-knife&setting=inpatient-facility&intent=diagnostic",
        "technique=conization-loop-colposcopic",
        "",
    ],
)
def test_the_requests_to_copy_give_the_codes_of_the_page(reader: Reader, query: str, root: str) -> None:
    page = reader.page(f"/fhir/{root}/conization?{query}")
    table = page.get_element_by_id("codes").find_class("bills")[0]
    bills = [words(th) for th in table.xpath(".//thead//th")][1:]
    requests = page.xpath("//section[@class='behind']/details")
    assert len(requests) == len(bills)
    for bill, details in zip(bills, requests, strict=True):
        about = words(details.find("summary"))
        assert bill in about
        left_out = "conization-to-cpt" if "leaves out conization-to-cpt" in about else "nothing"
        assert (left_out == "nothing") == (bill == bills[0] and "inpatient" not in bill)
        curl = details.xpath(".//code")[1].text_content()
        command = shlex.split(curl)
        address, body = command[1].removeprefix("http://localhost"), json.loads(command[-1])
        answer = reader.client.post(address, json=body).get_json()
        assert _codes(answer, left_out) == _codes_on_page(table, bills.index(bill))


def _codes(answer: Document, left_out: str) -> set[str]:
    """The codes of an answer, without those of a map."""
    matches = [{p["name"]: p for p in m["part"]} for m in answer["parameter"] if m["name"] == "match"]
    return {
        m["concept"]["valueCoding"]["code"]
        for m in matches
        if "concept" in m and left_out not in json.dumps(m.get("originMap") or m.get("source"))
    }


def _codes_on_page(table: Any, column: int) -> set[str]:
    """The codes in a column of a table whose cells may be as wide as several."""
    codes: set[str] = set()
    for row in table.xpath(".//tbody/tr"):
        cells = [cell for cell in row.findall("td") for _ in range(int(cell.get("colspan", 1)))]
        codes |= {words(a) for a in cells[column].xpath(".//a[@class='code']")}
    return codes


@pytest.mark.parametrize("technique", ["conization-loop-colposcopic", ""])
def test_a_technique_with_colposcopy_has_no_code_without_it(reader: Reader, technique: str) -> None:
    page = reader.page(f"{PAGE}?technique={technique}&colposcopy=false")
    sections = {words(s.find("h2")).split()[-1]: s for s in page.find_class("technique")}
    odd = sections.pop("conization-loop-colposcopic")
    assert "has a colposcopy in it, and you chose none" in words(odd)
    assert not odd.find_class("answer-code")
    assert all(section.find_class("answer-code") for section in sections.values())
    assert ("#behind" in {a.get("href") for a in page.xpath("//a")}) == bool(sections)


def test_each_code_has_its_sources_and_a_provisional_one_says_so(reader: Reader) -> None:
    text = reader.text(f"{PAGE}?technique=conization-electrosurgical-other")
    assert "58999 provisional" in text and "CMS Addendum B" in text


def test_each_code_says_why_it_is_one(reader: Reader) -> None:
    page = reader.page(f"{PAGE}?technique=conization-loop-colposcopic&setting=outpatient-or-professional")
    cells = page.find_class("answer-code")
    reasons = [words(cell.find(".//details")) for cell in cells]
    assert reasons and all("The technique is " in reason for reason in reasons)
    assert "The technique is equivalent to this code." in reasons[0]


def test_every_technique_is_on_the_page_also_with_a_query_of_nonsense(reader: Reader) -> None:
    for query in ("", "?technique=none&setting=none&intent=none&colposcopy=maybe"):
        page = reader.page(f"{PAGE}{query}")
        assert len(page.find_class("technique")) == 7


def test_without_the_content_there_is_no_such_page() -> None:
    text = Reader(application().test_client()).text(PAGE, status=404)
    assert "cervical-conization" in text
