"""CodeSystem $validate-code and ValueSet $validate-code.

Each coding of the request has a ``CodingFinding``. The checks go through the codings one by one, and
``_validation`` makes one answer of all findings. A wrong code is an answer; a request that cannot be answered
raises TerminologyError.

https://hl7.org/fhir/R5/valueset-operation-validate-code.html,
https://hl7.org/fhir/R5/codesystem-operation-validate-code.html, and HL7's ecosystem:
https://build.fhir.org/ig/HL7/fhir-tx-ecosystem-ig/requirements.html.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from terminology.catalogue.overlay import Overlay
from terminology.catalogue.protocol import Catalogue
from terminology.core import issues
from terminology.core.budget import spend
from terminology.core.errors import TerminologyError, UnknownImportError
from terminology.core.issues.severity import SEVERITIES
from terminology.core.model import Coding, Document, Issue
from terminology.operations.agreement import INSTANCE, SENT, agreed
from terminology.operations.cost import check_codings, check_membership
from terminology.operations.dates import check_date
from terminology.operations.limits import STEPS_OF_CODING
from terminology.operations.validate import checks
from terminology.operations.validate.coding_finding import CodingFinding, CodingPath, ValidationBasis
from terminology.operations.validate.coding_version import add_unreadable_includes
from terminology.operations.validate.status_warnings import status_warnings
from terminology.operations.validate.validate_request import ValidateRequest
from terminology.operations.validate.validation import Validation
from terminology.operations.value_set.compose import Definition
from terminology.operations.value_set.definition_supplements import definition_with_supplements
from terminology.operations.value_set.doubts import doubts_of
from terminology.operations.value_set.extensions import display_languages
from terminology.operations.value_set.resolution import (
    remembered,
    requested_value_set,
    with_contained_systems,
)
from terminology.operations.value_set.version_pins import Pins
from terminology.systems.supplement import applies_to

CHECKS: Sequence[checks.Check] = (
    checks.code_present,
    checks.system_present,
    checks.system_absolute,
    checks.version_known,
    checks.version_declared,
    checks.code_known,
    checks.in_value_set,
    checks.system_here,
    checks.code_in_right_case,
    checks.concept_selectable,
    checks.concept_active,
    checks.concept_current_in_value_set,
    checks.display_right,
)
# The checks of ``valueset-membership-only``.
MEMBERSHIP_CHECKS: Sequence[checks.Check] = (
    checks.code_present,
    checks.system_present,
    checks.version_known,
    checks.code_known,
    checks.in_value_set,
)

# The issues besides errors whose text is part of ``message``, by message id or (severity, tx-issue-type):
# warnings about the code itself, and everything about its display.
_IN_MESSAGE: frozenset[object] = frozenset(
    {
        "Coding_has_no_system__cannot_validate",
        "DEPRECATED_CONCEPT_FOUND",
        "INACTIVE_CONCEPT_FOUND",
        ("warning", "invalid-display"),
        ("information", "invalid-display"),
        ("warning", "process-note"),
    }
)
Item = TypeVar("Item")
_SEVERITIES = list(SEVERITIES)


# -- the two operations --------------------------------------------------------------------------


def validate_in_system(catalogue: Catalogue, request: ValidateRequest) -> Validation:
    """Check that a code is in a code system, and that its display is right.

    Raises TerminologyError: no code to validate, contradictory parameters, an unknown supplement.
    """
    check_date(request.date)
    document = request.code_system or request.instance
    if request.code_system is not None:
        catalogue = Overlay.of(catalogue, [request.code_system])
    source = INSTANCE if document is request.instance else SENT
    url = agreed("url", request.url, document.get("url") if document else None, source)
    version = request.version or (document.get("version") if document else None)
    findings = findings_of(request)
    if not findings:
        raise TerminologyError(issues.no_code_to_validate())
    # A coding of another system says nothing of the code system of the request.
    own = [finding for finding in findings if _is_of_system(catalogue, finding, url, version)]
    if not own:
        return _of_another_system(request, findings[0], url or "")
    findings = own
    supplements = [_supplement_of(catalogue, canonical, findings) for canonical in request.supplements]
    languages = request.languages or request.accepted
    basis = ValidationBasis(catalogue, request, Pins.of(request), supplements, languages, asked_system=url)
    return _validate(request, findings, basis)


def _is_of_system(catalogue: Catalogue, finding: CodingFinding, url: str | None, version: str | None) -> bool:
    """Whether a coding is of the code system of the request, if it names one. The coding is completed with both."""
    coding = finding.coding
    is_same = True
    if url is not None and coding.system and coding.system != url:
        is_same = catalogue.preferred(coding.system) == catalogue.preferred(url)
    version = coding.version or (version if is_same else None)
    finding.coding = Coding(coding.system or url, coding.code, version, coding.display)
    return is_same


def _of_another_system(request: ValidateRequest, finding: CodingFinding, url: str) -> Validation:
    """The answer where no coding is of the code system of the request: none of them is a code of it."""
    coding = finding.coding
    if request.concept is not None:
        issue = issues.no_coding_of_system(url)
        return Validation(False, issue.text, concept=request.concept, issues=[issue])
    issue = issues.coding_of_another_system(url, coding.system or "")
    return Validation(False, issue.text, coding.code, coding.system, coding.version, issues=[issue])


def _supplement_of(catalogue: Catalogue, canonical: str, findings: Sequence[CodingFinding]) -> Document:
    """Raises TerminologyError for a supplement that is unknown, or adds to no code system of the codings."""
    supplement = catalogue.supplement(canonical)
    systems: list[str] = []
    for finding in findings:
        system = catalogue.find_system(finding.url, finding.coding.version)
        if system is None or applies_to(supplement, system.about):
            return supplement
        systems.append(system.about.canonical)
    raise TerminologyError(issues.unused_supplement(canonical, supplement, systems[0]))


def validate_in_value_set(catalogue: Catalogue, request: ValidateRequest) -> Validation:
    """Check that a code is in a value set, and that its display is right.

    Raises TerminologyError: no code to validate, an unknown value set or supplement, a value set that imports
    itself or has a filter that cannot be used.
    """
    check_date(request.date)
    request = _with_versions(request)
    pins = Pins.of(request)
    findings = findings_of(request)
    has_all_systems = all(finding.coding.system for finding in findings)
    if request.code is not None and not has_all_systems and not request.infer_system:
        raise TerminologyError(issues.no_code_to_validate())
    try:
        prepared = remembered(
            catalogue, request, lambda: _prepare(catalogue, request, pins), _PreparedValidation
        )
    except UnknownImportError as unknown:
        return _without_import(request, findings, unknown)
    definition = prepared.definition
    languages = display_languages(definition.document, request.languages, request.accepted)
    check_membership(definition, len(findings))
    members = None if request.ignores_membership else definition
    basis = ValidationBasis(prepared.catalogue, request, pins, prepared.supplements, languages, members)
    return _validate(request, findings, basis)


def _with_versions(request: ValidateRequest) -> ValidateRequest:
    """The request with ``version`` as that of ``code``, or else, where nothing else fits, of the value set."""
    version = request.unqualified_version
    if version is None:
        return request
    if request.code is not None and request.version is None:
        return replace(request, version=version)
    if request.url is not None and not request.has_resource and request.value_set_version is None:
        return replace(request, value_set_version=version)
    return request


@dataclass(slots=True)
class _PreparedValidation:
    """The part of a validation that depends only on the value set and on the versions of the request."""

    catalogue: Catalogue
    definition: Definition
    supplements: list[Document]

    @property
    def weight(self) -> int:
        return self.definition.weight


def _prepare(catalogue: Catalogue, request: ValidateRequest, pins: Pins) -> _PreparedValidation:
    value_set = requested_value_set(catalogue, request, pins)
    catalogue = with_contained_systems(catalogue, value_set)
    definition, supplements = definition_with_supplements(catalogue, value_set, pins, request.supplements)
    if not definition.is_defined:
        raise TerminologyError(issues.undefined_value_set(definition.canonical))
    return _PreparedValidation(catalogue, definition, supplements)


# -- the checks ----------------------------------------------------------------------------------


def findings_of(request: ValidateRequest) -> list[CodingFinding]:
    """An empty finding for each coding of the request.

    Raises TerminologyError when the request has no code, says it in several ways, or has too many codings.
    """
    parameters = {"code": request.code, "coding": request.coding, "codeableConcept": request.concept}
    names = [name for name, value in parameters.items() if value is not None]
    if not names or (request.coding is not None and not request.coding.code):
        raise TerminologyError(issues.no_code_to_validate())
    if len(names) > 1:
        raise TerminologyError(issues.several_codes(names))
    if request.concept is not None:
        codings = request.concept.get("coding", ())
        check_codings(codings)
        return [
            CodingFinding(Coding.of(node), CodingPath(f"CodeableConcept.coding[{index}]"))
            for index, node in enumerate(codings)
        ]
    if request.coding is not None:
        return [CodingFinding(request.coding, CodingPath("Coding"))]
    coding = Coding(request.system, request.code, request.version, request.display)
    return [CodingFinding(coding, CodingPath(""))]


def _validate(request: ValidateRequest, findings: list[CodingFinding], basis: ValidationBasis) -> Validation:
    blocks = 0 if basis.definition is None else len(basis.definition.includes)
    for finding in findings:
        spend(STEPS_OF_CODING * (1 + blocks))
        for check in MEMBERSHIP_CHECKS if request.only_membership else CHECKS:
            if check(finding, basis) is checks.STOP:
                break
        _add_membership(finding, basis)
    return _validation(request, findings, basis)


def _add_membership(finding: CodingFinding, basis: ValidationBasis) -> None:
    """Add the issue for a coding that is not in the value set."""
    if basis.definition is not None and finding.is_member is False:
        if finding.systems and not basis.request.only_membership:
            add_unreadable_includes(finding, basis)
        is_in_concept = finding.path.is_in_concept
        issue = issues.this_coding_not_in_value_set if is_in_concept else issues.not_in_value_set
        outside = issue(_coding_text(finding), basis.value_set_name)
        doubts = doubts_of(finding.blocks)
        if doubts:
            # Beside the text: HL7's suite has no other issue here.
            outside = issues.with_diagnostics(outside, " ".join(doubt.text for doubt in doubts))
        finding.add(outside, "code")


def _coding_text(finding: CodingFinding) -> str:
    coding = finding.coding
    version = f"|{coding.version}" if coding.version else ""
    display = f" ('{coding.display}')" if coding.display else ""
    return f"{finding.url}{version}#{finding.code}{display}"


# -- the answer ----------------------------------------------------------------------------------


def _validation(
    request: ValidateRequest, findings: list[CodingFinding], basis: ValidationBasis
) -> Validation:
    """The answer: true when a coding is a member and no issue is an error."""
    if request.concept is not None and basis.asked_system is not None:
        _spare_concept_with_a_right_coding(findings)
    elif request.concept is not None and any(finding.is_member for finding in findings):
        _spare_codings_ruled_out(findings)
    all_issues = [issue for finding in findings for issue in finding.issues]
    if request.concept is not None and basis.definition is not None:
        if all(finding.is_member is False for finding in findings):
            all_issues.append(issues.no_coding_in_value_set(basis.value_set_name))
    all_issues += status_warnings(findings, basis)
    members = [finding for finding in findings if finding.is_member]
    # Of several codings, the answer describes the first that is right.
    described = members if request.concept is not None else findings
    answer = Validation(False, concept=request.concept)
    if described:
        _describe(answer, described[0], basis)
    answer.result = bool(members) and not any(map(_is_error, all_issues))
    if all_issues:  # most often there are none
        answer.issues = sorted(_distinct(all_issues), key=lambda issue: _SEVERITIES.index(issue.severity))
        answer.message = _message(answer.issues)
    answer.missing_systems = _distinct(name for finding in findings for name in finding.missing_systems)
    answer.unknown_systems = _distinct(name for finding in findings for name in finding.unknown_systems)
    return answer


def _spare_concept_with_a_right_coding(findings: Sequence[CodingFinding]) -> None:
    """Make warnings of the errors of the other codings: one coding in the code system is enough.

    https://hl7.org/fhir/R5/codesystem-operation-validate-code.html, codeableConcept. Not so for a value set, where
    HL7's suite has the errors of every coding count.
    """
    wrong = [finding for finding in findings if not finding.is_member or any(map(_is_error, finding.issues))]
    if len(wrong) == len(findings):
        return
    for finding in wrong:
        finding.issues = [_as_warning(issue) for issue in finding.issues]
        finding.is_member = False


def _spare_codings_ruled_out(findings: Sequence[CodingFinding]) -> None:
    """Make warnings of the rules about inactive and abstract codes, where another coding is a member.

    The value set leaves such a code out, so it is not in it; one coding that is in it is enough.
    """
    for finding in findings:
        if finding.is_judged and not finding.is_member:
            finding.issues = [
                _as_warning(issue) if issue.tx == "code-rule" else issue for issue in finding.issues
            ]


def _as_warning(issue: Issue) -> Issue:
    return replace(issue, severity="warning") if _is_error(issue) else issue


def _is_error(issue: Issue) -> bool:
    return issue.severity in ("fatal", "error")


def _describe(answer: Validation, finding: CodingFinding, basis: ValidationBasis) -> None:
    """Fill in the coding, and the concept if there is one."""
    answer.code, answer.system = finding.coding.code, finding.coding.system
    answer.version = finding.coding.version
    if finding.systems:
        about = finding.systems[0].about
        # The coding may have another name of the code system.
        answer.system, answer.version = answer.system and about.url, about.version
    match = finding.match
    if match is None:
        return
    concept = match.concept
    if not match.system.about.is_absent:
        answer.version = match.system.about.version
    answer.display = checks.shown_display(finding, match, basis.languages)
    answer.inactive = concept.inactive
    status = concept.effective_status
    is_told = concept.inactive or status == "deprecated" or status in checks.DISCOURAGING
    answer.status = status if is_told else None
    answer.normalized_code = concept.code if concept.code != finding.code else None


def _message(all_issues: Iterable[Issue]) -> str | None:
    """The texts of all errors and of some other issues, in alphabetical order as HL7's suite has them."""
    texts = {i.text for i in all_issues if i.severity in ("fatal", "error") or _is_in_message(i)}
    return "; ".join(sorted(texts)) or None


def _is_in_message(issue: Issue) -> bool:
    return issue.message_id in _IN_MESSAGE or (issue.severity, issue.tx) in _IN_MESSAGE


def _without_import(
    request: ValidateRequest, findings: list[CodingFinding], unknown: UnknownImportError
) -> Validation:
    """The answer for a value set that imports an unknown one: nothing can be said of any code."""
    answer = Validation(False, concept=request.concept, issues=list(unknown.issues))
    if request.concept is None:
        answer.code, answer.system = findings[0].coding.code, findings[0].coding.system
    answer.message = _message(answer.issues)
    return answer


def _distinct(items: Iterable[Item]) -> list[Item]:
    distinct: list[Item] = []
    for item in items:
        if distinct:
            spend(len(distinct))
        if item not in distinct:
            distinct.append(item)
    return distinct
