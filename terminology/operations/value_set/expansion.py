"""What is an expansion made of?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from terminology.core.languages import Languages
from terminology.core.model import Designation, Document, Typed
from terminology.operations.value_set.pins import VersionParameters

# How many codes are listed at most, where no setting says otherwise.
LARGEST_EXPANSION = 50_000


@dataclass(slots=True, kw_only=True)
class ExpandRequest(VersionParameters):
    """``languages`` is the parameter, ``accepted`` what the caller wants in general (``Accept-Language``).

    ``largest`` bounds the number of codes in the answer. ``date`` and ``exclude_post_coordinated`` are
    accepted and have no effect: the content here knows no validity in time and lists no expressions.
    """

    url: str | None = None
    value_set: Document | None = None
    value_set_version: str | None = None
    instance: Document | None = None
    context: str | None = None
    filter: str | None = None
    date: str | None = None
    offset: int | None = None
    count: int | None = None
    include_designations: bool | None = None
    designations: Sequence[str] = ()
    include_definition: bool | None = None
    active_only: bool | None = None
    exclude_nested: bool | None = None
    exclude_not_for_ui: bool | None = None
    exclude_post_coordinated: bool | None = None
    languages: Languages | None = None
    accepted: Languages | None = None
    exclude_systems: Sequence[str] = ()
    properties: Sequence[str] = ()
    supplements: Sequence[str] = ()
    largest: int = LARGEST_EXPANSION


@dataclass(slots=True)
class Entry:
    """One code of an expansion (``ValueSet.expansion.contains``), with those beneath it.

    ``version`` is said only where versions of the code system have to be told apart.
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
    contains: Sequence[Entry] = ()


@dataclass(slots=True)
class Expansion:
    """The answer: a part of the value set, in which order and shape it was asked for.

    ``total`` counts all codes, not only these. ``parameters`` are those of the request that had an effect,
    and what was used (name and value, a name may come again). ``properties`` has the uri of each property
    used. ``unclosed`` has the reasons why there may be more codes than can be counted.
    """

    value_set: Document
    entries: list[Entry]
    total: int
    offset: int | None = None
    parameters: list[tuple[str, Typed]] = field(default_factory=list)
    properties: Mapping[str, str | None] = field(default_factory=dict)
    unclosed: list[str] = field(default_factory=list)
    with_definition: bool = False

    def __iter__(self) -> Iterator[Entry]:
        """Every entry, at whatever depth."""
        waiting = list(reversed(self.entries))
        while waiting:
            entry = waiting.pop()
            yield entry
            waiting.extend(reversed(entry.contains))
