"""The plugin of pytest, as test suites elsewhere have it: each test here runs pytest in a folder of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

COLOURS = """
import pytest, requests

colours = {
    "resourceType": "CodeSystem", "id": "colours", "url": "http://example.org/colours", "status": "active",
    "content": "complete", "concept": [{"code": "red", "display": "Red"}, {"code": "blue", "display": "Blue"}],
}
to_rgb = {
    "resourceType": "ConceptMap", "url": "http://example.org/to-rgb", "status": "active",
    "group": [{"source": "http://example.org/colours", "target": "http://example.org/rgb", "element": [
        {"code": "red", "target": [{"code": "ff0000", "relationship": "equivalent"}]}]}],
}
own = pytest.mark.terminology(colours, to_rgb, bundled=False)
LOOKUP = "/r4/CodeSystem/$lookup?system=http://example.org/colours&code=red"
"""


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> object:
    """Runs pytest on a module, with this plugin alone, where each warning is an error."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("TERMINOLOGY_CONTENT", "/nowhere")
    monkeypatch.setenv("HOME", "/nowhere")

    def run(program: str, **outcomes: int) -> pytest.RunResult:
        pytester.makepyfile(COLOURS + program)
        options = ("-p", "terminology.testing.pytest_plugin", "-W", "error", "--strict-markers")
        result = pytester.runpytest_subprocess(*options)
        result.assert_outcomes(**outcomes)
        return result

    return run


def test_a_server_has_what_the_test_names_and_nothing_else(run) -> None:
    run(
        """
@own
def test_server(terminology_server):
    assert requests.get(terminology_server.url + LOOKUP).status_code == 200
    search = terminology_server.url + "/r4/CodeSystem?url="
    assert requests.get(search + "http://example.org/colours").json()["total"] == 1
    assert requests.get(search + "http://www.ama-assn.org/go/cpt").json()["total"] == 0

def test_bundled(terminology_app):
    client = terminology_app.test_client()
    assert client.get("/fhir" + LOOKUP).status_code == 404
    cpt = "/fhir/r5/CodeSystem/$lookup?system=http://www.ama-assn.org/go/cpt&code=57520"
    assert client.get(cpt).status_code == 200
""",
        passed=2,
    )


def test_markers_models_files_and_a_fixture_add_up(run, pytester: pytest.Pytester) -> None:
    run(
        """
import json
from fhir.resources.codesystem import CodeSystem
from fhir.resources.R4B.conceptmap import ConceptMap

with open("shapes.json", "w") as file:
    json.dump({**colours, "id": "shapes", "url": "http://example.org/shapes"}, file)
pytestmark = pytest.mark.terminology("shapes.json", bundled=True)
r4 = {**to_rgb, "group": [{**to_rgb["group"][0], "element": [
    {"code": "red", "target": [{"code": "ff0000", "equivalence": "wider"}]}]}]}

@pytest.fixture
def terminology_content():
    return [{**colours, "id": "sizes", "url": "http://example.org/sizes"}]

@pytest.mark.terminology(CodeSystem(**colours), ConceptMap(**r4), bundled=False)
def test_all(terminology_app):
    from terminology.testing import assert_translates, assert_valid
    for name in ("shapes", "sizes", "colours"):
        assert_valid(terminology_app, f"http://example.org/{name}", "red", display="Red")
    assert_translates(terminology_app, "http://example.org/colours", "red", to="http://example.org/rgb",
                      gives="ff0000", relationship="source-is-narrower-than-target")
    cpt = "/fhir/r5/CodeSystem?url=http://www.ama-assn.org/go/cpt"
    assert terminology_app.test_client().get(cpt).json["total"] == 0, "the nearest marker decides"
""",
        passed=1,
    )


def test_time_and_ids_are_the_same_in_each_test(run) -> None:
    run(
        """
EXPAND = "/fhir/r5/ValueSet/$expand?url=http://hl7.org/fhir/ValueSet/administrative-gender"
seen = []

@pytest.mark.parametrize("time", range(2))
def test_twice(terminology_app, time):
    expansion = terminology_app.test_client().get(EXPAND).json["expansion"]
    assert expansion["timestamp"].startswith("2026-01-01T00:00:00")
    seen.append(expansion["identifier"])
    assert len(set(seen)) == 1

@pytest.mark.terminology(harness_clock="2030-05-01T00:00:00Z")
def test_clock(terminology_app):
    assert terminology_app.test_client().get(EXPAND).json["expansion"]["timestamp"].startswith("2030-05-01")
""",
        passed=3,
    )


def test_faults_are_planned_and_traffic_is_recorded(run) -> None:
    run(
        """
from terminology.http.replaying import replay

@own
def test_faults(terminology_server, terminology_app):
    terminology_server.plan_fault("status=503; retry-after=2; calls=2", path="$lookup")
    answers = [requests.get(terminology_server.url + LOOKUP) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 503, 200]
    assert answers[1].headers["Retry-After"] == "2"
    assert [exchange.status for exchange in terminology_server.exchanges] == [200, 503, 200]
    assert terminology_server.exchanges[0].path == "/fhir/r4/CodeSystem/$lookup"
    terminology_app.harness.faults.clear()
    again = list(replay(terminology_server.exchanges, terminology_server.url))
    assert [bool(exchange.differences) for exchange in again] == [False, True, False]

@own
def test_close(terminology_server):
    terminology_server.plan_fault("close")
    with pytest.raises(requests.ConnectionError):
        requests.get(terminology_server.url + LOOKUP)

def test_unreadable(terminology_app):
    with pytest.raises(ValueError, match="cannot be read at 'status=200'"):
        terminology_app.plan_fault("status=200")
""",
        passed=3,
    )


def test_an_application_is_opened_without_the_fixtures_too(run) -> None:
    run(
        """
def test_open(tmp_path):
    from terminology.testing import open_app
    with open_app([colours], tmp_path / "traffic.jsonl", bundled=False) as app:
        assert app.test_client().get("/fhir" + LOOKUP).status_code == 200
        assert len(app.exchanges) == 1
""",
        passed=1,
    )


def test_an_assertion_that_fails_says_why(run) -> None:
    result = run(
        """
from terminology.testing import assert_translates, assert_valid
RGB = "http://example.org/rgb"

@own
def test_other_code(terminology_app):
    assert_translates(terminology_app, "http://example.org/colours", "red", to=RGB, gives="00ff00")

@own
def test_unmapped(terminology_app):
    assert_translates(terminology_app, "http://example.org/colours", "blue", to=RGB)

@own
def test_relationship(terminology_app):
    assert_translates(terminology_app, "http://example.org/colours", "red", gives=["ff0000"], relationship="related-to")

@own
def test_word_of_r4(terminology_app):
    assert_translates(terminology_app, "http://example.org/colours", "red", relationship="equal")

@own
def test_typing_error(terminology_app):
    assert_valid(terminology_app, "http://example.org/colours", "rde")

@own
def test_display(terminology_app):
    assert_valid(terminology_app, "http://example.org/colours", "red", display="Rouge")

@own
def test_value_set(terminology_app):
    assert_valid(terminology_app, "http://example.org/colours", "red", value_set="http://example.org/none")

@own
def test_none(terminology_app):
    assert_translates(terminology_app, "http://example.org/colours", "blue", to=RGB, gives=[])
""",
        passed=1,
        failed=7,
    )
    result.stdout.fnmatch_lines(
        [
            "*red of http://example.org/colours to http://example.org/rgb has other translations*",
            "*expected: 00ff00",
            "*actual:   ff0000 (equivalent)",
            "*http://example.org/to-rgb*match*",
            "*actual:   none",
            "*reason: no-row",
            "*expected: ff0000 (related-to)",
            "*'equal' is not a relationship of R5: equivalent, *",
            "*rde of http://example.org/colours is not valid",
            "*error: Unknown code 'rde'*",
            "*Wrong Display Name 'Rouge'*",
            "*red of http://example.org/colours cannot be validated: *none*",
        ]
    )
    assert "terminology/testing/assertions.py" not in result.stdout.str(), "the test alone is shown"


def test_content_that_cannot_be_read_is_an_error_of_the_test(run) -> None:
    result = run(
        """
@pytest.mark.terminology("nothing.json")
def test_missing(terminology_app): ...

@pytest.mark.terminology(colours, colour="red")
def test_setting(terminology_app): ...
""",
        errors=2,
    )
    result.stdout.fnmatch_lines(["*UnreadableFileError: nothing.json*", "*SettingError: *colour*"])


def test_the_plugin_loads_nothing_but_itself(tmp_path: Path) -> None:
    """Each run of pytest loads it, also those that have nothing to do with terminology."""
    program = """
import pytest, sys
before = set(sys.modules)
import terminology.testing.pytest_plugin
print(*sorted(name for name in set(sys.modules) - before if not name.startswith("terminology")))
print(*sorted(name for name in set(sys.modules) - before if name.startswith("terminology")))
"""
    command = [sys.executable, "-W", "error", "-c", program]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    others, ours = run.stdout.splitlines()
    assert others == ""
    assert ours.split() == ["terminology", "terminology.testing", "terminology.testing.pytest_plugin"]


def test_faults_and_settings_that_cannot_be_are_refused_in_words(run) -> None:
    result = run(
        """
@pytest.mark.parametrize("fault", [5, None])
def test_fault(terminology_app, fault):
    with pytest.raises(TypeError, match="'fault' must be str, not"):
        terminology_app.plan_fault(fault)

@pytest.mark.terminology(harness=False)
def test_harness(terminology_app):
    pass

@pytest.mark.terminology(environment={})
def test_environment(terminology_app):
    pass
""",
        passed=2,
        errors=2,
    )
    result.stdout.fnmatch_lines(
        ["*SettingError: 'harness' cannot be set:*", "*SettingError: 'environment' cannot be set:*"]
    )
