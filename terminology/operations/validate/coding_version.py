"""In which version of its code system is a coding to be read?

Three may speak: the coding, the includes of the value set, and the version parameters of the request. Where
they disagree, that is an issue; the include has the last word, so that the code can still be looked at. See
the table in HL7's suite "version", of which these are the rules:

* without a version in the coding, every version that the value set includes is meant;
* with one, the includes that admit it are meant, in that version;
* when no include admits it, it is an error, and the best of what the value set includes is meant.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from terminology.core import issues
from terminology.core.model import Issue
from terminology.core.versions import fits, is_edition
from terminology.operations.validate.validation import Against, Finding
from terminology.operations.value_set.definition import Block, Definition, described_only
from terminology.systems.protocol import CodeSystem


def blocks_of(definition: Definition, url: str) -> Iterator[Block]:
    """Every include that speaks of a code system, also in the value sets that are imported; each once."""
    return (block for block in definition.reached() if block.url == url)


def systems_meant(finding: Finding, against: Against, blocks: Sequence[Block]) -> list[CodeSystem]:
    """The versions of the coding's code system that the includes mean, the best first. None are here: []."""
    given = finding.coding.version
    admitting = [block for block in blocks if given is None or _admits(block, given, against)]
    if not admitting:
        admitting, given = [_best(blocks, against)], None
        _report_difference(finding, against, admitting[0])
    found = _systems(admitting, given, against)
    if not found:
        _report_missing(finding, against, given or admitting[0].choice.version)
    _report_forbidden(finding, admitting, found)
    return found


def _admits(block: Block, given: str, against: Against) -> bool:
    """May the coding be of this version? An include without a version takes any that is here."""
    if block.choice.version is None:
        return against.find_system(block.url or "", given) is not None
    return fits(given, block.choice.version) or is_edition(block.version, given)


def _best(blocks: Sequence[Block], against: Against) -> Block:
    """The include of the best version; one that cannot be found is the worst."""
    known = against.catalogue.known_versions("CodeSystem", blocks[0].url or "")

    def standing(block: Block) -> int:
        version = block.system.about.version if block.system else None
        return known.index(version) if version in known else -1

    return max(blocks, key=standing)


def _systems(blocks: Sequence[Block], given: str | None, against: Against) -> list[CodeSystem]:
    url = blocks[0].url or ""
    found = [
        block.system if given is None or is_edition(block.version, given) else against.find_system(url, given)
        for block in blocks
    ]
    by_version = {system.about.version: system for system in found if system is not None}
    known = against.catalogue.known_versions("CodeSystem", url)
    best_first = sorted(by_version, key=lambda v: known.index(v) if v in known else -1, reverse=True)
    return [by_version[version] for version in best_first]


# -- what there is to be said about it -----------------------------------------------------------


def _report_difference(finding: Finding, against: Against, block: Block) -> None:
    given = finding.coding.version or ""
    finding.report(_difference(finding.url, block, given), "version")
    if against.find_system(finding.url, given) is None:
        _report_missing(finding, against, given)


def _difference(url: str, block: Block, given: str) -> Issue:
    wanted = block.choice.version
    if wanted is None:
        found = block.system.about.version if block.system else None
        return issues.version_differs_from_default(url, found or "", given)
    if wanted == block.stated:
        return issues.version_differs(url, wanted, given)
    return issues.version_differs_from_pinned(url, wanted, block.stated or "", given)


def _report_missing(finding: Finding, against: Against, version: str | None) -> None:
    """A version, or all of a code system, without which no verdict can be given."""
    finding.report(why_unknown(against, finding.url, version), "system")
    finding.missing_systems.append(name_of_unknown(against, finding.url, version))


def why_unknown(against: Against, url: str, version: str | None) -> Issue:
    if version is None or not against.knows(url):
        return described_only(against.catalogue, url, issues.system_of_code_unknown(url))
    known = against.catalogue.known_versions("CodeSystem", against.catalogue.preferred(url))
    return issues.version_of_code_unknown(url, version, known)


def name_of_unknown(against: Against, url: str, version: str | None) -> str:
    """What is missing: a version of a code system, or all of it."""
    return f"{url}|{version}" if version is not None and against.knows(url) else url


def _report_forbidden(finding: Finding, blocks: Sequence[Block], found: Sequence[CodeSystem]) -> None:
    """A ``check-system-version`` parameter that no version found satisfies."""
    for block in blocks:
        required = block.choice.required
        if found and required is not None and not any(fits(s.about.version, required) for s in found):
            version = found[0].about.version or ""
            finding.report(issues.version_not_allowed(finding.url, version, required), "version")
            return
