"""Which media type is asked for, and which one came? FHIR's own rules, which are not quite HTTP's.
 https://hl7.org/fhir/R5/http.html#mime-type. Parameters of a media type are ignored but for ``fhirVersion``
and ``charset``, and ``application/json`` stands for ``application/fhir+json``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from terminology import issues
from terminology.wire.exchange import Refusal
from terminology.wire.releases import Release

JSON = "application/fhir+json"
FORM = "application/x-www-form-urlencoded"
FORMATS = {
    "json": JSON,
    "application/fhir+json": JSON,
    "application/json": JSON,
    "application/json+fhir": JSON,
    "text/json": JSON,
    "application/fhir json": JSON,  # a plus sign that was decoded on the way
    "*/*": JSON,
    "application/*": JSON,
}
_UTF8 = ("utf-8", "utf8")


@dataclass(slots=True, frozen=True)
class MediaType:
    name: str
    parameters: dict[str, str]

    @property
    def quality(self) -> float:
        try:
            return float(self.parameters.get("q", "1"))
        except ValueError:
            return 0.0


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


def negotiated(accept: str, format_: str | None, release: Release) -> str:
    """The media type to answer in. Raises Refusal (406) when none that is asked for can be written."""
    wanted = list(media_types(format_ or accept)) or [MediaType("*/*", {})]
    known = [m for m in sorted(wanted, key=lambda m: -m.quality) if m.quality > 0 and m.name in FORMATS]
    if not known:
        raise Refusal(406, issues.not_acceptable(format_ or accept, sorted(set(FORMATS.values()))))
    for media in known:
        version = media.parameters.get("fhirversion")
        if version is None or release.is_meant_by(version):
            return FORMATS[media.name]
    raise Refusal(406, issues.wrong_fhir_version(known[0].parameters["fhirversion"], release.version))


def readable(content_type: str, release: Release) -> str:
    """The media type of a body. Raises Refusal (415): another type, charset or FHIR version."""
    media = next(media_types(content_type), MediaType(JSON, {}))
    offered = [*sorted(set(FORMATS.values())), FORM]
    if media.name != FORM and (media.name not in FORMATS or "*" in media.name):
        raise Refusal(415, issues.unsupported_media(content_type, offered))
    if media.parameters.get("charset", "utf-8").lower() not in _UTF8:
        raise Refusal(
            415, issues.unsupported_media(content_type, [f"{name}; charset=utf-8" for name in offered])
        )
    version = media.parameters.get("fhirversion")
    if version is not None and not release.is_meant_by(version):
        raise Refusal(415, issues.wrong_fhir_version(version, release.version))
    return FORM if media.name == FORM else FORMATS[media.name]


def asks_for(header: str, release: Release) -> bool:
    """Does a header name this release by ``fhirVersion``?"""
    versions = (media.parameters.get("fhirversion") for media in media_types(header))
    return any(version is not None and release.is_meant_by(version) for version in versions)
