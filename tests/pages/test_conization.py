"""The page about conization says what the maps say, and nothing else."""

from __future__ import annotations

import pytest

from terminology import create_app
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
