"""The meaning of a ValueSet's ``compose``: its includes and excludes, its imports, and which codes it contains.

``definition_of`` compiles a ValueSet into a ``Definition``: a list of includes and one of excludes, each a
``Block`` with the version of the code system that was chosen for it and the reason (``version_pins``). Nothing is
listed yet ($expand does that: ``expand``); a block or definition answers for one code at a time::

    definition = definition_of(catalogue, value_set, pins, supplements)
    for block in definition.includes:            # definition.excludes alike
        block.url, block.declared_version        # "include.system" (its preferred uri) and "include.version"
        block.choice                             # a version_pins.VersionChoice: the version to look for, and why
        block.system                             # the CodeSystem, None if it is unknown; listed codes are known
        block.is_allowed                         # False when a check-system-version parameter forbids it
        block.contains(code)                     # is this code of block.url in the block, imports and all?
        block.imports                            # the Definitions of include.valueSet
        block.value_set                          # the ValueSet that the block is of
        block.path                               # "ValueSet.compose.include[0]", for an issue's expression
    definition.contains(url, code, version)      # in some include, in no exclude, and active if it must be

A code is in an include or exclude if all parts of it agree: the enumeration, the filters and every import. An
exclude takes its codes out of all includes (``Definition.is_excluded``). Walking ($expand, ``relation_by_codes``) asks
the same; ``expand_by_lists`` is for value sets without excludes. The same for all codes of a stored code system
at once is in ``expand_by_sets``, and for comparisons without a list in ``relation_by_definitions``: a test holds
$expand and $validate-code together.

The caller decides what an unknown code system means; an unknown import raises ``UnknownImportError``.

https://hl7.org/fhir/R5/valueset.html#compositions
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from operator import is_
from typing import Any, cast

from terminology.catalogue.protocol import Catalogue
from terminology.core import budget, issues
from terminology.core.documents import Enumeration, Listing
from terminology.core.errors import TerminologyError, UnknownImportError, is_any
from terminology.core.expansions import compose_of_expansion, unclosed_reasons
from terminology.core.languages import Languages
from terminology.core.model import Coding, Concept, Document, Filter, Issue, split_canonical
from terminology.core.structure import require_block
from terminology.core.versions import fits
from terminology.operations.limits import MOST_FILTERS, STEPS_OF_BLOCK, STEPS_OF_EXCLUDE
from terminology.operations.value_set.extensions import expansion_parameter
from terminology.operations.value_set.resolution import (
    canonical,
    find_import,
    find_usable_system,
    with_contained_systems,
)
from terminology.operations.value_set.version_pins import NO_PINS, Pins, VersionChoice
from terminology.systems.absent import AbsentCodeSystem
from terminology.systems.code_shapes import may_be_elsewhere
from terminology.systems.protocol import CodesBeyond, CodeSystem, ConceptSet, Selection

Node = dict[str, Any]

# Up to this many includes with lists are searched one by one; if there are more, they are found by the code.
FEW_LISTS = 8
# How many value sets may import one another in a row.
DEEPEST = 50

# The steps to read a listed expression.
_STEPS_OF_EXPRESSION = 10

# How many answers of ``Definition.contains`` are remembered.
MOST_ANSWERS = 1_000


class Block:
    """One include or exclude of a ``compose``."""

    def __init__(self, node: Node, path: str, compilation: _Compilation) -> None:
        require_block(node, path)
        self.node = node
        self.path = path
        self.value_set = compilation.document
        self.declared_version: str | None = node.get("version")
        self.url: str | None = None
        self.choice = VersionChoice()
        self.system: CodeSystem | None = None
        if node.get("system"):
            self.url, canonical_version = split_canonical(compilation.absolute(node["system"]))
            self.url = compilation.catalogue.preferred(self.url)
            self.declared_version = self.declared_version or canonical_version
            self.choice = compilation.pins.system(self.url, self.declared_version)
            self.system = compilation.find_system(self.url, self.choice.version)
            if self.system is None and self.is_enumerated and not node.get("filter"):
                self.system = compilation.absent_system(self)
        imports = [compilation.compile_import(reference) for reference in node.get("valueSet", ())]
        self.imports = compilation.in_version_of(self, imports) if imports else imports
        self._trusts_unknown_systems = compilation.trusts_unknown_systems
        self._beyond = compilation.beyond
        self._filters: list[Filter] | None = None
        self._doubts: list[Issue] | None = None
        self._selection: Selection | None = None
        self._concept_set: ConceptSet | None = None
        self._enumeration: Mapping[str, Node] | None = None
        self._folded_enumeration: dict[str, list[Node]] | None = None
        self._listed_expressions: Mapping[str, str] | None = None

    @property
    def version(self) -> str | None:
        """The version in use: that of the code system, or, if it is unknown, the one looked for."""
        return self.system.about.version if self.system else self.choice.version

    @property
    def is_absent(self) -> bool:
        """Whether the code system, or the version in use, is unknown, so that no code can be checked."""
        return self.system is None or self.system.about.is_absent

    @property
    def is_allowed(self) -> bool:
        """False: the version in use is not one that a ``check-system-version`` parameter asks for."""
        return self.system is None or self.choice.allows(self.system.about.version)

    @property
    def is_enumerated(self) -> bool:
        """Whether the block lists its codes (``concept``)."""
        return "concept" in self.node

    @property
    def is_infinite(self) -> bool:
        """Whether it has infinitely many codes: every one that a grammar reads."""
        if self.is_enumerated or self.node.get("filter") or (self.url is None and not self.imports):
            return False
        is_finite = self.url is not None and not (self.system and self.system.about.is_infinite)
        return not is_finite and all(definition.is_infinite for definition in self.imports)

    @property
    def filters(self) -> list[Filter]:
        """``filter``."""
        if self._filters is None:
            nodes = self.node.get("filter", ())
            self._filters = [
                Filter(f.get("property", ""), f.get("op", ""), f.get("value", "")) for f in nodes
            ]
        return self._filters

    @property
    def doubts(self) -> list[Issue]:
        """Warnings about values of the filters that no concept has."""
        if self._doubts is None:
            doubts = self.system.doubts(self.filters) if self.system is not None and self.filters else ()
            self._doubts = [replace(doubt, at=[f"{self.path}.filter"]) for doubt in doubts]
        return self._doubts

    @property
    def selection(self) -> Selection:
        """The concepts that pass the filters. Only where the code system is known.

        Raises TerminologyError for a filter that cannot be used.
        """
        assert self.system is not None
        if self._selection is None:
            self._selection = self._select()
        return self._selection

    @property
    def lists_more_than_is_here(self) -> bool:
        """Whether it may list codes that this server lacks, because the server has a fragment of the code system."""
        return self.is_enumerated and self.system is not None and self.system.about.is_fragment

    @property
    def lists_expressions(self) -> bool:
        """Whether it lists codes that are made of others, which no index of the code system has."""
        return bool(self._expressions)

    @property
    def _expressions(self) -> Mapping[str, str]:
        """The listed expressions by their keys (``CodeSystem.expression_key``)."""
        if self._listed_expressions is None:
            system = self.system if self.is_enumerated else None
            self._listed_expressions = _expressions_of(self.enumeration, system) if system is not None else {}
        return self._listed_expressions

    def may_list(self, code: str) -> bool:
        """Whether it lists a code that the fragment lacks. The value set says that the code exists."""
        return self.is_enumerated and self.system is not None and may_be_elsewhere(self.system.about, code)

    def search(self, text: str | None, languages: Languages | None = None) -> Selection:
        """The concepts that pass the filters and that a text finds in some languages."""
        return self._select(text, languages) if text else self.selection

    def _select(self, text: str | None = None, languages: Languages | None = None) -> Selection:
        assert self.system is not None
        if len(self.filters) > MOST_FILTERS:
            issue = issues.too_many_filters(self.url or "", len(self.filters), MOST_FILTERS)
            raise TerminologyError(replace(issue, at=[f"{self.path}.filter"]))
        for index, filter_ in enumerate(self.filters):
            if not filter_.value:
                issue = issues.filter_without_value(filter_.property, filter_.op, self.url or "")
                raise TerminologyError(replace(issue, at=[f"{self.path}.filter[{index}]"]))
        return self.system.select(self.filters, text, languages)

    @property
    def concept_set(self) -> ConceptSet:
        """The concepts of enumeration and filters, of a code system with an index (``CodeSystem.index``)."""
        if self._concept_set is None:
            filtered = cast("ConceptSet", self.selection)
            codes = (node.get("code", "") for node in self.enumeration.values())
            self._concept_set = filtered.among(codes, self._more) if self.is_enumerated else filtered
        return self._concept_set

    @property
    def _more(self) -> CodesBeyond | None:
        """The codes that the fragment lacks, the same object for every block of the code system."""
        if not self.lists_more_than_is_here or self.filters:
            return None
        return self._beyond.setdefault(self.url or "", CodesBeyond(self.may_list))

    @property
    def enumeration(self) -> Mapping[str, Node]:
        """``concept`` by code, in the order of the value set; empty when there is none."""
        if self._enumeration is None:
            concepts = self.node.get("concept", ())
            if isinstance(concepts, Enumeration):
                self._enumeration = concepts.by_code(self._ignores_case)
            else:
                self._enumeration = {self.key(node.get("code", "")): node for node in concepts}
        return self._enumeration

    def listing_keys(self) -> Iterable[str | None]:
        """The codes of ``concept`` without their case; None alone if the list is in the store."""
        if isinstance(self.enumeration, Listing) or self.lists_expressions:
            return (None,)
        return {code.casefold() for code in self.enumeration}

    def enumerated_concept(self, code: str) -> Node | None:
        """The ``concept`` of a code, with the display and designations of the value set."""
        node = self.enumeration.get(self.key(code))
        if node is not None or self.system is None:
            return node
        if self.system.about.has_expressions:
            node = self._enumerated_in_another_writing(code)
        if node is None and self.system.about.case_sensitive is None:
            node = self._enumerated_in_another_case(code)
        return node

    def _enumerated_in_another_writing(self, code: str) -> Node | None:
        """The ``concept`` of a code where that, or the one that is listed, is an expression: both mean the same."""
        assert self.system is not None
        key = self.system.expression_key(code)
        listed = self._expressions.get(key, key)
        return self.enumeration.get(self.key(listed)) if listed != code else None

    def as_listed(self, concept: Concept) -> Concept:
        """The concept; one that the code system lacks has the code as this include writes it."""
        node = self.enumeration.get(self.key(concept.code))
        code = concept.code if node is None else node.get("code", "")
        is_here = code == concept.code or self.system is None or self.system.locate(code) is not None
        return concept if is_here else Concept(code)

    def _enumerated_in_another_case(self, code: str) -> Node | None:
        """The ``concept`` of a code where the code system does not say whether case matters: both mean one concept."""
        assert self.system is not None
        concept = self.system.locate(code) if self.is_enumerated else None
        if concept is None:
            return None
        if concept.code in self.enumeration:
            return self.enumeration[concept.code]
        for node in self._enumerated_folded(code):
            other = self.system.locate(node.get("code", ""))
            if other is not None and other.code == concept.code:
                return node
        return None

    def _enumerated_folded(self, code: str) -> Sequence[Node]:
        """The entries of ``include.concept`` whose code differs from a code in case only, or not at all."""
        concepts = self.node.get("concept", ())
        if isinstance(concepts, Enumeration):
            return concepts.in_any_case(code)
        if self._folded_enumeration is None:
            self._folded_enumeration = {}
            for node in self.enumeration.values():
                folded = node.get("code", "").casefold()
                self._folded_enumeration.setdefault(folded, []).append(node)
        return self._folded_enumeration.get(code.casefold(), ())

    def key(self, code: str) -> str:
        """The code as codes are compared, without its case where case does not matter."""
        return code.casefold() if self._ignores_case else code

    @property
    def _ignores_case(self) -> bool:
        return self.system is not None and self.system.about.case_sensitive is False

    def contains(self, code: str) -> bool:
        """Whether a code of ``url`` is in this block.

        Of an unknown code system only the enumeration is known. Raises TerminologyError for filters that
        cannot be used.
        """
        return self._contains_itself(code) and all(
            definition.contains(self.url, code, self.version) for definition in self.imports
        )

    def _contains_itself(self, code: str) -> bool:
        """Whether a code passes enumeration and filters, whatever the imports contain."""
        if self.is_enumerated and self.key(code) not in self.enumeration:
            if self.enumerated_concept(code) is None:
                return False
        if self.system is None:
            return not self.filters and (self.is_enumerated or self._trusts_unknown_systems)
        if self.filters:
            return code in self.selection
        return self.system.locate(code) is not None or self.may_list(code)

    def contains_coding(self, url: str | None, code: str, version: str | None = None) -> bool:
        """Whether a code of any code system is in this block; ``version`` is the one to look for in imports."""
        if self.url is None:
            return bool(self.imports) and all(i.contains(url, code, version) for i in self.imports)
        return self.url == url and self.contains(code)

    def locate(self, url: str | None, code: str, version: str | None = None) -> Concept | None:
        """The concept of a code that is in this block, or None if its code system is unknown."""
        if self.url is not None:
            return self.system.locate(code) if self.system else None
        blocks = (block for i in self.imports for block in i.includes_with(url, code, version))
        return next((block.locate(url, code, version) for block in blocks), None)

    def has_version(self, url: str | None, version: str) -> bool:
        """Whether an include brings in codes of this version; of several imports the first one decides."""
        if self.url is None:
            return any(version in other.versions.get(url or "", ()) for other in self.imports[:1])
        return self.version == version

    def excludes_version(self, url: str | None, version: str | None) -> bool:
        """Whether an exclude applies to a version of a code system: to every one, unless it declares one."""
        if self.url is None:
            return all(
                any(b.excludes_version(url, version) for b in i.system_includes() if b.url == url)
                for i in self.imports
            )
        return self.declared_version is None or self.version == version

    def takes_out(self, url: str | None, code: str, version: str | None) -> bool:
        """Whether an exclude has a code. A list has its codes, whatever the version that it is read in has."""
        is_list = self.url == url and not self.filters and not self.imports
        is_listed = is_list and self.enumerated_concept(code) is not None
        return is_listed or self.contains_coding(url, code, version)

    def with_version(self, system: CodeSystem, readings: _Readings, *, against_pins: bool = False) -> Block:
        """The block, read with this version of a code system where it leaves the version open.

        ``against_pins``: a version that a parameter of the request chose counts as open, too.
        """
        imports = [readings.of(definition, system) for definition in self.imports]
        fixed = self.declared_version if against_pins else self.choice.version
        is_open = self.url == system.about.url and fits(system.about.version, fixed)
        is_other = is_open and self.version != system.about.version
        if not is_other and all(map(is_, imports, self.imports)):
            return self
        block = copy(self)
        block.imports = imports
        if is_other:
            block.system = system
            block._selection, block._concept_set, block._enumeration = None, None, None
            block._folded_enumeration, block._listed_expressions = None, None
        return block


def _expressions_of(enumeration: Mapping[str, Node], system: CodeSystem) -> Mapping[str, str]:
    """The codes of an enumeration that are expressions, by their keys."""
    if not system.about.has_expressions:
        return {}
    if isinstance(enumeration, Listing):
        codes: Iterable[str] = enumeration.expressions(system)
    else:
        listed = (node.get("code", "") for node in enumeration.values())
        codes = [code for code in listed if system.is_expression(code)]
    return {system.expression_key(code): code for code in budget.counted(codes, _STEPS_OF_EXPRESSION)}


@dataclass(slots=True)
class Definition:
    """A compiled ValueSet.

    ``includes_inactive`` is False when ``compose.inactive`` leaves inactive codes out. ``unclosed`` has the reasons
    why a stored expansion that stands for a definition has not all codes. ``versions`` has the
    versions of each code system that it includes, itself or by its imports. ``version_sensitive`` are the code
    systems of which the same code in two versions counts as two: the value set says so (its expansion
    parameter ``versionsMatch``), or, if it says nothing, it includes several versions.
    """

    document: Document
    includes: list[Block] = field(default_factory=list)
    excludes: list[Block] = field(default_factory=list)
    includes_inactive: bool = True
    unclosed: Sequence[str] = ()
    version_sensitive: frozenset[str] = field(default=frozenset(), init=False)
    versions: dict[str, dict[str | None, None]] = field(default_factory=dict, init=False)
    # ``replace`` does not copy it: with another version of a code system the answers are others. A plain
    # dictionary, because ``core.cache`` would cost more than many of the answers: $expand asks by the thousand.
    _answers: dict[tuple[str | None, str, str | None], bool] = field(default_factory=dict, init=False)
    _with_inactive: Definition | None = field(default=None, init=False)
    _is_infinite: bool | None = field(default=None, init=False)
    _all_imports: Sequence[Definition] | None = field(default=None, init=False)
    _excludes: dict[tuple[str | None, str | None], list[Block]] = field(default_factory=dict, init=False)
    _listing: dict[tuple[str | None, str | None], list[Block]] | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        for block in self.includes:
            if block.url is not None:
                self.versions.setdefault(block.url, {})[block.version] = None
                continue
            for url, versions in (pair for other in block.imports for pair in other.versions.items()):
                self.versions.setdefault(url, {}).update(versions)
        versions_match = self.parameter("versionsMatch")
        self.version_sensitive = frozenset(
            url
            for url, versions in self.versions.items()
            if versions_match == "false" or (versions_match is None and len(versions) > 1)
        )

    @property
    def url(self) -> str:
        return str(self.document.get("url", ""))

    @property
    def canonical(self) -> str:
        """``url|version``."""
        return canonical(self.document)

    @property
    def weight(self) -> int:
        """About how many elements it has, with those of its imports."""
        blocks = [block for part in (self, *self.all_imports()) for block in part.blocks()]
        return sum(10 + 10 * len(b.node.get("filter", ())) + len(b.node.get("concept", ())) for b in blocks)

    @property
    def is_defined(self) -> bool:
        """False: the ValueSet has neither ``compose`` nor ``expansion``."""
        return "compose" in self.document or "expansion" in self.document

    @property
    def is_infinite(self) -> bool:
        """Whether it has infinitely many codes, so that those that can be listed are not to be counted."""
        if self._is_infinite is None:
            self._is_infinite = any(block.is_infinite for block in self.includes)
        return self._is_infinite

    def blocks(self) -> Iterator[Block]:
        """Every include and exclude, without those of imports."""
        yield from self.includes
        yield from self.excludes

    def system_includes(self, visited: set[int] | None = None) -> Iterator[Block]:
        """Every include that names a code system, also those of imports; each once."""
        visited = set() if visited is None else visited
        visited.add(id(self))
        for block in self.includes:
            if block.url is not None:
                yield block
                continue
            for other in block.imports:
                if id(other) not in visited:
                    yield from other.system_includes(visited)

    def listing_blocks(self, url: str | None, code: str) -> Sequence[Block]:
        """The includes that may list a code of a code system, those of imports after its own.

        They have the displays of the value set, whichever include or import brings a code in.
        """
        if self._listing is None:
            self._listing = self._listing_by_code()
        if not self._listing:
            return ()
        some = self._listing.get((url, code.casefold()), ())
        always = self._listing.get((url, None), ())
        return [*always, *some] if some and always else some or always

    def _listing_by_code(self) -> dict[tuple[str | None, str | None], list[Block]]:
        """The includes that list codes, by url and code; by url alone where they are few or in the store."""
        by_url: dict[str | None, list[Block]] = {}
        for block in self._listing_blocks(set()):
            by_url.setdefault(block.url, []).append(block)
        listing: dict[tuple[str | None, str | None], list[Block]] = {}
        for url, blocks in by_url.items():
            for block in blocks:
                keys = (None,) if len(blocks) <= FEW_LISTS else block.listing_keys()
                for key in keys:
                    listing.setdefault((url, key), []).append(block)
        return listing

    def _listing_blocks(self, visited: set[int]) -> Iterator[Block]:
        visited.add(id(self))
        yield from (block for block in self.includes if block.url is not None and block.is_enumerated)
        for other in (other for block in self.includes for other in block.imports):
            if id(other) not in visited:
                yield from other._listing_blocks(visited)

    def all_imports(self) -> Sequence[Definition]:
        """The imports of includes and excludes, the imports of those, and so on; each once.

        One that is read in several versions of a code system comes once for each.
        """
        if self._all_imports is None:
            self._all_imports = self._list_imports()
        return self._all_imports

    def _list_imports(self) -> list[Definition]:
        imports: dict[int, Definition] = {}
        waiting: list[Definition] = [self]
        while waiting:
            for block in waiting.pop(0).blocks():
                new = [other for other in block.imports if id(other) not in imports]
                imports.update((id(other), other) for other in new)
                waiting.extend(new)
        return list(imports.values())

    def contains(self, url: str | None, code: str, version: str | None = None) -> bool:
        """Whether a code is in the value set.

        ``version`` matters only for ``version_sensitive`` code systems; without one, any version will do.
        """
        # Value sets that import each other over and over would double the work at each step.
        key = (url, code, version)
        answer = self._answers.get(key)
        if answer is None:
            answer = self._contains(url, code, version)
            if len(self._answers) >= MOST_ANSWERS:
                self._answers.clear()
            self._answers[key] = answer
        return answer

    def _contains(self, url: str | None, code: str, version: str | None) -> bool:
        budget.spend(STEPS_OF_EXCLUDE * (1 + len(self.includes) + len(self.excludes)))
        versions = [v for v in self.versions.get(url or "", ()) if v is not None]
        if version is None and versions and not self._merges_versions:
            if is_any(versions, lambda each: self.contains(url, code, each)):
                return True
            if None not in self.versions[url or ""]:
                return False
        include_version = version if url in self.version_sensitive else None
        return is_any(
            self.includes,
            lambda block: (
                self._is_included(block, url, code, include_version)
                and not self.is_excluded(url, code, version or block.version)
            ),
        )

    def _is_included(self, block: Block, url: str | None, code: str, version: str | None) -> bool:
        has_version = version is None or block.has_version(url, version)
        return (
            has_version
            and block.contains_coding(url, code, version)
            and self._is_active_enough(block, url, code, version)
        )

    def includes_with(self, url: str | None, code: str, version: str | None) -> Iterator[Block]:
        """The includes that contain a code, in ``version`` unless it is None."""
        for block in self.includes:
            has_version = version is None or block.has_version(url, version)
            if has_version and block.contains_coding(url, code, version):
                yield block

    def _is_active_enough(self, block: Block, url: str | None, code: str, version: str | None) -> bool:
        if self.includes_inactive:
            return True
        concept = block.locate(url, code, version)
        return concept is None or not concept.inactive

    @property
    def _merges_versions(self) -> bool:
        """Whether the value set itself says that all versions of a code count as one."""
        return self.parameter("versionsMatch") == "true"

    def is_excluded(self, url: str | None, code: str, version: str | None = None) -> bool:
        """Whether an exclude takes a code out of the value set.

        Of a ``version_sensitive`` code system, an exclude that declares a version takes the code out of that
        version; any other one takes it out of every version. Without a version it is read in that of the code.
        """
        any_version = version is None or url not in self.version_sensitive
        return any(
            (any_version or block.excludes_version(url, version))
            and block.takes_out(url, code, None if any_version else version)
            for block in (self._excludes_in(url, version) if self.excludes else ())
        )

    def _excludes_in(self, url: str | None, version: str | None) -> list[Block]:
        """The excludes; those that declare no version are read in the one in which an include has the code system."""
        key = (url, version)
        if key not in self._excludes:
            same = (b.system for b in self.system_includes() if b.url == url and b.version == version)
            system = next(same, None)
            readings = _Readings()
            self._excludes[key] = [
                block.with_version(system, readings, against_pins=True) if system else block
                for block in self.excludes
            ]
        return self._excludes[key]

    def with_version(self, system: CodeSystem, readings: _Readings | None = None) -> Definition:
        """The value set, read with this version of a code system where includes leave the version open.

        Its excludes are then read with this version, too. Where every include declares its version, the
        value set stays as it is.
        """
        readings = _Readings() if readings is None else readings
        includes = [block.with_version(system, readings) for block in self.includes]
        if all(map(is_, includes, self.includes)):
            return self
        excludes = [block.with_version(system, readings) for block in self.excludes]
        return replace(self, includes=includes, excludes=excludes)

    def with_inactive(self) -> Definition:
        """The value set without its rule ``compose.inactive``."""
        if self._with_inactive is None:
            self._with_inactive = self if self.includes_inactive else replace(self, includes_inactive=True)
        return self._with_inactive

    def parameter(self, name: str) -> str | None:
        """The value of an expansion parameter that the value set itself sets, as text, or None."""
        return expansion_parameter(self.document, name)


class _Readings:
    """Value sets that are read in versions of code systems. Each reading is made once, on whatever way it is reached.

    Value sets that import one another over and over, each in several versions, would double their number at each step.
    """

    def __init__(self) -> None:
        self._read: dict[tuple[int, int], Definition] = {}
        self._known: dict[Hashable, Definition] = {}

    def of(self, definition: Definition, system: CodeSystem) -> Definition:
        """The value set, read with this version of a code system."""
        definition = self._only(definition)
        key = id(definition), id(system)
        if key not in self._read:
            self._read[key] = self._only(definition.with_version(system, self))
        return self._read[key]

    def _only(self, definition: Definition) -> Definition:
        """The one definition that has the same blocks in the same versions."""
        blocks = [(id(b.node), id(b.system), *map(id, b.imports)) for b in definition.blocks()]
        budget.spend(STEPS_OF_BLOCK * len(blocks))
        return self._known.setdefault(
            (id(definition.document), definition.includes_inactive, *blocks), definition
        )


# -- compiling -----------------------------------------------------------------------------------


@dataclass(slots=True)
class _Compilation:
    """One ValueSet that is being compiled, and what its blocks are compiled with.

    ``path`` has the canonicals of the value sets that import it, the outermost first; ``compiled`` has every import
    that is ready, ``beyond`` the listed codes that fragments do not have, by the url of the code system, ``absent``
    each code system that is not here but has listed codes, by url and version, ``readings`` the imports that are
    read in the version of a code system.
    ``trusts_unknown_systems``: an unknown code system has every code.
    """

    catalogue: Catalogue
    pins: Pins
    supplements: Sequence[Document]
    document: Document
    path: tuple[str, ...] = ()
    trusts_unknown_systems: bool = False
    compiled: dict[str, Definition] = field(default_factory=dict)
    beyond: dict[str, CodesBeyond] = field(default_factory=dict)
    absent: dict[tuple[str, str | None], AbsentCodeSystem] = field(default_factory=dict)
    readings: _Readings = field(default_factory=_Readings)

    def find_system(self, url: str, version: str | None) -> CodeSystem | None:
        return find_usable_system(self.catalogue, self.supplements, url, version)

    def absolute(self, system: str) -> str:
        """The url of a code system; FHIR's own example refers to the one that it contains by ``#id``."""
        if not system.startswith("#"):
            return system
        contained = (r for r in self.document.get("contained", ()) if f"#{r.get('id')}" == system)
        return next((r["url"] for r in contained if r.get("url")), system)

    def absent_system(self, block: Block) -> CodeSystem | None:
        """The code system of a block that lists codes of an unknown one."""
        if self.trusts_unknown_systems or block.url is None:
            return None
        version = block.choice.version
        system = self.absent.setdefault((block.url, version), AbsentCodeSystem(block.url, version))
        system.add_list(lambda code: block.enumeration.get(code))
        # Without a supplement of the request there is nothing to add; the catalogue would only keep it.
        return self.catalogue.supplemented(system, self.supplements) if self.supplements else system

    def compile_import(self, reference: str) -> Definition:
        """The definition of an ``include.valueSet``."""
        path = (*self.path, canonical(self.document))
        try:
            document = find_import(self.catalogue, reference, self.pins, self.document)
        except UnknownImportError as unknown:
            # A ValueSet of the request is not in the catalogue, but it may be on the path.
            name = f"{unknown.url}|{unknown.version}" if unknown.version else unknown.url
            start = next((c for c in path if name in (c, split_canonical(c)[0])), None)
            if start is None:
                raise
            raise TerminologyError(issues.value_set_circle([*path, start])) from None
        # A contained value set brings along the same resources again.
        is_here = document.get("contained") is self.document.get("contained")
        catalogue = self.catalogue if is_here else with_contained_systems(self.catalogue, document)
        return replace(self, catalogue=catalogue, document=document, path=path).compile()

    def in_version_of(self, block: Block, imports: list[Definition]) -> list[Definition]:
        """The imports of a block that fixes the version of its code system: they are read in it, if they fix none."""
        if block.system is None or block.choice.version is None:
            return imports
        return [self.readings.of(definition, block.system) for definition in imports]

    def compile(self) -> Definition:
        """Raises UnknownImportError, and TerminologyError for a circle of imports or too long a row."""
        name = canonical(self.document)
        if name in self.path:
            raise TerminologyError(issues.value_set_circle([*self.path, name]))
        if len(self.path) > DEEPEST:
            raise TerminologyError(issues.value_set_too_deep(self.path[0], DEEPEST))
        if name not in self.compiled:
            compose = self.document.get("compose") or compose_of_expansion(self.document)
            definition = Definition(
                self.document,
                includes=self._blocks(compose, "include"),
                excludes=self._blocks(compose, "exclude"),
                includes_inactive=compose.get("inactive") is not False,
                unclosed=unclosed_reasons(compose),
            )
            locked_date = compose.get("lockedDate")
            if locked_date and any(map(_depends_on_date, definition.blocks())):
                raise TerminologyError(issues.locked_date_not_supported(name, str(locked_date)))
            self.compiled[name] = definition
        return self.compiled[name]

    def _blocks(self, compose: Node, name: str) -> list[Block]:
        nodes = enumerate(budget.counted(compose.get(name, ()), STEPS_OF_BLOCK))
        return [Block(node, f"ValueSet.compose.{name}[{index}]", self) for index, node in nodes]


def definition_of(
    catalogue: Catalogue, value_set: Document, pins: Pins = NO_PINS, supplements: Sequence[Document] = ()
) -> Definition:
    """Compile a ValueSet.

    ``supplements`` are CodeSystem documents (``Catalogue.supplement``); their code systems are seen through
    them. Raises UnknownImportError, and TerminologyError for value sets that import themselves.
    """
    return _Compilation(catalogue, pins, supplements, value_set).compile()


def contains(catalogue: Catalogue, value_set: Document, coding: Coding) -> bool:
    """Whether a coding is in a value set, where no request says more.

    An unknown code system has every code, and none that passes a filter. Raises TerminologyError for unknown
    imports, for filters that cannot be used, and for value sets that import themselves.
    """
    compilation = _Compilation(catalogue, NO_PINS, (), value_set, trusts_unknown_systems=True)
    return compilation.compile().contains(catalogue.preferred(coding.system or ""), coding.code or "")


def _depends_on_date(block: Block) -> bool:
    """Whether ``compose.lockedDate`` would have to choose the version, since nothing else does."""
    return block.url is not None and not block.is_enumerated and block.choice.reason == "latest"
