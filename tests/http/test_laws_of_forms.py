"""One question has one answer, in whatever form it comes and wherever the resources are."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from terminology import Settings, create_app
from terminology.catalogue.content import Content
from terminology.catalogue.protocol import Catalogue
from terminology.core.model import Document
from terminology.wire import xml
from terminology.wire.fhir_versions import RELEASES
from tests.support import engine
from tests.support.builders import body_of, tx_resource, url_of
from tests.support.map_worlds import HERE, MAPS, THERE, in_r4, map_worlds
from tests.support.questions import primitive
from tests.support.worlds import CODES, SETS, A, B, worlds, worlds_a_law

ROOTS = st.sampled_from(["r4", "r4b", "r5"])
NAMES = ["Red cat", "Ours: a", "Katze", "wrong"]
VALUE_SETS = [url_of(name, "vs/") for name in (*SETS, "nowhere")]
ANY_CODE = [*CODES, "zz"]
VERSIONS = ["1", "2"]
# Each operation, with the values of the parameters that it needs, and of those that it may have.
OPERATIONS: list[tuple[str, dict[str, list[Any]], dict[str, list[Any]]]] = [
    (
        "ValueSet/$expand",
        {"url": VALUE_SETS},
        {
            "activeOnly": [True, False],
            "count": [0, 2],
            "displayLanguage": ["de", "fr"],
            "excludeNested": [True, False],
            "filter": ["cat", "o"],
            "includeDesignations": [True],
            "offset": [1],
            "property": ["colour"],
        },
    ),
    (
        "ValueSet/$validate-code",
        {"url": VALUE_SETS, "system": [A, B], "code": ANY_CODE},
        {"display": NAMES, "systemVersion": VERSIONS, "displayLanguage": ["de"], "abstract": [False]},
    ),
    (
        "CodeSystem/$validate-code",
        {"url": [A, B], "code": ANY_CODE},
        {"display": NAMES, "version": VERSIONS, "displayLanguage": ["de"]},
    ),
    (
        "CodeSystem/$lookup",
        {"system": [A, B], "code": ANY_CODE},
        {"version": VERSIONS, "displayLanguage": ["de"], "property": ["parent"]},
    ),
    ("CodeSystem/$subsumes", {"system": [A, B], "codeA": ANY_CODE, "codeB": ANY_CODE}, {"version": VERSIONS}),
    (
        "ConceptMap/$translate",
        {"url": list(MAPS), "system": [HERE, THERE], "code": ["a", "A", "b", "P"]},
        {"targetsystem": [HERE, THERE]},
    ),
]
Question = tuple[str, Document]
Answer = tuple[int, Document]


@st.composite
def stocks(draw: st.DrawFn) -> list[Document]:
    """A world of code systems, value sets and maps, each with an id."""
    documents = draw(worlds()) + draw(map_worlds(sets=False))
    return [{**document, "id": f"r{place}"} for place, document in enumerate(documents)]


@st.composite
def questions(draw: st.DrawFn) -> Question:
    """An operation and its parameters, of simple types."""
    operation, needed, optional = draw(st.sampled_from(OPERATIONS))
    asked = {name: draw(st.sampled_from(values)) for name, values in needed.items()}
    for name in draw(st.lists(st.sampled_from(sorted(optional)), max_size=2, unique=True)):
        asked[name] = draw(st.sampled_from(optional[name]))
    return operation, asked


SEVERAL = st.lists(questions(), min_size=3, max_size=6)


class Client:
    """HTTP to a catalogue, at one root. A status and a body answer each question."""

    def __init__(self, documents: Sequence[Document], root: str, catalogue: Catalogue | None = None) -> None:
        served = catalogue or Content(documents)
        self._client = create_app(Settings(environment={}, data=""), catalogue=served).test_client()
        self._root = root

    def post(self, question: Question, *more: Document) -> Answer:
        operation, parameters = question
        return self.send(operation, body_of(*more, *parameters_of(parameters)))

    def send(self, path: str, body: Document) -> Answer:
        answer = self._client.post(f"/fhir/{self._root}/{path}", json=body)
        return answer.status_code, comparable(json.loads(answer.data))

    def get(self, question: Question) -> Answer:
        answer = self._client.get(f"/fhir/{self._root}/{path_of(question)}")
        return answer.status_code, comparable(json.loads(answer.data))

    def post_xml(self, question: Question) -> Answer:
        """The question and the answer in XML."""
        operation, parameters = question
        release = RELEASES[self._root]
        answer = self._client.post(
            f"/fhir/{self._root}/{operation}",
            data=xml.write(body_of(*parameters_of(parameters)), release),
            headers={"Content-Type": "application/fhir+xml", "Accept": "application/fhir+xml"},
        )
        return answer.status_code, comparable(xml.read_resource(answer.data, release))


def parameters_of(values: Document) -> list[Document]:
    return [primitive(name, value) for name, value in values.items()]


def path_of(question: Question) -> str:
    operation, parameters = question
    return f"{operation}?{urlencode({name: json_text(value) for name, value in parameters.items()})}"


def json_of(document: Document) -> bytes:
    return json.dumps(document).encode()


def json_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def comparable(body: Document) -> Document:
    """An answer without what is new in each: the time and the identifier of an expansion."""
    if "expansion" in body:
        new = ("timestamp", "identifier")
        expansion = {name: part for name, part in body["expansion"].items() if name not in new}
        body = {**body, "expansion": expansion}
    plain: Document = json.loads(json.dumps(body, default=str))
    return plain


@worlds_a_law(12)
@given(stocks(), SEVERAL, ROOTS)
def test_GET_POST_and_XML_have_the_same_answer(
    documents: list[Document], several: list[Question], root: str
) -> None:
    client = Client(documents, root)
    for question in several:
        answer = client.post(question)
        assert client.get(question) == answer
        assert client.post_xml(question) == answer


FORMS = [("application/fhir+json", False), ("application/fhir+xml", False), ("application/fhir+json", True)]
FORMS.append(("application/fhir+xml", True))
# What is new in each answer.
OF_THE_MOMENT = re.compile(rb"urn:uuid:[0-9a-f-]{36}|\d{4}-\d\d-\d\dT[\d:.]+(Z|\+00:00)")


def all_ways(app: Flask, root: str, question: Question) -> list[Any]:
    """The answers by GET and POST in JSON and XML, byte for byte, each asked twice: the status, headers and body."""
    client, answers = app.test_client(), []
    operation, parameters = question
    document = body_of(*parameters_of(parameters))
    for media, is_posted in FORMS * 2:
        headers = {"Accept": media, "X-Request-Id": "mine"}
        if is_posted:
            body = xml.write(document, RELEASES[root]) if media.endswith("xml") else json_of(document)
            headers["Content-Type"] = media
            answer = client.post(f"/fhir/{root}/{operation}", data=body, headers=headers)
        else:
            answer = client.get(f"/fhir/{root}/{path_of(question)}", headers=headers)
        lines = sorted((name, value) for name, value in answer.headers if name != "Content-Length")
        answers.append((answer.status, lines, OF_THE_MOMENT.sub(b"", answer.data)))
    return answers


def require_equal_ways(catalogue: Catalogue, several: list[Question], root: str) -> None:
    settings = Settings(environment={}, data="")
    quick, slow = (create_app(settings, catalogue=catalogue) for _ in range(2))
    slow.before_request(lambda: None)  # with a hook, Flask answers every request
    for question in [*several, *several]:
        assert all_ways(quick, root, question) == all_ways(slow, root, question)


@worlds_a_law(12)
@given(stocks(), SEVERAL, ROOTS)
def test_the_short_way_has_the_bytes_of_the_long_one(
    documents: list[Document], several: list[Question], root: str
) -> None:
    require_equal_ways(Content(documents), several, root)


@worlds_a_law(6, costs=10)
@given(stocks(), SEVERAL, ROOTS)
def test_the_short_way_has_the_bytes_of_the_long_one_on_a_store(
    documents: list[Document], several: list[Question], root: str
) -> None:
    """Code systems and maps in a store of SQLite, or of PostgreSQL where STORE says so."""
    stored, others = engine.parted(documents)
    require_equal_ways(engine.served(stored, Content(others)), several, root)


@worlds_a_law(12)
@given(stocks(), SEVERAL, ROOTS)
def test_a_batch_has_the_answers_of_its_entries(
    documents: list[Document], several: list[Question], root: str
) -> None:
    client = Client(documents, root)
    entries: list[Document] = []
    for question in several:
        entries.append({"request": {"method": "GET", "url": path_of(question)}})
        operation, parameters = question
        posted = body_of(*parameters_of(parameters))
        entries.append({"request": {"method": "POST", "url": operation}, "resource": posted})
    status, bundle = client.send("", {"resourceType": "Bundle", "type": "batch", "entry": entries})
    assert status == 200
    for place, question in enumerate(several):
        answer = client.post(question)
        for entry in bundle["entry"][2 * place : 2 * place + 2]:
            response = entry["response"]
            body = entry.get("resource") or response.get("outcome")
            assert (int(response["status"].split()[0]), comparable(body)) == answer


@worlds_a_law(12)
@given(stocks(), st.lists(questions(), min_size=2, max_size=5))
def test_many_validations_at_once_have_the_answers_of_each(
    documents: list[Document], several: list[Question]
) -> None:
    client = Client(documents, "r5")
    for kind in ("ValueSet", "CodeSystem"):
        asked = [question for question in several if question[0] == f"{kind}/$validate-code"]
        nodes = [
            {"name": "validation", "resource": body_of(*parameters_of(parameters))} for _, parameters in asked
        ]
        if asked:
            status, answer = client.send(f"{kind}/$batch-validate-code", body_of(*nodes))
            assert status == 200
            found = [node["resource"] for node in answer["parameter"] if node["name"] == "validation"]
            assert found == [client.post(question)[1] for question in asked]


def in_words_of(root: str, document: Document) -> Document:
    return document if root == "r5" else in_r4(document)


def as_said_in(root: str, documents: list[Document]) -> list[Document]:
    """The documents as far as a release can say them: R4 has text alone for the value of a condition."""
    return [RELEASES[root].upgrade(in_words_of(root, document)) for document in documents]


@worlds_a_law(12)
@given(stocks(), SEVERAL, ROOTS)
def test_resources_that_are_sent_along_are_as_those_that_are_here(
    documents: list[Document], several: list[Question], root: str
) -> None:
    here, empty = Client(as_said_in(root, documents), root), Client([], root)
    sent = [tx_resource(in_words_of(root, document)) for document in documents]
    for question in several:
        assert empty.post(question, *sent) == here.post(question)


@worlds_a_law(12)
@given(stocks(), SEVERAL, ROOTS)
def test_the_resource_of_the_path_is_as_the_one_that_a_url_names(
    documents: list[Document], several: list[Question], root: str
) -> None:
    client = Client(documents, root)
    for operation, parameters in several:
        kind, _, name = operation.partition("/")
        by_name = "system" if name in ("$lookup", "$subsumes") else "url"
        named = [d for d in documents if d["resourceType"] == kind and d["url"] == parameters[by_name]]
        if len(named) != 1 or "version" in parameters or (name == "$lookup" and root != "r5"):
            continue
        rest = {name: value for name, value in parameters.items() if name != by_name}
        at_instance = f"{kind}/{named[0]['id']}/{name}", rest
        answer = client.post((operation, {**parameters, **version_of(named[0])}))
        assert client.post(at_instance) == answer
        assert client.get(at_instance) == answer


@worlds_a_law(12)
@given(stocks(), SEVERAL, ROOTS)
def test_a_resource_in_the_request_is_as_the_one_that_a_url_names(
    documents: list[Document], several: list[Question], root: str
) -> None:
    client = Client(as_said_in(root, documents), root)
    as_parameter = {"ValueSet": "valueSet", "CodeSystem": "codeSystem", "ConceptMap": "conceptMap"}
    for operation, parameters in several:
        kind = operation.partition("/")[0]
        named = [d for d in documents if d["resourceType"] == kind and d["url"] == parameters.get("url")]
        if len(named) != 1 or "version" in parameters:
            continue
        rest = {name: value for name, value in parameters.items() if name != "url"}
        inline = {"name": as_parameter[kind], "resource": in_words_of(root, named[0])}
        found = client.post((operation, rest), inline)
        expected = client.post((operation, {**parameters, **version_of(named[0])}))
        assert without_hints(found) == without_hints(expected)


def version_of(document: Document) -> Document:
    """The parameter that names the version of a code system."""
    has_version = document["resourceType"] == "CodeSystem" and "version" in document
    return {"version": document["version"]} if has_version else {}


def without_hints(answer: Answer) -> Answer:
    """An answer of $translate without its message, which may recommend other maps."""
    status, body = answer
    is_translation = body["resourceType"] == "Parameters" and all(
        n["name"] != "issues" for n in body["parameter"]
    )
    if not is_translation:
        return answer
    return status, {**body, "parameter": [node for node in body["parameter"] if node["name"] != "message"]}


@worlds_a_law(12)
@given(stocks(), SEVERAL)
def test_R4_and_R4B_have_the_same_answer(documents: list[Document], several: list[Question]) -> None:
    r4, r4b = Client(documents, "r4"), Client(documents, "r4b")
    for question in several:
        assert r4.post(question) == r4b.post(question)


@worlds_a_law(12)
@given(stocks(), SEVERAL)
def test_R4_and_R5_have_the_same_verdicts_and_members(
    documents: list[Document], several: list[Question]
) -> None:
    """What a parameter says is the same, and so are the codes that are listed; R5 has more elements."""
    r4, r5 = Client(documents, "r4"), Client(documents, "r5")
    for question in several:
        (status, old), (other_status, new) = r4.post(question), r5.post(question)
        assert status == other_status
        if question[0] != "ConceptMap/$translate":
            assert in_short(old) == in_short(new)


def in_short(body: Document) -> Any:
    """What both releases have an element for."""
    if body["resourceType"] == "ValueSet":
        return body["expansion"].get("total"), [*map(member, body["expansion"].get("contains", ()))]
    if body["resourceType"] == "OperationOutcome":
        return [(issue["severity"], issue["code"], issue["details"]["text"]) for issue in body["issue"]]
    return [in_short(node["resource"]) if "resource" in node else node for node in body["parameter"]]


def member(entry: Document) -> Any:
    parts = ("system", "version", "code", "display", "abstract", "inactive", "designation")
    below = [member(inner) for inner in entry.get("contains", ())]
    return {name: entry[name] for name in parts if name in entry}, below


@worlds_a_law(6, costs=10)
@given(stocks(), st.lists(questions(), min_size=20, max_size=30))
def test_a_store_has_the_same_answers_as_the_memory(
    documents: list[Document], several: list[Question]
) -> None:
    """Code systems and maps in a store of SQLite, or of PostgreSQL where STORE says so."""
    stored, others = engine.parted(documents)
    kept = Client(documents, "r5")
    shelved = Client([], "r5", engine.served(stored, Content(others)))
    for question in several:
        assert shelved.post(question) == kept.post(question)
