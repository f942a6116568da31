"""What is looked at when a coding is validated: one check after the other, each with one question.

A check reads and fills in the ``Finding``, and adds its issues to it. One that says STOP leaves nothing for
those that come after it. The wording of every issue is in ``issues``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from terminology.core import issues
from terminology.core.languages import PREFERRED_FOR_LANGUAGE, STANDARDS_STATUS
from terminology.core.model import Concept, Designation, Issue
from terminology.operations.validate.coding_version import (
    blocks_of,
    name_of_unknown,
    systems_meant,
    why_unknown,
)
from terminology.operations.validate.displays import Displays, are_of_others, wrong_display
from terminology.operations.validate.validation import Against, Finding, Sense
from terminology.operations.value_set.definition import Block, Definition, Node, canonical
from terminology.systems.protocol import CodeSystem
from terminology.systems.resource import INACTIVE_STATUS, designation_of

Check = Callable[[Finding, Against], bool]
STOP, GO = True, False

_ABSOLUTE = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*:")
VALUE_SET_DEPRECATED = "http://hl7.org/fhir/StructureDefinition/valueset-deprecated"


# -- the code system -----------------------------------------------------------------------------


def code_given(finding: Finding, against: Against) -> bool:
    """A coding of several may have no code; then it says nothing that could be right."""
    if finding.coding.code:
        return GO
    finding.is_member = False
    return STOP


def system_given(finding: Finding, against: Against) -> bool:
    """A code has no meaning without its system, unless the value set is to tell which one it is of."""
    if finding.coding.system:
        return GO
    finding.is_member = False
    if against.definition is not None and against.request.infer_system:
        return _infer(finding, against, against.definition)
    finding.report_whole(issues.coding_without_system())
    return STOP


def _infer(finding: Finding, against: Against, definition: Definition) -> bool:
    systems = [url for url in _systems_of(definition) if definition.holds(url, finding.code)]
    if len(systems) == 1:
        finding.coding = replace(finding.coding, system=systems[0])
        finding.is_member = None
        return GO
    name = against.value_set_name
    if systems:
        finding.report(issues.cannot_infer_one_system(finding.code, name, systems), "code")
    else:
        finding.report(issues.cannot_infer_system(finding.code, name), "code")
    return STOP


def _systems_of(definition: Definition) -> list[str]:
    """Every code system that a value set speaks of, its own first."""
    own = [block.url for block in definition.includes if block.url]
    reached = [block.url for block in definition.reached() if block.url]
    return list(dict.fromkeys([*own, *reached]))


def system_absolute(finding: Finding, against: Against) -> bool:
    if not _ABSOLUTE.match(finding.url):
        finding.report(issues.relative_system(), "system")
    return GO


def version_settled(finding: Finding, against: Against) -> bool:
    """Is the code system here, in the version that coding, value set and request can agree on?"""
    if against.definition is None:
        return _version_of_coding(finding, against)
    url = against.catalogue.preferred(finding.url)
    finding.blocks = list(blocks_of(against.definition, url))
    if not finding.blocks:
        finding.is_member = False
        return _version_of_coding(finding, against)
    if against.request.only_membership and not any(block.system for block in finding.blocks):
        # A list needs no code system to be read.
        finding.is_member = any(block.holds(finding.code) for block in finding.blocks)
        return STOP
    finding.systems = systems_meant(finding, against, finding.blocks)
    if finding.systems:
        return GO
    finding.systems = _usual(finding, against)
    return STOP


def _version_of_coding(finding: Finding, against: Against) -> bool:
    choice = against.pins.system(against.catalogue.preferred(finding.url), finding.coding.version)
    system = against.find_system(finding.url, choice.version)
    if system is None:
        _report_unknown(finding, against, choice.version)
        return STOP
    if not choice.allows(system.about.version):
        version, required = system.about.version or "", choice.required or ""
        finding.report(issues.version_not_allowed(finding.url, version, required), "version")
    finding.systems = [system]
    return GO


def _report_unknown(finding: Finding, against: Against, version: str | None) -> None:
    finding.is_member = False
    if against.request.only_membership:
        return
    finding.report(_why_not(against, finding.url, version), "system")
    missing = finding.missing_systems if against.definition is None else finding.unknown_systems
    missing.append(name_of_unknown(against, finding.url, version))


def _why_not(against: Against, url: str, version: str | None) -> Issue:
    """There may be something else under the url of a code system."""
    for header in against.catalogue.headers("CodeSystem"):
        if header.get("url") == url and header.get("content") == "supplement":
            return issues.system_is_supplement(canonical(header))
    if against.catalogue.find("ValueSet", url) is not None:
        return issues.system_is_value_set(url)
    return why_unknown(against, url, version)


def _usual(finding: Finding, against: Against) -> Sequence[CodeSystem]:
    """The version that is meant where nobody says anything, to say at least in which version we looked."""
    pinned = against.pins.system(against.catalogue.preferred(finding.url)).version
    wanted = dict.fromkeys([finding.coding.version or pinned, pinned])
    found = (against.find_system(finding.url, version) for version in wanted)
    return [system for system in found if system][:1]


def version_stated(finding: Finding, against: Against) -> bool:
    """``CodeSystem.versionNeeded``: the code means nothing without a version."""
    document = finding.systems[0].about.document or {}
    if document.get("versionNeeded") is True and not finding.coding.version:
        finding.report(issues.version_needed(finding.url), "version")
    return GO


# -- the code ------------------------------------------------------------------------------------


def code_known(finding: Finding, against: Against) -> bool:
    """Is there such a code? Of a fragment nobody can say that there is not."""
    finding.senses = [sense for system in finding.systems if (sense := _sense(system, finding.code))]
    if finding.senses:
        return GO
    about = finding.systems[0].about
    finding.is_member = about.is_fragment and (
        against.definition is None or _may_hold(against.definition, about.url, finding.code)
    )
    if not against.request.only_membership:
        finding.report(issues.invalid_code(finding.code, about), "code")
        if (about.document or {}).get("compositional") is True:
            finding.report(issues.grammar_not_known(about), "code")
    return STOP


def _sense(system: CodeSystem, code: str) -> Sense | None:
    concept = system.locate(code)
    return None if concept is None else Sense(system, concept)


def _may_hold(definition: Definition, url: str, code: str, known: dict[int, bool] | None = None) -> bool:
    """Could the value set have a code that is in another part of the code system? Filters choose from what is
    here only. ``known`` are the value sets that were asked already.
    """
    known = {} if known is None else known
    if id(definition) not in known:
        excludes = definition.excludes
        listed_out = any(block.url == url and block.listing(code) is not None for block in excludes)
        included = (block for block in definition.includes if not listed_out)
        known[id(definition)] = any(_block_may_hold(block, url, code, known) for block in included)
    return known[id(definition)]


def _block_may_hold(block: Block, url: str, code: str, known: dict[int, bool]) -> bool:
    if block.url not in (None, url) or not (block.url or block.imports):
        return False
    own = block.listing(code) is not None if block.is_enumerated else not block.filters
    return own and all(_may_hold(other, url, code, known) for other in block.imports)


def in_value_set(finding: Finding, against: Against) -> bool:
    """Does the value set have the code, in one of the versions that are meant?"""
    if against.definition is None:
        finding.is_member = True
        return GO
    if finding.is_member is None:
        members = [sense for sense in finding.senses if _holds(against.definition, finding, sense, against)]
        finding.senses = members or finding.senses
        finding.is_member = bool(members)
    return GO


def _holds(definition: Definition, finding: Finding, sense: Sense, against: Against) -> bool:
    """As the value set is, or as it is when what it leaves open means the version that the coding states."""
    if against.request.active_only and sense.concept.inactive:
        return False
    if _holds_in_version(definition, sense):
        return True
    return finding.coding.version is not None and _holds_in_version(
        definition.in_version(sense.system), sense
    )


def _holds_in_version(definition: Definition, sense: Sense) -> bool:
    about, code = sense.system.about, sense.concept.code
    in_this_version = [b for b in blocks_of(definition, about.url) if b.version == about.version]
    return any(b.holds(code) for b in in_this_version) and definition.holds(about.url, code, about.version)


# -- the concept ---------------------------------------------------------------------------------


def code_in_right_case(finding: Finding, against: Against) -> bool:
    """In a code system that does not care about case, codes have a case none the less."""
    concept, about = finding.senses[0].concept, finding.senses[0].system.about
    if concept.code != finding.code:
        finding.report(issues.case_differs(finding.code, concept.code, about.canonical), "code")
    return GO


def concept_selectable(finding: Finding, against: Against) -> bool:
    """``abstract=false``: no code that is there for grouping only."""
    if against.request.abstract is False and finding.senses[0].concept.abstract:
        finding.report(issues.abstract_code(f"{finding.url}#{finding.code}"), "code")
        finding.is_member = False
    return GO


def concept_active(finding: Finding, against: Against) -> bool:
    """Is the concept in use, where only such are wanted? Otherwise it is worth a warning."""
    concept = finding.senses[0].concept
    if concept.inactive:
        only_active = against.definition is not None and not against.definition.inactive
        if against.request.active_only or only_active:
            finding.report(issues.inactive_code(finding.code), "code")
            finding.is_member = False
        finding.report_whole(issues.concept_is_inactive(finding.code, _status(concept)))
    elif concept.status == "deprecated":
        finding.report_whole(issues.concept_is_deprecated(finding.code, concept.status))
    return GO


def _status(concept: Concept) -> str:
    """A status that means inactive says so; one of the code system's own (``DISCOURAGED``) stands alone."""
    if concept.status in (None, "inactive"):
        return "inactive"
    return f"{concept.status} and inactive" if concept.status in INACTIVE_STATUS else str(concept.status)


def concept_current_here(finding: Finding, against: Against) -> bool:
    """Has the value set marked the concept as one that it will not have for long?"""
    for block in finding.blocks if finding.is_member else ():
        listing = block.listing(finding.senses[0].concept.code)
        status = _status_in_value_set(listing) if listing else None
        if status is not None:
            name = canonical(block.value_set)
            issue = issues.concept_deprecated_in_value_set(finding.code, finding.url, name, status)
            finding.report(issue, "code")
    return GO


def _status_in_value_set(listing: Node) -> str | None:
    for extension in listing.get("extension", ()):
        value = next((v for k, v in extension.items() if k.startswith("value")), None)
        if extension.get("url") == VALUE_SET_DEPRECATED and value in (True, "true"):
            return "deprecated"
        if extension.get("url") == STANDARDS_STATUS and value in ("deprecated", "withdrawn"):
            return str(value)
    return None


# -- the display ---------------------------------------------------------------------------------


def display_right(finding: Finding, against: Against) -> bool:
    """Is the display one of those that the concept has, in the languages asked for?"""
    given = finding.coding.display
    if not given:
        return GO
    displays = displays_of(finding)
    coding = f"{finding.url}#{finding.code}"
    issue = wrong_display(given, displays, coding, finding.code, against.languages)
    if issue is not None and issue.severity == "error":
        if finding.senses[0].system.about.is_fragment and are_of_others(displays):
            issue = issues.display_cannot_be_checked(given, coding)
        elif against.request.lenient_display:
            issue = replace(issue, severity="warning")
    if issue is not None:
        finding.report(issue, "display")
    return GO


def displays_of(finding: Finding) -> Displays:
    """Every way to say the concept: as the value set has it, and as the code system has it."""
    first, *others = [Displays.of(s.concept, s.system.about, s.designations) for s in finding.senses]
    for other in others:
        first = first.and_(other)
    own = list(_said_by_value_set(finding))
    return Displays([*own, *first.ways], first.default_language)


def usual_display(finding: Finding) -> str | None:
    """What the value set calls the concept, or else the code system, where nobody asks for a language."""
    own = (way.value for way in _said_by_value_set(finding))
    return next(own, None) or finding.senses[0].concept.display


def _said_by_value_set(finding: Finding) -> Iterator[Designation]:
    for block in finding.blocks:
        listing = block.listing(finding.senses[0].concept.code) or {}
        if "display" in listing:
            language = block.value_set.get("language") or finding.senses[0].system.about.language
            yield Designation(listing["display"], language, PREFERRED_FOR_LANGUAGE)
        yield from (designation_of(node) for node in listing.get("designation", ()))
