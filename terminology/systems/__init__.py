"""What a code system can be: the one protocol that every operation asks, whatever lies behind it.

A kind of code system is one file beside this one. See docs/adding-a-code-system.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol, cast

from terminology.core.languages import Languages
from terminology.core.model import CodeSystemInfo, Concept, ConceptDetail, Document, Filter


class Selection(Protocol):
    """Some of a code system's concepts: read them through, or ask about one code.

    A selection that can list only some of its concepts says why in one more attribute, ``unclosed``, a text.
    One that can list none raises TerminologyError when it is iterated.
    """

    def __iter__(self) -> Iterator[Concept]: ...
    def __contains__(self, code: object) -> bool: ...


class ConceptSet(Selection, Protocol):
    """A selection that knows its size, and combines with others, without reading a concept.

    Only selections of code systems with the same ``index_of`` combine; the order is that of the left one.
    """

    def __len__(self) -> int: ...

    def __getitem__(self, part: slice) -> list[Concept]:
        """The concepts of a page."""

    def __and__(self, other: Any) -> ConceptSet: ...
    def __or__(self, other: Any) -> ConceptSet: ...
    def __sub__(self, other: Any) -> ConceptSet: ...

    def without(self, inactive: bool = False, abstract: bool = False) -> ConceptSet:
        """Those that are not inactive, not abstract."""

    def among(self, codes: Iterable[str]) -> ConceptSet:
        """Those that have one of these codes, in the order of the codes."""


class CodeSystem(Protocol):
    """One version of one code system."""

    @property
    def about(self) -> CodeSystemInfo:
        """What the code system says of itself."""

    def locate(self, code: str) -> Concept | None:
        """The concept of this code, or None. Its ``code`` is as the code system writes it."""

    def select(
        self, filters: Sequence[Filter] = (), text: str | None = None, languages: Languages | None = None
    ) -> Selection:
        """The concepts that pass all filters (https://hl7.org/fhir/R5/valueset.html, filters), and that a
        text finds: each of its words begins a word of the code, of the display or of a designation.

        With ``languages``, of what is said in these, or in no language in particular; where nothing is said
        in these, and they do not insist, of whatever is said.

        Raises TerminologyError for a filter that this code system does not know, or cannot answer: a value
        that the operator does not take, a code that is not there.
        """

    def subsumes(self, ancestor: str, descendant: str) -> bool:
        """Is the first concept above the second one (or the same)? Both codes must exist."""

    def describe(self, codes: Sequence[str]) -> Mapping[str, ConceptDetail]:
        """Designations and properties of many concepts at once; codes that are not there are left out."""

    def implied(self, canonical: str) -> Document | None:
        """The ValueSet that this code system itself defines under a canonical, or None."""


def speaking(system: CodeSystem, languages: Languages) -> Selection | None:
    """The concepts of which something is said in these languages; None where that is not known."""
    ask = getattr(system, "speaking", None)
    return cast("Selection", ask(languages)) if ask is not None else None


def index_of(system: CodeSystem) -> object | None:
    """What the concepts of a code system are counted by; its selections are ``ConceptSet`` then.

    An attribute ``index``, which most code systems do without: None.
    """
    return getattr(system, "index", None)
