"""ValueSet $related: how the codes of two value sets are related, as sets.

HL7's terminology ecosystem calls the operation ``$compare``. The two value sets are *this* and *other*; the result is
that of this one towards the other. It is decided for each code system by itself: by the definitions alone where they
can tell (``relation_by_definitions``), and else by the codes (``relation_by_codes``). A code counts as the same in
every version of its code system; the version in which a value set reads a filter decides which codes it has.

https://build.fhir.org/ig/HL7/fhir-tx-ecosystem-ig/
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields, replace

from terminology.catalogue.protocol import Catalogue
from terminology.core import issues
from terminology.core.budget import counted
from terminology.core.errors import OverBudgetError, TerminologyError, UnknownImportError
from terminology.core.model import Document, split_canonical
from terminology.operations.agreement import INSTANCE, SENT, agreed
from terminology.operations.cost import check_listing
from terminology.operations.limits import MOST_COMPARED
from terminology.operations.value_set.compose import Definition
from terminology.operations.value_set.definition_supplements import require_use, seen_through_supplements
from terminology.operations.value_set.relation import NOTHING, UNKNOWN, Relation, RelationCode
from terminology.operations.value_set.relation_by_codes import CodeList, Comparison, PartCodes, compare
from terminology.operations.value_set.relation_by_definitions import Meanings, by_definitions, is_enumerated
from terminology.operations.value_set.resolution import (
    ValueSetParameters,
    canonical,
    find_supplements,
    remembered,
    requested_value_set,
    with_contained_systems,
)
from terminology.operations.value_set.system_part import SystemPart
from terminology.operations.value_set.usable import require_defined, unknown_import
from terminology.operations.value_set.version_pins import Pins, VersionParameters

# The values of ``version-policy``: when a code in two versions of its code system is two codes.
ALWAYS, AS_NEEDED, NEVER = "always", "as-needed", "never"


@dataclass(slots=True, kw_only=True)
class RelatedRequest(VersionParameters):
    """A call of $related.

    Each value set is a canonical or a ValueSet in the request; ``instance`` is this value set, where the operation is
    called at its URL. ``value_set_version`` is the version of both canonicals, unless a canonical has its own.
    ``diagnostics`` asks for the codes. ``version_policy``: is a code in two versions of its code system two codes?
    ``always``, ``never``, or ``as-needed``: if the code system says that its codes need a version.
    """

    this_url: str | None = None
    this_value_set: Document | None = None
    other_url: str | None = None
    other_value_set: Document | None = None
    value_set_version: str | None = None
    instance: Document | None = None
    diagnostics: bool | None = None
    active_only: bool | None = None
    version_policy: str | None = None
    supplements: Sequence[str] = ()


@dataclass(slots=True)
class ValueSetRelation:
    """The answer of $related.

    ``performed_expansion``: the codes were compared, and not only the definitions. ``common``, ``missing`` (only in
    this value set) and ``extra`` (only in the other) are codes that were compared, if the request asks for them.
    """

    result: RelationCode
    message: str
    performed_expansion: bool | None = None
    common: Sequence[str] = ()
    missing: Sequence[str] = ()
    extra: Sequence[str] = ()


def related(catalogue: Catalogue, request: RelatedRequest) -> ValueSetRelation:
    """How the codes of this value set are related, as a set, to those of the other.

    The result is same, subset, superset, overlapping, disjoint (also if one of them is empty), empty (both are) or
    indeterminate.

    Raises TerminologyError for a request without two value sets, and for a supplement that is unknown or of no use.
    Whatever else keeps the codes from being known, such as an unknown value set, makes the result ``indeterminate``.
    """
    if request.version_policy not in (None, ALWAYS, AS_NEEDED, NEVER):
        expected = f"{ALWAYS}, {AS_NEEDED} or {NEVER}"
        raise TerminologyError(issues.bad_value("version-policy", request.version_policy, expected))
    find_supplements(catalogue, {}, request.supplements)
    pins = Pins.of(request)
    sides = [_Side.of(catalogue, *each, pins, request) for each in _value_sets(request)]
    definitions = [side.definition for side in sides if side.definition is not None]
    if len(definitions) == len(sides):
        require_use(catalogue, request.supplements, definitions)
    return _Related(catalogue, request, *sides).answer()


# -- the two value sets --------------------------------------------------------------------------


def _value_sets(request: RelatedRequest) -> Iterator[tuple[str, ValueSetParameters]]:
    """The name of each value set in messages, and the parameters that name it. Raises TerminologyError."""
    sides = (
        ("this", request.this_url, request.this_value_set, request.instance),
        ("other", request.other_url, request.other_value_set, None),
    )
    for name, url, value_set, instance in sides:
        if url is None and value_set is None and instance is None:
            raise TerminologyError(issues.missing_parameter(f"'{name}Url' or '{name}ValueSet'"))
        resource, place = (value_set, SENT) if instance is None else (instance, INSTANCE)
        if instance is not None and value_set is not None:
            agreed(f"{name}ValueSet", value_set.get("url"), instance.get("url"), INSTANCE)
        version = request.value_set_version
        if url is not None:
            url, own_version = split_canonical(url)
            version = own_version or version
            if resource is not None:
                agreed(f"{name}Url", url, resource.get("url"), place)
                agreed(f"{name}Url", own_version, resource.get("version"), place)
        if resource is not None:
            url = version = None
        parameters = ValueSetParameters(
            url=url,
            value_set=resource,
            value_set_version=version,
            supplements=request.supplements,
            **{each.name: getattr(request, each.name) for each in fields(VersionParameters)},
        )
        yield name, parameters


@dataclass(slots=True)
class _Side:
    """One of the two value sets. ``name`` is for messages.

    ``failures`` say why its codes are not known, ``gaps`` why it may have more than are known; each once.
    """

    name: str
    definition: Definition | None
    failures: dict[str, None] = field(default_factory=dict)
    gaps: dict[str, None] = field(default_factory=dict)

    @property
    def doubts(self) -> tuple[list[str], list[str]]:
        return list(self.failures), list(self.gaps)

    @staticmethod
    def of(
        catalogue: Catalogue, name: str, parameters: ValueSetParameters, pins: Pins, request: RelatedRequest
    ) -> _Side:
        try:
            document = requested_value_set(catalogue, parameters, pins)
        except TerminologyError as error:
            if any(issue.code != "not-found" for issue in error.issues):
                raise
            version = parameters.value_set_version
            side = _Side(f"{parameters.url}|{version}" if version else parameters.url or "", None)
            side.fail(error)
            return side
        name = canonical(document) or f"{name}ValueSet"

        def compiled() -> Definition:
            own = with_contained_systems(catalogue, document)
            try:
                definition, _ = seen_through_supplements(own, document, pins, request.supplements)
            except UnknownImportError as error:
                raise unknown_import(own, error) from None
            require_defined(definition)
            return definition

        try:
            return _Side(name, remembered(catalogue, parameters, compiled, "related"))
        except (TerminologyError, OverBudgetError) as error:
            side = _Side(name, None)
            side.fail(error)
            return side

    def fail(self, error: TerminologyError | OverBudgetError) -> None:
        """Note why the codes are not known. The error of a malformed resource is raised again: the request is bad."""
        if isinstance(error, TerminologyError) and any(issue.code == "structure" for issue in error.issues):
            raise error
        self.failures[str(error)] = None


# -- the comparison ------------------------------------------------------------------------------


class _Related:
    """One comparison of two value sets."""

    def __init__(self, catalogue: Catalogue, request: RelatedRequest, this: _Side, other: _Side) -> None:
        self._catalogue, self._request = catalogue, request
        self._this, self._other = this, other
        self._relation = NOTHING
        self._meanings = Meanings()
        self._decided: list[tuple[SystemPart, SystemPart]] = []
        self._comparisons: list[Comparison] = []
        self._is_by_codes = self._is_too_costly = False

    def answer(self) -> ValueSetRelation:
        self._relate()
        this, other, result = self._this, self._other, self._relation.code
        message = issues.value_set_relation(result.value, this.name, other.name)
        if result == RelationCode.INDETERMINATE:
            message = issues.value_set_relation_unknown(this.name, other.name, this.doubts, other.doubts)
        elif self._is_by_codes and any(each.leaves_out_expressions for each in self._comparisons):
            message = f"{message}. {issues.expressions_are_not_compared()}"
        answer = ValueSetRelation(result, message)
        if self._request.diagnostics:
            answer.performed_expansion = self._is_by_codes
            try:
                self._add_codes(answer)
            except OverBudgetError as error:
                answer.message += f". {issues.codes_are_not_listed(str(error))}"
        return answer

    def _relate(self) -> None:
        this, other = self._this.definition, self._other.definition
        if this is None or other is None:
            self._relation, self._is_by_codes = UNKNOWN, True
            return
        if self._request.active_only:
            this, other = (replace(each, includes_inactive=False) for each in (this, other))
        try:
            for own, others in self._parts(this, other):
                self._relation |= self._relation_of(own, others)
        except OverBudgetError as error:
            self._relation, self._is_by_codes = UNKNOWN, True
            self._this.fail(error)
            self._other.fail(error)

    def _relation_of(self, own: SystemPart, others: SystemPart) -> Relation:
        """The relation of the codes of one code system."""
        relation = self._by_definitions(own, others)
        are_lists = is_enumerated(own) and is_enumerated(others)
        if relation is not None and not (are_lists and self._request.diagnostics):
            self._decided.append((own, others))
            return relation
        if not are_lists and not self._is_by_codes:
            self._is_by_codes = True
            self._check_costs(own.definition, others.definition)
        return self._by_codes(own, others, are_lists)

    def _check_costs(self, this: Definition, other: Definition) -> None:
        """Note if it would take too many steps to know the codes."""
        for side, definition in ((self._this, this), (self._other, other)):
            try:
                check_listing(definition, is_search=False)
            except TerminologyError as error:
                side.fail(error)
                self._is_too_costly = True

    def _by_definitions(self, own: SystemPart, others: SystemPart) -> Relation | None:
        try:
            return by_definitions(own, others, self._meanings, self._catalogue)
        except TerminologyError:
            return None  # the codes are not known either, and there the reason gets its name

    def _by_codes(self, own: SystemPart, others: SystemPart, is_sorted: bool = False) -> Relation:
        """The relation by the codes, which are remembered for the diagnostics.

        ``is_sorted``: two enumerations have no common order, so their codes are sorted.
        """
        if self._is_too_costly:
            return UNKNOWN
        codes: list[PartCodes] = []
        for side, part in ((self._this, own), (self._other, others)):
            try:
                codes.append(PartCodes(part, self._catalogue))
            except TerminologyError as error:
                side.fail(error)
        if len(codes) < 2:
            return UNKNOWN
        comparison = compare(*codes)
        for each in (comparison.common, comparison.missing, comparison.extra):
            each.is_sorted = is_sorted
        self._comparisons.append(comparison)
        for side, gaps in zip((self._this, self._other), comparison.gaps, strict=True):
            side.gaps.update(dict.fromkeys(gaps))
        return comparison.relation

    def _parts(self, this: Definition, other: Definition) -> Iterator[tuple[SystemPart, SystemPart]]:
        """The parts of both value sets that are of one code system; of one version of it, where versions count."""
        sides = [[definition, *definition.all_imports()] for definition in (this, other)]
        needing = set(_urls_needing_versions(this, other))
        for url in {**this.versions, **other.versions}:
            counts = self._request.version_policy != NEVER and (
                self._request.version_policy == ALWAYS or url in needing
            )
            versions = {**this.versions.get(url, {}), **other.versions.get(url, {})}
            for version in versions if counts else (None,):
                own, others = (SystemPart(side, url, version, counts) for side in sides)
                yield own, others

    def _add_codes(self, answer: ValueSetRelation) -> None:
        """Value sets that are the same by their codes need no list: it would have all of them."""
        if answer.result == RelationCode.SAME and self._is_by_codes:
            return
        if self._is_by_codes:
            for own, others in self._decided:
                self._by_codes(own, others)
        for name in ("common", "missing", "extra"):
            lists = [getattr(each, name) for each in self._comparisons]
            setattr(answer, name, _first(lists))
            total = sum(map(len, lists))
            if total > MOST_COMPARED:
                answer.message += f". {issues.codes_are_cut(f'{name}-codes', MOST_COMPARED, total)}"


def _urls_needing_versions(*definitions: Definition) -> Iterator[str]:
    """The code systems whose codes mean nothing without a version (``CodeSystem.versionNeeded``)."""
    for block in (block for each in definitions for block in counted(each.system_includes())):
        document = (block.system.about.document or {}) if block.system is not None else {}
        if document.get("versionNeeded") is True and block.url is not None:
            yield block.url


def _first(lists: Sequence[CodeList]) -> list[str]:
    codes: list[str] = []
    for each in lists:
        codes += each.first(MOST_COMPARED - len(codes))
    return codes
