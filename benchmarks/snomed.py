"""A check of SNOMED CT at full size, with times and memory: ``python benchmarks/snomed.py``.

Makes a release up (``rf2.py``: 400,000 concepts and 1,200,000 descriptions unless told otherwise), imports
it, and compares expression constraints, subsumptions, text searches and lookups with what ``plain_snomed.py`` computes
from the rows, and post-coordinated expressions with ``plain_expressions.py``: how they are displayed, what they
subsume, and which value sets they are members of. The exit status is 1 if anything differs, or if validations of
expressions take longer than ``SLOWEST``. Times are of this machine.
"""

from __future__ import annotations

import argparse
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import orjson

from terminology import Terminology
from terminology.content.importers.snomed import SNOMED
from terminology.core.errors import TerminologyError
from terminology.core.model import Filter
from terminology.opening import ServedContent
from terminology.settings import Settings
from terminology.store import store_at
from terminology.store.loading import StoreWriter
from terminology.systems.snomed.identifiers import URL
from terminology.systems.snomed.system import SnomedCodeSystem
from tests.support import plain_snomed, rf2
from tests.support.plain_expressions import Expression, ExpressionInventor, PlainExpressions, single, written
from tests.support.reporters import CollectingReporter

# How many differences are shown.
SHOWN = 10
# The milliseconds of a processor that half of the validations of an expression may take.
SLOWEST = 1.0
# How many expression constraints are made up for the memberships of expressions.
CONSTRAINTS = 200


def load(place: str, release: Path) -> dict[str, float]:
    """Import a release; to be run in a process of its own, so that memory is what the import takes."""
    writer = StoreWriter(store_at(place))
    began = time.perf_counter()
    outcomes = writer.load(SNOMED, [release], CollectingReporter())
    spent = time.perf_counter() - began
    writer.close()
    own, others = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    system = outcomes[0].artifact
    return {
        "seconds": spent,
        "cpu": own.ru_utime + own.ru_stime + others.ru_utime + others.ru_stime,
        "concepts": system.rows,
        "bytes": system.bytes,
        "all bytes": sum(outcome.artifact.bytes for outcome in outcomes),
        "peak": 1024 * (own.ru_maxrss + others.ru_maxrss),
        "own peak": 1024 * max(own.ru_maxrss, others.ru_maxrss),
    }


# The text of a question, our answer, the plain one, and the seconds of a processor that ours took.
Answers = tuple[str, object, object, float]


class Comparison:
    """Questions at random, asked of the code system and of the plain one."""

    def __init__(self, place: str, release: Path, seed: int) -> None:
        serving = ServedContent(Settings(environment={}, bundled=False, store=place))
        system = serving.catalogue().find_system(URL)
        assert isinstance(system, SnomedCodeSystem)
        self.system, self.plain = system, plain_snomed.Plain(release)
        self.inventor = plain_snomed.Inventor(self.plain)
        self.seed, self.chance = seed, random.Random(seed)
        self.codes = sorted(self.plain.concepts)
        descriptions = (one for several in self.plain.said.values() for one in several)
        self.words = sorted({word for one in descriptions for word in one.term.lower().split()})
        self.refused: list[str] = []
        self.differences = 0

    def expression(self, number: int) -> Answers:
        tree = self.inventor.tree(random.Random(f"{self.seed}/{number}"))
        text = plain_snomed.written(tree)
        began = _clock()
        try:
            selection = self.system.select([Filter("constraint", "=", text)])
        except TerminologyError as error:
            self.refused.append(f"{text}: {error}")
            return text, None, None, _clock() - began
        spent = _clock() - began
        return text, {concept.code for concept in selection}, self.plain.meant(tree), spent

    def subsumption(self, number: int) -> Answers:
        chance, plain = self.chance, self.plain
        descendant = chance.choice(self.codes)
        above = sorted(plain._reached({descendant}, plain.parents)) or self.codes
        ancestor = chance.choice((chance.choice(above), chance.choice(self.codes)))
        began = _clock()
        ours = self.system.subsumes(ancestor, descendant)
        spent = _clock() - began
        return f"{ancestor} {descendant}", ours, plain.subsumes(ancestor, descendant), spent

    def text_search(self, number: int) -> Answers:
        count = self.chance.choice((1, 2, 2))
        text = " ".join(self.chance.choice(self.words)[: self.chance.randint(2, 6)] for _ in range(count))
        began = _clock()
        selection = self.system.select(text=text)
        total, _ = len(selection), selection[:20]
        spent = _clock() - began
        return text, (total, {c.code for c in selection}), _with_size(self.plain.found_by(text)), spent

    def lookup(self, number: int) -> Answers:
        code, plain = self.chance.choice(self.codes), self.plain
        began = _clock()
        concept, detail = self.system.locate(code), self.system.describe([code])[code]
        spent = _clock() - began
        property_values = {(p.code, str(p.value)) for p in detail.properties}
        ours = (
            concept is not None and not concept.inactive,
            {value for name, value in property_values if name == "parent"},
            {value for name, value in property_values if name == "child"},
            {d.value for d in detail.designations},
        )
        terms = {one.term for one in plain.said[code] if one.type != rf2.DEFINITION}
        family = plain.parents.get(code, set()), plain.children.get(code, set())
        return code, ours, (plain.concepts[code].active, *family, terms), spent

    def ask(self, name: str, count: int, question: Callable[[int], Answers]) -> float:
        """Ask ``count`` questions; print the times and the differences. Returns the median of the milliseconds."""
        spent, differ = [], 0
        for number in range(count):
            text, ours, plain, seconds = question(number)
            spent.append(1000 * seconds)
            if ours != plain:
                differ += 1
                if differ <= SHOWN:
                    print(f"  differs: {text[:300]}")
        self.differences += differ
        spent.sort()
        p50, p95 = statistics.median(spent), spent[len(spent) * 95 // 100]
        print(f"{name:16} {count:7,} {differ:7,} {p50:9.2f} {p95:9.2f} {spent[-1]:9.2f}", flush=True)
        return p50


class ExpressionComparison(Comparison):
    """Post-coordinated expressions at random, asked of the code system and of the plain one."""

    def __init__(self, place: str, release: Path, seed: int) -> None:
        super().__init__(place, release, seed)
        self.terminology = Terminology(settings=Settings(environment={}, bundled=False, data="", store=place))
        self.plain_expressions = PlainExpressions(self.plain)
        self.expressions = ExpressionInventor(self.plain)
        # How many pairs of expressions, and of an expression and a constraint, have been decided.
        self.pairs = self.memberships = 0
        chance = random.Random(seed)
        trees = (self.inventor.tree(chance, 2) for _ in range(3 * CONSTRAINTS))
        # Only what can have expressions among its members; descriptions and reference sets have none.
        self.constraints = [tree for tree in trees if tree[0] in ("related", "and", "or", "minus", "refined")]

    def invented(self, number: int) -> Expression:
        return self.expressions.invented(random.Random(f"{self.seed}/{number}"))

    def display(self, number: int) -> Answers:
        """The expression is read, and written with the preferred terms."""
        expression = self.invented(number)
        # A concept alone is looked up as concepts are.
        text = written(expression, lambda id_: "x" if number % 2 else None, " ") + (" " if number % 2 else "")
        if text.isdigit():
            text = f"=== {text}"
        began = _clock()
        concept = self.system.locate(text)
        spent = _clock() - began
        ours = concept.display if concept is not None else None
        said = written(expression, lambda id_: "x" if number % 2 else self._preferred(id_))
        return text, ours, said, spent

    def _preferred(self, id_: str) -> str | None:
        said = self.plain.said.get(id_, ())
        preferred = [
            one.term
            for refset in (rf2.US, rf2.GB)
            for one in said
            if one.type == rf2.SYNONYM and one.accepted.get(refset) == rf2.PREFERRED
        ]
        full = [one.term for one in said if one.type == rf2.FSN]
        return next(iter([*preferred, *full]), None)

    def subsumed(self, number: int) -> Answers:
        """Both ways: by its foci, by any concept, and by another expression."""
        expression, chance = self.invented(number), random.Random(f"{self.seed}/{number}/2")
        other = self.invented(chance.randrange(100_000))
        ones = [other, *map(single, expression[1]), single(chance.choice(self.codes))]
        pairs = [pair for one in ones for pair in ((one, expression), (expression, one))]
        self.pairs += len(pairs)
        began = _clock()
        ours = [self.system.subsumes(written(a), written(b)) for a, b in pairs]
        spent = _clock() - began
        return written(expression), ours, [self.plain_expressions.subsumes(a, b) for a, b in pairs], spent

    def member(self, number: int) -> Answers:
        """Of a constraint at random, and of one that is made of its own parts."""
        expression, chance = self.invented(number), random.Random(f"{self.seed}/{number}/3")
        text = written(expression)
        if text.isdigit():
            return text, None, None, 0.0
        trees = [chance.choice(self.constraints), self._own_constraint(expression, chance)]
        filters = [[Filter("constraint", "=", plain_snomed.written(tree))] for tree in trees]
        began = _clock()
        try:
            ours = [text in self.system.select(each) for each in filters]
        except TerminologyError as error:
            # A constraint at random may read the descriptions of more concepts than is allowed.
            self.refused.append(f"{text}: {error}")
            return text, None, None, _clock() - began
        spent = _clock() - began
        self.memberships += len(filters)
        plain = [self.plain_expressions.is_member(tree, expression) for tree in trees]
        shown = f"{text} in {' | '.join(each[0].value for each in filters)}"
        return shown, ours, plain, spent

    def _own_constraint(self, expression: Expression, chance: random.Random) -> plain_snomed.Tree:
        above = sorted(self.plain_expressions.above(chance.choice(expression[1])))
        of = ("related", chance.choice(("<", "<<")), ("concept", chance.choice(above)))
        pairs = [
            pair
            for pair in (*expression[2], *(p for g in expression[3] for p in g))
            if str(pair[1]).isdigit()
        ]
        if not pairs or chance.random() < 0.3:
            return of
        name, value = chance.choice(pairs)
        value_above = chance.choice(sorted(self.plain_expressions.above(value)))
        attribute = (
            "attribute",
            1,
            None,
            ("concept", name),
            "=",
            ("related", "<<", ("concept", value_above)),
        )
        return ("refined", of, ("group", 1, None, attribute) if chance.random() < 0.5 else attribute)

    def validation(self, number: int) -> Answers:
        """One that has not been asked for before, by the operation."""
        text = written(self.invented(number + 1_000_000))
        began = _clock()
        answer = self.terminology.ask("CodeSystem/$validate-code", url=URL, code=text)
        spent = _clock() - began
        return text, answer["parameter"][0].get("valueBoolean"), True, spent


def compare(place: str, release: Path, count: int, seed: int) -> int:
    comparison = Comparison(place, release, seed)
    print(f"{'':16} {'asked':>7} {'differ':>7} {'p50 ms':>9} {'p95 ms':>9} {'max ms':>9}")
    comparison.ask("expressions", count, comparison.expression)
    comparison.ask("subsumptions", 10 * count, comparison.subsumption)
    comparison.ask("text searches", max(count // 10, 5), comparison.text_search)
    comparison.ask("lookups", 10 * count, comparison.lookup)
    for text in comparison.refused[:SHOWN]:
        print(f"  refused, not compared: {text[:300]}")
    print(f"{len(comparison.refused)} expressions refused; {comparison.differences} differences")
    return comparison.differences


def compare_expressions(place: str, release: Path, count: int, seed: int) -> int:
    """The number of differences; one more if validations are slow."""
    comparison = ExpressionComparison(place, release, seed)
    print(f"{'':16} {'asked':>7} {'differ':>7} {'p50 ms':>9} {'p95 ms':>9} {'max ms':>9}")
    comparison.ask("displays", count, comparison.display)
    comparison.ask("subsumptions", count, comparison.subsumed)
    comparison.ask("memberships", count, comparison.member)
    median = comparison.ask("validations", count, comparison.validation)
    is_slow = median >= SLOWEST
    print(
        f"{count:,} expressions, {comparison.pairs:,} pairs of them, {comparison.memberships:,} memberships: ",
        end="",
    )
    print(f"{len(comparison.refused)} refused, {comparison.differences} differences; ", end="")
    print(f"half of the validations took {'not ' if is_slow else ''}less than {SLOWEST} ms of a processor")
    return comparison.differences + is_slow


def _clock() -> float:
    """The seconds of a processor that this thread has taken: other programs do not count."""
    return time.thread_time()


def _with_size(codes: set[str]) -> tuple[int, set[str]]:
    return len(codes), codes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--concepts", type=int, default=400_000)
    parser.add_argument("--descriptions", type=int, help="thrice as many as concepts, if not said")
    parser.add_argument("--expressions", type=int, default=200, help="ten times as many lookups, and so on")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--release", type=Path, help="made before, instead of a new one")
    parser.add_argument("--store", help="imported before (with --release), or where to import to")
    parser.add_argument("--post", type=int, default=5_000, help="how many post-coordinated expressions")
    parser.add_argument("--step", choices=["load", "compare", "post"])
    arguments = parser.parse_args()
    if arguments.step == "load":
        print(orjson.dumps(load(arguments.store, arguments.release)).decode())
    elif arguments.step == "compare":
        sys.exit(bool(compare(arguments.store, arguments.release, arguments.expressions, arguments.seed)))
    elif arguments.step == "post":
        sys.exit(
            bool(compare_expressions(arguments.store, arguments.release, arguments.post, arguments.seed))
        )
    else:
        with tempfile.TemporaryDirectory() as folder:
            sys.exit(everything(arguments, Path(folder)))


def everything(arguments: argparse.Namespace, folder: Path) -> int:
    release = arguments.release
    if release is None:
        began = time.perf_counter()
        release = rf2.write(
            folder / "release.zip",
            rf2.Made(arguments.concepts, arguments.descriptions or 3 * arguments.concepts, arguments.seed),
        )
        print(f"release made in {time.perf_counter() - began:.0f} s", flush=True)
    place = arguments.store or str(folder / "store")
    options = ["--release", str(release), "--store", place, "--expressions", str(arguments.expressions)]
    options += ["--post", str(arguments.post)]
    command = [sys.executable, __file__, *options, "--seed", str(arguments.seed), "--step"]
    loading = subprocess.run([*command, "load"], check=True, stdout=subprocess.PIPE, text=True)
    figures = orjson.loads(loading.stdout.splitlines()[-1])
    spent = f"{figures['seconds']:.0f} s ({figures['cpu']:.0f} s of processors)"
    print(f"{figures['concepts']:,} concepts imported in {spent}")
    print(f"code system {figures['bytes'] / 1e6:.0f} MB, with all maps {figures['all bytes'] / 1e6:.0f} MB")
    peak, own = figures["peak"], figures["own peak"]
    processes = f"{peak / 1e6:.0f} MB in two processes ({own / 1e6:.0f} MB in the larger)"
    print(f"peak memory {processes}: {peak / figures['bytes']:.1f} x code system")
    sys.stdout.flush()
    statuses = [subprocess.run([*command, step], check=False).returncode for step in ("compare", "post")]
    return max(statuses)


if __name__ == "__main__":
    main()
