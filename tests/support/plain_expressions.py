"""Post-coordinated expressions in the plainest way: what they imply, computed from the rows of a release.

An expression is ``(is_primitive, foci, alone, groups)``: concepts, pairs of attribute and value, and lists of such
pairs. A value is an identifier, a concrete value as RF2 writes it, or an expression. ``written`` puts it in the
compositional grammar, ``PlainExpressions`` has its meaning, ``ExpressionInventor`` makes one up. Nothing here is taken
from the product.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import cached_property, lru_cache
from typing import Any

from tests.support.plain_snomed import COMPARE, Chance, Plain, Tree, _has_words, _is_reversed

Value = Any
Pair = tuple[str, Value]
Group = tuple[Pair, ...]
Expression = tuple[bool, tuple[str, ...], Group, tuple[Group, ...]]


def single(id_: str) -> Expression:
    return (False, (id_,), (), ())


def written(
    expression: Expression, term: Callable[[str], str | None] = lambda id_: None, blank: str = ""
) -> str:
    """In the compositional grammar; ``term`` gives the term of a concept, ``blank`` stands between parts."""
    is_primitive, foci, alone, groups = expression

    def reference(id_: str) -> str:
        text = term(id_)
        return f"{id_}{blank}|{text}|" if text else id_

    def pair(name: str, value: Value) -> str:
        if isinstance(value, tuple):
            return f"{reference(name)}{blank}={blank}({written(value, term, blank)})"
        return f"{reference(name)}{blank}={blank}{reference(value) if value.isdigit() else value}"

    def group(pairs: Group) -> str:
        return "{" + blank + f",{blank}".join(pair(*each) for each in pairs) + blank + "}"

    text = ("<<<" if is_primitive else "") + blank + f"{blank}+{blank}".join(map(reference, foci))
    parts = [*(pair(*each) for each in alone), *map(group, groups)]
    return text + (f"{blank}:{blank}" + f"{blank},{blank}".join(parts) if parts else "")


class PlainExpressions:
    """What expressions imply, by focus concepts and attributes."""

    def __init__(self, plain: Plain) -> None:
        self.plain = plain
        self.above = lru_cache(maxsize=None)(
            lambda id_: frozenset(plain._reached({id_}, plain.parents)) | {id_}
        )

    def groups_of(self, id_: str) -> list[tuple[bool, Group]]:
        """The groups of a concept; an attribute in group 0 is alone."""
        numbered: dict[int, list[Pair]] = defaultdict(list)
        for group, kind, value in self.plain.related.get(id_, ()):
            numbered[group].append((kind, value))
        alone = [(True, (pair,)) for pair in numbered.pop(0, ())]
        return alone + [(False, tuple(pairs)) for pairs in numbered.values()]

    def groups(self, expression: Expression) -> list[tuple[bool, Group]]:
        _, foci, alone, groups = expression
        own = [(False, (pair,)) for pair in alone] + [(False, group) for group in groups]
        return own + [group for focus in foci for group in self.groups_of(focus)]

    # -- subsumption -------------------------------------------------------------------------

    def subsumes(self, one: Expression, other: Expression) -> bool:
        if _sorted(one) == _sorted(other):
            return True
        if one[0]:
            return False
        if not any((*one[2:], *other[2:], other[0])) and len(one[1]) == len(other[1]) == 1:
            return one[1][0] in self.above(other[1][0])
        there = [group for _, group in self.groups(other)]
        own = [(pair,) for pair in one[2]] + list(one[3])
        return all(self._has_focus(focus, other[1], there) for focus in one[1]) and self._all(own, there)

    def _has_focus(self, focus: str, foci: Sequence[str], there: Sequence[Group]) -> bool:
        reached = {id_ for other in foci for id_ in self.above(other)}
        if focus in reached:
            return True
        if not self.plain.concepts[focus].is_defined or not self.plain.parents.get(focus):
            return False
        groups = [group for _, group in self.groups_of(focus)]
        return self.plain.primitives(focus) <= reached and self._all(groups, there)

    def _all(self, ones: Sequence[Group], there: Sequence[Group]) -> bool:
        return all(any(self._matches(one, other) for other in there) for one in ones)

    def _matches(self, one: Group, other: Group) -> bool:
        return all(any(self._implied(pair, by) for by in other) for pair in one)

    def _implied(self, pair: Pair, by: Pair) -> bool:
        if pair[0] not in self.above(by[0]):
            return False
        value, other = pair[1], by[1]
        is_concrete = [isinstance(v, str) and not v.isdigit() for v in (value, other)]
        if any(is_concrete):
            return all(is_concrete) and _plain_value(value) == _plain_value(other)
        whole = (v if isinstance(v, tuple) else single(v) for v in (value, other))
        return self.subsumes(*whole)

    # -- membership --------------------------------------------------------------------------

    def is_member(self, tree: Tree, expression: Expression) -> bool:
        kind, *parts = tree
        if kind == "any":
            return True
        if kind == "concept":
            return self._is_equal(single(parts[0]), expression)
        if kind == "related":
            return self._is_related(parts[0], parts[1], expression)
        if kind in ("and", "or"):
            return (all if kind == "and" else any)(self.is_member(part, expression) for part in parts)
        if kind == "minus":
            return self.is_member(parts[0], expression) and not self.is_member(parts[1], expression)
        if kind == "history":
            return self.is_member(parts[0], expression)
        if kind == "active":
            return bool(parts[1]) and self.is_member(parts[0], expression)
        if kind == "refined":
            return self.is_member(parts[0], expression) and self._holds(parts[1], expression)
        return False

    def _is_equal(self, one: Expression, other: Expression) -> bool:
        return self.subsumes(one, other) and self.subsumes(other, one)

    def _is_related(self, symbol: str, of: Tree, expression: Expression) -> bool:
        if symbol in ("<<!", ">>", ">>!"):
            return self.is_member(of, expression)
        if symbol not in ("<", "<<"):
            return False
        if symbol == "<<" and self.is_member(of, expression):
            return True
        some = self._perhaps_above(expression) & self.plain.meant(of)
        above = (c for c in map(single, some) if self.subsumes(c, expression))
        return any(symbol == "<<" or not self.subsumes(expression, c) for c in above)

    def _perhaps_above(self, expression: Expression) -> set[str]:
        """All concepts that may subsume an expression: those above its foci, and what is defined by some of them."""
        reached = {id_ for focus in expression[1] for id_ in self.above(focus)}
        return reached.union(*(self._defined_by[id_] for id_ in reached & self._defined_by.keys()))

    @cached_property
    def _defined_by(self) -> dict[str, set[str]]:
        """The sufficiently defined concepts, by each of the primitive concepts that define them."""
        defined: dict[str, set[str]] = defaultdict(set)
        for id_, concept in self.plain.concepts.items():
            if concept.is_defined and self.plain.parents.get(id_):
                for primitive in self.plain.primitives(id_):
                    defined[primitive].add(id_)
        return defined

    def _reduced(self, expression: Expression) -> list[tuple[bool, Group]]:
        groups = [(alone, tuple(_least(group, self._implied))) for alone, group in self.groups(expression)]
        return _least(groups, lambda one, other: self._matches(one[1], other[1]))

    def _holds(self, refinement: Tree, expression: Expression) -> bool:
        groups = self._reduced(expression)
        everywhere = [pair for _, group in groups for pair in group]

        def holds(part: Tree) -> bool:
            if part[0] in ("all", "some"):
                return (all if part[0] == "all" else any)(map(holds, part[1:]))
            if part[0] == "group":
                count = (
                    0
                    if _is_reversed(part[3])
                    else sum(self._in_group(part[3], group) for alone, group in groups if not alone)
                )
                return part[1] <= count and (part[2] is None or count <= part[2])
            return self._in_group(part, everywhere)

        return holds(refinement)

    def _in_group(self, part: Tree, pairs: Sequence[Pair]) -> bool:
        if part[0] in ("all", "some"):
            return (all if part[0] == "all" else any)(self._in_group(each, pairs) for each in part[1:])
        least, most, name, symbol, value = part[1:]
        count = 0
        if part[0] != "reverse":
            kinds = None if name == ("any",) else self.plain.meant(name)
            named = [pair for pair in pairs if kinds is None or pair[0] in kinds]
            count = sum(self._has_value(symbol, value, other) for _, other in named)
        return bool(least <= count and (most is None or count <= most))

    def _has_value(self, symbol: str, value: Any, other: Value) -> bool:
        if isinstance(value, tuple):
            if isinstance(other, tuple):
                return self.is_member(value, other) == (symbol == "=")
            return bool(other.isdigit()) and (other in self.plain.meant(value)) == (symbol == "=")
        if isinstance(other, tuple) or other.isdigit():
            return False
        if isinstance(value, bool):
            return other in ("true", "false") and (other == str(value).lower()) == (symbol == "=")
        if isinstance(value, Decimal):
            return other.startswith("#") and COMPARE[symbol](Decimal(other[1:]), value)
        return other.startswith('"') and _has_words(other[1:-1], value) == (symbol == "=")


def _plain_value(text: str) -> object:
    return Decimal(text[1:]) if text.startswith("#") else text


def _sorted(expression: Expression) -> object:
    """The same for expressions that differ only in order."""

    def pair(each: Pair) -> tuple[str, str]:
        name, value = each
        text = repr(_sorted(value)) if isinstance(value, tuple) else repr(_plain_value(value))
        return name, text

    is_primitive, foci, alone, groups = expression
    return (
        is_primitive,
        sorted(set(foci)),
        sorted(set(map(pair, alone))),
        sorted({tuple(sorted(set(map(pair, group)))) for group in groups}),
    )


def _least(items: Sequence[Any], implied: Callable[[Any, Any], bool]) -> list[Any]:
    """Without the items that another one implies; of equals the first stays."""
    left: list[Any] = []
    for item in items:
        if any(implied(item, other) for other in left):
            continue
        left = [other for other in left if not implied(other, item)] + [item]
    return left


# -- making up -----------------------------------------------------------------------------------


class ExpressionInventor:
    """Makes up expressions: some refine a concept by what another one has, so that they are below defined concepts."""

    def __init__(self, plain: Plain) -> None:
        self._plain = plain
        self._active = sorted(id_ for id_, one in plain.concepts.items() if one.active)
        self._refined = sorted(id_ for id_, rows in plain.related.items() if rows)
        self._kinds = sorted({kind for rows in plain.related.values() for _, kind, _ in rows})

    def invented(self, chance: Chance, depth: int = 1) -> Expression:
        model = chance.choice(self._refined)
        foci = self._foci(chance, model)
        numbered: dict[int, list[Pair]] = defaultdict(list)
        for group, kind, value in self._plain.related[model]:
            if chance.random() < 0.8:
                numbered[group].append((kind, self._value(chance, value, depth)))
        if chance.random() < 0.3:
            numbered[0].append(
                (chance.choice(self._kinds), self._value(chance, chance.choice(self._active), depth))
            )
        alone = tuple(numbered.pop(0, ()))
        groups = tuple(tuple(pairs) for pairs in numbered.values())
        # Only the whole expression may begin with ``<<<``.
        return (depth > 0 and chance.random() < 0.1, foci, alone, groups)

    def _foci(self, chance: Chance, model: str) -> tuple[str, ...]:
        if chance.random() < 0.3:
            return tuple(dict.fromkeys(chance.choice(self._active) for _ in range(chance.choice((1, 2)))))
        if chance.random() < 0.5:
            return tuple(sorted(self._plain.primitives(model))) or (model,)
        return (chance.choice(sorted(self._plain.parents.get(model) or {model})),)

    def _value(self, chance: Chance, value: str, depth: int) -> Value:
        if not value.isdigit():
            return value
        if depth and chance.random() < 0.2:
            nested = self.invented(chance, depth - 1)
            return nested if any(nested[2:]) or len(nested[1]) > 1 else nested[1][0]
        below = sorted(self._plain.children.get(value, ()))
        return chance.choice(below) if below and chance.random() < 0.4 else value
