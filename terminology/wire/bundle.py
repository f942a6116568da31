"""Bundles: the page of a search, and a batch and its entries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from terminology.core import issues
from terminology.core.errors import TerminologyError
from terminology.core.model import Document
from terminology.wire.exchange import Request, Response
from terminology.wire.fhir_versions import RELEASES
from terminology.wire.json import Written, require_type_name
from terminology.wire.outcome import operation_outcome
from terminology.wire.request_headers import RequestHeader
from terminology.wire.shared_requests import SharedRequest

# The longest url of an entry, without its query.
LONGEST_ADDRESS = 8_000
BATCH_LIMIT = 500
# The headers of a batch that stand for each of its entries. The others are about the message (its media type, its
# address), or about one resource.
_CARRIED = (
    RequestHeader.ACCEPT_LANGUAGE,
    RequestHeader.AUTHORIZATION,
    RequestHeader.CACHE_ID,
    RequestHeader.CHANGE_REASON,
    RequestHeader.HOPS,
    RequestHeader.PREFER,
    RequestHeader.TOO_COSTLY_THRESHOLD,
)
# Elements of Bundle.entry.request, and the headers that they stand for.
_CONDITIONS = {
    "ifMatch": RequestHeader.IF_MATCH,
    "ifModifiedSince": RequestHeader.IF_MODIFIED_SINCE,
    "ifNoneExist": RequestHeader.IF_NONE_EXIST,
    "ifNoneMatch": RequestHeader.IF_NONE_MATCH,
}


def searchset(total: int, links: Iterable[tuple[str, str]], matches: Sequence[Document]) -> Document:
    """One page of the matches of a search. An empty list is left out, as FHIR's JSON has none."""
    bundle: Document = {
        "resourceType": "Bundle",
        "type": "searchset",
        "total": total,
        "link": [{"relation": relation, "url": url} for relation, url in links],
    }
    if matches:
        bundle["entry"] = [{"resource": match, "search": {"mode": "match"}} for match in matches]
    return bundle


def history(full_url: str, url: str, resource: Document, headers: Mapping[str, str]) -> Document:
    """The history of a resource of which there is one version (http.html#history)."""
    response = {"status": "200", **_version(headers)}
    entry = {
        "fullUrl": full_url,
        "resource": resource,
        "request": {"method": "PUT", "url": url},
        "response": response,
    }
    link = [{"relation": "self", "url": f"{full_url}/_history"}]
    return {"resourceType": "Bundle", "type": "history", "total": 1, "link": link, "entry": [entry]}


def entry_request(entry: Any, index: int, base: str, whole: Request) -> Request:
    """The request of an entry of a batch or transaction, by the client that sent the ``whole``.

    Its url is relative to the base, or absolute below it. Raises TerminologyError when the entry has no such request,
    or is for another server.
    """
    node = entry.get("request") if isinstance(entry, dict) else None
    request: Document = node if isinstance(node, dict) else {}
    url, method = request.get("url"), request.get("method")
    if not isinstance(url, str) or not isinstance(method, str):
        raise TerminologyError(issues.batch_entry_without_request(index))
    body, full_url = entry.get("resource"), entry.get("fullUrl")
    try:
        path, query = _below(url, base, index)
        if body is None and isinstance(full_url, str) and not full_url.startswith("urn:"):
            _below(full_url, base, index)
    except ValueError:
        raise TerminologyError(issues.bad_batch_entry(index)) from None
    if not path or not isinstance(body, (dict, type(None))):
        raise TerminologyError(issues.bad_batch_entry(index))
    if body is not None:
        require_type_name(body, f"Bundle.entry[{index}].resource.resourceType")
    return Request(
        method=method.upper(),
        path=path,
        query=parse_qsl(query, keep_blank_values=True),
        body=body,
        headers={
            **{header: str(request[name]) for name, header in _CONDITIONS.items() if name in request},
            **{header: whole.headers[header] for header in _CARRIED if header in whole.headers},
        },
        address=whole.address,
        id=whole.id,
        user=whole.user,
    )


def shared_entry(entry: Any) -> SharedRequest | None:
    """The request of a batch entry, if others may be like it: one that reads, with a url alone."""
    node = entry.get("request") if isinstance(entry, dict) and len(entry) == 1 else None
    if not isinstance(node, dict) or len(node) != 2 or node.get("method") != "GET":
        return None
    url = node.get("url")
    if not isinstance(url, str) or not url.isascii() or "#" in url:
        return None
    address, _, query = url.partition("?")
    request = SharedRequest([address])
    request.add_query(query)
    return request if request.names else None


def _below(url: str, base: str, index: int) -> tuple[str, str]:
    """The path of a url below the base, and its query.

    What the path has with percent signs is read as in the path of a request. The scheme does not matter: a proxy
    before the service may speak another one. Raises TerminologyError for a url that is not below the base, and
    ValueError for a malformed one.
    """
    address, _, query = url.partition("#")[0].partition("?")
    if len(address) > LONGEST_ADDRESS:
        raise ValueError  # Python keeps the last urls that it has split
    here, parts = urlsplit(base), urlsplit(address)
    path, root = f"{unquote(parts.path)}/", f"{unquote(here.path)}/"
    is_here = _host(parts.netloc) == _host(here.netloc) and path.startswith(root)
    below = path.removeprefix(root).strip("/")
    is_elsewhere = not is_here or parts.scheme.lower() not in ("http", "https", "")
    # Below /fhir, which speaks one release in a batch, lie the roots of all.
    is_other_root = below.partition("/")[0].lower() in RELEASES
    if is_other_root or ((parts.scheme or parts.netloc) and is_elsewhere):
        raise TerminologyError(issues.entry_for_another_server(index, url, base))
    return below, query


def _host(netloc: str) -> str:
    return netloc.lower().removesuffix(":80").removesuffix(":443")


def batch_response(entries: Sequence[Document]) -> Document:
    return {"resourceType": "Bundle", "type": "batch-response"} | ({"entry": entries} if entries else {})


def batch_entry(response: Response, resource: Document | Written | None) -> Document:
    """The entry of a response, whose resource may be written already."""
    node: Document = {"status": str(response.status), **_version(response.headers)}
    if response.status >= 400:
        return {"response": node | {"outcome": resource}}
    if response.warnings or response.origin:
        node["outcome"] = operation_outcome([*response.warnings, *response.origin])
    if resource is None:
        return {"response": node}
    return {"resource": resource, "response": node}


def _version(headers: Mapping[str, str]) -> Document:
    names = {"location": "Location", "etag": "ETag", "lastModified": "Last-Modified"}
    return {name: headers[header] for name, header in names.items() if header in headers}
