"""docs/systems.md, written from the descriptions of code systems in ``terminology/systems``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from terminology.systems.described import DESCRIPTIONS
from terminology.systems.description import FilterRule, SystemDescription
from terminology.systems.names import NAMES
from terminology.systems.neighbours import NEIGHBOURS

_HEAD = """\
# Code systems as their owners define them

Written by `terminology reference` from the descriptions in `terminology/systems`, which the code reads, too; a test
fails when the page is out of date. SNOMED CT has a page besides: [snomed.md](snomed.md).

A table for each code system says which of the rules of its owner, and of HL7, are offered, and the last one
which are not. A filter that is not offered is refused with the reason there. A filter with a value that no concept
has selects nothing: then `$expand` warns in the header `Warning`, and `$validate-code` in `diagnostics` of the issue.
Besides the filters here, every hierarchy has those of FHIR (`concept is-a` and the others)."""


def lines() -> Iterator[str]:
    """The lines of the page."""
    yield _HEAD
    yield from _names()
    for description in DESCRIPTIONS:
        yield from _system(description)
    yield from _neighbours()


def _neighbours() -> Iterator[str]:
    yield "\n## Neighbours"
    yield "\nA copy of these is answered for as any other CodeSystem resource that is loaded; nothing else is offered."
    rows = ((each.name, f"`{each.url}`", each.codes, each.reason) for each in NEIGHBOURS)
    yield from _table(("code system", "url", "codes", "why no more is offered"), rows)


def _names() -> Iterator[str]:
    yield "\n## Other names"
    yield "\nA request may use any of these names; answers have the url. In a Coding, an OID has `urn:oid:` before it."
    rows = (
        (
            each.title,
            f"`{each.url}`",
            *(", ".join(f"`{name}`" for name in names) for names in (each.oids, each.urls)),
        )
        for each in NAMES
    )
    yield from _table(("code system", "url", "OIDs", "other urls"), rows)


def _system(description: SystemDescription) -> Iterator[str]:
    yield f"\n## {description.name}"
    facts = (
        ("url", f"`{description.url}`"),
        ("codes", description.codes),
        ("displays", description.displays),
        ("version", description.versions),
        ("inactive", description.inactive),
        ("subsumption", description.subsumption),
        ("copyright of the value sets here", description.copyright or "None is asked for."),
        ("rules", description.source),
    )
    yield from _table(("", description.name), facts)
    if description.properties:
        rows: Iterable[Sequence[str]] = ((f"`{p.code}`", p.type, p.meaning) for p in description.properties)
        yield from _table(("property", "type", "meaning"), rows)
    filters = [*description.filters, *((description.others,) if description.others else ())]
    if filters:
        yield from _table(("filter", "operators", "value", "selects"), map(_filter_row, filters))
    if description.value_sets:
        rows = ((f"`{each.canonical}`", each.content) for each in description.value_sets)
        yield from _table(("implicit value set", "content"), rows)
    if description.maps:
        rows = ((f"`{each.canonical}`", each.content) for each in description.maps)
        yield from _table(("implicit map", "content"), rows)
    if description.not_offered:
        yield from _table(("not offered", "why"), ((n.what, n.reason) for n in description.not_offered))


def _filter_row(rule: FilterRule) -> tuple[str, ...]:
    names = rule.label or ", ".join(f"`{name}`" for name in rule.properties)
    return names, " ".join(f"`{operator}`" for operator in rule.operators), rule.value, rule.selects


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield ""
    yield f"| {' | '.join(head)} |"
    yield f"|{' --- |' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"
