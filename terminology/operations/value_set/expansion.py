"""The answer of $expand: an expansion and its entries."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from terminology.core.model import Designation, Document, Issue, Typed

# The parameter of an expansion that names a code system whose codes are listed and could not be checked.
UNKNOWN_SYSTEM = "warning-unknown-system"


@dataclass(slots=True)
class ExpansionEntry:
    """One code of an expansion (``ValueSet.expansion.contains``), with the entries beneath it.

    ``version`` is there only where versions of the code system have to be told apart.
    """

    system: str
    code: str
    display: str | None = None
    version: str | None = None
    abstract: bool = False
    inactive: bool = False
    designations: Sequence[Designation] = ()
    properties: Sequence[tuple[str, Typed]] = ()
    extension: Sequence[Document] = ()
    contains: Sequence[ExpansionEntry] = ()


@dataclass(slots=True)
class Expansion:
    """A value set's codes, or a page of them (``ValueSet.expansion``).

    ``total`` counts all codes, not only these; it is None where there are infinitely many. ``parameters`` are the
    parameters of the request that had an effect, and the resources that were used: names and values, a name may
    repeat. ``properties`` has the uri of each property of the entries. ``unclosed`` has the reasons why there may
    be more codes than can be listed, "" for no particular reason.
    ``with_definition``: the answer repeats the definition of the value set.
    ``notes`` returns warnings about the request.
    """

    value_set: Document
    entries: list[ExpansionEntry]
    total: int | None
    offset: int | None = None
    parameters: list[tuple[str, Typed]] = field(default_factory=list)
    properties: Mapping[str, str | None] = field(default_factory=dict)
    unclosed: list[str] = field(default_factory=list)
    with_definition: bool = False
    notes: Callable[[], list[Issue]] = list

    @property
    def has_unknown_systems(self) -> bool:
        """Whether the value set lists codes of a code system that is unknown, so that they could not be checked."""
        return any(name == UNKNOWN_SYSTEM for name, _ in self.parameters)

    def __iter__(self) -> Iterator[ExpansionEntry]:
        """Every entry, at every depth."""
        waiting = list(reversed(self.entries))
        while waiting:
            entry = waiting.pop()
            yield entry
            waiting.extend(reversed(entry.contains))
