"""Bundles: the page of a search, and a batch and its entries."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from terminology import issues
from terminology.model import Document, TerminologyError
from terminology.wire.exchange import Request, Response

BATCH_LIMIT = 500


def searchset(total: int, links: Iterable[tuple[str, str]], matches: Sequence[Document]) -> Document:
    """One page of what a search found. An empty list is left out, as FHIR's JSON has none."""
    bundle: Document = {
        "resourceType": "Bundle",
        "type": "searchset",
        "total": total,
        "link": [{"relation": relation, "url": url} for relation, url in links],
    }
    if matches:
        bundle["entry"] = [{"resource": match, "search": {"mode": "match"}} for match in matches]
    return bundle


def entry_request(entry: Any, index: int, base: str) -> Request:
    """The request of a batch entry. Its url is relative to the base, or absolute below it.

    Raises TerminologyError when there is none.
    """
    stated = entry.get("request") if isinstance(entry, dict) else None
    url = stated.get("url") if isinstance(stated, dict) else None
    method = stated.get("method") if isinstance(stated, dict) else None
    if not isinstance(url, str) or not isinstance(method, str):
        raise TerminologyError(issues.batch_entry_without_request(index))
    parts = urlsplit(url.removeprefix(base))
    body = entry.get("resource")
    if not parts.path.strip("/") or not isinstance(body, (dict, type(None))):
        raise TerminologyError(issues.bad_batch_entry(index))
    return Request(
        method=method.upper(),
        path=parts.path.strip("/"),
        query=parse_qsl(parts.query, keep_blank_values=True),
        body=body,
    )


def batch_response(responses: Iterable[Response]) -> Document:
    entries = [_entry(response) for response in responses]
    return {"resourceType": "Bundle", "type": "batch-response"} | ({"entry": entries} if entries else {})


def _entry(response: Response) -> Document:
    stated: Document = {"status": str(response.status)}
    if "ETag" in response.headers:
        stated["etag"] = response.headers["ETag"]
    if "Last-Modified" in response.headers:
        stated["lastModified"] = response.headers["Last-Modified"]
    if response.status >= 400:
        return {"response": stated | {"outcome": response.resource}}
    return {"resource": response.resource, "response": stated}
