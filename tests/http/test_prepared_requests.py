"""A request that differs from an earlier one in nothing but a code is answered as the whole way would."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from werkzeug.test import EnvironBuilder, TestResponse

from terminology import Settings, create_app
from terminology.catalogue.content import Content
from terminology.catalogue.protocol import Catalogue
from terminology.core.errors import UnavailableError
from terminology.http.media import JSON, XML
from terminology.http.prepared_requests import PreparedRequests
from terminology.wire import r4
from terminology.wire.request_headers import EFFECTIVE, RequestHeader
from terminology.wire.shared_requests import varying_names
from tests.support.conization import CPT, OURS, PCS

# Questions with places for codes, and a code that has an answer.
QUESTIONS = [
    (f"CodeSystem/$lookup?system={CPT}&code=%s", "57520"),
    (f"CodeSystem/$lookup?code=%s&system={OURS}&displayLanguage=de&property=*", "conization"),
    (f"CodeSystem/$validate-code?url={PCS}&code=%s", "0UBC7ZX"),
    (f"CodeSystem/$validate-code?url={CPT}&code=%s&display=x", "57520"),
    (f"CodeSystem/$subsumes?system={PCS}&codeA=0UBC7ZX&codeB=%s", "0UBC7ZX"),
    (f"ConceptMap/$translate?system={CPT}&code=%s", "57460"),
    (f"ConceptMap/$translate?sourceSystem={CPT}&sourceCode=%s", "57460"),
    ("ValueSet/$validate-code?url=http://hl7.org/fhir/ValueSet/administrative-gender&code=%s"
     "&system=http://hl7.org/fhir/administrative-gender", "male"),
    ("ValueSet/$expand?url=http://hl7.org/fhir/ValueSet/administrative-gender&filter=%s", "ma"),
]  # fmt: skip
GENDER = "http://hl7.org/fhir/ValueSet/administrative-gender"
CODES = [
    "57520",
    "57522",
    "57460",
    "0UBC7ZX",
    "0UBC",
    "conization",
    "female",
    "",
    "%20",
    "%2B",
    "a+b",
    "*",
    "é",
]
OF_THE_MOMENT = {"X-Request-Id", "Date"}


@pytest.fixture
def app(catalogue: Catalogue, settings: Settings) -> Flask:
    return create_app(settings, catalogue=catalogue)


def said(response: TestResponse) -> tuple[int, dict[str, str], Any]:
    headers = {name: value for name, value in response.headers if name not in OF_THE_MOMENT}
    body = response.get_json()
    if isinstance(body, dict):
        body.pop("id", None)
        for name in ("identifier", "timestamp"):
            body.get("expansion", {}).pop(name, None)
    headers.pop("Content-Length", None)
    return response.status_code, headers, body


class Client:
    """HTTP to an application whose longer way can be closed."""

    def __init__(self, app: Flask) -> None:
        self._client = app.test_client()
        self._layer = layer_of(app)
        self._whole = self._layer.application

    def whole(self, path: str, body: Any = None, **headers: str) -> TestResponse:
        self._layer.application = self._whole
        return self._send(path, body, headers)

    def short(self, path: str, body: Any = None, **headers: str) -> TestResponse:
        self._layer.application = closed
        return self._send(path, body, headers)

    def _send(self, path: str, body: Any, headers: dict[str, str]) -> TestResponse:
        if body is None:
            return self._client.get(path, headers=headers)
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Content-Type": JSON} | headers
        return self._client.post(path, data=content, headers=headers)


def layer_of(app: Flask) -> PreparedRequests:
    layer: Any = app.wsgi_app
    while not isinstance(layer, PreparedRequests):
        layer = getattr(layer, "application", None) or layer._application
    return layer


def closed(environ: Any, start_response: Any) -> list[bytes]:
    start_response("599 The whole way", [])
    return []


@pytest.fixture
def quick_only(app: Flask) -> Client:
    return Client(app)


@pytest.mark.parametrize(("question", "first"), QUESTIONS)
@pytest.mark.parametrize("root", ["r4", "r5"])
def test_a_repeated_question_gets_the_answer_of_a_new_one(
    catalogue: Catalogue, settings: Settings, root: str, question: str, first: str
) -> None:
    """The answer is the same, except for the parts that depend on the moment, such as a timestamp."""
    asked_before = create_app(settings, catalogue=catalogue).test_client()
    assert asked_before.get(f"/fhir/{root}/{question % first}").status_code == 200
    for code in CODES:
        path = f"/fhir/{root}/{question % code}"
        never_asked = create_app(settings, catalogue=catalogue).test_client()
        assert said(asked_before.get(path)) == said(never_asked.get(path)), path


@pytest.mark.parametrize(("question", "first"), QUESTIONS)
def test_a_question_that_was_asked_goes_the_short_way(quick_only: Client, question: str, first: str) -> None:
    path = f"/fhir/r5/{question % first}"
    assert quick_only.short(path).status_code == 599
    whole = quick_only.whole(path)
    short = quick_only.short(path)
    assert whole.status_code == short.status_code == 200
    assert said(whole) == said(short)


# Questions in which nothing varies.
SAME = [
    f"ValueSet/$expand?url={GENDER}",
    f"ValueSet/$expand?url={GENDER}&property=definition&includeDesignations=true",
    f"ValueSet/$expand?url={GENDER}&activeOnly=true",
]


@pytest.mark.parametrize("question", SAME)
@pytest.mark.parametrize("root", ["r4", "r5"])
@pytest.mark.parametrize("media", [JSON, XML])
def test_a_question_that_is_asked_again_as_it_was_goes_the_short_way(
    quick_only: Client, root: str, question: str, media: str
) -> None:
    path, headers = f"/fhir/{root}/{question}", {"Accept": media}
    whole = quick_only.whole(path, **headers)
    short, again = quick_only.short(path, **headers), quick_only.short(path, **headers)
    assert whole.status_code == 200 and said(short) == said(whole)
    assert short.data != again.data  # each is an expansion of its own


def test_what_changes_state_never_goes_the_short_way(quick_only: Client) -> None:
    path = "/fhir/r4/$closure"
    for _ in range(2):
        assert quick_only.whole(path, plain_body(name="a-table")).status_code == 200
        assert quick_only.short(path, plain_body(name="a-table")).status_code == 599


@pytest.mark.parametrize(
    "headers",
    [
        {"Accept": "application/fhir+xml"},
        {"Accept-Language": "de"},
        {"Prefer": "handling=strict"},
        {"X-Cache-Id": "another"},
        {"Accept": "code"},
        {"X-Too-Costly-Threshold": "1"},
        {"Content-Type": "application/json"},
    ],
)
def test_what_an_answer_depends_on_besides_the_url_makes_another_question(
    quick_only: Client, headers: dict[str, str]
) -> None:
    path = f"/fhir/r5/{QUESTIONS[0][0] % '57520'}"
    quick_only.whole(path)
    assert quick_only.short(path).status_code == 200
    assert quick_only.short(path, **headers).status_code == 599


@pytest.mark.parametrize(
    "further",
    [
        "&code=57522",
        "&sourceCode=1",
        "&Code=57460",
        "&c%6Fde=57460",
        "&cache-id=a",
        "&_pretty=true",
    ],
)
def test_what_is_not_a_plain_question_is_not_kept(quick_only: Client, further: str) -> None:
    path = f"/fhir/r5/{QUESTIONS[5][0] % '57460'}{further}"
    quick_only.whole(path)
    assert quick_only.short(path).status_code == 599


def test_a_header_that_looks_like_a_parameter_is_none(quick_only: Client) -> None:
    path = f"/fhir/r5/{QUESTIONS[0][0] % '57520'}"
    assert quick_only.whole(path, **{"Accept-Language": "code"}).status_code == 200
    assert quick_only.short(path, **{"Accept-Language": "code"}).status_code == 200


def test_who_adds_a_hook_is_asked_about_every_request(app: Flask) -> None:
    client, path = app.test_client(), f"/fhir/r5/{QUESTIONS[0][0] % '57520'}"
    answers = iter([None, ("no", 401)])
    app.before_request(lambda: next(answers))
    assert client.get(path).status_code == 200
    assert client.get(path).status_code == 401


def test_a_question_is_asked_of_what_there_is_at_the_moment(catalogue: Catalogue, settings: Settings) -> None:
    held = [catalogue]
    client = create_app(settings, catalogue=lambda: held[0]).test_client()
    path = f"/fhir/r5/{QUESTIONS[0][0] % '57520'}"
    assert client.get(path).status_code == client.get(path).status_code == 200
    held[0] = Content()
    assert client.get(path).status_code == 404


def test_a_request_keeps_its_own_id(quick_only: Client) -> None:
    path = f"/fhir/r5/{QUESTIONS[0][0] % '57520'}"
    quick_only.whole(path)
    assert quick_only.short(path, **{"X-Request-Id": "mine"}).headers["X-Request-Id"] == "mine"
    ids = {quick_only.short(path).headers["X-Request-Id"] for _ in range(3)}
    assert len(ids) == 3


@examples(max_examples=200)
@given(
    st.lists(st.sampled_from([*sorted(varying_names()), "system", "x"]), min_size=1, max_size=4), st.data()
)
def test_any_query_is_answered_as_by_an_application_that_was_never_asked(
    catalogue: Catalogue, settings: Settings, names: list[str], data: st.DataObject
) -> None:
    values = st.sampled_from(["57520", "57522", CPT, OURS, "conization", "%", "+", "a&b", "x=y", ""])
    client = create_app(settings, catalogue=catalogue).test_client()
    for _ in range(2):
        query = "&".join(f"{name}={data.draw(values)}" for name in names)
        path = f"/fhir/r4/CodeSystem/$lookup?{query}"
        assert said(client.get(path)) == said(
            create_app(settings, catalogue=catalogue).test_client().get(path)
        ), path


def test_what_the_table_says_r4_writes_as_r5_does_is_so(client: FlaskClient) -> None:
    for question, code in QUESTIONS[:5]:
        for kind in (code, "unknown"):
            document = client.get(f"/fhir/r5/{question % kind}").get_json()
            assert r4.downgrade(document) == document


# -- what is declared ----------------------------------------------------------------------------


class Recording(dict[str, Any]):
    """A WSGI environment that knows which headers were read."""

    def __init__(self, environ: dict[str, Any]) -> None:
        super().__init__(environ)
        self.names: set[str] = set()

    def get(self, name: str, default: Any = None) -> Any:
        self.names.add(name)
        return super().get(name, default)

    def __getitem__(self, name: str) -> Any:
        self.names.add(name)
        return super().__getitem__(name)

    def __contains__(self, name: object) -> bool:
        self.names.add(str(name))
        return super().__contains__(name)


# Read by Werkzeug: where the server is, how a body comes, and whether it is a WebSocket. Read by the layer outside all
# others: how an answer may be compressed.
OF_THE_SERVER = {
    "HTTP_ACCEPT_ENCODING",
    "HTTP_CONNECTION",
    "HTTP_HOST",
    "HTTP_TRANSFER_ENCODING",
    "HTTP_UPGRADE",
}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", f"/fhir/r4/{QUESTIONS[0][0] % '57520'}", b""),
        ("GET", "/fhir/CodeSystem/cpt", b""),
        ("GET", "/fhir/r4/CodeSystem?name=x", b""),
        ("GET", "/nowhere", b""),
        ("OPTIONS", "/fhir/r4/metadata", b""),
        ("POST", "/fhir/r4/CodeSystem/$lookup", b'{"resourceType": "Parameters", "parameter": []}'),
        ("POST", "/fhir/r4/$cache-control?mode=check", b'{"resourceType": "Parameters"}'),
        ("POST", "/fhir/r4", b'{"resourceType": "Bundle", "type": "batch"}'),
    ],
)
def test_no_header_is_read_that_is_not_declared(app: Flask, method: str, path: str, body: bytes) -> None:
    built = EnvironBuilder(path, method=method, data=body or None, content_type=JSON if body else None)
    environ = Recording(built.get_environ())
    b"".join(app.wsgi_app(environ, lambda *_: lambda data: None))
    declared = {header.wsgi_name for header in RequestHeader} | OF_THE_SERVER
    read = {name for name in environ.names if name.startswith("HTTP_") or name == "CONTENT_TYPE"}
    assert read and read <= declared


@pytest.mark.parametrize("header", EFFECTIVE)
def test_every_header_that_an_answer_may_depend_on_makes_another_question(
    quick_only: Client, header: RequestHeader
) -> None:
    path = f"/fhir/r5/{QUESTIONS[0][0] % '57520'}"
    quick_only.whole(path)
    assert quick_only.short(path).status_code == 200
    assert quick_only.short(path, **{header.value: "x"}).status_code == 599


def test_other_credentials_do_not_make_another_question(quick_only: Client) -> None:
    """Credentials do not make another question, because nobody reads them without a cache."""
    path = f"/fhir/r5/{QUESTIONS[0][0] % '57520'}"
    quick_only.whole(path, Authorization="Bearer one")
    assert quick_only.short(path, Authorization="Bearer two").status_code == 200


# -- posted --------------------------------------------------------------------------------------


def plain_body(**values: Any) -> dict[str, Any]:
    """A Parameters resource: a Coding from a dictionary, a type before a text where it is not a code."""
    nodes = []
    for name, value in values.items():
        kind = "Coding" if isinstance(value, dict) else "Boolean" if isinstance(value, bool) else "String"
        kind = "Integer" if type(value) is int else kind
        nodes.append({"name": name.replace("_", "-"), f"value{kind}": value})
    return {"resourceType": "Parameters", "parameter": nodes}


POSTED: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("CodeSystem/$lookup", {"system": CPT}, {"code": "57520"}),
    ("CodeSystem/$lookup", {"property": "*"}, {"coding": {"system": CPT, "code": "57520"}}),
    ("CodeSystem/$validate-code", {"url": PCS}, {"code": "0UBC7ZX"}),
    ("CodeSystem/$validate-code", {"abstract": False}, {"coding": {"system": CPT, "code": "57520"}}),
    ("CodeSystem/$subsumes", {"system": PCS, "codeA": "0UBC7ZX"}, {"codeB": "0UBC7ZX"}),
    ("ConceptMap/$translate", {"system": CPT}, {"code": "57460"}),
    ("ConceptMap/$translate", {"sourceSystem": CPT}, {"sourceCode": "57460"}),
    ("ConceptMap/$translate", {}, {"sourceCoding": {"system": CPT, "code": "57460"}}),
    (
        "ValueSet/$expand",
        {"url": "http://hl7.org/fhir/ValueSet/administrative-gender", "count": 2},
        {"filter": "ma"},
    ),
]


def others(value: Any) -> list[Any]:
    """Values in place of this one: a code, or a Coding."""
    if isinstance(value, str):
        return [code for code in CODES if "%" not in code]
    return [
        *({**value, "code": code} for code in CODES),
        {"system": OURS, "code": "conization"},
        {},
        {"code": 1},
    ]


@pytest.mark.parametrize(("path", "fixed", "varying"), POSTED)
@pytest.mark.parametrize("root", ["r4", "r5"])
def test_a_posted_question_goes_the_short_way_and_has_the_same_answer(
    catalogue: Catalogue,
    settings: Settings,
    root: str,
    path: str,
    fixed: dict[str, Any],
    varying: dict[str, Any],
) -> None:
    quick = Client(create_app(settings, catalogue=catalogue))
    url = f"/fhir/{root}/{path}"
    first = plain_body(**fixed, **varying)
    assert quick.short(url, first).status_code == 599
    assert quick.whole(url, first).status_code == 200
    assert quick.short(url, first).status_code == 200
    ((name, value),) = varying.items()
    for other in others(value):
        body = plain_body(**fixed, **{name: other})
        never_asked = Client(create_app(settings, catalogue=catalogue))
        assert said(quick.whole(url, body)) == said(never_asked.whole(url, body)), body


PLAIN = f'{{"resourceType":"Parameters","parameter":[{{"name":"system","valueUri":"{CPT}"}},%s]}}'


@pytest.mark.parametrize(
    "text",
    [
        '{"name":"code","valueCode":"57522","valueCode":"57520"}',
        '{"name":"code","name":"code","valueCode":"57520"}',
        '{"name":"code","valueCode":"57520","_valueCode":{}}',
        '{"name":"code","valueCode":["57520"]}',
        '{"name":"code","valueCode":null}',
        '{"name":"code","valueCode":57520}',
        '{"name":"code","valueString":"57520"}',
        '{"name":"code","valueCode":{"code":"57520"}}',
        '{"name":"code","part":[]}',
        '{"name":"coding","valueCoding":{"system":"a","code":"b"}}',
        '{"name":"code","valueCode":"575\\u0032\\u0030"}',
        '{"name":"code","valueCode":"57520"},{"name":"code","valueCode":"57522"}',
        '{"name":"code","valueCode":"57520"},{"name":"Code","valueCode":"57522"}',
        '{"name":"code","valueCode":"57520"},{"name":"cache-id","valueString":"a"}',
        '{"name":"code","valueCode":"57520"},{"name":"tx-resource","resource":{}}',
        '{"name":"code","valueCode":"57520"},{"name":"date","valueDecimal":1.5}',
        '{"name":"code","valueCode":"57520"},7',
        '{"name":"code","valueCode":"57520"}],"parameter":[{"name":"code","valueCode":"57522"}',
        '{"name":"code","valueCode":"57520"}],"id":"x","meta":{"a":[]',
        "",
    ],
)
def test_a_body_unlike_an_earlier_one_is_not_answered_as_that_one(quick_only: Client, text: str) -> None:
    path = "/fhir/r5/CodeSystem/$lookup"
    plain = (PLAIN % '{"name":"code","valueCode":"57520"}').encode()
    assert quick_only.whole(path, plain).status_code == 200
    assert quick_only.short(path, plain).status_code == 200
    other = (PLAIN % text).encode()
    assert quick_only.short(path, other).status_code == 599
    whole = quick_only.whole(path, other)
    assert said(whole) == said(quick_only.whole(path, other))


def test_true_is_not_1_and_a_text_is_neither(quick_only: Client) -> None:
    path = "/fhir/r5/CodeSystem/$validate-code"
    code = {"name": "code", "valueCode": "57520"}
    bodies = [
        {"resourceType": "Parameters", "parameter": [{"name": "url", "valueUri": CPT}, code, abstract]}
        for abstract in (
            {"name": "abstract", "valueBoolean": True},
            {"name": "abstract", "valueBoolean": 1},
            {"name": "abstract", "valueBoolean": "true"},
        )
    ]
    assert quick_only.whole(path, bodies[0]).status_code == 200
    assert [quick_only.short(path, body).status_code for body in bodies] == [200, 599, 599]


# Questions without an answer, and the status that says so.
UNANSWERED = [
    (f"CodeSystem/$lookup?system={CPT}&code=nothing", 404),
    ("CodeSystem/$lookup?system=http://nowhere.example.org&code=57520", 404),
    (f"CodeSystem/$subsumes?system={CPT}&codeA=57520&codeB=nothing", 404),
    ("ConceptMap/$translate?url=http://nowhere.example.org&code=57520&system=x", 404),
    ("ValueSet/$validate-code?url=http://nowhere.example.org&code=57520&system=x", 404),
    ("ValueSet/$expand?url=http://nowhere.example.org&filter=x", 404),
    (f"ValueSet/$expand?url={GENDER}&offset=-1", 400),
]


@pytest.mark.parametrize(("question", "status"), UNANSWERED)
@pytest.mark.parametrize("media", [JSON, XML])
def test_a_question_without_an_answer_goes_the_short_way(
    quick_only: Client, question: str, status: int, media: str
) -> None:
    path, headers = f"/fhir/r4/{question}", {"Accept": media}
    assert quick_only.short(path, **headers).status_code == 599
    whole = quick_only.whole(path, **headers)
    short = quick_only.short(path, **headers)
    assert (short.status, short.data) == (whole.status, whole.data)
    assert whole.status_code == status
    assert without_moment(short) == without_moment(whole)


def without_moment(response: TestResponse) -> list[tuple[str, str]]:
    """The headers, without those that each answer has for itself."""
    return sorted((name, value) for name, value in response.headers if name not in OF_THE_MOMENT)


def test_a_page_that_begins_elsewhere_goes_the_short_way(quick_only: Client) -> None:
    path = f"/fhir/r4/ValueSet/$expand?url={GENDER}&count=%d&offset=%d"
    quick_only.whole(path % (2, 1))
    for count, offset in ((1, 0), (0, 0), (2, 3), (4, 4)):
        short, whole = quick_only.short(path % (count, offset)), quick_only.whole(path % (count, offset))
        assert short.status_code == 200 and said(short) == said(whole)
    body = plain_body(url=GENDER, count=2, offset=1)
    quick_only.whole("/fhir/r4/ValueSet/$expand", body)
    other = plain_body(url=GENDER, count=1, offset=0)
    assert quick_only.short("/fhir/r4/ValueSet/$expand", other).status_code == 200


METADATA = [
    "/fhir/metadata",
    "/fhir/r4/metadata",
    "/fhir/r4b/metadata?_pretty=true",
    "/fhir/r5/metadata?mode=full",
]


@pytest.mark.parametrize("path", METADATA)
@pytest.mark.parametrize("headers", [{}, {"Accept": XML}, {"Host": "terminology.example.org:81"}])
def test_the_CapabilityStatement_is_kept_as_it_was(
    catalogue: Catalogue, path: str, headers: dict[str, str]
) -> None:
    settings = Settings(environment={}, data="", hosts="terminology.example.org")
    client = Client(create_app(settings, catalogue=catalogue))
    assert client.short(path, **headers).status_code == 599
    whole, short = client.whole(path, **headers), client.short(path, **headers)
    assert whole.status_code == 200
    assert (short.status, short.data) == (whole.status, whole.data)
    assert without_moment(short) == without_moment(whole)
    assert client.short(path, **headers, **{"Accept-Language": "de"}).status_code == 599
    assert client.short(f"{path}{'&' if '?' in path else '?'}x=1", **headers).status_code == 599


@pytest.mark.parametrize(
    "path", ["/fhir/r4/metadata?mode=terminology", "/fhir/r4/metadata?mode=x", "/fhir/r4/CodeSystem/metadata"]
)
def test_nothing_but_a_CapabilityStatement_is_kept(quick_only: Client, path: str) -> None:
    quick_only.whole(path)
    assert quick_only.short(path).status_code == 599


def test_the_CapabilityStatement_is_made_anew_for_other_content(settings: Settings) -> None:
    held = [Content()]
    quick = Client(create_app(settings, catalogue=lambda: held[0]))
    quick.whole("/fhir/r4/metadata")
    assert quick.short("/fhir/r4/metadata").status_code == 200
    held[0] = Content()
    assert quick.short("/fhir/r4/metadata").status_code == 599


def test_a_CapabilityStatement_that_hooks_must_see_is_not_kept(app: Flask) -> None:
    client, answers = app.test_client(), iter([None, ("no", 401)])
    app.before_request(lambda: next(answers))
    statuses = [client.get("/fhir/r4/metadata").status_code for _ in range(2)]
    assert statuses == [200, 401]


PLAIN_XML = f"""<?xml version="1.0" encoding="UTF-8"?>
<Parameters xmlns="http://hl7.org/fhir">
  <parameter><name value="system"/><valueUri value="{CPT}"/></parameter>
  <parameter><name value="code"/>%s</parameter>
</Parameters>"""


def test_a_question_posted_in_XML_goes_the_short_way(quick_only: Client) -> None:
    path, headers = "/fhir/r5/CodeSystem/$lookup", {"Content-Type": XML}
    for code in ("57520", "57522", "nothing"):
        body = (PLAIN_XML % f'<valueCode value="{code}"/>').encode()
        whole = quick_only.whole(path, body, **headers)
        short = quick_only.short(path, body, **headers)
        assert (short.status, short.data, short.content_type) == (
            whole.status,
            whole.data,
            whole.content_type,
        )
        assert short.content_type == f"{XML}; charset=utf-8"


@pytest.mark.parametrize(
    "value",
    [
        "<valueCode value='57520'/>",
        '<valueCode value="&#53;7520"/>',
        '<valueCode id="x" value="57520"/>',
        '<valueCode value="57520"><extension url="x"/></valueCode>',
        '<valueCode value="575\n20"/>',
        '<valueCode value="é"/>',
        '<valueInteger value="57520"/>',
        '<valueInteger value="x"/>',
        '<valueString value="57520"/>',
        '<valueCode><code value="57520"/></valueCode>',
        '<valueCode value="57520"/><valueCode value="57522"/>',
        '<valueCode value="57520"/></parameter><parameter><name value="code"/><valueCode value="57522"/>',
        '<!-- --><valueCode value="57520"/>',
        '<valueCode xmlns="x" value="57520"/>',
        '<valueCode value="57520"/> text ',
        "<part/>",
        "",
    ],
)
def test_XML_unlike_an_earlier_body_is_not_answered_as_that_one(quick_only: Client, value: str) -> None:
    path, headers = "/fhir/r5/CodeSystem/$lookup", {"Content-Type": XML}
    plain = (PLAIN_XML % '<valueCode value="57520"/>').encode()
    quick_only.whole(path, plain, **headers)
    assert quick_only.short(path, plain, **headers).status_code == 200
    assert quick_only.short(path, (PLAIN_XML % value).encode(), **headers).status_code == 599


def test_XML_that_is_sent_as_JSON_is_refused_as_ever(quick_only: Client) -> None:
    path = "/fhir/r5/CodeSystem/$lookup"
    quick_only.whole(path, plain_body(system=CPT, code="57520"))
    body = (PLAIN_XML % '<valueCode value="57520"/>').encode()
    assert quick_only.whole(path, body).status_code == 400


@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", "text/x"])
def test_a_body_that_is_a_form_or_unknown_is_not_kept(quick_only: Client, content_type: str) -> None:
    path = f"/fhir/r5/CodeSystem/$lookup?system={CPT}&code=57520"
    body = (PLAIN % '{"name":"code","valueCode":"57522"}').encode()
    quick_only.whole(path, body, **{"Content-Type": content_type})
    assert quick_only.short(path, body, **{"Content-Type": content_type}).status_code == 599


def test_parameters_of_the_url_and_the_body_are_one_question(quick_only: Client) -> None:
    path = f"/fhir/r5/CodeSystem/$lookup?system={CPT}"
    assert quick_only.whole(path, plain_body(code="57520")).status_code == 200
    assert quick_only.short(path, plain_body(code="57522")).status_code == 200
    assert quick_only.short(f"{path}&code=57520", plain_body(code="57520")).status_code == 599
    assert (
        quick_only.short("/fhir/r5/CodeSystem/$lookup?code=57520", plain_body(system=CPT)).status_code == 599
    )


def test_a_body_that_is_too_large_is_413_as_ever(catalogue: Catalogue) -> None:
    settings = Settings(environment={}, data="", largest_body=200)
    client = create_app(settings, catalogue=catalogue).test_client()
    long = json.dumps(plain_body(system=CPT, code="57520", x="y" * 200))
    assert client.post("/fhir/r5/CodeSystem/$lookup", data=long, content_type=JSON).status_code == 413


# -- errors before the application ----------------------------------------------------------------


def test_an_unforeseen_error_is_an_OperationOutcome_with_the_request_id(
    app: Flask, quick_only: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An error that nobody foresaw is an OperationOutcome with the id of the request."""
    path = f"/fhir/r5/{QUESTIONS[0][0] % '57520'}"
    quick_only.whole(path)
    monkeypatch.setattr("terminology.wire.operation.PreparedRequest.answer", lambda *_: 1 / 0)
    response = quick_only.short(path, **{"X-Request-Id": "mine"})
    assert (response.status_code, response.headers["X-Request-Id"]) == (500, "mine")
    (issue,) = response.get_json()["issue"]
    assert (issue["code"], issue["diagnostics"]) == ("exception", "mine")
    assert "ZeroDivision" not in response.text and "ZeroDivision" in caplog.text


def test_content_that_is_out_of_reach_is_503_with_an_OperationOutcome(
    catalogue: Catalogue, settings: Settings
) -> None:
    away = False

    def current() -> Catalogue:
        if away:
            raise UnavailableError("away")
        return catalogue

    client = create_app(settings, catalogue=current).test_client()
    path = f"/fhir/r5/{QUESTIONS[0][0] % '57520'}"
    assert client.get(path).status_code == 200
    away = True
    for asked in (path, "/fhir/r5/metadata"):
        response = client.get(asked)
        assert response.status_code == 503 and response.headers["Retry-After"]
        assert response.get_json()["issue"][0]["code"] == "transient"
