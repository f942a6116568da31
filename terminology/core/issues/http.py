"""Messages about the RESTful interface."""

from __future__ import annotations

from collections.abc import Sequence

from terminology.core.issues.phrases import or_list, shortened
from terminology.core.issues.severity import error
from terminology.core.model import Issue


def unknown_resource(kind: str, id_: str) -> Issue:
    return error(code="not-found", text=f"There is no {kind} with the id '{id_}' here", tx="not-found")


def unknown_resource_version(kind: str, id_: str, version_id: str) -> Issue:
    return error(code="not-found", text=f"{kind}/{id_} has no version '{version_id}' here", tx="not-found")


def unknown_type(kind: str, known: Sequence[str]) -> Issue:
    text = f"Resources of the type '{kind}' are not kept here; those of {or_list(known)} are"
    return error(code="not-found", text=text)


def unknown_operation(name: str, where: str, known: Sequence[str]) -> Issue:
    offered = f"There are: {', '.join(known)}" if known else "There are none"
    return error(code="not-supported", text=f"The operation ${name} is not offered on {where}. {offered}")


def no_operation(name: str) -> Issue:
    text = f"'{shortened(name)}' is no operation: ask Type/$name, Type/id/$name or $name"
    return error(code="not-found", text=text)


def operation_of_type(name: str, kind: str) -> Issue:
    text = f"The operation ${name} is not offered on one {kind}, but on the type: {kind}/${name}"
    return error(code="not-supported", text=text)


def history_of_many(kind: str) -> Issue:
    text = f"There is no history of all {kind}s here, but of each one: {kind}/[id]/_history"
    return error(code="not-supported", text=text)


def nothing_at_the_base(metadata: str, example: str) -> Issue:
    text = (
        f"This is the base of a FHIR server. What it can do stands at {metadata}; what it holds, for "
        f"example, at {example}. A Bundle of type batch may be POSTed here"
    )
    return error(code="not-supported", text=text)


def no_such_page(path: str) -> Issue:
    return error(code="not-found", text=f"There is nothing at '{path}'")


def method_not_allowed(method: str, path: str, allowed: Sequence[str]) -> Issue:
    return error(
        code="not-supported", text=f"{method} is not possible on '{path}', but {or_list(allowed)} is"
    )


def operation_needs_post(name: str) -> Issue:
    return error(code="not-supported", text=f"${name} changes what is kept here and can only be POSTed")


def not_acceptable(accept: str, offered: Sequence[str]) -> Issue:
    text = f"None of the formats asked for ('{accept}') can be written here. There are: {', '.join(offered)}"
    return error(code="not-supported", text=text)


def unsupported_media(content_type: str, offered: Sequence[str]) -> Issue:
    text = f"A body of the type '{content_type}' cannot be read here. Send one of: {', '.join(offered)}"
    return error(code="not-supported", text=text)


def wrong_fhir_version(asked: str, spoken: str) -> Issue:
    text = f"FHIR version {asked} was asked for, but FHIR {spoken} is spoken at this address"
    return error(code="not-supported", text=text)


def too_large(limit: int) -> Issue:
    return error(code="too-long", text=f"The body is larger than {limit:,} bytes")
