"""The checks of $validate-code, in the order of their questions: code system, code, concept, display.

A check reads and fills in the ``CodingFinding`` of one coding, and adds its issues to it. It returns STOP where
the checks after it have nothing to work on. The texts of the issues are in ``core.issues``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from terminology.core import issues
from terminology.core.errors import is_any
from terminology.core.languages import PREFERRED_FOR_LANGUAGE, Languages, best_designation
from terminology.core.model import CodeSystemInfo, Concept, Designation, Issue
from terminology.operations.spelling import code_hint
from terminology.operations.validate.coding_finding import CodeMatch, CodingFinding, ValidationBasis
from terminology.operations.validate.coding_version import (
    includes_of,
    systems_of_coding,
    unknown_system_issue,
    unknown_system_name,
)
from terminology.operations.validate.displays import (
    Displays,
    are_plain_language,
    display_issue,
    language_text,
)
from terminology.operations.value_set.compose import Block, Definition
from terminology.operations.value_set.expansion_entries import stating_block
from terminology.operations.value_set.extensions import concept_warning
from terminology.operations.value_set.resolution import canonical
from terminology.systems.code_shapes import has_only_some_terms, impossibility
from terminology.systems.iso import is_user_assigned
from terminology.systems.metadata import INACTIVE_STATUS, designation_of
from terminology.systems.protocol import CodeSystem

Check = Callable[[CodingFinding, ValidationBasis], bool]
STOP, GO = True, False

_ABSOLUTE = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*:")
# Statuses of concepts that may be used, which their owner advises against (LOINC).
DISCOURAGING = frozenset({"DISCOURAGED"})


# -- the code system -----------------------------------------------------------------------------


def code_present(finding: CodingFinding, basis: ValidationBasis) -> bool:
    """A coding of a CodeableConcept may have no code; then it is not a member of anything."""
    if finding.coding.code:
        return GO
    finding.is_member = False
    return STOP


def system_present(finding: CodingFinding, basis: ValidationBasis) -> bool:
    """The coding has a system, or the value set has it infer one (``inferSystem``)."""
    if finding.coding.system:
        return GO
    finding.is_member = False
    if basis.definition is not None and basis.request.infer_system:
        return _infer_system(finding, basis, basis.definition)
    finding.add_about_whole(issues.coding_without_system())
    return STOP


def _infer_system(finding: CodingFinding, basis: ValidationBasis, definition: Definition) -> bool:
    systems = [url for url in _systems_of(definition) if definition.contains(url, finding.code)]
    if len(systems) == 1:
        finding.coding = replace(finding.coding, system=systems[0])
        finding.is_member = None
        return GO
    name = basis.value_set_name
    if systems:
        finding.add(issues.cannot_infer_one_system(finding.code, name, systems), "code")
    else:
        finding.add(issues.cannot_infer_system(finding.code, name), "code")
    return STOP


def _systems_of(definition: Definition) -> list[str]:
    """The urls of the code systems of a value set, its own before those of its imports."""
    own = [block.url for block in definition.includes if block.url]
    with_imports = [block.url for block in definition.system_includes() if block.url]
    return list(dict.fromkeys([*own, *with_imports]))


def system_absolute(finding: CodingFinding, basis: ValidationBasis) -> bool:
    """The system is an absolute uri. A relative one is an error, but the code system may be known nevertheless."""
    if not _ABSOLUTE.match(finding.url):
        finding.add(issues.relative_system(), "system")
    return GO


def version_known(finding: CodingFinding, basis: ValidationBasis) -> bool:
    """The server has the code system, in a version that coding, value set and request agree on."""
    if basis.definition is None:
        return _version_of_coding(finding, basis)
    url = basis.catalogue.preferred(finding.url)
    finding.blocks = list(includes_of(basis.definition, url))
    finding.listing_blocks = basis.definition.listing_blocks(url, finding.code)
    if not finding.blocks:
        finding.is_member = False
        return _version_of_coding(finding, basis)
    if basis.request.only_membership and all(block.is_absent for block in finding.blocks):
        # An enumeration can be read without the code system.
        finding.is_member = any(block.contains(finding.code) for block in finding.blocks)
        return STOP
    finding.systems = systems_of_coding(finding, basis)
    if finding.systems:
        return GO
    finding.systems = _default_system(finding, basis)
    return STOP


def _version_of_coding(finding: CodingFinding, basis: ValidationBasis) -> bool:
    """The same where no include of the value set names the code system."""
    choice = basis.pins.system(basis.catalogue.preferred(finding.url), finding.coding.version)
    system = basis.find_system(finding.url, choice.version)
    if system is None:
        _add_unknown_system(finding, basis, choice.version)
        return STOP
    if not choice.allows(system.about.version):
        version, required = system.about.version or "", choice.required or ""
        finding.add(issues.version_not_allowed(finding.url, version, required), "version")
    finding.systems = [system]
    return GO


def _add_unknown_system(finding: CodingFinding, basis: ValidationBasis, version: str | None) -> None:
    finding.is_member = False
    if basis.request.only_membership:
        return
    wrong = _other_resource_issue(basis, finding.url)
    finding.add(wrong or unknown_system_issue(basis, finding.url, version), "system")
    if wrong is None:
        systems = finding.missing_systems if basis.definition is None else finding.unknown_systems
        systems.append(unknown_system_name(basis, finding.url, version))


def _other_resource_issue(basis: ValidationBasis, url: str) -> Issue | None:
    """The issue for a system that is the url of a supplement or value set: it is wrong, not unknown."""
    for header in basis.catalogue.headers("CodeSystem", url):
        if header.get("content") == "supplement":
            return issues.system_is_supplement(canonical(header))
    if basis.catalogue.find("ValueSet", url) is not None:
        return issues.system_is_value_set(url)
    return None


def _default_system(finding: CodingFinding, basis: ValidationBasis) -> Sequence[CodeSystem]:
    """The version without regard to the value set: the answer names at least one version."""
    default = basis.pins.system(basis.catalogue.preferred(finding.url)).version
    versions = dict.fromkeys([finding.coding.version or default, default])
    systems = (basis.find_system(finding.url, version) for version in versions)
    return [system for system in systems if system][:1]


def version_declared(finding: CodingFinding, basis: ValidationBasis) -> bool:
    """The coding has a version, if its code means nothing without one (``CodeSystem.versionNeeded``)."""
    document = finding.systems[0].about.document or {}
    if document.get("versionNeeded") is True and not finding.coding.version:
        finding.add(issues.version_needed(finding.url), "version")
    return GO


# -- the code ------------------------------------------------------------------------------------


def code_known(finding: CodingFinding, basis: ValidationBasis) -> bool:
    """The code system has the code. If a fragment lacks a code that it may lack, that proves nothing."""
    matches = [_code_match(system, finding.code) for system in finding.systems]
    finding.matches = [match for match in matches if match is not None]
    if finding.matches:
        if finding.matches[0].system.about.has_expressions:
            _add_remarks(finding, finding.matches[0].system, "warning")
            if basis.definition is None:
                _add_remarks(finding, finding.matches[0].system, "information")
        return GO
    about = finding.systems[0].about
    reason = impossibility(about, finding.code) if about.is_fragment else None
    finding.is_member = (
        about.is_fragment
        and reason is None
        and (basis.definition is None or _may_contain(basis.definition, about, finding.code))
    )
    if not basis.request.only_membership:
        hint = code_hint(finding.systems[0], finding.code)
        unknown = issues.invalid_code if reason is None else issues.unknown_code_in_whole
        finding.add(issues.with_diagnostics(unknown(finding.code, about), hint), "code")
        if not _add_remarks(finding, finding.systems[0], "information") and reason is not None:
            finding.add(issues.reason_for_unknown_code(reason), "code")
        if (about.document or {}).get("compositional") is True:
            finding.add(issues.grammar_not_known(about), "code")
    if finding.is_member and _is_listed(finding, about.version):
        finding.matches = [CodeMatch(finding.systems[0], Concept(finding.code))]
        return GO
    return STOP


def _add_remarks(finding: CodingFinding, system: CodeSystem, severity: str) -> bool:
    """Add what the code system says of an expression. Returns whether it says anything."""
    remarks = [remark for remark in system.remarks(finding.code) if remark.severity == severity]
    for remark in remarks:
        finding.add(remark, "code")
    return bool(remarks)


def _is_listed(finding: CodingFinding, version: str | None) -> bool:
    """Whether an include of this version lists the code, so that the value set has a display for it."""
    blocks = (block for block in finding.blocks if block.version == version)
    return any(block.enumerated_concept(finding.code) is not None for block in blocks)


def _code_match(system: CodeSystem, code: str) -> CodeMatch | None:
    concept = system.locate(code)
    return None if concept is None else CodeMatch(system, concept)


def _may_contain(
    definition: Definition, about: CodeSystemInfo, code: str, answers: dict[int, bool] | None = None
) -> bool:
    """Whether a code that the fragment lacks could be in the value set.

    Filters choose only from the fragment. ``answers`` has those of other value sets, by their ``id``: each is
    asked once, however often it is imported.
    """
    answers = {} if answers is None else answers
    if id(definition) not in answers:
        excludes = [block for block in definition.excludes if block.url == about.url]
        if about.url in definition.version_sensitive:
            excludes = [block for block in excludes if block.excludes_version(about.url, about.version)]
        is_excluded = any(block.enumerated_concept(code) is not None for block in excludes)
        answers[id(definition)] = not is_excluded and any(
            _block_may_contain(block, about, code, answers) for block in definition.includes
        )
    return answers[id(definition)]


def _block_may_contain(block: Block, about: CodeSystemInfo, code: str, answers: dict[int, bool]) -> bool:
    if block.url not in (None, about.url) or not (block.url or block.imports):
        return False
    own = block.enumerated_concept(code) is not None if block.is_enumerated else not block.filters
    return own and all(_may_contain(other, about, code, answers) for other in block.imports)


def in_value_set(finding: CodingFinding, basis: ValidationBasis) -> bool:
    """The value set contains the code, in one of the versions that it may be of."""
    if basis.definition is None:
        finding.is_member = True
    elif finding.is_member is None:
        members = _members(basis.definition, finding, basis)
        finding.matches = members or finding.matches
        finding.is_member = bool(members)
    finding.is_judged = finding.is_member is True
    return GO


def _members(definition: Definition, finding: CodingFinding, basis: ValidationBasis) -> list[CodeMatch]:
    """The matches that the value set contains; if there are none, those that it only lacks as inactive ones."""
    inactive = [match for match in finding.matches if match.concept.inactive]
    candidates = finding.matches
    if basis.request.active_only:
        candidates = [match for match in finding.matches if not match.concept.inactive]
    members = [match for match in candidates if _contains(definition, finding, match)]
    if members or basis.request.only_membership:
        return members
    return [match for match in inactive if _contains(definition.with_inactive(), finding, match)]


def _contains(definition: Definition, finding: CodingFinding, match: CodeMatch) -> bool:
    """Whether the value set has the match, in its own version or, where it names none, in that of the coding."""
    if _contains_version(definition, match):
        return True
    return finding.coding.version is not None and _contains_version(
        definition.with_version(match.system), match
    )


def _contains_version(definition: Definition, match: CodeMatch) -> bool:
    about, code = match.system.about, match.concept.code
    blocks = [b for b in includes_of(definition, about.url) if b.version == about.version]
    if not is_any(blocks, lambda block: block.contains(code)):
        return False
    return definition.contains(about.url, code, about.version)


def system_here(finding: CodingFinding, basis: ValidationBasis) -> bool:
    """The server has the code system. Without it, a code that the value set lists is right, with a warning."""
    about = finding.matches[0].system.about
    if about.is_absent:
        issue = unknown_system_issue(basis, finding.url, about.version or finding.coding.version)
        is_right = finding.is_member and not any(each.severity == "error" for each in finding.issues)
        finding.add(issues.listed_all_the_same(issue) if is_right else issue, "system")
    return GO


# -- the concept ---------------------------------------------------------------------------------


def code_in_right_case(finding: CodingFinding, basis: ValidationBasis) -> bool:
    """The code is written as the code system writes it, even if case does not matter there."""
    concept, about = finding.matches[0].concept, finding.matches[0].system.about
    if concept.code != finding.code:
        differs = issues.case_differs if about.case_sensitive is False else issues.case_differs_perhaps
        finding.add(differs(finding.code, concept.code, about.canonical), "code")
    return GO


def concept_selectable(finding: CodingFinding, basis: ValidationBasis) -> bool:
    """The concept is not abstract, if the request says ``abstract=false``.

    As for ``concept_active``, only a coding that the value set would otherwise contain gets the error.
    """
    is_abstract = finding.matches[0].concept.abstract
    if finding.is_judged and is_abstract and basis.request.abstract is False:
        finding.add(issues.abstract_code(f"{finding.url}#{finding.code}"), "code")
        finding.is_member = False
    return GO


def concept_active(finding: CodingFinding, basis: ValidationBasis) -> bool:
    """The concept is active: an error where request or value set say so, else a warning."""
    concept = finding.matches[0].concept
    if concept.inactive:
        only_active = basis.definition is not None and not basis.definition.includes_inactive
        if finding.is_judged and (basis.request.active_only or only_active):
            finding.add(issues.inactive_code(finding.code), "code")
            finding.is_member = False
        finding.add_about_whole(issues.concept_is_inactive(finding.code, _status(concept)))
    elif concept.effective_status == "deprecated":
        finding.add_about_whole(issues.concept_is_deprecated(finding.code))
    elif concept.status in DISCOURAGING:
        finding.add_about_whole(issues.concept_is_inactive(finding.code, str(concept.status)))
    return GO


def _status(concept: Concept) -> str:
    """``retired and inactive``; a status that only this code system has (LOINC's DEPRECATED) stands alone."""
    if concept.status in (None, "inactive"):
        return "inactive"
    return f"{concept.status} and inactive" if concept.status in INACTIVE_STATUS else str(concept.status)


def concept_current_in_value_set(finding: CodingFinding, basis: ValidationBasis) -> bool:
    """The value set does not mark the concept as deprecated or withdrawn."""
    for block in finding.blocks if finding.is_member else ():
        node = block.enumerated_concept(finding.matches[0].concept.code)
        status = concept_warning(node) if node else None
        if status is not None:
            name = canonical(block.value_set)
            issue = issues.concept_deprecated_in_value_set(finding.code, finding.url, name, status)
            finding.add(issue, "code")
    return GO


# -- the display ---------------------------------------------------------------------------------


def display_right(finding: CodingFinding, basis: ValidationBasis) -> bool:
    """The display is one of the concept's designations, in a requested language.

    Of several versions that the coding may be of, the first that accepts the display answers, or else the best.
    """
    display = finding.coding.display
    if not display:
        return GO
    judged = [(match, _judge_display(finding, match, basis, display)) for match in finding.matches]
    match, issue = next((each for each in judged if _accepts(each[1])), judged[0])
    finding.matches = [match, *(other for other in finding.matches if other is not match)]
    if issue is not None and issue.severity == "error":
        about, coding = match.system.about, f"{finding.url}#{finding.code}"
        displays = displays_of(finding, match)
        if is_user_assigned(about.url, match.concept.code):
            known = f"'{match.concept.display}'" + (f" ({about.language})" if about.language else "")
            languages = language_text(basis.languages)
            issue = issues.display_of_user_assigned_code(display, coding, known, languages)
        elif unchecked := _unchecked_display(match, displays, display, coding):
            issue = unchecked
        elif about.is_fragment and has_only_some_terms(about):
            issue = issues.display_may_be_another_term(display, coding)
        elif basis.request.lenient_display:
            issue = replace(issue, severity="warning")
    if issue is not None:
        finding.add(issue, "display")
    return GO


def _accepts(issue: Issue | None) -> bool:
    return issue is None or issue.severity == "information"


def _judge_display(
    finding: CodingFinding, match: CodeMatch, basis: ValidationBasis, display: str
) -> Issue | None:
    """The issue for the display in one version: the display that its answers have is not wrong."""
    coding, requested = f"{finding.url}#{finding.code}", basis.languages
    displays = displays_of(finding, match)
    issue = display_issue(display, displays, coding, finding.code, requested)
    if issue is None or issue.severity != "error" or requested is None:
        return issue
    if not _is_without(displays, requested):
        return issue
    if requested.insist and display == match.concept.code:
        # $lookup has the code for a display (1..1) where no other language is allowed.
        return issues.display_is_the_code(display, coding, language_text(requested))
    answered = shown_display(finding, match, requested)
    if answered is not None and answered.casefold() == display.casefold():
        return issues.display_in_default_language(display, coding, language_text(requested))
    return issue


def _is_without(displays: Displays, requested: Languages) -> bool:
    """Whether no display is certainly in a requested language."""
    return all(requested.rank(d.effective_language) is None for d in displays.designations)


def _unchecked_display(match: CodeMatch, displays: Displays, display: str, coding: str) -> Issue | None:
    """The issue where the server lacks the code system's own words for the concept, so that no display can be wrong."""
    about = match.system.about
    if about.is_absent:
        return issues.display_of_code_not_here(display, coding)
    if not about.is_fragment:
        return None
    if match.system.locate(match.concept.code) is None:
        return issues.display_of_code_not_here(display, coding, in_fragment=True)
    return issues.display_cannot_be_checked(display, coding) if are_plain_language(displays) else None


def displays_of(finding: CodingFinding, match: CodeMatch) -> Displays:
    """The designations that the value set has for a concept, and then those of the code system."""
    own = Displays.of(match.concept, match.system.about, match.designations)
    return Displays([*_value_set_designations(finding, match), *own.designations], own.default_language)


def shown_display(finding: CodingFinding, match: CodeMatch, requested: Languages | None) -> str | None:
    """The display of a concept in the answer: in any language, if there is none in a requested one."""
    usual = shown_designation(finding, match)
    if usual is not None and requested is None:
        return usual.value
    designations: Sequence[Designation] = match.designations
    if requested is not None:
        # Only the display that is validated must be in a language that is insisted on.
        requested = replace(requested, insist=False)
        designations = displays_of(finding, match).designations
    chosen = best_designation(usual, designations, requested)
    return chosen.value if chosen else None


def shown_designation(finding: CodingFinding, match: CodeMatch) -> Designation | None:
    """The display where no language is requested: that of the value set, or else of the code system."""
    about, concept = match.system.about, match.concept
    stating = stating_block(finding.listing_blocks, concept.code, about)
    if stating is not None:
        block, node = stating
        return Designation(node["display"], block.value_set.get("language") or about.language)
    return Designation(concept.display, about.language, PREFERRED_FOR_LANGUAGE) if concept.display else None


def _value_set_designations(finding: CodingFinding, match: CodeMatch) -> Iterator[Designation]:
    for block in finding.listing_blocks:
        if block.system is not None and block.version != match.system.about.version:
            continue
        node = block.enumerated_concept(match.concept.code) or {}
        language = block.value_set.get("language")
        if "display" in node:
            language_of_display = language or match.system.about.language
            yield Designation(node["display"], language_of_display, PREFERRED_FOR_LANGUAGE)
        yield from (designation_of(each, language) for each in node.get("designation", ()))
