"""$validate-code: is this a code of the code system, a member of the value set, and rightly called so?

Every coding of the request is a ``Finding`` that the checks go through one by one; ``summed_up`` makes the
answer of what they found. A code that is wrong is an answer; a question that cannot be asked is raised.

https://hl7.org/fhir/R5/valueset-operation-validate-code.html,
https://hl7.org/fhir/R5/codesystem-operation-validate-code.html, and HL7's ecosystem:
https://build.fhir.org/ig/HL7/fhir-tx-ecosystem-ig/requirements.html.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from terminology.catalogue.content import Catalogue
from terminology.core import issues
from terminology.core.errors import TerminologyError, UnknownImportError
from terminology.core.languages import Languages, best_display
from terminology.core.model import Coding, Document, Issue
from terminology.operations.cost import check_codings, check_questions
from terminology.operations.instance import BROUGHT, CODING, INSTANCE, agreed
from terminology.operations.validate import checks
from terminology.operations.validate.status_warnings import standings
from terminology.operations.validate.validation import Against, Finding, Place, ValidateRequest, Validation
from terminology.operations.value_set.definition import (
    Definition,
    definition_of,
    find_value_set,
    meant_by,
    supplements_of,
)
from terminology.operations.value_set.pins import Pins, pinned

CHECKS: Sequence[checks.Check] = (
    checks.code_given,
    checks.system_given,
    checks.system_absolute,
    checks.version_settled,
    checks.version_stated,
    checks.code_known,
    checks.in_value_set,
    checks.code_in_right_case,
    checks.concept_selectable,
    checks.concept_active,
    checks.concept_current_here,
    checks.display_right,
)
# ``valueset-membership-only``: nothing else is looked at.
MEMBERSHIP: Sequence[checks.Check] = (
    checks.code_given,
    checks.system_given,
    checks.version_settled,
    checks.code_known,
    checks.in_value_set,
)

# What ``message`` says besides the errors, by message id or (severity, tx-issue-type): warnings on the code
# itself, and all there is to say of its display.
_TOLD: frozenset[object] = frozenset(
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
_SEVERITIES = ("fatal", "error", "warning", "information")


# -- the two operations --------------------------------------------------------------------------


def validate_in_system(catalogue: Catalogue, request: ValidateRequest) -> Validation:
    """CodeSystem $validate-code.

    Raises TerminologyError: nothing to validate, contradictory parameters, an unknown supplement.
    """
    own = request.code_system or request.instance
    if request.code_system is not None:
        catalogue = catalogue.with_documents([request.code_system])
    url = agreed(
        "url", request.url, own.get("url") if own else None, INSTANCE if own is request.instance else BROUGHT
    )
    version = request.version or (own.get("version") if own else None)
    found = [_of_system(catalogue, finding, url, version) for finding in findings(request)]
    if not found:
        raise TerminologyError(issues.no_code_to_validate())
    supplements = [catalogue.supplement(canonical) for canonical in request.supplements]
    languages = request.languages or request.accepted
    return _answered(request, found, Against(catalogue, request, Pins.of(request), supplements, languages))


def _of_system(catalogue: Catalogue, finding: Finding, url: str | None, version: str | None) -> Finding:
    """A coding may leave it to the request to name the code system."""
    given = finding.coding
    system = given.system or url
    named, own = (uri and catalogue.preferred(uri) for uri in (url, system))
    if finding.at.base in ("", "Coding"):
        agreed("url", named, own, CODING)
    same = url is None or own == named
    finding.coding = replace(given, system=system, version=given.version or (version if same else None))
    return finding


def validate_in_value_set(catalogue: Catalogue, request: ValidateRequest) -> Validation:
    """ValueSet $validate-code.

    Raises TerminologyError: nothing to validate, an unknown value set or supplement, a value set that
    includes itself or has a filter that cannot be used.
    """
    pins = Pins.of(request)
    found = findings(request)
    if any(not f.coding.system for f in found) and not request.infer_system and request.code is not None:
        raise TerminologyError(issues.no_code_to_validate())
    try:
        prepared = _prepared(catalogue, request, pins)
    except UnknownImportError as unknown:
        return _undefined(request, found, unknown)
    definition, supplements = prepared.definition, prepared.supplements
    languages = _languages(request, definition)
    check_questions(definition, len(found))
    members = None if request.any_member else definition
    return _answered(request, found, Against(catalogue, request, pins, supplements, languages, members))


@dataclass(slots=True)
class _Prepared:
    """What depends on the value set and the versions asked for, and not on the code."""

    definition: Definition
    supplements: list[Document]

    @property
    def weight(self) -> int:
        return self.definition.weight


def _prepared(catalogue: Catalogue, request: ValidateRequest, pins: Pins) -> _Prepared:
    """Made once for each catalogue, of a value set that did not come with the request."""
    if request.url is None or request.instance is not None or request.value_set is not None:
        return _prepare(catalogue, request, pins)
    asked = (request.url, request.value_set_version, tuple(request.supplements))
    made = catalogue.kept.get((_Prepared, asked, pinned(request)), lambda: _prepare(catalogue, request, pins))
    assert isinstance(made, _Prepared)
    return made


def _prepare(catalogue: Catalogue, request: ValidateRequest, pins: Pins) -> _Prepared:
    value_set = _value_set(catalogue, request, pins)
    supplements = supplements_of(catalogue, value_set, request.supplements)
    definition = definition_of(catalogue, value_set, pins, supplements)
    if not definition.is_defined:
        raise TerminologyError(issues.undefined_value_set(definition.canonical))
    return _Prepared(definition, supplements)


def _value_set(catalogue: Catalogue, request: ValidateRequest, pins: Pins) -> Document:
    given = request.value_set or request.instance
    if given is not None:
        return meant_by(given, request.url)
    if request.url is None and request.context is not None:
        raise TerminologyError(issues.context_not_supported(request.context))
    if request.url is None:
        raise TerminologyError(issues.no_value_set_to_validate_against())
    return find_value_set(catalogue, request.url, request.value_set_version, pins)


def _languages(request: ValidateRequest, definition: Definition) -> Languages | None:
    """tx-ecosystem, "languages": parameter, value set's own parameter, HTTP header, language of the value
    set.
    """
    own = definition.parameter("displayLanguage")
    stated = definition.document.get("language")
    return (
        request.languages
        or (Languages.parse(own) if own else None)
        or request.accepted
        or (Languages.parse(stated) if stated else None)
    )


# -- the spine -----------------------------------------------------------------------------------


def findings(request: ValidateRequest) -> list[Finding]:
    """The codings to validate, each with its place. Raises TerminologyError when there are none or too many
    ways to say them.
    """
    given = {"code": request.code, "coding": request.coding, "codeableConcept": request.concept}
    names = [name for name, value in given.items() if value is not None]
    if not names or (request.coding is not None and not request.coding.code):
        raise TerminologyError(issues.no_code_to_validate())
    if len(names) > 1:
        raise TerminologyError(issues.several_codes_to_validate(names))
    if request.concept is not None:
        check_codings(request.concept.get("coding", ()))
        codings = enumerate(request.concept.get("coding", ()))
        return [Finding(Coding.of(node), Place(f"CodeableConcept.coding[{n}]")) for n, node in codings]
    if request.coding is not None:
        return [Finding(request.coding, Place("Coding"))]
    return [Finding(Coding(request.system, request.code, request.version, request.display), Place(""))]


def _answered(request: ValidateRequest, found: list[Finding], against: Against) -> Validation:
    checked = MEMBERSHIP if request.only_membership else CHECKS
    for finding in found:
        for check in checked:
            if check(finding, against) is checks.STOP:
                break
        _judge(finding, against)
    return summed_up(request, found, against)


def _judge(finding: Finding, against: Against) -> None:
    if against.definition is not None and finding.is_member is False:
        say = issues.this_coding_not_in_value_set if finding.at.is_one_of_several else issues.not_in_value_set
        finding.report(say(_in_full(finding), against.value_set_name), "code")


def _in_full(finding: Finding) -> str:
    coding = finding.coding
    version = f"|{coding.version}" if coding.version else ""
    display = f" ('{coding.display}')" if coding.display else ""
    return f"{finding.url}{version}#{finding.code}{display}"


# -- the answer ----------------------------------------------------------------------------------


def summed_up(request: ValidateRequest, found: list[Finding], against: Against) -> Validation:
    """One answer of all findings: true when a coding is right and none is wrong."""
    noted = [issue for finding in found for issue in finding.issues]
    if request.concept is not None and against.definition is not None:
        if all(finding.is_member is False for finding in found):
            noted.append(issues.no_coding_in_value_set(against.value_set_name))
    noted += standings(found, against)
    right = [finding for finding in found if finding.is_member]
    answer = _about(request, found, right, against)
    answer.result = bool(right) and not any(issue.severity in ("fatal", "error") for issue in noted)
    answer.issues = sorted(_distinct(noted), key=lambda issue: _SEVERITIES.index(issue.severity))
    answer.message = _message(answer.issues)
    answer.missing_systems = _distinct(name for finding in found for name in finding.missing_systems)
    answer.unknown_systems = _distinct(name for finding in found for name in finding.unknown_systems)
    return answer


def _about(
    request: ValidateRequest, found: list[Finding], right: list[Finding], against: Against
) -> Validation:
    """What is known of the coding that was given, or of the first right one of several."""
    answer = Validation(False, concept=request.concept)
    about = next(iter(right if request.concept is not None else found), None)
    if about is None:
        return answer
    answer.code, answer.system = about.coding.code, about.coding.system
    version = about.systems[0].about.version if about.systems else about.coding.version
    answer.version = about.sense.system.about.version if about.sense else version
    if about.sense is not None:
        _describe(answer, about, against)
    return answer


def _describe(answer: Validation, about: Finding, against: Against) -> None:
    assert about.sense is not None
    concept = about.sense.concept
    answer.display = checks.usual_display(about)
    if answer.display is None or against.languages is not None:
        ways = checks.displays_of(about).ways
        if ways:
            answer.display = best_display(ways[0].value, ways[0].language, ways, _softly(against.languages))
    answer.inactive = concept.inactive
    answer.status = concept.status if concept.inactive or concept.status == "deprecated" else None
    answer.normalized_code = concept.code if concept.code != about.code else None


def _softly(languages: Languages | None) -> Languages | None:
    """Some display is better than none, also when it is one in another language."""
    return replace(languages, insist=False) if languages else None


def _message(noted: Iterable[Issue]) -> str | None:
    """All errors, and some more, in the order of the alphabet as HL7's suite has it."""
    told = {i.text for i in noted if i.severity in ("fatal", "error") or _is_told(i)}
    return "; ".join(sorted(told)) or None


def _is_told(issue: Issue) -> bool:
    return issue.message_id in _TOLD or (issue.severity, issue.tx) in _TOLD


def _undefined(request: ValidateRequest, found: list[Finding], unknown: UnknownImportError) -> Validation:
    """Without a value set that is imported nothing can be said of any code."""
    answer = Validation(False, concept=request.concept, issues=list(unknown.issues))
    if request.concept is None:
        answer.code, answer.system = found[0].coding.code, found[0].coding.system
    answer.message = _message(answer.issues)
    return answer


def _distinct(items: Iterable[Item]) -> list[Item]:
    kept: list[Item] = []
    for item in items:
        if item not in kept:
            kept.append(item)
    return kept
