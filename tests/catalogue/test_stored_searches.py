"""A search finds what is in the store, as it finds what is loaded (https://hl7.org/fhir/R5/search.html)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

import pytest
from flask.testing import FlaskClient

from terminology import Settings, create_app
from terminology.catalogue.content import Content
from terminology.content.importers.fhir import FHIR
from terminology.core.model import Document
from terminology.opening import ServedContent
from terminology.store import store_at
from terminology.store.loading import StoreWriter
from terminology.wire import r4
from tests.support import fhir_checks
from tests.support.reporters import StrictReporter
from tests.support.stores import ENGINES, empty

ROOTS = ["r4", "r4b", "r5"]
BASE = "http://bakery.example/fhir/"
LOAVES, TINS, SHAPES = (f"{BASE}CodeSystem/{name}" for name in ("loaves", "tins", "shapes"))
COMMON: Document = {"version": "1.1", "status": "active", "title": "A title"}


def described(kind: str, name: str, **more: Any) -> Document:
    url = f"{BASE}{kind}/{name}"
    return {"resourceType": kind, "id": name, "url": url, "name": name.capitalize(), **COMMON, **more}


def documents() -> Iterator[Document]:
    german = [{"language": "de-AT", "value": "Semmel"}]
    yield described(
        "CodeSystem",
        "loaves",
        content="complete",
        caseSensitive=True,
        concept=[{"code": "bread", "concept": [{"code": "Rye"}, {"code": "bun", "designation": german}]}],
    )
    yield described(
        "CodeSystem",
        "tins",
        content="complete",
        caseSensitive=False,
        concept=[{"code": "Big"}, {"code": "bun"}],
    )
    for kind, scope in (("uri", "Uri"), ("canonical", "Canonical")):
        yield described(
            "ConceptMap",
            f"by-{kind}",
            **{
                f"sourceScope{scope}": f"{BASE}ValueSet/small",
                f"targetScope{scope}": f"{BASE}ValueSet/large",
            },
            additionalAttribute=[{"code": "oven", "uri": f"{BASE}oven-{kind}", "type": "string"}],
            group=[
                {
                    "source": f"{LOAVES}|1.1",
                    "target": TINS if kind == "uri" else SHAPES,
                    "element": [
                        {
                            "code": "bun",
                            "target": [
                                {
                                    "code": f"small-{kind}",
                                    "relationship": "equivalent",
                                    "dependsOn": [{"attribute": "oven", "valueString": "hot"}],
                                }
                            ],
                        },
                        {"code": "Rye", "target": [{"code": "bun", "relationship": "equivalent"}]},
                    ],
                    "unmapped": {"mode": "other-map", "otherMap": f"{BASE}ConceptMap/other-{kind}"},
                }
            ],
        )
    yield described(
        "ValueSet",
        "small",
        compose={"include": [{"system": LOAVES, "concept": [{"code": "Rye"}]}, {"system": SHAPES}]},
    )
    yield described(
        "ValueSet",
        "large",
        compose={
            "include": [
                {"system": TINS, "concept": [{"code": f"t{number}"} for number in range(1_200)]},
                {"system": LOAVES, "concept": [{"code": "bun"}]},
                {"valueSet": [f"{BASE}ValueSet/small|1.1"]},
            ]
        },
    )
    contains: list[Document] = [{"system": SHAPES, "code": f"s{number}"} for number in range(1_200)]
    contains[7]["contains"] = [{"system": SHAPES, "code": "deep"}]
    yield described("ValueSet", "expanded", expansion={"timestamp": "2026-01-01", "contains": contains})


# What finds what: the ids, in order.
FOUND = {
    f"CodeSystem?url={LOAVES}": ["loaves"],
    f"CodeSystem?url={LOAVES}|1.1": ["loaves"],
    f"CodeSystem?url={LOAVES}|2": [],
    f"CodeSystem?system={LOAVES}|1.1&version=1.1": ["loaves"],
    f"CodeSystem?url:below={BASE}CodeSystem/t": ["tins"],
    "CodeSystem?name=loa&title:contains=title&status=active": ["loaves"],
    "CodeSystem?status=http://hl7.org/fhir/publication-status|active&name:exact=Tins": ["tins"],
    "CodeSystem?_id=tins": ["tins"],
    "CodeSystem?content-mode=complete": ["loaves", "tins"],
    "CodeSystem?code=bun": ["loaves", "tins"],
    "CodeSystem?code=Rye": ["loaves"],
    "CodeSystem?code=rye": [],
    "CodeSystem?code=BIG": ["tins"],
    f"CodeSystem?code={LOAVES}|bun": ["loaves"],
    f"CodeSystem?code={TINS}|BUN": ["tins"],
    f"CodeSystem?code={LOAVES}|": ["loaves"],
    f"CodeSystem?code={SHAPES}|bun": [],
    "CodeSystem?code=|bun": [],
    "CodeSystem?code=Rye,big": ["loaves", "tins"],
    "CodeSystem?code=Rye&code=bun": ["loaves"],
    "CodeSystem?code:not=Rye": ["tins"],
    "CodeSystem?code:missing=false": ["loaves", "tins"],
    "CodeSystem?code:missing=true": [],
    "CodeSystem?language=de-AT": ["loaves"],
    "CodeSystem?language=de": [],
    "ConceptMap?source-code=bun": ["by-uri", "by-canonical"],
    f"ConceptMap?source-code={LOAVES}|bun": ["by-uri", "by-canonical"],
    f"ConceptMap?source-code={TINS}|bun": [],
    "ConceptMap?source-code=small-uri": [],
    "ConceptMap?target-code=small-uri": ["by-uri"],
    f"ConceptMap?target-code={SHAPES}|bun": ["by-canonical"],
    f"ConceptMap?target-code={LOAVES}|bun": [],
    f"ConceptMap?source-system={LOAVES}": ["by-uri", "by-canonical"],
    f"ConceptMap?source-system={LOAVES}|1.1": ["by-uri", "by-canonical"],
    f"ConceptMap?source-system={LOAVES}|2": [],
    f"ConceptMap?source-group-system={TINS}": [],
    f"ConceptMap?target-system={TINS}": ["by-uri"],
    f"ConceptMap?target-group-system={SHAPES}": ["by-canonical"],
    f"ConceptMap?source={BASE}ValueSet/small": ["by-uri", "by-canonical"],
    f"ConceptMap?source-uri={BASE}ValueSet/small&target-system={TINS}": ["by-uri"],
    f"ConceptMap?source-scope={BASE}ValueSet/small": ["by-uri", "by-canonical"],
    f"ConceptMap?target={BASE}ValueSet/large&target-scope-uri={BASE}ValueSet/large": [
        "by-uri",
        "by-canonical",
    ],
    f"ConceptMap?target-scope={BASE}ValueSet/small": [],
    f"ConceptMap?other={BASE}ConceptMap/other-uri": ["by-uri"],
    f"ConceptMap?other-map={BASE}ConceptMap/other-canonical": ["by-canonical"],
    f"ConceptMap?dependson={BASE}oven-uri": ["by-uri"],
    "ValueSet?code=Rye": ["small"],
    "ValueSet?code=t1199": ["large"],
    f"ValueSet?code={TINS}|t1199": ["large"],
    f"ValueSet?code={LOAVES}|t1199": [],
    "ValueSet?code=T1199": ["large"],
    "ValueSet?code=RYE": [],
    f"ConceptMap?target-code={TINS}|BUN": ["by-uri"],
    f"ConceptMap?source-code={LOAVES}|BUN": [],
    "ValueSet?code=deep": ["expanded"],
    f"ValueSet?code={SHAPES}|s8,{LOAVES}|Rye": ["small", "expanded"],
    f"ValueSet?reference={LOAVES}": ["small", "large"],
    f"ValueSet?reference={BASE}ValueSet/small": ["large"],
    f"ValueSet?reference={SHAPES}": ["small"],
}


@pytest.fixture(scope="module", params=["memory", *ENGINES])
def client(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    settings = Settings(environment={}, data="", bundled=False)
    if request.param == "memory":
        return create_app(settings, catalogue=Content(documents())).test_client()
    folder: Path = tmp_path_factory.mktemp("store")
    files = []
    for number, document in enumerate(documents()):
        files.append(folder / f"{number}.json")
        # As R4 has it: the importer reads both.
        files[-1].write_text(json.dumps(r4.downgrade(document) if number % 2 else document))
    place = empty(request.param, request, folder)
    writer = StoreWriter(store_at(place))
    writer.load(FHIR, files, StrictReporter())
    writer.close()
    served = ServedContent(settings.updated(store=place), Content())
    return create_app(settings, catalogue=served.catalogue).test_client()


def asked(client: FlaskClient, root: str, query: str) -> Any:
    kind, _, conditions = query.partition("?")
    response = client.get(f"/fhir/{root}/{kind}?{quote(conditions, safe='=&')}")
    assert response.status_code == 200, response.text
    return response.get_json()


def ids(bundle: Document) -> list[str]:
    return [entry["resource"]["id"] for entry in bundle.get("entry", ())]


@pytest.mark.parametrize("root", ROOTS)
def test_a_search_finds_what_is_in_the_store(client: FlaskClient, root: str) -> None:
    for query, wanted in FOUND.items():
        assert sorted(ids(asked(client, root, query))) == sorted(wanted), query


@pytest.mark.parametrize("root", ROOTS)
def test_what_is_found_in_the_store_is_whole_and_valid(client: FlaskClient, root: str) -> None:
    for kind in ("CodeSystem", "ConceptMap", "ValueSet"):
        originals = {d["id"]: d for d in documents() if d["resourceType"] == kind}
        bundle = asked(client, root, f"{kind}?_count=100")
        assert sorted(ids(bundle)) == sorted(originals)
        for entry in bundle["entry"]:
            resource = entry["resource"]
            path = f"/fhir/{root}/{kind}/{resource['id']}"
            assert client.get(path).get_json() == resource
            original = originals[resource["id"]]
            wanted = original if root == "r5" else r4.downgrade(original)
            assert without_meta(resource) == without_meta(wanted)
            xml = client.get(path, headers={"Accept": "application/fhir+xml"})
            names = [child.tag.partition("}")[2] for child in ElementTree.fromstring(xml.data)]
            assert names.count("group") == len(wanted.get("group", ()))
            ends = [n for n in names if n.startswith(("source", "target"))]
            assert ends == [n for n in wanted if n.startswith(("source", "target"))]
            if root in fhir_checks.RELEASES:
                assert fhir_checks.against_models(root, resource) == []
                assert fhir_checks.against_schema(root, resource) == []
                assert fhir_checks.against_constraints(root, resource) == []


def without_meta(resource: Document) -> Document:
    return {name: value for name, value in resource.items() if name not in ("meta", "count")}


@pytest.mark.parametrize("names", [["code"], ["name", "-code"], ["language"]])
def test_a_search_is_not_sorted_by_the_content(client: FlaskClient, names: Sequence[str]) -> None:
    response = client.get(f"/fhir/r4/CodeSystem?_sort={','.join(names)}")
    assert response.status_code == 400
    assert "must be some of _id, _language" in response.get_json()["issue"][0]["details"]["text"]


def test_a_search_that_looks_into_too_much_says_so(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("terminology.wire.search.MOST_LOOKED_INTO", 1)
    refused = client.get("/fhir/r5/ConceptMap?source-code=bun")
    assert refused.status_code == 422 and refused.get_json()["issue"][0]["code"] == "too-costly"
    assert "add a condition on what stands outside the content of a ConceptMap" in refused.text
    assert ids(asked(client, "r5", "ConceptMap?source-code=bun&name=by-uri")) == ["by-uri"]
    assert ids(asked(client, "r5", f"CodeSystem?code={LOAVES}|bun")) == ["loaves"]
