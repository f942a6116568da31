"""The header of an artifact: one small JSON with everything that is needed to open it.

It holds the resource without its long parts, and the numbers by which the tables refer to uses, properties,
languages and groups.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from typing import Any

import orjson

from terminology.core.errors import OtherFormatError
from terminology.core.model import Document
from terminology.store.packing import with_decimals, without_decimals
from terminology.store.release import CodeSystemRelease, MapRelease, ValueSetRelease
from terminology.store.schema import FORMAT

# The names of two rows of the table ``header``: the header, and the compression dictionary.
HEADER, DICTIONARY = "header", "dictionary"
_LONGEST_ID = 64


@dataclass(slots=True)
class Header:
    """The description of one artifact.

    * ``kind`` is the type of the resource, ``document`` the resource in R5 shape, without concepts, groups or long
      lists, and ``count`` the number of its concepts, mappings or list entries.
    * ``uses``: the Codings to which designations refer by number.
    * ``kinds``: code and FHIR type of the properties to which concepts refer by number.
    * ``fields``: the number of the postings of each property.
    * ``long``: the properties that have values too long for a posting.
    * ``languages``: the number of the words of each language, by its tag in small letters.
    * ``groups``: ``ConceptMap.group`` without the elements.
    * ``attributes``: the attributes that ``dependsOn`` of a map names.
    * ``parts``: the lists of a value set, see ``value_sets.py``.
    * ``digest`` is that of all concepts or mappings.
    """

    kind: str
    document: Document
    count: int = 0
    format: int = FORMAT
    uses: list[Document] = field(default_factory=list)
    kinds: list[tuple[str, str]] = field(default_factory=list)
    fields: dict[str, int] = field(default_factory=dict)
    long: list[str] = field(default_factory=list)
    languages: dict[str, int] = field(default_factory=dict)
    groups: list[Document] = field(default_factory=list)
    parts: list[Document] = field(default_factory=list)
    attributes: list[str] = field(default_factory=list)
    digest: str = ""

    @property
    def canonical(self) -> tuple[str, str | None, str | None]:
        """Kind, url and version of the resource."""
        return self.kind, self.document.get("url"), self.document.get("version")

    @property
    def is_all(self) -> bool:
        """Whether the header is the whole artifact: a value set that is kept as its document."""
        return self.kind == "ValueSet" and not self.parts

    def as_bytes(self) -> bytes:
        """The header as the table has it."""
        return orjson.dumps(without_decimals(asdict(self)))

    @staticmethod
    def read(content: bytes) -> Header:
        """The header that ``as_bytes`` wrote. Raises OtherFormatError."""
        fields = orjson.loads(content)
        if fields.get("format") != FORMAT:
            raise OtherFormatError(fields.get("format", 0), FORMAT)
        return Header(**with_decimals(fields))


def code_system_document(release: CodeSystemRelease, count: int) -> Document:
    """The CodeSystem resource of a release, without its concepts; ``count`` is their number."""
    own: Document = {
        "url": release.url,
        "version": release.version,
        "name": release.name,
        "title": release.title,
        "language": release.language,
        "copyright": release.copyright,
        "caseSensitive": release.case_sensitive,
        "hierarchyMeaning": release.hierarchy_meaning,
        "valueSet": release.value_set,
        "content": release.content,
        "count": count,
        "property": [_present(asdict(declaration)) for declaration in release.properties],
    }
    if release.as_published:
        return {"id": id_of(own), **release.header}
    return _document("CodeSystem", release.header, own)


def map_document(release: MapRelease) -> Document:
    """The ConceptMap resource of a release, without its groups."""
    own: Document = {
        "url": release.url,
        "version": release.version,
        "name": release.name,
        "title": release.title,
        "copyright": release.copyright,
    }
    for scope, canonical in (("sourceScope", release.source_scope), ("targetScope", release.target_scope)):
        if f"{scope}Uri" not in release.header:
            own[f"{scope}Canonical"] = canonical
    return _document("ConceptMap", release.header, own)


def value_set_document(release: ValueSetRelease) -> Document:
    """The ValueSet resource of a release, with empty lists. What the release's header says prevails."""
    own: Document = {
        "resourceType": "ValueSet",
        "url": release.url,
        "version": release.version,
        "name": release.name,
        "title": release.title,
        "copyright": release.copyright,
    }
    own["id"] = id_of(own)
    missing = {name: value for name, value in _present(own).items() if name not in release.header}
    return {**release.header, **missing}


def _document(kind: str, header: Mapping[str, Any], own: Document) -> Document:
    elements = {"status": "active", **header, **_present(own)}
    return {"resourceType": kind, "id": elements.pop("id", None) or id_of(own), **elements}


def _present(elements: Mapping[str, Any]) -> Document:
    return {name: value for name, value in elements.items() if value not in (None, [], ())}


def id_of(own: Mapping[str, Any]) -> str:
    """A FHIR id made of the last step of the URL and the version; shortened with a digest if it is too long.

    >>> id_of({"url": "http://example.org/CodeSystem/birds", "version": "2.0"})
    'birds-2.0'
    """
    steps = [own["url"].rstrip("/").rpartition("/")[2] or "x", own.get("version") or ""]
    id_ = re.sub(r"[^A-Za-z0-9.-]+", "-", "-".join(step for step in steps if step)).strip("-")
    if len(id_) <= _LONGEST_ID:
        return id_
    return (
        id_[: _LONGEST_ID - 9] + "-" + sha256(f"{own['url']}|{own.get('version')}".encode()).hexdigest()[:8]
    )
