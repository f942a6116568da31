"""Memory is given back to the operating system."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.support.paths import ROOT

PROGRAM = """
from mmap import mmap
from pathlib import Path
from terminology.http.given_back import Tidying, give_memory_back

def megabytes():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4 // 1024

mapped = mmap(-1, 50_000_000)
{setting}
tidying = Tidying()
for size in range(1, 30):
    bytes(size * 1_000_000)
blocks, small = [], []
for _ in range(100):
    blocks.append(b"x" * 3_000_000)
    small.append(b"x" * 50_000)
del blocks
before = megabytes()
{look}
print(before, megabytes())
"""
needs_glibc = pytest.mark.skipif(
    sys.platform != "linux", reason="only the allocator of glibc keeps what was freed"
)


def megabytes(setting: str, look: str) -> list[int]:
    """The memory of a process that has freed 300 MB of large blocks, before and after it is tidied."""
    program = PROGRAM.format(setting=setting, look=look)
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    return [int(figure) for figure in done.stdout.split()]


@needs_glibc
def test_a_large_body_that_was_answered_leaves_no_memory_behind() -> None:
    kept, _ = megabytes("", "")
    given_back, _ = megabytes("give_memory_back()", "")
    assert kept > 300 > 100 > given_back


@needs_glibc
def test_a_process_that_has_grown_is_tidied() -> None:
    before, after = megabytes("", "tidying.look()")
    assert before > 300 > 100 > after


@needs_glibc
def test_a_process_whose_threads_have_ended_is_tidied() -> None:
    """A stack that goes takes nothing else with it: here mapped memory stands for the stacks."""
    before, after = megabytes(
        "mapped.write(bytes(50_000_000))", "tidying = Tidying(); mapped.close(); tidying.look()"
    )
    assert before > 300 > 100 > after
