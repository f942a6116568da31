"""HL7's terminology ecosystem suite, where it lies beside the checkout: a case is a test on R4, R4B and R5.

What does not pass is listed in tx_todo.txt with the reason, and must fail: a case that begins to pass must
leave the list. The code systems and maps of its set-up are sent along, as its own runner does, or lie in a
store (``STORE=sqlite``, see ``holding``).
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

import pytest
from werkzeug.serving import make_server

from terminology import Settings, create_app
from terminology.core.model import Document
from terminology.wire import json
from tests.support import engine
from tests.support.paths import ROOT, SHARED

SUITE = SHARED / "tx-suite"

MODES = frozenset({"general"})
ROOTS = ("r4", "r4b", "r5")


def todo() -> dict[str, str]:
    """Cases that cannot pass, with the reason: ``suite/test: why``."""
    lines = (line.strip() for line in (ROOT / "tests" / "tx_todo.txt").read_text("utf-8").splitlines())
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
def runners() -> Iterator[dict[tuple[str, str], Any]]:
    """The suite's own runner, by the root of the server and the name of the part of the suite.

    The server is as it comes, and has in its store (see ``holding``) what can be there of the set-up.
    """
    from txrunner.runner import Runner
    from txrunner.runner import Settings as RunnerSettings
    from txrunner.suite import Suite

    suite = Suite(SUITE / "tests")
    found: dict[tuple[str, str], Any] = {}
    with ExitStack() as servers:
        for names, stored in worlds():
            base = servers.enter_context(serving(stored))
            for root in ROOTS:
                runner = Runner(suite, RunnerSettings(server=f"{base}/{root}", modes=MODES))
                found |= {(root, name): runner for name in names}
        yield found


@contextmanager
def serving(stored: Sequence[Document]) -> Iterator[str]:
    """The base URL of a server with some resources in its store."""
    settings = Settings(environment={}, data="", store=engine.place_of(stored) if stored else "")
    server = make_server("127.0.0.1", 0, create_app(settings=settings), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/fhir"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


# -- the set-up in a store -----------------------------------------------------------------------


def setups() -> dict[str, dict[str, Document]]:
    """What of the set-up of each part of the suite lies in a store, by the names of the files."""
    if not engine.ENGINE:
        return {}
    found = {}
    for case in {param.values[1].suite_name: param.values[1] for param in CASES}.values():
        read = {name: json.read_resource((SUITE / "tests" / name).read_bytes()) for name in case.setup_files}
        stored, _ = engine.parted(read.values())
        found[case.suite_name] = {name: d for name, d in read.items() if any(d is other for other in stored)}
    return found


SETUPS = setups()


def worlds() -> list[tuple[list[str], list[Document]]]:
    """The parts of the suite that can share a store, each with the content of the store.

    Parts can share one if they know the same versions of each code system.
    """
    if not SETUPS:
        return [([param.values[1].suite_name for param in CASES], [])]
    made: list[tuple[list[str], dict[str, list[Document]]]] = []
    for name, setup in SETUPS.items():
        mine: dict[str, list[Document]] = {}
        for document in setup.values():
            mine.setdefault(document["url"], []).append(document)
        fitting = (w for w in made if all(w[1].get(url, held) == held for url, held in mine.items()))
        names, there = next(fitting, ([], {}))
        if not names:
            made.append((names, there))
        names.append(name)
        there.update(mine)
    return [(names, [d for held in there.values() for d in held]) for names, there in made]


def without_stored(case: Any) -> Any:
    """The case with that of its set-up that is to be sent along."""
    stored = SETUPS.get(case.suite_name, {})
    return replace(case, setup_files=tuple(name for name in case.setup_files if name not in stored))


@pytest.mark.skipif(not CASES, reason=f"HL7's suite is not at {SUITE}")
@pytest.mark.parametrize(("root", "case"), CASES)
def test_HL7s_case_passes(runners: dict[tuple[str, str], Any], root: str, case: Any) -> None:
    result = runners[root, case.suite_name].run_test(without_stored(case))
    assert result.status == "pass", result.message
