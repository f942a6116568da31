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
