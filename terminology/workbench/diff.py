"""What has changed between two versions of a code system, value set or map, and what that means for codes in use."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from terminology.core import issues
from terminology.core.errors import TerminologyError
from terminology.core.model import split_canonical
from terminology.library import Terminology
from terminology.operations.translate.hints import successors_of
from terminology.systems.protocol import CodeSystem

# The concepts whose parents are read at once.
_AT_ONCE = 500
# What a change of a code means for those who have stored it: these break.
BREAKING = ("removed", "retired", "unmapped", "remapped")


@dataclass(slots=True, frozen=True)
class CodeChange:
    """A change of one code: added, removed, retired, revived, renamed, moved; or mapped, unmapped, remapped.

    ``before`` and ``after`` are the values that changed; ``successors`` are the codes that replace one that is retired.
    """

    kind: str
    code: str
    before: str = ""
    after: str = ""
    successors: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The change as JSON."""
        node = {"kind": self.kind, "code": self.code, "before": self.before, "after": self.after}
        return {k: v for k, v in node.items() if v} | (
            {"successors": list(self.successors)} if self.successors else {}
        )

    def line(self) -> str:
        """The change as a line of text."""
        arrow = f": {self.before} -> {self.after}" if self.before and self.after else ""
        single = f": {self.before or self.after}" if not arrow and (self.before or self.after) else ""
        then = f"; replaced by {', '.join(self.successors)}" if self.successors else ""
        return f"{self.kind} {self.code}{arrow}{single}{then}"


@dataclass(slots=True)
class _State:
    """The parts of a concept that are compared."""

    display: str
    inactive: bool
    parents: tuple[str, ...] = field(default=())


def require_one(kind: str, old: str, new: str) -> None:
    """Raises TerminologyError unless two urls are one: codes of different resources are not versions of each other."""
    if old != new:
        raise TerminologyError(issues.not_versions_of_one(kind, old, new))


def system_changes(old: CodeSystem, new: CodeSystem) -> Iterator[CodeChange]:
    """The changes from one version of a code system to another. The codes of both are in memory.

    A code that a fragment lacks is not taken for removed, nor for added: ``lone_codes`` has it.

    Raises TerminologyError for a code system whose codes cannot be listed.
    """
    before, after = _states(old), _states(new)
    for code, state in before.items():
        if code not in after:
            if not new.about.is_fragment:
                yield CodeChange("removed", code, state.display)
            continue
        now = after[code]
        if now.inactive and not state.inactive:
            successors = tuple(sorted(successors_of(new, code)))
            yield CodeChange("retired", code, now.display, successors=successors)
        elif state.inactive and not now.inactive:
            yield CodeChange("revived", code, now.display)
        if state.display != now.display:
            yield CodeChange("renamed", code, state.display, now.display)
        if state.parents != now.parents:
            yield CodeChange("moved", code, ", ".join(state.parents), ", ".join(now.parents))
    for code, state in after.items():
        if code not in before and not old.about.is_fragment:
            yield CodeChange("added", code, after=state.display)


def lone_codes(old: CodeSystem, new: CodeSystem) -> list[str]:
    """The codes that one version alone has, where the other one is a fragment: nobody knows if they have changed.

    Raises TerminologyError for a code system whose codes cannot be listed.
    """
    if not (old.about.is_fragment or new.about.is_fragment):
        return []
    before, after = ({concept.code: None for concept in system.select()} for system in (old, new))
    removed = [code for code in before if code not in after] if new.about.is_fragment else []
    added = [code for code in after if code not in before] if old.about.is_fragment else []
    return removed + added


def _states(system: CodeSystem) -> dict[str, _State]:
    states = {concept.code: _State(concept.display or "", concept.inactive) for concept in system.select()}
    codes = list(states)
    for start in range(0, len(codes), _AT_ONCE):
        for code, detail in system.describe(codes[start : start + _AT_ONCE]).items():
            parents = sorted(str(p.value) for p in detail.properties if p.code == "parent")
            states[code].parents = tuple(parents)
    return states


def expansion_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[CodeChange]:
    """The changes from one ``ValueSet.expansion`` without nesting to another.

    A code is named alone where one code system has all codes of both, or else as ``system|code``.
    """
    both = [old.get("contains", ()), new.get("contains", ())]
    is_single = len({node.get("system") for nodes in both for node in nodes}) < 2
    before, after = (
        {
            str(node["code"]) if is_single else f"{node.get('system', '')}|{node['code']}": node
            for node in nodes
            if node.get("code")
        }
        for nodes in both
    )
    for code, node in before.items():
        if code not in after:
            yield CodeChange("removed", code, str(node.get("display", "")))
            continue
        now, display = after[code], str(after[code].get("display", ""))
        if bool(node.get("inactive")) != bool(now.get("inactive")):
            yield CodeChange("retired" if now.get("inactive") else "revived", code, display)
        if str(node.get("display", "")) != display:
            yield CodeChange("renamed", code, str(node.get("display", "")), display)
    for code, node in after.items():
        if code not in before:
            yield CodeChange("added", code, after=str(node.get("display", "")))


def map_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[CodeChange]:
    """The changes from one version of a ConceptMap, in the shape of R5, to another."""
    before, after = _mappings(old), _mappings(new)
    for code, targets in before.items():
        if not after.get(code):
            if targets:
                yield CodeChange("unmapped", code, "; ".join(targets))
        elif targets != after[code]:
            kind = "remapped" if targets else "mapped"
            yield CodeChange(kind, code, "; ".join(targets), "; ".join(after[code]))
    for code, targets in after.items():
        if code not in before and targets:
            yield CodeChange("mapped", code, after="; ".join(targets))


def code_systems_of(document: Mapping[str, Any]) -> set[tuple[str, str]]:
    """The pairs of code systems, without their versions, between which a ConceptMap leads."""
    return {
        (split_canonical(str(group.get("source", "")))[0], split_canonical(str(group.get("target", "")))[0])
        for group in document.get("group", ())
    }


def _mappings(document: Mapping[str, Any]) -> dict[str, list[str]]:
    """The targets of each code, with their relationships and conditions, as text."""
    mappings: dict[str, list[str]] = {}
    for group in document.get("group", ()):
        for element in group.get("element", ()):
            targets = mappings.setdefault(str(element.get("code")), [])
            for target in element.get("target", ()):
                conditions = " & ".join(
                    f"{each.get('attribute')}={_value(each)}" for each in target.get("dependsOn", ())
                )
                text = f"{target.get('relationship')} {target.get('code')}"
                targets.append(f"{text} if {conditions}" if conditions else text)
            targets.sort()
    return mappings


def _value(node: Mapping[str, Any]) -> str:
    """The value of a condition, as FHIR writes it."""
    value = next((value for name, value in node.items() if name.startswith("value")), "")
    return str(value).lower() if isinstance(value, bool) else str(value)


def system_of(terminology: Terminology, canonical: str) -> CodeSystem:
    """The code system of ``url|version``. Raises TerminologyError when there is none."""
    url, version = split_canonical(canonical)
    return terminology.visible_catalogue.system(url, version)


def breaking(changes: Iterable[CodeChange], codes: Iterable[str]) -> list[CodeChange]:
    """The changes that break codes which somebody has stored."""
    stored = set(codes)
    return [change for change in changes if change.kind in BREAKING and change.code in stored]
