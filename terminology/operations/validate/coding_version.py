"""The version of its code system in which a coding is read.

The coding, the includes of the value set and the version parameters of the request may each name one. Where
they disagree there is an issue, and the include decides, so that the code can still be checked. The rules
are those of HL7's suite "version":

* a coding without a version may be of every version that the value set includes;
* a coding with a version is of that version, in the includes that admit it;
* if no include admits it, that is an error, and the coding is read in the best version that the value set
  includes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from terminology.core import issues
from terminology.core.model import Issue
from terminology.core.versions import fits, is_edition
from terminology.operations.spelling import system_hint
from terminology.operations.validate.coding_finding import CodingFinding, ValidationBasis
from terminology.operations.value_set.compose import Block, Definition
from terminology.operations.value_set.resolution import explain_unusable_system
from terminology.systems.protocol import CodeSystem


def includes_of(definition: Definition, url: str) -> Iterator[Block]:
    """Every include of a code system, also those of imports; each once."""
    return (block for block in definition.system_includes() if block.url == url)


def systems_of_coding(finding: CodingFinding, basis: ValidationBasis) -> list[CodeSystem]:
    """The versions of the code system in which the coding is read, the best first; [] if the server has none.

    Reads ``finding.blocks``, and adds issues where versions disagree, are missing or are not allowed.
    """
    blocks, version = finding.blocks, finding.coding.version
    admitting = [block for block in blocks if version is None or _admits(block, version, basis)]
    if not admitting:
        admitting, version = [_best(blocks, basis)], None
        _add_difference(finding, basis, admitting[0])
    systems = _systems([b for b in admitting if _can_judge(b, finding.code)], version, basis)
    if not systems:
        _add_missing(finding, basis, version or admitting[0].choice.version)
    _add_not_allowed(finding, admitting, systems)
    return systems


def _can_judge(block: Block, code: str) -> bool:
    """Whether the server has its code system, or else the include lists the code."""
    return block.system is not None and (not block.is_absent or block.enumerated_concept(code) is not None)


def _admits(block: Block, version: str, basis: ValidationBasis) -> bool:
    """Whether a coding of an include may be of a version: of any known one, if the include names none."""
    if block.choice.version is None:
        is_known = block.is_absent or _is_in_use(block, version)
        return is_known or basis.find_system(block.url or "", version) is not None
    return fits(version, block.choice.version) or is_edition(block.version, version)


def _is_in_use(block: Block, version: str) -> bool:
    """Whether the include reads this version. Its code system may be contained in an import, and only there."""
    return block.version == version or is_edition(block.version, version)


def _best(blocks: Sequence[Block], basis: ValidationBasis) -> Block:
    """The include of the best version; an unknown version is the worst."""
    versions = basis.catalogue.known_versions("CodeSystem", blocks[0].url or "")

    def rank(block: Block) -> int:
        version = block.system.about.version if block.system else None
        return versions.index(version) if version in versions else -1

    return max(blocks, key=rank)


def _systems(blocks: Sequence[Block], version: str | None, basis: ValidationBasis) -> list[CodeSystem]:
    """The code systems of the includes; where the coding has a version, in that version."""
    if not blocks:
        return []
    url = blocks[0].url or ""
    systems = [
        block.system
        if version is None or block.is_absent or _is_in_use(block, version)
        else basis.find_system(url, version)
        for block in blocks
    ]
    # Value sets may contain different code systems of one url, all without a version.
    different = {(s.about.version, id(s.about.document)): s for s in systems if s is not None}
    if len(different) < 2:
        return list(different.values())
    versions = basis.catalogue.known_versions("CodeSystem", url)
    best_first = sorted(
        different, key=lambda k: versions.index(k[0]) if k[0] in versions else -1, reverse=True
    )
    return [different[key] for key in best_first]


# -- issues --------------------------------------------------------------------------------------


def _add_difference(finding: CodingFinding, basis: ValidationBasis, block: Block) -> None:
    version = finding.coding.version or ""
    finding.add(_difference(finding.url, block, version), "version")
    if basis.find_system(finding.url, version) is None:
        _add_missing(finding, basis, version)


def _difference(url: str, block: Block, version: str) -> Issue:
    """The version of the coding is not the one of the include, or the one that a parameter sets for it."""
    included = block.choice.version
    if included is None:
        default = block.system.about.version if block.system else None
        return issues.version_differs_from_default(url, default or "", version)
    if included == block.declared_version:
        return issues.version_differs(url, included, version)
    return issues.version_differs_from_pinned(url, included, block.declared_version or "", version)


def _add_missing(finding: CodingFinding, basis: ValidationBasis, version: str | None) -> None:
    """A version, or every version of the code system, is unknown, so the code cannot be judged."""
    finding.add(unknown_system_issue(basis, finding.url, version), "system")
    finding.missing_systems.append(unknown_system_name(basis, finding.url, version))


def add_unreadable_includes(finding: CodingFinding, basis: ValidationBasis) -> None:
    """Name the includes with an unknown version, for a coding that is in no other include and may be in these."""
    version = finding.coding.version
    for block in finding.blocks:
        if block.system is not None or (version is not None and not _admits(block, version, basis)):
            continue
        if not block.is_enumerated or block.enumerated_concept(finding.code) is not None:
            _add_missing(finding, basis, block.choice.version)


def unknown_system_issue(basis: ValidationBasis, url: str, version: str | None) -> Issue:
    """The issue for a code system that is unknown, or unknown in a version."""
    if not basis.knows(url):
        hint = system_hint(basis.catalogue, url)
        unknown = issues.with_diagnostics(issues.system_of_code_unknown(url, version), hint)
        return explain_unusable_system(basis.catalogue, url, unknown)
    if version is None:
        return issues.system_of_code_unknown(url)
    versions = basis.catalogue.known_versions("CodeSystem", basis.catalogue.preferred(url))
    return issues.version_of_code_unknown(url, version, versions)


def unknown_system_name(basis: ValidationBasis, url: str, version: str | None) -> str:
    """``url|version`` where only the version is unknown, else ``url``."""
    return f"{url}|{version}" if version is not None and basis.knows(url) else url


def _add_not_allowed(finding: CodingFinding, blocks: Sequence[Block], systems: Sequence[CodeSystem]) -> None:
    """A ``check-system-version`` parameter forbids every version that the coding may be of."""
    for block in blocks:
        required = block.choice.required
        if systems and required is not None and not any(fits(s.about.version, required) for s in systems):
            version = systems[0].about.version or ""
            finding.add(issues.version_not_allowed(finding.url, version, required), "version")
            return
