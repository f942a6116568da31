"""A resource in another release of FHIR is the one of the same canonical, or there is none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from terminology import Resource, Terminology, TerminologyError
from tests.support.cats import CATS, URL

HL7 = "http://terminology.hl7.org/CodeSystem"
# Ids of FHIR's own code systems that are those of other code systems in R4, with the canonical that R5 has.
TAKEN = {
    "medication-admin-status": "http://hl7.org/fhir/CodeSystem/medication-admin-status",
    "verificationresult-status": "http://hl7.org/fhir/CodeSystem/verificationresult-status",
}
KINDS = ("CodeSystem", "ValueSet", "ConceptMap", "NamingSystem")
GENDER = "http://hl7.org/fhir/administrative-gender"


@pytest.fixture(scope="module")
def terminology() -> Iterator[Terminology]:
    with Terminology() as terminology:
        yield terminology


@pytest.mark.parametrize("id_", TAKEN)
def test_another_resource_with_the_same_id_is_not_the_answer(terminology: Terminology, id_: str) -> None:
    (hit,) = terminology.search("CodeSystem", _id=id_)
    for resource in (hit, terminology.read("CodeSystem", id_)):
        assert resource.url == TAKEN[id_]
        for release in ("r4", "r4b"):
            other = terminology.read("CodeSystem", id_, release=release)
            assert other.url != resource.url
            with pytest.raises(TerminologyError, match=f"{id_}.* is not among the resources of {release}"):
                resource.to_fhir(release)
            with pytest.raises(TerminologyError, match="is not among the resources of r5"):
                other.to_fhir("r5")


@pytest.mark.parametrize("home", ["r5", "r4"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_resource_has_its_canonical_in_each_release(
    terminology: Terminology, kind: str, home: str
) -> None:
    hits = terminology.search(kind, release=home, _count=1000)
    assert hits.total == len(hits) > 0
    found = 0
    for hit in hits:
        for release in ("r4", "r5"):
            try:
                document = hit.in_release(release)
            except TerminologyError:
                assert release != home
                continue
            found += 1
            # R4 has the url of a NamingSystem in an extension.
            assert document.get("url", hit.url) == hit.url
    assert found > len(hits)


def test_of_several_versions_the_same_one_is_taken() -> None:
    content: list[dict[str, Any]] = [{**CATS, "id": f"cats-{n}", "version": str(n)} for n in range(1, 4)]
    with Terminology(content, bundled=False) as terminology:
        for resource in terminology.search("CodeSystem", url=CATS["url"]):
            for release in ("r4", "r4b", "r5", "r6"):
                assert resource.in_release(release)["version"] == resource.version


def test_a_resource_without_a_url_is_found_by_its_id() -> None:
    content = {name: value for name, value in CATS.items() if name != "url"} | {"id": "cats"}
    with Terminology(content, bundled=False) as terminology:
        assert terminology.read("CodeSystem", "cats").in_release("r4")["id"] == "cats"


def test_own_content_is_the_same_in_each_release() -> None:
    with Terminology(CATS, bundled=False) as terminology:
        (cats,) = terminology.search("CodeSystem", url=URL)
        assert {cats.in_release(release)["url"] for release in ("r4", "r4b", "r5", "r6")} == {URL}


# -- version ids -----------------------------------------------------------------------------------


def version_id(document: Any) -> str:
    return str(document["meta"]["versionId"])


def version_in(resource: Resource, release: str) -> str:
    model: Any = resource.to_fhir(release)
    return str(model.version)


def test_a_resource_that_was_read_by_version_id_has_other_releases(terminology: Terminology) -> None:
    current = terminology.read("CodeSystem", "administrative-gender")
    same = terminology.read("CodeSystem", "administrative-gender", version_id(current.json))
    assert same.json == current.json and same.version == "5.0.0"
    assert version_in(same, "r5") == "5.0.0"
    for release, version in (("r4", "4.0.1"), ("r4b", "4.3.0")):
        assert version_in(same, release) == version_in(current, release) == version


@pytest.mark.parametrize("release", ["r4", "r4b", "r5"])
def test_a_version_id_of_a_release_can_be_read_there(terminology: Terminology, release: str) -> None:
    seen = terminology.read("CodeSystem", "administrative-gender").in_release(release)
    read = terminology.read("CodeSystem", "administrative-gender", version_id(seen), release=release)
    assert read.in_release(release) == seen
    assert (read.url, read.version) == (GENDER, seen["version"])
    assert read.in_release("r5")["version"] == "5.0.0"
    if release != "r5":
        with pytest.raises(TerminologyError, match=f"has no version '{version_id(seen)}'"):
            terminology.read("CodeSystem", "administrative-gender", version_id(seen))


def test_what_a_release_alone_has_can_be_read_and_found_there(terminology: Terminology) -> None:
    hits = {hit.url for hit in terminology.search("CodeSystem", release="r4", _count=1000)}
    others = {hit.url for hit in terminology.search("CodeSystem", _count=1000)}
    url = min(url for url in hits - others if url)
    (hit,) = terminology.search("CodeSystem", release="r4", url=url)
    assert terminology.read("CodeSystem", hit.id or "", release="r4").json == hit.json
    assert terminology.search("CodeSystem", release="r4", url=url).in_release("r4")["total"] == 1
    assert terminology.search("CodeSystem", release="r4", url=url).in_release("r5")["total"] == 0
