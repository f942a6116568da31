"""The results of a run for people and for machines: a table, JUnit XML, a FHIR TestReport; and the baseline."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from xml.etree import ElementTree

from terminology.core import dates
from terminology.core.errors import UnreadableFileError, reason_of
from terminology.core.model import Document
from terminology.core.software import NAME, VERSION
from terminology.core.texts import escaped
from terminology.testing.conformance.running import FAIL, PASS, SKIP, CaseResult, counts
from terminology.testing.conformance.testscripts import script_url

_XML = '<?xml version="1.0" encoding="UTF-8"?>\n'
# Words of TestReport for the status of a case.
_ACTION_RESULTS = {PASS: "pass", FAIL: "fail", SKIP: "skip"}


def table(results: Sequence[CaseResult]) -> Iterator[str]:
    """Lines: how many cases of each group have passed, failed and been skipped."""
    groups: dict[str, list[CaseResult]] = {}
    for result in results:
        groups.setdefault(result.case.group, []).append(result)
    width = max(map(len, ("all", *groups)))
    yield f"{'group':<{width}}  passed  failed  skipped"
    for name, members in [*groups.items(), ("all", list(results))]:
        number = counts(members)
        yield f"{name:<{width}}  {number[PASS]:>6}  {number[FAIL]:>6}  {number[SKIP]:>7}"


def junit(results: Sequence[CaseResult]) -> str:
    """JUnit XML, with a test suite for each group of cases."""
    suites = ElementTree.Element("testsuites", name="terminology conformance")
    groups: dict[str, ElementTree.Element] = {}
    for result in results:
        case = result.case
        if case.group not in groups:
            members = [each for each in results if each.case.group == case.group]
            number = counts(members)
            groups[case.group] = ElementTree.SubElement(
                suites,
                "testsuite",
                name=escaped(case.group),
                tests=str(len(members)),
                failures=str(number[FAIL]),
                skipped=str(number[SKIP]),
                errors="0",
                time=f"{sum(each.seconds for each in members):.3f}",
            )
        node = ElementTree.SubElement(
            groups[case.group],
            "testcase",
            classname=escaped(case.group),
            name=escaped(str(case.definition["name"])),
            time=f"{result.seconds:.3f}",
        )
        if result.status == FAIL:
            ElementTree.SubElement(node, "failure", message=escaped(result.message))
        elif result.status == SKIP:
            ElementTree.SubElement(node, "skipped", message=escaped(result.message))
    return _XML + ElementTree.tostring(suites, encoding="unicode") + "\n"


def test_report(results: Sequence[CaseResult], suite_name: str, server: str, software: str) -> Document:
    """A TestReport of R5: each case is a test with one assertion, which has the reason where it fails."""
    number = counts(results)
    ran = number[PASS] + number[FAIL]
    report: Document = {
        "resourceType": "TestReport",
        "name": f"Conformance of {software}",
        "status": "completed",
        "testScript": script_url(suite_name),
        "result": "fail" if number[FAIL] or not ran else "pass",
        "tester": f"{NAME} {VERSION}",
        "issued": dates.instant_of(dates.now()),
        "participant": [{"type": "server", "uri": server, "display": software}],
        "test": [_test(result) for result in results],
    }
    if ran:
        report["score"] = round(100 * number[PASS] / ran, 2)
    if not results:
        del report["test"]
    return report


def _test(result: CaseResult) -> Document:
    assertion: Document = {"result": _ACTION_RESULTS[result.status]}
    if result.message:
        assertion["message"] = result.message
    return {
        "name": result.case.name,
        "description": result.case.description,
        "action": [{"assert": assertion}],
    }


# -- the baseline --------------------------------------------------------------------------------


def read_baseline(path: Path) -> frozenset[str] | None:
    """The names of the cases that have passed before, one a line; None if there is no such file.

    Raises UnreadableFileError.
    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as problem:
        reason = reason_of(problem) if isinstance(problem, OSError) else "it is not UTF-8"
        raise UnreadableFileError(f"{path}: cannot be read: {reason}") from None
    return frozenset(line.strip() for line in lines if line.strip() and not line.startswith("#"))


def fallen(before: Collection[str], results: Sequence[CaseResult]) -> list[str]:
    """The cases of a baseline that have not passed now, in order."""
    return sorted(set(before) - {result.case.name for result in results if result.status == PASS})


def write_baseline(path: Path, names: Collection[str]) -> None:
    """Write a baseline, whole or not at all. Raises UnreadableFileError."""
    text = "".join(f"{name}\n" for name in ("# Cases that pass: terminology conformance", *sorted(names)))
    new = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        new.write_text(text, "utf-8")
        new.replace(path)
    except OSError as problem:
        with suppress(OSError):
            new.unlink()
        raise UnreadableFileError(f"{path}: cannot be written: {reason_of(problem)}") from None
