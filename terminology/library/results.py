"""Typed results of the library: FHIR answers whose parts are attributes.

A result reads the R5 answer when an attribute is used. ``json`` is a copy of that answer, ``in_release("r4")`` is the
answer that a client of R4 gets, ``to_json("r4")`` its text, and ``to_fhir("r4")`` the same as a model of the package
``fhir.resources``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, overload

from terminology.core import issues
from terminology.core.errors import TerminologyError
from terminology.core.model import Coding, Document, Issue, Typed
from terminology.library.result_parts import (
    ExpansionConcept,
    PropertyMatch,
    ResultAttribute,
    ResultConsideredMap,
    ResultDesignation,
    ResultExplanation,
    ResultMatch,
    ResultProperty,
    SubsumptionEntry,
)
from terminology.library.values import copied, require_type
from terminology.wire.json import write
from terminology.wire.outcome import issue_of

if TYPE_CHECKING:
    from fhir_core.fhirabstractmodel import FHIRAbstractModel

T = TypeVar("T")
R = TypeVar("R", bound="Result")

HOME = "r5"
# fhir.resources has no models of R4 (4.0.1); those of R4B have the same elements in these resources.
_MODELS = {"r4": "fhir.resources.R4B", "r4b": "fhir.resources.R4B", "r5": "fhir.resources"}


def _refusal(error: ValueError) -> str:
    """The first reason of pydantic's ValidationError, with its place; the text of any other error."""
    reasons: list[Any] = error.errors() if hasattr(error, "errors") else []
    if not reasons:
        return str(error)
    place = ".".join(str(step) for step in reasons[0]["loc"])
    return f"{place}: {reasons[0]['msg']}"


# -- results -------------------------------------------------------------------------------------


class _Part(Generic[T]):
    """An attribute of a result that is one value of the answer; ``read`` gives it its type."""

    def __init__(self, name: str, read: Callable[[Any], T]) -> None:
        """``name`` is that of the parameter or, of a resource, of the element."""
        self._name, self._read = name, read

    @overload
    def __get__(self, result: None, owner: type) -> Self: ...

    @overload
    def __get__(self, result: Result, owner: type) -> T: ...

    def __get__(self, result: Result | None, owner: type) -> T | Self:
        return self if result is None else self._read(result._value(self._name))

    def __set__(self, result: Result, value: object) -> None:
        raise AttributeError(f"'{self._name}' of an answer cannot be changed")


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _is_true(value: Any) -> bool:
    return value is True


def _truth(value: Any) -> bool | None:
    return None if value is None else value is True


def _separated(value: Any) -> list[str]:
    """The codes of a list that is one text."""
    return [] if value is None else str(value).split(",")


def _number(value: Any) -> int | None:
    number: int | None = value
    return number


class Result:
    """The answer to one request."""

    def __init__(self, answer: Document, in_release: Callable[[str], Document], release: str = HOME) -> None:
        """``answer`` has the shape of R5, and may share parts with the content of the server.

        ``release`` is the one that answered; ``in_release`` gives the answer of any other, by its name, and it may
        share parts as well.
        """
        self._answer = answer
        self._in_release = in_release
        self._release = release

    @cached_property
    def json(self) -> Document:
        """The answer as a FHIR resource in the shape of R5.

        It belongs to the caller, who may change it: neither the content nor the other attributes change with it.
        """
        document: Document = copied(self._answer)
        return document

    def in_release(self, release: str = HOME) -> Document:
        """The answer that the root of a release gives: ``r4``, ``r4b``, ``r5`` or ``r6``.

        It is more than another shape: FHIR's own code systems have other versions there. A resource that was read
        or found is the one of the same canonical. Raises TerminologyError, also where the release has no such
        resource.
        """
        if release == self._release == HOME:
            return self.json
        document: Document = copied(self._in_release(release))
        return document

    def to_json(self, release: str = HOME, pretty: bool = False) -> str:
        """The answer of a release as JSON text, as the service writes it: 1.50 stays 1.50.

        A decimal in ``json`` is a ``decimal.Decimal``, which Python's own module ``json`` refuses. Raises what
        ``in_release`` raises.
        """
        require_type("pretty", pretty, bool)
        return write(self.in_release(release), pretty).decode()

    def to_fhir(self, release: str = HOME) -> FHIRAbstractModel:
        """The answer of a release (``r4``, ``r4b``, ``r5``) as a model of ``fhir.resources``.

        That package has no models of R4: the answer of R4 is put into those of R4B.

        Raises TerminologyError for another release, and for an answer that the models refuse: those of R5 do not
        take an extension on a value of an extension, which a few of FHIR's own code systems have.
        """
        require_type("release", release, str)
        if release not in _MODELS:
            raise TerminologyError(issues.bad_value("release", release, f"one of {', '.join(_MODELS)}"))
        document = self.in_release(release)
        kind = document["resourceType"]
        models = import_module(f"{_MODELS[release]}.{kind.lower()}")
        try:
            model: FHIRAbstractModel = getattr(models, kind).model_validate(document)
        except ValueError as error:  # pydantic's ValidationError
            raise TerminologyError(issues.no_model(kind, release, _refusal(error))) from error
        return model

    def _value(self, name: str) -> Any:
        """The value of an element; of Parameters, that of a parameter."""
        return self._answer.get(name)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._answer.get('resourceType')}>"


class ParametersResult(Result):
    """An answer that is a Parameters resource."""

    @cached_property
    def _nodes(self) -> Mapping[str, Sequence[Document]]:
        return _by_name(self._answer.get("parameter", ()))

    def _value(self, name: str) -> Any:
        return _value_of(self._nodes, name)

    def _values(self, name: str) -> list[Any]:
        return [_plain(Typed.of(node)) for node in self._nodes.get(name, ())]


class LookupResult(ParametersResult):
    """The answer to ``CodeSystem/$lookup``."""

    name = _Part("name", _text)  # of the code system
    system = _Part("system", _text)
    version = _Part("version", _text)
    code = _Part("code", _text)
    display = _Part("display", _text)

    definition = _Part("definition", _text)
    is_abstract = _Part("abstract", _is_true)

    @property
    def used_supplements(self) -> list[str]:
        """The canonicals of the supplements that had a part in the answer."""
        return self._values("used-supplement")

    @cached_property
    def designations(self) -> list[ResultDesignation]:
        return [_designation(_parts(node)) for node in self._nodes.get("designation", ())]

    @cached_property
    def properties(self) -> list[ResultProperty]:
        return [_property(_parts(node), "code") for node in self._nodes.get("property", ())]

    def values_of(self, code: str) -> list[Any]:
        """The values of a property; empty if the concept does not have it."""
        return [property_.value for property_ in self.properties if property_.code == code]


class JudgementResult(ParametersResult):
    """An answer that says yes or no, which is its truth value, and why."""

    result = _Part("result", _is_true)
    message = _Part("message", _text)

    def __bool__(self) -> bool:
        return self.result


class TranslateResult(JudgementResult):
    """The answer to ``ConceptMap/$translate``. It is true if there is a translation."""

    @cached_property
    def matches(self) -> list[ResultMatch]:
        return [_match(_parts(node)) for node in self._nodes.get("match", ())]

    @cached_property
    def explanation(self) -> ResultExplanation | None:
        """Why the answer is what it is, if the request had ``_explain=True``."""
        nodes = self._nodes.get("explanation")
        return _explanation(_parts(nodes[0])) if nodes else None

    @cached_property
    def issues(self) -> list[Issue]:
        """The errors of a translation of ``batch_translate`` that failed; empty for any other."""
        return _issues_of(self._answer)


class ValidateResult(JudgementResult):
    """The answer to ``$validate-code`` of a code system or value set. It is true if the code is valid."""

    code = _Part("code", _text)
    normalized_code = _Part("normalized-code", _text)
    system = _Part("system", _text)
    version = _Part("version", _text)
    display = _Part("display", _text)
    is_inactive = _Part("inactive", _is_true)
    status = _Part("status", _text)

    @property
    def unknown_systems(self) -> list[str]:
        """The code systems that the answer needed, and that the server does not have."""
        return [*self._values("x-caused-by-unknown-system"), *self._values("x-unknown-system")]

    @cached_property
    def issues(self) -> list[Issue]:
        """The errors, warnings and notes of the answer."""
        outcomes = [node["resource"] for node in self._nodes.get("issues", ())] or [self._answer]
        return [issue for outcome in outcomes for issue in _issues_of(outcome)]


class BatchResult(ParametersResult, Generic[R]):
    """The answer to many requests in one. Iteration gives each answer, in the order of the questions."""

    _part_name: str  # of the parameter that holds each
    _part_type: type[R]

    @cached_property
    def _part_results(self) -> list[R]:
        return [self._part_result(index) for index in range(len(self._nodes.get(self._part_name, ())))]

    def _part_result(self, index: int) -> R:
        def within(parameters: Document) -> Document:
            nodes = [node for node in parameters.get("parameter", ()) if node["name"] == self._part_name]
            resource: Document = nodes[index]["resource"]
            return resource

        answer: Document = self._nodes[self._part_name][index]["resource"]
        return self._part_type(answer, lambda release: within(self._whole(release)))

    def _whole(self, release: str) -> Document:
        """The whole answer of another release, which all validations share."""
        if release not in self._others:
            self._others[release] = self._in_release(release)
        return self._others[release]

    @cached_property
    def _others(self) -> dict[str, Document]:
        return {}

    def __iter__(self) -> Iterator[R]:
        return iter(self._part_results)

    def __len__(self) -> int:
        return len(self._part_results)


class BatchValidateResult(BatchResult[ValidateResult]):
    """The answer to ``$batch-validate-code`` of a code system or value set. Iteration gives each validation."""

    _part_name, _part_type = "validation", ValidateResult

    @property
    def validations(self) -> list[ValidateResult]:
        """The answers, in the order of the questions.

        One that failed is a ValidateResult whose ``json`` is an OperationOutcome: it has ``issues`` alone.
        """
        return self._part_results


class BatchTranslateResult(BatchResult[TranslateResult]):
    """The answer to ``ConceptMap/$batch-translate``. Iteration gives each translation."""

    _part_name, _part_type = "translation", TranslateResult

    @property
    def translations(self) -> list[TranslateResult]:
        """The answers, in the order of the questions.

        One that failed is a TranslateResult whose ``json`` is an OperationOutcome: it has ``issues`` alone.
        """
        return self._part_results


class SubsumesResult(ParametersResult):
    """The answer to ``CodeSystem/$subsumes``."""

    outcome = _Part("outcome", str)  # equivalent, subsumes, subsumed-by or not-subsumed


class RelatedResult(ParametersResult):
    """The answer to ``ValueSet/$related``; the codes are there if ``diagnostics`` asked for them."""

    # same, subset, superset, overlapping, disjoint, empty or indeterminate: of this value set towards the other
    result = _Part("result", str)
    message = _Part("message", _text)
    performed_expansion = _Part("performed-expansion", _truth)

    common_codes = _Part("common-codes", _separated)
    missing_codes = _Part("missing-codes", _separated)  # only in this value set
    extra_codes = _Part("extra-codes", _separated)  # only in the other


class FindMatchesResult(ParametersResult):
    """The answer to ``CodeSystem/$find-matches``."""

    @cached_property
    def matches(self) -> list[PropertyMatch]:
        return [_property_match(_parts(node)) for node in self._nodes.get("match", ())]


class VersionsResult(ParametersResult):
    """The answer to ``$versions``: the versions of FHIR that a root speaks."""

    default = _Part("default", str)  # the version for those who ask for none

    @property
    def versions(self) -> list[str]:
        return self._values("version")


class CacheControlResult(ParametersResult):
    """The answer to ``$cache-control``: a cache of resources."""

    cache_id = _Part("cache-id", str)
    is_sealed = _Part("sealed", _is_true)
    idle_timeout = _Part("idle-timeout", _number)  # in seconds


class ClosureResult(Result):
    """The answer to ``$closure``: the new entries of the table."""

    version = _Part("version", str)  # of the table after this request

    @cached_property
    def entries(self) -> list[SubsumptionEntry]:
        return [
            SubsumptionEntry(
                Coding(group.get("source"), element.get("code")),
                Coding(group.get("target"), target.get("code")),
                target["relationship"],
            )
            for group in self._answer.get("group", ())
            for element in group.get("element", ())
            for target in element.get("target", ())
        ]


class Resource(Result):
    """A CodeSystem, ValueSet, ConceptMap or NamingSystem."""

    kind = _Part("resourceType", str)
    id = _Part("id", _text)
    url = _Part("url", _text)
    version = _Part("version", _text)
    name = _Part("name", _text)
    title = _Part("title", _text)
    status = _Part("status", _text)

    def __repr__(self) -> str:
        return f"<{self.kind} {self.id}>"


class ExpandResult(Resource):
    """The answer to ``ValueSet/$expand``. Iteration gives every entry, a child after its parent."""

    @property
    def expansion(self) -> Document:
        """``ValueSet.expansion`` as JSON."""
        expansion: Document = self.json["expansion"]
        return expansion

    @property
    def total(self) -> int | None:
        """How many codes there are, also where a page lists fewer."""
        total: int | None = self._answer["expansion"].get("total")
        return total

    @property
    def offset(self) -> int | None:
        offset: int | None = self._answer["expansion"].get("offset")
        return offset

    @property
    def timestamp(self) -> str:
        return str(self._answer["expansion"]["timestamp"])

    @cached_property
    def parameters(self) -> list[ResultProperty]:
        """``expansion.parameter``: what the expansion was made with."""
        nodes = self._answer["expansion"].get("parameter", ())
        return [_typed_property(node["name"], Typed.of(node)) for node in nodes]

    @cached_property
    def contains(self) -> list[ExpansionConcept]:
        """The entries of the top level; children are in their ``contains``."""
        return [_expansion_concept(node) for node in self._answer["expansion"].get("contains", ())]

    @property
    def codes(self) -> list[str]:
        """Every code that may be selected, in order."""
        return [concept.code for concept in self if concept.code is not None and not concept.abstract]

    def __iter__(self) -> Iterator[ExpansionConcept]:
        return _all_of(self.contains)


class SearchResult(Result):
    """The answer to a search: a Bundle. Iteration gives its resources."""

    total = _Part("total", _number)  # of all matches, also if a page lists fewer

    def __init__(
        self,
        answer: Document,
        in_release: Callable[[str], Document],
        resources: Sequence[Resource],
        release: str = HOME,
    ) -> None:
        super().__init__(answer, in_release, release)
        self.resources = resources

    def __iter__(self) -> Iterator[Resource]:
        return iter(self.resources)

    def __len__(self) -> int:
        return len(self.resources)


# -- reading FHIR --------------------------------------------------------------------------------

_Nodes = Mapping[str, Sequence[Document]]


def _by_name(nodes: Sequence[Document]) -> _Nodes:
    names: dict[str, list[Document]] = {}
    for node in nodes:
        names.setdefault(node.get("name", ""), []).append(node)
    return names


def _parts(node: Document) -> _Nodes:
    return _by_name(node.get("part", ()))


def _plain(typed: Typed | None) -> Any:
    """The value as Python has it, or a Coding."""
    if typed is None:
        return None
    return Coding.of(typed.value) if typed.type == "Coding" else copied(typed.value)


def _value_of(nodes: _Nodes, name: str) -> Any:
    return _plain(Typed.of(nodes[name][0])) if name in nodes else None


def _values_of(nodes: _Nodes, name: str) -> list[Any]:
    return [_plain(Typed.of(node)) for node in nodes.get(name, ())]


def _designation(parts: _Nodes) -> ResultDesignation:
    return ResultDesignation(
        str(_value_of(parts, "value") or ""),
        _value_of(parts, "language"),
        _value_of(parts, "use"),
        _values_of(parts, "additionalUse"),
        _value_of(parts, "source"),
    )


def _typed_property(
    code: str, typed: Typed | None, description: str | None = None, source: str | None = None
) -> ResultProperty:
    return ResultProperty(code, _plain(typed), typed.type if typed else None, description, source)


def _property(parts: _Nodes, name: str) -> ResultProperty:
    """A property whose code is in the part ``name``."""
    typed = Typed.of(parts["value"][0]) if "value" in parts else None
    code, description = str(_value_of(parts, name)), _value_of(parts, "description")
    return _typed_property(code, typed, description, _value_of(parts, "source"))


def _match(parts: _Nodes) -> ResultMatch:
    return ResultMatch(
        relationship=_value_of(parts, "relationship"),
        concept=_value_of(parts, "concept"),
        source=_value_of(parts, "source"),
        origin_map=_value_of(parts, "originMap"),
        via=_values_of(parts, "via"),
        comment=_value_of(parts, "targetComment") or _value_of(parts, "sourceComment"),
        depends_on=[_attribute(_parts(node)) for node in parts.get("dependsOn", ())],
        products=[_attribute(_parts(node)) for node in parts.get("product", ())],
        properties=[_property(_parts(node), "uri") for node in parts.get("property", ())],
    )


def _explanation(parts: _Nodes) -> ResultExplanation:
    return ResultExplanation(
        reason=_value_of(parts, "reason"),
        maps=[_considered_map(_parts(node)) for node in parts.get("map", ())],
        displays={
            str(_value_of(display, "code")): str(_value_of(display, "source"))
            for display in map(_parts, parts.get("display", ()))
        },
    )


def _considered_map(parts: _Nodes) -> ResultConsideredMap:
    return ResultConsideredMap(
        map=str(_value_of(parts, "map") or ""),
        outcome=str(_value_of(parts, "outcome") or ""),
        group=_value_of(parts, "group"),
        element=_value_of(parts, "element"),
        target=_value_of(parts, "target"),
        unmapped=_value_of(parts, "unmapped"),
    )


def _issues_of(outcome: Document) -> list[Issue]:
    return [issue_of(node) for node in outcome.get("issue", ())]


def _attribute(parts: _Nodes) -> ResultAttribute:
    return ResultAttribute(str(_value_of(parts, "attribute") or ""), _value_of(parts, "value"))


def _property_match(parts: _Nodes) -> PropertyMatch:
    unmatched = [_property(_parts(node), "code") for node in parts.get("unmatched", ())]
    return PropertyMatch(_value_of(parts, "code"), unmatched, _value_of(parts, "comment"))


def _expansion_concept(node: Document) -> ExpansionConcept:
    return ExpansionConcept(
        system=node.get("system"),
        code=node.get("code"),
        version=node.get("version"),
        display=node.get("display"),
        abstract=node.get("abstract", False),
        inactive=node.get("inactive", False),
        designations=[_listed_designation(each) for each in node.get("designation", ())],
        properties=[_typed_property(each["code"], Typed.of(each)) for each in node.get("property", ())],
        contains=[_expansion_concept(each) for each in node.get("contains", ())],
    )


def _listed_designation(node: Document) -> ResultDesignation:
    use = Coding.of(node["use"]) if "use" in node else None
    also = [Coding.of(coding) for coding in node.get("additionalUse", ())]
    return ResultDesignation(node["value"], node.get("language"), use, also)


def _all_of(concepts: Sequence[ExpansionConcept]) -> Iterator[ExpansionConcept]:
    for concept in concepts:
        yield concept
        yield from _all_of(concept.contains)
