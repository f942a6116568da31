"""A CodeSystem resource as a code system. The resource is indexed once and never changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property

from terminology.core import issues
from terminology.core.budget import counted
from terminology.core.languages import Languages
from terminology.core.model import Concept, ConceptDetail, Document, Filter, Issue
from terminology.core.texts import beginning_with, folded_finder
from terminology.systems import implicit
from terminology.systems.described import described_info, description_of
from terminology.systems.document_filters import DocumentFilters
from terminology.systems.document_index import DocumentIndex
from terminology.systems.filters import values_in_doubt
from terminology.systems.protocol import SimpleCodeSystem, SimpleSelection

Test = Callable[[str], bool]

_STEPS_OF_TEST = 5


class DocumentCodeSystem(SimpleCodeSystem):
    """A CodeSystem resource as a code system."""

    def __init__(self, document: Document) -> None:
        self.about = described_info(document)
        self.document = document
        self._concepts = DocumentIndex(self.about, document)

    @cached_property
    def _filters(self) -> DocumentFilters:
        return DocumentFilters(self.about, self.document, self._concepts, description_of(self.about.url))

    def locate(self, code: str) -> Concept | None:
        key = self._concepts.key(code)
        return self._concepts.concept(key) if key in self._concepts.nodes else None

    def select(
        self, filters: Sequence[Filter] = (), text: str | None = None, languages: Languages | None = None
    ) -> DocumentSelection:
        tests = [self._filters.choose(filter_).test for filter_ in filters]
        if text:
            tests.append(self._text_test(text, languages))
        return DocumentSelection(self._concepts, tests)

    def doubts(self, filters: Sequence[Filter]) -> list[Issue]:
        single = (each for filter_ in filters for each in values_in_doubt(filter_))
        empty = [each for each in single if next(iter(self.select([each])), None) is None]
        return [issues.nothing_has_value(each, self.about) for each in empty]

    def select_by_language(self, languages: Languages) -> DocumentSelection:
        concepts = self._concepts
        return DocumentSelection(concepts, [lambda key: concepts.has_text_in(key, languages)])

    def words(self, beginning: str) -> Sequence[str]:
        return beginning_with(beginning, self._concepts.words)

    def subsumes(self, ancestor: str, descendant: str) -> bool:
        top, below = self._concepts.key(ancestor), self._concepts.key(descendant)
        return top == below or top in self._concepts.ancestors(below)

    def describe(self, codes: Sequence[str]) -> Mapping[str, ConceptDetail]:
        keys = {code: self._concepts.key(code) for code in codes}
        nodes, detail = self._concepts.nodes, self._concepts.detail
        return {code: detail(key) for code, key in keys.items() if key in nodes}

    def implied_value_set(self, canonical: str) -> Document | None:
        value_set, description = self.document.get("valueSet"), description_of(self.about.url)
        return implicit.implied_value_set(self, canonical, value_set, description)

    def _text_test(self, text: str, languages: Languages | None) -> Test:
        """A test whether the text finds the texts of a concept (see ``core.texts``)."""
        finds, concepts = folded_finder(text), self._concepts
        if languages is None:
            return lambda key: finds(concepts.texts[key])

        def test(key: str) -> bool:
            if not languages.insist and not concepts.has_text_in(key, languages):
                return finds(concepts.texts[key])
            texts = concepts.texts_by_language[key].items()
            return finds("".join(text for tag, text in texts if tag is None or languages.rank(tag)))

        return test


class DocumentSelection(SimpleSelection):
    """The concepts of a CodeSystem resource that pass some tests, in the order of the resource."""

    def __init__(self, concepts: DocumentIndex, tests: Sequence[Test]) -> None:
        self._concepts = concepts
        self._tests = tests

    def __iter__(self) -> Iterator[Concept]:
        keys: Iterable[str] = counted(self._concepts.nodes, 1 + _STEPS_OF_TEST * len(self._tests))
        for test in self._tests:
            keys = filter(test, keys)
        return map(self._concepts.concept, keys)

    def __contains__(self, code: object) -> bool:
        key = self._concepts.key(str(code))
        return key in self._concepts.nodes and all(test(key) for test in self._tests)
