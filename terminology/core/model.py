"""What a terminology answer is made of: neutral to any FHIR release, free of HTTP, JSON and SQL.

Two kinds of things live side by side in this package:

* a ``Document`` is a FHIR resource as JSON, in R5 shape. It is never changed once it is loaded;
* questions and answers are the small dataclasses below.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any, NamedTuple

Document = dict[str, Any]


# Those that are made by the thousand are not frozen, which would make them thrice as slow to make.
@dataclass(slots=True, unsafe_hash=True)
class Typed:
    """A value with the name of its FHIR type: ``Typed("code", "new")`` travels as ``valueCode``."""

    type: str
    value: Any

    @property
    def key(self) -> str:
        """The element name of the value, e.g. ``valueCode``."""
        return value_key(self.type)

    @staticmethod
    def of(node: Mapping[str, Any]) -> Typed | None:
        """The ``value[x]`` of a JSON node, or None if it has none."""
        for key, value in node.items():
            if key.startswith("value") and len(key) > 5 and key[5].isupper():
                return Typed(_type_name(key[5:]), value)
        return None


@cache
def value_key(type_: str) -> str:
    """The element name of a value of a FHIR type.

    >>> value_key("code")
    'valueCode'
    """
    return "value" + type_[0].upper() + type_[1:]


COMPLEX_TYPES = frozenset(
    {"Coding", "CodeableConcept", "Quantity", "Identifier", "Period", "Range", "Reference"}
)


@lru_cache(256)
def _type_name(suffix: str) -> str:
    return suffix if suffix in COMPLEX_TYPES else suffix[0].lower() + suffix[1:]


@dataclass(slots=True, unsafe_hash=True)
class Coding:
    """A code in a code system. Every part may be missing in a question; an answer has a code."""

    system: str | None = None
    code: str | None = None
    version: str | None = None
    display: str | None = None

    @staticmethod
    def of(node: Mapping[str, Any]) -> Coding:
        return Coding(node.get("system"), node.get("code"), node.get("version"), node.get("display"))

    def as_json(self) -> Document:
        parts = {"system": self.system, "version": self.version, "code": self.code, "display": self.display}
        return {name: value for name, value in parts.items() if value is not None}

    def __str__(self) -> str:
        version = f"|{self.version}" if self.version else ""
        return f"{self.system or ''}{version}#{self.code or ''}"


@dataclass(slots=True)
class Designation:
    """One way to say a concept. ``source`` is the canonical of the supplement it comes from."""

    value: str
    language: str | None = None
    use: Document | None = None
    additional_use: Sequence[Document] = ()
    source: str | None = None
    extension: Sequence[Document] = ()


@dataclass(slots=True)
class Property:
    """A property of a concept. ``description`` is the display of the concept a code names."""

    code: str
    value: Typed
    description: str | None = None
    source: str | None = None


@dataclass(slots=True)
class Concept:
    """A concept as a code system locates or lists it."""

    code: str
    display: str | None = None
    definition: str | None = None
    abstract: bool = False
    inactive: bool = False
    status: str | None = None


@dataclass(slots=True)
class ConceptDetail:
    """What else is known of a concept."""

    designations: list[Designation] = field(default_factory=list)
    properties: list[Property] = field(default_factory=list)
    extension: Sequence[Document] = ()


@dataclass(slots=True)
class CodeSystemInfo:
    """What a code system says of itself.

    ``common`` are value sets (canonicals) that list its usual codes, where it has more than can be listed.
    ``is_related`` is False where nothing says how its codes are related to each other.
    """

    url: str
    version: str | None = None
    name: str | None = None
    title: str | None = None
    content: str = "complete"
    case_sensitive: bool = True
    language: str | None = None
    supplements: str | None = None
    copyright: str | None = None
    document: Document | None = None
    common: Sequence[str] = ()
    is_related: bool = True

    @property
    def canonical(self) -> str:
        return f"{self.url}|{self.version}" if self.version else self.url

    @property
    def is_fragment(self) -> bool:
        return self.content == "fragment"

    @property
    def is_example(self) -> bool:
        """Are its codes only examples, by which nothing may be validated or listed?

        See tx-ecosystem, "requirements", CodeSystem.content.
        """
        return self.content == "example"


@dataclass(slots=True, frozen=True)
class Filter:
    """``ValueSet.compose.include.filter``."""

    property: str
    op: str
    value: str


@dataclass(slots=True)
class Issue:
    """One issue of an OperationOutcome.

    ``tx`` is a code of HL7's tx-issue-type system, ``message_id`` HL7's name for the message, ``at`` the
    FHIRPath expressions of what it is about.
    """

    severity: str
    code: str
    text: str
    tx: str | None = None
    message_id: str | None = None
    at: Sequence[str] = ()
    diagnostics: str | None = None


class Problem(NamedTuple):
    """Something wrong in a file. ``line`` counts from 1; 0 is the file as a whole."""

    file: str
    line: int
    text: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.text}" if place else self.text


# What comes after it may have terms between two bars: the implicit value sets of SNOMED CT.
EXPRESSION = "?fhir_vs=ecl/"


def split_canonical(canonical: str) -> tuple[str, str | None]:
    """``url|version`` as url and version.

    >>> split_canonical("http://example.org/vs|1.0"), split_canonical("http://example.org/vs")
    (('http://example.org/vs', '1.0'), ('http://example.org/vs', None))
    >>> split_canonical("http://snomed.info/sct?fhir_vs=ecl/<<73211009|Diabetes|")[1] is None
    True
    """
    if EXPRESSION in canonical and canonical.count("|") % 2 == 0:
        return canonical, None
    url, bar, version = canonical.rpartition("|") if EXPRESSION in canonical else canonical.partition("|")
    return url, (version or None) if bar else None
