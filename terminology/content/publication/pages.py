"""The tables of docs/content.md that are made from the content, such as the codes by technique and the known gaps.

Each stands in the page between two comments that name it, and ``terminology build-bundles`` writes it there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from terminology.content.publication.concept_maps import GAP, NOT_RELATED, PublishedMap
from terminology.content.publication.conditions import parts_of
from terminology.content.publication.source import PublicationSource, PublishedSystem
from terminology.content.publication.tables import read_table
from terminology.core.errors import PublicationError

# The systems of the table of codes, in the order of its columns.
COLUMNS = ("cpt", "icd-10-pcs", "icd-9-cm-procedures", "ccam", "ops", "opcs-4", "snomed-gps")
BILLS = {
    "outpatient-or-professional": "physician, or facility for an outpatient",
    "inpatient-facility": "facility for an inpatient",
}
INTENTS = ("diagnostic", "therapeutic")
# The usual case. Other conditions stand in the cell.
USUAL = {"approach": "via-natural-opening", "episode": "initial"}
NOTHING = "–"


def rewritten(page: str, source: PublicationSource) -> str:
    """A page with the tables that it names made anew. Raises PublicationError for a name that no table has."""

    def table(match: re.Match[str]) -> str:
        name = match["name"]
        if name not in TABLES:
            raise PublicationError(
                "docs/content.md", None, f"there is no table {name!r}: {', '.join(TABLES)}"
            )
        return f"<!-- table: {name} -->\n{TABLES[name](source)}<!-- end of table -->"

    return re.sub(r"<!-- table: (?P<name>\S+) -->\n.*?<!-- end of table -->", table, page, flags=re.DOTALL)


def _markdown(header: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    rows = [header, ["---"] * len(header), *lines]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


# -- codes by technique --------------------------------------------------------------------------


def codes(source: PublicationSource) -> str:
    """Which code each system has for a conization: by technique, by the bill and by intent."""
    own = next(e["id"] for e in source.resources["CodeSystem"] if source.is_own(source.system(e["id"])))
    ends = {(entry["source"], entry["target"]): entry for entry in source.resources["ConceptMap"]}
    maps = {key: PublishedMap(source, ends[own, key]) for key in COLUMNS if (own, key) in ends}
    lines: list[list[str]] = []
    for concept in source.concepts[own]:
        if concept["isConization"] != "true":
            continue
        for bill, words in BILLS.items():
            by_intent = [
                [
                    _cell(published, concept["code"], USUAL | {"setting": bill, "intent": intent})
                    for published in maps.values()
                ]
                for intent in INTENTS
            ]
            if by_intent[0] == by_intent[1]:
                lines.append([f"`{concept['code']}`", words, "either", *by_intent[0]])
            else:
                lines += [
                    [f"`{concept['code']}`", words, intent, *cells]
                    for intent, cells in zip(INTENTS, by_intent, strict=True)
                ]
    titles = [source.system(key).row["title"] for key in maps]
    return _markdown(["technique", "whose bill", "intent", *titles], lines)


def _cell(published: PublishedMap, code: str, known: Mapping[str, str]) -> str:
    """The targets of a code under known conditions, each with its other conditions and its sources."""
    bill = published.entry.get("bill", known["setting"])
    rows = published.rows_of(code) if bill == known["setting"] else []
    cells = []
    for row in rows:
        needs: dict[str, list[str]] = {}
        for name, value in parts_of(row, "dependsOn"):
            needs.setdefault(name, []).append(value)
        if any(known[name] not in values for name, values in needs.items() if name in known):
            continue
        left = [f"{name}={' or '.join(values)}" for name, values in needs.items() if name not in known]
        condition = f" if {', '.join(left)}" if left else ""
        mark = "" if row["status"] == "V" else "*"
        keys = ", ".join(row.many("evidence"))
        cells += [f"{mark}{target}{mark}{condition} ({keys})" for target in row.many("target")]
    return "<br>".join(cells) or NOTHING


# -- coverage ------------------------------------------------------------------------------------


def coverage(source: PublicationSource) -> str:
    """The rows from each system to each other one, and the percentage of its codes from which one leads."""
    rows: dict[tuple[str, str], int] = {}
    covered: dict[tuple[str, str], set[str]] = {}
    for entry in source.resources["ConceptMap"]:
        ends = entry["source"], entry["target"]
        for row in PublishedMap(source, entry).rows:
            if row["relationship"] in (GAP, NOT_RELATED):
                continue
            rows[ends] = rows.get(ends, 0) + len(row.many("source")) * max(len(row.many("target")), 1)
            covered.setdefault(ends, set()).update(row.many("source"))
    keys = sorted({key for pair in rows for key in pair})
    lines = []
    for start in keys:
        carried = set(_carried(source, source.system(start)))
        cells = []
        for end in keys:
            if (start, end) in rows:
                percent = 100 * len(covered[start, end] & carried) // len(carried)
                cells.append(f"{rows[start, end]}, {percent}%")
            else:
                cells.append("")
        if any(cells):
            lines.append([f"`{start}` ({len(carried)})", *cells])
    return _markdown(["from, with its codes", *(f"`{key}`" for key in keys)], lines)


def _carried(source: PublicationSource, system: PublishedSystem) -> Iterator[str]:
    """The codes of a system that may be translated: in a fragment, or named by their identifier."""
    chosen, _, value = system.row["carried"].partition("=")
    entries = [e["id"] for e in source.resources["CodeSystem"] if source.system(e["id"]).uri == system.uri]
    for concept in (concept for id_ in entries for concept in source.concepts[id_]):
        if concept["notSelectable"] != "true" and (not chosen or concept[chosen] == value):
            yield concept["code"]
    yield from (row["code"] for row in source.reference_rows.get(system.key, ()))


# -- known gaps ----------------------------------------------------------------------------------


def gaps(source: PublicationSource) -> str:
    """The content that is not published because nobody has verified it."""
    rows = read_table(source.root, "gaps.csv", ("area", "what", "why"))
    lines = [[row["area"], row["what"], row["why"]] for row in rows]
    for entry in source.resources["ConceptMap"]:
        lines += [
            [f"`{entry['id']}`", ", ".join(f"`{code}`" for code in of_row), row["comment"]]
            for of_row, row in PublishedMap(source, entry).gaps()
        ]
    return _markdown(["area", "what", "why"], lines)


def sources(source: PublicationSource) -> str:
    """The keys of the sources, for the table of codes."""
    rows = read_table(source.root, "sources.csv", ("key", "kind", "source"))
    return _markdown(["key", "kind", "source"], [[row["key"], row["kind"], row["source"]] for row in rows])


TABLES: dict[str, Callable[[PublicationSource], str]] = {
    "codes": codes,
    "coverage": coverage,
    "gaps": gaps,
    "sources": sources,
}
