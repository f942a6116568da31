"""What does a ValueSet's definition mean: which blocks has it, and is this code in it?

``definition_of`` turns a ValueSet into a ``Definition``: blocks to include and blocks to exclude, each with
the code system it speaks of, in the version that was chosen and why (``pins``). Nothing is listed yet:
listing is the business of ``members``, and one code can be asked of each block::

    definition = definition_of(catalogue, value_set, pins, supplements)
    for block in definition.includes:            # definition.excludes alike
        block.url, block.stated                  # "include.system" (its preferred uri) and "include.version"
        block.choice                             # a pins.Choice: the version looked for, and why
        block.system                             # the CodeSystem found, or None when there is none here
        block.is_allowed                         # False when a check-system-version parameter forbids it
        block.holds(code)                        # is this code of block.url in the block, imports and all?
        block.imports                            # the Definitions of include.valueSet
        block.value_set                          # the ValueSet that the block stands in
        block.at                                 # "ValueSet.compose.include[0]", for an issue's expression
    definition.holds(url, code, version)         # all of it: in some include, in no exclude, active enough

A missing code system is for the caller to judge; a missing import raises ``UnknownImportError``.

https://hl7.org/fhir/R5/valueset.html#compositions
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from operator import is_
from typing import Any, cast

from terminology.catalogue.protocol import Catalogue
from terminology.core import issues
from terminology.core.documents import Enumeration
from terminology.core.errors import TerminologyError, UnknownImportError
from terminology.core.languages import Languages
from terminology.core.model import EXPRESSION, Coding, Concept, Document, Filter, Issue, split_canonical
from terminology.core.structure import require_block
from terminology.core.versions import fits
from terminology.operations.agreement import SENT, agreed
from terminology.operations.limits import MOST_FILTERS
from terminology.operations.value_set.pins import NO_PINS, Choice, Pins
from terminology.systems.protocol import CodeSystem, ConceptSet, Selection

Node = dict[str, Any]

EXPANSION_PARAMETER = "http://hl7.org/fhir/StructureDefinition/valueset-expansion-parameter"
# How many value sets may import one another in a row.
DEEPEST = 50

# How many answers of ``Definition.holds`` are remembered.
MOST_HELD = 1_000

VALUE_SET_SUPPLEMENT = "http://hl7.org/fhir/StructureDefinition/valueset-supplement"


class Block:
    """An include or exclude of a ValueSet: all its parts must hold of a code."""

    def __init__(self, node: Node, at: str, context: _Context) -> None:
        require_block(node, at)
        self.node = node
        self.at = at
        self.value_set = context.document
        self.stated: str | None = node.get("version")
        self.url: str | None = None
        self.choice = Choice()
        self.system: CodeSystem | None = None
        if node.get("system"):
            self.url, stated = split_canonical(node["system"])
            self.url = context.catalogue.preferred(self.url)
            self.stated = self.stated or stated
            self.choice = context.pins.system(self.url, self.stated)
            self.system = context.find_system(self.url, self.choice.version)
        self.imports = [context.imported(reference) for reference in node.get("valueSet", ())]
        self._trusting = context.trusting
        self._filters: list[Filter] | None = None
        self._selection: Selection | None = None
        self._chosen: ConceptSet | None = None
        self._codes: Mapping[str, Node] | None = None

    @property
    def version(self) -> str | None:
        """The version that is used: of the code system found, or else the one looked for."""
        return self.system.about.version if self.system else self.choice.version

    @property
    def is_allowed(self) -> bool:
        """No: the version found is not one that a ``check-system-version`` parameter asks for."""
        return self.system is None or self.choice.allows(self.system.about.version)

    @property
    def is_enumerated(self) -> bool:
        return "concept" in self.node

    @property
    def filters(self) -> list[Filter]:
        if self._filters is None:
            nodes = self.node.get("filter", ())
            self._filters = [
                Filter(f.get("property", ""), f.get("op", ""), f.get("value", "")) for f in nodes
            ]
        return self._filters

    @property
    def selection(self) -> Selection:
        """What the filters choose. Raises TerminologyError for a filter that cannot be used.

        Only where there is a system.
        """
        assert self.system is not None
        if self._selection is None:
            self._selection = self._select()
        return self._selection

    def _select(self, text: str | None = None, languages: Languages | None = None) -> Selection:
        assert self.system is not None
        if len(self.filters) > MOST_FILTERS:
            issue = issues.too_many_filters(self.url or "", len(self.filters), MOST_FILTERS)
            raise TerminologyError(replace(issue, at=[f"{self.at}.filter"]))
        for index, filter_ in enumerate(self.filters):
            if not filter_.value:
                issue = issues.filter_without_value(filter_.property, filter_.op, self.url or "")
                raise TerminologyError(replace(issue, at=[f"{self.at}.filter[{index}]"]))
        return self.system.select(self.filters, text, languages)

    def matching(self, text: str | None, languages: Languages | None = None) -> Selection:
        """What the filters choose, and of that what a text finds in some languages."""
        return self._select(text, languages) if text else self.selection

    @property
    def chosen(self) -> ConceptSet:
        """What the block chooses, of a code system that counts (``CodeSystem.index``)."""
        if self._chosen is None:
            counted = cast("ConceptSet", self.selection)
            codes = (node.get("code", "") for node in self.listed.values())
            self._chosen = counted.among(codes) if self.is_enumerated else counted
        return self._chosen

    @property
    def listed(self) -> Mapping[str, Node]:
        """``include.concept`` by code, in the order given; empty when there is no enumeration."""
        if self._codes is None:
            concepts = self.node.get("concept", ())
            if isinstance(concepts, Enumeration):
                self._codes = concepts.by_code(self._folds)
            else:
                self._codes = {self._key(node.get("code", "")): node for node in concepts}
        return self._codes

    def listing(self, code: str) -> Node | None:
        """The ``include.concept`` of a code, with what the value set says of it."""
        return self.listed.get(self._key(code))

    def _key(self, code: str) -> str:
        return code.casefold() if self._folds else code

    @property
    def _folds(self) -> bool:
        return self.system is not None and not self.system.about.case_sensitive

    def holds(self, code: str) -> bool:
        """Is a code of ``url`` in this block? Raises TerminologyError for filters that cannot be used.

        Of a code system that is not here nothing is known but what is enumerated.
        """
        return self._system_holds(code) and all(i.holds(self.url, code, self.version) for i in self.imports)

    def _system_holds(self, code: str) -> bool:
        if self.is_enumerated and self._key(code) not in self.listed:
            return False
        if self.system is None:
            return not self.filters and (self.is_enumerated or self._trusting)
        return code in self.selection if self.filters else self.system.locate(code) is not None

    def in_version(self, system: CodeSystem, known: dict[int, Definition]) -> Block:
        """The block as it is when that which it leaves open means this version of a code system."""
        imports = [definition.in_version(system, known) for definition in self.imports]
        is_open = self.url == system.about.url and fits(system.about.version, self.choice.version)
        changes = is_open and self.version != system.about.version
        if not changes and all(map(is_, imports, self.imports)):
            return self
        other = copy(self)
        other.imports = imports
        if changes:
            other.system, other._selection, other._chosen, other._codes = system, None, None, None
        return other

    def allows(self, url: str | None, code: str, version: str | None = None) -> bool:
        """Is a code of any code system in this block? What it imports is asked for the version."""
        if self.url is None:
            return bool(self.imports) and all(i.holds(url, code, version) for i in self.imports)
        return self.url == url and self.holds(code)

    def locate(self, url: str | None, code: str, version: str | None = None) -> Concept | None:
        """The concept of a code that this block allows."""
        if self.url is not None:
            return self.system.locate(code) if self.system else None
        inner = (block for other in self.imports for block in other.taking(url, code, version))
        return next((block.locate(url, code, version) for block in inner), None)

    def has_version(self, url: str | None, version: str) -> bool:
        """As an include: do its codes come in this version? Of several imports the first one says so."""
        if self.url is None:
            return any(version in other.versions.get(url or "", ()) for other in self.imports[:1])
        return self.version == version

    def means(self, url: str | None, version: str | None) -> bool:
        """As an exclude: is this version of a code system meant? Without a stated version, every one is."""
        if self.url is None:
            return all(any(b.means(url, version) for b in i.reached() if b.url == url) for i in self.imports)
        return self.stated is None or self.version == version


@dataclass(slots=True)
class Definition:
    """A ValueSet, ready to be asked.

    ``inactive`` is False when the value set leaves inactive codes out. ``split`` are the code systems whose
    versions are told apart: the value set says so itself (the expansion parameter ``versionsMatch``), or
    else it includes several. ``versions`` are those that it includes, itself or by what it imports.
    """

    document: Document
    includes: list[Block] = field(default_factory=list)
    excludes: list[Block] = field(default_factory=list)
    inactive: bool = True
    split: frozenset[str] = frozenset()
    versions: dict[str, dict[str | None, None]] = field(default_factory=dict, init=False)
    # Not taken along by ``replace``: what another version of a code system holds is another matter.
    _held: dict[tuple[str | None, str, str | None], bool] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        for block in self.includes:
            if block.url is not None:
                self.versions.setdefault(block.url, {})[block.version] = None
                continue
            for url, several in (pair for other in block.imports for pair in other.versions.items()):
                self.versions.setdefault(url, {}).update(several)
        said = self.parameter("versionsMatch")
        several_of = self.versions.items()
        self.split = frozenset(u for u, v in several_of if said == "false" or (said is None and len(v) > 1))

    @property
    def url(self) -> str:
        return str(self.document.get("url", ""))

    @property
    def canonical(self) -> str:
        return canonical(self.document)

    @property
    def weight(self) -> int:
        """About how many elements it has, and those that it imports."""
        blocks = [block for part in (self, *self.imports()) for block in part.blocks()]
        return sum(10 + 10 * len(b.node.get("filter", ())) + len(b.node.get("concept", ())) for b in blocks)

    @property
    def is_defined(self) -> bool:
        """No: the value set has no definition at all."""
        return "compose" in self.document or "expansion" in self.document

    def blocks(self) -> Iterator[Block]:
        yield from self.includes
        yield from self.excludes

    def reached(self, seen: set[int] | None = None) -> Iterator[Block]:
        """Every include that names a code system, also in the value sets that are imported; each once."""
        seen = set() if seen is None else seen
        seen.add(id(self))
        for block in self.includes:
            if block.url is not None:
                yield block
                continue
            for other in block.imports:
                if id(other) not in seen:
                    yield from other.reached(seen)

    def imports(self) -> Iterator[Definition]:
        """Every value set that this one is made of, each once."""
        found: dict[str, Definition] = {}
        waiting: list[Definition] = [self]
        while waiting:
            for block in waiting.pop(0).blocks():
                new = [other for other in block.imports if other.canonical not in found]
                found.update((other.canonical, other) for other in new)
                waiting.extend(new)
        return iter(found.values())

    def holds(self, url: str | None, code: str, version: str | None = None) -> bool:
        """Is a code in the value set? ``version`` matters only where versions are told apart; without one,
        it is enough that the code is there in some version.
        """
        # Asked once: value sets that import each other over and over would double the work at each step.
        key = (url, code, version)
        held = self._held.get(key)
        if held is None:
            held = self._holds(url, code, version)
            if len(self._held) >= MOST_HELD:
                self._held.clear()
            self._held[key] = held
        return held

    def _holds(self, url: str | None, code: str, version: str | None) -> bool:
        included = [v for v in self.versions.get(url or "", ()) if v is not None]
        if version is None and included and not self._merges:
            return any(self.holds(url, code, each) for each in included)
        told = version if url in self.split else None
        if not any(self._admits(block, url, code, told) for block in self.taking(url, code, told)):
            return False
        return not self.is_excluded(url, code, version)

    def taking(self, url: str | None, code: str, version: str | None) -> Iterator[Block]:
        """The includes that have a code, in a version if one is asked for."""
        for block in self.includes:
            is_meant = version is None or block.has_version(url, version)
            if is_meant and block.allows(url, code, version):
                yield block

    def in_version(self, system: CodeSystem, known: dict[int, Definition] | None = None) -> Definition:
        """The value set as it is when its includes that leave a version open mean this one.

        What it excludes follows; but where every include states its version, nothing is open. ``known`` are
        the value sets that were asked already: each is made once, however often it is imported.
        """
        known = {} if known is None else known
        if id(self) not in known:
            known[id(self)] = self._made_in_version(system, known)
        return known[id(self)]

    def _made_in_version(self, system: CodeSystem, known: dict[int, Definition]) -> Definition:
        includes = [block.in_version(system, known) for block in self.includes]
        if all(map(is_, includes, self.includes)):
            return self
        excludes = [block.in_version(system, known) for block in self.excludes]
        return replace(self, includes=includes, excludes=excludes)

    @property
    def _merges(self) -> bool:
        """The value set says that versions are not to be told apart."""
        return self.parameter("versionsMatch") == "true"

    def _admits(self, block: Block, url: str | None, code: str, version: str | None) -> bool:
        if self.inactive:
            return True
        concept = block.locate(url, code, version)
        return concept is None or not concept.inactive

    def is_excluded(self, url: str | None, code: str, version: str | None = None) -> bool:
        """Does an exclude take a code out? Where versions are told apart, one that states a version does so
        of that version only, and another one of every version.
        """
        blind = version is None or url not in self.split
        return any(
            (blind or block.means(url, version)) and block.allows(url, code, None if blind else version)
            for block in self.excludes
        )

    def parameter(self, name: str) -> str | None:
        """An expansion parameter that the value set itself gives
        (https://hl7.org/fhir/extensions/StructureDefinition-valueset-expansion-parameter.html).
        """
        for node in (self.document, self.document.get("compose", {})):
            for extension in _with_url(node, EXPANSION_PARAMETER):
                parts = {part.get("url"): part for part in extension.get("extension", ())}
                if _value(parts.get("name", {})) == name:
                    return _value(parts.get("value", {}))
        return None


# -- compiling -----------------------------------------------------------------------------------


@dataclass(slots=True)
class _Context:
    """What the blocks of one definition are compiled with.

    ``path`` is how we came here. ``trusting``: any code is believed to be in a code system that is not here.
    """

    catalogue: Catalogue
    pins: Pins
    supplements: Sequence[Document]
    document: Document
    path: tuple[str, ...] = ()
    trusting: bool = False
    known: dict[str, Definition] = field(default_factory=dict)

    def find_system(self, url: str, version: str | None) -> CodeSystem | None:
        found = self.catalogue.find_system(url, version)
        if found is None or found.about.is_example:
            return None
        return self.catalogue.supplemented(found, self.supplements)

    def imported(self, reference: str) -> Definition:
        way = (*self.path, canonical(self.document))
        try:
            document = find_import(self.catalogue, reference, self.pins, self.document)
        except UnknownImportError as unknown:
            # One that came along with the request is in no catalogue, but on the way.
            wanted = f"{unknown.url}|{unknown.version}" if unknown.version else unknown.url
            again = next((c for c in way if wanted in (c, split_canonical(c)[0])), None)
            if again is None:
                raise
            raise TerminologyError(issues.value_set_circle([*way, again])) from None
        return _compiled(replace(self, document=document, path=way))


def definition_of(
    catalogue: Catalogue, value_set: Document, pins: Pins = NO_PINS, supplements: Sequence[Document] = ()
) -> Definition:
    """Make a ValueSet ready to be asked.

    ``supplements`` are CodeSystem documents (``Catalogue.supplement``) through which the code systems they
    belong to are seen. Raises UnknownImportError, and TerminologyError for value sets that include themselves.
    """
    return _compiled(_Context(catalogue, pins, supplements, value_set))


def _compiled(context: _Context) -> Definition:
    document = context.document
    name = canonical(document)
    if name in context.path:
        raise TerminologyError(issues.value_set_circle([*context.path, name]))
    if len(context.path) > DEEPEST:
        raise TerminologyError(issues.value_set_too_deep(context.path[0], DEEPEST))
    if name not in context.known:
        compose = document.get("compose") or _from_expansion(document)
        made = Definition(
            document,
            includes=_blocks(compose, "include", context),
            excludes=_blocks(compose, "exclude", context),
            inactive=compose.get("inactive") is not False,
        )
        locked = compose.get("lockedDate")
        if locked and any(map(_is_open, made.blocks())):
            raise TerminologyError(issues.locked_date_not_supported(name, str(locked)))
        context.known[name] = made
    return context.known[name]


def _is_open(block: Block) -> bool:
    """Do its codes depend on which version is taken, and does nobody say which?"""
    return block.url is not None and not block.is_enumerated and block.choice.by == "latest"


def _blocks(compose: Node, name: str, context: _Context) -> list[Block]:
    nodes = enumerate(compose.get(name, ()))
    return [Block(node, f"ValueSet.compose.{name}[{index}]", context) for index, node in nodes]


def _from_expansion(document: Document) -> Node:
    """A value set without a definition is what its stored expansion lists."""
    by_system: dict[tuple[str, str | None], list[Node]] = {}
    for node in _contained_in(document.get("expansion", {})):
        if "system" in node and "code" in node:
            kept: Node = {name: node[name] for name in ("code", "display", "designation") if name in node}
            by_system.setdefault((node["system"], node.get("version")), []).append(kept)
    return {
        "include": [
            {"system": system, "concept": concepts} | ({"version": version} if version else {})
            for (system, version), concepts in by_system.items()
        ]
    }


def _contained_in(node: Node) -> Iterator[Node]:
    for inner in node.get("contains", ()):
        yield inner
        yield from _contained_in(inner)


# -- finding value sets --------------------------------------------------------------------------


def find_value_set(
    catalogue: Catalogue, reference: str, version: str | None = None, pins: Pins = NO_PINS
) -> Document:
    """The ValueSet of a canonical (``url|version``, or ``url#id`` for one contained in another).

    Raises TerminologyError when it is not known, or not in a version that a check allows.
    """
    reference, stated = split_canonical(reference)
    url, _, fragment = reference.partition("#")
    if fragment and (EXPRESSION in reference or catalogue.find("ValueSet", reference) is not None):
        url, fragment = reference, ""
    choice = pins.value_set(url, version or stated)
    found = catalogue.value_set(url, choice.version, lambda system: pins.system(system).version)
    if not choice.allows(found.get("version")):
        raise TerminologyError(issues.value_set_version_check(url, found.get("version"), choice.required))
    return contained(found, fragment) if fragment else found


def find_import(catalogue: Catalogue, reference: str, pins: Pins, within: Document) -> Document:
    """The ValueSet that an ``include.valueSet`` means. Raises UnknownImportError, and for a forbidden version."""
    if reference.startswith("#"):
        return contained(within, reference[1:])
    url, stated = split_canonical(reference)
    try:
        return find_value_set(catalogue, reference, None, pins)
    except TerminologyError as error:
        if not any(_is_unknown(issue) for issue in error.issues):
            raise
    version = pins.value_set(url, stated).version
    named = f"{url}|{version}" if version else url
    raise UnknownImportError(issues.unknown_value_set(named), url, version)


def _is_unknown(issue: Issue) -> bool:
    return issue.code == "not-found"


def contained(document: Document, id_: str) -> Document:
    """A ValueSet that another resource contains. Raises UnknownImportError."""
    for inner in document.get("contained", ()):
        if inner.get("resourceType") == "ValueSet" and inner.get("id") == id_:
            # What it contains refers to its siblings.
            own: Document = {"contained": document["contained"], "url": f"{document.get('url', '')}#{id_}"}
            return {**own, **inner}
    raise UnknownImportError(issues.unknown_value_set(f"#{id_}"), f"#{id_}", None)


def meant_by(given: Document, url: str | None) -> Document:
    """The ValueSet that came along, or the one contained in it that the url names (``#id``, ``url#id``).

    Raises TerminologyError when the url is that of another value set, and UnknownImportError.
    """
    named = split_canonical(url or "")[0]
    base, _, id_ = ("", "", "") if named == given.get("url") else named.partition("#")
    agreed("url", base or None, given.get("url"), SENT)
    return contained(given, id_) if id_ else given


def supplements_of(catalogue: Catalogue, value_set: Document, asked: Sequence[str] = ()) -> list[Document]:
    """The supplements that a request asks for, and those that a value set needs itself.

    Raises TerminologyError for one that is not here.
    """
    needed = [_value(extension) for extension in _with_url(value_set, VALUE_SET_SUPPLEMENT)]
    return [catalogue.supplement(url) for url in dict.fromkeys([*asked, *needed]) if url]


def described_only(catalogue: Catalogue, url: str, unknown: Issue) -> Issue:
    """Why a code system cannot be used: it is unknown, or here without codes that one may rely on."""
    held = (d.get("content") for d in catalogue.headers("CodeSystem") if d.get("url") == url)
    content = next((content for content in held if content in ("not-present", "example")), None)
    return issues.without_codes(unknown, content) if content else unknown


def canonical(document: Document) -> str:
    """``url|version`` of a resource."""
    url, version = document.get("url", ""), document.get("version")
    return f"{url}|{version}" if version else str(url)


def _with_url(node: Node, url: str) -> list[Node]:
    return [extension for extension in node.get("extension", ()) if extension.get("url") == url]


def _value(node: Node) -> str | None:
    """The ``value[x]`` of an extension, as text."""
    for key, value in node.items():
        if key.startswith("value"):
            return str(value).lower() if isinstance(value, bool) else str(value)
    return None


# -- one question, without a request --------------------------------------------------------------


def contains(catalogue: Catalogue, value_set: Document, coding: Coding) -> bool:
    """Is the coding in the value set?

    A code system that is not here is taken at its word: the coding is in "all of it" if it says so, and in
    none of its filters. Raises TerminologyError for unknown imports and filters, and for value sets that
    include themselves.
    """
    definition = _compiled(_Context(catalogue, NO_PINS, (), value_set, trusting=True))
    return definition.holds(catalogue.preferred(coding.system or ""), coding.code or "")
