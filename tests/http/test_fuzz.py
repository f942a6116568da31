"""Whatever is sent, the answer is FHIR: never a 5xx, never HTML, never a hang.

Requests are made from the table of operations and then spoilt. ``FUZZ=20000 pytest tests/http/test_fuzz.py``
makes as many.
"""

from __future__ import annotations

import json
import os
import time
from typing import Any
from urllib.parse import urlencode

import pytest
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st

from terminology.catalogue.protocol import Catalogue
from terminology.wire import json as fhir_json
from terminology.wire.operation_table import OPERATIONS
from tests.support import whole_resources
from tests.support.conization import CPT, OURS, PCS

EXAMPLES = int(os.environ.get("FUZZ", "300"))
SLOWEST = 10.0  # seconds; a hang, not a slow answer

many = settings(
    max_examples=EXAMPLES,
)
plausible = st.sampled_from(
    [
        *(
            "57520",
            "conization",
            "0UBC7ZZ",
            "67.2",
            "x",
            "",
            "true",
            "false",
            "*",
            "de",
            "de, *;q=0",
            "-1",
            "0",
            "5",
            "1.x",
        ),
        *(
            "2026",
            "2026-01-01",
            f"{CPT}|57520",
            "http://snomed.info/sct?fhir_vs=isa/1",
            "(a+)+$",
            "lang.de",
            "mode=start",
        ),
        *(
            CPT,
            OURS,
            PCS,
            f"{CPT}|2026",
            f"{CPT}?fhir_vs",
            "http://example.org/nowhere",
            "urn:ietf:bcp:47",
            "#contained",
        ),
        "http://terminology.example.org/fhir/ConceptMap/conization-to-cpt",
        "http://terminology.example.org/fhir/ValueSet/conization-procedures",
    ]
)
texts = plausible | st.text(max_size=20)
jsons: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
NAMES = sorted(
    {name for operation in OPERATIONS.values() for p in operation.parameters for name in p.names}
) + [
    *(
        "tx-resource",
        "cache-id",
        "mode",
        "_count",
        "_summary",
        "_elements",
        "_format",
        "_sort",
        "url",
        "name:contains",
        "colour",
    ),
]
names = st.sampled_from(NAMES) | texts
VALUES = (
    "Code",
    "Uri",
    "String",
    "Boolean",
    "Integer",
    "Canonical",
    "Coding",
    "CodeableConcept",
    "DateTime",
    "Date",
)


@st.composite
def parameter(draw: st.DrawFn) -> Any:
    """A parameter as it might be meant, or not."""
    node: Any = {"name": draw(names)}
    match draw(st.integers(0, 5)):
        case 0:
            node["resource"] = draw(resources)
        case 1:
            node["part"] = draw(st.lists(parameter(), max_size=2))
        case 2:
            coding = {"system": draw(plausible), "code": draw(plausible)}
            node |= draw(
                st.sampled_from([{"valueCoding": coding}, {"valueCodeableConcept": {"coding": [coding]}}])
            )
        case 3:
            node[f"value{draw(st.sampled_from(VALUES))}"] = draw(jsons)
        case _:
            node[f"value{draw(st.sampled_from(VALUES[:6]))}"] = draw(texts)
    return node


def spoilt(document: Any, place: int, junk: Any) -> Any:
    """The same JSON with one value somewhere inside replaced."""
    text = json.dumps(document, default=float)
    places: list[tuple[Any, Any]] = []

    def walk(node: Any) -> None:
        for key, value in node.items() if isinstance(node, dict) else enumerate(node):
            places.append((node, key))
            if isinstance(value, (dict, list)):
                walk(value)

    copy = json.loads(text)
    walk(copy)
    if places:
        holder, key = places[place % len(places)]
        holder[key] = junk
    return copy


class Published(list[Any]):
    """The published resources, with a name that can be printed."""

    def __repr__(self) -> str:
        return "published"


@pytest.fixture(scope="module")
def published(catalogue: Catalogue) -> Published:
    held = (d for kind in ("CodeSystem", "ValueSet", "ConceptMap") for d in catalogue.documents(kind))
    return Published(json.loads(fhir_json.write(document)) for document in held)


SEEDS = list(whole_resources.resources("r4")) + list(whole_resources.resources("r5"))
resources = st.builds(spoilt, st.sampled_from(SEEDS), st.integers(0, 2000), jsons) | jsons
bodies = st.builds(
    lambda parameters: {"resourceType": "Parameters", "parameter": parameters},
    st.lists(parameter(), max_size=5),
)
paths = st.sampled_from(
    [
        *(f"{kind}/${name}" if kind else f"${name}" for kind, name in OPERATIONS),
        *(
            f"{kind}/{id_}/${name}"
            for (kind, name), id_ in zip(OPERATIONS, ["cpt", "conization-to-cpt"] * 20, strict=False)
        ),
        *(
            "",
            "metadata",
            "CodeSystem",
            "ValueSet",
            "ConceptMap",
            "NamingSystem",
            "CodeSystem/_search",
            "CodeSystem/cpt",
        ),
    ]
)
roots = st.sampled_from(["r4", "r4b", "r5", ""])
queries = st.lists(st.tuples(names, texts), max_size=5)


def answered(client: FlaskClient, method: str, url: str, **more: Any) -> None:
    started = time.monotonic()
    response = client.open(url, method=method, **more)
    assert time.monotonic() - started < SLOWEST, f"{method} {url} took too long"
    assert response.status_code < 500, f"{method} {url}: {response.text[:500]}"
    if response.status_code not in (204, 304) and method != "HEAD":
        assert "json" in response.content_type or "xml" in response.content_type, response.content_type
        if "json" in response.content_type:
            body = response.get_json()
            assert body["resourceType"]
            if response.status_code >= 400:
                assert body["issue"][0]["details"]["text"]


@many
@given(method=st.sampled_from(["GET", "HEAD", "POST"]), root=roots, path=paths, query=queries)
def test_any_url_is_answered(
    client: FlaskClient, method: str, root: str, path: str, query: list[tuple[str, str]]
) -> None:
    encoded = urlencode(query, errors="surrogatepass")
    answered(client, method, f"/fhir/{root}/{path}?{encoded}".replace("//", "/"))


@many
@given(root=roots, path=paths, body=bodies | resources)
def test_any_JSON_body_is_answered(client: FlaskClient, root: str, path: str, body: Any) -> None:
    text = json.dumps(body).encode("utf-8", "surrogatepass")
    answered(client, "POST", f"/fhir/{root}/{path}", data=text, content_type="application/fhir+json")


@many
@given(
    path=paths,
    which=st.integers(0, 1000),
    place=st.integers(0, 5000),
    junk=jsons,
    question=st.lists(parameter(), max_size=3),
)
def test_a_published_resource_with_something_wrong_in_it_is_answered(
    client: FlaskClient,
    published: list[Any],
    path: str,
    which: int,
    place: int,
    junk: Any,
    question: list[Any],
) -> None:
    resource = spoilt(published[which % len(published)], place, junk)
    body = {
        "resourceType": "Parameters",
        "parameter": [{"name": "tx-resource", "resource": resource}, *question],
    }
    answered(client, "POST", f"/fhir/r5/{path}", json=body)


@many
@given(
    root=roots,
    entries=st.lists(
        st.tuples(st.sampled_from(["GET", "POST", "PUT", ""]), paths, queries, bodies | jsons), max_size=3
    ),
)
def test_any_batch_is_answered(client: FlaskClient, root: str, entries: list[Any]) -> None:
    bundle = {
        "resourceType": "Bundle",
        "type": "batch",
        "entry": [
            {"request": {"method": m, "url": f"{p}?{urlencode(q, errors='surrogatepass')}"}, "resource": b}
            for m, p, q, b in entries
        ],
    }
    text = json.dumps(bundle).encode("utf-8", "surrogatepass")
    answered(client, "POST", f"/fhir/{root}", data=text, content_type="application/fhir+json")


@many
@given(
    body=st.binary(max_size=200),
    headers=st.dictionaries(
        st.sampled_from(
            ["Accept", "Content-Type", "Accept-Language", "Prefer", "If-None-Match", "X-Cache-Id"]
        ),
        st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30),
    ),
)
def test_any_bytes_and_headers_are_answered(
    client: FlaskClient, body: bytes, headers: dict[str, str]
) -> None:
    answered(client, "POST", "/fhir/r4/CodeSystem/$lookup", data=body, headers=headers)
    answered(client, "GET", f"/fhir/r4/CodeSystem/$lookup?system={CPT}&code=57520", headers=headers)
