"""CodeSystem, ConceptMap and ValueSet resources as JSON, of any size, in R4, R4B or R5.

The file is read twice, both times as a stream: once for everything but the concepts (elements, entries of a
value set's lists), once for these. A concept comes after those nested in it, so that no more than one branch
is held at a time, but knows its place in the resource.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import IO, Any

import ijson

from terminology.catalogue.concept_map import KEPT_WORD, NO_MAP_COMMENT, no_map_properties
from terminology.content.importers.files import File, found, refused, refusing, sources
from terminology.core.errors import BrokenReleaseError, TerminologyError
from terminology.core.languages import STANDARDS_STATUS
from terminology.core.model import Document, Problem, Typed, split_canonical
from terminology.core.structure import RELATIONSHIPS, require
from terminology.store.release import (
    AnyRelease,
    CodeSystemRelease,
    ConceptRow,
    Importer,
    MapGroup,
    MapRelease,
    MapRow,
    MemberRow,
    PropertyDeclaration,
    Report,
    Row,
    Said,
    SourceFile,
    Stated,
    ValueSetRelease,
    progress_of,
)
from terminology.systems.resource import BY_NAME, CONCEPT_PROPERTIES, INACTIVE_STATUS
from terminology.wire import r4

EXPECTED = "a CodeSystem, ConceptMap or ValueSet resource as JSON"
DEEPEST = 200
_BUFFER = 1 << 16

_ROLES = ("parent", "subsumedBy", "child", "status", "inactive", "notSelectable")
# What comes of an element that is no object where there should be one.
_MISSHAPEN = (AttributeError, TypeError, KeyError)
_STEP = {"start_map": 1, "start_array": 1, "end_map": -1, "end_array": -1}
_KINDS = ("CodeSystem", "ConceptMap", "ValueSet")

Events = Iterator[tuple[str, Any]]


# -- events --------------------------------------------------------------------------------------


@contextmanager
def _opened(file: File, report: Report) -> Iterator[_Told]:
    """The bytes. Raises BrokenReleaseError where they are no JSON, or break off."""
    try:
        with file.binary() as stream:
            yield _Told(file, stream, report)
    except ijson.JSONError as error:
        reason = str(error).strip().splitlines()[0]
        raise BrokenReleaseError(Problem(file.label, 0, f"is not JSON: {reason}")) from error
    except RecursionError as error:
        raise BrokenReleaseError(Problem(file.label, 0, "is nested too deeply")) from error


@contextmanager
def _events(file: File, report: Report) -> Iterator[Events]:
    with _opened(file, report) as stream:
        yield ijson.basic_parse(stream, buf_size=_BUFFER)


class _Told:
    """A stream that says how far it has been read."""

    def __init__(self, file: File, stream: IO[bytes], report: Report) -> None:
        self._stream, self._file = stream, file
        self._tell, self._size, self._done = progress_of(report), file.size(), 0

    def read(self, size: int) -> bytes:
        piece = self._stream.read(size)
        if self._done == 0:
            piece = piece.removeprefix(b"\xef\xbb\xbf")
        self._done += len(piece)
        self._tell(self._file.label, min(self._done, self._size), self._size)
        return piece


def _value(events: Events, event: str, value: Any) -> Any:
    """The whole value that begins with an event."""
    if event == "start_map":
        return {key: _value(events, *next(events)) for key in _keys(events)}
    if event == "start_array":
        return [_value(events, event, value) for event, value in _until(events, "end_array")]
    return value


def _keys(events: Events) -> Iterator[str]:
    return (key for _, key in _until(events, "end_map"))


def _until(events: Events, end: str) -> Iterator[tuple[str, Any]]:
    for event, value in events:
        if event == end:
            return
        yield event, value


def _skip(events: Events, seen: set[str], depth: int = 0) -> None:
    """Reads past an array or object, and notes the R4 word for a mapping if it has one. ``depth`` is 1 where
    it has begun already.
    """
    for event, value in events:
        if value == "equivalence" and event == "map_key":
            seen.add(value)
        elif event in _STEP:
            depth += _STEP[event]
        if depth == 0:
            return


# -- which files ---------------------------------------------------------------------------------


@refusing
def recognises(paths: Sequence[Path]) -> Sequence[AnyRelease] | Problem:
    """A release for each resource; files that hold something else are passed over."""
    releases: list[AnyRelease] = []
    others: list[str] = []
    known: dict[Path, SourceFile] = {}
    for file in _json_files(paths):
        try:
            shell = _shell(file)
            kind = shell.get("resourceType")
            if kind not in _KINDS:
                others.append(f"{file.label} is {f'a resource {kind}' if kind else 'no resource'}")
                continue
            if not shell.get("url"):
                return Problem(file.label, 0, f"expected a {kind} with a url, by which it is asked for")
            releases.append(_RELEASES[kind](_Origin.of_file(file, known), shell))
        except _MISSHAPEN:
            return Problem(file.label, 0, f"expected {EXPECTED}; its elements are not shaped like one")
        except TerminologyError as misshapen:
            return Problem(file.label, 0, f"expected {EXPECTED}; {misshapen}")
    return releases or refused(paths, EXPECTED, others)


@dataclass(slots=True, frozen=True)
class _Origin(SourceFile):
    """The file on disk of a resource, and where in it the resource is."""

    file: File

    @staticmethod
    def of_file(file: File, known: dict[Path, SourceFile]) -> _Origin:
        """``known`` are the files that were read through already: an archive may hold many resources."""
        if file.path not in known:
            (known[file.path],) = sources([file])
        source = known[file.path]
        return _Origin(source.name, source.sha256, source.size, file)


def _json_files(paths: Sequence[Path]) -> Iterator[File]:
    for file in found(paths):
        if file.head().removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"{":
            yield file


def _shell(file: File) -> Document:
    """The resource without what there is much of, in R5 shape; of another resource no more than its kind."""
    shell: Document = {}
    seen: set[str] = set()
    with _events(file, lambda problem: None) as events:
        next(events)
        for key in _keys(events):
            if key == "concept":
                _skip(events, seen)
            elif key in _IN_PART:
                shell[key] = _IN_PART[key](events, seen)
            else:
                shell[key] = _value(events, *next(events))
            if key == "resourceType" and shell[key] not in _KINDS:
                return shell
    if shell.get("resourceType") not in ("CodeSystem", "ConceptMap"):
        return shell
    is_r4 = bool(seen) or not shell.keys().isdisjoint(
        {"sourceUri", "sourceCanonical", "targetUri", "targetCanonical"}
    )
    return r4.upgrade(shell) if is_r4 else shell


def _groups(events: Events, seen: set[str]) -> list[Document]:
    next(events)
    return [_without(events, seen, "element") for _ in _until(events, "end_array")]


def _without(events: Events, seen: set[str], name: str) -> Document:
    """An object that has begun, but for one of its elements."""
    node: Document = {}
    for key in _keys(events):
        if key == name:
            _skip(events, seen)
        else:
            node[key] = _value(events, *next(events))
    return node


def _emptied(events: Events, name: str) -> Document:
    """An object that has begun, with one of its lists empty."""
    node: Document = {}
    for key in _keys(events):
        event, value = next(events)
        if key == name and event == "start_array":
            _skip(events, set(), 1)
            node[key] = []
        else:
            node[key] = _value(events, event, value)
    return node


def _compose(events: Events, seen: set[str]) -> Any:
    """``ValueSet.compose`` with empty lists of concepts."""
    event, value = next(events)
    if event != "start_map":
        return _value(events, event, value)
    compose: Document = {}
    for key in _keys(events):
        event, value = next(events)
        if key not in _LISTS or event != "start_array":
            compose[key] = _value(events, event, value)
            continue
        compose[key] = [
            _emptied(events, "concept") if event == "start_map" else _value(events, event, value)
            for event, value in _until(events, "end_array")
        ]
    return compose


def _expansion(events: Events, seen: set[str]) -> Any:
    """``ValueSet.expansion`` with an empty list of what it contains."""
    event, value = next(events)
    return _emptied(events, "contains") if event == "start_map" else _value(events, event, value)


_LISTS = ("include", "exclude")
_IN_PART: dict[str, Callable[[Events, set[str]], Any]] = {
    "group": _groups,
    "compose": _compose,
    "expansion": _expansion,
}


def _code_system(origin: _Origin, shell: Document) -> CodeSystemRelease:
    declared = [
        PropertyDeclaration(p.get("code", ""), p.get("type", "string"), p.get("uri"), p.get("description"))
        for p in shell.get("property", ())
    ]
    return CodeSystemRelease(
        kind="fhir",
        url=shell.get("url", ""),
        version=shell.get("version"),
        name=shell.get("name"),
        title=shell.get("title"),
        language=shell.get("language"),
        case_sensitive=shell.get("caseSensitive", True) is not False,
        content=shell.get("content", "complete"),
        copyright=shell.get("copyright"),
        hierarchy_meaning=shell.get("hierarchyMeaning"),
        value_set=shell.get("valueSet"),
        properties=declared,
        files=[origin],
        header=shell,
        as_published=True,
    )


def _concept_map(origin: _Origin, shell: Document) -> MapRelease:
    require({"resourceType": "ConceptMap", "group": shell.get("group", [])})
    return MapRelease(
        kind="fhir",
        url=shell.get("url", ""),
        version=shell.get("version"),
        name=shell.get("name"),
        title=shell.get("title"),
        source_scope=shell.get("sourceScopeCanonical") or shell.get("sourceScopeUri"),
        target_scope=shell.get("targetScopeCanonical") or shell.get("targetScopeUri"),
        copyright=shell.get("copyright"),
        groups=[_group(node) for node in shell.get("group", ())],
        files=[origin],
        header={key: value for key, value in shell.items() if key != "group"},
    )


def _value_set(origin: _Origin, shell: Document) -> ValueSetRelease:
    return ValueSetRelease(
        kind="fhir",
        url=shell.get("url", ""),
        version=shell.get("version"),
        name=shell.get("name"),
        title=shell.get("title"),
        copyright=shell.get("copyright"),
        files=[origin],
        header=require(shell),
    )


def _group(node: Document) -> MapGroup:
    source, source_version = split_canonical(node.get("source", ""))
    target, target_version = split_canonical(node.get("target", ""))
    return MapGroup(source or None, target or None, source_version, target_version, node.get("unmapped"))


# -- rows ----------------------------------------------------------------------------------------


def read(release: AnyRelease, paths: Sequence[Path], report: Report) -> Iterator[Row]:
    """The concepts of a CodeSystem, or the mappings of a ConceptMap."""
    file = _file_of(release)
    if isinstance(release, MapRelease):
        yield from _mappings(file, release, report)
        return
    if isinstance(release, ValueSetRelease):
        yield from _members(file, release.header, report)
        return
    roles = _Roles(release)
    names_children = "child" in roles.codes and _mentions(file, f'"{roles.codes["child"]}"'.encode())
    above = dict(_above_by_child(file, roles, report)) if names_children else {}
    branch = _Branch(file, report, roles, above)
    if _mentions(file, b'"concept"') == 1:
        with _opened(file, report) as stream:
            rows = (
                branch.row(node, None, next(branch.places))
                for node in ijson.items(stream, "concept.item", buf_size=_BUFFER)
            )
            yield from (row for row in rows if row is not None)
        return
    with _events(file, report) as events:
        next(events)
        for key in _keys(events):
            if key == "concept":
                next(events)
                yield from _concepts(events, branch, None, 1)
            else:
                _skip(events, set())


def _mentions(file: File, name: bytes) -> int:
    """How often a name stands in the file: once, and nothing is nested, so that the quick parser will do."""
    count, before = 0, b""
    with file.binary() as stream:
        while piece := stream.read(_BUFFER):
            count += (before + piece).count(name)
            before = piece[1 - len(name) :]
    return count


def _file_of(release: AnyRelease) -> File:
    origin = release.files[0]
    assert isinstance(origin, _Origin)
    return origin.file


# -- concepts ------------------------------------------------------------------------------------


class _Roles:
    """Which property says what: by its uri, else by a code that has no other uri."""

    def __init__(self, release: CodeSystemRelease) -> None:
        by_uri = {
            p.uri.removeprefix(CONCEPT_PROPERTIES): p.code
            for p in release.properties
            if p.uri and p.uri.startswith(CONCEPT_PROPERTIES)
        }
        taken = {p.code for p in release.properties if p.uri} - BY_NAME
        self.codes = by_uri | {r: r for r in _ROLES if r not in by_uri and r not in taken}
        self.hierarchy = {self.codes[role] for role in ("parent", "child") if role in self.codes}

    def values(self, node: Document, role: str) -> list[Any]:
        code = self.codes.get(role)
        found_ = (Typed.of(p) for p in node.get("property", ()) if code and p.get("code") == code)
        return [value.value for value in found_ if value is not None]


class _Branch:
    """What all concepts of a file need to become rows."""

    def __init__(self, file: File, report: Report, roles: _Roles, above: dict[str, list[str]]) -> None:
        self.file, self.report, self.roles, self.above = file, report, roles, above
        self.places = count()

    def require_not_too_deep(self, depth: int) -> None:
        if depth > DEEPEST:
            raise BrokenReleaseError(
                Problem(self.file.label, 0, f"concepts are nested more than {DEEPEST} deep")
            )

    def row(self, node: Document, parent: str | None, place: int | None = None) -> ConceptRow | None:
        try:
            return self._made(node, parent, place)
        except _MISSHAPEN:
            self.report(Problem(self.file.label, 0, f"expected a concept with a code, not {str(node)[:80]}"))
            return None

    def _made(self, node: Document, parent: str | None, place: int | None) -> ConceptRow:
        code: str = node["code"]
        said = [self.roles.values(node, role) for role in ("parent", "subsumedBy")]
        parents = [*([parent] if parent else ()), *map(str, sum(said, [])), *self.above.get(code, ())]
        status = self._status(node)
        return ConceptRow(
            code=code,
            display=node.get("display"),
            definition=node.get("definition"),
            abstract=True in self.roles.values(node, "notSelectable"),
            inactive=True in self.roles.values(node, "inactive") or status in INACTIVE_STATUS,
            status=status,
            parents=list(dict.fromkeys(parents)),
            designations=[_said(designation) for designation in node.get("designation", ())],
            properties=[s for p in node.get("property", ()) if (s := self._stated(p)) is not None],
            extension=node.get("extension", ()),
            place=place,
        )

    def _stated(self, node: Document) -> Stated | None:
        value = Typed.of(node) or Typed("string", "")
        code = node.get("code", "")
        if not code or code in self.roles.hierarchy:
            return None
        return code, value.type, value.value

    def _status(self, node: Document) -> str | None:
        if stated := self.roles.values(node, "status"):
            return str(stated[0])
        marks = (e.get("valueCode") for e in node.get("extension", ()) if e.get("url") == STANDARDS_STATUS)
        return next(marks, None)


def _said(node: Document) -> Said:
    rest = {key: value for key, value in node.items() if key not in ("value", "language", "use")}
    return node.get("value", ""), node.get("language"), node.get("use"), rest or None


def _concepts(events: Events, branch: _Branch, parent: str | None, depth: int) -> Iterator[ConceptRow]:
    """Each concept after those that are nested in it."""
    branch.require_not_too_deep(depth)
    for event, value in _until(events, "end_array"):
        place = next(branch.places)
        if event != "start_map":
            branch.row(_value(events, event, value), parent, place)
            continue
        node: Document = {}
        for key in _keys(events):
            event, value = next(events)
            if key == "concept" and "code" in node:
                yield from _concepts(events, branch, node["code"], depth + 1)
            else:
                node[key] = _value(events, event, value)
        yield from _below(node, branch, parent, depth)
        if (row := branch.row(node, parent, place)) is not None:
            yield row


def _below(node: Document, branch: _Branch, parent: str | None, depth: int) -> Iterator[ConceptRow]:
    """What is nested in a concept whose code comes after it, or that has none."""
    branch.require_not_too_deep(depth)
    for inner in node.pop("concept", ()):
        place = next(branch.places)
        yield from _below(inner, branch, node.get("code", parent), depth + 1)
        if (row := branch.row(inner, node.get("code", parent), place)) is not None:
            yield row


def _above_by_child(file: File, roles: _Roles, report: Report) -> Iterator[tuple[str, list[str]]]:
    """The parents that a code has because they name it as their child."""
    above: dict[str, list[tuple[int, str]]] = {}
    with _events(file, report) as events:
        next(events)
        for key in _keys(events):
            if key != "concept":
                _skip(events, set())
                continue
            next(events)
            for place, node in _nodes(events, count()):
                for child in roles.values(node, "child"):
                    above.setdefault(str(child), []).append((place, node.get("code", "")))
    yield from ((child, [code for _, code in sorted(found_)]) for child, found_ in above.items())


def _nodes(events: Events, places: Iterator[int]) -> Iterator[tuple[int, Document]]:
    """Each concept with its place, after those that are nested in it."""
    for _ in _until(events, "end_array"):
        node: Document = {}
        place = next(places)
        for key in _keys(events):
            event, value = next(events)
            if key == "concept":
                yield from _nodes(events, places)
            else:
                node[key] = _value(events, event, value)
        yield place, node


# -- mappings ------------------------------------------------------------------------------------


def _mappings(file: File, release: MapRelease, report: Report) -> Iterator[MapRow]:
    if len(release.groups) == 1:
        with _opened(file, report) as stream:
            for element in ijson.items(stream, "group.item.element.item", buf_size=_BUFFER):
                yield from _map_rows(element, 0, release, file, report)
        return
    with _events(file, report) as events:
        next(events)
        for key in _keys(events):
            if key != "group":
                _skip(events, set())
                continue
            next(events)
            for number, _ in enumerate(_until(events, "end_array")):
                for name in _keys(events):
                    if name == "element":
                        next(events)
                        for event, value in _until(events, "end_array"):
                            element = _value(events, event, value)
                            yield from _map_rows(element, number, release, file, report)
                    else:
                        _skip(events, set())


def _map_rows(
    element: Document, group: int, release: MapRelease, file: File, report: Report
) -> Iterator[MapRow]:
    try:
        if "valueSet" in element:
            release.groups[group].by_value_set.append(_raised(element)[0])
        else:
            yield from [row for row in _rows_of(element, group) if _is_known(row, file, report)]
    except _MISSHAPEN:
        report(Problem(file.label, 0, f"expected an element with a code, not {str(element)[:80]}"))


def _is_known(row: MapRow, file: File, report: Report) -> bool:
    """Whether FHIR has the row's relationship, if it states one."""
    if row.relationship is None or row.relationship in RELATIONSHIPS:
        return True
    text = f"{row.relationship!r}, from {row.source} to {row.target}, is no relationship that FHIR knows"
    report(Problem(file.label, 0, text))
    return False


def _rows_of(element: Document, group: int) -> Iterator[MapRow]:
    element, uris = _raised(element)
    code = element["code"]
    display = element.get("display")
    if element.get("noMap"):
        reason = _extension(element, NO_MAP_COMMENT)
        yield MapRow(
            source=code,
            comment=reason,
            source_display=display,
            no_map=True,
            group=group,
            properties=[_property(node) for node in no_map_properties(element)],
        )
    elif not element.get("target"):
        yield MapRow(source=code, source_display=display, group=group)
    for target in element.get("target", ()):
        yield MapRow(
            source=code,
            target=target.get("code"),
            relationship=target.get("relationship"),
            comment=target.get("comment"),
            source_display=display,
            target_display=target.get("display"),
            group=group,
            word=_extension(target, KEPT_WORD),
            depends_on=[_attribute(node, uris) for node in target.get("dependsOn", ())],
            products=[_attribute(node, uris) for node in target.get("product", ())],
            properties=[_property(node) for node in target.get("property", ())],
        )


def _raised(element: Document) -> tuple[Document, dict[str, str]]:
    """The element in R5 shape, and the uris of the attributes that R4 names by uri."""
    targets = element.get("target", ())
    conditions = [node for t in targets for node in (*t.get("dependsOn", ()), *t.get("product", ()))]
    if not any("equivalence" in t for t in targets) and not any("property" in node for node in conditions):
        return element, {}
    raised = r4.upgrade({"resourceType": "ConceptMap", "group": [{"element": [element]}]})
    uris = {a["code"]: a["uri"] for a in raised.get("additionalAttribute", ()) if "uri" in a}
    first: Document = raised["group"][0]["element"][0]
    return first, uris


def _attribute(node: Document, uris: dict[str, str]) -> Stated:
    code = str(node.get("attribute", ""))
    value = Typed.of(node) or Typed("canonical", node.get("valueSet", ""))
    return uris.get(code, code), value.type, value.value


def _property(node: Document) -> Stated:
    value = Typed.of(node) or Typed("string", "")
    return str(node.get("code", "")), value.type, value.value


def _extension(node: Document, url: str) -> str | None:
    said = (
        e.get("valueCode") or e.get("valueString") for e in node.get("extension", ()) if e.get("url") == url
    )
    return next((text for text in said if text), None)


# -- value sets ----------------------------------------------------------------------------------


def _members(file: File, shell: Document, report: Report) -> Iterator[MemberRow]:
    entries = _Entries(file, report)
    only = _only_list(shell)
    if only is not None:
        name, number = only
        with _opened(file, report) as stream:
            for node in ijson.items(stream, f"compose.{name}.item.concept.item", buf_size=_BUFFER):
                yield from entries.listed(name, number, node)
        return
    with _events(file, report) as events:
        next(events)
        for key in _keys(events):
            if key in _ENTRIES:
                yield from _ENTRIES[key](events, entries)
            else:
                _skip(events, set())


def _only_list(shell: Document) -> tuple[str, int] | None:
    """The list that all concepts are in, if there is but one: the quick parser will do for it."""
    compose = shell.get("compose", {})
    lists = [
        (name, n) for name in _LISTS for n, node in enumerate(compose.get(name, ())) if "concept" in node
    ]
    return lists[0] if len(lists) == 1 and "expansion" not in shell else None


class _Entries:
    """Makes rows of the entries, and counts them."""

    def __init__(self, file: File, report: Report) -> None:
        self.file, self._report = file, report
        self._places = count()

    def listed(self, name: str, number: int, node: Any) -> Iterator[MemberRow]:
        """An entry of an include or exclude."""
        if self._is_sound(node, {"compose": {name: [{"concept": [node]}]}}) and self._has_code(node):
            yield MemberRow(name, number, next(self._places), node)

    def place(self) -> int:
        return next(self._places)

    def contained(self, node: Document, place: int, depth: int) -> Iterator[MemberRow]:
        """An entry of an expansion. One that is misshapen still holds what it contains."""
        if not self._is_sound(node, {"expansion": {"contains": [node]}}):
            node = {"contains": []} if isinstance(node, dict) and "contains" in node else {}
        if node:
            yield MemberRow("expansion", 0, place, node, depth)

    def _is_sound(self, node: Any, within: Document) -> bool:
        try:
            require({"resourceType": "ValueSet", **within})
        except TerminologyError as misshapen:
            self._say(str(misshapen))
            return False
        return True

    def _has_code(self, node: Document) -> bool:
        if "code" not in node:
            self._say(f"expected a concept with a code, not {str(node)[:80]}")
        return "code" in node

    def _say(self, text: str) -> None:
        self._report(Problem(self.file.label, 0, text))


def _of_compose(events: Events, entries: _Entries) -> Iterator[MemberRow]:
    next(events)
    for name in _keys(events):
        if name not in _LISTS:
            _skip(events, set())
            continue
        next(events)
        for number, _ in enumerate(_until(events, "end_array")):
            for key in _keys(events):
                if key != "concept":
                    _skip(events, set())
                    continue
                next(events)
                for event, value in _until(events, "end_array"):
                    yield from entries.listed(name, number, _value(events, event, value))


def _of_expansion(events: Events, entries: _Entries) -> Iterator[MemberRow]:
    next(events)
    for key in _keys(events):
        if key != "contains":
            _skip(events, set())
            continue
        next(events)
        yield from _contained(events, entries, 0)


def _contained(events: Events, entries: _Entries, depth: int) -> Iterator[MemberRow]:
    """Each entry after those that it contains, but with the place before them."""
    if depth > DEEPEST:
        raise BrokenReleaseError(Problem(entries.file.label, 0, f"codes are nested more than {DEEPEST} deep"))
    for event, value in _until(events, "end_array"):
        place = entries.place()
        if event != "start_map":
            yield from entries.contained(_value(events, event, value), place, depth)
            continue
        node: Document = {}
        for key in _keys(events):
            event, value = next(events)
            if key == "contains" and event == "start_array":
                node[key] = []
                yield from _contained(events, entries, depth + 1)
            else:
                node[key] = _value(events, event, value)
        yield from entries.contained(node, place, depth)


_ENTRIES: dict[str, Callable[[Events, _Entries], Iterator[MemberRow]]] = {
    "compose": _of_compose,
    "expansion": _of_expansion,
}

_RELEASES: dict[str, Callable[[_Origin, Document], AnyRelease]] = {
    "CodeSystem": _code_system,
    "ConceptMap": _concept_map,
    "ValueSet": _value_set,
}

FHIR = Importer("fhir", "CodeSystem, ConceptMap and ValueSet resources as JSON", recognises, read, True)
