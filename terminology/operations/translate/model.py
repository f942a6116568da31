"""Request, query and answer of $translate.

A ``TranslateRequest`` has the parameters as they were sent. A ``TranslateQuery`` says the same, whichever way the
client said it: the subjects (the codings to translate), and limits for the two ends of a map. The near end has
the subjects, the far end has the answers. So near is the source of the map and far its target; in reverse, near is
the target and far the source.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from terminology.catalogue.concept_map import Attribute, ConceptMap, Group, MapProperty, Rows
from terminology.catalogue.protocol import Catalogue
from terminology.core.errors import TerminologyError
from terminology.core.languages import Languages
from terminology.core.model import Coding, Document, Typed, split_canonical
from terminology.core.versions import fits
from terminology.operations.translate.explanation import Explanation
from terminology.operations.value_set.compose import contains, definition_of

NEGATIVE = frozenset({"not-related-to"})
SUBJECTS = (
    "sourceCode",
    "sourceCoding",
    "sourceCodeableConcept",
    "targetCode",
    "targetCoding",
    "targetCodeableConcept",
)

# -- the request ---------------------------------------------------------------------------------


@dataclass(slots=True)
class Dependency:
    """One ``dependency``: ``attribute`` is the uri or the code of an attribute that maps depend on."""

    attribute: str
    values: Sequence[Typed] = ()


@dataclass(slots=True)
class TranslateRequest:
    """The parameters of $translate.

    * The map is ``instance`` (of the URL), ``concept_map`` (sent with the request), or the one that ``url`` and
      ``map_version`` name; without these, all maps are used.
    * Exactly one of ``code``, ``coding``, ``concept`` (the codings of a CodeableConcept) and their three
      ``target_...`` counterparts is given.
    * To translate from the target of a map to its source, R4 has ``reverse``, R5 the ``target_...`` parameters.
    * The scopes are canonicals of value sets, logical ids, or locations below one of ``roots`` (the bases of this
      server).
    * ``target_version`` is the version of ``target_system``. A ``date`` in the past is refused.
    * ``composes``: if no map leads to the target system, chains of two maps answer.
    * ``explains``: the answer has an ``Explanation``.
    * ``as_mapped``: the display of a match is the one in the map; it is looked up only if there are ``languages``.
    """

    url: str | None = None
    map_version: str | None = None
    concept_map: Document | None = None
    code: str | None = None
    system: str | None = None
    version: str | None = None
    coding: Coding | None = None
    concept: Sequence[Coding] | None = None
    target_code: str | None = None
    target_coding: Coding | None = None
    target_concept: Sequence[Coding] | None = None
    source_scope: str | None = None
    target_scope: str | None = None
    target_system: str | None = None
    target_version: str | None = None
    reverse: bool = False
    date: str | None = None
    dependencies: Sequence[Dependency] = ()
    composes: bool = False
    explains: bool = False
    languages: Languages | None = None
    instance: Document | None = None
    as_mapped: bool = False
    roots: Sequence[str] = ("",)

    @property
    def finds_sources(self) -> bool:
        """True if the request has a target, which is R5's way to translate in reverse: the answers are sources."""
        return any(s is not None for s in (self.target_code, self.target_coding, self.target_concept))


# -- the answer ----------------------------------------------------------------------------------


@dataclass(slots=True)
class Match:
    """One translation of ``subject``. ``concept`` is None where a map says that there is none.

    ``relationship`` is the one of the subject to ``concept``; if the request has a target, the one of ``source``
    (the answer) to ``concept`` (the target of the request). ``word`` is the R4 equivalence that the map was
    written with. ``origin`` is the map, ``via`` the maps that ``unmapped`` led through, in order.
    """

    origin: ConceptMap
    concept: Coding | None
    relationship: str | None
    word: str | None = None
    subject: Coding | None = None
    source: Coding | None = None
    comment: str | None = None
    depends_on: Sequence[Attribute] = ()
    products: Sequence[Attribute] = ()
    properties: Sequence[MapProperty] = ()
    via: Sequence[ConceptMap] = ()

    @property
    def is_positive(self) -> bool:
        """False for ``noMap``, and for a code that the subject is not related to."""
        return self.concept is not None and self.relationship not in NEGATIVE


@dataclass(slots=True)
class Translation:
    """The answer.

    ``result``: there is a positive match; ``message``: hints for the user; ``several_subjects``: the request has
    several codings, so each match must name its own. ``explanation``: see ``TranslateRequest.explains``.
    """

    result: bool
    message: str | None = None
    matches: list[Match] = field(default_factory=list)
    several_subjects: bool = False
    explanation: Explanation | None = None


# -- the query -----------------------------------------------------------------------------------


@dataclass(slots=True)
class TranslateQuery:
    """A request, whichever of the equivalent parameters it came with.

    ``reverse``: from the targets of maps to their sources. ``finds_sources``: in reverse, by R5's parameters. The
    systems, versions and scopes limit the two ends; None allows all. ``obstacles`` are added while the maps are read.
    ``names_map``: the request names or sends its map.
    """

    subjects: list[Coding]
    reverse: bool
    finds_sources: bool
    near_system: str | None
    far_system: str | None
    far_version: str | None
    near_scope: Scope | None
    far_scope: Scope | None
    dependencies: Sequence[Dependency]
    obstacles: list[Obstacle] = field(default_factory=list)
    names_map: bool = False

    @property
    def system_parameter(self) -> str:
        """The parameter that names the code system of the subject."""
        return "targetSystem" if self.finds_sources else "system"

    def near(self, group: Group) -> Coding:
        """The end of a group that has the subjects; the Coding has a system and a version only."""
        return group.target if self.reverse else group.source

    def far(self, group: Group) -> Coding:
        """The end of a group that has the answers; the Coding has a system and a version only."""
        return group.source if self.reverse else group.target

    @property
    def far_canonical(self) -> str | None:
        """The far system with its version, for messages."""
        return f"{self.far_system}|{self.far_version}" if self.far_version else self.far_system

    def far_systems(self, catalogue: Catalogue) -> frozenset[str]:
        """The code systems that the request asks for at the far end: the far system, or those of the far scope.

        Empty if it asks for none, or if nobody can tell.
        """
        if self.far_system is not None:
            return frozenset({self.far_system})
        return frozenset() if self.far_scope is None else self.far_scope.systems(catalogue)

    def admits_far(self, end: Coding) -> bool:
        """True if the far end of a group has the far system, in a version that fits."""
        if self.far_system not in (None, end.system):
            return False
        return self.far_version is None or end.version is None or fits(self.far_version, end.version)

    def rows_by_near(self, group: Group) -> Rows:
        """The rows of a group by the codes of the near end."""
        return group.backward if self.reverse else group.forward

    def rows_by_far(self, group: Group) -> Rows:
        """The rows of a group by the codes of the far end."""
        return group.forward if self.reverse else group.backward


@dataclass(slots=True, frozen=True)
class Obstacle:
    """A note for the user on how maps were used: mostly a reason why one has no match.

    ``text`` is a sentence. ``excluded`` is a code that is not in a scope: a translation if ``is_translation``, else
    a subject.
    """

    text: str
    excluded: Coding | None = None
    is_translation: bool = False


@dataclass(slots=True)
class Scope:
    """A value set that limits one end of a translation.

    ``parameter`` is the name of the parameter that names it. Without a ``value_set``, only maps that name the same
    value set are in the scope.
    """

    parameter: str
    url: str
    value_set: Document | None

    def admits(self, catalogue: Catalogue, coding: Coding, map_scope: str | None) -> bool:
        """True if the coding is in the scope. ``map_scope`` is the scope of the map at this end."""
        if self.value_set is not None:
            return contains(catalogue, self.value_set, coding)
        return self._is_scope_of_map(map_scope)

    def systems(self, catalogue: Catalogue) -> frozenset[str]:
        """The code systems that the value set has codes of; empty if nobody can tell."""
        try:
            return frozenset(definition_of(catalogue, self.value_set).versions if self.value_set else ())
        except TerminologyError:
            return frozenset()

    def has_system(self, catalogue: Catalogue, system: str | None, map_scope: str | None) -> bool:
        """True if the scope may have codes of a code system; None stands for any."""
        if self.value_set is None:
            return self._is_scope_of_map(map_scope)
        systems = definition_of(catalogue, self.value_set).versions
        return system is None or not systems or system in systems

    def _is_scope_of_map(self, map_scope: str | None) -> bool:
        return map_scope is not None and split_canonical(map_scope)[0] == split_canonical(self.url)[0]
