"""A ConceptMap made of rows, an element at a time: the rows wait in temporary files, one for each group."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import IO, Any

from terminology.catalogue.concept_map import NO_MAP_COMMENT
from terminology.core.dates import today
from terminology.core.model import Coding, Document
from terminology.core.texts import code_of_uri
from terminology.library.result_parts import ResultAttribute, ResultMatch
from terminology.wire.fhir_versions import FhirVersion


@dataclass(slots=True, frozen=True)
class DraftHeader:
    """The url of the map, and what else its header has."""

    url: str
    version: str | None = None
    title: str | None = None
    status: str = "draft"


@dataclass(slots=True)
class _DraftGroup:
    """The elements of a group, in a file, and the codes that it has."""

    source: str
    target: str
    file: IO[str]
    codes: set[str] = field(default_factory=set)


class DraftMap:
    """A ConceptMap that grows. Each code comes once in a group: the first row of a code counts.

    The codes are in memory, their rows are not. Use it as a context manager.
    """

    def __init__(self, header: DraftHeader, release: FhirVersion) -> None:
        self._header, self._release = header, release
        self._groups: dict[tuple[str, str], _DraftGroup] = {}
        self._attributes: dict[str, tuple[str, str]] = {}
        self._files = ExitStack()
        self.elements = 0

    def __enter__(self) -> DraftMap:
        return self

    def __exit__(self, *exception: object) -> None:
        self._files.close()

    def add(
        self, source: Coding, target_system: str, matches: Sequence[ResultMatch], comment: str | None = None
    ) -> bool:
        """Add an element with a target for each match; one without a match has no target (``noMap``).

        False: the map has the code already. ``comment`` is on each target, or says why there is none.
        """
        targets = [self._target(match, comment) for match in matches]
        return self.add_element(source, target_system, targets, comment)

    def add_element(
        self, source: Coding, target_system: str, targets: Sequence[Document], reason: str | None = None
    ) -> bool:
        """Add an element with targets in the shape of R5. False: the map has the code already.

        ``reason`` says why there is no target. R5 has an extension for it, R4 the comment of its ``unmatched``.
        """
        code = source.code or ""
        key = source.system or "", target_system
        if key not in self._groups:
            file = self._files.enter_context(tempfile.TemporaryFile("w+", encoding="utf-8"))
            self._groups[key] = _DraftGroup(*key, file)
        group = self._groups[key]
        if code in group.codes:
            return False
        group.codes.add(code)
        element: Document = {"code": code}
        if source.display:
            element["display"] = source.display
        if not targets and reason:
            element["extension"] = [{"url": NO_MAP_COMMENT, "valueString": reason}]
        element |= {"target": list(targets)} if targets else {"noMap": True}
        self._write(group, element)
        self.elements += 1
        return True

    def _write(self, group: _DraftGroup, element: Document) -> None:
        """An element in the shape of the release."""
        whole = {"resourceType": "ConceptMap", "group": [{"element": [element]}], **self._declared()}
        (written,) = self._release.downgrade(whole)["group"][0]["element"]
        group.file.write(json.dumps(written, ensure_ascii=False) + "\n")

    def _target(self, match: ResultMatch, comment: str | None) -> Document:
        concept = match.concept or Coding()
        target: Document = {"code": concept.code}
        if concept.display:
            target["display"] = concept.display
        target["relationship"] = match.relationship
        if texts := [text for text in (match.comment, comment) if text]:
            target["comment"] = " ".join(texts)
        if match.depends_on:
            target["dependsOn"] = [self._attribute(condition) for condition in match.depends_on]
        return target

    def _attribute(self, condition: ResultAttribute) -> Document:
        """A condition. ``additionalAttribute`` declares its attribute."""
        uri, value = condition.attribute, condition.value
        if uri not in self._attributes:
            type_ = (
                "Coding" if isinstance(value, Coding) else "boolean" if isinstance(value, bool) else "string"
            )
            taken = [code for code, _ in self._attributes.values()]
            self._attributes[uri] = code_of_uri(uri, taken), type_
        code, type_ = self._attributes[uri]
        if type_ == "Coding" and isinstance(value, Coding):
            return {"attribute": code, "valueCoding": value.as_json()}
        if type_ == "boolean" and isinstance(value, bool):
            return {"attribute": code, "valueBoolean": value}
        text = value.code if isinstance(value, Coding) else value
        return {"attribute": code, "valueString": str(text).lower() if isinstance(text, bool) else str(text)}

    def condition(self, uri: str, value: str) -> Document:
        """A condition that a text says, for an element that is added."""
        return self._attribute(ResultAttribute(uri, value))

    def write(self, stream: IO[str]) -> None:
        """Write the whole resource as JSON."""
        header = self._release.downgrade(self._document())
        groups = header.pop("group", [])
        text = json.dumps(header, ensure_ascii=False)
        stream.write(text[:-1])
        stream.write(', "group": [' if groups else "")
        for number, (node, group) in enumerate(zip(groups, self._groups.values(), strict=True)):
            start = json.dumps({key: node[key] for key in node if key != "element"}, ensure_ascii=False)
            stream.write((", " if number else "") + start[:-1] + ', "element": [\n')
            for index, line in enumerate(_lines(group.file)):
                stream.write((",\n" if index else "") + line)
            stream.write("\n]}")
        stream.write("]}\n" if groups else "}\n")

    def _declared(self) -> Document:
        """``additionalAttribute``, if there are any."""
        nodes = [{"code": code, "uri": uri, "type": type_} for uri, (code, type_) in self._attributes.items()]
        return {"additionalAttribute": nodes} if nodes else {}

    def _document(self) -> Document:
        header = self._header
        document: dict[str, Any] = {"resourceType": "ConceptMap", "url": header.url}
        document |= {k: v for k, v in (("version", header.version), ("title", header.title)) if v is not None}
        document |= {"status": header.status, "experimental": False, "date": today()}
        document |= self._declared()
        document["group"] = [
            {"source": group.source, "target": group.target, "element": [{"code": "x", "noMap": True}]}
            for group in self._groups.values()
        ]
        return document


def _lines(file: IO[str]) -> Iterator[str]:
    file.seek(0)
    for line in file:
        yield line.rstrip("\n")
