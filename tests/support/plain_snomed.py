"""The right answers about SNOMED CT, computed in the plainest way.

The rows of an RF2 release are in dicts; expression constraints are trees that are walked with sets. Nothing here is
taken from the product. It is slow, and short enough to be checked.

A tree is a tuple; ``written`` puts it in the Expression Constraint Language, ``Plain.meant`` has its concepts, and
``Inventor`` makes one up.
"""

from __future__ import annotations

import operator
import re
import unicodedata
import zipfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from sys import intern
from typing import Any, NamedTuple, Protocol

IS_A, FSN, SYNONYM, DEFINITION = "116680003", "900000000000003001", "900000000000013009", "900000000000550004"
PREFERRED, DEFINED = "900000000000548007", "900000000000073002"
HISTORY = {
    "MIN": {"900000000000527005"},
    "MOD": {"900000000000527005", "900000000000526001", "900000000000528000", "1186924009"},
}
HISTORICAL = "900000000000522004"
SAME_AS, MOVED_FROM = "900000000000527005", "900000000000525002"
DIALECTS = {"en-us": "900000000000509007", "en-gb": "900000000000508004", "es": "450828004"}
TYPES = {"syn": SYNONYM, "fsn": FSN, "def": DEFINITION}

Tree = tuple[Any, ...]


class Said(NamedTuple):
    """A description; ``accepted`` has language reference sets with the acceptability in each."""

    module: str
    time: str
    language: str
    type: str
    term: str
    accepted: dict[str, str]
    id: str


class Concept(NamedTuple):
    active: bool
    module: str
    time: str
    is_defined: bool


class Plain:
    """The active rows of a release, which is a folder or an archive."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self.concepts = {
            intern(r[0]): Concept(r[2] == "1", intern(r[3]), intern(r[1]), r[4] == DEFINED)
            for r in self._rows("sct2_Concept_", all_of_them=True)
        }
        self.parents: dict[str, set[str]] = defaultdict(set)
        self.children: dict[str, set[str]] = defaultdict(set)
        # Group, kind and value of each relationship that is no "is a".
        self.related: dict[str, list[tuple[int, str, str]]] = defaultdict(list)
        for row in self._rows("sct2_Relationship"):
            source, value, kind = intern(row[4]), intern(row[5]), intern(row[7])
            if kind == IS_A:
                self.parents[source].add(value)
                self.children[value].add(source)
            else:
                self.related[source].append((int(row[6]), kind, value))
        self._read_descriptions()
        self.members: dict[str, set[str]] = defaultdict(set)
        self.targets: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for row in self._rows("Refset_"):
            if row[5][-3:-1] in ("00", "10"):
                self.members[intern(row[4])].add(intern(row[5]))
        # Of each reference set its rows about concepts, active or not, by the names of the columns.
        self.cells: dict[str, list[dict[str, str]]] = defaultdict(list)
        for lines in self._files("Refset_"):
            names = next(lines).rstrip("\r\n").split("\t")
            for line in lines:
                cells = dict(zip(names, line.rstrip("\r\n").split("\t"), strict=True))
                if cells["referencedComponentId"][-3:-1] in ("00", "10"):
                    self.cells[cells["refsetId"]].append(cells)
        for row in self._rows("AssociationSnapshot"):
            self.targets[intern(row[4])].append((intern(row[5]), intern(row[6])))

    def _read_descriptions(self) -> None:
        accepted: dict[str, dict[str, str]] = defaultdict(dict)
        for row in self._rows("_cRefset_LanguageSnapshot"):
            accepted[row[5]][intern(row[4])] = intern(row[6])
        self.said: dict[str, list[Said]] = defaultdict(list)
        self.former: dict[str, list[Said]] = defaultdict(list)
        for name in ("sct2_Description_", "sct2_TextDefinition_"):
            for row in self._rows(name, all_of_them=True):
                module, time, language, kind = map(intern, (row[3], row[1], row[5], row[6]))
                said = Said(module, time, language, kind, row[7], accepted.get(row[0], {}), row[0])
                (self.said if row[2] == "1" else self.former)[row[4]].append(said)

    def _rows(self, name: str, all_of_them: bool = False) -> Iterator[list[str]]:
        """The rows of the files that have this in their name; only the active ones."""
        for lines in self._files(name):
            next(lines)
            for line in lines:
                row = line.rstrip("\r\n").split("\t")
                if all_of_them or row[2] == "1":
                    yield row

    def _files(self, name: str) -> Iterator[Iterator[str]]:
        if self._place.is_dir():
            for path in sorted(self._place.rglob(f"*{name}*.txt")):
                with path.open(encoding="utf-8", newline="") as file:
                    yield iter(file)
            return
        with zipfile.ZipFile(self._place) as archive:
            for entry in sorted(archive.namelist()):
                if name in entry:
                    with archive.open(entry) as file:
                        yield (line.decode() for line in file)

    # -- hierarchy ---------------------------------------------------------------------------

    def _reached(self, of: set[str], edges: dict[str, set[str]]) -> set[str]:
        found: set[str] = set()
        open_ = list(of)
        while open_:
            for other in edges.get(open_.pop(), ()):
                if other not in found:
                    found.add(other)
                    open_.append(other)
        return found

    def subsumes(self, ancestor: str, descendant: str) -> bool:
        return ancestor == descendant or ancestor in self._reached({descendant}, self.parents)

    def primitives(self, id_: str) -> set[str]:
        """The parents, and in the place of each that is sufficiently defined those of it, and so on."""
        found: set[str] = set()
        for parent in self.parents.get(id_, ()):
            is_defined = self.concepts[parent].is_defined and parent in self.parents
            found |= self.primitives(parent) if is_defined else {parent}
        return found

    def _next(self, of: set[str], edges: dict[str, set[str]]) -> set[str]:
        return {other for one in of for other in edges.get(one, ())}

    # -- expressions -------------------------------------------------------------------------

    def meant(self, tree: Tree) -> set[str]:
        """The concepts of an expression."""
        kind, *parts = tree
        made: set[str] = getattr(self, f"_{kind}")(*parts)
        return made

    @cached_property
    def _all(self) -> set[str]:
        return set(self.concepts)

    @cached_property
    def _in_use(self) -> set[str]:
        return {id_ for id_, concept in self.concepts.items() if concept.active}

    def _any(self) -> set[str]:
        return self._in_use

    def _concept(self, id_: str) -> set[str]:
        return {id_}

    def _related(self, symbol: str, of: Tree) -> set[str]:
        found = self.meant(of)
        return {
            "<": lambda: self._reached(found, self.children),
            "<<": lambda: found | self._reached(found, self.children),
            "<!": lambda: self._next(found, self.children),
            "<<!": lambda: found | self._next(found, self.children),
            ">": lambda: self._reached(found, self.parents),
            ">>": lambda: found | self._reached(found, self.parents),
            ">!": lambda: self._next(found, self.parents),
            ">>!": lambda: found | self._next(found, self.parents),
            "!!>": lambda: found - self._reached(found, self.children),
            "!!<": lambda: found - self._reached(found, self.parents),
        }[symbol]()

    def _and(self, *parts: Tree) -> set[str]:
        return set.intersection(*map(self.meant, parts))

    def _or(self, *parts: Tree) -> set[str]:
        return set.union(*map(self.meant, parts))

    def _minus(self, one: Tree, other: Tree) -> set[str]:
        return self.meant(one) - self.meant(other)

    def _member(self, of: Tree) -> set[str]:
        return {id_ for refset in self.meant(of) for id_ in self.members.get(refset, ())}

    def _linked(self, refset: str, target: Tree) -> set[str]:
        wanted = self.meant(target)
        return {source for source, to in self.targets[refset] if to in wanted}

    def _column(self, refset: str) -> set[str]:
        return {to for _, to in self.targets[refset]} & self._all

    def _history(self, of: Tree, profile: str) -> set[str]:
        found = self.meant(of)
        refsets = HISTORY.get(profile) or self._reached({HISTORICAL}, self.children)
        old = {s for refset in refsets for s, to in self.targets.get(refset, ()) if to in found}
        # These rows have the concept that stayed first; they count as those of |SAME AS| do.
        moved = self.targets.get(MOVED_FROM, ()) if SAME_AS in refsets else ()
        return found | old | {to for stayed, to in moved if stayed in found}

    def _dotted(self, of: Tree, attribute: Tree) -> set[str]:
        kinds = self.meant(attribute)
        values = {v for one in self.meant(of) for _, k, v in self.related.get(one, ()) if k in kinds}
        return {value for value in values if value in self.concepts}

    def _active(self, of: Tree, active: bool) -> set[str]:
        among = self._all if of == ("any",) else self.meant(of)
        return {id_ for id_ in among if self.concepts[id_].active == active}

    def _status(self, of: Tree, is_equal: bool, is_defined: bool) -> set[str]:
        wanted = is_defined == is_equal
        return {id_ for id_ in self.meant(of) if self.concepts[id_].is_defined == wanted}

    def _module(self, of: Tree, is_equal: bool, module: Tree) -> set[str]:
        modules = self.meant(module)
        return {id_ for id_ in self.meant(of) if (self.concepts[id_].module in modules) == is_equal}

    def _time(self, of: Tree, symbol: str, time: str) -> set[str]:
        return {id_ for id_ in self.meant(of) if COMPARE[symbol](self.concepts[id_].time, time)}

    # -- refinements -------------------------------------------------------------------------

    def _refined(self, of: Tree, refinement: Tree) -> set[str]:
        test = self._test(refinement)
        return {id_ for id_ in self.meant(of) if test(id_)}

    def _test(self, refinement: Tree) -> Callable[[str], bool]:
        kind, *parts = refinement
        if kind in ("all", "some"):
            tests = [self._test(part) for part in parts]
            return lambda id_: (all if kind == "all" else any)(test(id_) for test in tests)
        if kind == "reverse":
            return self._reverse_test(*parts)
        if kind == "group" and _is_reversed(parts[2]):
            return self._reversed_group_test(*parts)
        if kind == "group":
            least, most, inner = parts
            holds = self._group_test(inner)
            return lambda id_: _fits(sum(map(holds, self._groups(id_))), least, most)
        holds = self._attribute_test(*parts)
        return lambda id_: holds([(k, v) for _, k, v in self.related.get(id_, ())])

    def _reversed_group_test(self, least: int, most: int | None, inner: Tree) -> Callable[[str], bool]:
        """How many groups lead to each concept by attributes for which the refinement holds."""
        leads, counts = self._leading_test(inner), Counter[str]()
        for source in self.related:
            for group in self._groups(source):
                for target in {value for _, value in group}:
                    counts[target] += leads(source, [kind for kind, value in group if value == target])
        return lambda id_: _fits(counts[id_], least, most)

    def _leading_test(self, inner: Tree) -> Callable[[str, list[str]], bool]:
        """Whether the relationships from one group of a source to one target, by their kinds, are as asked for."""
        if inner[0] in ("all", "some"):
            tests = [self._leading_test(part) for part in inner[1:]]
            return lambda source, kinds: (all if inner[0] == "all" else any)(t(source, kinds) for t in tests)
        least, most, name, symbol, value = inner[1:]
        names, sources = None if name == ("any",) else self.meant(name), self.meant(value)

        def test(source: str, kinds: list[str]) -> bool:
            count = sum(names is None or kind in names for kind in kinds)
            return _fits(count * ((source in sources) == (symbol == "=")), least, most)

        return test

    def _groups(self, id_: str) -> list[list[tuple[str, str]]]:
        groups: dict[int, list[tuple[str, str]]] = defaultdict(list)
        for group, kind, value in self.related.get(id_, ()):
            if group:
                groups[group].append((kind, value))
        return list(groups.values())

    def _group_test(self, inner: Tree) -> Callable[[list[tuple[str, str]]], bool]:
        kind, *parts = inner
        if kind in ("all", "some"):
            tests = [self._group_test(part) for part in parts]
            return lambda group: (all if kind == "all" else any)(test(group) for test in tests)
        return self._attribute_test(*parts)

    def _attribute_test(
        self, least: int, most: int | None, name: Tree, symbol: str, value: Any
    ) -> Callable[[list[tuple[str, str]]], bool]:
        kinds = None if name == ("any",) else self.meant(name)
        fits = self._value_test(symbol, value)

        def test(pairs: list[tuple[str, str]]) -> bool:
            return _fits(sum((kinds is None or k in kinds) and fits(v) for k, v in pairs), least, most)

        return test

    def _value_test(self, symbol: str, value: Any) -> Callable[[str], bool]:
        if isinstance(value, tuple):
            wanted = self.meant(value)
            return lambda v: v.isdigit() and (v in wanted) == (symbol == "=")
        if isinstance(value, bool):
            return lambda v: v in ("true", "false") and (v == str(value).lower()) == (symbol == "=")
        if isinstance(value, Decimal):
            return lambda v: v.startswith("#") and COMPARE[symbol](Decimal(v[1:]), value)
        return lambda v: v.startswith('"') and _has_words(v[1:-1], value) == (symbol == "=")

    def _reverse_test(
        self, least: int, most: int | None, name: Tree, symbol: str, value: Tree
    ) -> Callable[[str], bool]:
        kinds = None if name == ("any",) else self.meant(name)
        sources = self.meant(value)
        counts: Counter[str] = Counter()
        for source in self.related:
            if (source in sources) == (symbol == "="):
                counts.update(v for _, k, v in self.related[source] if kinds is None or k in kinds)
        return lambda id_: _fits(counts[id_], least, most)

    # -- descriptions ------------------------------------------------------------------------

    def _described(self, of: Tree, *filters: Tree) -> set[str]:
        tests = [self._said_test(*filter_) for filter_ in filters if filter_[0] != "status"]
        which = {filter_[2] for filter_ in filters if filter_[0] == "status"}
        pools = [self.said] * ("0" not in which) + [self.former] * (bool(which) and "1" not in which)
        pools = [] if {"0", "1"} <= which else pools
        return {
            id_
            for id_ in self.meant(of)
            for pool in pools
            if any(all(test(said) for test in tests) for said in pool.get(id_, ()))
        }

    def _said_test(self, kind: str, is_equal: bool, *wanted: Any) -> Callable[[Said], bool]:
        if kind == "match":
            return lambda said: any(_has_words(said.term, w) for w in wanted) == is_equal
        if kind == "wild":
            test = re.compile(".*".join(re.escape(_plain(p)) for p in wanted[0].split("*")), re.DOTALL)
            return lambda said: (test.fullmatch(_plain(said.term)) is not None) == is_equal
        if kind == "language":
            return lambda said: (said.language in wanted) == is_equal
        if kind == "id":
            return lambda said: (said.id in wanted) == is_equal
        if kind == "type":
            return lambda said: (said.type in {TYPES[w] for w in wanted}) == is_equal
        if kind == "time":
            return lambda said: COMPARE[wanted[0]](said.time, wanted[1])
        if kind == "modules":
            modules = self.meant(wanted[0])
            return lambda said: (said.module in modules) == is_equal
        refset, preferred = DIALECTS[wanted[0]], wanted[1]
        return lambda said: _is_accepted(said.accepted.get(refset), preferred) == is_equal

    def found_by(self, text: str) -> set[str]:
        """What a text search finds: every word begins a word of the code or of what the concept is called."""
        begun = (
            {id_ for word, ids in self._speaking.items() if word.startswith(one) for id_ in ids}
            for one in _words(text)
        )
        return set.intersection(*begun)

    @cached_property
    def _speaking(self) -> dict[str, list[str]]:
        """By word, the concepts that have it for a code, or in what they are called."""
        speaking: dict[str, list[str]] = defaultdict(list)
        for id_ in self.concepts:
            said = (_words(one.term) for one in self.said.get(id_, ()) if one.type != DEFINITION)
            for word in {id_}.union(*said):
                speaking[intern(word)].append(id_)
        return speaking


COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def _is_reversed(inner: Tree) -> bool:
    """Whether the attributes in braces are reversed; all of them are, or none."""
    return _is_reversed(inner[1]) if inner[0] in ("all", "some") else inner[0] == "reverse"


def _fits(count: int, least: int, most: int | None) -> bool:
    return least <= count and (most is None or count <= most)


def _is_accepted(acceptability: str | None, preferred: bool | None) -> bool:
    return acceptability is not None and (preferred is None or (acceptability == PREFERRED) == preferred)


def _plain(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c)).lower()


def _words(text: str) -> set[str]:
    return set(re.findall(r"[a-z0-9]+", _plain(text)))


def _begins_all(wanted: set[str], spoken: set[str]) -> bool:
    return all(any(word.startswith(one) for word in spoken) for one in wanted)


def _has_words(text: str, typed: str) -> bool:
    return _begins_all(_words(typed), _words(text))


# -- writing -------------------------------------------------------------------------------------


def written(tree: Tree) -> str:
    """An expression as text; what is below an operator stands in brackets if it must."""
    kind, *parts = tree
    return _WRITTEN[kind](*parts)


def _inner(tree: Tree) -> str:
    return written(tree) if tree[0] in ("any", "concept") else f"({written(tree)})"


def _refinement(refinement: Tree) -> str:
    kind, *parts = refinement
    if kind in ("all", "some"):
        joint = ", " if kind == "all" else " OR "
        return joint.join(f"({_refinement(p)})" if p[0] in ("all", "some") else _refinement(p) for p in parts)
    if kind == "group":
        return f"{_cardinality(*parts[:2])}{{ {_refinement(parts[2])} }}"
    least, most, name, symbol, value = parts
    reverse = "R " if kind == "reverse" else ""
    return f"{_cardinality(least, most)}{reverse}{_inner(name)} {symbol} {_value(value)}"


def _cardinality(least: int, most: int | None) -> str:
    return "" if (least, most) == (1, None) else f"[{least}..{'*' if most is None else most}] "


def _value(value: Any) -> str:
    if isinstance(value, tuple):
        return _inner(value)
    if isinstance(value, bool):
        return str(value).lower()
    return f"#{value}" if isinstance(value, Decimal) else f'"{value}"'


def _filter(kind: str, is_equal: bool, *wanted: Any) -> str:
    equal = "=" if is_equal else "!="
    if kind == "match":
        texts = " ".join(f'"{w}"' for w in wanted)
        return f"term {equal} ({texts})" if len(wanted) > 1 else f"term {equal} {texts}"
    if kind == "wild":
        return f'term {equal} wild:"{wanted[0]}"'
    if kind == "time":
        return f'effectiveTime {wanted[0]} "{wanted[1]}"'
    if kind == "status":
        return f"active = {wanted[0]}"
    if kind == "modules":
        return f"moduleId {equal} {_inner(wanted[0])}"
    if kind == "dialect":
        accepted = {None: "", True: " (prefer)", False: " (accept)"}[wanted[1]]
        return f"dialect {equal} {wanted[0]}{accepted}"
    return f"{kind} {equal} ({' '.join(wanted)})" if len(wanted) > 1 else f"{kind} {equal} {wanted[0]}"


_WRITTEN: dict[str, Callable[..., str]] = {
    "any": lambda: "*",
    "concept": lambda id_: id_,
    "related": lambda symbol, of: f"{symbol} {_inner(of)}",
    "and": lambda *parts: " AND ".join(map(_inner, parts)),
    "or": lambda *parts: " OR ".join(map(_inner, parts)),
    "minus": lambda one, other: f"{_inner(one)} MINUS {_inner(other)}",
    "member": lambda of: f"^ {_inner(of)}",
    "linked": lambda refset, target: f"^ {refset} {{{{ M targetComponentId = {_inner(target)} }}}}",
    "column": lambda refset: f"^ [targetComponentId] {refset}",
    "history": lambda of, profile: f"{_inner(of)} {{{{ + HISTORY-{profile} }}}}",
    "dotted": lambda of, attribute: f"{_inner(of)} . {_inner(attribute)}",
    "active": lambda of, active: f"{_inner(of)} {{{{ C active = {int(active)} }}}}",
    "status": lambda of, is_equal, is_defined: (
        f"{_inner(of)} {{{{ C definitionStatus {'=' if is_equal else '!='} "
        f"{'defined' if is_defined else 'primitive'} }}}}"
    ),
    "module": lambda of, is_equal, module: (
        f"{_inner(of)} {{{{ C moduleId {'=' if is_equal else '!='} {_inner(module)} }}}}"
    ),
    "time": lambda of, symbol, time: f'{_inner(of)} {{{{ C effectiveTime {symbol} "{time}" }}}}',
    "refined": lambda of, refinement: f"{_inner(of)} : {_refinement(refinement)}",
    "described": lambda of, *filters: (
        f"{_inner(of)} {{{{ D {', '.join(_filter(*filter_) for filter_ in filters)} }}}}"
    ),
}


# -- making up -----------------------------------------------------------------------------------


class Chance(Protocol):
    """What ``random.Random`` and hypothesis have in common."""

    def choice(self, among: Sequence[Any], /) -> Any: ...
    def random(self) -> float: ...
    def randrange(self, stop: int, /) -> int: ...


class Inventor:
    """Makes up expressions about a release."""

    def __init__(self, plain: Plain) -> None:
        self._plain = plain
        self._inner = sorted(plain.children)
        self._all = sorted(plain.concepts)
        self._kinds = sorted({kind for pairs in plain.related.values() for _, kind, _ in pairs})
        self._concrete = {
            kind: sorted(
                {v for pairs in plain.related.values() for _, k, v in pairs if k == kind and not v.isdigit()}
            )
            for kind in self._kinds
        }
        self._refsets = sorted(plain.members)
        self._linked = sorted(plain.targets)
        self._modules = sorted({concept.module for concept in plain.concepts.values()} & set(plain.concepts))
        self._times = sorted({concept.time for concept in plain.concepts.values()})
        self._spoken = sorted(plain.said)

    def tree(self, chance: Chance, depth: int = 3) -> Tree:
        if depth <= 0 or chance.random() < 0.15:
            return self._leaf(chance)
        return chance.choice(self._MAKERS)(self, chance, depth - 1)

    def _leaf(self, chance: Chance) -> Tree:
        which = chance.randrange(10)
        if which == 0:
            return ("any",)
        if which == 1:
            return ("concept", chance.choice(self._all))
        # Those with much below them come first in the releases of ``rf2``.
        place = int(len(self._inner) * chance.random() ** 3)
        return ("related", chance.choice(("<", "<<", "<<", "<<", "<!")), ("concept", self._inner[place]))

    def _operated(self, chance: Chance, depth: int) -> Tree:
        symbols = ("<", "<<", "<!", "<<!", ">", ">>", ">!", ">>!", "!!>", "!!<")
        return ("related", chance.choice(symbols), self.tree(chance, depth))

    def _compound(self, chance: Chance, depth: int) -> Tree:
        kind = chance.choice(("and", "or", "minus"))
        count = 2 if kind == "minus" else chance.choice((2, 2, 3))
        return (kind, *(self.tree(chance, depth) for _ in range(count)))

    def _member(self, chance: Chance, depth: int) -> Tree:
        return ("member", chance.choice((("any",), *(("concept", refset) for refset in self._refsets))))

    def _of_association(self, chance: Chance, depth: int) -> Tree:
        refset = chance.choice(self._linked)
        return chance.choice((("column", refset), ("linked", refset, self.tree(chance, depth))))

    def _historical(self, chance: Chance, depth: int) -> Tree:
        return ("history", self.tree(chance, depth), chance.choice(("MIN", "MOD", "MAX")))

    def _dotted(self, chance: Chance, depth: int) -> Tree:
        without = [kind for kind in self._kinds if not self._concrete[kind]]
        return ("dotted", self.tree(chance, depth), ("concept", chance.choice(without)))

    def _concept_filter(self, chance: Chance, depth: int) -> Tree:
        of = self.tree(chance, depth)
        return chance.choice(
            (
                ("active", of, chance.random() < 0.5),
                ("status", of, chance.random() < 0.5, chance.random() < 0.5),
                ("module", of, chance.random() < 0.5, ("concept", chance.choice(self._modules))),
                ("time", of, chance.choice(tuple(COMPARE)), chance.choice(self._times)),
            )
        )

    def _described(self, chance: Chance, depth: int) -> Tree:
        filters = [self._said_filter(chance) for _ in range(chance.choice((1, 1, 2, 3)))]
        return ("described", self.tree(chance, depth), *filters)

    def _said_filter(self, chance: Chance) -> Tree:
        is_equal = chance.random() < 0.85
        said = self._plain.said[chance.choice(self._spoken)][0]
        words = sorted(_words(said.term))
        word, other = chance.choice(words), chance.choice(words)
        return chance.choice(
            (
                ("match", is_equal, word[: 1 + chance.randrange(4)]),
                ("match", is_equal, f"{word[:3]} {other[:2]}"),
                ("match", is_equal, word[:3], other),
                ("wild", is_equal, f"{_plain(said.term)[:5]}*"),
                ("wild", is_equal, f"*{word[-2:]} *"),
                ("language", is_equal, chance.choice(("en", "es"))),
                ("status", True, chance.choice(("0", "1", "*"))),
                (
                    "id",
                    is_equal,
                    *(self._plain.said[chance.choice(self._spoken)][0].id for _ in "ab"),
                    said.id,
                ),
                ("type", is_equal, *chance.choice((("syn",), ("fsn",), ("def",), ("syn", "def")))),
                ("time", True, chance.choice(tuple(COMPARE)), chance.choice(self._times)),
                ("modules", is_equal, ("concept", chance.choice(self._modules))),
                ("dialect", is_equal, chance.choice(tuple(DIALECTS)), chance.choice((None, True, False))),
            )
        )

    # -- refinements -------------------------------------------------------------------------

    def _refined(self, chance: Chance, depth: int) -> Tree:
        return (
            "refined",
            self.tree(chance, depth),
            self._refinement(chance, depth, chance.choice((0, 1, 1, 2))),
        )

    def _refinement(self, chance: Chance, depth: int, deeper: int) -> Tree:
        if deeper:
            kind = chance.choice(("all", "all", "some"))
            return (kind, *(self._refinement(chance, depth, deeper - 1) for _ in range(2)))
        if chance.random() < 0.4:
            return ("group", *self._often(chance), self._in_group(chance, depth))
        return self._reversed(chance, depth) if chance.random() < 0.2 else self._attribute(chance, depth)

    def _reversed(self, chance: Chance, depth: int) -> Tree:
        value = self.tree(chance, min(depth, 1))
        return ("reverse", *self._often(chance), self._name(chance), chance.choice(("=", "!=")), value)

    def _in_group(self, chance: Chance, depth: int) -> Tree:
        made = self._reversed if chance.random() < 0.3 else self._attribute
        attributes = [made(chance, depth) for _ in range(chance.choice((1, 2, 2, 3)))]
        if len(attributes) == 1:
            return attributes[0]
        return (chance.choice(("all", "all", "some")), *attributes)

    def _name(self, chance: Chance) -> Tree:
        if chance.random() < 0.15:
            return ("any",)
        names = [("concept", chance.choice(self._kinds)) for _ in range(chance.choice((1, 1, 1, 2)))]
        return names[0] if len(names) == 1 else ("or", *names)

    @staticmethod
    def _often(chance: Chance) -> tuple[int, int | None]:
        often: tuple[int, int | None] = chance.choice(
            ((1, None), (1, None), (1, None), (0, 0), (0, 1), (1, 1), (2, None), (2, 3), (0, None))
        )
        return often

    def _attribute(self, chance: Chance, depth: int) -> Tree:
        kind = chance.choice(self._kinds)
        if self._concrete[kind]:
            symbol, value = self._concrete_value(chance, chance.choice(self._concrete[kind]))
            return ("attribute", *self._often(chance), ("concept", kind), symbol, value)
        value = self.tree(chance, min(depth, 1))
        return ("attribute", *self._often(chance), self._name(chance), chance.choice(("=", "=", "!=")), value)

    @staticmethod
    def _concrete_value(chance: Chance, value: str) -> tuple[str, Any]:
        if value.startswith("#"):
            return chance.choice(tuple(COMPARE)), Decimal(value[1:])
        symbol = chance.choice(("=", "!="))
        return symbol, value == "true" if value in ("true", "false") else value[1:-1]

    _MAKERS = (
        _operated,
        _operated,
        _compound,
        _compound,
        _member,
        _of_association,
        _historical,
        _dotted,
        _concept_filter,
        _described,
        _described,
        _refined,
        _refined,
        _refined,
    )
