"""The resources that clients have written, read from the log of writes into the shape that the catalogue has."""

from __future__ import annotations

import logging
import zlib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from terminology.core.documents import LazyDocument, header_of
from terminology.core.errors import TerminologyError
from terminology.core.model import Document
from terminology.wire import json
from terminology.wire.fhir_versions import RELEASES

if TYPE_CHECKING:
    from terminology.store.write_log import ResourceVersion

log = logging.getLogger("terminology")


def document_of(version: ResourceVersion) -> Document:
    """The resource of a version, not of a deletion, in the shape of R5. Raises TerminologyError."""
    assert version.body is not None
    return _upgraded(version.body, version.fhir_version)


def _upgraded(body: bytes, fhir_version: str) -> Document:
    release = next(each for each in RELEASES.values() if each.version == fhir_version)
    return release.upgrade(json.read_own(body))


class WrittenResources:
    """The resources as they are after the write with a number. It never changes."""

    def __init__(
        self, number: int = 0, by_name: Mapping[tuple[str, str], LazyDocument] | None = None
    ) -> None:
        self.number = number
        self._by_name = by_name or {}

    @property
    def documents(self) -> Iterable[LazyDocument]:
        """All of them. A resource that has not changed is the same object as before."""
        return self._by_name.values()

    def after(self, changes: Iterable[ResourceVersion]) -> WrittenResources:
        """The resources after further writes, which come in their order."""
        number, by_name = self.number, dict(self._by_name)
        for change in changes:
            number = max(number, change.number)
            by_name.pop((change.kind, change.id), None)
            if not change.is_deletion and (lazy := _lazy(change)) is not None:
                by_name[change.kind, change.id] = lazy
        return WrittenResources(number, by_name)


def _lazy(version: ResourceVersion) -> LazyDocument | None:
    """The resource; None, with a line in the log, for one that an earlier version of this software has let in."""
    try:
        document = document_of(version)
    except TerminologyError as error:
        log.error(
            "left out: %s, version %d, as written by a client: %s", version.name, version.version, error
        )
        return None
    packed, of_body = zlib.compress(version.body or b"", 1), version.fhir_version
    return LazyDocument(header_of(document), lambda: _upgraded(zlib.decompress(packed), of_body))
