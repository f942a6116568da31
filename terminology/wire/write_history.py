"""What clients have written, version by version: vread, and history with who wrote each version, when and why.

https://hl7.org/fhir/R5/http.html#history. FHIR has no place in a history for who and why; ``response.outcome`` says it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from terminology.core import issues
from terminology.core.errors import RefusedError, TerminologyError
from terminology.core.model import Document
from terminology.wire.changes import deed
from terminology.wire.exchange import Context, Request, instant
from terminology.wire.outcome import operation_outcome
from terminology.wire.search import number
from terminology.wire.summary import summarised
from terminology.wire.written_resources import document_of

if TYPE_CHECKING:
    from terminology.store.write_log import ResourceVersion

# The entries of a page, unless _count asks for another number, and the most of them.
PAGE, LARGEST_PAGE = 50, 500
# The digits of the greatest version id.
_LONGEST = 9


def past_version(context: Context, kind: str, id_: str, version: str | None) -> Document | None:
    """A version that a client has written, in R5's shape; None if it is not one of those, or is the present one.

    Raises RefusedError (410) for a resource or version that is deleted.
    """
    log = None if context.writable is None else context.writable.log_of_past
    if log is None:
        return None
    if version is None:
        written = None if context.catalogue.has_id(kind, id_) else log.latest(kind, id_)
    elif version.isascii() and version.isdecimal() and len(version) <= _LONGEST:
        written = log.version(kind, id_, int(version))
    else:
        written = None
    if written is None:
        return None
    if written.is_deletion:
        raise RefusedError(410, issues.resource_gone(kind, id_, written.instant))
    return None if version is None else document_of(written)


def past(context: Context, request: Request, kind: str | None, id_: str | None) -> Document | None:
    """The history of all types, of one, or of a resource that clients have written; None for any other resource."""
    log = None if context.writable is None else context.writable.log_of_past
    query = dict(request.query)
    since = _since(query.get("_since"))
    count = min(number("_count", request.query, PAGE), LARGEST_PAGE)
    before = number("_before", request.query, 0) or None
    total, versions = (0, []) if log is None else log.history(kind, id_, since, before, count)
    if not total and kind is not None and id_ is not None and (log is None or log.latest(kind, id_) is None):
        return None
    place = f"{context.base}/{request.path}"
    others = [(name, value) for name, value in request.query if name not in ("_before", "_format")]
    self_query = urlencode([*others, *([("_before", str(before))] if before else [])])
    links = [{"relation": "self", "url": f"{place}?{self_query}" if self_query else place}]
    if count and len(versions) == count and versions[-1].number > 1:
        following = urlencode([*others, ("_before", str(versions[-1].number))])
        links.append({"relation": "next", "url": f"{place}?{following}"})
    bundle: Document = {"resourceType": "Bundle", "type": "history", "total": total, "link": links}
    entries = [_entry(context, request, version) for version in versions]
    return bundle | ({"entry": entries} if entries else {})


def _since(text: str | None) -> str:
    """An instant as the log has it. Raises TerminologyError for another text."""
    if not text:
        return ""
    moment = instant(text)
    if moment is None or "T" not in text:
        raise TerminologyError(issues.bad_value("_since", text, "an instant such as 2026-01-31T12:00:00Z"))
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _entry(context: Context, request: Request, version: ResourceVersion) -> Document:
    address = f"{version.kind}/{version.id}"
    is_new = version.method == "POST"
    entry: Document = {"fullUrl": f"{context.base}/{address}"}
    status = "204" if version.is_deletion else "201" if version.version == 1 else "200"
    if not version.is_deletion:
        document = context.release.downgrade(document_of(version))
        entry["resource"] = summarised(document, str(version.version), request.query)
    return entry | {
        "request": {"method": version.method, "url": version.kind if is_new else address},
        "response": {
            "status": status,
            "etag": f'W/"{version.version}"',
            "lastModified": version.instant,
            "outcome": operation_outcome([deed(version)]),
        },
    }
