"""Members of a value set: the shapes and rules that the three ways to list them share.

$expand lists members in one of three ways, which give the same members in the same order from the same blocks
(``tests/operations/test_expand_by_sets.py`` compares them). It takes the first that can do it:

* ``expand_by_lists``: includes that only enumerate, in value sets of the store. It counts the enumerations
  without reading them;
* ``expand_by_sets``: every code system has an index (``CodeSystem.index``). It counts by an algebra of sets
  and reads the concepts of the page only;
* ``expand_by_walking``: everything else, one concept after the other. A grammar has no index, two versions of
  a code system have no common one, and documents in memory have none.

All three are needed (docs/design.md has the measurements). Only walking can do everything, but a page of ten
codes takes it as long as the whole value set. Sets need the codes of an enumeration before
they can count it, which is what lists avoid. The meaning of a definition is in ``compose``; here is what else
they have in common.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from terminology.core.languages import Languages
from terminology.core.model import CodeSystemInfo, Concept, split_canonical
from terminology.core.versions import fits, natural
from terminology.operations.value_set.compose import Block, Definition, Node
from terminology.systems.protocol import CodeSystem


@dataclass(slots=True)
class Member:
    """A concept with the include that brings it in."""

    concept: Concept
    block: Block

    @property
    def system(self) -> CodeSystem:
        """The code system, in the version that the include uses."""
        assert self.block.system is not None
        return self.block.system


@dataclass(slots=True, frozen=True)
class MemberQuery:
    """Which members an expansion has, by the parameters of $expand.

    ``only_concepts`` (parameter ``excludePostCoordinated``) leaves expressions out.
    ``text`` (parameter ``filter``) finds some of them, in ``languages`` (see ``CodeSystem.select``). The
    others leave some out.
    """

    text: str | None = None
    languages: Languages | None = None
    active_only: bool = False
    selectable_only: bool = False
    excluded_systems: Sequence[str] = ()
    only_concepts: bool = False

    def allows_system(self, about: CodeSystemInfo) -> bool:
        """False: ``exclude-system`` leaves the whole code system out."""
        return not any(
            url == about.url and fits(about.version, version)
            for url, version in map(split_canonical, self.excluded_systems)
        )

    def leaves_out_inactive(self, definition: Definition) -> bool:
        """Whether inactive codes are left out, by the request or by the value set."""
        return self.active_only or not definition.includes_inactive


ALL_MEMBERS = MemberQuery()


@dataclass(slots=True)
class MemberPage:
    """The number of all members, and a function that reads those of one page."""

    total: int
    read: Callable[[], list[Member]]


def in_order(includes: Sequence[Block]) -> list[Block]:
    """The includes in their order, but of several declared versions of a code system the newest first.

    Where versions are not told apart, the first member of a code gives it its display: that of the newest.
    """
    places: dict[str | None, list[int]] = {}
    for place, block in enumerate(includes):
        places.setdefault(block.url, []).append(place)
    ordered = list(includes)
    for url, own_places in places.items():
        if url is not None and len(own_places) > 1:
            newest_first = sorted((includes[place] for place in own_places), key=_version_key, reverse=True)
            for place, block in zip(own_places, newest_first, strict=True):
                ordered[place] = block
    return ordered


def _version_key(block: Block) -> tuple[object, ...]:
    return natural(block.declared_version) if block.declared_version else ()


def own_text(enumerated_concept: Node) -> str:
    """The words of a value set itself for a concept that it enumerates, in every language."""
    designations = (d.get("value", "") for d in enumerated_concept.get("designation", ()))
    return "\n".join([enumerated_concept.get("display", ""), *designations])
