"""The script server.py in a real virtual environment, and the command without the packages of the store."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import sysconfig
import textwrap
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
CHECK = ("serve", "--check")


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with the package installed, as ``pip install .`` does it, but without a network."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, symlinks=sys.platform != "win32", with_pip=False)
    places = {"base": str(folder), "platbase": str(folder)}
    site = Path(sysconfig.get_path("purelib", "venv", places))
    program = Path(sysconfig.get_path("scripts", "venv", places)) / Path(sys.executable).name
    for package in ("terminology", "fhir_bundles"):
        shutil.copytree(ROOT / package, site / package, ignore=shutil.ignore_patterns("__pycache__"))
    # The packages that it needs are those of this environment.
    (site / "needed.pth").write_text(
        "\n".join({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")})
    )
    return program


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout that was changed after the installation: all it would serve is one NamingSystem."""
    folder = tmp_path_factory.mktemp("checkout")
    shutil.copy(ROOT / "server.py", folder)
    shutil.copytree(
        ROOT / "terminology", folder / "terminology", ignore=shutil.ignore_patterns("__pycache__")
    )
    bundles = folder / "fhir_bundles" / "r5"
    bundles.mkdir(parents=True)
    system = {"resourceType": "NamingSystem", "id": "one", "status": "active"}
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": system}]}
    (bundles / "one.json").write_text(json.dumps(bundle))
    return folder


def served(python: Path, *arguments: str, cwd: Path) -> str:
    done = subprocess.run(
        [python, *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=True,
        env={"TERMINOLOGY_DATA": ""},
    )
    return done.stdout


def test_server_py_serves_the_installed_package_as_the_command_does(
    python: Path, checkout: Path, tmp_path: Path
) -> None:
    command = served(python, "-m", "terminology", *CHECK, cwd=tmp_path)
    maps = len(list((ROOT / "fhir_bundles/source/maps").glob("*.csv")))
    assert f"{maps} ConceptMaps" in command
    assert served(python, "server.py", "--check", cwd=checkout) == command
    assert served(python, str(checkout / "server.py"), "--check", cwd=tmp_path) == command
    assert "0 ConceptMaps, 1 NamingSystem at /fhir" in served(
        python, "-m", "terminology", *CHECK, cwd=checkout
    )


def test_the_command_works_without_the_packages_of_the_store() -> None:
    program = textwrap.dedent(
        f"""
        import sys
        sys.path[:0] = {sys.path!r}
        for name in ("ijson", "pyroaring", "sqlalchemy", "zstandard", "psycopg"):
            sys.modules[name] = None
        from terminology.cli.commands import main
        main(sys.argv[1:])
        """
    )
    for arguments in (CHECK, ("lookup", "urn:ietf:bcp:47", "de", "--no-bundled")):
        done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    done = subprocess.run(
        [sys.executable, "-c", program, "status", "--store", "x"], capture_output=True, text=True
    )
    assert done.returncode == 1 and "pip install '.[store]'" in done.stderr
    assert "Traceback" not in done.stderr
