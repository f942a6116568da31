"""``ConceptMap/$import``: rows of a map that are added, changed and removed; and ``$row-history``, who did that.

Both are operations of this server. The rows are parameters ``row`` with the parts ``change`` (add, change or remove),
``source``, ``target`` (Codings), ``relationship`` (or R4's ``equivalence``) and ``comment``, or a table in CSV with the
columns in ``COLUMNS``. All of them are carried out, as one new version of the map, or none.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from io import StringIO
from typing import Any

from terminology.core import issues
from terminology.core.errors import TerminologyError
from terminology.core.model import Document, Typed
from terminology.core.structure import RELATIONSHIPS
from terminology.operations.map_edits import ACTIONS, ADD, MapEdit, MapEnd, differences, edited
from terminology.operations.spelling import find_resource
from terminology.wire import r4
from terminology.wire.changes import UPDATE, Changes, Write, checked_reason, reason_of
from terminology.wire.edge import valid_resource
from terminology.wire.exchange import Context, Request, Response
from terminology.wire.parameters import Argument
from terminology.wire.search import number
from terminology.wire.write import parameters as write
from terminology.wire.written_resources import document_of

KIND = "ConceptMap"
IMPORT, ROW_HISTORY = "import", "row-history"
COLUMNS = (
    "change",
    "source_system",
    "source",
    "source_display",
    "relationship",
    "target_system",
    "target",
    "target_display",
    "comment",
)
# The versions that one answer of $row-history looks into.
PAGE, LARGEST_PAGE = 50, 200


def import_rows(context: Context, request: Request, id_: str | None) -> Response:
    """Carry out the edits of a request on a map that clients have written. Raises TerminologyError."""
    arguments = request.arguments(f"{KIND}/${IMPORT}")
    texts = {
        each.name: str(_value(each)) for each in arguments if each.name in ("url", "version", "reason", "csv")
    }
    if id_ is None:
        url = texts.get("url", "")
        header = context.catalogue.find(KIND, url, texts.get("version"))
        if header is None:
            raise TerminologyError(issues.unknown_concept_map(url, texts.get("version"), []))
        id_ = str(header["id"])
    edits = [*_edits_of(arguments), *_edits_of_table(texts.get("csv", ""))]
    if not edits:
        raise TerminologyError(issues.rows_missing())
    reason = checked_reason(texts["reason"]) if "reason" in texts else reason_of(request)
    with Changes.begun(context, request, reason) as changes:
        before = changes.present(KIND, id_)
        document = context.release.downgrade(edited(document_of(before), edits))
        valid_resource(document, context.release)
        one = Write(UPDATE, KIND, document, id_, headers=request.headers)
        changes.carry_out([one])
    assert one.after is not None
    counts = Counter(edit.action for edit in edits)
    nodes = [
        write.typed("id", Typed("id", id_)),
        write.typed("versionId", Typed("id", str(one.after.version))),
        *(write.integer(action, counts[action]) for action in ACTIONS),
    ]
    headers = {
        "Location": f"{context.base}/{KIND}/{id_}/_history/{one.after.version}",
        "ETag": f'W/"{one.after.version}"',
    }
    return Response(200, write.parameters(nodes), headers)


def table_of_rows(content: bytes) -> Document:
    """A body in CSV as the Parameters that it stands for. Raises TerminologyError for one that is not UTF-8."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise TerminologyError(issues.not_utf_8(problem.start)) from None
    return {"resourceType": "Parameters", "parameter": [{"name": "csv", "valueString": text}]}


def _value(argument: Argument) -> Any:
    """The value of a parameter or part, of whatever type."""
    node = argument.value
    if isinstance(node, str):
        return node
    return next((value for key, value in node.items() if key.startswith("value")), "")


def _edits_of(arguments: Iterable[Argument]) -> Iterator[MapEdit]:
    for argument in arguments:
        if argument.name == "row" and isinstance(argument.value, Mapping):
            parts: dict[str, Any] = {}
            for part in argument.value.get("part", ()):
                if isinstance(part, dict) and isinstance(part.get("name"), str):
                    parts[part["name"]] = _value(Argument(part["name"], part, argument.at))
            yield _edit(parts, argument.at)


def _edit(parts: Mapping[str, Any], at: str) -> MapEdit:
    """The edit of a row. Raises TerminologyError."""
    action = parts.get("change") or ADD
    if action not in ACTIONS:
        raise TerminologyError(
            issues.bad_row(at, f"'change' must be {', '.join(ACTIONS)}, but is '{action}'")
        )
    source = _end(parts.get("source"), "source", at)
    if source is None:
        raise TerminologyError(issues.bad_row(at, "The row has no 'source' with a code"))
    word = parts.get("relationship") or parts.get("equivalence")
    relationship, extension = _relationship(word, at) if word else (None, [])
    comment = parts.get("comment")
    if comment is not None and not isinstance(comment, str):
        raise TerminologyError(issues.bad_row(at, "'comment' must be a string"))
    target = _end(parts.get("target"), "target", at)
    return MapEdit(action, source, target, relationship, comment, extension, at)


def _end(value: Any, name: str, at: str) -> MapEnd | None:
    """The end that a Coding, or a code alone, means. Raises TerminologyError."""
    if value is None:
        return None
    coding: dict[str, Any] = value if isinstance(value, dict) else {"code": value}
    code, system, version, display = (coding.get(part) for part in ("code", "system", "version", "display"))
    are_texts = all(isinstance(text, str | None) for text in (code, system, version, display))
    if not are_texts or not code:
        raise TerminologyError(issues.bad_row(at, f"'{name}' must be a Coding with a code"))
    return MapEnd(code, f"{system}|{version}" if system and version else system, display)


def _relationship(word: Any, at: str) -> tuple[str, list[Document]]:
    """R5's code for a word of R5 or R4, and the extension that keeps one of R4 which is finer."""
    if word in RELATIONSHIPS:
        return word, []
    if word in r4.RELATIONSHIP and word != "unmatched":
        return r4.relationship(word), r4.kept_word(word)
    known = sorted({*RELATIONSHIPS, *r4.RELATIONSHIP} - {"unmatched"})
    raise TerminologyError(
        issues.bad_row(at, f"'relationship' must be one of {', '.join(known)}, but is '{word}'")
    )


def _edits_of_table(text: str) -> Iterator[MapEdit]:
    """The edits in a table in CSV, whose first line names its columns. Raises TerminologyError."""
    if not text.strip():
        return
    reader = csv.DictReader(StringIO(text), strict=True)
    try:
        unknown = [name for name in reader.fieldnames or () if name not in COLUMNS]
        if unknown or "source" not in (reader.fieldnames or ()):
            columns = ", ".join(COLUMNS)
            raise TerminologyError(
                issues.bad_row("line 1", f"The columns may be {columns}, and 'source' must be one of them")
            )
        for row in reader:
            at = f"line {reader.line_num}"
            if None in row:
                raise TerminologyError(issues.bad_row(at, "The line has more cells than there are columns"))
            cells = {name: (cell or "").strip() for name, cell in row.items()}
            parts: dict[str, Any] = {
                name: cells.get(name) or None for name in ("change", "relationship", "comment")
            }
            for end in ("source", "target"):
                coding = {
                    "code": cells.get(end),
                    "system": cells.get(f"{end}_system") or None,
                    "display": cells.get(f"{end}_display") or None,
                }
                parts[end] = coding if coding["code"] else None
            yield _edit(parts, at)
    except csv.Error as problem:
        raise TerminologyError(
            issues.bad_row(f"line {reader.line_num}", f"This is not CSV: {problem}")
        ) from None


# -- who did that --------------------------------------------------------------------------------


def row_history(context: Context, request: Request, id_: str) -> Response:
    """The rows that each version of a map has added, changed and removed, the latest first, with who, when and why.

    ``code`` asks about the rows with this code at one of their ends. Raises TerminologyError.
    """
    log = None if context.writable is None else context.writable.log_of_past
    before = number("_before", request.query, 0) or None
    count = min(number("_count", request.query, PAGE), LARGEST_PAGE)
    total, versions = (0, []) if log is None else log.history(KIND, id_, "", before, count + 1)
    if not total:
        find_resource(context.catalogue, KIND, id_)
    code = dict(request.query).get("code")
    nodes = [write.integer("total", total)]
    for place, version in enumerate(versions[:count]):
        previous = versions[place + 1] if place + 1 < len(versions) else None
        old, new = (None if v is None or v.is_deletion else document_of(v) for v in (previous, version))
        for row in differences(old, new):
            if code is not None and code not in (row.source[1], row.target[1] if row.target else None):
                continue
            target = None if row.target is None else _coding(row.target)
            parts = [
                write.code("change", row.action),
                write.coding("source", _coding(row.source)),
                write.coding("target", target),
                write.code("relationship", (row.after or {}).get("relationship")),
                write.code("previous", (row.before or {}).get("relationship")),
                write.typed("versionId", Typed("id", str(version.version))),
                write.typed("when", Typed("instant", version.instant)),
                write.string("who", version.author),
                write.string("why", version.reason),
            ]
            nodes.append(write.group("row", parts))
    return Response(200, write.parameters(nodes))


def _coding(end: tuple[str, str]) -> Document:
    system, code = end
    url, _, version = system.partition("|")
    return {name: text for name, text in (("system", url), ("version", version), ("code", code)) if text}
