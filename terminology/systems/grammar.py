"""A code system whose codes cannot be listed: a code is in it if it can be read.

A grammar is one function, ``read``: it takes a code and says what the code means, or None. The rest is the
same for all of them and stands here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from terminology.core import issues
from terminology.core.errors import TerminologyError
from terminology.core.languages import Languages
from terminology.core.model import CodeSystemInfo, Concept, ConceptDetail, Document, Filter, Property, Typed
from terminology.core.texts import finder
from terminology.systems.comparisons import comparison
from terminology.systems.document import all_of

Test = Callable[["Reading"], bool]


@dataclass(slots=True)
class Reading:
    """What a code turned out to say. ``values`` are what filters ask about, by the name of the property."""

    concept: Concept
    detail: ConceptDetail = field(default_factory=ConceptDetail)
    values: Mapping[str, Sequence[str]] = field(default_factory=dict)


class Grammar:
    """The codes that ``read`` can read.

    ``properties`` are the names that filters know besides ``code``, each with what makes two ways to write
    its value the same (or None). ``value_sets`` are canonicals that mean all of the code system.

    ``find_value_set`` is for whoever has value sets to set: with it, one of ``about.common`` says which codes
    to list where all are asked for.
    """

    def __init__(
        self,
        about: CodeSystemInfo,
        read: Callable[[str], Reading | None],
        properties: Mapping[str, Callable[[str], str] | None] | None = None,
        value_sets: Sequence[str] = (),
    ) -> None:
        self.about = replace(about, is_related=False)
        self.read = read
        self.find_value_set: Callable[[str], Document | None] = lambda canonical: None
        self._properties = properties or {}
        self._value_sets = frozenset({*value_sets, f"{about.url}?fhir_vs"})

    def locate(self, code: str) -> Concept | None:
        reading = self.read(code)
        return reading.concept if reading else None

    def select(
        self, filters: Sequence[Filter] = (), text: str | None = None, languages: Languages | None = None
    ) -> GrammarSelection:
        tests = [self._test(filter_) for filter_ in filters]
        if text:
            tests.append(_text_test(text))
        return GrammarSelection(self, tests)

    def subsumes(self, ancestor: str, descendant: str) -> bool:
        return ancestor == descendant

    def describe(self, codes: Sequence[str]) -> Mapping[str, ConceptDetail]:
        readings = {code: self.read(code) for code in codes}
        return {code: _detail(reading) for code, reading in readings.items() if reading is not None}

    def implied(self, canonical: str) -> Document | None:
        """These value sets are older than the version of what is here, and mean whichever there is."""
        return all_of(replace(self.about, version=None), canonical) if canonical in self._value_sets else None

    def usual(self) -> tuple[str, list[str]] | None:
        """The value set of the usual codes that is here, and these codes."""
        for canonical in self.about.common:
            found = self.find_value_set(canonical)
            if found is not None:
                includes = found.get("compose", {}).get("include", ())
                mine = [include for include in includes if include.get("system") == self.about.url]
                return canonical, [node["code"] for include in mine for node in include.get("concept", ())]
        return None

    def _test(self, filter_: Filter) -> Test:
        name = filter_.property
        if not filter_.value:
            raise TerminologyError(issues.filter_without_value(name, filter_.op, self.about.url))
        is_code = name in ("code", "concept")
        normal = self._as_written if is_code else self._properties.get(name)
        accepts = comparison(filter_, normal) if is_code or name in self._properties else None
        if accepts is None:
            raise TerminologyError(issues.unknown_filter(name, filter_.op, self.about))
        return lambda reading: accepts([reading.concept.code] if is_code else reading.values.get(name, ()))

    def _as_written(self, code: str) -> str:
        """The code as it is written here, where case does not matter; what is none stays as it is."""
        concept = self.locate(code)
        return concept.code if concept else code


class GrammarSelection:
    """The codes that can be read and pass some tests. They can be asked about; what is listed are the usual
    ones among them, and ``unclosed`` says so.
    """

    def __init__(self, system: Grammar, tests: Sequence[Test]) -> None:
        self._system = system
        self._tests = tests

    @property
    def unclosed(self) -> str | None:
        """Why the list is not all there is."""
        usual = self._system.usual()
        return issues.grammar_is_unclosed(self._system.about, usual[0]) if usual else None

    def __iter__(self) -> Iterator[Concept]:
        """Raises TerminologyError where nobody says which codes are the usual ones."""
        usual = self._system.usual()
        if usual is None:
            raise TerminologyError(issues.not_enumerable(self._system.about))
        readings = (self._system.read(code) for code in usual[1])
        for reading in readings:
            if reading is not None and all(test(reading) for test in self._tests):
                yield reading.concept

    def __contains__(self, code: object) -> bool:
        reading = self._system.read(str(code))
        return reading is not None and all(test(reading) for test in self._tests)


def _detail(reading: Reading) -> ConceptDetail:
    said = [Property(name, Typed("string", v)) for name, values in reading.values.items() for v in values]
    return ConceptDetail(list(reading.detail.designations), [*reading.detail.properties, *said])


def _text_test(text: str) -> Test:
    finds = finder(text)
    return lambda reading: finds(reading.concept.code) or finds(reading.concept.display or "")
