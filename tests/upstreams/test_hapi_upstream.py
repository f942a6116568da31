"""HAPI's terminology server as an upstream: what it has is answered in both releases.

Its jars are those of tests/hapi/server/pom.xml, in the folder that FTA_HAPI_SERVER_JARS names, or in build/hapi-server.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from click.testing import CliRunner
from flask.testing import FlaskClient

from terminology import Settings, create_app
from terminology.catalogue.content import Content
from terminology.cli.commands import main
from terminology.core.model import Document
from terminology.wire.elsewhere import ANSWERED_BY
from terminology.wire.r4 import downgrade
from tests.support.builders import code_system, concept, concept_map, url_of, value_set
from tests.support.paths import ROOT
from tests.support.upstreams import upstreams_file

JARS = Path(os.environ.get("FTA_HAPI_SERVER_JARS") or ROOT / "build" / "hapi-server")
# The time that a machine may be busy with other work, in seconds.
PATIENCE = 400

pytestmark = pytest.mark.skipif(
    not shutil.which("javac") or not any(JARS.glob("hapi-fhir-jpaserver-base-*.jar")),
    reason="needs a JDK and `mvn -f tests/hapi/server/pom.xml dependency:copy-dependencies`; CONTRIBUTING.md says more",
)

BIRDS, NESTS, MAP = url_of("birds"), url_of("nests"), url_of("birds-to-nests", "ConceptMap/")
OF_BIRDS = url_of("birds", "vs/")
OWL = concept("owl", "Owl", designation=[{"language": "de", "value": "Eule"}])
CONTENT = [
    code_system("birds", concept("bird", "Bird", OWL, concept("duck", "Duck")), id="birds", version="1"),
    value_set("birds", {"system": BIRDS}, id="of-birds"),
    concept_map(
        "birds-to-nests",
        "birds",
        "nests",
        [
            {"code": "owl", "target": [{"code": "hollow", "relationship": "source-is-narrower-than-target"}]},
            {"code": "duck", "target": [{"code": "reeds", "relationship": "equivalent"}]},
        ],
        id="birds-to-nests",
        sourceScopeUri=OF_BIRDS,
        targetScopeUri=url_of("nests", "vs/"),
    ),
]  # fmt: skip


@pytest.fixture(scope="module")
def hapi(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The base of HAPI's server with the content."""
    folder = tmp_path_factory.mktemp("hapi")
    program = ROOT / "tests" / "hapi" / "server" / "TerminologyServer.java"
    command = ["javac", "-nowarn", "-cp", f"{JARS}/*", "-d", str(folder), str(program)]
    subprocess.run(command, check=True, timeout=PATIENCE)
    process = subprocess.Popen(
        ["java", "-Xmx1g", "-XX:TieredStopAtLevel=1", "-cp", f"{folder}:{JARS}/*", "TerminologyServer"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = next((line for line in process.stdout if line.startswith("port ")), "")
        assert line, "HAPI's server has not started"
        base = f"http://127.0.0.1:{line.split()[1]}/fhir"
        for resource in CONTENT:
            url = f"{base}/{resource['resourceType']}/{resource['id']}"
            answer = requests.put(url, json=downgrade(resource), timeout=PATIENCE)
            assert answer.status_code == 201, answer.text
        yield base
    finally:
        process.kill()
        process.communicate()


@pytest.fixture(scope="module")
def file(hapi: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with HAPI's server as the upstream."""
    times = {"readTimeout": PATIENCE, "deadline": PATIENCE}
    entry = {"name": "hapi", "base": hapi, "canonicals": [BIRDS, "http://example.org/*"], **times}
    return upstreams_file(tmp_path_factory.mktemp("adapter"), entry)


@pytest.fixture(scope="module")
def client(file: Path) -> FlaskClient:
    settings = Settings(upstreams=file, bundled=False, deadline=PATIENCE)
    return create_app(settings, catalogue=Content()).test_client()


def value(answer: Document, name: str) -> Any:
    """The value of the first parameter of a name."""
    node = next(node for node in answer["parameter"] if node["name"] == name)
    return next(value for key, value in node.items() if key.startswith("value"))


def matches(answer: Document) -> list[dict[str, Any]]:
    nodes = [node["part"] for node in answer["parameter"] if node["name"] == "match"]
    return [{p["name"]: next(v for k, v in p.items() if k.startswith("value")) for p in n} for n in nodes]


@pytest.mark.parametrize("release", ["r4", "r4b", "r5"])
def test_codes_and_value_sets_are_answered_in_each_release(client: FlaskClient, release: str) -> None:
    def asked(path: str) -> Document:
        answer = client.get(f"/fhir/{release}/{path}")
        assert (answer.status_code, answer.headers[ANSWERED_BY]) == (200, "hapi")
        document: Document = answer.get_json()
        return document

    assert value(asked(f"CodeSystem/$lookup?system={BIRDS}&code=owl"), "display") == "Owl"
    for code, is_there in (("owl", True), ("dodo", False)):
        assert value(asked(f"CodeSystem/$validate-code?url={BIRDS}&code={code}"), "result") is is_there
        in_set = asked(f"ValueSet/$validate-code?url={OF_BIRDS}&system={BIRDS}&code={code}")
        assert value(in_set, "result") is is_there
    expansion = asked(f"ValueSet/$expand?url={OF_BIRDS}")["expansion"]
    assert {entry["code"] for entry in expansion["contains"]} == {"bird", "owl", "duck"}
    assert asked(f"CodeSystem?url={BIRDS}")["entry"][0]["resource"]["concept"][0]["code"] == "bird"
    unknown = client.get(f"/fhir/{release}/CodeSystem/$lookup?system={BIRDS}&code=dodo")
    assert unknown.status_code == 404


def test_translations_have_the_direction_of_the_map_from_either_end(client: FlaskClient) -> None:
    """HAPI does not turn the word of a match round in reverse."""
    owl, narrower = {"system": BIRDS, "code": "owl"}, "source-is-narrower-than-target"
    path = f"ConceptMap/$translate?url={MAP}"
    (onward,) = matches(client.get(f"/fhir/r5/{path}&system={BIRDS}&sourceCode=owl").get_json())
    (back,) = matches(client.get(f"/fhir/r5/{path}&targetSystem={NESTS}&targetCode=hollow").get_json())
    (turned,) = matches(client.get(f"/fhir/r5/{path}&system={NESTS}&code=hollow&reverse=true").get_json())
    assert (onward["concept"]["code"], onward["relationship"]) == ("hollow", narrower)
    assert (back["concept"], back["source"], back["relationship"]) == (
        {"system": NESTS, "code": "hollow"},
        owl,
        narrower,
    )
    assert (turned["concept"], turned["relationship"]) == (owl, "source-is-broader-than-target")
    (equal,) = matches(client.get(f"/fhir/r5/{path}&targetSystem={NESTS}&targetCode=reeds").get_json())
    assert (equal["source"]["code"], equal["relationship"]) == ("duck", "equivalent")


def test_the_questions_of_a_batch_are_answered(client: FlaskClient) -> None:
    urls = [f"CodeSystem/$lookup?system={BIRDS}&code={code}" for code in ("owl", "dodo", "duck")]
    entries = [{"request": {"method": "GET", "url": url}} for url in urls]
    answer = client.post("/fhir/r4", json={"resourceType": "Bundle", "type": "batch", "entry": entries})
    statuses = [entry["response"]["status"] for entry in answer.get_json()["entry"]]
    assert statuses == ["200", "404", "200"]


def test_the_check_says_that_it_works(file: Path) -> None:
    answer = CliRunner().invoke(main, ["upstreams", "check", "--upstreams", str(file)])
    assert answer.exit_code == 0, answer.output
    assert "HAPI FHIR Server" in answer.output and "FHIR version works" in answer.output
