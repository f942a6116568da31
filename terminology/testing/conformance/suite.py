"""Suites of cases: a folder with ``test-cases.json`` as HL7 lays it out, or our own cases, in one file.

A case names an operation, a request and the answer that is expected; a group of cases names the resources that are sent
along. In our own file requests and answers stand in place of the names of files, and resources are those that this
package publishes.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib import resources
from itertools import chain
from pathlib import Path
from typing import Any

from terminology.core.errors import TerminologyError, UnreadableFileError, reason_of
from terminology.core.model import Document
from terminology.opening import BUNDLES
from terminology.wire import json

CASES = "test-cases.json"
# The mode of what every server can do.
GENERAL = "general"
# Bytes that a file of a suite may have.
_LARGEST_FILE = 50_000_000
# The parameters that are sent with each request that names no others.
_USUAL_PROFILE = "parameters-default.json"


@dataclass(frozen=True, slots=True)
class ConformanceCase:
    """One case. ``setup`` names resources; ``definition`` is the case as the suite writes it."""

    group: str
    definition: Document
    setup: Sequence[str] = ()
    group_mode: str | None = None
    is_disabled: bool = False

    @property
    def name(self) -> str:
        return f"{self.group}/{self.definition['name']}"

    @property
    def operation(self) -> str:
        return str(self.definition.get("operation"))

    @property
    def description(self) -> str:
        return str(self.definition.get("description") or self.name)

    @property
    def status(self) -> str:
        """The class of the HTTP status that is expected: ``2xx``."""
        return str(self.definition.get("http-code", "2xx"))

    def is_in(self, modes: Collection[str]) -> bool:
        """Whether the case is run in these modes."""
        own = self.definition.get("mode")
        return (self.group_mode is None or self.group_mode in modes) and (own is None or own in modes)

    def part(self, name: str, modes: Collection[str]) -> Any:
        """The request or response: the name of a file, or the resource. One for a mode goes before that for all."""
        special = (self.definition.get(f"{name}:{mode}") for mode in sorted(modes))
        return next(filter(None, special), self.definition.get(name))

    def reason_to_skip(self, fhir_version: str) -> str | None:
        """Why the case is not run against a server of a version of FHIR; None if it is."""
        if self.is_disabled or self.definition.get("disabled") is True:
            return "disabled in the suite"
        version = self.definition.get("version")
        if version is not None and not fhir_version.startswith(str(version)):
            return f"only for FHIR {version}"
        return None


@dataclass
class ConformanceSuite:
    """The cases of a folder; without a folder, our own."""

    folder: Path | None = None
    _resources: dict[str, Document] = field(default_factory=dict)

    @cached_property
    def document(self) -> Document:
        """What the suite says of its cases. Raises UnreadableFileError."""
        return self._file(CASES)

    @cached_property
    def cases(self) -> list[ConformanceCase]:
        """All cases, in their order. Raises UnreadableFileError."""
        try:
            cases = [
                ConformanceCase(
                    str(group["name"]),
                    case,
                    tuple(map(str, group.get("setup", ()))),
                    _mode(group, "a group"),
                    group.get("disabled") is True,
                )
                for group in self.document["suites"]
                for case in group["tests"]
                if isinstance(case["name"], str)
            ]
        except (AttributeError, KeyError, TypeError) as problem:
            raise UnreadableFileError(f"{self.folder}: {CASES} has no suites with tests: {problem}") from None
        if not cases:
            raise UnreadableFileError(f"{self.folder}: the suite has no cases")
        for case in cases:
            _mode(case.definition, case.name)
        return cases

    @property
    def modes(self) -> frozenset[str]:
        """All modes that a case, or a part of one, may be for. Raises UnreadableFileError."""
        modes = {GENERAL}
        for case in self.cases:
            own = case.group_mode, case.definition.get("mode")
            modes.update(str(mode) for mode in own if mode is not None)
            modes.update(key.partition(":")[2] for key in case.definition if ":" in key)
        return frozenset(modes)

    def resource(self, named: Any) -> Document:
        """The resource that a case names, or has. Not to be changed. Raises UnreadableFileError."""
        if isinstance(named, dict):
            return named
        name = str(named)
        if name not in self._resources:
            self._resources[name] = self._file(name) if self.folder is not None else _published()[name]
        return self._resources[name]

    def profile(self, case: ConformanceCase) -> Sequence[Document]:
        """The parameters that are sent with a case beside its own."""
        if self.folder is None:
            return ()
        name = case.definition.get("profile", _USUAL_PROFILE)
        return _parameters(self.resource(name))

    def request(self, named: Any) -> list[Document]:
        """The parameters of the request that a case names, or has. Raises UnreadableFileError."""
        return list(_parameters(self.resource(named)))

    def _file(self, name: str) -> Document:
        if self.folder is None:
            text = resources.files(__package__).joinpath("cases", name).read_bytes()
        else:
            text = _content(self.folder, name)
        try:
            document = json.read(text)
        except TerminologyError as problem:
            raise UnreadableFileError(f"{self.folder}: {name}: {problem}") from None
        if not isinstance(document, dict):
            raise UnreadableFileError(f"{self.folder}: {name} has no JSON object")
        return document


def _content(folder: Path, name: str) -> bytes:
    """The bytes of a file below the folder, where no name and no link leads out of it. Raises UnreadableFileError."""
    path = folder / name
    try:
        real = path.resolve()
        if not real.is_relative_to(folder.resolve()):
            raise UnreadableFileError(f"{path}: it is outside the folder of the suite")
        if real.exists() and not real.is_file():
            raise UnreadableFileError(f"{path}: it is not a file")
        with real.open("rb") as file:
            content = file.read(_LARGEST_FILE + 1)
    except (OSError, RuntimeError, ValueError) as problem:  # also a name that no file can have
        reason = reason_of(problem) if isinstance(problem, OSError) else problem
        raise UnreadableFileError(f"{path}: cannot be read: {reason}") from None
    if len(content) > _LARGEST_FILE:
        raise UnreadableFileError(f"{path}: it has more than {_LARGEST_FILE:,} bytes")
    return content


def _parameters(resource: Document) -> list[Document]:
    """The parameters of a Parameters resource that a suite has. Raises UnreadableFileError."""
    nodes = resource.get("parameter", [])
    if not isinstance(nodes, list) or not all(isinstance(node, dict) for node in nodes):
        raise UnreadableFileError("its parameters are not a list of objects")
    return nodes


def _mode(node: Document, place: str) -> str | None:
    mode = node.get("mode")
    if mode is not None and not isinstance(mode, str):
        raise UnreadableFileError(f"{CASES}: the mode of {place} is not a string")
    return mode


def _published() -> dict[str, Document]:
    """The resources that this package publishes, by ``CodeSystem/id``."""
    bundles = (json.read_own(path.read_bytes()) for path in sorted(BUNDLES.glob("*.json")))
    entries = chain.from_iterable(bundle["entry"] for bundle in bundles)
    return {f"{e['resource']['resourceType']}/{e['resource']['id']}": e["resource"] for e in entries}
