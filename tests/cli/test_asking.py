"""The commands that ask: the content here and a server over HTTP give the same answers, in the same form."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from flask import Flask, Response, request

from terminology.cli.commands import main
from tests.support.paths import ROOT
from tests.support.server import running
from tests.support.upstreams import listening

PAGE = (ROOT / "docs" / "command-line.md").read_text("utf-8")
ROWS = re.findall(r"^\| `terminology (.*)` \| (\d) \|$", PAGE, re.MULTILINE)
GENDER = "http://hl7.org/fhir/ValueSet/administrative-gender"
SNOMED_CONE = "54535009"
# Questions whose answers do not say when or by which definitions of FHIR they were made.
QUESTIONS = (
    "lookup cpt 57520",
    "lookup cpt 57520 57522 --csv",
    "translate cpt 57520 57522 --to snomed",
    f"translate snomed {SNOMED_CONE} --to cpt --reverse",
    "translate cpt 57520 --to icd10pcs --where setting=inpatient-facility",
    "validate cpt 57520 1",
    "validate cpt 57520 --display wrong",
    f"validate http://hl7.org/fhir/administrative-gender male --value-set {GENDER}",
    f"expand {GENDER} --csv",
    f"expand {GENDER} --count 2",
    "subsumes cervical-conization conization conization-loop",
    "subsumes cervical-conization conization-loop conization",
    "search ConceptMap url=http://terminology.example.org/fhir/ConceptMap/cpt-to-snomed",
    "translate cpt 57520 --to snomed --json",
)


def run(words: str, *more: str, **environment: str) -> Result:
    variables = {"TERMINOLOGY_DATA": "", **environment}
    result = CliRunner().invoke(main, [*words.split(), *more], env=variables)
    assert "Traceback" not in result.output and not isinstance(result.exception, TypeError)
    return result


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server in a process of its own."""
    with running(tmp_path_factory.mktemp("server") / "log") as base:
        yield base


@pytest.mark.parametrize("release", ["r4", "r5"])
@pytest.mark.parametrize("question", QUESTIONS)
def test_a_server_gives_the_answer_that_the_content_here_gives(
    server: str, release: str, question: str
) -> None:
    here, there = run(question), run(question, "--server", f"{server}/{release}")
    assert (there.exit_code, there.stderr) == (here.exit_code, here.stderr)
    if question.endswith("--json"):
        assert matches_of(there) == matches_of(here) != []
    else:
        assert there.stdout == here.stdout != ""


def matches_of(result: Result) -> list[str]:
    """The codes that an answer in JSON has as matches."""
    parameters = json.loads(result.stdout)["parameter"]
    parts = [part for each in parameters if each["name"] == "match" for part in each["part"]]
    return [part["valueCoding"]["code"] for part in parts if part["name"] == "concept"]


@pytest.mark.parametrize(("release", "word"), [("r4", "equivalence"), ("r5", "relationship")])
def test_json_has_the_release_that_is_asked_for_whatever_the_server_speaks(
    server: str, release: str, word: str
) -> None:
    for root in ("r4", "r5"):
        own = run(f"translate cpt 57520 --to snomed --json --release {release} --server {server}/{root}")
        (match,) = [each for each in json.loads(own.stdout)["parameter"] if each["name"] == "match"]
        assert word in [part["name"] for part in match["part"]]


@pytest.mark.parametrize(
    "name", ["cpt-to-snomed", "http://terminology.example.org/fhir/ConceptMap/cpt-to-snomed"]
)
def test_a_resource_is_read_by_its_id_or_canonical(server: str, name: str) -> None:
    for root in ("r4", "r5"):
        result = run(f"read ConceptMap {name} --release r4 --server {server}/{root}")
        document = json.loads(result.stdout)
        assert document["id"] == "cpt-to-snomed"
        assert "equivalence" in document["group"][0]["element"][0]["target"][0]


@pytest.mark.parametrize(("words", "status"), ROWS)
def test_the_exit_status_is_the_one_of_the_page(words: str, status: str) -> None:
    assert run(words).exit_code == int(status)


def test_the_page_has_each_exit_status_and_each_command() -> None:
    assert {status for _, status in ROWS} == {"0", "1", "2", "3"}
    table = PAGE.partition("## Commands\n")[2].partition("\n## ")[0]
    cells = [line.split(" | ")[0] for line in table.splitlines() if line.startswith("| `")]
    named = {name for cell in cells for name in re.findall(r"`([\w-]+)`", cell)}
    assert isinstance(main, click.Group)
    assert named == set(main.list_commands(click.Context(main)))


def test_the_commands_at_the_top_of_the_page_run_as_they_stand(tmp_path: Path) -> None:
    (block,) = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    script = tmp_path / "terminology"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m terminology "$@"\n')
    script.chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "TERMINOLOGY_DATA": "", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(["sh", "-ec", block], env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "administrative-gender,female,Female" in done.stdout


def test_csv_of_several_codes_has_one_header_and_the_code_in_each_row() -> None:
    rows = list(csv.DictReader(io.StringIO(run("translate cpt 57520 57522 --to snomed --csv").stdout)))
    assert {(row["question"], row["code"]) for row in rows} >= {
        ("57520", SNOMED_CONE),
        ("57522", SNOMED_CONE),
    }
    assert "question" not in {row["question"] for row in rows}


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
@pytest.mark.parametrize("width", [60, 100])
def test_a_table_is_no_wider_than_the_terminal_and_loses_nothing(width: int) -> None:
    whole = run("translate cpt 57520 --to snomed", COLUMNS=str(width)).stdout
    narrow = on_terminal("translate cpt 57520 --to snomed", width)
    assert max(map(len, narrow.splitlines())) <= width < max(map(len, whole.splitlines()))
    assert sorted("".join(narrow.split())) == sorted("".join(whole.split()))


def on_terminal(words: str, width: int) -> str:
    """What a command prints on a terminal of this width."""
    import pty

    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERMINOLOGY_DATA": "", "COLUMNS": str(width), "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, "-m", "terminology", *words.split()], stdout=theirs, env=environment
    ) as process:
        os.close(theirs)
        printed = b""
        with contextlib.suppress(OSError):  # the other end is closed
            while piece := os.read(ours, 65_536):
                printed += piece
        os.close(ours)
    assert process.returncode == 0
    return printed.decode().replace("\r\n", "\n")


def test_other_content_besides_a_server_is_refused(server: str) -> None:
    result = run(f"lookup cpt 57520 --server {server} --content x.json")
    assert (result.exit_code, "leave out --content" in result.stderr) == (2, True)
    assert run("lookup cpt 57520 --token-file x").exit_code == 2


def test_credentials_go_to_the_server_and_into_no_message(tmp_path: Path) -> None:
    sent: list[tuple[str | None, str | None]] = []
    app = Flask("refusing")

    @app.route("/fhir/<path:path>", methods=["GET", "POST"])
    def answer(path: str) -> Response:
        sent.append((request.headers.get("Authorization"), request.headers.get("X-API-Key")))
        outcome = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "login"}]}
        return Response(json.dumps(outcome), 401, mimetype="application/fhir+json")

    token = tmp_path / "token"
    token.write_text("file-secret\n")
    with listening(app) as base:
        ways = [
            run(f"search CodeSystem --server {base} --token-file {token}"),
            run(f"search CodeSystem --server {base}", TERMINOLOGY_SERVER_TOKEN="variable-secret"),
            run(f"search CodeSystem --server {base}", TERMINOLOGY_SERVER_KEY="key-secret"),
            run(
                f"search CodeSystem --server {base}",
                TERMINOLOGY_SERVER_USER="ada",
                TERMINOLOGY_SERVER_PASSWORD="secret",
            ),
        ]
    assert sent == [
        ("Bearer file-secret", None), ("Bearer variable-secret", None), (None, "key-secret"),
        ("Basic YWRhOnNlY3JldA==", None),
    ]  # fmt: skip
    assert all(way.exit_code == 3 and way.stderr.startswith("Error: ") for way in ways)
    assert not any("secret" in way.output or "YWRh" in way.output for way in ways)


def test_a_server_that_is_too_slow_is_given_up_in_time() -> None:
    app = Flask("slow")

    @app.route("/fhir/<path:path>")
    def answer(path: str) -> Iterator[bytes]:
        time.sleep(3)
        return iter([b"{}"])

    with listening(app) as base:
        result = run(f"lookup cpt 57520 --server {base} --timeout 0.5")
    assert result.exit_code == 3 and "did not answer within 0.5 seconds" in result.stderr


def test_what_is_no_fhir_has_its_own_status() -> None:
    app = Flask("page")

    @app.route("/fhir/<path:path>")
    def answer(path: str) -> str:
        return "<html>"

    with listening(app) as base:
        result = run(f"lookup cpt 57520 --server {base}")
    assert result.exit_code == 3 and "text/html" in result.stderr


@contextlib.contextmanager
def answering(document: object, status: int = 200) -> Iterator[str]:
    """A server of R4 that answers each question with the same document."""
    app = Flask("hostile")

    @app.route("/fhir/<path:path>", methods=["GET", "POST"])
    def answer(path: str) -> Response:
        statement = {"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1"}
        is_statement = path == "metadata"
        body = json.dumps(statement if is_statement else document)
        return Response(body, 200 if is_statement else status, content_type="application/fhir+json")

    with listening(app) as base:
        yield base


OBEYED = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
EVIL = "\x1b[31mred\x1b]0;title\x07\r\u202eabc\u2066\x9b31m"


@pytest.mark.parametrize("form", ["", "--json"])
def test_a_terminal_is_told_nothing_by_an_answer(form: str) -> None:
    coding = {"system": f"http://x/{EVIL}", "code": f"c{EVIL}", "display": EVIL}
    match = [{"name": "equivalence", "valueCode": "equivalent"}, {"name": "concept", "valueCoding": coding}]
    nodes: list[object] = [{"name": name, "valueString": EVIL} for name in ("name", "display", "message")]
    nodes += [{"name": "result", "valueBoolean": True}, {"name": "match", "part": match}]
    with answering({"resourceType": "Parameters", "parameter": nodes}) as base:
        for words in ("lookup cpt 57522", "translate cpt 57522 --to snomed", "validate cpt 57522"):
            result = run(f"{words} {form} --server {base}")
            assert result.exit_code == 0 and "red" in result.output
            assert not OBEYED.search(result.output)
            if form:
                assert EVIL in _texts(json.loads(result.stdout))


def _texts(node: object) -> Iterator[str]:
    """The strings in JSON."""
    if isinstance(node, str):
        yield node
    elif isinstance(node, dict | list):
        for inner in node.values() if isinstance(node, dict) else node:
            yield from _texts(inner)


@pytest.mark.parametrize(
    "words", ["lookup cpt 1", "lookup cpt 1 2", "translate cpt 1", "search CodeSystem", "read CodeSystem x"]
)
def test_a_terminal_is_told_nothing_by_a_refusal(words: str) -> None:
    issue = {"severity": "error", "code": "not-found", "details": {"text": EVIL}}
    with answering({"resourceType": "OperationOutcome", "issue": [issue]}, 404) as base:
        result = run(f"{words} --server {base}")
    assert result.exit_code == 1 and "\\x1b[31mred" in result.stderr
    assert not OBEYED.search(result.output)


@pytest.mark.parametrize(
    "arguments", [["lookup", "cpt", EVIL], ["search", "CodeSystem", EVIL], [EVIL], ["--" + EVIL]]
)
def test_a_terminal_is_told_nothing_by_an_argument(arguments: list[str]) -> None:
    result = run("", *arguments)
    assert result.exit_code in (1, 2) and "red" in result.stderr
    assert not OBEYED.search(result.output)


@pytest.mark.parametrize(
    "part", [{"a": 1}, "q", [{"name": "concept", "valueCoding": "x"}], [1], [{"name": 5}]]
)
def test_an_answer_of_a_wrong_shape_is_refused_in_one_line(part: object) -> None:
    nodes = [{"name": "result", "valueBoolean": True}, {"name": "match", "part": part}]
    nodes += [{"name": "property", "part": part}]
    with answering({"resourceType": "Parameters", "parameter": nodes}) as base:
        for words in ("lookup cpt 57522", "translate cpt 57522 --to snomed"):
            result = run(f"{words} --server {base}")
            assert (result.exit_code, result.stderr.count("\n")) == (3, 1), result.output
            assert "Parameters.parameter[1].part" in result.stderr and " must be " in result.stderr


@pytest.mark.parametrize("issue", [[1], [{"details": "x"}], "x"])
def test_a_refusal_of_a_wrong_shape_is_refused_in_one_line(issue: object) -> None:
    with answering({"resourceType": "OperationOutcome", "issue": issue}, 400) as base:
        for words in ("lookup cpt 57522", "search CodeSystem", "read CodeSystem x"):
            result = run(f"{words} --server {base}")
            assert (result.exit_code, result.stderr.count("\n")) == (3, 1), result.output
            assert "OperationOutcome.issue" in result.stderr


def test_numbers_are_numbers() -> None:
    result = run("lookup cpt 57520 --server http://127.0.0.1:9 --timeout nan")
    assert result.exit_code == 2 and "'nan' is not a number" in result.stderr
    result = run("search CodeSystem _count=abc")
    assert result.exit_code == 2 and "'_count' should be a whole number, not 'abc'" in result.stderr
    result = run("search CodeSystem _count=1 _summary=true")
    assert result.exit_code == 0 and "\n1 of " in result.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="needs a shell of POSIX")
@pytest.mark.parametrize(
    "words,status,message",
    [
        ("lookup cpt 57520 >&-", 0, ""),
        ("lookup cpt 57520 --csv >&-", 0, ""),
        ("lookup cpt - <&-", 2, "standard input has no code"),
        ("lookup cpt none 2>&-", 1, ""),
        ("lookup cpt 57520 >/dev/full", 1, "Error: No space left on device\n"),
    ],
)
def test_streams_that_cannot_be_used_end_a_command_in_one_line(words: str, status: int, message: str) -> None:
    command = f'"{sys.executable}" -m terminology {words}'
    environment = {**os.environ, "TERMINOLOGY_DATA": "", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(["sh", "-c", command], env=environment, capture_output=True, text=True)
    assert done.returncode == status and "Traceback" not in done.stderr
    assert message in done.stderr and "unfinished" not in done.stderr
