"""Ctrl-C ends every command with one line, also while it is still being read."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paths import ROOT

# It sends itself what Ctrl-C sends, as soon as a command needs the parts of the package.
PROGRAM = """
import os, signal, sys
from terminology.cli.commands import main
assert "terminology.opening" not in sys.modules
class Interrupting:
    def find_spec(self, name, *_):
        if name == "terminology.opening":
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Interrupting())
main()
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ["serve", "--check"],
        ["load", "content.json"],
        ["import", "fhir", "content.json"],
        ["verify", "--store", "store"],
        ["lookup", "a", "b"],
    ],
    ids=" ".join,
)
def test_a_command_that_is_interrupted_ends_with_one_line(arguments: list[str], tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{PROGRAM}", *arguments],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert (done.returncode, done.stderr) == (130, "Error: Interrupted.\n")
    assert list(tmp_path.iterdir()) == []
