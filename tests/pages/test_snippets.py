"""The requests that a page has for copying do what they say, in each language."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from terminology.pages.road import AskedRequest, parameters
from terminology.pages.snippets import snippets
from tests.support.builders import code_system, concept
from tests.support.server import running

STRANGE = 'it\'s "a" $b `c` \\n é &=#+%'
URL = "http://example.org/strange"
LOOKUP = AskedRequest("", "GET", "CodeSystem/$lookup", [("system", URL), ("code", STRANGE)])
POSTED = AskedRequest(
    "",
    "POST",
    "CodeSystem/$lookup",
    (),
    parameters(("system", "valueUri", URL), ("code", "valueCode", STRANGE)),
)
PATIENCE = 60


def in_shell(text: str) -> str:
    return subprocess.check_output(["sh", "-c", f"{text} -s"], text=True, timeout=PATIENCE)


def in_python(text: str) -> str:
    program = text.replace("print(answer.json())", "import json; print(json.dumps(answer.json()))")
    return subprocess.check_output([sys.executable, "-c", program], text=True, timeout=PATIENCE)


def in_node(text: str) -> str:
    program = text.replace("console.log(await answer.json())", "console.log(await answer.text())")
    command = ["node", "--input-type=module", "-e", program]
    return subprocess.check_output(command, text=True, timeout=PATIENCE)


RUN: dict[str, tuple[str, Callable[[str], str]]] = {
    "curl": ("curl", in_shell),
    "Python": (sys.executable, in_python),
    "JavaScript": ("node", in_node),
}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("snippets")
    content = folder / "strange.json"
    content.write_text(json.dumps(code_system(URL, concept(STRANGE, "Found"))))
    with running(folder / "server.log", "--content", str(content)) as server:
        yield f"{server}/r5"


@pytest.mark.parametrize("asked", [LOOKUP, POSTED], ids=["GET", "POST"])
@pytest.mark.parametrize("language", RUN)
def test_a_request_that_was_copied_is_answered(address: str, asked: AskedRequest, language: str) -> None:
    program, run = RUN[language]
    if shutil.which(program) is None and not Path(program).exists():
        pytest.skip(f"{program} is not installed")
    text = next(s.text for s in snippets(address, asked, needs_key=False) if s.language == language)
    answer: dict[str, Any] = json.loads(run(text))
    assert {"name": "display", "valueString": "Found"} in answer["parameter"]


def test_a_service_that_asks_who_its_clients_are_is_shown_a_key() -> None:
    assert all("X-API-Key" in s.text for s in snippets("http://x/fhir/r5", LOOKUP, needs_key=True))
    assert not any("X-API-Key" in s.text for s in snippets("http://x/fhir/r5", LOOKUP, needs_key=False))
