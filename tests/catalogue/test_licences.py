"""Texts that a licence keeps back leave by no answer: by no operation, read, search, message or format."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from terminology import Settings, Terminology, create_app
from terminology.content.importers.fhir import FHIR
from terminology.content.licences import read_licences
from terminology.core.errors import SettingError
from terminology.opening import open_loader
from tests.support.authentication import api_key, auth_file
from tests.support.builders import body_of, code_system, coding, concept, concept_map, tx_resource, value_set
from tests.support.reporters import CollectingReporter
from tests.support.upstreams import listening, upstreams_file

# A word that stands in every text of the owner, and one in those of supplements.
OWNER, OURS = "Verschlusssache", "Hausname"
URL = "http://example.org/owned"
OTHER = "http://example.org/free"
OID = "urn:oid:1.2.3.4"
NOTICE = "Owned © 2026 the owner"
LICENCE = "the licence of the owner"


def owned(code: str, *below: dict[str, Any]) -> dict[str, Any]:
    return concept(
        code,
        f"{OWNER} {code}",
        *below,
        definition=f"{OWNER} defined",
        designation=[{"language": "de", "value": f"{OWNER} auf deutsch"}],
        property=[
            {"code": "note", "valueString": f"{OWNER} noted"},
            {"code": "kind", "valueCode": "k"},
            {"code": "like", "valueCoding": {"system": URL, "code": "b", "display": f"{OWNER} b"}},
        ],
    )


def resources() -> list[dict[str, Any]]:
    """Every place where a text of a code system may stand."""
    listed: list[dict[str, Any]] = [
        {"code": "a", "display": f"{OWNER} listed", "designation": [{"value": f"{OWNER} listed"}]}
    ]
    contains: list[dict[str, Any]] = [
        {"system": URL, "code": "a", "display": f"{OWNER} a", "designation": [{"value": f"{OWNER} a"}]}
    ]
    narrative = {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{OWNER}</div>'}
    properties = [
        {"code": c, "type": t} for c, t in (("note", "string"), ("kind", "code"), ("like", "Coding"))
    ]
    words = {"extension": [{"url": "http://example.org/words", "valueString": OWNER}]}
    beside: dict[str, Any] = {"_display": words, **words, "display": OWNER}
    contains[0] |= {**beside, "property": [{"code": "note", "valueString": OWNER}]}
    listed[0] |= beside
    row = [{"code": "x", "target": [{"code": "a", **beside, "relationship": "equivalent"}]}]
    back = [
        {
            "code": "a",
            **beside,
            "target": [
                {
                    "code": "x",
                    "relationship": "equivalent",
                    "product": [
                        {"attribute": "p", "valueCoding": {"system": URL, "code": "b", "display": OWNER}}
                    ],
                }
            ],
        }
    ]
    return [
        code_system(
            URL,
            owned("a", owned("b")),
            owned("c"),
            id="owned",
            version="1",
            property=properties,
            text=narrative,
            identifier=[{"system": "urn:ietf:rfc:3986", "value": OID}],
            hierarchyMeaning="is-a",
        ),
        code_system(
            "extra",
            concept("a", f"{OURS} a", designation=[{"language": "fr", "value": f"{OURS} fr"}]),
            content="supplement",
            supplements=URL,
            id="extra",
            text={**narrative, "div": narrative["div"].replace(OWNER, OURS)},
        ),
        code_system(
            OTHER,
            concept(
                "x",
                "Free",
                property=[
                    {"code": "same", "valueCoding": {"system": URL, "code": "a", "display": f"{OWNER} a"}}
                ],
            ),
            id="free",
            property=[{"code": "same", "type": "Coding"}],
        ),
        value_set(
            "listed", {"system": URL, "concept": listed}, {"system": OTHER}, id="listed", text=narrative
        ),
        value_set("all", {"system": URL}, {"system": OTHER}, id="all", text=narrative),
        value_set(
            "beside", {"system": OID, "concept": [{"code": "a", **beside}]}, id="beside", text=narrative
        ),
        {
            "resourceType": "ValueSet",
            "id": "expanded",
            "url": "http://example.org/vs/expanded",
            "status": "active",
            "expansion": {"timestamp": "2026-01-01", "contains": contains},
        },
        concept_map(
            "to",
            OTHER,
            URL,
            row,
            id="to",
            text=narrative,
            group={"unmapped": {"mode": "fixed", "code": "c", "display": OWNER}},
        ),
        concept_map("from", URL, OTHER, back, id="from"),
    ]


def policy(folder: Path, name: str, **entry: Any) -> Path:
    path = folder / f"licences-{name}.json"
    licence = {"system": URL, "policy": name, "licence": LICENCE, "notice": NOTICE, **entry}
    path.write_text(json.dumps({"licences": [licence]}), "utf-8")
    return path


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def content(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
    """The settings of a service that has the resources, as files or in a store."""
    folder = tmp_path / "content"
    folder.mkdir()
    for number, resource in enumerate(resources()):
        (folder / f"{number}.json").write_text(json.dumps(resource), "utf-8")
    common = {"environment": {}, "bundled": False, "data": ""}
    if request.param == "memory":
        return {**common, "content": [folder]}
    from tests.support.stores import empty

    place = empty(request.param, request, tmp_path)
    writer = open_loader(place)
    writer.load(FHIR, [folder], CollectingReporter())
    writer.close()
    return {**common, "store": place}


QUESTIONS = [
    "CodeSystem/$lookup?system={u}&code=a",
    "CodeSystem/$lookup?system={u}&code=a&property=*&property=designation&displayLanguage=de",
    "CodeSystem/$lookup?system={o}&code=a",
    "CodeSystem/$lookup?system={u}&code=a&useSupplement=http://example.org/extra",
    "CodeSystem/$lookup?system={f}&code=x&property=*",
    "CodeSystem/$lookup?system={u}&code=aa",
    "CodeSystem/$validate-code?url={u}&code=a&display=wrong",
    "CodeSystem/$validate-code?url={u}&code=a&display={w} a",
    "CodeSystem/$validate-code?url={u}&code=nope&display={w} a",
    "ValueSet/$validate-code?url={v}/listed&system={u}&code=a&display=wrong",
    "ValueSet/$validate-code?url={v}/all&system={u}&code=a&display=wrong",
    "ValueSet/$validate-code?url={v}/expanded&system={u}&code=a&display=wrong&displayLanguage=de",
    "ValueSet/$validate-code?url={v}/listed&system={u}&code=c&display=x",
    "ValueSet/$expand?url={v}/listed&includeDesignations=true&property=*&property=definition",
    "ValueSet/$expand?url={v}/all&includeDesignations=true&property=note&property=definition&property=like",
    "ValueSet/$expand?url={v}/all&filter=Verschluss",
    "ValueSet/$expand?url={v}/all&filter=a&displayLanguage=de",
    "ValueSet/$expand?url={v}/expanded",
    "ValueSet/$expand?url={v}/beside&includeDesignations=true",
    "ValueSet/all",
    "ValueSet/beside",
    "ValueSet/beside/_history",
    "ValueSet?url={v}/beside",
    "ValueSet/$expand?url={v}/listed&useSupplement=http://example.org/extra",
    "ValueSet/$related?thisUrl={v}/all&otherUrl={v}/listed&diagnostics=true",
    "ConceptMap/$translate?system={f}&code=x&targetsystem={u}",
    "ConceptMap/$translate?sourceSystem={f}&sourceCode=x&targetSystem={u}",
    "ConceptMap/$translate?system={u}&code=a&targetsystem={f}",
    "ConceptMap/$translate?url=http://example.org/ConceptMap/to&system={f}&code=zzz",
    "ConceptMap/$translate?url=http://example.org/ConceptMap/from&system={f}&code=x&reverse=true",
    "ConceptMap/$translate?system={u}&code=nope&targetsystem={f}",
    "CodeSystem/$subsumes?system={u}&codeA=a&codeB=b",
    "CodeSystem/$find-matches?system={u}&exact=false",
    "CodeSystem?url={u}",
    "CodeSystem?code=a",
    "CodeSystem?supplements={u}",
    "ValueSet?code=a",
    "ValueSet?reference={u}",
    "ConceptMap?source-code=a",
    "ConceptMap?target-code=a",
    "CodeSystem/owned",
    "CodeSystem/owned/_history",
    "CodeSystem/extra",
    "ValueSet/listed",
    "ValueSet/expanded",
    "ValueSet/expanded/_history",
    "ConceptMap/to",
    "ConceptMap/from",
    "metadata?mode=terminology",
]  # fmt: skip


def questions() -> Iterator[str]:
    names = {"u": URL, "o": OID, "f": OTHER, "w": OWNER, "v": "http://example.org/vs"}
    for question in QUESTIONS:
        yield question.format(**names)


def bodies() -> Iterator[tuple[str, dict[str, Any]]]:
    """Requests of a body, also with resources of the client that lead to the texts."""
    wide = value_set("own", {"system": URL}, {"valueSet": ["http://example.org/vs/listed"]})
    by_text = value_set(
        "own", {"system": URL, "filter": [{"property": "display", "op": "regex", "value": ".*a.*"}]}
    )
    by_note = value_set("own", {"system": URL, "filter": [{"property": "note", "op": "=", "value": "x"}]})
    chain = concept_map(
        "own",
        "http://example.org/mine",
        URL,
        [{"code": "m", "target": [{"code": "a", "relationship": "equivalent"}]}],
    )
    for vs in (wide, by_text, by_note):
        yield "ValueSet/$expand", body_of({"name": "valueSet", "resource": vs})
    yield (
        "ConceptMap/$translate",
        body_of(
            {"name": "conceptMap", "resource": chain},
            sourceCode={"valueCode": "m"},
            system={"valueUri": "http://example.org/mine"},
        ),
    )
    concepts = [{"name": "concept", "valueCoding": {"system": URL, "code": c}} for c in "abc"]
    yield "$closure", body_of({"name": "name", "valueString": "t"})
    yield "$closure", body_of({"name": "name", "valueString": "t"}, *concepts)
    validation = body_of(coding("a", URL, display="wrong"), url={"valueUri": "http://example.org/vs/all"})
    yield "ValueSet/$batch-validate-code", body_of({"name": "validation", "resource": validation})
    entries = [{"request": {"method": "GET", "url": q}} for q in questions() if OWNER not in q]
    yield "", {"resourceType": "Bundle", "type": "batch", "entry": entries}
    for entry in entries:
        yield "", {"resourceType": "Bundle", "type": "transaction", "entry": [entry]}
    supplement = code_system("mine", concept("a", "of the client"), content="supplement", supplements=URL)
    yield (
        f"CodeSystem/$lookup?system={URL}&code=a&useSupplement=http://example.org/mine&property=*",
        body_of(tx_resource(supplement)),
    )


def everything(client: FlaskClient, release: str, **headers: str) -> Iterator[tuple[str, TestResponse]]:
    for question in questions():
        for form in ("json", "xml"):
            mark = "&" if "?" in question else "?"
            for _ in range(2 if form == "json" else 1):  # the second time on the fast path
                yield question, client.get(f"/fhir/{release}/{question}{mark}_format={form}", headers=headers)
    for path, body in bodies():
        yield path, client.post(f"/fhir/{release}/{path}", json=body, headers=headers)


@pytest.mark.parametrize("release", ["r4", "r5"])
def test_no_text_leaves_by_any_answer(content: dict[str, Any], tmp_path: Path, release: str) -> None:
    settings = Settings(**content, licences=policy(tmp_path, "codes"), writes="store" in content)
    client = create_app(settings).test_client()
    statuses = set()
    for question, response in everything(client, release):
        text = response.get_data(as_text=True)
        asked = "display=Verschlusssache" in question  # the client's own word
        assert asked or OWNER not in text, (question, text[:2_000])
        assert OURS not in text, (question, text[:2_000])
        statuses.add(response.status_code)
        assert response.status_code < 500
    assert {200, 403, 404} <= statuses


def test_a_transaction_sees_what_its_client_may_see(tmp_path: Path) -> None:
    """Its questions, also about what it writes itself, and the conditions of its writes."""
    store: dict[str, Any] = {
        "store": str(tmp_path / "store"),
        "writes": True,
        "environment": {},
        "bundled": False,
        "data": "",
    }
    key, user = api_key("writer", "system/*.cruds")
    settings = Settings(**store, licences=policy(tmp_path, "codes"), auth=auth_file(tmp_path, keys=[user]))
    client = create_app(settings).test_client()
    question = {"request": {"method": "GET", "url": f"CodeSystem/$lookup?system={URL}&code=a"}}
    write = {"resource": resources()[0], "request": {"method": "PUT", "url": "CodeSystem/owned"}}
    for entries in ([write, question], [question]):
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
        answer = client.post("/fhir/r5", json=bundle, headers={"X-API-Key": key})
        assert answer.status_code == 200, answer.get_data(as_text=True)
        lookup = answer.get_json()["entry"][-1]["resource"]["parameter"]
        assert {"name": "display", "valueString": "a"} in lookup
        assert OWNER not in json.dumps(lookup)


@pytest.mark.parametrize("release", ["r4", "r5"])
def test_texts_of_supplements_leave_where_the_policy_says_so(
    content: dict[str, Any], tmp_path: Path, release: str
) -> None:
    client = create_app(Settings(**content, licences=policy(tmp_path, "supplements"))).test_client()
    seen = 0
    for question, response in everything(client, release):
        text = response.get_data(as_text=True)
        assert "display=Verschlusssache" in question or OWNER not in text, (question, text[:2_000])
        seen += OURS in text
    assert seen > 3


def test_everything_leaves_to_users_with_the_licence(content: dict[str, Any], tmp_path: Path) -> None:
    licensed, entry = api_key("licensed", "system/*.rs", licences=[URL])
    plain, other = api_key("plain", "system/*.rs")
    path = auth_file(tmp_path, keys=[entry, other])
    settings = Settings(**content, licences=policy(tmp_path, "codes"), auth=path)
    client = create_app(settings).test_client()
    lookup = f"/fhir/r4/CodeSystem/$lookup?system={URL}&code="
    for code in "abcabc":
        full = client.get(lookup + code, headers={"X-API-Key": licensed})
        bare = client.get(lookup + code, headers={"X-API-Key": plain})
        assert f"{OWNER} {code}" in full.get_data(as_text=True)
        assert (bare.status_code, OWNER in bare.get_data(as_text=True)) == (200, False)
    seen = sum(
        OWNER in r.get_data(as_text=True) for _, r in everything(client, "r5", **{"X-API-Key": licensed})
    )
    assert seen > 30


def test_codes_hierarchy_and_coded_properties_stay(content: dict[str, Any], tmp_path: Path) -> None:
    client = create_app(Settings(**content, licences=policy(tmp_path, "codes"))).test_client()
    answer = client.get(f"/fhir/r5/CodeSystem/$lookup?system={URL}&code=a&property=*").get_json()["parameter"]
    assert {"name": "display", "valueString": "a"} in answer
    codes = [part["part"][0]["valueCode"] for part in answer if part["name"] == "property"]
    assert {"kind", "like", "child"} <= {*codes}
    assert "note" not in codes
    expansion = client.get(
        "/fhir/r5/ValueSet/$expand?url=http://example.org/vs/all&excludeNested=true"
    ).get_json()
    assert sorted(c["code"] for c in expansion["expansion"]["contains"]) == ["a", "b", "c", "x"]
    found = client.get(
        "/fhir/r5/ValueSet/$expand?url=http://example.org/vs/all&filter=b&excludeNested=true"
    ).get_json()
    assert [c["code"] for c in found["expansion"]["contains"]] == ["b"]
    subsumes = client.get(f"/fhir/r5/CodeSystem/$subsumes?system={URL}&codeA=a&codeB=b").get_json()
    assert subsumes["parameter"][0]["valueCode"] == "subsumes"
    valid = client.get(f"/fhir/r5/CodeSystem/$validate-code?url={URL}&code=a").get_json()["parameter"]
    assert {"name": "result", "valueBoolean": True} in valid
    match = client.get(f"/fhir/r4/ConceptMap/$translate?system={OTHER}&code=x&targetsystem={URL}").get_json()
    assert {"name": "result", "valueBoolean": True} in match["parameter"]


@pytest.mark.parametrize("name", ["codes", "supplements", "full"])
def test_answers_carry_the_notice_of_the_owner(content: dict[str, Any], tmp_path: Path, name: str) -> None:
    client = create_app(Settings(**content, licences=policy(tmp_path, name))).test_client()
    for release in ("r4", "r5"):
        for question in (
            f"CodeSystem/$lookup?system={URL}&code=a",
            "ValueSet/$expand?url=http://example.org/vs/all",
            f"ValueSet/$validate-code?url=http://example.org/vs/all&system={URL}&code=a",
            f"ConceptMap/$translate?system={OTHER}&code=x&targetsystem={URL}",
            "CodeSystem/owned",
            "ValueSet/listed",
            "ConceptMap/to",
            f"CodeSystem?url={URL}",
        ):
            for _ in range(2):
                assert client.get(f"/fhir/{release}/{question}").get_data(as_text=True).count(NOTICE) == 1, (
                    question
                )
        for question in (f"CodeSystem/$lookup?system={OTHER}&code=x&property=display", "CodeSystem/none"):
            assert NOTICE not in client.get(f"/fhir/{release}/{question}").get_data(as_text=True)


def test_a_refusal_names_the_licence(content: dict[str, Any], tmp_path: Path) -> None:
    client = create_app(Settings(**content, licences=policy(tmp_path, "codes"))).test_client()
    for property_ in ("display", "note", "designation"):
        vs = value_set("own", {"system": URL, "filter": [{"property": property_, "op": "=", "value": "a"}]})
        response = client.post("/fhir/r4/ValueSet/$expand", json=vs)
        issue = response.get_json()["issue"][0]
        assert (response.status_code, issue["code"]) == (403, "forbidden")
        assert LICENCE in issue["details"]["text"]


@pytest.mark.parametrize(
    "system,property_,words,codes",
    [
        ("http://loinc.org", "COMPONENT", ("Glucose", "LP1-1,Glucose"), "LP14635-4"),
        ("http://loinc.org", "rad-modality-modality-type", ("CT",), None),
        (
            "http://snomed.info/sct",
            "constraint",
            (
                '* {{ term = "a" }}',
                "<< 138875005 {{ D language = en }}",
                '* : 363698007 = (<< 138875005 {{ D term = wild:"a*" }})',
                '^ (* {{ term = "a" }})',
                '<< 138875005 MINUS (* {{ C active = 1 }} {{ D term = match:"x" }})',
                '* : 363698007 = "a"',
                '^ 447562003 {{ M mapAdvice = "a" }}',
            ),
            None,
        ),
        ("http://snomed.info/sct", "expression", ('* {{ term = "a" }}',), None),
    ],
)
def test_filters_that_compare_words_by_codes_are_refused(
    tmp_path: Path, system: str, property_: str, words: tuple[str, ...], codes: str | None
) -> None:
    declared = [{"code": property_, "type": "code"}]
    loaded = code_system(system, concept("1-8", "Glucose"), property=declared)
    settings = Settings(
        environment={}, data="", bundled=False, licences=policy(tmp_path, "codes", system=system)
    )
    client = create_app(settings, catalogue=Terminology([loaded]).catalogue).test_client()
    for value in (*words, codes):
        if value is not None:
            filter_ = {"property": property_, "op": "in" if "," in value else "=", "value": value}
            response = client.post(
                "/fhir/r4/ValueSet/$expand", json=value_set("own", {"system": system, "filter": [filter_]})
            )
            assert (response.status_code, LICENCE in response.get_data(as_text=True)) == (
                (200, False) if value == codes else (403, True)
            ), response.get_data(as_text=True)


def test_the_library_keeps_texts_back_too(content: dict[str, Any], tmp_path: Path) -> None:
    with Terminology(settings=Settings(**content, licences=policy(tmp_path, "codes"))) as terminology:
        found = terminology.lookup(URL, "a")
        assert (found.display, found.designations) == ("a", [])
        answers = [
            terminology.expand("http://example.org/vs/listed").json,
            terminology.read("CodeSystem", "owned").json,
            terminology.translate(OTHER, "x", target_system=URL).json,
        ]
        assert OWNER not in json.dumps(answers)
    with Terminology(settings=Settings(**content)) as terminology:
        assert terminology.lookup(URL, "a").display == f"{OWNER} a"


def test_texts_of_an_upstream_are_not_passed_on(tmp_path: Path) -> None:
    """An answer that names the code system is refused, whatever it says; others are passed on, with their notices."""
    other = create_app(
        Settings(environment={}, data="", bundled=False), catalogue=Terminology(resources()).catalogue
    )
    with listening(other) as base:
        upstreams = upstreams_file(
            tmp_path, {"base": f"{base}/r5", "name": "up", "canonicals": ["http://example.org/*"]}
        )
        settings = Settings(
            environment={}, data="", bundled=False, upstreams=upstreams, licences=policy(tmp_path, "codes")
        )
        client = create_app(settings).test_client()
        for question in (
            f"CodeSystem/$lookup?system={URL}&code=a",
            "ValueSet/$expand?url=http://example.org/vs/all",
            f"CodeSystem?url={URL}",
            f"CodeSystem/$lookup?system={URL}&code=unknown",
            f"CodeSystem/$validate-code?url={URL}&code=a&display=wrong",
            f"ConceptMap/$translate?system={OTHER}&code=x&targetsystem={URL}&url=http://example.org/ConceptMap/to",
        ):
            response = client.get(f"/fhir/r4/{question}")
            assert response.status_code == 403
            assert LICENCE in response.get_data(as_text=True)
            assert OWNER not in response.get_data(as_text=True)
        free = client.get(f"/fhir/r4/CodeSystem/$lookup?system={OTHER}&code=x&property=display")
        assert (free.status_code, "Free" in free.get_data(as_text=True)) == (200, True)


@pytest.mark.parametrize(
    "content,says",
    [
        ({"licences": [{"system": URL, "policy": "some", "licence": "x"}]}, "licences.0.policy"),
        ({"licences": [{"system": URL, "policy": "codes"}]}, "licences.0.licence"),
        (
            {"licences": [{"system": URL, "policy": "codes", "licence": "x", "owner": "y"}]},
            "licences.0.owner",
        ),
        ({"licences": [{"system": URL, "policy": "codes", "licence": "x"}] * 2}, URL),
        ({}, "licences"),
    ],
)
def test_a_mistake_in_the_file_is_named(tmp_path: Path, content: dict[str, Any], says: str) -> None:
    path = tmp_path / "licences.json"
    path.write_text(json.dumps(content), "utf-8")
    with pytest.raises(SettingError) as caught:
        read_licences(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert says in str(caught.value)


def test_what_clients_have_written_is_kept_back_as_well(tmp_path: Path) -> None:
    """In reads, versions and histories, and in the answers to conditional writes of others."""
    licensed, entry = api_key("licensed", "system/*.cruds", licences=[URL])
    writer, other = api_key("writer", "system/*.cruds")
    settings = Settings(
        environment={},
        data="",
        bundled=False,
        store=str(tmp_path / "store"),
        writes=True,
        licences=policy(tmp_path, "codes"),
        auth=auth_file(tmp_path, keys=[entry, other]),
    )
    client = create_app(settings).test_client()
    for resource in resources()[:1] + resources()[3:4]:
        kind, id_ = resource["resourceType"], resource["id"]
        at = f"/fhir/r5/{kind}/{id_}"
        made = client.put(at, json=resource, headers={"X-API-Key": licensed})
        assert made.status_code == 201, made.get_data(as_text=True)
        for path in (
            at,
            f"{at}/_history",
            f"{at}/_history/1",
            f"/fhir/r5/{kind}/_history",
            f"/fhir/r4/{kind}/{id_}",
        ):
            assert OWNER in client.get(path, headers={"X-API-Key": licensed}).get_data(as_text=True)
            bare = client.get(path, headers={"X-API-Key": writer})
            assert (bare.status_code, OWNER in bare.get_data(as_text=True)) == (200, False), path
        condition = {"If-None-Exist": f"url={resource['url']}", "Prefer": "return=representation"}
        new = {name: value for name, value in resource.items() if name != "id"} | {
            "concept": [],
            "compose": None,
        }
        new = {name: value for name, value in new.items() if value}
        known = client.post(f"/fhir/r5/{kind}", json=new, headers={**condition, "X-API-Key": writer})
        assert (known.status_code, OWNER in known.get_data(as_text=True)) == (200, False)
