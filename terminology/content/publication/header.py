"""The elements that every published resource has: name, identity, publisher, copyright."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from terminology.content.canonical import FILE
from terminology.content.publication.source import PublicationSource, PublishedSystem, TomlTable, oid
from terminology.core.errors import PublicationError
from terminology.core.model import Document

COUNTRIES = {
    "US": "United States of America",
    "DE": "Germany",
    "FR": "France",
    "GB": "United Kingdom of Great Britain and Northern Ireland",
}


def header(
    source: PublicationSource, type_: str, entry: TomlTable, systems: Iterable[PublishedSystem] = ()
) -> Document:
    """The elements that all kinds have; ``systems`` are those that the resource is about."""
    if missing := [name for name in ("id", "name", "title", "description") if not entry.get(name)]:
        raise PublicationError(FILE, None, f"{type_} {entry.get('id', '')} should have a {missing[0]}")
    settings = source.settings
    document: Document = {
        "resourceType": type_,
        "id": entry["id"],
        "language": entry.get("language", "en"),
        "url": source.names.resource(type_, entry["id"]),
        "identifier": [{"system": "urn:ietf:rfc:3986", "value": f"urn:oid:{oid(type_, entry['id'])}"}],
        "version": entry.get("version", settings["version"]),
        "name": entry["name"],
        "title": entry["title"],
        "status": settings["status"],
        "experimental": settings["experimental"],
        "date": settings["date"],
        "publisher": settings["publisher"],
        "contact": [{"telecom": [{"system": "url", "value": source.base}]}],
        "description": entry["description"],
    }
    if countries := sorted({system.country for system in systems if system.country}):
        document["jurisdiction"] = [_jurisdiction(country) for country in countries]
    document["copyright"] = settings["copyright"]
    return document


def _jurisdiction(country: str) -> Document:
    coding = {"system": "urn:iso:std:iso:3166", "code": country, "display": COUNTRIES[country]}
    return {"coding": [coding]}


def with_notices(source: PublicationSource, document: Document) -> Document:
    """The document, with the notices of all code systems that it names added to its copyright."""
    named = set(_strings(document))
    keys = dict.fromkeys(s.notice for s in source.systems.values() if s.notice and s.uri in named)
    notices = [source.notices[key].strip() for key in keys]
    return document | {"copyright": "\n\n".join([document["copyright"], *notices])}


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list)):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _strings(inner)
