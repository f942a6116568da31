"""The content that a ``Terminology`` is given: resources and paths."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from terminology.catalogue.protocol import KINDS
from terminology.content.packages import resources_of
from terminology.core import issues
from terminology.core.documents import LazyDocument
from terminology.core.errors import TerminologyError, UnreadableFileError
from terminology.core.model import Document
from terminology.library.values import (
    FhirModel,
    ResourceLike,
    as_document,
    copied,
    fhir_version_of,
    is_model,
    type_of,
)
from terminology.opening import broken_file_policy, read_content
from terminology.settings import Settings


def items_of(content: object) -> list[ResourceLike]:
    """The resources and paths of ``content``; a single one is a list of one. Raises TypeError."""
    if isinstance(content, str | Path | dict) or is_model(content):
        return [content]
    if not isinstance(content, Iterable):
        raise TypeError(f"'content' must be resources and paths, not {type_of(content)}")
    items = list(content)
    for index, item in enumerate(items):
        if not (isinstance(item, str | Path | dict) or is_model(item)):
            raise TypeError(
                f"content[{index}] must be a resource (a dictionary or a model of fhir.resources) or a path, "
                f"not {type_of(item)}"
            )
    return items


def documents_of(items: Sequence[ResourceLike], settings: Settings) -> Iterator[Document | LazyDocument]:
    """The resources of ``content``, in R5 shape. Raises UnreadableFileError unless ``skip_broken`` is set."""
    on_unreadable = broken_file_policy(settings)
    canonicals: set[tuple[str, str, str | None]] = set()
    for index, item in enumerate(items):
        if isinstance(item, str | Path):
            yield from read_content([Path(item)], on_unreadable)
            continue
        try:
            resources = list(_resources(item))
        except TerminologyError as error:
            on_unreadable(UnreadableFileError(f"content[{index}]: {error}"))
            continue
        for resource in resources:
            kind, url, version = resource["resourceType"], resource.get("url"), resource.get("version")
            if url and (kind, url, version) in canonicals:
                canonical = f"{url}|{version}" if version else url
                on_unreadable(
                    UnreadableFileError(f"content[{index}]: {kind} {canonical} is in the content twice")
                )
                continue
            canonicals.add((kind, url or "", version))
            yield resource


def _resources(resource: Document | FhirModel) -> Iterator[Document]:
    """The terminology resources of a resource or Bundle. Raises TerminologyError."""
    document, is_r4 = as_document(resource), None
    if is_model(resource):
        is_r4 = fhir_version_of(resource).is_r4
    kinds = (*KINDS, "Bundle")
    if document.get("resourceType") not in kinds:
        expected = f"one of {', '.join(kinds)}"
        raise TerminologyError(issues.bad_value("content", document.get("resourceType"), expected))
    is_empty = True
    for each in resources_of(document if is_model(resource) else copied(document), is_r4):
        is_empty = False
        yield each
    if is_empty:
        raise TerminologyError(issues.bad_value("content", "Bundle", f"a Bundle with {', '.join(KINDS)}"))
