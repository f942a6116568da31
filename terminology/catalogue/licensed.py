"""The content as a client may see it who lacks a licence: without the texts of some code systems.

A ``LicensedView`` makes a second content of the one that is served: documents without the texts, and code systems,
lists and maps of the store that leave them out. So no operation notices, and there is no answer through which a text
could leave. Nothing that is compiled of the one content is used for the other.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from threading import Lock
from typing import Any, cast, overload

from terminology.catalogue.concept_map import Attribute, ConceptMap, ConceptMapRow, Rows
from terminology.catalogue.protocol import Catalogue, CompiledResource
from terminology.core import issues
from terminology.core.cache import kept_results
from terminology.core.documents import FIRST_ROWS, Enumeration, LazyDocument, Listing
from terminology.core.errors import TerminologyError, UnreadableArtifactError
from terminology.core.model import Coding, Document, split_canonical
from terminology.core.users import licence_rights
from terminology.systems.codes_only import TEXT_TYPES, CodesOnly, NamesCodesOnly
from terminology.systems.names import registered
from terminology.systems.protocol import CodeSystem

# The policies: codes alone; besides them the texts of supplements, which others than the owner wrote; everything.
CODES, SUPPLEMENTS, FULL = "codes", "supplements", "full"
POLICIES = (CODES, SUPPLEMENTS, FULL)
_TEXTS = ("display", "designation", "definition")
# An extension that has one of these values, and nothing else, has no words.
_WORDLESS = frozenset(
    {"id", "url", "valueBoolean", "valueCode", "valueDate", "valueDateTime", "valueDecimal", "valueInteger"}
)


@dataclass(slots=True, frozen=True)
class Licence:
    """The licence of a code system: its policy, its name, and the notice that answers with its content carry."""

    system: str
    policy: str
    name: str
    notice: str | None = None


class Licences:
    """The licences of some code systems. For use by several threads."""

    def __init__(self, licences: Sequence[Licence]) -> None:
        self._licences = licences
        self._views: dict[frozenset[str], LicensedView] = {}

    def view(self, rights: frozenset[str]) -> LicensedView:
        """The content as a user with these rights may see it."""
        limits = [
            each
            for each in self._licences
            if each.policy != FULL and not licence_rights([each.system]) <= rights
        ]
        key = frozenset(each.system for each in limits)
        view = self._views.get(key)
        if view is None:
            view = self._views.setdefault(key, LicensedView(self._licences, limits))
        return view


class LicensedView:
    """The content without the texts that ``limits`` keep back. For use by several threads.

    ``licences`` are all, of which some have notices.
    """

    def __init__(self, licences: Sequence[Licence], limits: Sequence[Licence]) -> None:
        self._notices = {each.system: each.notice for each in licences if each.notice}
        self._limits = {each.system: each for each in limits}
        self._names: dict[str, str] = {}
        self._last: tuple[Catalogue, Catalogue] | None = None
        self._lock = Lock()

    def of(self, content: Catalogue) -> Catalogue:
        """The content of this moment without the texts, made once."""
        if not self._limits:
            return content
        last = self._last
        if last is None or last[0] is not content:
            with self._lock:
                last = self._last
                if last is None or last[0] is not content:
                    last = self._last = content, content.licensed(self)
        return last[1]

    def of_request(self, content: Catalogue) -> Catalogue:
        """The same for content that one request has: it is not kept."""
        return content.licensed(self) if self._limits else content

    # -- content

    def limit_of(self, uri: str | None) -> Licence | None:
        """The licence that keeps back the texts of a code system, by any of its names; None without one."""
        if not uri:
            return None
        url = split_canonical(uri)[0]
        names = (url, registered(url), self._names.get(url))
        return next((self._limits[name] for name in names if name in self._limits), None)

    def learn(self, names: Mapping[str, str]) -> None:
        """The urls of code systems by the other names that the content has for them. None is ever forgotten."""
        self._names.update(
            {n: url for n, url in names.items() if url in self._limits or url in self._notices}
        )

    def system(self, system: CodeSystem) -> CodeSystem:
        """A code system, or a supplement, as this view shows it."""
        about = system.about
        limit = self.limit_of(about.supplements if about.content == "supplement" else about.url)
        if limit is None:
            # A document has lost the displays of codes that it names already.
            is_stored = system.index is not None
            return NamesCodesOnly(system, lambda url: self.limit_of(url) is not None) if is_stored else system
        if about.content == "supplement" and limit.policy == SUPPLEMENTS:
            return system
        return CodesOnly(
            system, lambda filter_: issues.texts_kept_back(limit.system, limit.name, filter_.property)
        )

    def document(self, document: Document) -> Document:
        """A resource without the texts; the same object if it has none."""
        whole: Document = self._walked(document)
        return whole

    def resource(self, resource: Document | LazyDocument) -> Document | LazyDocument:
        """A resource of the content, read at first use as before."""
        if not isinstance(resource, LazyDocument):
            return self.document(resource)
        return LazyDocument(resource.header, lambda: self.document(resource.glance()))

    def stored(self, resource: CompiledResource) -> CompiledResource:
        """A resource in the store."""
        return _LicensedResource(self, resource)

    def _walked(self, value: Any) -> Any:
        if isinstance(value, list):
            items = [self._walked(item) for item in value]
            return items if any(a is not b for a, b in zip(items, value, strict=True)) else value
        if not isinstance(value, dict):
            return value
        parts = {name: self._walked(part) for name, part in value.items()}
        changed = any(part is not value[name] for name, part in parts.items())
        node = self._without_texts(parts if changed else value)
        if "text" in node and "resourceType" in node and (node is not value or self._may_tell(node)):
            return _without(node, ("text",))
        return node

    def _may_tell(self, resource: Document) -> bool:
        """Whether the narrative of a resource may have texts: it names a code system whose texts are kept back."""
        limit = self.limit_of(resource.get("supplements"))
        if limit is not None and limit.policy == SUPPLEMENTS:
            return False
        return bool(self._named(resource, self._limits))

    def _without_texts(self, node: Document) -> Document:
        """A node whose parts are without the texts already."""
        if node.get("resourceType") == "CodeSystem":
            return self._code_system(node)
        system = node.get("system")
        if isinstance(system, str) and self.limit_of(system) is not None:
            node = _bare(node)
            if "concept" in node:
                return {**node, "concept": _bare_list(node["concept"])}
            return node
        if isinstance(node.get("element"), list):
            return self._group(node)
        return node

    def _code_system(self, node: Document) -> Document:
        is_supplement = node.get("content") == "supplement"
        limit = self.limit_of(node.get("supplements") if is_supplement else node.get("url"))
        if limit is None or (is_supplement and limit.policy == SUPPLEMENTS) or "concept" not in node:
            return node
        return {**node, "concept": [*map(_bare_concept, node["concept"])]}

    def _group(self, node: Document) -> Document:
        """A group of a ConceptMap in the shape of R5."""
        near = self.limit_of(node.get("source")) is not None
        far = self.limit_of(node.get("target")) is not None
        if not (near or far):
            return node
        elements = [_bare(element) if near else element for element in node["element"]]
        if far:
            elements = [{**e, "target": [*map(_bare, e["target"])]} if "target" in e else e for e in elements]
        node = {**node, "element": elements}
        if far and "unmapped" in node:
            node["unmapped"] = _bare(node["unmapped"])
        return node

    def map(self, map_: ConceptMap) -> ConceptMap:
        """A map of the store, which nobody else has: its rows lose the displays of the one end or the other."""
        for group in map_.groups:
            near, far = (self.limit_of(end.system) is not None for end in (group.source, group.target))

            def bare(row: ConceptMapRow, near: bool = near, far: bool = far) -> ConceptMapRow:
                target = row.target and (_bare_coding(row.target) if far else row.target)
                source = _bare_coding(row.source) if near else row.source
                return replace(
                    row,
                    source=source,
                    target=target,
                    depends_on=[*map(self._attribute, row.depends_on)],
                    products=[*map(self._attribute, row.products)],
                )

            group.forward, group.backward = _BareRows(group.forward, bare), _BareRows(group.backward, bare)
            group.by_value_set = [(url, [*map(bare, rows)]) for url, rows in group.by_value_set]
            group.to_value_sets = [*map(bare, group.to_value_sets)]
            if far and group.unmapped is not None:
                group.unmapped = replace(group.unmapped, display=None)
        return map_

    def _attribute(self, attribute: Attribute) -> Attribute:
        value = attribute.value
        return replace(attribute, value=replace(value, value=self._walked(value.value)))

    # -- answers

    def noticed(self, document: Document) -> Document:
        """An answer with the notices of the code systems that it names."""
        notices = [self._notices[system] for system in self._named(document, self._notices)]
        kind = document.get("resourceType")
        if not notices:
            return document
        if kind == "Parameters":
            own = [{"name": "copyright", "valueString": notice} for notice in notices]
            return {**document, "parameter": [*document.get("parameter", ()), *own]}
        if kind in ("CodeSystem", "ValueSet", "ConceptMap"):
            known = document.get("copyright", "")
            added = [notice for notice in notices if notice not in known]
            return (
                {**document, "copyright": "\n\n".join(filter(None, [known, *added]))} if added else document
            )
        return document

    def passed_on(self, document: Document, server: str) -> Document:
        """The answer of another server, with notices.

        Raises TerminologyError for one that names a code system whose texts are kept back: they may stand in any
        sentence of it.
        """
        for system in self._named(document, self._limits):
            raise TerminologyError(issues.answer_kept_back(system, self._limits[system].name, server))
        return self.noticed(document)

    def require_silent(self, question: Sequence[object], error: TerminologyError) -> None:
        """The same for an error of another server, to a question that names such a code system."""
        servers = [issue.server for issue in error.issues if issue.server]
        if servers:
            self.passed_on({"question": question}, servers[0])

    def _named(self, document: Document, systems: Collection[str]) -> list[str]:
        """Those of some code systems that a document names anywhere, also by a version or another name."""
        missing = dict.fromkeys(systems)
        nodes: list[Any] = [document]
        while nodes and missing:
            node = nodes.pop()
            if type(node) is str:
                if node in missing:
                    del missing[node]
                elif ":" in node:
                    for name in _names_in(node):
                        missing.pop(name, None)
                        missing.pop(self._names.get(name, ""), None)
            elif type(node) is dict:
                nodes.extend(node.values())
            elif isinstance(node, Sequence) and not isinstance(node, str | bytes):
                nodes.extend(node)
        return [system for system in systems if system not in missing]


@kept_results(2_000)
def _names_in(text: str) -> tuple[str, ...]:
    """The url of a canonical, without its version and query, and the name by which HL7 registers it."""
    url = split_canonical(text)[0].partition("?")[0]
    return url, registered(url)


def _without(node: Document, names: Collection[str]) -> Document:
    return {k: v for k, v in node.items() if k not in names} if any(n in node for n in names) else node


def _bare(node: Document) -> Document:
    """What names a code, without its texts: elements, what extends them, and extensions and properties in words."""
    bare = {name: part for name, part in node.items() if name not in _TEXTS and not name.startswith("_")}
    for name in ("extension", "modifierExtension"):
        if isinstance(bare.get(name), list):
            _keep(bare, name, [each for each in bare[name] if _WORDLESS.issuperset(each)])
    if isinstance(bare.get("property"), list):
        _keep(bare, "property", [_bare_value(each) for each in bare["property"] if not _is_text(each)])
    return node if bare == node else bare


def _keep(node: Document, name: str, items: Sequence[Document]) -> None:
    """Leave these items of a list; FHIR has no empty ones."""
    if items:
        node[name] = items
    else:
        del node[name]


def _bare_concept(node: Document) -> Document:
    """A concept of a CodeSystem resource, with those below it."""
    bare = _bare(node)
    if "concept" in bare:
        bare = {**bare, "concept": [*map(_bare_concept, bare["concept"])]}
    return bare


def _is_text(node: Document) -> bool:
    return any(f"value{type_[0].upper()}{type_[1:]}" in node for type_ in TEXT_TYPES)


def _bare_value(node: Document) -> Document:
    """A property whose value is not a text; also one of an expansion, with properties of its own."""
    bare = {name: part for name, part in node.items() if not name.startswith("_") and name != "extension"}
    if isinstance(bare.get("valueCoding"), dict):
        bare["valueCoding"] = _bare(bare["valueCoding"])
    if isinstance(bare.get("subProperty"), list):
        _keep(bare, "subProperty", [_bare_value(each) for each in bare["subProperty"] if not _is_text(each)])
    return bare


def _bare_coding(coding: Coding) -> Coding:
    return replace(coding, display=None)


def _bare_list(entries: Sequence[Document]) -> Sequence[Document]:
    if isinstance(entries, Enumeration):
        return _BareEnumeration(entries)
    return [*map(_bare, entries)]


class _LicensedResource:
    """A resource in the store as a view shows it: a ``CompiledResource``."""

    def __init__(self, view: LicensedView, resource: CompiledResource) -> None:
        self._view, self._resource = view, resource
        self.document: Document = view.document(resource.document)

    @property
    def rows(self) -> int:
        return self._resource.rows

    @property
    def fault(self) -> UnreadableArtifactError | None:
        return self._resource.fault

    def require(self) -> None:
        self._resource.require()

    def whole(self, rows: range = FIRST_ROWS) -> Document:
        return self._view.document(self._resource.whole(rows))

    def searched(self, codes: Collection[str]) -> Document:
        return self._view.document(self._resource.searched(codes))

    def system(self) -> CodeSystem:
        return self._resource.system()

    def map(self, preferred: Callable[[str], str]) -> ConceptMap:
        return self._view.map(self._resource.map(preferred))


class _BareRows:
    """The rows of a group without displays."""

    def __init__(self, rows: Rows, bare: Callable[[ConceptMapRow], ConceptMapRow]) -> None:
        self._rows, self._bare = rows, bare

    def of(self, code: str) -> Sequence[ConceptMapRow]:
        return [*map(self._bare, self._rows.of(code))]

    def __contains__(self, code: object) -> bool:
        return code in self._rows

    def spelled_like(self, code: str) -> Sequence[str]:
        return [*self._rows.spelled_like(code)]


class _BareEnumeration(Enumeration):
    """A long list of the store without displays and designations."""

    def __init__(self, entries: Enumeration) -> None:
        self._entries = entries

    def __len__(self) -> int:
        return len(self._entries)

    @overload
    def __getitem__(self, place: int) -> Document: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Document]: ...
    def __getitem__(self, place: int | slice) -> Document | Sequence[Document]:
        entries = self._entries[place]
        if isinstance(place, slice):
            return _bare_list(cast("Sequence[Document]", entries))
        return _bare(cast("Document", entries))

    def __iter__(self) -> Iterator[Document]:
        return map(_bare, self._entries)

    def by_code(self, folds: bool) -> Listing:
        return _BareListing(self._entries.by_code(folds))

    def in_any_case(self, code: str) -> Sequence[Document]:
        return _bare_list(self._entries.in_any_case(code))


class _BareListing(Listing):
    """The entries of such a list by their codes."""

    def __init__(self, entries: Listing) -> None:
        self._entries = entries

    def __getitem__(self, code: str) -> Document:
        return _bare(self._entries[code])

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, code: object) -> bool:
        return code in self._entries

    def among(self, codes: Sequence[str]) -> None:
        self._entries.among(codes)

    def known_to(self, system: object) -> Sequence[str] | None:
        return self._entries.known_to(system)

    def expressions(self, system: object) -> Sequence[str]:
        return self._entries.expressions(system)
