"""The files in which other tools keep mappings, read as decisions and written from them.

* ``usagi``: the file that OHDSI's Usagi saves. https://ohdsi.github.io/Usagi/, and ``WriteCodeMappingsToFile.java`` in
  OHDSI/Usagi. Targets are concepts of OMOP; columns that begin with ``ADD_INFO:`` are free, and keep the code.
* ``stcm``: the table SOURCE_TO_CONCEPT_MAP of the OMOP CDM. https://ohdsi.github.io/CommonDataModel/
* ``sssom``: a TSV file of SSSOM, with a header in YAML. https://mapping-commons.github.io/sssom/
* ``snap2snomed``: what Snap2SNOMED exports; targets are of SNOMED CT. https://github.com/IHTSDO/snap2snomed

What a format cannot hold is counted by its name (``rows_of``), so that nobody thinks that it has gone along.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from terminology.core.dates import today
from terminology.core.errors import UnreadableFileError
from terminology.systems.omop import URL as OMOP
from terminology.workbench.decisions import FIELDS, HEADER, STATUSES, MappingDecision
from terminology.workbench.sheets import Sheet

SNOMED = "http://snomed.info/sct"
# The dates between which a row of SOURCE_TO_CONCEPT_MAP is valid unless somebody says more.
_VALID_FROM, _VALID_TO = "1970-01-01", "2099-12-31"
_NO_TERM = "sssom:NoTermFound"

Cells = Mapping[str, str]


@dataclass(slots=True, frozen=True)
class ExchangeFormat:
    """A format: the columns that it writes, by which it is recognised, and what it has no place for.

    ``losses`` are fields of a decision. ``statuses`` are those that it can hold, ``target_system`` is the only code
    system that it maps to: other rows are left out. ``beginning`` are lines before the header.
    """

    name: str
    columns: Sequence[str]
    read: Callable[[Cells], MappingDecision]
    write: Callable[[MappingDecision], Sequence[str]]
    marks: frozenset[str]
    losses: tuple[str, ...] = ()
    delimiter: str = ","
    beginning: Callable[[], Sequence[str]] = tuple
    statuses: Sequence[str] = STATUSES
    target_system: str | None = None

    def excludes(self, decision: MappingDecision) -> str | None:
        """Why a row has no place in this format, as a phrase; None if it has one."""
        if decision.status not in self.statuses:
            return f"rows that are {decision.status}"
        if (
            self.target_system is not None
            and decision.target_code
            and decision.target_system != self.target_system
        ):
            return f"targets that are not of {self.target_system}"
        return None

    def lost(self, decision: MappingDecision) -> list[str]:
        """The fields of a decision that have a value, and no place in this format."""
        return [name for name in self.losses if getattr(decision, name) not in ("", "proposed")]


def _by_words(pairs: Iterable[tuple[str, str]]) -> tuple[dict[str, str], dict[str, str]]:
    """The words of a format by those of FHIR, and the other way round; the first pair of a word counts."""
    forward: dict[str, str] = {}
    backward: dict[str, str] = {}
    for word, other in pairs:
        forward.setdefault(word, other)
        backward.setdefault(other, word)
    return forward, backward


# -- our own -------------------------------------------------------------------------------------


def _read_own(cells: Cells) -> MappingDecision:
    return MappingDecision(**{field: cells.get(name, "") for field, name in zip(FIELDS, HEADER, strict=True)})


DECISIONS = ExchangeFormat(
    "decisions", HEADER, _read_own, MappingDecision.cells, frozenset({"source code", "target code", "status"})
)

# -- Usagi ---------------------------------------------------------------------------------------

_TO_USAGI, _FROM_USAGI = _by_words(
    [
        ("equivalent", "EQUAL"),
        ("equivalent", "EQUIVALENT"),
        ("source-is-narrower-than-target", "WIDER"),
        ("source-is-broader-than-target", "NARROWER"),
        ("related-to", "INEXACT"),
        ("not-related-to", "UNMATCHED"),
        ("", "UNREVIEWED"),
    ]
)
_FROM_USAGI["EQUIVALENT"] = "equivalent"
# Usagi has no word for a rejected mapping: FLAGGED is for one that somebody should look at again.
_TO_USAGI_STATUS = {"accepted": "APPROVED", "rejected": "FLAGGED", "proposed": "UNCHECKED"}
_FROM_USAGI_STATUS = {
    "APPROVED": "accepted",
    "FLAGGED": "rejected",
    "INVALID_TARGET": "rejected",
    "IGNORED": "rejected",
}
_USAGI = (
    "sourceCode", "sourceName", "sourceFrequency", "sourceAutoAssignedConceptIds",
    "ADD_INFO:sourceSystem", "ADD_INFO:targetSystem", "ADD_INFO:targetCode", "ADD_INFO:condition",
    "matchScore", "mappingStatus", "equivalence", "statusSetBy", "statusSetOn", "conceptId", "conceptName", "domainId",
    "mappingType", "comment", "createdBy", "createdOn", "assignedReviewer",
)  # fmt: skip


def _read_usagi(cells: Cells) -> MappingDecision:
    concept = cells.get("conceptId", "")
    concept = "" if concept in ("0", "-1") else concept
    code = cells.get("ADD_INFO:targetCode", "") or concept
    system = cells.get("ADD_INFO:targetSystem", "") or OMOP
    equivalence = cells.get("equivalence", "").upper()
    return MappingDecision(
        cells.get("sourceCode", ""),
        cells.get("sourceName", ""),
        cells.get("ADD_INFO:sourceSystem", ""),
        cells.get("sourceFrequency", ""),
        system,
        "" if equivalence == "UNMATCHED" and not cells.get("ADD_INFO:targetCode") else code,
        cells.get("conceptName", ""),
        _FROM_USAGI.get(equivalence, "") if code else "",
        cells.get("ADD_INFO:condition", ""),
        _FROM_USAGI_STATUS.get(cells.get("mappingStatus", "").upper(), "proposed"),
        cells.get("statusSetBy", ""),
        _date_of(cells.get("statusSetOn", "")),
        cells.get("comment", ""),
        cells.get("matchScore", ""),
    )


def _write_usagi(decision: MappingDecision) -> list[str]:
    is_omop = decision.target_system == OMOP
    concept = decision.target_code if is_omop and decision.target_code else "0"
    equivalence = _TO_USAGI.get(decision.relationship, "INEXACT") if decision.target_code else "UNMATCHED"
    when = _milliseconds(decision.when)
    return [
        decision.source_code, decision.source_text, decision.count or "0", "",
        decision.source_system, decision.target_system, "" if is_omop else decision.target_code, decision.condition,
        decision.score or "0", _TO_USAGI_STATUS.get(decision.status, "UNCHECKED"),
        equivalence, decision.by, when, concept, decision.target_display, "",
        "MAPS_TO", decision.comment, decision.by, when, "",
    ]  # fmt: skip


def _milliseconds(date: str) -> str:
    """The milliseconds since 1970 by which Usagi counts; 0 where there is no date."""
    try:
        return str(int(datetime.fromisoformat(date).replace(tzinfo=UTC).timestamp() * 1000))
    except ValueError:
        return "0"


def _date_of(milliseconds: str) -> str:
    if not milliseconds.isdigit() or milliseconds == "0":
        return ""
    return datetime.fromtimestamp(int(milliseconds) / 1000, UTC).date().isoformat()


USAGI = ExchangeFormat(
    "usagi",
    _USAGI,
    _read_usagi,
    _write_usagi,
    frozenset({"sourceCode", "mappingStatus", "conceptId"}),
    ("why",),
)

# -- SOURCE_TO_CONCEPT_MAP -----------------------------------------------------------------------

_STCM = (
    "source_code", "source_concept_id", "source_vocabulary_id", "source_code_description", "target_concept_id",
    "target_vocabulary_id", "valid_start_date", "valid_end_date", "invalid_reason",
)  # fmt: skip


def _read_stcm(cells: Cells) -> MappingDecision:
    concept = cells.get("target_concept_id", "")
    is_valid = not cells.get("invalid_reason")
    return MappingDecision(
        cells.get("source_code", ""),
        cells.get("source_code_description", ""),
        cells.get("source_vocabulary_id", ""),
        target_system=OMOP,
        target_code="" if concept == "0" else concept,
        status="accepted" if is_valid else "rejected",
        when=cells.get("valid_start_date", "") if cells.get("valid_start_date") != _VALID_FROM else "",
        comment="" if is_valid else f"invalid_reason {cells['invalid_reason']}",
    )


def _write_stcm(decision: MappingDecision) -> list[str]:
    concept = decision.target_code if decision.target_system == OMOP and decision.target_code else "0"
    return [
        decision.source_code, "0", decision.source_system, decision.source_text, concept, decision.target_system,
        decision.when or _VALID_FROM, _VALID_TO, "",
    ]  # fmt: skip


STCM = ExchangeFormat(
    "stcm",
    _STCM,
    _read_stcm,
    _write_stcm,
    frozenset({"source_code", "target_concept_id"}),
    ("count", "target_display", "relationship", "condition", "by", "comment", "score", "why"),
    statuses=("accepted",),
    target_system=OMOP,
)

# -- SSSOM ---------------------------------------------------------------------------------------

_TO_SKOS, _FROM_SKOS = _by_words(
    [
        ("equivalent", "skos:exactMatch"),
        ("equivalent", "skos:closeMatch"),
        ("source-is-narrower-than-target", "skos:broadMatch"),
        ("source-is-broader-than-target", "skos:narrowMatch"),
        ("related-to", "skos:relatedMatch"),
    ]
)
_FROM_SKOS["skos:closeMatch"] = "equivalent"
_SSSOM = (
    "subject_id", "subject_label", "subject_source", "predicate_id", "predicate_modifier", "object_id",
    "object_label", "object_source", "mapping_justification", "author_label", "mapping_date", "confidence", "comment",
)  # fmt: skip


def _read_sssom(cells: Cells) -> MappingDecision:
    has_target = cells.get("object_id", "") != _NO_TERM
    is_negated = cells.get("predicate_modifier", "").casefold() == "not"
    relationship = _FROM_SKOS.get(cells.get("predicate_id", ""), "related-to")
    return MappingDecision(
        _local(cells.get("subject_id", ""), cells.get("subject_source", "")),
        cells.get("subject_label", ""),
        cells.get("subject_source", ""),
        target_system=cells.get("object_source", ""),
        target_code=_local(cells.get("object_id", ""), cells.get("object_source", "")) if has_target else "",
        target_display=cells.get("object_label", ""),
        relationship=relationship if has_target else "",
        status="rejected" if is_negated else "accepted",
        by=cells.get("author_label", ""),
        when=cells.get("mapping_date", ""),
        comment=cells.get("comment", ""),
        score=cells.get("confidence", ""),
    )


def _local(entity: str, source: str) -> str:
    """The code in the id of an entity, which is a uri or has a prefix."""
    if source and entity.startswith(f"{source}#"):
        return entity[len(source) + 1 :]
    return entity.rpartition("#")[2] if "://" in entity else entity.partition(":")[2] or entity


def _write_sssom(decision: MappingDecision) -> list[str]:
    target = f"{decision.target_system}#{decision.target_code}" if decision.target_code else _NO_TERM
    return [
        f"{decision.source_system}#{decision.source_code}", decision.source_text, decision.source_system,
        _TO_SKOS.get(decision.relationship, "skos:relatedMatch"), "Not" if decision.status == "rejected" else "",
        target, decision.target_display, decision.target_system, "semapv:ManualMappingCuration", decision.by,
        decision.when, decision.score, decision.comment,
    ]  # fmt: skip


def _sssom_header() -> list[str]:
    return [
        "#curie_map:",
        '#  skos: "http://www.w3.org/2004/02/skos/core#"',
        '#  semapv: "https://w3id.org/semapv/vocab/"',
        '#  sssom: "https://w3id.org/sssom/"',
        f'#mapping_date: "{today()}"',
    ]


SSSOM = ExchangeFormat(
    "sssom",
    _SSSOM,
    _read_sssom,
    _write_sssom,
    frozenset({"subject_id", "predicate_id", "object_id"}),
    ("count", "condition", "why"),
    "\t",
    _sssom_header,
    statuses=("accepted", "rejected"),
)

# -- Snap2SNOMED ---------------------------------------------------------------------------------

_TO_SNAP, _FROM_SNAP = _by_words(
    [
        ("equivalent", "TARGET_EQUIVALENT"),
        ("source-is-narrower-than-target", "TARGET_BROADER"),
        ("source-is-broader-than-target", "TARGET_NARROWER"),
        ("related-to", "TARGET_INEXACT"),
    ]
)
# The states through which a row of Snap2SNOMED goes (``MapStatus.java``): an author has decided where it is MAPPED.
_TO_SNAP_STATUS = {"accepted": "ACCEPTED", "rejected": "REJECTED", "proposed": "DRAFT"}
_FROM_SNAP_STATUS = {"ACCEPTED": "accepted", "MAPPED": "accepted", "REJECTED": "rejected"}
_SNAP = (
    "Source code", "Source display", "Target code", "Target display", "Relationship type code",
    "Relationship type display", "No map flag", "Status",
)  # fmt: skip


def _read_snap(cells: Cells) -> MappingDecision:
    is_unmapped = cells.get("No map flag", "").casefold() == "true"
    return MappingDecision(
        cells.get("Source code", ""),
        cells.get("Source display", ""),
        target_system=SNOMED,
        target_code="" if is_unmapped else cells.get("Target code", ""),
        target_display=cells.get("Target display", ""),
        relationship=_FROM_SNAP.get(cells.get("Relationship type code", ""), ""),
        status=_FROM_SNAP_STATUS.get(cells.get("Status", "").upper(), "proposed"),
    )


def _write_snap(decision: MappingDecision) -> list[str]:
    word = _TO_SNAP.get(decision.relationship, "TARGET_INEXACT") if decision.target_code else ""
    return [
        decision.source_code, decision.source_text, decision.target_code, decision.target_display, word,
        word.replace("_", " ").capitalize(), "false" if decision.target_code else "true",
        _TO_SNAP_STATUS.get(decision.status, "DRAFT"),
    ]  # fmt: skip


SNAP2SNOMED = ExchangeFormat(
    "snap2snomed",
    _SNAP,
    _read_snap,
    _write_snap,
    frozenset({"Source code", "Target code", "No map flag"}),
    ("source_system", "count", "condition", "by", "when", "comment", "score", "why"),
    "\t",
    target_system=SNOMED,
)

EXCHANGE_FORMATS = {each.name: each for each in (DECISIONS, USAGI, STCM, SSSOM, SNAP2SNOMED)}


def format_in(sheet: Sheet) -> ExchangeFormat:
    """The format of a sheet, by the names of its columns. Raises UnreadableFileError for any other sheet."""
    for each in EXCHANGE_FORMATS.values():
        if each.marks <= set(sheet.header):
            return each
    known = "; ".join(f"{each.name}: {', '.join(sorted(each.marks))}" for each in EXCHANGE_FORMATS.values())
    raise UnreadableFileError(
        f"{sheet.name}: has no columns of decisions. Known formats, by their columns: {known}"
    )


def decisions_in(sheet: Sheet) -> Iterator[MappingDecision]:
    """The decisions of a sheet in any known format."""
    format_ = format_in(sheet)
    for row in sheet.rows:
        yield format_.read(dict(zip(sheet.header, (cell.strip() for cell in row.cells), strict=True)))


def rows_of(
    format_: ExchangeFormat, decisions: Iterable[MappingDecision], losses: Counter[str]
) -> Iterator[Sequence[str]]:
    """The rows of decisions in a format. What it cannot hold is counted in ``losses``, by a phrase that names it."""
    for decision in decisions:
        reason = format_.excludes(decision)
        if reason is not None:
            losses[reason] += 1
            continue
        losses.update(name.replace("_", " ") for name in format_.lost(decision))
        yield format_.write(decision)
