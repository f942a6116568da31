"""The ConceptMaps that an RF2 release holds: historical associations, simple and extended maps.

Their canonicals are the implicit ones of https://terminology.hl7.org/SNOMEDCT.html,
``http://snomed.info/sct?fhir_cm=…`` with the identifier of the reference set::

    der2_cRefset_AssociationSnapshot_…   … refsetId referencedComponentId targetComponentId
    der2_sRefset_SimpleMapSnapshot_…     … refsetId referencedComponentId mapTarget
    der2_iisssccRefset_ExtendedMapSnapshot_…
        … referencedComponentId mapGroup mapPriority mapRule mapAdvice mapTarget correlationId mapCategoryId

In an extended map a concept may need one code of each of several groups: a code of the first group is the
target, those of the others are ``product``s, so that an answer is never half of a combination. Within a
group the rule of a row is its condition: ``dependsOn`` the attribute ``mapRule``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import groupby, product
from math import prod
from typing import NamedTuple

from terminology.content.importers.attributes import declarations
from terminology.content.importers.buckets import Buckets
from terminology.content.importers.files import File
from terminology.content.importers.rows import SILENT, is_number, raw_records
from terminology.core.model import Document, Problem
from terminology.store.release import (
    MapGroup,
    MapRelease,
    MapRow,
    OpenedConceptMap,
    PropertyTuple,
    SourceFile,
)
from terminology.store.reporting import Reporter
from terminology.systems.snomed.identifiers import URL
from terminology.systems.snomed.implicit import COPYRIGHT

MOST_COMBINATIONS = 10_000
# The relationship of the old concept to the new one in a historical association, its equivalence in R4 where that
# says more, and its name. The page above has the first four.
ASSOCIATION: dict[str, tuple[str, str | None, str]] = {
    "900000000000527005": ("equivalent", "equal", "SAME AS"),
    "900000000000526001": ("equivalent", None, "REPLACED BY"),
    "900000000000523009": ("related-to", "inexact", "POSSIBLY EQUIVALENT TO"),
    "900000000000530003": ("related-to", "inexact", "ALTERNATIVE"),
    "900000000000528000": ("source-is-narrower-than-target", None, "WAS A"),
    "1186924009": ("related-to", "inexact", "PARTIALLY EQUIVALENT TO"),
    "1186921001": ("related-to", "inexact", "POSSIBLY REPLACED BY"),
}
# The code systems that well-known map reference sets lead to.
TARGETS = {
    "447562003": "http://hl7.org/fhir/sid/icd-10",
    "447563008": "http://hl7.org/fhir/sid/icd-9-cm",
    "6011000124106": "http://hl7.org/fhir/sid/icd-10-cm",
    "446608001": "http://terminology.hl7.org/CodeSystem/icd-o-3",
    "900000000000497000": "http://read.info/ctv3",
}
# What a correlation says of source and target: the relationship, and the equivalence in R4 where that says more.
EXACT, PARTIAL = ("equivalent", "equal"), ("related-to", "inexact")
NARROW_TO_BROAD, BROAD_TO_NARROW = (
    ("source-is-narrower-than-target", None),
    ("source-is-broader-than-target", None),
)
NOT_MAPPABLE, NOT_SPECIFIED = ("not-related-to", None), ("related-to", None)
CORRELATION: dict[bytes, tuple[str, str | None]] = {
    b"447557004": EXACT,
    b"1193548004": EXACT,
    b"447558009": NARROW_TO_BROAD,
    b"1193549007": NARROW_TO_BROAD,
    b"447559001": BROAD_TO_NARROW,
    b"1193547009": BROAD_TO_NARROW,
    b"447560006": PARTIAL,
    b"1193550007": PARTIAL,
    b"447556008": NOT_MAPPABLE,
    b"1193551006": NOT_MAPPABLE,
}
PROPERTIES = {
    "mapPriority": ("integer", "Its place among the rows of its group: the first whose rule holds applies."),
    "mapAdvice": ("string", "The publisher's advice to coders."),
    "mapCategory": ("code", "The category that the publisher put the mapping in.", URL),
}
ATTRIBUTES = {
    "mapRule": ("string", "The rule of the publisher under which the mapping holds."),
    "mapGroup": ("Coding", "A code of a further group, which is needed besides the target."),
}

_MEMBER = ("id", "effectiveTime", "active", "moduleId", "refsetId", "referencedComponentId")
_ASSOCIATION = (*_MEMBER, "targetComponentId")
_SIMPLE = (*_MEMBER, "mapTarget")
_EXTENDED = (
    *_MEMBER,
    "mapGroup",
    "mapPriority",
    "mapRule",
    "mapAdvice",
    "mapTarget",
    "correlationId",
    "mapCategoryId",
)
_COLUMNS = {"association": _ASSOCIATION, "simpleMap": _SIMPLE, "extendedMap": _EXTENDED}


class ExtendedMapRow(NamedTuple):
    """A row of an extended map."""

    group: int
    priority: int
    rule: str
    advice: str
    target: str
    correlation: bytes
    category: str


def open_maps(
    files: dict[str, list[File]], version: str, sources: Sequence[SourceFile]
) -> list[OpenedConceptMap]:
    """A map for each reference set that has rows. ``files`` are those of each kind of map reference set."""
    kinds = {}
    for kind, group in files.items():
        for file in group:
            for row in raw_records(file, SILENT, _COLUMNS[kind]):
                refset = row[4].decode()
                if row[2] == b"1" and (kind != "association" or refset in ASSOCIATION):
                    kinds[refset] = kind
    return [
        OpenedConceptMap(_release(refset, kind, version, sources), partial(_mappings, refset, files))
        for refset, kind in kinds.items()
    ]


def _release(refset: str, kind: str, version: str, sources: Sequence[SourceFile]) -> MapRelease:
    is_association = kind == "association"
    name = ASSOCIATION[refset][2] if is_association else refset
    target = URL if is_association else TARGETS.get(refset)
    header: Document = {
        "description": "The concept map implicitly defined by the "
        + (f"{name} Association Reference Set" if is_association else f"Reference Set {name}")
    }
    if kind == "extendedMap":
        header |= {"property": declarations(PROPERTIES), "additionalAttribute": declarations(ATTRIBUTES)}
    return MapRelease(
        kind="snomed",
        url=f"{URL}?fhir_cm={refset}",
        version=version,
        name=f"SNOMED CT {name} Concept Map",
        title=f"SNOMED CT: {name.lower()}" if is_association else f"SNOMED CT: map {name}",
        source_scope=f"{URL}?fhir_vs",
        target_scope=f"{URL}?fhir_vs" if is_association else None,
        copyright=COPYRIGHT,
        licence="SNOMED CT affiliate licence of the operator",
        groups=[MapGroup(URL, target)],
        files=sources,
        header=header,
    )


def _mappings(refset: str, files: dict[str, list[File]], reporter: Reporter) -> Iterator[MapRow]:
    """The mappings of one reference set."""
    for file in files["association"]:
        relationship, equivalence, name = ASSOCIATION.get(refset, ("related-to", None, ""))
        for row in _members(file, "association", refset, reporter):
            source, target = row[5].decode(), row[6].decode()
            yield MapRow(source, target, relationship, comment=name.lower(), equivalence=equivalence)
    for file in files["simpleMap"]:
        for row in _members(file, "simpleMap", refset, reporter):
            target = row[6].decode().strip()
            yield MapRow(row[5].decode(), target or None, "related-to" if target else None, no_map=not target)
    for file in files["extendedMap"]:
        yield from _extended(file, refset, reporter)


def _members(file: File, kind: str, refset: str, reporter: Reporter) -> Iterator[list[bytes]]:
    id_ = refset.encode()
    return (row for row in raw_records(file, reporter, _COLUMNS[kind]) if row[4] == id_ and row[2] == b"1")


# -- extended maps -------------------------------------------------------------------------------


def _extended(file: File, refset: str, reporter: Reporter) -> Iterator[MapRow]:
    """The mappings of an extended map.

    The rows of a concept may be anywhere in the file, so they are put into buckets by concept first.
    """
    rows = _members(file, "extendedMap", refset, SILENT)
    ids = (int(row[5]) for row in rows if is_number(row[5]))
    with Buckets(ids) as buckets:
        for row in _members(file, "extendedMap", refset, reporter):
            if all(is_number(cell) for cell in row[5:8]):
                buckets.put(int(row[5]), b"\t".join(row[5:13]))
            else:
                text = f"expected a concept, a group and a priority in {row[0].decode()}"
                reporter.problem(Problem(file.label, 0, text))
        for lines in buckets:
            split = sorted((line.split(b"\t") for line in lines), key=lambda row: int(row[0]))
            for concept, group in groupby(split, key=lambda row: row[0].decode()):
                candidates = [_extended_row(row) for row in group]
                yield from _extended_mappings(concept, candidates, TARGETS.get(refset), file, reporter)


def _extended_row(row: list[bytes]) -> ExtendedMapRow:
    rule, advice, target = (cell.decode().strip() for cell in row[3:6])
    return ExtendedMapRow(int(row[1]), int(row[2]), rule, advice, target, row[6], row[7].decode())


def _extended_mappings(
    concept: str, candidates: list[ExtendedMapRow], system: str | None, file: File, reporter: Reporter
) -> Iterator[MapRow]:
    candidates.sort(key=lambda candidate: (candidate.group, candidate.priority))
    groups = [list(group) for _, group in groupby(candidates, key=lambda candidate: candidate.group)]
    if not any(candidate.target for candidate in candidates):
        yield MapRow(concept, no_map=True, comment=candidates[0].advice or None)
    elif prod(map(len, groups)) > MOST_COMBINATIONS:
        reporter.problem(Problem(file.label, 0, f"{concept} has more than {MOST_COMBINATIONS} combinations"))
    else:
        for chosen in product(*groups):
            if any(candidate.target for candidate in chosen):
                yield _extended_mapping(concept, chosen, system)


def _extended_mapping(concept: str, chosen: tuple[ExtendedMapRow, ...], system: str | None) -> MapRow:
    """The mapping of one row of each group. A row without a target says that its group needs no code."""
    first, *others = (candidate for candidate in chosen if candidate.target)
    coding = {"system": system} if system else {}
    conditions = [c.rule for c in chosen if c.rule and c.rule.upper() != "TRUE"]
    properties: list[PropertyTuple] = [("mapPriority", "integer", first.priority)]
    properties += [("mapAdvice", "string", c.advice) for c in chosen if c.advice]
    properties.append(("mapCategory", "code", first.category))
    relationship, equivalence = CORRELATION.get(first.correlation, NOT_SPECIFIED)
    return MapRow(
        source=concept,
        target=first.target,
        relationship=relationship,
        equivalence=equivalence,
        depends_on=[("mapRule", "string", " AND ".join(conditions))] if conditions else (),
        products=[("mapGroup", "Coding", coding | {"code": other.target}) for other in others],
        properties=properties,
    )
