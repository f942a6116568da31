"""From the start page three kinds of reader come to their answers in three clicks, each by what they see."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest

from terminology import Settings, create_app
from tests.support.pages import Reader, words

START = "/fhir/r5"


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader(create_app(Settings(environment={}, data="")).test_client())


def followed(reader: Reader, page: Any, text: str) -> Any:
    """The page behind the first link of the content that has this text; a place on the same page is the part there."""
    (link, *_) = [a for a in page.get_element_by_id("main").xpath(".//a") if text in words(a)]
    address = link.get("href")
    return page.get_element_by_id(address[1:]) if address.startswith("#") else reader.page(address)


def sent(reader: Reader, page: Any, name: str, value: str) -> Any:
    """The page behind the form of the content that has a field of this name, with this value chosen or typed."""
    (field, *_) = page.get_element_by_id("main").xpath(f".//form//*[@name='{name}']")
    chosen = [option.get("value") for option in field.xpath("option") if value in words(option)] or [value]
    form = next(field.iterancestors("form"))
    return reader.page(f"{form.get('action')}?{urlencode({name: chosen[0]})}")


def test_a_clinician_finds_the_code_of_a_loop_cone_at_colposcopy_and_why(reader: Reader) -> None:
    page = followed(reader, reader.page(START), "Conization of the cervix: which code?")
    page = sent(reader, page, "technique", "loop, at colposcopy")
    (code, *_) = page.find_class("answer-code")
    assert words(code).startswith("57461") and code.find(".//details").get("open") is not None
    assert "The technique is equivalent to this code." in words(code)


def test_a_mapper_finds_what_maps_to_a_code(reader: Reader) -> None:
    page = sent(reader, reader.page(START), "q", "0UBC7ZX")
    page = followed(reader, page, "0UBC7ZX")
    heading = followed(reader, page, "What maps to it")
    assert "57520" in words(heading.getparent()) and "conization-loop" in words(heading.getparent())


def test_a_licence_officer_finds_the_licence_of_CPT(reader: Reader) -> None:
    page = followed(reader, reader.page(START), "Which licence has a code system?")
    page = sent(reader, page, "has", "CPT")
    assert "CPT © Copyright 2026 American Medical Association" in words(page.get_element_by_id("notices"))


def test_an_engineer_finds_how_to_ask_the_same_by_curl(reader: Reader) -> None:
    page = followed(reader, reader.page(START), "Conization of the cervix: which code?")
    page = sent(reader, page, "technique", "loop, at colposcopy")
    heading = followed(reader, page, "This page for programs: curl")
    assert "curl" in words(heading.getparent()) and "conization-loop-colposcopic" in words(
        heading.getparent()
    )
