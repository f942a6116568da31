"""FHIR clients that others wrote, over real HTTP: they get right answers or clear refusals.

The server runs as a process of its own. Every client speaks to it through a recorder, so that a test sees
not only what the client made of an answer but the answer itself. The Node clients are the scripts in
tests/clients; their packages are looked for in tests/clients/node_modules, or in the folder that
FTA_NODE_MODULES names.
"""

from __future__ import annotations

import gzip
import http.client
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import brotli
import pytest
import requests
import zstandard
from fhirpy import SyncFHIRClient
from fhirpy.base.exceptions import BaseFHIRError

from tests.support.paths import ROOT

SCRIPTS = ROOT / "tests" / "clients"
NODE_MODULES = Path(os.environ.get("FTA_NODE_MODULES") or SCRIPTS / "node_modules")

CPT = "http://www.ama-assn.org/go/cpt"
LOOP = "conization-loop-colposcopic"
CODE_SYSTEM = "cervical-conization"
RELEASES = ("r4", "r4b", "r5")

Json = dict[str, Any]


# The contents of bodies as they go over the wire, by Content-Encoding.
DECODERS: dict[str, Callable[[bytes], bytes]] = {
    "": lambda content: content,
    "gzip": gzip.decompress,
    "br": brotli.decompress,
    "zstd": lambda content: zstandard.ZstdDecompressor().decompress(content),
}

# --- the server, and the recorder in front of it


@dataclass(frozen=True)
class Exchange:
    """One request of a client, and the server's answer as it went over the wire."""

    client: str
    request: str
    status: int
    content_type: str
    body: bytes

    def __str__(self) -> str:
        return f"{self.client}: {self.request} -> {self.status} {self.content_type} {self.body[:300]!r}"


@dataclass
class Recorder:
    """Hands every request on to `upstream` unchanged, the Host header too, and keeps what went by."""

    upstream: str
    exchanges: list[Exchange] = field(default_factory=list)
    speaking: str = ""
    base: str = ""

    def passing_on(self) -> type[BaseHTTPRequestHandler]:
        recorder = self

        class Passing(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def pass_on(self) -> None:
                sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                status, headers, body = recorder.forward(self.command, self.path, self.headers.items(), sent)
                self.send_response(status)
                for name, value in headers:
                    if name.lower() not in (
                        "connection",
                        "transfer-encoding",
                        "content-length",
                        "date",
                        "server",
                    ):
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """A test run is no place for an access log."""

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = pass_on

        return Passing

    def forward(
        self, method: str, path: str, headers: Any, sent: bytes
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        connection = http.client.HTTPConnection(urlsplit(self.upstream).netloc, timeout=60)
        try:
            kept = {name: value for name, value in headers if name.lower() != "connection"}
            connection.request(method, path, sent or None, kept)
            answer = connection.getresponse()
            body = answer.read()
            plain = DECODERS[answer.getheader("Content-Encoding", "")](body)
            told = answer.getheader("Content-Type") or ""
            self.exchanges.append(Exchange(self.speaking, f"{method} {path}", answer.status, told, plain))
            return answer.status, answer.getheaders(), body
        finally:
            connection.close()


def printed_base(log: Path, process: subprocess.Popen[bytes]) -> str:
    """The base URL that the server prints when it is ready, without a release."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        printed = log.read_text(encoding="utf-8", errors="replace")
        found = re.search(r"http://127\.0\.0\.1:[1-9]\d*(?=/fhir)", printed)
        if found and answers(found[0]):
            return found[0]
        if process.poll() is not None:
            break
        time.sleep(0.1)
    raise AssertionError(
        f"server.py did not start: {log.read_text(encoding='utf-8', errors='replace')[-3000:]}"
    )


def answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/fhir/r4/metadata", timeout=60).ok
    except requests.ConnectionError:
        return False


@pytest.fixture(scope="module")
def recorder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorder]:
    log = tmp_path_factory.mktemp("server") / "server.log"
    command = [sys.executable, "server.py", "--host", "127.0.0.1", "--port", "0"]
    with log.open("wb") as talk:
        surroundings = {**os.environ, "PYTHONUNBUFFERED": "1"}
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=surroundings,
            stdin=subprocess.DEVNULL,
            stdout=talk,
            stderr=subprocess.STDOUT,
        )
    try:
        made = Recorder(printed_base(log, process))
        with ThreadingHTTPServer(("127.0.0.1", 0), made.passing_on()) as server:
            made.base = f"http://127.0.0.1:{server.server_address[1]}/fhir"
            threading.Thread(target=server.serve_forever, daemon=True).start()
            yield made
            server.shutdown()
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


# --- what the clients are told, and what they say


@cache
def told(base: str, release: str) -> Json:
    """What a client has to know before it can ask. URLs are found by search, as newcomers find them."""
    root = f"{base}/{release}"
    local = requests.get(f"{root}/CodeSystem/{CODE_SYSTEM}", timeout=60).json()["url"]
    return {
        "base": root,
        "release": release,
        "cpt": CPT,
        "local": local,
        "codeSystemId": CODE_SYSTEM,
        "map": next(each["url"] for each in every(root, "ConceptMap") if to_cpt(each, local)),
        "valueSet": next(each["url"] for each in every(root, "ValueSet") if includes(each, CPT)),
    }


def every(root: str, kind: str) -> Iterator[Json]:
    """The resources of one kind, page after page."""
    url: str | None = f"{root}/{kind}"
    while url:
        page = requests.get(url, timeout=60).json()
        yield from (entry["resource"] for entry in page.get("entry", []))
        url = next((link["url"] for link in page.get("link", []) if link["relation"] == "next"), None)


def to_cpt(concept_map: Json, local: str) -> bool:
    """Whether it maps our own codes to CPT; in R5 a group's systems may carry a version after a bar."""
    groups = [(each.get("source", ""), each.get("target", "")) for each in concept_map.get("group", [])]
    return any((source.split("|")[0], target.split("|")[0]) == (local, CPT) for source, target in groups)


def includes(value_set: Json, system: str) -> bool:
    """Whether the value set has codes of this system."""
    return any(each.get("system") == system for each in value_set.get("compose", {}).get("include", []))


def node_packages() -> Path:
    if shutil.which("node") is None:
        pytest.skip("node is not installed: the JavaScript clients cannot run here")
    if not (NODE_MODULES / "fhirpath").is_dir():
        pytest.skip(
            f"the JavaScript clients are not installed in {NODE_MODULES.name}: see tests/clients/README.md"
        )
    return NODE_MODULES


def script_folder(work: Path) -> Path:
    """A folder with the scripts beside their packages: Node looks for packages beside the script alone."""
    packages = node_packages()
    if packages == SCRIPTS / "node_modules":
        return SCRIPTS
    if not (work / "node_modules").exists():
        for script in SCRIPTS.glob("*.mjs"):
            shutil.copy(script, work)
        (work / "node_modules").symlink_to(packages.resolve())
    return work


@pytest.fixture(scope="module")
def spoken(recorder: Recorder, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Json]:
    """Lets a client send all its requests, once for each release.

    The result is {request: {answer} or {error, status, body}}.
    """
    work = tmp_path_factory.mktemp("clients")

    @cache
    def ask(client: str, release: str) -> Json:
        recorder.speaking = client
        given = told(recorder.base, release)
        if client in IN_PYTHON:
            return {question: put(asked, given) for question, asked in IN_PYTHON[client].items()}
        script = script_folder(work) / f"{client}.mjs"
        done = subprocess.run(
            ["node", script.name, json.dumps(given)],
            cwd=script.parent,
            capture_output=True,
            text=True,
            timeout=240,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        said: Json = json.loads(done.stdout)
        return said

    return ask


# --- the clients that are in Python


def put(asked: Callable[[Json], Any], given: Json) -> Json:
    try:
        return {"answer": asked(given)}
    except BaseFHIRError as refused:
        return {"error": str(refused), "body": json.loads(str(refused))}


def fhirpy(given: Json) -> SyncFHIRClient:
    return SyncFHIRClient(given["base"])


def plain(given: Json, path: str, query: Json | None = None, **options: Any) -> Any:
    answer = requests.request(
        options.pop("method", "GET"), f"{given['base']}/{path}", params=query, timeout=60, **options
    )
    return answer.json()


def curl(given: Json, path: str, *options: str) -> Any:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    return json.loads(
        subprocess.check_output(["curl", "-s", *options, f"{given['base']}/{path}"], timeout=60)
    )


def loop_to_cpt(given: Json) -> Json:
    return {"system": given["local"], "code": LOOP, "targetsystem": CPT}


BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
CONE = {"system": CPT, "code": "57520"}
CONE_CODING = {"resourceType": "Parameters", "parameter": [{"name": "coding", "valueCoding": CONE}]}

IN_PYTHON: dict[str, dict[str, Callable[[Json], Any]]] = {
    "fhirpy": {
        "lookup": lambda given: fhirpy(given).execute("CodeSystem/$lookup", "GET", params=CONE),
        "lookupPost": lambda given: fhirpy(given).execute("CodeSystem/$lookup", "POST", data=CONE_CODING),
        "lookupNotCarried": lambda given: fhirpy(given).execute(
            "CodeSystem/$lookup", "GET", params={"system": CPT, "code": "57521"}
        ),
        "translate": lambda given: fhirpy(given).execute(
            "ConceptMap/$translate", "GET", params=loop_to_cpt(given)
        ),
        "translateInstance": lambda given: (
            fhirpy(given)
            .reference("ConceptMap", map_id(given))
            .execute("$translate", "GET", params={"system": given["local"], "code": LOOP})
        ),
        "read": lambda given: dict(fhirpy(given).reference("CodeSystem", CODE_SYSTEM).to_resource()),
        "search": lambda given: [
            dict(each) for each in fhirpy(given).resources("CodeSystem").search(url=CPT).fetch()
        ],
        "searchName": lambda given: [
            dict(each)
            for each in fhirpy(given)
            .resources("ConceptMap")
            .search(name__contains="on")
            .sort("-date")
            .limit(1)
            .fetch()
        ],
        "count": lambda given: fhirpy(given).resources("ConceptMap").count(),
        "isValid": lambda given: (
            fhirpy(given)
            .resource("CodeSystem", status="draft", content="complete")
            .is_valid(raise_exception=True)
        ),
    },
    "requests": {
        "lookup": lambda given: plain(given, "CodeSystem/$lookup", CONE),
        "lookupPost": lambda given: plain(given, "CodeSystem/$lookup", method="POST", json=CONE_CODING),
        "lookupNotCarried": lambda given: plain(
            given, "CodeSystem/$lookup", {"system": CPT, "code": "57521"}
        ),
        "translate": lambda given: plain(given, "ConceptMap/$translate", loop_to_cpt(given)),
        "searchByPost": lambda given: plain(
            given, "ConceptMap/_search", method="POST", data={"url": given["map"]}
        ),
        "browser": lambda given: plain(
            given, "CodeSystem/$lookup", {**CONE, "_format": "json"}, headers={"Accept": BROWSER}
        ),
        "noSuchPath": lambda given: plain(given, "nothing/here/at/all"),
    },
    "curl": {
        "lookup": lambda given: curl(given, f"CodeSystem/$lookup?system={CPT}&code=57520"),
        "translate": lambda given: curl(given, f"ConceptMap/$translate?{urlencode(loop_to_cpt(given))}"),
        "lookupPost": lambda given: curl(
            given,
            "CodeSystem/$lookup",
            "--json",
            json.dumps(CONE_CODING),
        ),
        "formPost": lambda given: curl(given, "CodeSystem/$lookup", "-d", urlencode(CONE)),
    },
}


def map_id(given: Json) -> str:
    found = plain(given, "ConceptMap", {"url": given["map"]})
    return str(found["entry"][0]["resource"]["id"])


# --- what a right answer is


def parameter(answer: Json, name: str) -> list[Json]:
    return [each for each in answer["parameter"] if each["name"] == name]


def value(part: Json) -> Any:
    return next(each for key, each in part.items() if key.startswith("value"))


def parts(parameter: Json) -> dict[str, Any]:
    return {
        part["name"]: value(part)
        for part in parameter["part"]
        if any(key.startswith("value") for key in part)
    }


def is_the_cone(answer: Json, given: Json) -> None:
    """Require the $lookup of CPT 57520.

    It has our own plain words, our own name, and beside it the codes for the other techniques.
    """
    assert "conization" in value(*parameter(answer, "display")).lower()
    assert value(*parameter(answer, "name")) != "CPT"
    told_of = [parts(each) for each in parameter(answer, "property")]
    also = {each["value"] for each in told_of if each["code"] == "seeAlso"}
    assert {each["code"] if isinstance(each, dict) else each for each in also} == {"57522", "57461"}


def is_the_loop(answer: Json, given: Json) -> None:
    """$translate of a loop cone at colposcopy to CPT: 57461, equivalent, said in the words of the release."""
    assert value(*parameter(answer, "result")) is True
    matches = [parts(each) for each in parameter(answer, "match")]
    word = "relationship" if given["release"] == "r5" else "equivalence"
    assert ("57461", "equivalent") in {(each["concept"]["code"], each.get(word)) for each in matches}


def leads_to_cpt(answer: Json, given: Json) -> None:
    """$translate backwards: what CPT 57520 may be in our own codes."""
    assert value(*parameter(answer, "result")) is True
    concepts = [parts(each)["concept"] for each in parameter(answer, "match")]
    assert {each["system"] for each in concepts} == {given["local"]}


def is_our_code_system(answer: Any, given: Json) -> None:
    assert (answer["resourceType"], answer["url"]) == ("CodeSystem", given["local"])


def finds(kind: str, key: str) -> Callable[[Any, Json], None]:
    def check(answer: Any, given: Json) -> None:
        found = [entry["resource"] for entry in answer["entry"]] if isinstance(answer, dict) else answer
        assert found and {(each["resourceType"], each["url"]) for each in found} == {(kind, given[key])}

    return check


def is_a_page(answer: Any, given: Json) -> None:
    assert answer["resourceType"] == "Bundle" and answer["entry"]


def is_several(answer: Any, given: Json) -> None:
    assert len(answer) > 1


def is_positive(answer: Any, given: Json) -> None:
    assert isinstance(answer, int) and answer > 0


def holds_the_answers(answer: Json, given: Json) -> None:
    """A batch: the first entry is the cone, the second says that our fragment has no such code."""
    entries = answer["entry"]
    assert answer["type"] == "batch-response"
    is_the_cone(entries[0]["resource"], given)
    assert entries[1]["response"]["status"].startswith("404")
    refusal = entries[1]["response"].get("outcome") or entries[1]["resource"]
    assert refusal["resourceType"] == "OperationOutcome"


def states_the_release(answer: Any, given: Json) -> None:
    expected = {"r4": "4.0.1", "r4b": "4.3.0", "r5": "5.0.0"}[given["release"]]
    assert (answer["fhirVersion"] if isinstance(answer, dict) else answer) == expected


def is_anything(answer: Any, given: Json) -> None:
    """The client could make something of it; what, is between it and the wire test below."""


Check = Callable[[Any, Json], None]
REFUSED = "refused"  # an OperationOutcome, which the client shows in its own way
EITHER = "either"  # an answer once the server has the operation, until then an OperationOutcome
LOST = "lost"  # fhirpath.js turns every refusal into an empty answer

EXPECTED: dict[str, dict[str, Check | str]] = {
    "fhirpath": {
        "lookupCoding": is_the_cone,
        "lookupConcept": EITHER,  # sends an array where FHIR has one Coding
        "lookupCode": is_the_cone,
        "lookupProperty": is_the_cone,
        "lookupNotCarried": LOST,
        "translateCode": is_the_loop,
        "translateScoped": EITHER,  # sends {"undefined": "http://..."} for a parameter it does not know
        "translateCoding": is_the_loop,
        "translateReverse": leads_to_cpt,
        **dict.fromkeys(("validateCoding", "validateConcept", "validateCode", "validateSystem"), EITHER),
        **dict.fromkeys(("memberOf", "subsumes", "expand"), EITHER),
    },
    "fhir-kit-client": {
        "lookupPost": is_the_cone,
        "lookupGet": is_the_cone,
        "lookupPlainObject": REFUSED,
        "lookupNotCarried": REFUSED,
        "lookupUnknownSystem": REFUSED,
        "translatePost": is_the_loop,
        "translateGet": is_the_loop,
        "translateR5": is_the_loop,
        "read": is_our_code_system,
        "readMissing": REFUSED,
        "vread": EITHER,
        "history": EITHER,
        "search": finds("CodeSystem", "cpt"),
        "searchByPost": finds("ConceptMap", "map"),
        "searchNamingSystem": is_a_page,
        "nextPage": is_a_page,
        "batch": holds_the_answers,
        "metadata": states_the_release,
        "discovery": is_anything,
        "wellKnown": REFUSED,
        "openid": REFUSED,
        "closure": EITHER,
        **dict.fromkeys(("validateCode", "expand", "subsumes"), EITHER),
        "create": REFUSED,
    },
    "fhirclient": {
        "version": states_the_release,
        "release": is_anything,  # the client's table of releases ends with R4
        "lookup": is_the_cone,
        "lookupNotCarried": REFUSED,
        "lookupPost": is_the_cone,
        "translate": is_the_loop,
        "read": is_our_code_system,
        "search": finds("ConceptMap", "map"),
        "allPages": is_several,
        "expand": EITHER,
        "patch": REFUSED,
        "create": REFUSED,
    },
    "medplum": {
        "lookup": is_the_cone,
        "lookupNotCarried": REFUSED,
        "lookupPost": is_the_cone,
        "translate": is_the_loop,
        "read": is_our_code_system,
        "readMissing": REFUSED,
        "search": finds("ConceptMap", "map"),
        "searchOne": is_anything,
        "searchPages": is_several,
        "batch": holds_the_answers,
        "expand": EITHER,
        "metadata": states_the_release,
    },
    "fhirpy": {
        "lookup": is_the_cone,
        "lookupPost": is_the_cone,
        "lookupNotCarried": REFUSED,
        "translate": is_the_loop,
        "translateInstance": is_the_loop,
        "read": is_our_code_system,
        "search": finds("CodeSystem", "cpt"),
        "searchName": is_anything,
        "count": is_positive,
        "isValid": REFUSED,
    },
    "requests": {
        "lookup": is_the_cone,
        "lookupPost": is_the_cone,
        "lookupNotCarried": REFUSED,
        "translate": is_the_loop,
        "searchByPost": finds("ConceptMap", "map"),
        "browser": is_the_cone,
        "noSuchPath": REFUSED,
    },
    "curl": {
        "lookup": is_the_cone,
        "translate": is_the_loop,
        "lookupPost": is_the_cone,
        "formPost": EITHER,
    },
}


def refusal(said: Json) -> Json | None:
    """The OperationOutcome in what a client said, wherever the client puts it."""
    for place in (said.get("answer"), said.get("body")):
        if isinstance(place, dict) and place.get("resourceType") == "OperationOutcome":
            return place
    shown = said.get("error", "")
    return {"resourceType": "OperationOutcome"} if "OperationOutcome" in shown else None


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize(
    ("client", "question"), [(client, question) for client, table in EXPECTED.items() for question in table]
)
def test_a_real_client_gets_a_right_answer_or_a_clear_refusal(
    client: str, question: str, release: str, spoken: Callable[[str, str], Json], recorder: Recorder
) -> None:
    said = spoken(client, release)[question]
    expected = EXPECTED[client][question]
    if expected == LOST:
        assert said["answer"] is None
    elif expected == REFUSED:
        assert refusal(said), said
    elif callable(expected):
        assert "answer" in said, said
        expected(said["answer"], told(recorder.base, release))
    else:
        assert "answer" in said or refusal(said), said


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("client", EXPECTED)
def test_real_clients_never_get_a_5xx_or_html(
    client: str, release: str, spoken: Callable[[str, str], Json], recorder: Recorder
) -> None:
    """No real client ever gets a 5xx or HTML, and every refusal is an OperationOutcome."""
    said = spoken(client, release)
    assert set(said) == set(EXPECTED[client]), (
        "every question of the script has an expectation, and the other way"
    )
    exchanges = [
        each for each in recorder.exchanges if each.client == client and f"/{release}" in each.request
    ]
    assert exchanges
    assert [str(each) for each in exchanges if not is_clean(each)] == []


def is_clean(exchange: Exchange) -> bool:
    """Below 500, a JSON resource, and an OperationOutcome for every refusal."""
    if exchange.status >= 500 or "json" not in exchange.content_type:
        return False
    kind = json.loads(exchange.body).get("resourceType")
    return kind == "OperationOutcome" if exchange.status >= 400 else kind is not None


def test_the_wire_test_sees_every_kind_of_bad_answer() -> None:
    """The wire test sees a 5xx, an HTML page, and a refusal without an OperationOutcome."""

    def exchange(status: int, content_type: str, body: bytes) -> Exchange:
        return Exchange("test", "GET /", status, content_type, body)

    fhir = "application/fhir+json; charset=utf-8"
    outcome = b'{"resourceType": "OperationOutcome"}'
    assert is_clean(exchange(404, fhir, outcome))
    assert not is_clean(exchange(500, fhir, outcome))
    assert not is_clean(exchange(404, "text/html", b"<h1>Not Found</h1>"))
    assert not is_clean(exchange(404, fhir, b'{"error": "not found"}'))
