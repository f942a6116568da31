"""Media types of requests and answers, by FHIR's rules (https://hl7.org/fhir/R5/http.html#mime-type).

The rules differ from HTTP's: all parameters of a media type except ``fhirVersion`` and ``charset`` are ignored,
``application/json`` stands for ``application/fhir+json`` and ``application/xml`` for ``application/fhir+xml``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from terminology.core import issues
from terminology.core.cache import kept_results
from terminology.core.errors import RefusedError
from terminology.core.model import Document
from terminology.wire import json, xml
from terminology.wire.exchange import FORM
from terminology.wire.fhir_versions import FhirVersion

JSON = "application/fhir+json"
XML = "application/fhir+xml"
CSV = "text/csv"
FORMATS = {
    "json": JSON,
    "application/fhir+json": JSON,
    "application/json": JSON,
    "application/json+fhir": JSON,
    "text/json": JSON,
    "application/fhir json": JSON,  # a plus sign that was decoded on the way
    "xml": XML,
    "application/fhir+xml": XML,
    "application/xml": XML,
    "application/xml+fhir": XML,
    "text/xml": XML,
    "application/fhir xml": XML,
}
_ANY = ("*/*", "application/*")
# A browser lists XML among the types that it can show, and does not mean FHIR's.
_PAGE = "text/html"
_OF_A_BROWSER = ("application/xml", "text/xml")
_UTF8 = ("utf-8", "utf8")
# The types of the header that Java sends where a program names none. It is that of programs, although it has HTML.
_OF_JAVA = frozenset({"image/gif", "image/jpeg"})
_PAGE_XHTML = "application/xhtml+xml"
_PAGE_FORMATS = ("html", _PAGE, _PAGE_XHTML)
# Clients send the same few headers again and again. This many are kept parsed.
DIFFERENT = 512


@dataclass(slots=True, frozen=True)
class MediaType:
    """A media type of a header, with its parameters."""

    name: str
    parameters: dict[str, str]

    @property
    def quality(self) -> float:
        try:
            quality = float(self.parameters.get("q", "1"))
        except ValueError:
            return 0.0
        return min(quality, 1.0) if quality >= 0 else 0.0


def media_types(header: str) -> Iterator[MediaType]:
    """The media types of an ``Accept`` or ``Content-Type`` header.

    >>> [m.name for m in media_types("application/fhir+json; fhirVersion=4.0, */*;q=0.1")]
    ['application/fhir+json', '*/*']
    """
    for item in header.split(","):
        name, *parameters = (part.strip() for part in item.split(";"))
        if name:
            pairs = (parameter.partition("=") for parameter in parameters)
            yield MediaType(name.lower(), {k.strip().lower(): v.strip().strip('"') for k, _, v in pairs})


def written(document: Document, media: str, release: FhirVersion, pretty: bool = False) -> bytes:
    """A document, in the shape of a release, as ``JSON`` or ``XML``."""
    return xml.write(document, release, pretty) if media == XML else json.write(document, pretty)


def content_type_of(media: str) -> str:
    """The header ``Content-Type`` of an answer in this media type."""
    return f"{media}; charset=utf-8"


@kept_results(DIFFERENT)
def negotiated(accept: str, format_: str | None, release: FhirVersion, sent: str = "") -> str:
    """The media type to answer in: the one with the highest quality in ``accept``.

    A client that accepts any type gets the type of the body that it sent, or else JSON.
    Raises RefusedError (406) when none of the accepted types can be written.
    """
    accepted = list(media_types(format_ or accept)) or [MediaType("*/*", {})]
    known = _offered(accepted, sent)
    if not known:
        raise RefusedError(406, issues.not_acceptable(format_ or accept, sorted(set(FORMATS.values()))))
    for media, format in known:
        version = media.parameters.get("fhirversion")
        if version is None or release.can_be_read_as(version):
            return format
    raise RefusedError(406, issues.wrong_fhir_version(known[0][0].parameters["fhirversion"], release.version))


def _offered(accepted: Sequence[MediaType], sent: str) -> list[tuple[MediaType, str]]:
    """The accepted types that can be written, the best first; a named type before any type."""
    ignored = _OF_A_BROWSER if any(media.name == _PAGE for media in accepted) else ()
    refused = {FORMATS.get(media.name) for media in accepted if media.quality <= 0}
    usual = [FORMATS.get(media.name, JSON) for media in media_types(sent)]
    free = next((format for format in (*usual, JSON, XML) if format not in refused), None)
    known: list[tuple[MediaType, str]] = []
    for media in sorted(accepted, key=lambda media: (-media.quality, media.name in _ANY)):
        format = free if media.name in _ANY else FORMATS.get(media.name)
        if format is not None and media.quality > 0 and media.name not in ignored:
            known.append((media, format))
    return known


@kept_results(DIFFERENT)
def wants_page(accept: str, format_: str | None) -> bool:
    """Does a client ask for a page for people? Browsers do; FHIR clients name a type of FHIR, or any type.

    HTML must be named, and nothing that FHIR is written in may be as good; XML among the types of a browser is not
    FHIR's. ``_format`` comes before the header.

    >>> wants_page("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", None)
    True
    >>> wants_page("*/*", None), wants_page("application/fhir+json, text/html", None), wants_page("*/*", "html")
    (False, False, True)
    """
    if format_:
        return format_.partition(";")[0].strip().lower() in _PAGE_FORMATS
    qualities: dict[str, float] = {}
    for media in media_types(accept):
        qualities[media.name] = max(media.quality, qualities.get(media.name, 0.0))
    page = max(qualities.get(_PAGE, 0.0), qualities.get(_PAGE_XHTML, 0.0))
    if not page or (qualities.keys() >= _OF_JAVA and _PAGE_XHTML not in qualities):
        return False
    named = (quality for name, quality in qualities.items() if name in FORMATS and name not in _OF_A_BROWSER)
    free = max((qualities.get(name, 0.0) for name in _ANY), default=0.0)
    return page > max(named, default=0.0) and page >= free


@kept_results(DIFFERENT)
def readable(content_type: str, release: FhirVersion) -> str:
    """The media type of a body. Raises RefusedError (415): another type, charset or FHIR version."""
    media = next(media_types(content_type), MediaType(JSON, {}))
    offered = [*sorted(set(FORMATS.values())), FORM]
    if media.name != FORM and media.name not in FORMATS:
        raise RefusedError(415, issues.unsupported_media(content_type, offered))
    if media.parameters.get("charset", "utf-8").lower() not in _UTF8:
        raise RefusedError(
            415, issues.unsupported_media(content_type, [f"{name}; charset=utf-8" for name in offered])
        )
    version = media.parameters.get("fhirversion")
    if version is not None and not release.can_be_read_as(version):
        raise RefusedError(415, issues.wrong_fhir_version(version, release.version))
    return FORM if media.name == FORM else FORMATS[media.name]


@kept_results(DIFFERENT)
def asks_for(header: str, release: FhirVersion) -> bool:
    """Does a header name this release by ``fhirVersion``?"""
    versions = (media.parameters.get("fhirversion") for media in media_types(header))
    return any(version is not None and release.is_meant_by(version) for version in versions)


def is_table(content_type: str, path: str) -> bool:
    """Is a body a table in CSV, sent to the one operation that takes one?"""
    media = next(media_types(content_type), None)
    return media is not None and media.name == CSV and path.rstrip("/").endswith("/$import")
