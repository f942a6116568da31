"""The speed of the product, beside the most that any server could reach on this machine.

    python benchmarks/speed.py                       # everything: about 15 minutes
    python benchmarks/speed.py --only lookup,import  # some rows
    python benchmarks/speed.py --guard               # the stable rows, in a minute

Figures are ratios within one run. The ceiling is an empty Flask view that returns as many bytes, under the
same server with the same options and one worker. Server and wrk (Debian: apt-get install wrk) have a core
each; rounds of ceiling and operation alternate, and the median of the rounds' ratios counts. Requests are for
codes at random, hardly one comes twice, and no answer is kept. ``--write docs/performance.md`` puts the table
between the marks of that page; ``--json`` prints the figures; ``--check`` fails when a requirement is missed.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent)]

import inprocess  # noqa: E402
import measures  # noqa: E402
import served  # noqa: E402
from measures import TO_CEILING, Figures, Plan  # noqa: E402
from stage import stage  # noqa: E402

SMALL = 1_000  # concepts, for what must not depend on their number
BEGIN, END = "<!-- begin {} -->", "<!-- end {} -->"


@dataclass(slots=True, frozen=True)
class Row:
    """A line of the table. With ``at_most`` less is better. ``group`` is what has to be measured for it."""

    name: str
    group: str
    work: str
    required: float
    stretch: float | None = None
    at_most: bool = False
    unit: str = ""

    def meets(self, measured: float, bound: float | None) -> bool:
        return bound is not None and (measured <= bound if self.at_most else measured >= bound)


ROWS = (
    Row("lookup", "http", "`$lookup` / ceiling, SQLite", 0.80, 0.95),
    Row("translate", "http", "`$translate` / ceiling", 0.80, 0.95),
    Row("subsumes", "http", "`$subsumes` / ceiling", 0.80, 0.95),
    Row("validate-code", "http", "CodeSystem `$validate-code` / ceiling", 0.80, 0.95),
    Row(
        "validate-in-set",
        "http",
        "ValueSet `$validate-code`, intensional, 100,000 codes / ceiling",
        0.60,
        0.80,
    ),
    Row("expand-text", "http", "`$expand` with a filter text, count 20, exact total / ceiling", 0.25, 0.60),
    Row("expand-100", "http", "`$expand` of 100 codes with designations / ceiling", 0.25, 0.45),
    Row("post-lookup", "http", "`$lookup` by POST / ceiling", 0.50, 0.80),
    Row("post-translate", "http", "`$translate` by POST / ceiling", 0.50, 0.80),
    Row("post-validate", "http", "CodeSystem `$validate-code` by POST / ceiling", 0.50, 0.80),
    Row("lookup XML to JSON", "xml", "`$lookup` in XML / the same in JSON", 0.60, 0.80),
    Row("post-lookup XML to JSON", "xml", "`$lookup` by POST in XML / the same in JSON", 0.60, 0.80),
    Row("not-found", "http", "`$lookup` of an unknown code / ceiling", 0.80),
    Row("metadata", "http", "metadata / ceiling", 0.90),
    Row("lookup on PostgreSQL", "postgres", "`$lookup` on PostgreSQL / ceiling", 0.45, 0.65),
    Row("batch", "http", "`$batch-validate-code` of 100 / ceiling", 0.02),
    Row(
        "batch to POST",
        "batch",
        "`$batch-validate-code` of 100: codes a second / single calls, posted alike",
        8,
    ),
    Row("batch to GET", "batch", "the same / single calls by GET, which are asked again", 8),
    Row("p99", "http", "p99 of `$lookup` / p99 of ceiling", 1.5, 1.2, True),
    Row("import", "import", "import and compile / bare `executemany` of the same rows", 0.25, 0.5),
    Row("import memory", "import", "importer's peak memory / artifact size", 8, 4, True),
    Row("memory", "http", "worker with everything loaded − empty Flask worker", 25, 10, True, " MB"),
    Row("start", "start", "start to first answer with everything loaded", 1.0, 0.3, True, " s"),
    Row("independence", "inprocess", "`$lookup` of all concepts / of 1,000, in-process", 1.3, None, True),
    Row("swap failed", "swap", "content swapped every second: failed requests", 0, None, True),
    Row("swap", "swap", "content swapped every second: throughput / without", 0.95),
)
GROUPS = tuple(dict.fromkeys(row.group for row in ROWS))

# What --guard holds, with slack for a disturbed machine: the most that each may be. In-process times are
# relative to an empty view's.
GUARDED = {
    "in-process lookup": 2.5,
    "in-process translate": 2.5,
    "in-process subsumes": 2.0,
    "in-process validate-code": 2.0,
    "in-process validate-in-set": 2.5,
    "in-process expand-text": 9.0,
    "in-process expand-100": 60.0,
    "in-process post-lookup": 2.0,
    "in-process post-translate": 2.0,
    "in-process post-validate": 2.0,
    "in-process lookup-xml": 4.0,
    "in-process post-lookup-xml": 4.0,
    "in-process not-found": 2.5,
    "in-process metadata": 1.0,
    "independence": 1.6,
    "memory": 30.0,
    "import memory": 8.0,
    "bytes a concept": 470.0,
    "swap failed": 0.0,
}


def measure(plan: Plan, groups: Sequence[str], names: Sequence[str]) -> Figures:
    operations = [name for name in TO_CEILING if name in names or not names]
    steps: dict[str, Callable[[], Figures]] = {
        "http": lambda: measures.to_ceiling(plan, operations or ["lookup"]),
        "postgres": lambda: measures.postgres(plan),
        "xml": lambda: measures.xml(plan),
        "batch": lambda: measures.batch(plan),
        "import": lambda: measures.imports(plan, min(plan.rounds, 3)),
        "start": lambda: measures.start(plan),
        "inprocess": lambda: _inprocess(plan),
        "swap": lambda: measures.swap(plan),
    }
    results: Figures = {}
    for group in groups:
        try:
            results |= steps[group]()
        except FileNotFoundError as missing:
            plan.say(f"{group}: not measured: {missing}")
    return results


def _inprocess(plan: Plan, passes: int = inprocess.PASSES) -> Figures:
    results = {}
    for name, (ratio, micros) in inprocess.ratios(plan.stage, TO_CEILING, passes).items():
        results[f"in-process {name}"] = ratio
        plan.details.setdefault("inprocess", []).append({"operation": name, "ratio": ratio, "micros": micros})
        plan.say(f"in-process {name}: {micros:.0f} us, {ratio:.2f} of an empty view")
    small = stage(plan.stage.folder.parent, SMALL)
    return results | {"independence": inprocess.independence(plan.stage, small, passes=passes)}


# -- tables and pages --------------------------------------------------------------------------------


def table(results: Figures) -> list[str]:
    lines = ["| work | measured | required | stretch | |", "| --- | --- | --- | --- | --- |"]
    for row in ROWS:
        if row.name in results:
            measured = results[row.name]
            verdict = "stretch" if row.meets(measured, row.stretch) else "met"
            verdict = verdict if row.meets(measured, row.required) else "**missed**"
            limit = ("≤ " if row.at_most else "≥ ") * (row.required != 0)
            stretch = "" if row.stretch is None else f"{limit}{row.stretch:g}{row.unit}"
            required = f"{limit}{row.required:g}{row.unit}"
            lines.append(
                f"| {row.work} | {_figure_text(measured)}{row.unit} | {required} | {stretch} | {verdict} |"
            )
    return lines


def _figure_text(figure: float) -> str:
    return f"{figure:.0f}" if figure == int(figure) else f"{figure:.2f}" if figure < 10 else f"{figure:.1f}"


def details(plan: Plan) -> list[str]:
    """What stands behind the ratios."""
    lines = []
    if plan.details.get("http"):
        lines += [
            "",
            "| operation | bytes | requests/s | ceiling | CPU µs | ceiling | p50 ms | p99 ms | not 2xx |",
            "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
        ]
        for d in plan.details["http"]:
            counts = f"{d['bytes']:,} | {d['rate']:,.0f} | {d['ceiling']:,.0f}"
            times = f"{d['cpu']:.0f} | {d['ceiling_cpu']:.0f} | {d['p50']:.1f} | {d['p99']:.1f}"
            lines.append(f"| {d['operation']} | {counts} | {times} | {d['failed']} |")
    if plan.details.get("inprocess"):
        lines += ["", "| in-process | µs | / empty view |", "| --- | --- | --- |"]
        for d in plan.details["inprocess"]:
            lines.append(f"| {d['operation']} | {d['micros']:.0f} | {d['ratio']:.2f} |")
    return lines


PROFILED = ("lookup", "translate", "subsumes", "validate-in-set", "expand-text", "expand-100")


def profile(plan: Plan) -> str:
    """Where the time of a request goes: a table of layers and operations."""
    shares = {}
    for name in PROFILED:
        plan.say(f"profile: {name}")
        shares[name] = inprocess.layers(plan.stage, name)
    names = dict.fromkeys(layer for results in shares.values() for layer in results)
    lines = ["| share of the time, % | " + " | ".join(PROFILED) + " |", "| --- |" + " --- |" * len(PROFILED)]
    for layer in names:
        cells = [f"{results.get(layer, 0) * 100:.0f}" for results in shares.values()]
        lines.append(f"| {layer} | {' | '.join(cells)} |")
    return "\n".join(lines)


def page(plan: Plan, results: Figures, command: str) -> str:
    machine = f"{len(served.CORES)} cores of {_processor() or platform.machine()}"
    head = (
        f"{date.today()}, {machine}, Python {platform.python_version()}, "
        f"{plan.stage.count:,} concepts, {plan.rounds} rounds of {plan.seconds:g} s: `{command}`"
    )
    return "\n".join([head, "", *table(results), *details(plan)])


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), "")


def put(path: Path, name: str, text: str) -> None:
    """Put a text between the marks of its name."""
    content = path.read_text("utf-8")
    before, begin, rest = content.partition(BEGIN.format(name))
    _, end, after = rest.partition(END.format(name))
    if not (begin and end):
        raise SystemExit(f"{path} has no marks for '{name}'")
    path.write_text(f"{before}{begin}\n{text}\n{end}{after}", "utf-8")


# -- the guard -----------------------------------------------------------------------------------


def guard(plan: Plan) -> int:
    """Measure the rows that may stop a change that makes them worse. Those of time are shown, and stop none.

    The ratios of time of the same code were seen to differ by three times on a machine that others use, too.
    """
    results = _inprocess(plan, passes=5) | measures.imported(plan) | measures.plain_memory(plan)
    results |= measures.plain_swap(plan)
    missed = 0
    for name, most in GUARDED.items():
        is_met = results[name] <= most
        missed += not is_met and not name.startswith(("in-process", "independence"))
        print(f"{'ok    ' if is_met else 'MISSED'} {name}: {_figure_text(results[name])}, at most {most:g}")
    return 1 if missed else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each slice")
    parser.add_argument("--concepts", type=int, help="400,000; with --guard 50,000")
    parser.add_argument("--only", default="", help=f"rows, or groups of them ({', '.join(GROUPS)}), by comma")
    parser.add_argument(
        "--keep", type=Path, default=HERE.parent / "build" / "speed", help="folder for content"
    )
    parser.add_argument("--write", type=Path, help="a page with marks for the table")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--check", action="store_true", help="fail when a requirement is missed")
    parser.add_argument("--guard", action="store_true")
    choices = parser.parse_args()
    count = choices.concepts or (50_000 if choices.guard else 400_000)
    with tempfile.TemporaryDirectory() as scratch:
        say = lambda text: print(text, file=sys.stderr, flush=True)  # noqa: E731
        plan = Plan(choices.rounds, choices.seconds, stage(choices.keep, count), Path(scratch), say)
        return guard(plan) if choices.guard else _report(plan, choices)


def _report(plan: Plan, choices: argparse.Namespace) -> int:
    only = [name for name in choices.only.split(",") if name]
    unknown = set(only) - set(GROUPS) - {row.name for row in ROWS}
    if unknown:
        raise SystemExit(f"there is no row {', '.join(sorted(unknown))}")
    groups = [
        g for g in GROUPS if not only or g in only or any(r.group == g and r.name in only for r in ROWS)
    ]
    if not served.has_wrk() and set(groups) & {"http", "postgres", "xml", "batch", "swap"}:
        raise SystemExit("wrk is not installed (Debian: apt-get install wrk)")
    results = measure(plan, groups, [] if "http" in only else only)
    arguments = [*sys.argv[1:]]
    for name in ("--write", "--keep"):
        if name in arguments:
            del arguments[arguments.index(name) : arguments.index(name) + 2]
    text = page(plan, results, " ".join(["python benchmarks/speed.py", *arguments]))
    if choices.json:
        print(json.dumps({"figures": results, "details": plan.details}, indent=1))
    else:
        print(text)
    if choices.write:
        put(choices.write, "speed", text)
    if "inprocess" in groups:
        where = profile(plan)
        print("", where, sep="\n", file=sys.stderr)
        if choices.write:
            put(choices.write, "profile", where)
    missed = [r.name for r in ROWS if r.name in results and not r.meets(results[r.name], r.required)]
    failed = [name for name, figure in results.items() if name.endswith(" failed") and figure]
    return 1 if choices.check and (missed or failed) else 0


if __name__ == "__main__":
    sys.exit(main())
