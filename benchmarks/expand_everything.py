"""A check that every published value set that can be expanded expands, and that its codes are valid.

Loads HL7's terminology and the R5 core definitions whole, expands every ValueSet in them, and puts every
code listed to $validate-code of the same ValueSet. A refusal is fine if it says why: refusals are counted by
reason, and written one by one with ``--refusals``. A crash, or a code that is listed but not valid, makes the
command fail::

    python benchmarks/expand_everything.py [--members N] [--release r4] [--refusals FILE] [PACKAGE.tgz ...]

Without packages those below are fetched with ``npm pack``, once, into ``build/packages``.
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
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

HERE = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(HERE))

from terminology import Settings, Terminology, TerminologyError  # noqa: E402
from terminology.core.model import Document  # noqa: E402

PACKAGES = ("hl7.terminology.r4@7.0.1", "hl7.fhir.r5.core@5.0.0")
CACHE = HERE / "build" / "packages"
EXAMPLES = 3
_QUOTED = re.compile(r"'[^']*'")


def _cannot(reason: str) -> NoReturn:
    """End as a check that cannot be run here."""
    print(reason)
    sys.exit(77)


def fetched(packages: tuple[str, ...] = PACKAGES, cache: Path = CACHE) -> list[Path]:
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


@dataclass(slots=True)
class Report:
    """What came of it. ``refusals`` has the texts by message id (or issue code)."""

    expanded: int = 0
    unclosed: int = 0
    empty: int = 0
    codes: int = 0
    validated: int = 0
    refusals: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    invalid: list[str] = field(default_factory=list)
    crashes: list[str] = field(default_factory=list)


class Run:
    def __init__(self, terminology: Terminology, release: str, most: int | None) -> None:
        self.report = Report()
        self._terminology = terminology
        self._release = release
        self._most = most

    def take(self, value_set: Document) -> None:
        """Expand one value set and validate its codes."""
        version = f"|{value_set['version']}" if "version" in value_set else ""
        canonical = value_set["url"] + version
        try:
            expansion = self._ask("expand", url=canonical)["expansion"]
            codes = list(_flat(expansion.get("contains", ())))
            self.report.expanded += 1
            self.report.unclosed += any("unclosed" in e["url"] for e in expansion.get("extension", ()))
            self.report.empty += not codes
            self.report.codes += len(codes)
            for code in codes[: self._most]:
                self._validate(canonical, code)
        except TerminologyError as refusal:
            issue = refusal.issues[0]
            self.report.refusals[issue.message_id or issue.code].append(f"{canonical}: {issue.text}")
        except Exception:
            self.report.crashes.append(f"{canonical}\n{traceback.format_exc()}")

    def _validate(self, canonical: str, node: Document) -> None:
        parameters = {"url": canonical, "system": node["system"], "code": node["code"], "abstract": True}
        if "version" in node:
            parameters["systemVersion"] = node["version"]
        answer = {p["name"]: p for p in self._ask("validate-code", **parameters)["parameter"]}
        self.report.validated += 1
        if answer["result"]["valueBoolean"] is not True:
            message = answer.get("message", {}).get("valueString", "")
            self.report.invalid.append(f"{canonical}: {node['system']}#{node['code']}: {message}")

    def _ask(self, operation: str, **parameters: Any) -> Document:
        return self._terminology.ask(f"ValueSet/${operation}", release=self._release, **parameters)


def _flat(nodes: Any) -> Iterator[Document]:
    for node in nodes:
        if "code" in node:
            yield node
        yield from _flat(node.get("contains", ()))


def _print(report: Report, seconds: float) -> None:
    total = report.expanded + sum(len(texts) for texts in report.refusals.values()) + len(report.crashes)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{total} value sets in {seconds:.0f} s, {memory:.0f} MB at most")
    print(f"  expanded   {report.expanded}: {report.unclosed} are unclosed, {report.empty} have no codes")
    print(f"  codes      {report.codes}, {report.validated} validated, {len(report.invalid)} not valid")
    print(f"  refused    {total - report.expanded - len(report.crashes)}")
    for reason, texts in sorted(report.refusals.items(), key=lambda item: -len(item[1])):
        print(f"    {reason}: {len(texts)}")
        for named, count in Counter(_named(text) for text in texts).most_common(EXAMPLES):
            print(f"      such as {named} ({count})")
    print(f"  crashed    {len(report.crashes)}")
    for text in [*report.crashes[:EXAMPLES], *report.invalid[:EXAMPLES]]:
        print(text)


def _named(text: str) -> str:
    """What a refusal speaks of, rather than the value set that it is about."""
    message = text.partition(": ")[2]
    return " ".join(_QUOTED.findall(message)) or message


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("packages", nargs="*", type=Path)
    parser.add_argument("--members", type=int, help="validate so many codes of each value set, not all")
    parser.add_argument("--release", default="r5", choices=("r4", "r4b", "r5"))
    parser.add_argument("--only", default="", help="value sets whose url has this in it")
    parser.add_argument("--refusals", type=Path, help="a file for every refusal, a line each")
    arguments = parser.parse_args()
    started = time.perf_counter()
    settings = Settings(environment={}, content=arguments.packages or fetched(), bundled=False, data="")
    terminology = Terminology(settings=settings)
    print(f"loaded in {time.perf_counter() - started:.2f} s")
    run = Run(terminology, arguments.release, arguments.members)
    started = time.perf_counter()
    for header in list(terminology.catalogue.headers("ValueSet")):
        if arguments.only in header.get("url", ""):
            run.take(header)
    _print(run.report, time.perf_counter() - started)
    if arguments.refusals:
        texts = [text for several in run.report.refusals.values() for text in several]
        arguments.refusals.write_text("\n".join(texts) + "\n", "utf-8")
    return 1 if run.report.crashes or run.report.invalid else 0


if __name__ == "__main__":
    sys.exit(main())
