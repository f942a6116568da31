"""Parts of requests and answers, independent of FHIR releases, HTTP, JSON and SQL.

A ``Document`` is a FHIR resource as parsed JSON, in the form of R5; it never changes once it is loaded. All else is
a small dataclass.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, NamedTuple

Document = dict[str, Any]


# An answer makes thousands of some of these, and a frozen dataclass takes three times as long to make.
@dataclass(slots=True, unsafe_hash=True)
class Typed:
    """A value with the name of its FHIR type: ``Typed("code", "new")`` is written as ``valueCode``.

    ``value`` is a str, bool, int or float, or the JSON object of a complex type (``Coding``, ``Quantity``, ...).
    """

    type: str
    value: Any

    @property
    def key(self) -> str:
        """The name of the element that has the value, such as ``valueCode``."""
        return value_key(self.type)

    @staticmethod
    def of(node: Mapping[str, Any]) -> Typed | None:
        """The ``value[x]`` of a JSON object, or None if it has none. ``valueSet`` is an element of its own."""
        for key, value in node.items():
            if key.startswith("value") and (type_ := _type_of(key)):
                return Typed(type_, value)
        return None


_PRIMITIVE_TYPES = (
    "base64Binary boolean canonical code date dateTime decimal id instant integer integer64 markdown oid positiveInt "
    "string time unsignedInt uri url uuid"
)
COMPLEX_TYPES = frozenset(
    {"Coding", "CodeableConcept", "Quantity", "Identifier", "Period", "Range", "Reference"}
)
_TYPES = COMPLEX_TYPES.union(_PRIMITIVE_TYPES.split())


class _Keys(dict[str, str]):
    """The key for each name that is known; any other one is written, and not kept: clients may invent them."""

    def __init__(self, known: Iterable[str], write: Callable[[str], str]) -> None:
        super().__init__((name, write(name)) for name in known)
        self._write = write

    def __missing__(self, name: str) -> str:
        return self._write(name)


# The name of the element that has a value of a FHIR type: valueCode for code.
value_key: Callable[[str], str] = _Keys(
    _TYPES, lambda type_: f"value{type_[0].upper()}{type_[1:]}"
).__getitem__


def _read_type(key: str) -> str:
    suffix = key.removeprefix("value")
    if suffix in COMPLEX_TYPES:
        return suffix
    return suffix[0].lower() + suffix[1:] if suffix[:1].isupper() and suffix != "Set" else ""


# The FHIR type by the name of the element that has the value; "" for any other element.
_type_of: Callable[[str], str] = _Keys(map(value_key, _TYPES), _read_type).__getitem__


@dataclass(slots=True, unsafe_hash=True)
class Coding:
    """A code in a code system. Every part may be missing in a request; an answer has a code."""

    system: str | None = None
    code: str | None = None
    version: str | None = None
    display: str | None = None

    @staticmethod
    def of(node: Mapping[str, Any]) -> Coding:
        """The Coding of a JSON object."""
        return Coding(node.get("system"), node.get("code"), node.get("version"), node.get("display"))

    def as_json(self) -> Document:
        """The JSON object, without the parts that are missing."""
        parts = {"system": self.system, "version": self.version, "code": self.code, "display": self.display}
        return {name: value for name, value in parts.items() if value is not None}

    def __str__(self) -> str:
        version = f"|{self.version}" if self.version else ""
        return f"{self.system or ''}{version}#{self.code or ''}"


@dataclass(slots=True)
class Designation:
    """A name of a concept.

    ``language`` is a BCP 47 tag, ``use`` and ``additional_use`` are Codings in JSON, ``source`` is the canonical of
    the supplement that the designation is from. ``resource_language`` is the language of the resource that carries
    it, which applies where it has none of its own; it is compared, and not written.
    """

    value: str
    language: str | None = None
    use: Document | None = None
    additional_use: Sequence[Document] = ()
    source: str | None = None
    extension: Sequence[Document] = ()
    resource_language: str | None = None

    @property
    def effective_language(self) -> str | None:
        return self.language or self.resource_language


@dataclass(slots=True)
class Property:
    """A property of a concept.

    ``type`` and ``value`` are those of a ``Typed``. ``description`` is the display of the concept that a value of
    type code or Coding names, ``source`` the canonical of the supplement that the property is from.
    """

    code: str
    type: str
    value: Any
    description: str | None = None
    source: str | None = None

    @property
    def typed(self) -> Typed:
        """The value with its type."""
        return Typed(self.type, self.value)


@dataclass(slots=True)
class Concept:
    """A concept as a code system finds or lists it.

    ``abstract`` is the property notSelectable, ``status`` the property of that name. ``inactive``: the property of
    that name is true, or the status is retired, withdrawn or inactive. ``deprecated_by_date``: a property has a date of
    deprecation that has come. ``may_be_extended``: False if its detail has no extension.
    """

    code: str
    display: str | None = None
    definition: str | None = None
    abstract: bool = False
    inactive: bool = False
    status: str | None = None
    deprecated_by_date: bool = False
    may_be_extended: bool = field(default=True, compare=False)

    @property
    def effective_status(self) -> str | None:
        """The status; ``deprecated`` where no other one says more than that the concept was in use."""
        return "deprecated" if self.deprecated_by_date and self.status in (None, "active") else self.status


@dataclass(slots=True)
class ConceptDetail:
    """The designations and properties of a concept, without its display and definition.

    ``former`` are designations that are not in use any more: displays are compared with them, and no answer has them.
    """

    designations: list[Designation] = field(default_factory=list)
    properties: list[Property] = field(default_factory=list)
    extension: Sequence[Document] = ()
    former: Sequence[Designation] = ()


@dataclass(slots=True)
class CodeSystemInfo:
    """The description of one version of a code system.

    ``content`` is ``CodeSystem.content`` (``complete``, ``fragment``, ...), ``supplements`` the canonical of the code
    system that it supplements, ``document`` the CodeSystem resource, if there is one. ``common``: the
    canonicals of value sets with its usual codes, if it has more codes than can be listed, as one with infinitely
    many (``is_infinite``). ``is_related``: False if nothing relates its codes to each other. ``case_sensitive``:
    None if the code system does not say; then a code in any case is found where no code is written exactly so.
    ``has_expressions``: codes that no list has may be made of those that it has (``CodeSystem.is_expression``).
    ``is_flat``: True if an expansion is a tree only where the request or the value set asks for one. ``has_hierarchy``:
    False if its owner defines that no code is above another, so that a fragment has none either.
    """

    url: str
    version: str | None = None
    name: str | None = None
    title: str | None = None
    content: str = "complete"
    case_sensitive: bool | None = True
    language: str | None = None
    supplements: str | None = None
    copyright: str | None = None
    document: Document | None = None
    common: Sequence[str] = ()
    is_related: bool = True
    is_infinite: bool = False
    has_expressions: bool = False
    is_flat: bool = False
    has_hierarchy: bool = True

    @property
    def canonical(self) -> str:
        """``url|version``, or the url if there is no version; "" if there is no url."""
        return f"{self.url}|{self.version}" if self.url and self.version else self.url

    @property
    def is_fragment(self) -> bool:
        return self.content == "fragment"

    @property
    def is_absent(self) -> bool:
        """True if it is not here: of its codes only those are known that value sets list."""
        return self.content == "not-present"

    @property
    def is_example(self) -> bool:
        """True if its codes are only examples, by which no code may be validated or listed.

        See tx-ecosystem, "requirements", CodeSystem.content.
        """
        return self.content == "example"


@dataclass(slots=True, frozen=True)
class Filter:
    """A filter of a value set: ``ValueSet.compose.include.filter``."""

    property: str
    op: str
    value: str


@dataclass(slots=True)
class Issue:
    """One issue of an OperationOutcome. The constructors are in ``core/issues/severity.py``.

    ``code`` is an IssueType, ``tx`` a code of HL7's tx-issue-type, ``message_id`` HL7's id of the message, ``at`` the
    FHIRPath expressions of the elements at fault, ``server`` the base of another server that the issue is from.
    """

    severity: str
    _: KW_ONLY
    code: str
    text: str
    tx: str | None = None
    message_id: str | None = None
    at: Sequence[str] = ()
    diagnostics: str | None = None
    server: str | None = None


class Problem(NamedTuple):
    """A problem in a file. ``line`` counts from 1; 0 means the whole file."""

    file: str
    line: int
    text: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.text}" if place else self.text


# The expression that follows may have terms between bars: an implicit value set of SNOMED CT.
EXPRESSION = "?fhir_vs=ecl/"
_ESCAPED_BAR = re.compile("%7c", re.IGNORECASE)


def split_canonical(canonical: str) -> tuple[str, str | None]:
    """The url and the version of ``url|version``; the version is None if there is none.

    >>> split_canonical("http://example.org/vs|1.0"), split_canonical("http://example.org/vs")
    (('http://example.org/vs', '1.0'), ('http://example.org/vs', None))
    >>> split_canonical("http://snomed.info/sct?fhir_vs=ecl/<<73211009|Diabetes|")[1] is None
    True

    A client may have escaped the bar once more than needed:

    >>> split_canonical("http://example.org/vs%7C1.0")
    ('http://example.org/vs', '1.0')
    """
    if EXPRESSION in canonical and canonical.count("|") % 2 == 0:
        return canonical, None
    url, bar, version = canonical.rpartition("|") if EXPRESSION in canonical else canonical.partition("|")
    if not bar and "%7" in canonical:
        url, bar, version = _ESCAPED_BAR.sub("|", canonical, count=1).partition("|")
    return url, (version or None) if bar else None
