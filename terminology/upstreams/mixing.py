"""Value sets with codes from here and from upstreams, for $expand and $validate-code.

What an upstream has of a value set is asked of it first: the codes of each include and exclude of its code systems,
and those of each value set that is imported from it. A validation asks for its own codings alone. Then the operation is
answered here as ever, by a catalogue that has these parts (``MixedCatalogue``), so that excludes, imports, texts and
pages mean what they always do.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Protocol

from terminology.catalogue.overlay import Overlay
from terminology.catalogue.protocol import Catalogue
from terminology.catalogue.wrapper import Wrapper
from terminology.core import issues
from terminology.core.errors import TerminologyError
from terminology.core.expansions import UNCLOSED, UNCLOSED_REASON
from terminology.core.languages import Languages
from terminology.core.model import Coding, Concept, Document, Filter, split_canonical
from terminology.core.versions import fits
from terminology.operations.value_set.expand_request import ExpandRequest
from terminology.systems.document import DocumentCodeSystem
from terminology.systems.metadata import CONCEPT_PROPERTIES
from terminology.systems.protocol import CodeSystem, Selection, SimpleSelection, WrappedCodeSystem
from terminology.upstreams.gaps import Canonical, Gap, codings_of, lacks
from terminology.wire.elsewhere import ForeignQuestion

# The elements of an include that say which codes of its code system it has.
_OF_BLOCK = ("system", "version", "concept", "filter")
# The properties of a concept that decide whether it is valid, with their types.
_PROPERTIES = {"inactive": "boolean", "notSelectable": "boolean", "status": "code"}
# More questions than this are not asked for one request.
MOST_QUESTIONS = 100

Node = dict[str, Any]


class Ask(Protocol):
    """Asks the first upstream that may be asked for the resources of a gap, and has them."""

    def __call__(self, gap: Gap, path: str, parameters: Sequence[Node], expected: str, /) -> Document:
        """The answer to an operation, in the shape of R5; the parameters are in that shape, too.

        Raises UpstreamError, and TerminologyError if no upstream has the resources.
        """


def limited(ask: Ask) -> Ask:
    """The same, which refuses one question too many."""
    numbers = count(1)

    def ask_within(gap: Gap, path: str, parameters: Sequence[Node], expected: str) -> Document:
        if next(numbers) > MOST_QUESTIONS:
            raise TerminologyError(issues.too_many_questions(MOST_QUESTIONS))
        return ask(gap, path, parameters, expected)

    return ask_within


def with_parts(question: ForeignQuestion, gap: Gap, ask: Ask) -> Catalogue:
    """The catalogue of a question about a value set with the parts that are elsewhere. Raises what ``ask`` raises."""
    request: Any = question.request
    if isinstance(request, ExpandRequest):
        return _PartsToList(question.catalogue, gap, ask, request).catalogue()
    codings = list(codings_of(request))
    if any(coding.system is None for coding in codings):
        raise TerminologyError(issues.mixed_without_system(gap.names))
    return _PartsToValidate(question.catalogue, gap, ask, codings).catalogue()


# -- the catalogue -------------------------------------------------------------------------------


@dataclass(slots=True)
class ForeignPart:
    """The codes of a code system that pass some filters; ``unclosed`` is the reason why there may be more."""

    codes: list[str] = field(default_factory=list)
    unclosed: str | None = None


class PartialSelection(SimpleSelection):
    """The codes of a part that a text finds as well."""

    def __init__(self, system: CodeSystem, part: ForeignPart, among: Selection) -> None:
        self._system, self._part, self._among = system, part, among
        self._codes = frozenset(part.codes)

    @property
    def unclosed(self) -> str | None:
        return self._part.unclosed

    def __iter__(self) -> Iterator[Concept]:
        located = (self._system.locate(code) for code in self._part.codes if code in self._among)
        return (concept for concept in located if concept is not None)

    def __contains__(self, code: object) -> bool:
        return code in self._codes and code in self._among


class ForeignCodeSystem(WrappedCodeSystem):
    """The concepts of a code system that one request needs, and which of them pass the filters that it names."""

    def __init__(
        self, document: Document, requested: str | None, parts: dict[tuple[Filter, ...], ForeignPart]
    ) -> None:
        super().__init__(DocumentCodeSystem(document))
        self._requested, self._parts = requested, parts

    def is_meant_by(self, version: str | None) -> bool:
        """Whether it is the code system in this version."""
        return version in (None, self._requested) or fits(self.about.version, version)

    def select(
        self, filters: Sequence[Filter] = (), text: str | None = None, languages: Languages | None = None
    ) -> Selection:
        among = self._system.select((), text, languages)
        part = self._parts.get(tuple(filters))
        if part is None:
            return among if not filters else PartialSelection(self._system, ForeignPart(), among)
        return PartialSelection(self._system, part, among)

    def doubts(self, filters: Sequence[Filter]) -> list[Any]:
        return []


class MixedCatalogue(Wrapper):
    """A catalogue with value sets and code systems of upstreams before its base, for one request."""

    def __init__(
        self, base: Catalogue, value_sets: Sequence[Document], systems: Sequence[ForeignCodeSystem]
    ) -> None:
        super().__init__(Overlay.of(base, value_sets) if value_sets else base)
        self._systems = systems

    def find_system(self, url: str, version: str | None = None) -> CodeSystem | None:
        url = self.preferred(url)
        own = (each for each in self._systems if each.about.url == url and each.is_meant_by(version))
        return next(own, None) or self.base.find_system(url, version)

    def for_fhir(self, version: str) -> Catalogue:
        return self


# -- the questions -------------------------------------------------------------------------------


class _Parts:
    """The parts of a value set that are elsewhere: the code systems, and the value sets that are imported."""

    def __init__(self, base: Catalogue, gap: Gap, ask: Ask) -> None:
        self._base, self._gap, self._ask = base, gap, limited(ask)

    def catalogue(self) -> Catalogue:
        value_sets = [self.value_set(canonical) for canonical in self._gap.value_sets]
        systems = [
            self.system(canonical, [node for each, node in self._gap.blocks if _is_read_in(each, canonical)])
            for canonical in dict.fromkeys(self.canonicals())
        ]
        return MixedCatalogue(self._base, value_sets, systems)

    def canonicals(self) -> Iterator[Canonical]:
        """The code systems to ask for."""
        return (canonical for canonical, _ in self._gap.blocks)

    def value_set(self, canonical: Canonical) -> Document:
        """An imported value set, with the codes that matter."""
        raise NotImplementedError

    def system(self, canonical: Canonical, nodes: Sequence[Document]) -> ForeignCodeSystem:
        """A code system, with the concepts that matter in these includes and excludes."""
        raise NotImplementedError

    def ask(
        self, canonical: Canonical, path: str, *parameters: Node, expected: str = "Parameters"
    ) -> Document:
        return self._ask(Gap([canonical]), path, parameters, expected)


class _PartsToList(_Parts):
    """The parts of an expansion: all codes of each include and exclude."""

    def __init__(self, base: Catalogue, gap: Gap, ask: Ask, request: ExpandRequest) -> None:
        super().__init__(base, gap, ask)
        self._request = request
        # The expansions of imports by the code systems that are not here.
        self._imported: dict[str, list[Node]] = {}

    def canonicals(self) -> Iterator[Canonical]:
        yield from super().canonicals()
        named = {canonical.url for canonical, _ in self._gap.blocks}
        yield from (Canonical(url) for url in self._imported if url not in named)

    def value_set(self, canonical: Canonical) -> Document:
        expansion = self._expansion(canonical, *_named(canonical), is_listed=False)
        for url in dict.fromkeys(entry.get("system") for entry in _entries(expansion)):
            if url is not None and lacks(self._base, url, None):
                self._imported.setdefault(self._base.preferred(url), []).append(expansion)
        return _value_set(canonical, {"expansion": expansion})

    def system(self, canonical: Canonical, nodes: Sequence[Document]) -> ForeignCodeSystem:
        concepts: dict[str, Node] = {}
        parts: dict[tuple[Filter, ...], ForeignPart] = {}
        version = canonical.version
        for expansion in self._imported.get(canonical.url, ()):
            own = [
                each for each in _entries(expansion) if self._base.preferred(each["system"]) == canonical.url
            ]
            concepts |= {entry["code"]: _concept(entry) for entry in own}
            version = version or _version_in(expansion, canonical, own)
        for node in nodes:
            sent = {"name": "valueSet", "resource": _value_set_of(canonical, node)}
            expansion = self._expansion(canonical, sent, is_listed="concept" in node)
            entries = list(_entries(expansion))
            concepts |= {entry["code"]: _concept(entry) for entry in entries}
            version = _version_in(expansion, canonical, entries) or version
            if "concept" not in node:
                parts[_filters(node)] = ForeignPart([entry["code"] for entry in entries], _reason(expansion))
        return _system(canonical, version, concepts, parts)

    def _expansion(self, canonical: Canonical, *sent: Node, is_listed: bool) -> Node:
        """All codes. Raises TerminologyError if they are more than the answer to the request may have."""
        request, largest = self._request, self._request.largest
        parameters = [*sent, {"name": "count", "valueInteger": largest}]
        parameters += [
            {"name": name, "valueBoolean": True} for name in ("includeDesignations", "excludeNested")
        ]
        parameters += [{"name": "property", "valueString": name} for name in request.properties]
        if request.languages is not None and request.languages.text:
            parameters.append({"name": "displayLanguage", "valueCode": request.languages.text})
        if request.filter and not is_listed:
            parameters.append({"name": "filter", "valueString": request.filter})
        answer = self.ask(canonical, "ValueSet/$expand", *parameters, expected="ValueSet")
        expansion: Node = answer["expansion"]
        listed = sum(1 for _ in _entries(expansion))
        if listed < expansion.get("total", listed) or listed > largest:
            total = max(listed, expansion.get("total", listed))
            raise TerminologyError(issues.part_too_costly(str(canonical), total, largest))
        return expansion


class _PartsToValidate(_Parts):
    """The parts of a validation: those of its codings that an upstream has."""

    def __init__(self, base: Catalogue, gap: Gap, ask: Ask, codings: Sequence[Coding]) -> None:
        super().__init__(base, gap, ask)
        self._codings = [coding for coding in codings if coding.code]

    def canonicals(self) -> Iterator[Canonical]:
        """Those of the codings: no other code matters."""
        for coding in self._codings:
            url = self._base.preferred(coding.system or "")
            versions = [canonical.version for canonical, _ in self._gap.blocks if canonical.url == url]
            if versions or lacks(self._base, url, coding.version):
                yield from (Canonical(url, version or coding.version) for version in versions or (None,))

    def value_set(self, canonical: Canonical) -> Document:
        members = [c for c in self._codings if self._is_in(canonical, c, *_named(canonical))]
        include = [{"system": coding.system, "concept": [{"code": coding.code}]} for coding in members]
        return _value_set(canonical, {"compose": {"include": include}})

    def system(self, canonical: Canonical, nodes: Sequence[Document]) -> ForeignCodeSystem:
        own = [c for c in self._codings if self._base.preferred(c.system or "") == canonical.url]
        concepts: dict[str, Node] = {}
        version = canonical.version
        for coding in own:
            answer, is_known = self._lookup(canonical, coding)
            version = _text(answer, "version") or version
            if is_known:
                concepts[coding.code or ""] = _looked_up(coding.code or "", answer)
        parts = {}
        for node in nodes:
            if "concept" in node or "filter" not in node:
                continue
            sent: Node = {"name": "valueSet", "resource": _value_set_of(canonical, node)}
            known = [coding for coding in own if coding.code in concepts]
            parts[_filters(node)] = ForeignPart(
                [coding.code or "" for coding in known if self._is_in(canonical, coding, sent)]
            )
        return _system(canonical, version, concepts, parts)

    def _lookup(self, canonical: Canonical, coding: Coding) -> tuple[Document, bool]:
        """An answer about a coding, and whether it is $lookup's: the upstream's code system has the code."""
        named: list[Node] = [
            {"name": "system", "valueUri": canonical.url},
            {"name": "code", "valueCode": coding.code},
        ]
        if canonical.version:
            named.append({"name": "version", "valueString": canonical.version})
        properties: list[Node] = [
            {"name": "property", "valueCode": name} for name in ("designation", *_PROPERTIES)
        ]
        try:
            return self.ask(canonical, "CodeSystem/$lookup", *named, *properties), True
        except TerminologyError as refusal:
            if refusal.issues[0].code == "transient":
                raise
            # Many servers refuse an unknown code as they refuse an unknown code system; a validation tells them apart.
            named[0] = {"name": "url", "valueUri": canonical.url}
            answer = self.ask(canonical, "CodeSystem/$validate-code", *named)
            if _is_true(answer):
                raise
            return answer, False

    def _is_in(self, canonical: Canonical, coding: Coding, *sent: Node) -> bool:
        node = {"system": coding.system, "code": coding.code} | (
            {"version": coding.version} if coding.version else {}
        )
        parameters = [
            *sent,
            {"name": "coding", "valueCoding": node},
            {"name": "abstract", "valueBoolean": True},
        ]
        return _is_true(self.ask(canonical, "ValueSet/$validate-code", *parameters))


def _is_read_in(block: Canonical, canonical: Canonical) -> bool:
    """Whether an include of a code system is read in a version of it."""
    return block.url == canonical.url and block.version in (None, canonical.version)


# -- resources -----------------------------------------------------------------------------------


def _named(canonical: Canonical) -> Iterator[Node]:
    yield {"name": "url", "valueUri": canonical.url}
    if canonical.version:
        yield {"name": "valueSetVersion", "valueString": canonical.version}


def _value_set(canonical: Canonical, content: Node) -> Document:
    version = {"version": canonical.version} if canonical.version else {}
    return {"resourceType": "ValueSet", "url": canonical.url, **version, "status": "active", **content}


def _value_set_of(canonical: Canonical, node: Document) -> Document:
    """A value set of one include alone, without what that imports."""
    include = {name: node[name] for name in _OF_BLOCK if name in node} | {"system": canonical.url}
    if canonical.version:
        include["version"] = canonical.version
    return {"resourceType": "ValueSet", "status": "active", "compose": {"include": [include]}}


def _filters(node: Document) -> tuple[Filter, ...]:
    return tuple(
        Filter(each.get("property", ""), each.get("op", ""), each.get("value", ""))
        for each in node.get("filter", ())
    )


def _system(
    canonical: Canonical,
    version: str | None,
    concepts: dict[str, Node],
    parts: dict[tuple[Filter, ...], ForeignPart],
) -> ForeignCodeSystem:
    types = {**_PROPERTIES, **dict(_types(concepts.values()))}
    document: Document = {
        "resourceType": "CodeSystem",
        "url": canonical.url,
        "status": "active",
        "content": "complete",
        "property": [
            {"code": code, "type": type_}
            | ({"uri": CONCEPT_PROPERTIES + code} if code in _PROPERTIES else {})
            for code, type_ in types.items()
        ],
        "concept": list(concepts.values()),
    } | ({"version": version} if version else {})
    return ForeignCodeSystem(document, canonical.version, parts)


def _types(concepts: Any) -> Iterator[tuple[str, str]]:
    for node in concepts:
        for each in node["property"]:
            key = next(name for name in each if name.startswith("value"))
            yield each["code"], key.removeprefix("value")[:1].lower() + key.removeprefix("value")[1:]


def _entries(expansion: Node) -> Iterator[Node]:
    """The entries that are codes, at every depth."""
    waiting = list(reversed(expansion.get("contains", ())))
    while waiting:
        entry = waiting.pop()
        if "code" in entry:
            yield entry
        waiting.extend(reversed(entry.get("contains", ())))


def _concept(entry: Node) -> Node:
    """The concept of an entry of an expansion."""
    own = [each for each in entry.get("property", ()) if each["code"] not in _PROPERTIES]
    own += [{"code": "inactive", "valueBoolean": True}] if entry.get("inactive") else []
    own += [{"code": "notSelectable", "valueBoolean": True}] if entry.get("abstract") else []
    return {name: entry[name] for name in ("code", "display", "designation") if name in entry} | {
        "property": own
    }


def _looked_up(code: str, answer: Document) -> Node:
    """The concept of an answer of $lookup."""
    concept: Node = {"code": code, "designation": [], "property": []}
    for node in answer["parameter"]:
        parts = {part["name"]: _value(part) for part in node.get("part", ())}
        if node["name"] in ("display", "definition"):
            concept[node["name"]] = _value(node)
        elif node["name"] == "designation" and "value" in parts:
            names = ("language", "use", "value")
            concept["designation"].append({name: parts[name] for name in names if name in parts})
        elif node["name"] == "property" and parts.get("code") in _PROPERTIES:
            concept["property"].append(_property(parts["code"], parts.get("value")))
    return concept


def _property(code: str, value: Any) -> Node:
    if _PROPERTIES[code] == "code":
        return {"code": code, "valueCode": value}
    return {"code": code, "valueBoolean": value in (True, "true")}  # some servers write all values as texts


def _value(node: Node) -> Any:
    return next((value for name, value in node.items() if name.startswith("value")), None)


def _text(answer: Document, name: str) -> str | None:
    return next((_value(node) for node in answer["parameter"] if node["name"] == name), None)


def _is_true(answer: Document) -> bool:
    return any(node["name"] == "result" and node.get("valueBoolean") is True for node in answer["parameter"])


def _version_in(expansion: Node, canonical: Canonical, entries: Sequence[Node]) -> str | None:
    """The version of a code system that an expansion was made with."""
    for entry in entries:
        if "version" in entry:
            return str(entry["version"])
    for node in expansion.get("parameter", ()):
        if node.get("name") in ("used-codesystem", "version"):
            url, version = split_canonical(str(_value(node)))
            if url == canonical.url:
                return version
    return None


def _reason(expansion: Node) -> str | None:
    """Why an expansion may not have all codes; None if it has."""
    extensions = expansion.get("extension", ())
    if not any(each.get("url") == UNCLOSED and each.get("valueBoolean") for each in extensions):
        return None
    return next((str(_value(each)) for each in extensions if each.get("url") == UNCLOSED_REASON), "")
