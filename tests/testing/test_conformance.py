"""The runner of conformance tests: its rules, that it agrees with another runner, and that both see a broken server."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from fhir.resources import testreport

from terminology import Settings, create_app
from terminology.core.errors import SettingError, UnreadableFileError
from terminology.http.thread_server import serving
from terminology.testing.conformance import reports
from terminology.testing.conformance.comparing import AnswerComparison
from terminology.testing.conformance.elements import read_elements
from terminology.testing.conformance.normal_form import (
    normalise_outcome,
    normalise_parameters,
    normalise_value_set,
)
from terminology.testing.conformance.running import CaseResult, ConformanceRun, counts
from terminology.testing.conformance.server import ServerUnderTest
from terminology.testing.conformance.suite import ConformanceSuite
from tests.support.paths import SHARED

HL7 = SHARED / "tx-suite"
ROOTS = ("r4", "r4b", "r5")


@contextmanager
def broken_server(change: Callable[[bytes], bytes] = lambda body: body, **settings: Any) -> Iterator[str]:
    """The URL of a server of this package that changes the body of each of its answers."""
    app = create_app(Settings(environment={}, data="", **settings))
    right = app.wsgi_app

    def broken(environ: Any, start_response: Any) -> list[bytes]:
        environ.pop("HTTP_ACCEPT_ENCODING", None)
        head: list[Any] = []

        def start(*parts: Any) -> Any:
            head.append(parts)

        body = change(b"".join(right(environ, start)))
        status, fields = head[0][:2]
        rest = [(name, value) for name, value in fields if name.lower() != "content-length"]
        start_response(status, [*rest, ("Content-Length", str(len(body)))])
        return [body]

    app.wsgi_app = broken  # type: ignore[method-assign]
    with serving(app) as url:
        yield url


def results_of(url: str, suite: ConformanceSuite | None = None) -> list[CaseResult]:
    return list(ConformanceRun(suite or ConformanceSuite(), ServerUnderTest(url)).results())


def failed(results: list[CaseResult]) -> dict[str, str]:
    return {result.case.name: result.message for result in results if result.status != "pass"}


# -- our own cases -------------------------------------------------------------------------------


@pytest.mark.parametrize("bundled", [True, False])
@pytest.mark.parametrize("root", ROOTS)
def test_this_server_passes_our_cases_with_and_without_the_content(root: str, bundled: bool) -> None:
    """What a case needs is sent along."""
    with broken_server(bundled=bundled) as url:
        results = results_of(f"{url}/{root}")
    assert failed(results) == {}
    operations = {result.case.operation for result in results}
    assert operations == {"lookup", "cs-validate-code", "validate-code", "expand", "subsumes", "translate"}
    assert len(results) >= 40


@pytest.mark.parametrize(
    "before,after,groups",
    [
        (b"cervix, laser", b"cervix, lazer", {"lookup", "expand", "validate-in-code-system"}),
        (b'"result","valueBoolean":false', b'"result","valueBoolean":true', {"validate-in-value-set", "translate"}),
        (b'"valueCode":"subsumed-by"', b'"valueCode":"subsumes"', {"subsumes"}),
        (b'"code":"57461"', b'"code":"57460"', {"translate"}),
        (b'"valueCode":"source-is-narrower-than-target"', b'"valueCode":"equivalent"', {"translate"}),
        (b'"resourceType":"OperationOutcome"', b'"resourceType":"Parameters"', {"lookup", "subsumes", "expand"}),
        (b'"code":"conization-loop"', b'"code":"conization-lop"', {"expand"}),
    ],
)  # fmt: skip
def test_a_broken_server_fails_our_cases(before: bytes, after: bytes, groups: set[str]) -> None:
    with broken_server(lambda body: body.replace(before, after)) as url:
        names = {name.split("/")[0] for name in failed(results_of(f"{url}/r5"))}
    assert groups <= names


# -- agreement with another runner ---------------------------------------------------------------


BREAKAGES: dict[str, Callable[[bytes], bytes]] = {
    "right": lambda body: body,
    "display checks": lambda body: body.replace(b"Wrong Display Name", b"Bad Display Name"),
    "names": lambda body: body.replace(b'"name":"system"', b'"name":"systems"'),
    "no JSON": lambda body: body.replace(b'"resourceType":"ValueSet"', b'"resourceType":"ValueSet'),
}


@pytest.mark.skipif(not (HL7 / "txrun.py").exists(), reason=f"HL7's suite is not at {HL7}")
@pytest.mark.parametrize(
    "root,breakage",
    [
        ("r4", "right"),
        ("r5", "right"),
        ("r4", "display checks"),
        ("r5", "display checks"),
        ("r4", "names"),
        ("r5", "no JSON"),
    ],
)
def test_both_runners_judge_every_case_alike(
    root: str, breakage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(HL7))
    from txrunner.runner import Runner
    from txrunner.runner import Settings as RunnerSettings
    from txrunner.suite import Suite

    suite = Suite(HL7 / "tests")
    chosen = [test for test in suite.tests if test.in_modes({"general"})]
    with broken_server(BREAKAGES[breakage]) as url:
        ours = results_of(f"{url}/{root}", ConformanceSuite(HL7 / "tests"))
        runner = Runner(suite, RunnerSettings(server=f"{url}/{root}", modes=frozenset({"general"})))
        theirs = runner.run(chosen)
    assert len(ours) == len(theirs) > 300
    different = [
        (mine.case.name, mine.status, mine.message, other.status, other.message)
        for mine, other in zip(ours, theirs, strict=True)
        if (mine.case.name, mine.status) != (f"{other.suite}/{other.test}", other.status)
    ]
    assert different == []
    assert (counts(ours)["fail"] == 0) is (breakage == "right")


# -- the comparison ------------------------------------------------------------------------------


def difference(expected: Any, actual: Any, **options: Any) -> str | None:
    return AnswerComparison(**options).difference({"a": expected}, {"a": actual})


@pytest.mark.parametrize(
    "expected,right,wrong",
    [
        ("abcd efgh", "abcd efgh", "abcd efgi"),
        ("$instant$", "2026-01-01T00:00:00Z", "2026-01-01"),
        ("$date$", "2026-01-01", "0000-01-01"),
        ("$uuid$", "urn:uuid:8acdbfdc-e9d2-11ed-a05b-0242ac120003", "8acdbfdc"),
        ("$id$", "a-1.b", "a b"),
        ("$token$", "a_b", "-a"),
        ("$url$", "https://example.org/a", "urn:a"),
        ("$semver$", "1.2.3-beta", "1.2"),
        ("$choice:ab|cd$", "cd", "abcd"),
        ("$fragments:Not|There$", "this is not there", "this is here"),
        ("$external:3:Not$", "a not b", "a b"),
        ("$string$", "any text", " any"),
        ("$version$", "5.0.0", "4.0.1"),
        ("of $version$!", "of 5.0.0!", "of 4.0.1!"),
        (1, 1, 2),
        (True, True, False),
        (1, 1, "1"),
        (None, None, "x"),
        (["x"], ["x"], ["x", "y"]),
        ([{"b": 1}, {"$optional$": True, "b": 2}], [{"b": 1}], [{"b": 2}]),
        ([{"$optional$": "!tx", "b": 2}], [], [{"b": 3}]),
        ([{"$optional$": "version:5", "b": 2}], [], [{"b": 3}]),
        ([{"$optional$": "warning:b", "b": 2}], [], [{"b": 3}]),
        ([{"$optional$": "general", "b": 2}], [{"b": 2}], [{"b": 3}]),
        ({"$optional-properties$": ["b"], "b": 1}, {}, {"b": 2}),
        ({"$optional-properties$": ["b"]}, {"b": 9}, {"c": 9}),
        ({"$count-arrays$": ["b"], "b": [1, 2]}, {"b": [3, 4]}, {"b": [1]}),
        ({"b": 1}, {"b": 1}, {}),
    ],
)
def test_a_control_word_takes_what_it_should_and_nothing_else(expected: Any, right: Any, wrong: Any) -> None:
    options = {"version": "5.0.0", "modes": frozenset({"general"})}
    assert difference(expected, right, **options) is None
    assert difference(expected, wrong, **options)


def test_the_leniences_of_HL7s_runner_are_those_of_this_one() -> None:
    assert difference("Display #2", "Display 2") is None
    assert difference("code", "codeX") is None, "as base64 that is read without care"
    assert difference("code", "cope")
    assert difference("57460", "57461") is None and difference("57460", "57461", is_strict=True)
    assert AnswerComparison().difference({"a": ["x"]}, {}) is None
    assert AnswerComparison().difference({"a": [{"b": 1}]}, {})


def test_a_pattern_is_found_in_more() -> None:
    assert difference([{"b": 2}], [{"b": 1, "c": 1}, {"b": 2, "c": 2}], is_pattern=True) is None
    assert difference([{"b": 2}, {"b": 1}], [{"b": 1}, {"b": 2}], is_pattern=True), "in this order"


def test_an_unknown_control_word_is_an_error_of_the_case() -> None:
    with pytest.raises(UnreadableFileError, match="there is no control word"):
        difference("$colour$", "red")


def test_a_difference_names_its_place_and_both_values() -> None:
    actual = {"resourceType": "Parameters", "parameter": [{"name": "b"}]}
    expected = {"resourceType": "Parameters", "parameter": [{"name": "a"}]}
    message = AnswerComparison().difference(expected, actual)
    assert message == "Parameters.parameter[0].name: expected a, not b"


def test_lists_without_an_order_are_sorted_and_narrative_is_left_out() -> None:
    parameters: Any = {
        "meta": {},
        "parameter": [
            {"name": "property", "part": [{"name": "code", "valueCode": "b"}]},
            {"name": "message", "valueString": "two; one"},
            {"name": "property", "part": [{"name": "code", "valueCode": "A"}]},
            {"name": "diagnostics", "valueString": "x"},
        ],
    }
    normalise_parameters(parameters)
    assert "meta" not in parameters
    names = [parameter["name"] for parameter in parameters["parameter"]]
    assert names == ["message", "property", "property"]
    assert parameters["parameter"][0]["valueString"] == "one; two"
    assert parameters["parameter"][1]["part"][0]["valueCode"] == "A"
    value_set: Any = {"text": {}, "expansion": {"contains": [{"code": "b"}, {"code": "a"}]}}
    normalise_value_set(value_set)
    assert value_set == {"expansion": {"contains": [{"code": "a"}, {"code": "b"}]}}
    outcome: Any = {"issue": [{"diagnostics": "x"}, {"details": {"text": "b"}, "diagnostics": "x"}]}
    normalise_outcome(outcome)
    assert outcome == {"issue": [{"details": {"text": "b"}}]}
    with pytest.raises(ValueError, match="no 'code'"):
        normalise_value_set({"expansion": {"contains": [{"code": "b"}, {"display": "a"}]}})


def test_only_the_elements_of_the_release_are_read() -> None:
    parameter = {"name": "a", "valueBoolean": "true", "colour": "red"}
    parameters = {"resourceType": "Parameters", "parameter": [parameter], "language": " "}
    expected = {"resourceType": "Parameters", "parameter": [{"name": "a", "valueBoolean": True}]}
    assert read_elements(parameters, is_r4=True) == expected
    value_set = {"resourceType": "ValueSet", "scope": {"inclusionCriteria": "x"}}
    assert read_elements(value_set, is_r4=True) == {"resourceType": "ValueSet"}
    assert read_elements(value_set, is_r4=False) == value_set


# -- suites and servers that cannot be used ------------------------------------------------------


@pytest.mark.parametrize("text", [None, "", "[]", "{}", '{"suites": [{"tests": [{}]}]}', '{"suites": 3}'])
def test_a_suite_that_cannot_be_read_says_so(text: str | None, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / "test-cases.json").write_text(text)
    with pytest.raises(UnreadableFileError, match=str(tmp_path)):
        _ = ConformanceSuite(tmp_path).cases


def test_a_case_that_cannot_be_run_fails_alone(tmp_path: Path) -> None:
    good = {
        "name": "good",
        "operation": "lookup",
        "request": "q.json",
        "response": "a.json",
        "http-code": "4xx",
    }
    tests = [
        good,
        {**good, "name": "operation", "operation": "dance"},
        {**good, "name": "file", "request": "none.json"},
        {**good, "name": "word", "response": "w.json"},
        {"name": "response", "operation": "lookup"},
        {**good, "name": "status", "http-code": "2xx"},
    ]
    suite = {"suites": [{"name": "g", "setup": [], "tests": tests}]}
    (tmp_path / "test-cases.json").write_text(json.dumps(suite))
    parameters = [{"name": "code", "valueCode": "zz"}, {"name": "system", "valueUri": "urn:none"}]
    (tmp_path / "q.json").write_text(json.dumps({"resourceType": "Parameters", "parameter": parameters}))
    (tmp_path / "parameters-default.json").write_text('{"resourceType": "Parameters"}')
    outcome: Any = {"resourceType": "OperationOutcome", "$optional-properties$": ["issue"]}
    (tmp_path / "a.json").write_text(json.dumps(outcome))
    (tmp_path / "w.json").write_text(json.dumps({"resourceType": "$colour$"}))
    with broken_server() as url:
        messages = failed(results_of(f"{url}/r5", ConformanceSuite(tmp_path)))
    assert sorted(messages) == ["g/file", "g/operation", "g/response", "g/status", "g/word"]
    assert messages["g/status"] == "the HTTP status is 404, not 2xx"
    assert "none.json: cannot be read" in messages["g/file"]


def test_a_server_that_cannot_be_tested_says_so() -> None:
    with pytest.raises(SettingError, match="is not the URL of a FHIR server"):
        ServerUnderTest("localhost:8080")
    with pytest.raises(SettingError, match="no answer: .*refused"):
        ServerUnderTest("http://127.0.0.1:9/fhir")
    with broken_server(lambda body: b"<html>") as url, pytest.raises(SettingError, match="cannot be read"):
        ServerUnderTest(f"{url}/r4")
    with (
        broken_server(lambda body: body.replace(b"4.0.1", b"3.0.2")) as url,
        pytest.raises(SettingError, match="FHIR 3.0.2"),
    ):
        ServerUnderTest(f"{url}/r4")


# -- reports -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def mixed() -> list[CaseResult]:
    """Results of a server that fails some cases."""
    with broken_server(lambda body: body.replace(b'"code":"57461"', b'"code":"57460"')) as url:
        return results_of(f"{url}/r5")


def test_the_report_is_a_TestReport_of_FHIR(mixed: list[CaseResult]) -> None:
    document = reports.test_report(mixed, "conization", "http://127.0.0.1/fhir", "a server 1")
    report: Any = testreport.TestReport.model_validate(document)
    assert (report.result, report.status) == ("fail", "completed")
    assert 90 < float(report.score) < 100
    results = {test.name: test.action[0].assert_fhir for test in report.test}
    assert results["translate/conization-loop-colposcopic-to-cpt"].result == "fail"
    assert "expected 57461, not 57460" in results["translate/conization-loop-colposcopic-to-cpt"].message
    assert results["lookup/technique"].result == "pass"


def test_JUnit_and_the_table_count_the_same(mixed: list[CaseResult]) -> None:
    from lxml import etree

    number = counts(mixed)
    assert number["fail"] > 0
    suites = etree.fromstring(reports.junit(mixed).encode())
    assert len(suites.findall("testsuite/testcase")) == len(mixed)
    assert len(suites.findall("testsuite/testcase/failure")) == number["fail"]
    assert sum(int(suite.get("failures")) for suite in suites) == number["fail"]
    last = [*reports.table(mixed)][-1].split()
    assert last == ["all", str(number["pass"]), str(number["fail"]), "0"]


def test_the_baseline_knows_which_cases_fell(mixed: list[CaseResult], tmp_path: Path) -> None:
    path = tmp_path / "baseline"
    assert reports.read_baseline(path) is None
    reports.write_baseline(path, [result.case.name for result in mixed])
    before = reports.read_baseline(path) or frozenset()
    assert {*before} == {result.case.name for result in mixed}
    assert reports.fallen(before, mixed) == sorted(failed(mixed))
    assert [file.name for file in tmp_path.iterdir()] == ["baseline"]
    path.write_bytes(b"\xff")
    with pytest.raises(UnreadableFileError, match="not UTF-8"):
        reports.read_baseline(path)
