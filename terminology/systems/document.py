"""Concepts in a FHIR CodeSystem resource.
 The resource is compiled once into an index and never changed. Hierarchy comes from nesting and from the
properties ``parent``, ``child`` and ``subsumedBy``; the meaning of a property is that of its ``uri``, or
else of its code (https://hl7.org/fhir/R5/codesystem.html#properties).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, Protocol

from terminology.core import issues, versions
from terminology.core.errors import TerminologyError
from terminology.core.languages import STANDARDS_STATUS, Languages
from terminology.core.model import (
    CodeSystemInfo,
    Concept,
    ConceptDetail,
    Designation,
    Document,
    Filter,
    Property,
    Typed,
)
from terminology.core.numbers import NUMBERS, number
from terminology.core.texts import folded, folded_finder
from terminology.systems.comparisons import Normal, comparison

CONCEPT_PROPERTIES = "http://hl7.org/fhir/concept-properties#"
_ROLES = ("parent", "child", "subsumedBy", "notSelectable", "inactive", "status")
MARKS = ("notSelectable", "inactive", "status")
# These mean what they are called, also where a code system gives them some other uri.
BY_NAME = frozenset({"notSelectable", "inactive"})
# What CodeSystem.hierarchyMeaning may be for "below" to mean "is a kind of". Most code systems say nothing.
SUBSUMING = frozenset({"is-a", "classified-with", None})
ALL_CODES = "?fhir_vs"
BELOW = "=isa/"
# A deprecated concept may still be used: tx-ecosystem, test "act-class".
INACTIVE_STATUS = frozenset({"retired", "withdrawn", "inactive"})

# Of how many concepts of a code system the details are kept once they are read.
KEPT_DETAILS = 10_000

Node = dict[str, Any]
Test = Callable[[str], bool]


class DocumentSystem:
    """A CodeSystem resource as a code system."""

    def __init__(self, document: Document) -> None:
        self.about = about(document)
        self.document = document
        self._role = roles_of(document)
        self._marks = {self._role[role]: role for role in MARKS if role in self._role}
        self._concepts: dict[str, Concept] = {}
        self._details: dict[str, ConceptDetail] = {}
        self._nodes: dict[str, Node] = {}
        self._parents: dict[str, list[str]] = {}
        self._children: dict[str, list[str]] = {}
        self._index(document.get("concept", ()), None)
        self._index_properties()

    # -- compiling ---------------------------------------------------------------------------

    def _key(self, code: str) -> str:
        return code if self.about.case_sensitive else code.casefold()

    def _index(self, nodes: Sequence[Node], parent: str | None) -> None:
        for node in nodes:
            if "code" not in node:
                self._index(node.get("concept", ()), parent)
                continue
            key = self._key(node["code"])
            self._nodes.setdefault(key, node)
            if parent is not None:
                self._relate(parent, key)
            self._index(node.get("concept", ()), key)

    def _index_properties(self) -> None:
        """Hierarchy said by property. Only codes that are here take part. Children stay in their order."""
        for key, node in self._nodes.items():
            for role in ("parent", "subsumedBy"):
                for value in self._values(node, role):
                    self._relate(self._key(str(value)), key)
        for key, node in self._nodes.items():
            for value in self._values(node, "child"):
                self._relate(key, self._key(str(value)))
        places = {key: place for place, key in enumerate(self._nodes)}
        for children in self._children.values():
            children.sort(key=places.__getitem__)

    def _relate(self, parent: str, child: str) -> None:
        if {parent, child} <= self._nodes.keys() and parent not in self._parents.setdefault(child, []):
            self._parents[child].append(parent)
            self._children.setdefault(parent, []).append(child)

    # -- the questions -----------------------------------------------------------------------

    def locate(self, code: str) -> Concept | None:
        key = self._key(code)
        return self._concept(key) if key in self._nodes else None

    def select(
        self, filters: Sequence[Filter] = (), text: str | None = None, languages: Languages | None = None
    ) -> DocumentSelection:
        tests = [self._test(filter_) for filter_ in filters]
        if text:
            tests.append(self._text_test(text, languages))
        return DocumentSelection(self, tests)

    def speaking(self, languages: Languages) -> DocumentSelection:
        """The concepts of which something is said in these languages."""
        return DocumentSelection(self, [lambda key: self._speaks(key, languages)])

    def subsumes(self, ancestor: str, descendant: str) -> bool:
        top, below = self._key(ancestor), self._key(descendant)
        return top == below or top in self._ancestors(below)

    def describe(self, codes: Sequence[str]) -> Mapping[str, ConceptDetail]:
        keys = {code: self._key(code) for code in codes}
        return {code: self._detail(key) for code, key in keys.items() if key in self._nodes}

    def implied(self, canonical: str) -> Document | None:
        """``CodeSystem.valueSet``, ``?fhir_vs``: all of the code system; ``?fhir_vs=isa/[code]``: a code and
        what is below it (https://hl7.org/fhir/R4/snomedct.html#implicit). The url before it
        may be that of the version.
        """
        return implied(self, canonical, self.document.get("valueSet"))

    # -- reading a node ----------------------------------------------------------------------

    def _values(self, node: Node, role: str) -> list[Any]:
        code = self._role.get(role)
        if code is None:
            return []
        values = (Typed.of(p) for p in node.get("property", ()) if p.get("code") == code)
        return [value.value for value in values if value is not None]

    def _concept(self, key: str) -> Concept:
        concept = self._concepts.get(key)
        if concept is None:
            concept = self._concepts[key] = self._read(self._nodes[key])
        return concept

    def _read(self, node: Node) -> Concept:
        concept = Concept(node["code"], node.get("display"), node.get("definition"))
        for said in node.get("property", ()):
            role = self._marks.get(said.get("code"))
            value = Typed.of(said) if role else None
            if value is None:
                continue
            if role == "status":
                concept.status = concept.status or str(value.value)
            elif value.value is True and role == "notSelectable":
                concept.abstract = True
            elif value.value is True:
                concept.inactive = True
        concept.status = concept.status or _standards_status(node)
        concept.inactive = concept.inactive or concept.status in INACTIVE_STATUS
        return concept

    def _detail(self, key: str) -> ConceptDetail:
        detail = self._details.get(key)
        if detail is None:
            detail = self._read_detail(key, self._nodes[key])
            if len(self._details) < KEPT_DETAILS:
                self._details[key] = detail
        return detail

    def _read_detail(self, key: str, node: Node) -> ConceptDetail:
        return ConceptDetail(
            designations=[designation(d) for d in node.get("designation", ())],
            properties=[
                *(self._related("parent", other) for other in self._parents.get(key, ())),
                *(self._related("child", other) for other in self._children.get(key, ())),
                *(
                    self._property(p)
                    for p in node.get("property", ())
                    if p.get("code") and p["code"] not in self._hierarchy
                ),
            ],
            extension=node.get("extension", ()),
        )

    @cached_property
    def _hierarchy(self) -> frozenset[str]:
        return frozenset(self._role[role] for role in ("parent", "child") if role in self._role)

    def _related(self, role: str, key: str) -> Property:
        node = self._nodes[key]
        return Property(role, Typed("code", node["code"]), node.get("display"))

    def _property(self, node: Node) -> Property:
        value = Typed.of(node) or Typed("string", "")
        named = self._nodes.get(self._key(value.value)) if value.type == "code" else None
        return Property(node["code"], value, named.get("display") if named else None)

    # -- filters -----------------------------------------------------------------------------

    def _test(self, filter_: Filter) -> Test:
        if not filter_.value:
            raise TerminologyError(issues.filter_without_value(filter_.property, filter_.op, self.about.url))
        if filter_.property in ("concept", "code", *self._hierarchy) and filter_.op in HIERARCHY:
            return self._hierarchy_test(filter_)
        read = self._reader(filter_.property)
        accepts = comparison(filter_, self._normal(filter_.property)) if read else None
        if read is None or accepts is None:
            raise TerminologyError(issues.unknown_filter(filter_.property, filter_.op, self.about))
        return lambda key: accepts(read(self._nodes[key]))

    def _hierarchy_test(self, filter_: Filter) -> Test:
        """Raises TerminologyError for a code that is not there, and where the hierarchy does not say what the
        operator asks for. Its children a concept has in any hierarchy.
        """
        other = self._key(filter_.value)
        require_hierarchy(filter_, self.about, other in self._nodes, self.document.get("hierarchyMeaning"))
        return HIERARCHY[filter_.op](self, other)

    def _normal(self, property_: str) -> Normal | None:
        """What makes two ways to write a value of a property the same."""
        if property_ in ("code", "concept", "parent", "child", *self._hierarchy):
            return self._key
        declared = (
            p for p in self.document.get("property", ()) if property_ in (p.get("code"), p.get("uri"))
        )
        return number if any(p.get("type") in NUMBERS for p in declared) else None

    def _reader(self, property_: str) -> Callable[[Node], list[str]] | None:
        if property_ in ("code", "concept"):
            return lambda node: [node["code"]]
        if property_ in ("display", "definition"):
            return lambda node: [node[property_]] if property_ in node else []
        if property_ in ("parent", "child") or property_ in self._hierarchy:
            edges = self._children if property_ in ("child", self._role.get("child")) else self._parents
            return lambda node: [self._nodes[k]["code"] for k in edges.get(self._key(node["code"]), ())]
        declared = {p.get("code"): p.get("code") for p in self.document.get("property", ())}
        declared |= {p.get("uri"): p.get("code") for p in self.document.get("property", ()) if "uri" in p}
        code = declared.get(property_, self._role.get(property_))
        if code is None:
            return None
        if code in self._marks:
            return self._marked(code)
        return lambda node: [_plain(p) for p in node.get("property", ()) if p.get("code") == code]

    def _marked(self, code: str) -> Callable[[Node], list[str]]:
        """What answers say of a concept is what filters test. They say of every concept whether it is in use;
        but what may not be selected, only where somebody said so (tx-ecosystem, suite "notSelectable").
        """

        def inactive(node: Node) -> list[str]:
            return [str(self._concept(self._key(node["code"])).inactive).lower()]

        def stated(node: Node) -> list[str]:
            return [_plain(p) for p in node.get("property", ()) if p.get("code") == code]

        def not_selectable(node: Node) -> list[str]:
            return ["true"] if self._concept(self._key(node["code"])).abstract else stated(node)

        def status(node: Node) -> list[str]:
            concept = self._concept(self._key(node["code"]))
            return stated(node) or ([concept.status] if concept.status else [])

        return {"inactive": inactive, "notSelectable": not_selectable, "status": status}[self._marks[code]]

    def _text_test(self, text: str, languages: Languages | None) -> Test:
        """Does the text find what is said of a concept (see ``texts``)?"""
        finds = folded_finder(text)
        if languages is None:
            return lambda key: finds(self._said[key])
        asked = languages

        def test(key: str) -> bool:
            texts = self._said_by_language[key]
            if not asked.insist and not self._speaks(key, asked):
                return finds(self._said[key])
            return finds("".join(said for tag, said in texts.items() if tag is None or asked.rank(tag)))

        return test

    def _speaks(self, key: str, languages: Languages) -> bool:
        return any(languages.rank(tag) for tag in self._said_by_language[key])

    @cached_property
    def _said(self) -> dict[str, str]:
        """All that is said of each concept, folded."""
        return {key: "".join(texts.values()) for key, texts in self._said_by_language.items()}

    @cached_property
    def _said_by_language(self) -> dict[str, dict[str | None, str]]:
        """The same by language; the code is in none."""
        said: dict[str, dict[str | None, str]] = {key: {} for key in self._nodes}
        for key, node in self._nodes.items():
            for text, language in _said(node, self.about.language):
                tag = language or None
                said[key][tag] = said[key].get(tag, "") + folded(text)
        return said

    # -- hierarchy ---------------------------------------------------------------------------

    def _ancestors(self, key: str) -> set[str]:
        return _closure(key, self._parents)

    def _descendants(self, key: str) -> set[str]:
        return _closure(key, self._children)


class DocumentSelection:
    """The concepts of a CodeSystem resource that pass some tests, in the order of the resource."""

    def __init__(self, system: DocumentSystem, tests: Sequence[Test]) -> None:
        self._system = system
        self._tests = tests

    def __iter__(self) -> Iterator[Concept]:
        keys: Iterable[str] = self._system._nodes
        for test in self._tests:
            keys = filter(test, keys)
        return map(self._system._concept, keys)

    def __contains__(self, code: object) -> bool:
        key = self._system._key(str(code))
        return key in self._system._nodes and all(test(key) for test in self._tests)


def _closure(key: str, edges: Mapping[str, Sequence[str]]) -> set[str]:
    """All keys that can be reached; a circle in the resource does no harm."""
    found: set[str] = set()
    open_ = list(edges.get(key, ()))
    while open_:
        other = open_.pop()
        if other not in found:
            found.add(other)
            open_.extend(edges.get(other, ()))
    return found


def _is_a(system: DocumentSystem, key: str) -> Test:
    below = system._descendants(key) | {key}
    return lambda other: other in below


def _is_not_a(system: DocumentSystem, key: str) -> Test:
    below = system._descendants(key) | {key}
    return lambda other: other not in below


def _descendent_of(system: DocumentSystem, key: str) -> Test:
    below = system._descendants(key) - {key}
    return lambda other: other in below


def _child_of(system: DocumentSystem, key: str) -> Test:
    children = frozenset(system._children.get(key, ()))
    return lambda other: other in children


def _descendent_leaf(system: DocumentSystem, key: str) -> Test:
    leaves = {other for other in system._descendants(key) if not system._children.get(other)}
    return lambda other: other in leaves


def _generalizes(system: DocumentSystem, key: str) -> Test:
    above = system._ancestors(key) | {key}
    return lambda other: other in above


HIERARCHY: dict[str, Callable[[DocumentSystem, str], Test]] = {
    "is-a": _is_a,
    "is-not-a": _is_not_a,
    "descendent-of": _descendent_of,
    "child-of": _child_of,
    "descendent-leaf": _descendent_leaf,
    "generalizes": _generalizes,
}


class Locating(Protocol):
    """What is asked about the value sets that it implies."""

    @property
    def about(self) -> CodeSystemInfo: ...

    def locate(self, code: str) -> Concept | None: ...


def implied(system: Locating, canonical: str, whole: str | None) -> Document | None:
    """See ``DocumentSystem.implied``; ``whole`` is ``CodeSystem.valueSet``."""
    about = system.about
    if canonical == whole:
        return all_of(about, canonical)
    base, mark, asked = canonical.partition(ALL_CODES)
    if not mark or not (base == about.url or versions.is_edition(about.version, base)):
        return None
    if not asked:
        return all_of(about, canonical)
    concept = system.locate(asked.removeprefix(BELOW)) if asked.startswith(BELOW) else None
    return all_of(about, canonical, Filter("concept", "is-a", concept.code)) if concept else None


def all_of(about: CodeSystemInfo, canonical: str, *filters: Filter) -> Document:
    """The ValueSet of everything in a code system that passes the filters.

    It is of this version where the canonical names it, or its edition. Otherwise the version is open.
    """
    chosen = [{"property": f.property, "op": f.op, "value": f.value} for f in filters]
    made: Document = {
        "resourceType": "ValueSet",
        "url": canonical,
        "status": "active",
        "compose": {"include": [{"system": about.url} | ({"filter": chosen} if chosen else {})]},
    }
    named = versions.is_edition(about.version, canonical.partition("?")[0])
    return in_version(made, about.version) if named else made


def in_version(implied: Document, version: str | None) -> Document:
    """A ValueSet that a code system implies, of a version of it."""
    if version is None:
        return implied
    includes = [include | {"version": version} for include in implied["compose"]["include"]]
    return implied | {"version": version, "compose": {"include": includes}}


def require_hierarchy(filter_: Filter, about: CodeSystemInfo, is_known: bool, meaning: str | None) -> None:
    """Can the hierarchy answer this filter? Raises TerminologyError for a code that is not there, and where
    "below" does not mean what the operator asks for.
    """
    if not is_known:
        raise TerminologyError(issues.filter_on_unknown_code(filter_, about))
    if meaning not in SUBSUMING and filter_.op != "child-of":
        raise TerminologyError(issues.filter_without_subsumption(filter_, about, str(meaning)))


def about(document: Document) -> CodeSystemInfo:
    """What a CodeSystem resource says of itself."""
    return CodeSystemInfo(
        url=document.get("url", ""),
        version=document.get("version"),
        name=document.get("name"),
        title=document.get("title"),
        content=document.get("content", "complete"),
        case_sensitive=document.get("caseSensitive", True) is not False,
        language=document.get("language"),
        supplements=document.get("supplements"),
        copyright=document.get("copyright"),
        document=document,
    )


def designation(node: Node) -> Designation:
    return Designation(
        value=node.get("value", ""),
        language=node.get("language"),
        use=node.get("use"),
        additional_use=node.get("additionalUse", ()),
        extension=node.get("extension", ()),
    )


def roles_of(document: Document) -> dict[str, str]:
    """Which property code plays which role: by its uri, else by a code that has no other uri."""
    roles: dict[str, str] = {}
    for declared in document.get("property", ()):
        uri, code = declared.get("uri"), declared.get("code")
        if uri and uri.startswith(CONCEPT_PROPERTIES):
            roles[uri.removeprefix(CONCEPT_PROPERTIES)] = code
    taken = {d.get("code") for d in document.get("property", ()) if d.get("uri")} - BY_NAME
    return roles | {role: role for role in _ROLES if role not in roles and role not in taken}


def _standards_status(node: Node) -> str | None:
    marks = (e.get("valueCode") for e in node.get("extension", ()) if e.get("url") == STANDARDS_STATUS)
    return next(marks, None)


def _said(node: Node, language: str | None) -> Iterator[tuple[str, str | None]]:
    """All texts of a concept, each with its language."""
    yield node["code"], None
    if "display" in node:
        yield node["display"], language
    for other in node.get("designation", ()):
        yield other.get("value", ""), other.get("language")


def _plain(node: Node) -> str:
    """A property's value as filters compare it."""
    value = Typed.of(node)
    if value is None:
        return ""
    if value.type == "Coding":
        return str(value.value.get("code", ""))
    return str(value.value).lower() if value.type == "boolean" else str(value.value)
