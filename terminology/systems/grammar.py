"""A code system with a grammar: a code belongs to it if it can be read.

A grammar is one function, ``read``: it takes a code and returns its meaning, or None. Everything else is the
same for all grammars, and is in this module.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace

from terminology.core import issues
from terminology.core.budget import counted
from terminology.core.errors import TerminologyError
from terminology.core.languages import Languages
from terminology.core.model import CodeSystemInfo, Concept, ConceptDetail, Document, Filter, Property
from terminology.core.texts import finder, words
from terminology.systems.filters import ReadValues, anything, compared
from terminology.systems.implicit import ALL_CODES, all_of
from terminology.systems.protocol import SimpleCodeSystem, is_found

Test = Callable[["Reading"], bool]


@dataclass(slots=True)
class Reading:
    """The meaning of a code. ``values`` has the values of each property, as filters compare them."""

    concept: Concept
    detail: ConceptDetail = field(default_factory=ConceptDetail)
    values: Mapping[str, Sequence[str]] = field(default_factory=dict)


class GrammarCodeSystem(SimpleCodeSystem):
    """The codes that ``read`` can read.

    ``properties`` are the names that filters know besides ``code``, each with a function that writes equal
    values in the same way (or None). ``value_sets`` are the canonicals of the value set of all codes.

    ``find_value_set`` finds a ValueSet by its canonical. A request for all codes gets those of the first value
    set in ``about.common`` that is known. The catalogue that has the value sets asks for a copy that has this
    attribute (``listed_by``); without it nothing can be listed.
    """

    def __init__(
        self,
        about: CodeSystemInfo,
        read: Callable[[str], Reading | None],
        properties: Mapping[str, Callable[[str], str] | None] | None = None,
        value_sets: Sequence[str] = (),
    ) -> None:
        self.about = replace(about, is_related=False, is_infinite=True)
        self.read = read
        self.find_value_set: Callable[[str], Document | None] = lambda canonical: None
        self._properties = properties or {}
        self._value_sets = frozenset({*value_sets, f"{about.url}{ALL_CODES}"})

    def listed_by(self, find_value_set: Callable[[str], Document | None]) -> GrammarCodeSystem:
        """The same code system; the value sets of its common codes are found by this function."""
        system = copy(self)
        system.find_value_set = find_value_set
        return system

    def locate(self, code: str) -> Concept | None:
        reading = self.read(code)
        return reading.concept if reading else None

    def select(
        self, filters: Sequence[Filter] = (), text: str | None = None, languages: Languages | None = None
    ) -> GrammarSelection:
        tests = [self._test(filter_) for filter_ in filters]
        if text:
            finds = finder(text)
            tests.append(lambda reading: _is_found(reading, finds))
        return GrammarSelection(self, tests)

    def words(self, beginning: str) -> Iterator[str]:
        """Those of the common codes, which are all that a search lists."""
        _, codes = self.common_codes() or ("", ())
        readings = (self.read(code) for code in codes)
        texts = (text for reading in readings if reading is not None for text in _texts(reading))
        return (word for text in texts for word in words(text) if word.startswith(beginning))

    def describe(self, codes: Sequence[str]) -> Mapping[str, ConceptDetail]:
        readings = {code: self.read(code) for code in codes}
        return {code: _detail(reading) for code, reading in readings.items() if reading is not None}

    def implied_value_set(self, canonical: str) -> Document | None:
        """These value sets are older than this version of the code system, so they include any version."""
        return all_of(replace(self.about, version=None), canonical) if canonical in self._value_sets else None

    def common_codes(self) -> tuple[str, list[str]] | None:
        """The first value set of ``about.common`` that is known, and its codes; None if none is known."""
        for canonical in self.about.common:
            value_set = self.find_value_set(canonical)
            if value_set is not None:
                includes = value_set.get("compose", {}).get("include", ())
                own = [include for include in includes if include.get("system") == self.about.url]
                return canonical, [node["code"] for include in own for node in include.get("concept", ())]
        return None

    def _test(self, filter_: Filter) -> Test:
        name = filter_.property
        if not filter_.value:
            raise TerminologyError(issues.filter_without_value(name, filter_.op, self.about.url))
        passing = compared(filter_, values, anything) if (values := self._values(name)) is not None else None
        if passing is None:
            raise TerminologyError(issues.unknown_filter(filter_, self.about))
        return passing.test

    def _values(self, name: str) -> ReadValues[Reading] | None:
        if name in ("code", "concept"):
            return ReadValues(lambda reading: [reading.concept.code], self._as_written)
        if name in self._properties:
            return ReadValues(lambda reading: reading.values.get(name, ()), self._properties[name])
        return None

    def _as_written(self, code: str) -> str:
        """The code as the code system writes it; any other text stays as it is."""
        concept = self.locate(code)
        return concept.code if concept else code


class GrammarSelection:
    """The codes that can be read and pass some tests.

    Any code can be asked about; the common codes among them are listed, and ``unclosed`` says so.
    """

    index: object | None = None

    def __init__(self, system: GrammarCodeSystem, tests: Sequence[Test]) -> None:
        self._system = system
        self._tests = tests

    @property
    def unclosed(self) -> str | None:
        common = self._system.common_codes()
        return issues.grammar_is_unclosed(self._system.about, common[0]) if common else None

    def __iter__(self) -> Iterator[Concept]:
        """Raises TerminologyError where no value set of common codes is known."""
        common = self._system.common_codes()
        if common is None:
            raise TerminologyError(issues.not_enumerable(self._system.about))
        readings = (self._system.read(code) for code in counted(common[1], 5 * (1 + len(self._tests))))
        for reading in readings:
            if reading is not None and all(test(reading) for test in self._tests):
                yield reading.concept

    def __contains__(self, code: object) -> bool:
        reading = self._system.read(str(code))
        return reading is not None and all(test(reading) for test in self._tests)


def _is_found(reading: Reading, finds: Callable[[str], bool]) -> bool:
    names = (designation.value for designation in reading.detail.designations)
    return is_found(reading.concept, finds) or any(map(finds, names))


def _texts(reading: Reading) -> Iterator[str]:
    """The texts that a search finds."""
    yield reading.concept.code
    yield reading.concept.display or ""
    yield from (designation.value for designation in reading.detail.designations)


def _detail(reading: Reading) -> ConceptDetail:
    values = [Property(name, "string", v) for name, values in reading.values.items() for v in values]
    return ConceptDetail(list(reading.detail.designations), [*reading.detail.properties, *values])
