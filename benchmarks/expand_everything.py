"""A check that what $expand lists is what $validate-code accepts, for every published value set.

Loads the core definitions of a release of FHIR and HL7's terminology whole, for each release in a process of its
own, and expands every ValueSet in them.

* Every code that is listed is valid with the version and display that it is listed with, and the answer has that
  display.
* Codes that are not listed are not valid: those that the definition excludes or lists in vain, and some others of
  its code systems. A grammar has more codes than an expansion lists; its codes are left out.
* A refusal says why, and $validate-code says so of the codes that the definition lists, or accepts them where the
  reason is another include. Refusals are counted by reason, and written one by one with ``--refusals``.

A crash or a disagreement makes the command fail::

    python benchmarks/expand_everything.py [--release r4 ...] [--only TEXT] [--refusals FILE] [PACKAGE.tgz ...]

Without packages HL7's terminology is fetched with ``npm pack``, once, into ``build/packages``, and the core definitions
by ``tests/validator/run.py``, which knows where 4.0.1 is to be had.
"""

from __future__ import annotations

import argparse
import re
import resource
import shutil
import subprocess
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, NoReturn

HERE = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(HERE))

from terminology import Settings, Terminology, TerminologyError  # noqa: E402
from terminology.core.model import Document  # noqa: E402
from terminology.operations.value_set.compose import Block, Definition, definition_of  # noqa: E402
from terminology.wire.fhir_versions import RELEASES  # noqa: E402
from tests.validator import run as validator  # noqa: E402

PACKAGES = ("hl7.terminology.r4@7.0.1", "hl7.fhir.r5.core@5.0.0")
# The releases that are checked, by the names that the validator's packages have them by.
CORES = {"r4": "4.0", "r4b": "4.3", "r5": "5.0"}
CACHE = HERE / "build" / "packages"
EXAMPLES = 3
# So many codes are tried that a value set does not list, of each include or exclude.
OTHERS = 6
# The issues that say why a code cannot be judged: all but those that say that it is wrong.
VERDICTS = frozenset({"not-in-vs", "this-code-not-in-vs", "invalid-code"})
_QUOTED = re.compile(r"'[^']*'")


def _cannot(reason: str) -> NoReturn:
    """End as a check that cannot be run here."""
    print(reason)
    sys.exit(77)


def fetched(packages: Sequence[str] = PACKAGES, cache: Path = CACHE) -> list[Path]:
    """The archives of some npm packages. Raises SystemExit where they are not here and cannot be had."""
    cache.mkdir(parents=True, exist_ok=True)
    archives = [cache / f"{package.replace('@', '-')}.tgz" for package in packages]
    for package, archive in zip(packages, archives, strict=True):
        if archive.exists():
            continue
        npm = shutil.which("npm")
        if npm is None:
            _cannot(f"{package} is not in {cache}, and npm, which could fetch it, is not installed")
        done = subprocess.run([npm, "pack", package], cwd=cache, capture_output=True, text=True)
        if not archive.exists():
            _cannot(f"npm could not fetch {package}: {done.stderr.strip()[-500:]}")
    return archives


def content_of(release: str) -> list[Path]:
    """The core definitions of a release, and HL7's terminology."""
    known, cache = validator.RELEASES[CORES[release]], validator.cache_folder()
    try:
        validator.install_packages(known, cache)
    except validator.MissingToolError as missing:
        _cannot(f"the definitions of {release} cannot be had here: {missing}")
    return [validator.package_cache(cache) / known.core / "package", *fetched(PACKAGES[:1])]


@dataclass(slots=True)
class Report:
    """What came of one release. ``refusals`` has the texts by message id (or issue code)."""

    release: str
    expanded: int = 0
    unclosed: int = 0
    unchecked: int = 0
    empty: int = 0
    codes: int = 0
    others: int = 0
    of_refused: int = 0
    seconds: float = 0
    memory: float = 0
    refusals: dict[str, list[str]] = field(default_factory=dict)
    disagreements: list[str] = field(default_factory=list)
    crashes: list[str] = field(default_factory=list)

    @property
    def refused(self) -> int:
        return sum(map(len, self.refusals.values()))


@dataclass(slots=True, frozen=True)
class Candidate:
    """A code to validate. ``display`` is the one that an expansion lists."""

    system: str
    code: str
    version: str | None = None
    display: str | None = None


class Run:
    def __init__(self, terminology: Terminology, release: str) -> None:
        self.report = Report(release)
        self._terminology = terminology
        self._release = release
        self._catalogue = terminology.catalogue.for_fhir(RELEASES[release].version)

    def headers(self) -> Iterator[Document]:
        """The value sets of the packages."""
        return self._terminology.catalogue.headers("ValueSet")

    def take(self, value_set: Document) -> None:
        """Expand one value set, and validate codes that it lists and others."""
        version = f"|{value_set['version']}" if "version" in value_set else ""
        canonical = value_set["url"] + version
        try:
            expansion = self._ask("expand", url=canonical)["expansion"]
        except TerminologyError as refusal:
            issue = refusal.issues[0]
            texts = self.report.refusals.setdefault(issue.message_id or issue.code, [])
            texts.append(f"{canonical}: {issue.text}")
            self._guarded(canonical, lambda: self._take_refused(canonical))
        except Exception:
            self.report.crashes.append(f"{canonical}\n{traceback.format_exc()}")
        else:
            self._guarded(canonical, lambda: self._take_expanded(canonical, expansion))

    def _guarded(self, canonical: str, check: Any) -> None:
        try:
            check()
        except Exception:
            self.report.crashes.append(f"{canonical}\n{traceback.format_exc()}")

    def _take_expanded(self, canonical: str, expansion: Document) -> None:
        listed = [_candidate(node) for node in _flat(expansion.get("contains", ()))]
        names = [parameter["name"] for parameter in expansion.get("parameter", ())]
        self.report.expanded += 1
        self.report.unclosed += any("unclosed" in e["url"] for e in expansion.get("extension", ()))
        self.report.unchecked += "warning-unknown-system" in names
        self.report.empty += not listed
        for candidate in listed:
            self._require_valid(canonical, candidate)
        self.report.codes += len(listed)
        known = {(c.system, c.code) for c in listed} | {(c.system, c.code, c.version) for c in listed}
        for other in _others(definition_of(self._catalogue, self._definition(canonical))):
            key = (other.system, other.code, other.version)
            is_listed = key in known if _has_versions(listed) else key[:2] in known
            if not is_listed:
                self._require_invalid(canonical, other)
                self.report.others += 1

    def _definition(self, canonical: str) -> Document:
        url, _, version = canonical.partition("|")
        return self._catalogue.value_set(url, version or None)

    def _require_valid(self, canonical: str, candidate: Candidate) -> None:
        answer = self._validated(canonical, candidate)
        if answer.get("result") is not True:
            self._disagree(canonical, candidate, f"is listed, but not valid: {answer.get('message')}")
        elif answer.get("display") != candidate.display:
            was = f"{candidate.display!r}, but is validated with {answer.get('display')!r}"
            self._disagree(canonical, candidate, f"is listed with the display {was}")

    def _require_invalid(self, canonical: str, candidate: Candidate) -> None:
        if self._validated(canonical, candidate).get("result") is not False:
            self._disagree(canonical, candidate, "is not listed, but valid")

    def _take_refused(self, canonical: str) -> None:
        """The codes that a definition lists, where it cannot be expanded."""
        compose = self._definition(canonical).get("compose", {})
        excluded = {(c.system, c.code) for c in _listed(compose.get("exclude", ()))}
        for candidate in _listed(compose.get("include", ())):
            if (candidate.system, candidate.code) in excluded:
                continue
            self.report.of_refused += 1
            try:
                answer = self._validated(canonical, candidate)
            except TerminologyError:
                continue  # refused as the expansion is
            if answer["result"] is not True and not answer["reasons"] - VERDICTS:
                self._disagree(canonical, candidate, "is wrong, where the value set cannot be expanded")

    def _disagree(self, canonical: str, candidate: Candidate, text: str) -> None:
        version = f"|{candidate.version}" if candidate.version else ""
        self.report.disagreements.append(f"{canonical}: {candidate.system}{version}#{candidate.code} {text}")

    def _validated(self, canonical: str, candidate: Candidate) -> dict[str, Any]:
        """The parameters of the answer by name; ``reasons`` are the types of its errors."""
        parameters: dict[str, Any] = {"url": canonical, "system": candidate.system, "code": candidate.code}
        if candidate.version is not None:
            parameters["systemVersion"] = candidate.version
        if candidate.display is not None:
            parameters["display"] = candidate.display
        answer = self._ask("validate-code", abstract=True, **parameters)["parameter"]
        issues = [i for p in answer if p["name"] == "issues" for i in p["resource"]["issue"]]
        reasons = {_type(issue) for issue in issues if issue["severity"] == "error"}
        values = {p["name"]: value for p in answer for key, value in p.items() if key.startswith("value")}
        return {**values, "reasons": reasons}

    def _ask(self, operation: str, **parameters: Any) -> Document:
        return self._terminology.ask(f"ValueSet/${operation}", release=self._release, **parameters)


def _type(issue: Document) -> str:
    codings = issue.get("details", {}).get("coding", ())
    return str(codings[0]["code"] if codings else issue["code"])


def _candidate(node: Document) -> Candidate:
    return Candidate(node["system"], node["code"], node.get("version"), node.get("display"))


def _has_versions(listed: Sequence[Candidate]) -> bool:
    return any(candidate.version is not None for candidate in listed)


def _flat(nodes: Any) -> Iterator[Document]:
    for node in nodes:
        if "code" in node:
            yield node
        yield from _flat(node.get("contains", ()))


def _listed(includes: Sequence[Document]) -> Iterator[Candidate]:
    for include in includes:
        for node in islice(include.get("concept", ()), OTHERS):
            yield Candidate(include["system"], node["code"], include.get("version"))


def _others(definition: Definition) -> Iterator[Candidate]:
    """Codes of the code systems of a definition, and those that it lists: members are among them."""
    for part in (definition, *definition.all_imports()):
        for block in part.blocks():
            if block.system is not None and block.url is not None and not block.system.about.is_infinite:
                listed = [node["code"] for node in block.enumeration.values()]
                for code in dict.fromkeys([*listed, *_some_codes(block)]):
                    yield Candidate(block.url, code, block.version)


def _some_codes(block: Block) -> list[str]:
    """Codes from all over a code system; none where it is not here."""
    if block.system is None or block.is_absent:
        return []
    codes = [concept.code for concept in block.system.select()]
    return codes[:: max(len(codes) // OTHERS, 1)]


def _print(report: Report) -> None:
    total = report.expanded + report.refused + len(report.crashes)
    spent = f"{report.seconds:.0f} s of processor time, {report.memory:.0f} MB at most"
    print(f"{report.release}: {total} value sets in {spent}")
    print(
        f"  expanded   {report.expanded}: {report.unclosed} are unclosed, {report.unchecked} list codes of code "
        f"systems that are not here, {report.empty} have no codes"
    )
    print(f"  validated  {report.codes} codes that are listed, {report.others} that are not")
    print(f"  refused    {report.refused}, with {report.of_refused} codes validated")
    for reason, texts in sorted(report.refusals.items(), key=lambda item: -len(item[1])):
        print(f"    {reason}: {len(texts)}")
        for named, count in Counter(_named(text) for text in texts).most_common(EXAMPLES):
            print(f"      such as {named} ({count})")
    for title, texts in (("disagree", report.disagreements), ("crashed", report.crashes)):
        print(f"  {title:10} {len(texts)}")
        for text in texts:
            print(f"    {text}")


def _named(text: str) -> str:
    """What a refusal speaks of, rather than the value set that it is about."""
    message = text.partition(": ")[2]
    return " ".join(_QUOTED.findall(message)) or message


def report_of(release: str, packages: Sequence[Path], only: str) -> Report:
    """The report of one release; ``only``: value sets whose url has this in it."""
    settings = Settings(environment={}, content=list(packages), bundled=False, data="")
    run = Run(Terminology(settings=settings), release)
    started = time.process_time()
    for header in list(run.headers()):
        if only in header.get("url", ""):
            run.take(header)
    run.report.seconds = time.process_time() - started
    run.report.memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return run.report


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("packages", nargs="*", type=Path)
    parser.add_argument("--release", action="append", choices=tuple(CORES), help="a release; default: all")
    parser.add_argument("--only", default="", help="value sets whose url has this in it")
    parser.add_argument("--refusals", type=Path, help="a file for every refusal, a line each")
    arguments = parser.parse_args()
    releases = arguments.release or list(CORES)
    packages = [arguments.packages or content_of(release) for release in releases]
    with ProcessPoolExecutor(max_workers=2) as pool:
        reports = list(pool.map(partial(report_of, only=arguments.only), releases, packages))
    for report in reports:
        _print(report)
    if arguments.refusals:
        texts = [
            f"{report.release} {text}"
            for report in reports
            for several in report.refusals.values()
            for text in several
        ]
        arguments.refusals.write_text("\n".join(texts) + "\n", "utf-8")
    return 1 if any(report.crashes or report.disagreements for report in reports) else 0


if __name__ == "__main__":
    sys.exit(main())
