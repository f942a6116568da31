"""The wheel and the source archive: what is published, installed into an empty environment and started."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import urllib.request
import venv
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from zipfile import ZipFile

import click
import pytest

from terminology.cli.commands import main
from tests.support.paths import ROOT

PATIENCE = 60


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> Sequence[Path]:
    """The source archive, and the wheel that is built from it."""
    if any(find_spec(name) is None for name in ("build", "hatchling", "twine")):
        pytest.skip("build, hatchling or twine is not installed (extra: lint)")
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    run = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
    assert run.returncode == 0, run.stderr[-3000:]
    return sorted(folder.iterdir())


def test_what_is_built_is_what_a_package_index_takes(archives: Sequence[Path]) -> None:
    assert [path.suffix for path in archives] == [".whl", ".gz"]
    check = [sys.executable, "-m", "twine", "check", "--strict", *map(str, archives)]
    run = subprocess.run(check, capture_output=True, text=True, check=False)
    assert run.returncode == 0 and run.stdout.count("PASSED") == 2, run.stdout
    with ZipFile(archives[0]) as wheel:
        names = wheel.namelist()
        metadata = wheel.read(next(name for name in names if name.endswith("/METADATA"))).decode()
        entry_points = wheel.read(next(name for name in names if name.endswith("/entry_points.txt"))).decode()
    assert "[pytest11]\nterminology = terminology.testing.pytest_plugin" in entry_points
    for field in ("Author", "Classifier", "Keywords", "License-Expression", "Project-URL", "Requires-Python"):
        assert f"\n{field}: " in metadata, field
    assert not any({"tests", "__pycache__"}.intersection(name.split("/")) for name in names)
    assert archives[1].stat().st_size < 20_000_000


def test_the_wheel_serves_from_an_empty_environment_and_folder(
    archives: Sequence[Path], tmp_path: Path
) -> None:
    """The packages that it needs are those of this environment: there may be no network."""
    folder, empty = tmp_path / "venv", tmp_path / "empty"
    empty.mkdir()
    venv.create(folder, symlinks=sys.platform != "win32", with_pip=False)
    places = {"base": str(folder), "platbase": str(folder)}
    site = Path(sysconfig.get_path("purelib", "venv", places))
    program = Path(sysconfig.get_path("scripts", "venv", places)) / Path(sys.executable).name
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--target", str(site)]
    subprocess.run([*pip, str(archives[0])], check=True)
    others = [path for path in sys.path if path and Path(path).resolve() != ROOT]
    (site / "needed.pth").write_text("\n".join(others))
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    process = subprocess.Popen(
        [str(program), str(site / "bin" / "terminology"), "serve", "--port", "0", "--data", ""],
        cwd=empty,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        lines = iter(process.stdout)
        assert re.search(r": \d+ CodeSystems, .* at /fhir", next(lines))
        url = next(line for line in lines if line.startswith("Listening on ")).split()[2]
        lookup = f"{url}/r4/CodeSystem/$lookup?system=http://www.ama-assn.org/go/cpt&code=57520"
        with urllib.request.urlopen(lookup, timeout=PATIENCE) as answer:
            assert answer.status == 200
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE)
    assert list(empty.iterdir()) == []


def test_every_command_of_the_README_is_one_of_the_package() -> None:
    names = main.list_commands(click.Context(main))
    readme = (ROOT / "README.md").read_text("utf-8")
    named = re.findall(r"(?:bin/|`)terminology ([a-z][a-z-]*)\b", readme)
    assert len(named) > 5 and set(named) <= set(names)
