"""The protocol of a code system: the questions that every operation asks, whatever lies behind it.

A kind of code system is one module beside this one, see docs/adding-a-code-system.md. ``SimpleCodeSystem``
answers all questions but two, for a code system with no more to say.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import count
from typing import Any, Protocol, cast

from terminology.core import issues
from terminology.core.errors import TerminologyError
from terminology.core.languages import Languages
from terminology.core.model import CodeSystemInfo, Concept, ConceptDetail, Document, Filter, Issue
from terminology.core.texts import finder


class Selection(Protocol):
    """Some of a code system's concepts: iterate them, or ask about one code.

    Iterating a selection that cannot be listed at all raises TerminologyError.
    """

    @property
    def index(self) -> object | None:
        """The numbering of the concepts, where the selection is a ``ConceptSet``; otherwise None."""

    @property
    def unclosed(self) -> str | None:
        """Why the selection lists only some of its concepts, "" for no particular reason; None where it lists all."""

    def __iter__(self) -> Iterator[Concept]: ...
    def __contains__(self, code: object) -> bool: ...


class ConceptSet(Selection, Protocol):
    """A selection that knows its size, and combines with others, without reading a concept.

    Only selections with the same ``index`` combine; the order is that of the left one.
    """

    def __len__(self) -> int: ...

    def __getitem__(self, page: slice) -> list[Concept]:
        """The concepts of a page."""

    def __and__(self, other: Any) -> ConceptSet: ...
    def __or__(self, other: Any) -> ConceptSet: ...
    def __sub__(self, other: Any) -> ConceptSet: ...

    def without(self, inactive: bool = False, abstract: bool = False) -> ConceptSet:
        """The concepts that are not inactive, not abstract."""

    def among(self, codes: Iterable[str], beyond: CodesBeyond | None = None) -> ConceptSet:
        """The concepts that have one of these codes, in the order of the codes; those of ``beyond`` as well."""

    def open_because(self, reason: str, accepts: Callable[[str], bool] | None = None) -> ConceptSet:
        """The same concepts, with the reason why they are not all; ``accepts`` knows the others by their codes."""


class CodesBeyond:
    """The codes that value sets list, and that a fragment lacks, numbered from 0.

    Sets combine if they have the same object. It grows while a value set is expanded, perhaps by several threads.
    """

    def __init__(self, accepts: Callable[[str], bool]) -> None:
        """``accepts`` says whether a code that the fragment lacks is listed."""
        self._accepts = accepts
        self._numbers: dict[str, int] = {}
        self._concepts: dict[int, Concept] = {}
        self._unused = count()

    def number(self, code: str, key: str) -> int | None:
        """The number of a code, a new one if it is accepted; None if it is not. ``key``: see ``core.code_keys``."""
        number = self._numbers.get(key)
        if number is None and self._accepts(code):
            # Without a lock: each step is one for the interpreter, and a number that is found has its concept.
            new = next(self._unused)
            self._concepts[new] = Concept(code)
            number = self._numbers.setdefault(key, new)
        return number

    def find(self, key: str) -> int | None:
        """The number of a code that has one."""
        return self._numbers.get(key)

    def concept(self, number: int) -> Concept:
        """The concept of a number; only its code is known."""
        return self._concepts[number]


class CodeSystem(Protocol):
    """One version of one code system."""

    @property
    def about(self) -> CodeSystemInfo:
        """Url, version, name and the other metadata."""

    @property
    def index(self) -> object | None:
        """The numbering of the concepts, where every selection is a ``ConceptSet``; otherwise None."""

    @property
    def supplements(self) -> Sequence[str]:
        """The canonicals (url|version) of the supplements that are applied."""

    @property
    def supplement_documents(self) -> Sequence[Document]:
        """The CodeSystem resources of the supplements that are applied."""

    def locate(self, code: str) -> Concept | None:
        """The concept of this code, or None. Its ``code`` is as the code system writes it."""

    def select(
        self, filters: Sequence[Filter] = (), text: str | None = None, languages: Languages | None = None
    ) -> Selection:
        """The concepts that pass all filters and that a text finds.

        Filters are those of https://hl7.org/fhir/R5/valueset.html. A text finds a concept if each of its words
        begins a word of the code, of the display or of a designation.

        With ``languages``, only texts in these languages count, and texts in no particular language; a
        concept without a text in these languages is searched in all, unless ``languages.insist``.

        Raises TerminologyError for a filter that this code system does not know, or cannot answer: a value
        that the operator does not take, a code that does not exist.
        """

    def doubts(self, filters: Sequence[Filter]) -> list[Issue]:
        """Warnings about filters that ``select`` takes: one for each value that no concept has."""

    def select_by_language(self, languages: Languages) -> Selection | None:
        """The concepts that have a text in one of these languages; None where that is not known."""

    def words(self, beginning: str) -> Iterable[str]:
        """The words of its texts that begin so, folded; none where they are not known. A word may come twice."""

    def subsumes(self, ancestor: str, descendant: str) -> bool:
        """Is the first concept above the second one (or the same)? Both codes must exist."""

    def describe(self, codes: Sequence[str]) -> Mapping[str, ConceptDetail]:
        """Designations and properties of many concepts at once; unknown codes are left out."""

    def displays(self, codes: Collection[str]) -> Mapping[str, str]:
        """The displays of many concepts at once; codes without one are left out."""

    def implied_value_set(self, canonical: str) -> Document | None:
        """The ValueSet that this code system itself defines under a canonical, or None."""

    def is_expression(self, code: str) -> bool:
        """Is a code written as one that is made of others, and that no list has? It may be malformed.

        Only where ``about.has_expressions`` can it be.
        """

    def expression_key(self, code: str) -> str:
        """The same text for expressions that differ only in how they are written; any other code as it is."""

    def remarks(self, code: str) -> Sequence[Issue]:
        """Why an expression, or a text that a grammar cannot read, is not a code (information).

        Of one that is a code: the doubts about it (warnings), and the checks that no code system makes (information).
        """


class SimpleCodeSystem:
    """A code system for which a subclass defines only ``about`` and ``locate``.

    Its codes cannot be listed and are not related to each other; it has no properties, and no filters.
    """

    about: CodeSystemInfo

    def locate(self, code: str) -> Concept | None:
        raise NotImplementedError

    @property
    def index(self) -> object | None:
        return None

    @property
    def supplements(self) -> Sequence[str]:
        return ()

    @property
    def supplement_documents(self) -> Sequence[Document]:
        return ()

    def select(
        self, filters: Sequence[Filter] = (), text: str | None = None, languages: Languages | None = None
    ) -> Selection:
        """Raises TerminologyError for every filter."""
        for filter_ in filters:
            if not filter_.value:
                raise TerminologyError(
                    issues.filter_without_value(filter_.property, filter_.op, self.about.url)
                )
            raise TerminologyError(issues.unknown_filter(filter_, self.about))
        return LocatedSelection(self, text)

    def doubts(self, filters: Sequence[Filter]) -> list[Issue]:
        return []

    def select_by_language(self, languages: Languages) -> Selection | None:
        return None

    def words(self, beginning: str) -> Iterable[str]:
        return ()

    def subsumes(self, ancestor: str, descendant: str) -> bool:
        return ancestor == descendant

    def describe(self, codes: Sequence[str]) -> Mapping[str, ConceptDetail]:
        return {code: ConceptDetail() for code in codes if self.locate(code) is not None}

    def displays(self, codes: Collection[str]) -> Mapping[str, str]:
        return located_displays(self.locate, codes)

    def implied_value_set(self, canonical: str) -> Document | None:
        return None

    def is_expression(self, code: str) -> bool:
        return False

    def expression_key(self, code: str) -> str:
        return code

    def remarks(self, code: str) -> Sequence[Issue]:
        return ()


class WrappedCodeSystem:
    """A code system that passes every question on to another one; a subclass answers some of them itself."""

    def __init__(self, system: CodeSystem) -> None:
        self._system = system
        # Asked for many times in a request.
        self.about: CodeSystemInfo = system.about
        self.supplements: Sequence[str] = system.supplements

    @property
    def wrapped(self) -> CodeSystem:
        """The other code system."""
        return self._system

    @property
    def index(self) -> object | None:
        return self._system.index

    @property
    def supplement_documents(self) -> Sequence[Document]:
        return self._system.supplement_documents

    def locate(self, code: str) -> Concept | None:
        return self._system.locate(code)

    def select(
        self, filters: Sequence[Filter] = (), text: str | None = None, languages: Languages | None = None
    ) -> Selection:
        return self._system.select(filters, text, languages)

    def doubts(self, filters: Sequence[Filter]) -> list[Issue]:
        return self._system.doubts(filters)

    def select_by_language(self, languages: Languages) -> Selection | None:
        return self._system.select_by_language(languages)

    def words(self, beginning: str) -> Iterable[str]:
        return self._system.words(beginning)

    def subsumes(self, ancestor: str, descendant: str) -> bool:
        return self._system.subsumes(ancestor, descendant)

    def describe(self, codes: Sequence[str]) -> Mapping[str, ConceptDetail]:
        return self._system.describe(codes)

    def displays(self, codes: Collection[str]) -> Mapping[str, str]:
        if self.about.has_expressions:
            return located_displays(self.locate, codes)
        return self._system.displays(codes)

    def implied_value_set(self, canonical: str) -> Document | None:
        return self._system.implied_value_set(canonical)

    def is_expression(self, code: str) -> bool:
        return self._system.is_expression(code)

    def expression_key(self, code: str) -> str:
        return self._system.expression_key(code)

    def remarks(self, code: str) -> Sequence[Issue]:
        return self._system.remarks(code)


def located_displays(locate: Callable[[str], Concept | None], codes: Collection[str]) -> dict[str, str]:
    """The displays of concepts that are located one after the other."""
    concepts = ((code, locate(code)) for code in codes)
    return {code: concept.display for code, concept in concepts if concept is not None and concept.display}


class SimpleSelection:
    """The answers of a selection that lists all its concepts and cannot be counted without reading them."""

    @property
    def index(self) -> object | None:
        return None

    @property
    def unclosed(self) -> str | None:
        return None


class OpenSelection:
    """A selection with more codes than it can list: those that ``accepts`` accepts."""

    index: object | None = None

    def __init__(self, listed: Selection, accepts: Callable[[str], bool], reason: str) -> None:
        self._listed, self._accepts = listed, accepts
        self.unclosed: str | None = reason

    def __iter__(self) -> Iterator[Concept]:
        return iter(self._listed)

    def __contains__(self, code: object) -> bool:
        return code in self._listed or self._accepts(str(code))


def open_selection(listed: Selection, accepts: Callable[[str], bool], reason: str) -> Selection:
    """A selection that has other codes besides those that it lists, with the reason why it cannot list them.

    One with an index combines with others as before: the other codes are lost by that.
    """
    if listed.index is None:
        return OpenSelection(listed, accepts, reason)
    return cast("ConceptSet", listed).open_because(reason, accepts)


class LocatedSelection(SimpleSelection):
    """The codes that a code system locates, and that a text finds: to be asked about, not to be listed."""

    def __init__(self, system: SimpleCodeSystem, text: str | None = None) -> None:
        self._system = system
        self._finds = finder(text) if text else None

    def __iter__(self) -> Iterator[Concept]:
        """Raises TerminologyError: nobody can say which codes there are."""
        raise TerminologyError(issues.not_enumerable(self._system.about))

    def __contains__(self, code: object) -> bool:
        concept = self._system.locate(str(code))
        return concept is not None and (self._finds is None or is_found(concept, self._finds))


def is_found(concept: Concept, finds: Callable[[str], bool]) -> bool:
    """Does a search text find the code or the display of a concept?"""
    return finds(concept.code) or finds(concept.display or "")
