"""What does an artifact say of itself?

All that is needed to open it, in one small JSON: the resource without its long part, and how the tables are
to be read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from typing import Any

import orjson

from terminology.core.errors import OtherFormatError
from terminology.core.model import Document
from terminology.store.packing import exact, plain
from terminology.store.release import CodeSystemRelease, MapRelease, ValueSetRelease
from terminology.store.schema import FORMAT

HEADER, DICTIONARY = "header", "dictionary"
_LONGEST_ID = 64


@dataclass(slots=True)
class Header:
    """``document`` is the resource without concepts, groups or long lists.

    ``uses`` are the Codings that designations name by number, ``kinds`` code and type of the properties
    that are named by number, ``fields`` the number of each property's postings, ``long`` the properties with
    values that are too long for a posting, ``languages`` the number of each language's words, by its tag in
    small letters, ``groups`` those of a map, ``attributes`` what its conditions name, ``parts`` the lists of
    a value set: see ``value_sets.py``.
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

    @property
    def is_all(self) -> bool:
        """There is nothing beside the header: a value set that is kept as its document."""
        return self.kind == "ValueSet" and not self.parts

    def as_bytes(self) -> bytes:
        return orjson.dumps(plain(asdict(self)))

    @staticmethod
    def read(content: bytes) -> Header:
        """Raises OtherFormatError."""
        said = orjson.loads(content)
        if said.get("format") != FORMAT:
            raise OtherFormatError(said.get("format", 0), FORMAT)
        return Header(**exact(said))


def system_document(release: CodeSystemRelease, count: int) -> Document:
    """A CodeSystem without its concepts."""
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
        "property": [_present(asdict(declared)) for declared in release.properties],
    }
    if release.as_published:
        return {"id": id_of(own), **release.header}
    return _document("CodeSystem", release.header, own)


def map_document(release: MapRelease) -> Document:
    """A ConceptMap without its groups."""
    own: Document = {
        "url": release.url,
        "version": release.version,
        "name": release.name,
        "title": release.title,
        "copyright": release.copyright,
        "sourceScopeCanonical": release.source_scope,
        "targetScopeCanonical": release.target_scope,
    }
    return _document("ConceptMap", release.header, own)


def value_set_document(release: ValueSetRelease) -> Document:
    """A ValueSet without what its lists hold. What the header says stays as it stands there."""
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
    said = {"status": "active", **header, **_present(own)}
    return {"resourceType": kind, "id": said.pop("id", None) or id_of(own), **said}


def _present(elements: Mapping[str, Any]) -> Document:
    return {name: value for name, value in elements.items() if value not in (None, [], ())}


def id_of(own: Mapping[str, Any]) -> str:
    """A FHIR id made of the last step of the url and the version.

    >>> id_of({"url": "http://example.org/CodeSystem/birds", "version": "2.0"})
    'birds-2.0'
    """
    steps = [own["url"].rstrip("/").rpartition("/")[2] or "x", own.get("version") or ""]
    id_ = re.sub(r"[^A-Za-z0-9.-]+", "-", "-".join(step for step in steps if step)).strip("-")
    if len(id_) <= _LONGEST_ID:
        return id_
    return id_[: _LONGEST_ID - 9] + "-" + sha256("|".join(map(str, _whole(own))).encode()).hexdigest()[:8]


def _whole(own: Mapping[str, Any]) -> Sequence[object]:
    return own["url"], own.get("version")
