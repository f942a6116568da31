"""Catalogues that wrap one another."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Collection, Iterable, Iterator
from typing import Any

import pytest

from terminology.catalogue.content import Content
from terminology.catalogue.overlay import Overlay
from terminology.catalogue.protocol import Catalogue
from terminology.catalogue.resource_index import ResourceIndex
from terminology.core.errors import TerminologyError
from terminology.core.model import Document

GENDER = "http://hl7.org/fhir/administrative-gender"
OWN = "http://example.org/own"


def system(url: str, version: str, *codes: str, **more: Any) -> Document:
    concepts = [{"code": code} for code in codes]
    return {"resourceType": "CodeSystem", "url": url, "version": version, "concept": concepts, **more}


def definitions(reads: list[str] | None = None) -> dict[str, Any]:
    def read(version: str) -> Iterator[Document]:
        if reads is not None:
            reads.append(version)
        yield system(GENDER, version, "male", version, id="administrative-gender")

    return {version: lambda version=version: read(version) for version in ("4.0.1", "5.0.0")}


def content(*documents: Document) -> Content:
    return Content(documents, definitions=definitions())


def version_of(catalogue: Catalogue) -> str | None:
    found = catalogue.find_system(GENDER)
    return found.about.version if found else None


def test_each_release_has_its_own_view_which_is_always_the_same() -> None:
    catalogue = content()
    assert version_of(catalogue) is None
    r4, r5 = catalogue.for_fhir("4.0.1"), catalogue.for_fhir("5.0.0")
    assert (version_of(r4), version_of(r5)) == ("4.0.1", "5.0.0")
    assert catalogue.for_fhir("4.0.1") is r4


def test_the_view_of_a_view_is_that_of_the_release_asked_for() -> None:
    r4 = content().for_fhir("4.0.1")
    assert r4.for_fhir("4.0.1") is r4
    r5 = r4.for_fhir("5.0.0")
    assert version_of(r5) == "5.0.0"
    assert r5.for_fhir("4.0.1") is r4
    assert r4.for_fhir("5.0.0") is r5


def test_the_view_of_an_overlay_is_the_overlay_of_the_view() -> None:
    catalogue = content()
    overlay = Overlay.of(catalogue.for_fhir("4.0.1"), [system(OWN, "1", "a")])
    assert overlay.for_fhir("4.0.1") is overlay
    r5 = overlay.for_fhir("5.0.0")
    assert version_of(r5) == "5.0.0" and r5.find_system(OWN) is overlay.find_system(OWN)
    plain = Overlay.of(catalogue, [system(OWN, "1", "a")])
    assert version_of(plain) is None and version_of(plain.for_fhir("4.0.1")) == "4.0.1"


def test_a_resource_of_the_request_comes_before_that_of_the_release() -> None:
    """A resource of the request comes before the definition in the FHIR release."""
    view = content().for_fhir("4.0.1")
    for overlay in (
        Overlay.of(view, [system(GENDER, "4.0.1", "x")]),
        Overlay.of(view, [system(GENDER, "9")]),
    ):
        seen = overlay.for_fhir("4.0.1").find_system(GENDER)
        assert seen is not None and seen.locate("male") is None


def test_what_a_view_remembers_is_not_what_an_overlay_answers() -> None:
    view = content(system(OWN, "1", "a")).for_fhir("4.0.1")
    remembered = view.find_system(OWN)
    assert remembered is not None and view.find_system(OWN) is remembered
    overlay = Overlay.of(view, [system(OWN, "2", "b")])
    assert overlay.find_system(OWN) is not remembered
    assert overlay.known_versions("CodeSystem", OWN) == ["1", "2"]
    assert view.known_versions("CodeSystem", OWN) == ["1"]


def test_an_answer_may_be_changed_without_changing_the_next_one() -> None:
    view = content(system(OWN, "1", "a")).for_fhir("4.0.1")
    view.known_versions("CodeSystem", OWN).append("2")
    view.concept_maps().append(None)  # type: ignore[arg-type]
    assert view.known_versions("CodeSystem", OWN) == ["1"] and view.concept_maps() == []


def test_an_own_resource_hides_the_definition_with_its_id() -> None:
    own = system(OWN, "1", "a", id="administrative-gender")
    view = content(own).for_fhir("4.0.1")
    assert view.resource("CodeSystem", "administrative-gender") is own
    assert [header["url"] for header in view.headers("CodeSystem")] == [OWN]
    assert version_of(view) == "4.0.1", "by its url it is still there"


class InStore:
    """A resource in a store."""

    def __init__(self, document: Document) -> None:
        self.document = document

    rows = 0
    fault = None

    def require(self) -> None:
        pass

    def whole(self, rows: range = range(0)) -> Document:
        return {**self.document, "meta": {}}

    def searched(self, codes: Collection[str]) -> Document:
        return self.document

    def system(self) -> Any:
        from terminology.systems.document import DocumentCodeSystem

        return DocumentCodeSystem(self.document)

    def map(self, preferred: Any) -> Any:
        raise AssertionError


def served(catalogue: Catalogue, urls: Iterable[str]) -> list[bool]:
    return [catalogue.for_fhir("4.0.1").find_system(url) is not None for url in urls]


def test_new_resources_from_the_store_take_the_place_of_the_old_ones() -> None:
    reads: list[str] = []
    first = Content(
        [system(OWN, "1", "a")], definitions=definitions(reads), stored=[InStore(system("urn:old", "1"))]
    )
    assert served(first, [OWN, GENDER, "urn:old", "urn:new"]) == [True, True, True, False]
    second = first.renewed([InStore(system("urn:new", "1"))])
    assert served(second, [OWN, GENDER, "urn:old", "urn:new"]) == [True, True, False, True]
    assert second.find_system(OWN) is first.find_system(OWN), "what is compiled stays compiled"
    assert reads == ["4.0.1"], "definitions are read once"
    view = second.for_fhir("4.0.1")
    assert view.find_system(GENDER) is first.for_fhir("4.0.1").find_system(GENDER)
    assert second.cache is not first.cache


def test_old_content_goes_as_soon_as_nobody_uses_it() -> None:
    first = Content(
        [system(OWN, "1", "a")], definitions=definitions(), stored=[InStore(system("urn:old", "1"))]
    )
    view = first.for_fhir("4.0.1")
    assert view.find_system("urn:old") is not None
    gone = weakref.ref(view.find_system("urn:old") or view), weakref.ref(first), weakref.ref(view)
    second = first.renewed([])
    first.forget_views()
    assert view.for_fhir("4.0.1") is view, "a request keeps the content that it began with"
    gc.disable()
    try:
        del first, view
        assert [reference() for reference in gone] == [None] * 3
    finally:
        gc.enable()
    assert second.find_system("urn:old") is None


def test_resources_of_a_client_do_not_hold_the_catalogue_below_them() -> None:
    base = content(system(OWN, "1", "a"))
    resources = ResourceIndex.of_request([system("urn:sent", "1", "x")])
    assert Overlay(base.for_fhir("4.0.1"), resources).find_system("urn:sent") is not None
    gone = weakref.ref(base)
    del base
    gc.collect()
    assert gone() is None
    assert Overlay(content(), resources).find_system("urn:sent") is not None


def test_a_malformed_resource_of_a_request_is_refused_only_when_used() -> None:
    """A malformed resource of a request is refused when it is used, and not before."""
    broken = {"resourceType": "CodeSystem", "url": "urn:broken", "version": "1", "concept": "none"}
    overlay = Overlay.of(content(), [broken, system(OWN, "1", "a")])
    assert overlay.find_system(OWN) is not None
    for _ in range(2):
        with pytest.raises(TerminologyError, match="CodeSystem.concept must be a list"):
            overlay.find_system("urn:broken")
        with pytest.raises(TerminologyError, match="CodeSystem.concept must be a list"):
            overlay.find("CodeSystem", "urn:broken")
    with pytest.raises(TerminologyError):
        Overlay.of(content(), [{"resourceType": "CodeSystem", "url": 1}])
