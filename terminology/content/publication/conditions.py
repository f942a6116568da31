"""The conditions (``dependsOn``) of the rows of a published map, and the targets that they leave.

A condition stands on all rows of a source code or on none, so that a value that is sent never leaves out one
alternative and keeps the others. Where a row is meant to hold whatever the value is, its column ``regardlessOf`` names
the attribute.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from terminology.content.publication.source import PublicationSource
from terminology.content.publication.tables import SourceRow

ANY_OTHER = "any other"
# A condition of a line: an attribute and the values that have the same outcome.
Conditions = tuple[tuple[str, tuple[str, ...]], ...]


def parts_of(row: SourceRow, column: str) -> Iterator[tuple[str, str]]:
    """The attributes and values of a cell: ``technique=loop; setting=inpatient-facility``."""
    for part in filter(None, (part.strip() for part in row[column].split(";"))):
        name, equals, value = part.partition("=")
        if not equals or not value:
            raise row.error(f"{column} should read attribute=value; attribute=value, not {part!r}")
        yield name, value


def check_conditions(rows: Sequence[SourceRow], code: str) -> None:
    """Raises PublicationError if an attribute conditions some of the rows of a code, and not the others."""
    used = [{name for name, _ in parts_of(row, "dependsOn")} for row in rows]
    for row, own in zip(rows, used, strict=True):
        others = set().union(*used) - own
        exempt = set(row.many("regardlessOf"))
        if missing := sorted(others - exempt):
            raise row.error(
                f"{missing[0]} conditions other rows of {code}, but not this one: dependsOn should have it, "
                "or regardlessOf if this row holds whatever its value"
            )
        if idle := sorted(exempt - others):
            raise row.error(f"regardlessOf names {idle[0]}, which conditions no other row of {code}")


@dataclass(frozen=True)
class Decision:
    """The targets that are left for a code under some conditions."""

    conditions: Conditions
    targets: tuple[str, ...]

    def text(self) -> str:
        """``technique=loop; colposcopyGuided=true``, with | between values of the same outcome."""
        return "; ".join(f"{name}={'|'.join(values)}" for name, values in self.conditions)


def decisions(source: PublicationSource, rows: Sequence[SourceRow]) -> list[Decision]:
    """The targets that are left for each combination of values of the attributes that the rows of a code use.

    Values with the same outcome share a line; an attribute that changes nothing is left out.
    """
    needs = [_by_attribute(row) for row in rows]
    attributes = list(dict.fromkeys(name for conditions in needs for name in conditions))
    domains = {name: _domain(source, name, needs) for name in attributes}
    targets = [tuple(row.many("target")) for row in rows]
    lines = _lines(attributes, domains, list(zip(needs, targets, strict=True)))
    return [Decision(conditions, left) for conditions, left in lines]


def _by_attribute(row: SourceRow) -> dict[str, list[str]]:
    values: dict[str, list[str]] = {}
    for name, value in parts_of(row, "dependsOn"):
        values.setdefault(name, []).append(value)
    return values


def _domain(source: PublicationSource, attribute: str, needs: Sequence[dict[str, list[str]]]) -> list[str]:
    """The values that the rows name, and one that stands for all others."""
    named = list(dict.fromkeys(value for conditions in needs for value in conditions.get(attribute, ())))
    if source.terms[attribute].type == "boolean":
        return ["true", "false"]
    others = {term.code for term in source.values.get(attribute, ())} - set(named)
    return [*named, ANY_OTHER] if others or len(named) == 1 else named


def _lines(
    attributes: Sequence[str],
    domains: dict[str, list[str]],
    rows: Sequence[tuple[dict[str, list[str]], tuple[str, ...]]],
) -> list[tuple[Conditions, tuple[str, ...]]]:
    if not attributes:
        return [((), tuple(dict.fromkeys(target for _, targets in rows for target in targets)))]
    attribute, *rest = attributes
    outcomes: dict[tuple[tuple[Conditions, tuple[str, ...]], ...], list[str]] = {}
    for value in domains[attribute]:
        left = [row for row in rows if value in row[0].get(attribute, [value])]
        outcomes.setdefault(tuple(_lines(rest, domains, left)), []).append(value)
    if len(outcomes) == 1:
        return list(next(iter(outcomes)))
    return [
        (((attribute, tuple(values)), *conditions), targets)
        for lines, values in outcomes.items()
        for conditions, targets in lines
    ]
