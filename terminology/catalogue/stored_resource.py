"""A resource in the store, as the catalogue sees it.

The catalogue finds its document, which has no concepts, groups or long lists, like any other document. Questions
about these are answered by the code system, concept map or lists behind it, which read the store.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from functools import cached_property
from hashlib import sha256
from html import escape

from terminology.catalogue import stored_content, stored_value_set
from terminology.catalogue.stored_map import StoredMap
from terminology.core.documents import FIRST_ROWS, MOST_ROWS, SUBSETTED
from terminology.core.errors import UnreadableArtifactError
from terminology.core.model import Document
from terminology.core.texts import bare
from terminology.store.artifacts import Artifact
from terminology.store.backend import PublishedArtifact
from terminology.store.header import id_of
from terminology.store.schema import LANGUAGE, MARK
from terminology.systems.indexed import IndexedCodeSystem
from terminology.systems.indexed_filters import IndexedFilters
from terminology.systems.indexed_rows import RowReader
from terminology.systems.metadata import info_of
from terminology.systems.snomed.identifiers import URL as SNOMED_CT
from terminology.systems.snomed.system import SnomedCodeSystem


class StoredResource:
    """A compiled code system, map or value set: a ``CompiledResource``."""

    def __init__(self, artifact: Artifact) -> None:
        self._artifact = artifact

    @cached_property
    def document(self) -> Document:
        """The resource without its concepts or groups; the long lists of a value set are read in part."""
        header = self._artifact.header
        return stored_value_set.with_lists(self._artifact) if header.parts else header.document

    @property
    def fault(self) -> UnreadableArtifactError | None:
        return self._artifact.fault

    def require(self) -> None:
        """It can be read."""

    @property
    def rows(self) -> int:
        """The number of concepts of a code system, or mappings of a map."""
        header = self._artifact.header
        return 0 if header.kind == "ValueSet" else header.count

    def whole(self, rows: range = FIRST_ROWS) -> Document:
        """The resource as the interaction ``read`` gives it; of a code system or map with these rows.

        If there are others, it is tagged SUBSETTED, and its narrative says where to get them.
        """
        artifact, header = self._artifact, self._artifact.header
        if header.kind == "ValueSet":
            return stored_value_set.whole(artifact) if header.parts else header.document
        page = rows[: max(0, header.count - rows.start)]
        if header.kind == "CodeSystem":
            document = stored_content.code_system(artifact, artifact.concepts(page))
        else:
            mappings = artifact.mappings_at(page.start, page.stop)
            document = stored_content.concept_map(artifact, mappings, is_first=rows.start == 0)
        meta = {"versionId": self._version_id, **document.get("meta", {})}
        if len(page) == header.count:
            return {**document, "meta": meta}
        meta["tag"] = [*meta.get("tag", ()), SUBSETTED]
        return {
            **document,
            "meta": meta,
            "text": _where_the_rest_is(header.kind, header.count, page),
        }

    @cached_property
    def _version_id(self) -> str:
        return sha256(self._artifact.header.as_bytes()).hexdigest()[:16]

    def searched(self, codes: Collection[str]) -> Document:
        """The resource with the rows that have one of these codes, and perhaps others: for a search.

        A concept of a code system also counts if one of these codes is the language of a designation. The first row is
        always there, so that a search can see whether there are any.
        """
        artifact, header = self._artifact, self._artifact.header
        if header.kind == "CodeSystem":
            filters = IndexedFilters(info_of(header.document), artifact, RowReader(artifact))
            keys = filters.keys(codes).values()
            ords = {0, *artifact.ords(keys).values()} if header.count else set()
            for tag in header.languages.keys() & {code.lower() for code in codes}:
                ords |= set(artifact.posting(MARK, LANGUAGE + tag)[:1])
            return stored_content.code_system(artifact, artifact.concepts(sorted(ords)))
        if header.kind == "ConceptMap":
            ends = ("by source", "by target")
            in_any_case = {
                other for code in codes for other in (code, *_codes_in_another_case(artifact, code))
            }
            mappings = [
                row for code in sorted(in_any_case) for end in ends for row in artifact.mappings(end, code)
            ]
            return stored_content.searched_map(artifact, [*artifact.mappings_at(0, 1), *mappings])
        return stored_value_set.searched(artifact, codes) if header.parts else header.document

    def system(self) -> IndexedCodeSystem:
        is_snomed = self.document.get("url") == SNOMED_CT
        return SnomedCodeSystem(self._artifact) if is_snomed else IndexedCodeSystem(self._artifact)

    def map(self, preferred: Callable[[str], str]) -> StoredMap:
        """``preferred`` gives the uri that a code system is known by."""
        return StoredMap(self._artifact, preferred)


class UnreadableResource:
    """A resource in the store that cannot be read: a ``CompiledResource`` of which only the canonical is known.

    A search finds it, with the reason in its narrative; any other question raises the error.
    """

    rows = 0

    def __init__(self, artifact: PublishedArtifact, error: UnreadableArtifactError) -> None:
        self._error = error
        known = {"url": artifact.url, "version": artifact.version}
        self.document: Document = {
            "resourceType": artifact.kind,
            "id": id_of(known),
            **{name: value for name, value in known.items() if value},
            "status": "unknown",
        }

    @property
    def fault(self) -> UnreadableArtifactError:
        return self._error

    def require(self) -> None:
        raise self._error

    def whole(self, rows: range = FIRST_ROWS) -> Document:
        text = f'<div xmlns="http://www.w3.org/1999/xhtml"><p>{escape(str(self._error))}</p></div>'
        document = self.document | {
            "meta": {"tag": [SUBSETTED]},
            "text": {"status": "generated", "div": text},
        }
        return document | ({"content": "not-present"} if document["resourceType"] == "CodeSystem" else {})

    def searched(self, codes: Collection[str]) -> Document:
        return self.document

    def system(self) -> IndexedCodeSystem:
        raise self._error

    def map(self, preferred: Callable[[str], str]) -> StoredMap:
        raise self._error


def _codes_in_another_case(artifact: Artifact, code: str) -> Iterator[str]:
    """The codes of a map that differ from one in case only."""
    if code.upper() == code.lower():
        return
    for part in range(len(artifact.header.groups)):
        for end in ("like source", "like target"):
            similar = artifact.spelled_like(end, bare(code), part)
            yield from (other for other in similar if other.casefold() == code.casefold())


def _where_the_rest_is(kind: str, count: int, page: range) -> Document:
    """The narrative of a resource of which only some rows are shown."""
    is_system = kind == "CodeSystem"
    rows = "concepts" if is_system else "mappings"
    which = f"{rows.capitalize()} {page.start + 1:,} to {page.stop:,}" if page else f"None of the {rows}"
    operations = (
        "CodeSystem/$lookup and ValueSet/$expand answer" if is_system else "ConceptMap/$translate answers"
    )
    text = (
        f"{which}, of {count:,}. A read with _count (at most {MOST_ROWS:,}) and _offset shows others; {operations} "
        "from all of them."
    )
    return {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml"><p>{text}</p></div>'}
