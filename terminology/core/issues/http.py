"""Messages about the RESTful interface: addresses, methods, formats, versions of FHIR."""

from __future__ import annotations

from collections.abc import Sequence

from terminology.core.issues.phrases import or_list, quoted, shortened
from terminology.core.issues.severity import error
from terminology.core.model import Issue


def unknown_resource(kind: str, id_: str) -> Issue:
    return error(code="not-found", text=f"There is no {kind} with the id '{id_}'", tx="not-found")


def unknown_resource_version(kind: str, id_: str, version_id: str) -> Issue:
    return error(code="not-found", text=f"{kind}/{id_} has no version '{version_id}'", tx="not-found")


def not_in_release(kind: str, canonical: str, release: str) -> Issue:
    """``release``: its name, such as r4."""
    text = f"The {kind} {canonical} is not among the resources of {release}"
    return error(code="not-found", text=text, tx="not-found")


def unknown_type(kind: str, known: Sequence[str]) -> Issue:
    text = f"The resource type '{kind}' is not supported. Supported types: {', '.join(known)}"
    return error(code="not-found", text=text)


def unknown_operation(name: str, where: str, known: Sequence[str]) -> Issue:
    """``where``: a resource type, or "the base"."""
    offered = f"Supported operations: {', '.join(known)}" if known else "It has no operations"
    text = f"The operation ${name} is not supported on {where}. {offered}"
    return error(code="not-supported", text=text)


def not_an_operation(name: str) -> Issue:
    text = f"'{shortened(name)}' is not an operation: use Type/$name, Type/id/$name or $name"
    return error(code="not-found", text=text)


def operation_of_type(name: str, kind: str) -> Issue:
    text = f"The operation ${name} is not supported on one {kind}; use {kind}/${name}"
    return error(code="not-supported", text=text)


def history_of_many(kind: str) -> Issue:
    text = f"Type-level history is not supported; use {kind}/[id]/_history"
    return error(code="not-supported", text=text)


def bad_address(part: str, value: str) -> Issue:
    """``part``: host, scheme or prefix, of the address under which the client asks for the service."""
    rules = {
        "host": "Host must be a name or an IP address, and may have a port",
        "scheme": "The scheme that a proxy names must be http or https",
        "prefix": "The prefix that a proxy names must be a path that begins with one slash",
    }
    text = f"The request names no address of this service: '{shortened(value)}'. {rules[part]}"
    return error(code="invalid", text=text)


def nothing_at_the_base(metadata: str, example: str) -> Issue:
    text = (
        f"This is the base of a FHIR server. Read what it can do at {metadata}, and what it has, for "
        f"example, at {example}. POST a Bundle of type 'batch' here to send several requests at once"
    )
    return error(code="not-supported", text=text)


def no_such_page(path: str) -> Issue:
    return error(code="not-found", text=f"There is nothing at '{path}'")


def method_not_allowed(method: str, path: str, allowed: Sequence[str]) -> Issue:
    instead = f"; use {or_list(allowed)}" if allowed else ""
    return error(code="not-supported", text=f"{method} is not supported on '{path}'{instead}")


def bad_fault(part: str, longest_delay: float) -> Issue:
    text = (
        f"The header X-Terminology-Fault cannot be read at '{part}'. It may have, between semicolons: status=503, "
        f"retry-after=2, delay=1.5 (at most {longest_delay:g} seconds), cut=100, type=text/html, close, calls=2 (or "
        "1-3), name=any"
    )
    return error(code="invalid", text=text)


def fault_asked_for(status: int) -> Issue:
    return error(code="transient", text=f"The status {status} was asked for: this service is a test harness")


def operation_needs_post(name: str) -> Issue:
    return error(code="not-supported", text=f"${name} changes the state of the server: use POST")


def not_acceptable(accept: str, offered: Sequence[str]) -> Issue:
    text = f"None of the requested formats ('{accept}') is supported. Supported formats: {', '.join(offered)}"
    return error(code="not-supported", text=text)


def unsupported_media(content_type: str, offered: Sequence[str]) -> Issue:
    text = f"A body of the type '{content_type}' is not supported. Supported types: {', '.join(offered)}"
    return error(code="not-supported", text=text)


def wrong_fhir_version(requested: str, version: str) -> Issue:
    text = f"FHIR version {requested} was requested, but this address serves FHIR {version}"
    return error(code="not-supported", text=text)


def too_large(limit: int) -> Issue:
    return error(code="too-long", text=f"The body is larger than {limit:,} bytes")


def header_too_long(name: str, limit: int) -> Issue:
    return error(code="too-long", text=f"The header {name} has more than {limit:,} characters")


def url_too_long(limit: int) -> Issue:
    text = f"The URL has more than {limit:,} characters: send the parameters in the body of a POST"
    return error(code="too-long", text=text)


def bad_content_length(length: str) -> Issue:
    return error(code="invalid", text=f"Content-Length must be a number of bytes, but is {quoted(length)}")


def body_breaks_off(received: int, length: int) -> Issue:
    text = (
        f"The body breaks off: Content-Length is {length:,} bytes, of which {received:,} arrived. "
        "The request was not carried out"
    )
    return error(code="structure", text=text)


def unreadable_chunks() -> Issue:
    text = "The chunks of the body cannot be read, or have no content. The request was not carried out"
    return error(code="structure", text=text)


def body_without_length() -> Issue:
    text = "This body needs the header Content-Length: without it nobody can tell whether it is whole"
    return error(code="invalid", text=text)


def unsupported_encoding(encoding: str) -> Issue:
    text = f"A body with Content-Encoding {quoted(encoding)} is not supported. Send it as gzip, or without encoding"
    return error(code="not-supported", text=text)


def not_gzip() -> Issue:
    text = "Content-Encoding is gzip, but the body is not one whole gzip file"
    return error(code="structure", text=text)


def unknown_host(host: str, setting: str) -> Issue:
    """``setting``: the name of the setting that lists further hosts."""
    text = (
        f"The header Host names {quoted(host)}, which is not a name of this service. Use 'localhost', or add the name "
        f"to the setting '{setting}'"
    )
    return error(code="security", text=text)


def foreign_origin(origin: str, setting: str) -> Issue:
    """``setting``: the name of the setting of the origin that may call."""
    text = (
        f"Pages of the origin {quoted(origin)} may not use this service from a browser. To allow it, set '{setting}' "
        "to this origin"
    )
    return error(code="security", text=text)
