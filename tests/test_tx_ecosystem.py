"""HL7's terminology ecosystem suite, where it lies beside the checkout: a case is a test on R4, R4B and R5.
 What does not pass is listed in tx_todo.txt with the reason, and must fail: a case that begins to pass must
leave the list.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from werkzeug.serving import make_server

from terminology import Settings, create_app

HERE = Path(__file__).parent
SUITE = HERE.parent.parent / "shared" / "tx-suite"
MODES = frozenset({"general"})
ROOTS = ("r4", "r4b", "r5")


def todo() -> dict[str, str]:
    """Cases that cannot pass, with the reason: ``suite/test: why``."""
    lines = (line.strip() for line in (HERE / "tx_todo.txt").read_text("utf-8").splitlines())
    pairs = (line.partition(": ") for line in lines if line and not line.startswith("#"))
    return {case: reason for case, _, reason in pairs}


def cases() -> list[Any]:
    if not (SUITE / "txrun.py").exists():
        return []
    sys.path.insert(0, str(SUITE))
    from txrunner.suite import Suite, skip_reason

    chosen = [t for t in Suite(SUITE / "tests").tests if t.in_modes(MODES) and not skip_reason(t, "5.0.0")]
    expected = todo()
    return [
        pytest.param(
            root,
            test,
            id=f"{test.full_name}-{root}",
            marks=[pytest.mark.xfail(reason=expected[test.full_name])] if test.full_name in expected else [],
        )
        for test in chosen
        for root in ROOTS
    ]


CASES = cases()


@pytest.fixture(scope="module")
def runners() -> Iterator[dict[str, Any]]:
    """The suite's own runner, one for each root of the server as it comes."""
    from txrunner.runner import Runner
    from txrunner.runner import Settings as RunnerSettings
    from txrunner.suite import Suite

    settings = Settings(environment={}, data="")
    app = create_app(settings=settings)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    suite = Suite(SUITE / "tests")
    base = f"http://127.0.0.1:{server.server_port}/fhir"
    try:
        yield {root: Runner(suite, RunnerSettings(server=f"{base}/{root}", modes=MODES)) for root in ROOTS}
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.skipif(not CASES, reason=f"HL7's suite is not at {SUITE}")
@pytest.mark.parametrize(("root", "case"), CASES)
def test_HL7s_case_passes(runners: dict[str, Any], root: str, case: Any) -> None:
    result = runners[root].run_test(case)
    assert result.status == "pass", result.message
