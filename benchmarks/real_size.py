"""A check of LOINC, RxNorm and NDC at real size: ``python benchmarks/real_size.py [--small] [--only loinc,ndc]``.

Makes up a release of each in the files of its owner (``tests/support``), and imports the half and the whole of it with
``terminology import``, each in a process of its own. The peak memory of the whole may be at most ``GROWTH`` times that
of the half. Then every filter of docs/systems.md is asked, by each operator and in each form of its values: the total
and the codes of ``$expand``, and ``$validate-code`` of some codes, must be those that plain readers of the files
compute. The exit status is 1 if anything differs. Times and memory are of this machine.

Sizes are of real releases. LOINC 2.77 has 102,465 terms (loinc.org/kb/release-notes-archive/2.77), and 600,000 and a
million links of parts. A full release of RxNorm has 1.1 million names, 7 million relationships and as many attributes;
the FDA's directory 110,000 products with twice as many packages.
"""

from __future__ import annotations

import argparse
import logging
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from release_questions import Question, loinc_questions, ndc_questions, rxnorm_questions

from terminology import Settings, Terminology, TerminologyError
from terminology.systems import loinc, ndc, rxnorm
from tests.support import loinc_files, ndc_files, rxnorm_files
from tests.support.builders import body_of, value_set

# What twice the release may take of memory, beside the half of it: a few numbers of each concept stay there.
GROWTH = 1.1
# A small release does not fill what may be in memory at a time: below so many bytes the memory may grow.
UNFILLED = 130_000_000
# Up to this many codes a set is compared whole; of a larger one its total, and this many codes of it.
WHOLE, PAGE = 1_000, 200
VALIDATED = 4
DEADLINE = 3_600
SHOWN = 10
RELEASES = ("r4", "r4b", "r5")


@dataclass
class Owner:
    """A code system: how its release is made and read, and the questions about it."""

    url: str
    size: int
    write: Callable[[Path, int], Path]
    plain: Callable[[Path], Any]
    codes: Callable[[Any], set[str]]
    questions: Callable[..., Any]


OWNERS = {
    "loinc": Owner(
        loinc.URL,
        100_000,
        loinc_files.write,
        loinc_files.PlainLoinc,
        lambda plain: plain.codes,
        loinc_questions,
    ),
    "rxnorm": Owner(
        rxnorm.URL,
        220_000,
        rxnorm_files.write,
        rxnorm_files.PlainRxNorm,
        lambda plain: plain.codes | plain.former,
        rxnorm_questions,
    ),
    "ndc": Owner(
        ndc.URL,
        110_000,
        ndc_files.write,
        ndc_files.PlainNdc,
        lambda plain: set(plain.displays),
        ndc_questions,
    ),
}
SMALL = 2_000


# -- imports -------------------------------------------------------------------------------------


def imported(kind: str, release: Path, store: Path) -> tuple[float, int]:
    """Import a release; the seconds, and the most bytes that the processes of the import had in memory at once."""
    program = "from terminology.cli.commands import main; main()"
    command = [sys.executable, "-c", program, "import", kind, str(release), "--store", str(store), "--quiet"]
    began, peak = time.perf_counter(), 0
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    while process.poll() is None:
        peak = max(peak, sum(map(_resident, _family(process.pid))))
        time.sleep(0.02)
    if process.returncode:
        raise SystemExit(f"the import of {release} ended with {process.returncode}")
    return time.perf_counter() - began, peak


def _family(process: int) -> list[int]:
    """A process and those that it has started."""
    try:
        children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    except OSError:
        return []
    return [process, *(each for child in children for each in _family(int(child)))]


def _resident(process: int) -> int:
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith("VmRSS")), 0)


def _rows(release: Path) -> int:
    return sum(1 for path in release.rglob("*") if path.is_file() for _ in path.open("rb"))


# -- questions -----------------------------------------------------------------------------------


class Comparison:
    """The questions, asked of a store and compared with the plain answers."""

    def __init__(self, url: str, place: Path, codes: set[str], seed: int) -> None:
        # The steps that a request may take are those of a server; its seconds are not, on a machine that is busy.
        settings = Settings(environment={}, bundled=False, data="", store=str(place), deadline=DEADLINE)
        self.terminology = Terminology(settings=settings)
        self.url, self.codes = url, sorted(codes)
        self.chance = random.Random(seed)
        self.asked = self.differences = 0
        self.seconds: list[float] = []

    def compare(self, question: Question) -> None:
        began = time.perf_counter()
        try:
            difference = self._difference(question)
        except TerminologyError as error:
            difference = f"refused: {error}"
        self.seconds.append(time.perf_counter() - began)
        self.asked += 1
        if difference:
            self.differences += 1
            if self.differences <= SHOWN:
                print(f"  differs: {question.text()}: {difference}"[:400], flush=True)

    def _difference(self, question: Question) -> str | None:
        wanted = set(question.codes)
        total = self._expansion(question, count=0).get("total")
        if total != len(wanted):
            return f"{total} codes, and not {len(wanted)}"
        offset = 0 if total <= WHOLE else self.chance.randrange(total - PAGE)
        page = self._expansion(question, count=WHOLE if total <= WHOLE else PAGE, offset=offset)
        listed = [node["code"] for node in page.get("contains", ())]
        if total <= WHOLE and question.is_ordered and listed != question.codes:
            return f"in another order: {listed[:5]}"
        if len(set(listed)) != min(total, WHOLE if total <= WHOLE else PAGE) or not wanted.issuperset(listed):
            return f"lists {listed[:5]}, and not {question.codes[:5]}"
        some = self.chance.choices(question.codes, k=VALIDATED) if question.codes else []
        for code in (*some, *self.chance.choices(self.codes, k=VALIDATED)):
            result = self._is_member(question, code)
            if result is not (code in wanted):
                return f"$validate-code of {code} is {result}"
        return None

    def _set(self, question: Question) -> list[dict[str, Any]]:
        if question.url:
            return [{"name": "url", "valueUri": question.url}]
        filter_ = {"property": question.property, "op": question.op, "value": question.value}
        include = {"system": self.url, "filter": [filter_]}
        return [{"name": "valueSet", "resource": value_set("asked", include)}]

    def _expansion(self, question: Question, **numbers: int) -> dict[str, Any]:
        more = [{"name": name, "valueInteger": number} for name, number in numbers.items()]
        flat = {"name": "excludeNested", "valueBoolean": True}
        body = body_of(*self._set(question), flat, *more)
        expansion: dict[str, Any] = self._ask("ValueSet/$expand", body)["expansion"]
        return expansion

    def _is_member(self, question: Question, code: str) -> bool | None:
        coding = [{"name": "system", "valueUri": self.url}, {"name": "code", "valueCode": code}]
        answer = self._ask("ValueSet/$validate-code", body_of(*self._set(question), *coding))
        results = (each["valueBoolean"] for each in answer["parameter"] if each["name"] == "result")
        return next(results, None)

    def _ask(self, operation: str, body: dict[str, Any]) -> dict[str, Any]:
        return self.terminology.ask(operation, body, self.chance.choice(RELEASES))


def compare(kind: str, release: Path, store: Path, seed: int) -> int:
    """Ask all questions about a release; returns the number of differences."""
    # Filters that select nothing are asked for, too: no warning about them.
    logging.getLogger("terminology").setLevel(logging.ERROR)
    owner = OWNERS[kind]
    plain = owner.plain(release)
    comparison = Comparison(owner.url, store, owner.codes(plain), seed)
    by_filter: dict[str, int] = {}
    for question in owner.questions(plain, random.Random(seed)):
        comparison.compare(question)
        by_filter[question.kind()] = by_filter.get(question.kind(), 0) + 1
    spent = sorted(1000 * each for each in comparison.seconds)
    p95 = spent[len(spent) * 95 // 100]
    print(
        f"{kind}: {comparison.asked:,} questions about {len(by_filter)} filters by their operators, "
        f"{comparison.differences} differ; p50 {statistics.median(spent):.0f} ms, p95 {p95:.0f} ms, "
        f"max {spent[-1]:.0f} ms for {2 + 2 * VALIDATED} requests",
        flush=True,
    )
    return comparison.differences


# -- everything ----------------------------------------------------------------------------------


def check(kind: str, size: int, folder: Path, seed: int) -> int:
    """Make, import and compare the release of an owner; returns the number of faults."""
    owner = OWNERS[kind]
    peaks: list[int] = []
    for number in (size // 2, size):
        base = folder / f"{kind}-{number}"
        base.mkdir()
        release = owner.write(base, number)
        seconds, peak = imported(kind, release, base / "store")
        with Terminology(
            settings=Settings(environment={}, bundled=False, data="", store=str(base / "store"))
        ) as opened:
            count = len(opened.catalogue.system(owner.url).select())  # type: ignore[arg-type]
        print(
            f"{kind}: {_rows(release):,} rows, {count:,} concepts imported in {seconds:.0f} s, "
            f"peak memory {peak / 1e6:.0f} MB",
            flush=True,
        )
        peaks.append(peak)
    half, whole = peaks
    is_constant = whole <= max(GROWTH * half, UNFILLED)
    print(
        f"{kind}: peak memory {half / 1e6:.0f} MB for the half, {whole / 1e6:.0f} MB for the whole: "
        f"{whole / half:.2f} times, {'as' if is_constant else 'NOT as'} it should be (at most {GROWTH})",
        flush=True,
    )
    options = ["--only", kind, "--release", str(release), "--store", str(base / "store"), "--seed", str(seed)]
    return (not is_constant) + subprocess.run([sys.executable, __file__, *options], check=False).returncode


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="a check of less than a minute")
    parser.add_argument("--only", default=",".join(OWNERS), help="some of " + ", ".join(OWNERS))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--release", type=Path, help="made and imported before; then --only has one kind")
    parser.add_argument("--store", type=Path, help="where that release was imported to")
    arguments = parser.parse_args()
    kinds = arguments.only.split(",")
    if arguments.release:
        sys.exit(bool(compare(kinds[0], arguments.release, arguments.store, arguments.seed)))
    with tempfile.TemporaryDirectory() as folder:
        faults = [
            check(kind, SMALL if arguments.small else OWNERS[kind].size, Path(folder), arguments.seed)
            for kind in kinds
        ]
    sys.exit(any(faults))


if __name__ == "__main__":
    main()
