"""What is asked of $translate, and what is answered: the shapes, and what can be read off them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from terminology.catalogue.concept_map import Attribute, ConceptMap, Group, MapProperty, Rows
from terminology.catalogue.protocol import Catalogue
from terminology.core.languages import Languages
from terminology.core.model import Coding, Document, Typed, split_canonical
from terminology.operations.value_set.compose import contains

NEGATIVE = frozenset({"not-related-to"})
SUBJECTS = (
    "sourceCode",
    "sourceCoding",
    "sourceCodeableConcept",
    "targetCode",
    "targetCoding",
    "targetCodeableConcept",
)


@dataclass(slots=True)
class Dependency:
    """What the caller knows: ``attribute`` is the uri or code that a map's ``dependsOn`` names."""

    attribute: str
    values: Sequence[Typed] = ()


@dataclass(slots=True)
class TranslateRequest:
    """``backwards`` is R4's ``reverse``; the ``target_…`` subjects are R5's way to say so.

    ``plain`` asks for the concepts as the maps have them: no display is looked up unless a language is
    asked for.
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
    backwards: bool = False
    dependencies: Sequence[Dependency] = ()
    languages: Languages | None = None
    instance: Document | None = None
    plain: bool = False

    @property
    def asks_for_source(self) -> bool:
        """R5's reverse: the target is given, the source is wanted."""
        return any(s is not None for s in (self.target_code, self.target_coding, self.target_concept))


@dataclass(slots=True)
class Match:
    """One translation. ``concept`` is None where a map says that there is none.

    ``relationship`` is said of the subject towards ``concept``; where the target was given (``source`` is
    set), of ``source`` towards ``concept``. ``via`` names the maps that ``unmapped`` led through, in order.
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
        return self.concept is not None and self.relationship not in NEGATIVE


@dataclass(slots=True)
class Translation:
    result: bool
    message: str | None = None
    matches: list[Match] = field(default_factory=list)
    names_subjects: bool = False


# -- the question, understood --------------------------------------------------------------------


@dataclass(slots=True)
class TranslateQuery:
    """The request, understood: what to translate, in which direction, and within which bounds."""

    subjects: list[Coding]
    backwards: bool
    names_target: bool
    near_system: str | None
    far_system: str | None
    near_scope: Scope | None
    far_scope: Scope | None
    dependencies: Sequence[Dependency]
    trouble: list[Trouble] = field(default_factory=list)

    @property
    def name_of_system(self) -> str:
        """The parameter that says which code system the subject is of."""
        return "targetSystem" if self.names_target else "system"


@dataclass(slots=True, frozen=True)
class Trouble:
    """Something that was in the way while the maps were asked: a sentence. ``left_out`` is a code that a
    scope does not admit; ``found`` says that it is a translation and not what was to be translated.
    """

    text: str
    left_out: Coding | None = None
    found: bool = False


@dataclass(slots=True)
class Scope:
    """A value set that bounds one end of a translation. Without a definition, only its own name is known.

    ``name`` is the parameter that it comes from.
    """

    name: str
    url: str
    definition: Document | None

    def admits(self, catalogue: Catalogue, coding: Coding, declared: str | None) -> bool:
        """``declared`` is the scope that the map declares for this end."""
        if self.definition is not None:
            return contains(catalogue, self.definition, coding)
        return declared is not None and split_canonical(declared)[0] == split_canonical(self.url)[0]


def near(group: Group, backwards: bool) -> Coding:
    """The end of a group that the question comes from."""
    return group.target if backwards else group.source


def far(group: Group, backwards: bool) -> Coding:
    """The end of a group that the answer is to be found at."""
    return group.source if backwards else group.target


def rows_by_near(group: Group, backwards: bool) -> Rows:
    """The rows of a group by the codes that the question comes from."""
    return group.backward if backwards else group.forward


def rows_by_far(group: Group, backwards: bool) -> Rows:
    return group.forward if backwards else group.backward


def by_attribute(conditions: Iterable[Attribute]) -> list[list[Attribute]]:
    """The conditions that are alternatives, for they are of one attribute, together."""
    found: dict[str, list[Attribute]] = {}
    for condition in conditions:
        found.setdefault(condition.uri, []).append(condition)
    return list(found.values())


def said_of(attribute: Attribute, dependencies: Iterable[Dependency]) -> list[Typed]:
    """What the caller says of an attribute."""
    names = {attribute.uri, attribute.code}
    return [value for d in dependencies if d.attribute in names for value in d.values]


def holds(alternatives: Sequence[Attribute], dependencies: Iterable[Dependency]) -> bool:
    """Does one of the alternatives hold? Yes, too, where the caller says nothing of their attribute."""
    said = said_of(alternatives[0], dependencies)
    return not said or any(same_value(condition.value, value) for condition in alternatives for value in said)


def same_value(one: Typed, other: Typed) -> bool:
    """A code, a string and a Coding without another system are the same if they read the same."""
    systems = {system for system in (_system_of(one), _system_of(other)) if system}
    return len(systems) < 2 and text_of(one) == text_of(other)


def _system_of(value: Typed) -> str | None:
    return value.value.get("system") if value.type == "Coding" else None


def text_of(value: Typed) -> str:
    """A value as it reads: the code of a Coding, ``true`` for a boolean."""
    if value.type == "Coding":
        return str(value.value.get("code", ""))
    if value.type == "Quantity":
        unit = value.value.get("code") or value.value.get("unit") or ""
        return f"{value.value.get('value', '')} {unit}".strip()
    return str(value.value).lower() if value.type == "boolean" else str(value.value)
