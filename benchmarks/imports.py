"""The imports of big code systems: time, memory and size, and the time of requests about their codes.

    python benchmarks/imports.py                                # every importer
    python benchmarks/imports.py --only loinc,rxnorm --codes 100000
    python benchmarks/imports.py --beside ../before             # relative to another checkout
    python benchmarks/imports.py --beside ../before --instructions

Releases are made up (``releases.py``). Each import is a process of its own; the rounds of both checkouts alternate,
and the least of all rounds counts: seconds of processors, and the peak memory of the importer and of its second
process. Requests are answered without a server, some dozens by one checkout and then the same by the other.
``--instructions`` counts the instructions of imports instead (valgrind; Debian: apt-get install valgrind): they are
the same on a busy machine.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import random
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

HERE = Path(__file__).resolve().parent
if len(sys.argv) < 2 or sys.argv[1] != "--step":
    sys.path[:0] = [str(HERE.parent)]
BASE = "/fhir/r4"
CODES = 20_000
# Instructions are counted for so many codes and so many, in one process: the difference is that of the codes between.
FEW, MORE = 1_000, 3_000
# Requests in a turn, and turns of each checkout.
TURN, TURNS = 60, 15
VALGRIND = ("valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null")

# What is measured of an import, with its unit.
FIGURES = {"wall": "s", "cpu": "s", "peak": "MB", "second peak": "MB", "size": "MB"}
UCUM, UCUM_CANONICAL = "ucum", ("CodeSystem", "http://unitsofmeasure.org")
UNITS = [
    f"{prefix}{unit}/{per}"
    for prefix in ("m", "k", "u", "n")
    for unit in ("g", "mol", "L")
    for per in ("L", "s")
]


# -- one checkout, in a process of its own ---------------------------------------------------------


def load(kind: str, release: Path, place: Path) -> dict[str, Any]:
    """Import a release; the figures, and the canonicals of what was imported."""
    from terminology.content.importers import IMPORTERS
    from terminology.store import store_at
    from terminology.store.loading import StoreWriter
    from tests.support.reporters import CollectingReporter

    (importer,) = (one for one in IMPORTERS if one.kind == kind)
    writer = StoreWriter(store_at(str(place)))
    began, used = time.perf_counter(), os.times()
    outcomes = [outcome.artifact for outcome in writer.load(importer, [release], CollectingReporter())]
    spent, ended = time.perf_counter() - began, os.times()
    writer.close()
    own, others = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    figures = {
        "wall": spent,
        "cpu": sum(ended[:4]) - sum(used[:4]),
        "peak": own.ru_maxrss / 1024,
        "second peak": others.ru_maxrss / 1024,
        "size": sum(artifact.bytes for artifact in outcomes) / 1e6,
    }
    return {"figures": figures, "loaded": [(one.kind, one.url) for one in outcomes], "rows": outcomes[0].rows}


def answer(place: str) -> None:
    """Answer turns of requests, one for each line of standard input; microseconds of the processor for each."""
    import inprocess
    from served import Asked

    from terminology import Settings, create_app
    from terminology.opening import ServedContent

    settings = Settings(environment={}, store=place, data="")
    application = create_app(settings, catalogue=ServedContent(settings).catalogue)
    gc.disable()
    for line in sys.stdin:
        asked = [Asked(path, body.encode()) for path, body in json.loads(line)]
        print(inprocess.one_pass(application, inprocess.environments(asked)), flush=True)
        gc.collect()


# -- imports ---------------------------------------------------------------------------------------


def _command(tree: Path, *arguments: object) -> tuple[list[str], dict[str, str]]:
    """This script with the code of a checkout."""
    path = os.pathsep.join((str(tree), str(tree / "benchmarks")))
    environment = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONPATH": path}
    return [sys.executable, "-P", __file__, *map(str, arguments)], environment


def imported(tree: Path, kind: str, release: Path, place: Path) -> dict[str, Any]:
    """Import a release anew with the code of a checkout."""
    shutil.rmtree(place, ignore_errors=True)
    command, environment = _command(tree, "--step", "load", kind, release, place)
    run = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE)
    outcome: dict[str, Any] = json.loads(run.stdout)
    return outcome


def instructions(tree: Path, kind: str, releases: Sequence[Path], place: Path) -> float:
    """Those of the codes that the second release has more than the first, for each."""
    counts, rows = [], []
    for release in releases:
        shutil.rmtree(place, ignore_errors=True)
        command, environment = _command(tree, "--step", "load", kind, release, place)
        run = subprocess.run(
            [*VALGRIND, *command], env=environment, capture_output=True, text=True, check=False
        )
        count = re.search(r"I *refs: *([\d,]+)", run.stderr)
        if run.returncode or count is None:
            raise SystemExit(run.stderr)
        counts.append(int(count[1].replace(",", "")))
        rows.append(json.loads(run.stdout)["rows"])
    return (counts[1] - counts[0]) / (rows[1] - rows[0])


# -- requests --------------------------------------------------------------------------------------


class Answering:
    """A process that answers turns of requests with the code of a checkout."""

    def __init__(self, tree: Path, place: Path | None) -> None:
        command, environment = _command(tree, "--step", "answer", *filter(None, [place]))
        self._process = subprocess.Popen(
            command, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def __enter__(self) -> Answering:
        return self

    def __exit__(self, *error: object) -> None:
        self._process.communicate()

    def turn(self, asked: Sequence[tuple[str, str]]) -> float:
        questions, answers = self._process.stdin, self._process.stdout
        assert questions and answers
        print(json.dumps(asked), file=questions, flush=True)
        return float(answers.readline())


def requests(kind: str, url: str, codes: Sequence[str]) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """The requests about a code system or map, by operation: each with its path and its body."""
    if kind == "ConceptMap":
        yield "$translate", [_get("ConceptMap/$translate", url=url, code=code) for code in codes]
        return
    yield "$lookup", [_get("CodeSystem/$lookup", system=url, code=code) for code in codes]
    one = {"system": url, "property": "inactive"}
    yield "$lookup of one property", [_get("CodeSystem/$lookup", **one, code=code) for code in codes]
    yield "$validate-code", [_get("CodeSystem/$validate-code", url=url, code=code) for code in codes]
    yield "$expand", [_expansion(url, codes[place : place + 2]) for place in range(0, len(codes), 12)]


def _get(path: str, **parameters: str) -> tuple[str, str]:
    return f"{BASE}/{path}?{urlencode(parameters)}", ""


def _expansion(url: str, excluded: Sequence[str]) -> tuple[str, str]:
    """A page of the codes without some of them: every value set is another one."""
    exclude = {"system": url, "concept": [{"code": code} for code in excluded]}
    compose = {"include": [{"system": url}], "exclude": [exclude]}
    value_set = {"resourceType": "ValueSet", "status": "active", "compose": compose}
    parameters = [{"name": "valueSet", "resource": value_set}, {"name": "count", "valueInteger": 100}]
    body = {"resourceType": "Parameters", "parameter": parameters}
    return f"{BASE}/ValueSet/$expand", json.dumps(body)


def codes_of(kind: str, url: str, place: Path) -> list[str]:
    """The codes of a code system, or a thousand that a map has rows for."""
    from terminology import Settings
    from terminology.opening import ServedContent

    catalogue = ServedContent(Settings(environment={}, store=str(place), data="")).catalogue()
    if kind == "CodeSystem":
        return [concept.code for concept in catalogue.system(url).select()]
    header = catalogue.find(kind, url)
    assert header is not None
    return [element["code"] for group in catalogue.whole(header)["group"] for element in group["element"]]


def answered(
    trees: Sequence[Path], places: Sequence[Path | None], canonical: tuple[str, str], codes: Sequence[str]
) -> dict[str, list[float]]:
    """The microseconds of each operation, by checkout: the least of all turns, which alternate."""
    least: dict[str, list[float]] = {}
    chance = random.Random(1)
    with ExitStack() as stack:
        processes = [stack.enter_context(Answering(*pair)) for pair in zip(trees, places, strict=True)]
        for turn in range(TURNS):
            for operation, sent in requests(*canonical, chance.choices(codes, k=TURN)):
                spent = [process.turn(sent) for process in processes]
                # The first turn makes what stays in memory.
                if turn:
                    least[operation] = list(map(min, spent, least.get(operation, spent)))
    return least


# -- the table -------------------------------------------------------------------------------------


def _line(kind: str, what: str, figures: Sequence[float], unit: str = "") -> None:
    ours, *others = figures
    beside = "".join(f" {other:,.2f} {unit} | {ours / other if other else 1:.3f} |" for other in others)
    print(f"| {kind} | {what} | {ours:,.2f} {unit} |{beside}", flush=True)


def measure(trees: Sequence[Path], kind: str, release: Path, folder: Path, rounds: int) -> None:
    """Import a release by each checkout, several times, and ask for its codes."""
    places = [folder / f"store-{number}" for number in range(len(trees))]
    least: dict[str, list[float]] = {}
    for _ in range(rounds):
        importer = kind.partition(" ")[0]
        outcomes = [
            imported(tree, importer, release, place) for tree, place in zip(trees, places, strict=True)
        ]
        for name in FIGURES:
            figures = [outcome["figures"][name] for outcome in outcomes]
            least[name] = list(map(min, figures, least.get(name, figures)))
    for name, unit in FIGURES.items():
        _line(kind, name, least[name], unit)
    canonical = tuple(outcomes[0]["loaded"][0])
    common = set.intersection(*(set(codes_of(*canonical, place)) for place in places))
    for operation, spent in answered(trees, places, canonical, sorted(common)).items():
        _line(kind, operation, spent, "µs")


def main() -> int:
    from releases import RELEASES

    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", default="", help=f"importers ({', '.join(RELEASES)}), or ucum, by comma")
    parser.add_argument("--codes", type=int, default=CODES, help="of each release, about")
    parser.add_argument("--rounds", type=int, default=3, help="of imports")
    parser.add_argument("--beside", type=Path, help="another checkout")
    parser.add_argument("--instructions", action="store_true")
    choices = parser.parse_args()
    names = choices.only.split(",") if choices.only else [*RELEASES, UCUM]
    if unknown := set(names) - {*RELEASES, UCUM}:
        raise SystemExit(f"there is no importer {', '.join(sorted(unknown))}")
    trees = [HERE.parent, *([choices.beside.resolve()] if choices.beside else ())]
    print("| release | | measured |" + (" beside | ratio |" if len(trees) > 1 else ""))
    print("| --- | --- | --- |" + (" --- | --- |" if len(trees) > 1 else ""))
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            if name == UCUM:
                if not choices.instructions:
                    for operation, spent in answered(
                        trees, [None] * len(trees), UCUM_CANONICAL, UNITS
                    ).items():
                        _line(name, operation, spent, "µs")
            elif choices.instructions:
                sizes = [Path(folder, str(count)) for count in (FEW, MORE)]
                releases = [RELEASES[name](size, int(size.name)) for size in sizes]
                importer, place = name.partition(" ")[0], Path(folder, "store")
                counted = [instructions(tree, importer, releases, place) for tree in trees]
                _line(name, "instructions a code", counted)
            else:
                release = RELEASES[name](Path(folder, "release"), choices.codes)
                measure(trees, name, release, Path(folder), choices.rounds)
    return 0


if __name__ == "__main__":
    # A step is a process with the code of one checkout: this one, or another.
    match sys.argv[1:]:
        case ["--step", "load", kind, release, place]:
            print(json.dumps(load(kind, Path(release), Path(place))))
        case ["--step", "answer", *place]:
            answer("".join(place))
        case _:
            sys.exit(main())
