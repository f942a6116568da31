"""The ConceptMaps that an RF2 release holds: historical associations, simple and extended maps.

Their canonicals are the implicit ones of https://terminology.hl7.org/SNOMEDCT.html,
``http://snomed.info/sct?fhir_cm=…`` with the identifier of the reference set::

    der2_cRefset_AssociationSnapshot_…   … refsetId referencedComponentId targetComponentId
    der2_sRefset_SimpleMapSnapshot_…     … refsetId referencedComponentId mapTarget
    der2_iisssccRefset_ExtendedMapSnapshot_…
        … referencedComponentId mapGroup mapPriority mapRule mapAdvice mapTarget correlationId mapCategoryId

In an extended map a concept may need a code of each of several groups: those of the first are targets,
those of the others ``product``s, so that no answer is half of what belongs together. Within a group the
rule of a row is the condition on which it holds: ``dependsOn`` the attribute ``mapRule``.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from itertools import groupby, product
from math import prod
from typing import NamedTuple

from terminology.content.importers import notices
from terminology.content.importers.buckets import Buckets
from terminology.content.importers.canonical import declared
from terminology.content.importers.files import File, is_number, raw_records
from terminology.core.model import Problem
from terminology.store.release import MapGroup, MapRelease, MapRow, Report, SourceFile, Stated

URL = "http://snomed.info/sct"
MOST_COMBINATIONS = 10_000
# What an historical association says of the old concept and the new one (the table in the page above).
ASSOCIATION = {
    "900000000000527005": ("equivalent", "same as"),
    "900000000000526001": ("equivalent", "replaced by"),
    "900000000000523009": ("related-to", "possibly equivalent to"),
    "900000000000530003": ("related-to", "alternative"),
    "900000000000528000": ("source-is-narrower-than-target", "was a"),
    "1186924009": ("related-to", "partially equivalent to"),
    "1186921001": ("related-to", "possibly replaced by"),
}
# The code systems that well-known map reference sets lead to.
TARGETS = {
    "447562003": "http://hl7.org/fhir/sid/icd-10",
    "447563008": "http://hl7.org/fhir/sid/icd-9-cm",
    "6011000124106": "http://hl7.org/fhir/sid/icd-10-cm",
    "446608001": "http://terminology.hl7.org/CodeSystem/icd-o-3",
    "900000000000497000": "http://read.info/ctv3",
}
CORRELATION = {
    b"447557004": "equivalent",
    b"447558009": "source-is-broader-than-target",
    b"447559001": "source-is-narrower-than-target",
    b"447560006": "related-to",
}
PROPERTIES = {
    "mapPriority": ("integer", "Its place among the rows of its group: the first whose rule holds is taken."),
    "mapAdvice": ("string", "What a coder is told."),
    "mapCategory": ("code", "The category that the publisher put the mapping in."),
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


class Candidate(NamedTuple):
    """A row of an extended map."""

    group: int
    priority: int
    rule: str
    advice: str
    target: str
    correlation: bytes
    category: str


def releases(files: dict[str, list[File]], version: str, sources: Sequence[SourceFile]) -> list[MapRelease]:
    """A map for each reference set that has rows."""
    found = {}
    for kind, group in files.items():
        for file in group:
            for row in raw_records(file, _unheard, _COLUMNS[kind]):
                refset = row[4].decode()
                if row[2] == b"1" and (kind != "association" or refset in ASSOCIATION):
                    found[refset] = kind
    return [_release(refset, kind, version, sources) for refset, kind in found.items()]


def _unheard(problem: Problem) -> None:
    """What is wrong in a row is said when the rows are read."""


def _release(refset: str, kind: str, version: str, sources: Sequence[SourceFile]) -> MapRelease:
    said = ASSOCIATION[refset][1] if kind == "association" else f"map {refset}"
    target = URL if kind == "association" else TARGETS.get(refset)
    header = {"property": declared(PROPERTIES), "additionalAttribute": declared(ATTRIBUTES)}
    return MapRelease(
        kind="snomed",
        url=f"{URL}?fhir_cm={refset}",
        version=version,
        name=f"SNOMED_CT_{refset}",
        title=f"SNOMED CT: {said}",
        source_scope=f"{URL}?fhir_vs",
        copyright=notices.SNOMED,
        licence="SNOMED CT affiliate licence of the operator",
        groups=[MapGroup(URL, target)],
        files=sources,
        header=header if kind == "extendedMap" else {},
    )


def rows(release: MapRelease, files: dict[str, list[File]], report: Report) -> Iterator[MapRow]:
    """The mappings of one reference set."""
    refset = _refset(release)
    for file in files["association"]:
        relationship, said = ASSOCIATION.get(refset, ("related-to", ""))
        for row in _members(file, "association", refset, report):
            yield MapRow(row[5].decode(), row[6].decode(), relationship, comment=said)
    for file in files["simpleMap"]:
        for row in _members(file, "simpleMap", refset, report):
            target = row[6].decode().strip()
            yield MapRow(row[5].decode(), target or None, "related-to" if target else None, no_map=not target)
    for file in files["extendedMap"]:
        yield from _extended(file, release, report)


def _refset(release: MapRelease) -> str:
    return release.url.partition("fhir_cm=")[2]


def _members(file: File, kind: str, refset: str, report: Report) -> Iterator[list[bytes]]:
    wanted = refset.encode()
    return (row for row in raw_records(file, report, _COLUMNS[kind]) if row[4] == wanted and row[2] == b"1")


# -- extended maps -------------------------------------------------------------------------------


def _extended(file: File, release: MapRelease, report: Report) -> Iterator[MapRow]:
    """The rows of a concept need not stand together, so they are dealt out by concept first."""
    refset = _refset(release)
    ids = array(
        "Q", (int(row[5]) for row in _members(file, "extendedMap", refset, _unheard) if is_number(row[5]))
    )
    with Buckets(ids) as buckets:
        for row in _members(file, "extendedMap", refset, report):
            if all(is_number(cell) for cell in row[5:8]):
                buckets.put(int(row[5]), b"\t".join(row[5:13]))
            else:
                report(
                    Problem(file.label, 0, f"expected a concept, a group and a priority in {row[0].decode()}")
                )
        for lines in buckets:
            split = sorted((line.split(b"\t") for line in lines), key=lambda row: int(row[0]))
            for concept, group in groupby(split, key=lambda row: row[0].decode()):
                candidates = [_candidate(row) for row in group]
                yield from _mappings(concept, candidates, TARGETS.get(refset), file, report)


def _candidate(row: list[bytes]) -> Candidate:
    rule, advice, target = (cell.decode().strip() for cell in row[3:6])
    return Candidate(int(row[1]), int(row[2]), rule, advice, target, row[6], row[7].decode())


def _mappings(
    concept: str, candidates: list[Candidate], system: str | None, file: File, report: Report
) -> Iterator[MapRow]:
    candidates.sort(key=lambda candidate: (candidate.group, candidate.priority))
    groups = [list(group) for _, group in groupby(candidates, key=lambda candidate: candidate.group)]
    if not any(candidate.target for candidate in candidates):
        yield MapRow(concept, no_map=True, comment=candidates[0].advice or None)
    elif prod(map(len, groups)) > MOST_COMBINATIONS:
        report(Problem(file.label, 0, f"{concept} has more than {MOST_COMBINATIONS} combinations"))
    else:
        for chosen in product(*groups):
            if any(candidate.target for candidate in chosen):
                yield _mapping(concept, chosen, system)


def _mapping(concept: str, chosen: tuple[Candidate, ...], system: str | None) -> MapRow:
    """One row of each group. A row without target says that its group asks for no code."""
    first, *others = (candidate for candidate in chosen if candidate.target)
    coding = {"system": system} if system else {}
    conditions = [c.rule for c in chosen if c.rule and c.rule.upper() != "TRUE"]
    properties: list[Stated] = [("mapPriority", "integer", first.priority)]
    properties += [("mapAdvice", "string", c.advice) for c in chosen if c.advice]
    properties.append(("mapCategory", "code", first.category))
    return MapRow(
        source=concept,
        target=first.target,
        relationship=CORRELATION.get(first.correlation, "related-to"),
        depends_on=[("mapRule", "string", " AND ".join(conditions))] if conditions else (),
        products=[("mapGroup", "Coding", coding | {"code": other.target}) for other in others],
        properties=properties,
    )
