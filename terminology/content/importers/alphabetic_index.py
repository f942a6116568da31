"""The alphabetic indexes of ICD-10-PCS and ICD-10-CM: words that lead to codes.

A main term has terms below it, to any depth, and each may lead to codes::

    <ICD10PCS.index><version>2023</version><title>2023 ICD-10-PCS Index</title><letter><title>A</title>
      <mainTerm><title>Adenoidectomy</title>
        <term level="1"><see>Excision, Adenoids<codes>0CBQ</codes></see></term> …
      <mainTerm><title>Abortion</title><term level="1"><title>Vacuum</title><code>10A07Z6</code></term> …

    <ICD10CM.index><version>2026</version><letter><title>A</title>
      <mainTerm><title>Abasia<nemod>(-astasia) (hysterical)</nemod></title><code>F44.4</code></mainTerm> …

``code`` is a code, ``codes`` and ``tab`` are the beginnings of several, as is a code of ICD-10-CM with a hyphen at
its end (``C34.9-``). ``subcat`` and ``manif`` are further codes of ICD-10-CM. Its tables of neoplasms and of drugs
have a code in each ``cell``, and the headings of their columns at the top::

    <indexHeading><head col="2">Malignant Primary</head> …
      <mainTerm><title>Neoplasm, neoplastic</title><cell col="2">C80.1</cell> …

A ``see`` without codes leads to another term, and a ``use`` without codes to a value of an axis: these lead to no code
here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from terminology.content.importers.files import File
from terminology.content.importers.rows import xml_events
from terminology.core.errors import BrokenReleaseError
from terminology.core.languages import INDEX_TERM
from terminology.core.model import Problem
from terminology.store.release import DesignationTuple
from terminology.store.reporting import Reporter

# The elements that hold a code or the beginning of codes.
_CODES = frozenset({"code", "codes", "tab", "subcat", "manif"})
_REFERENCES = frozenset({"see", "seeAlso", "use"})
# How many elements an error message names.
_NAMED = 20
# The official files have terms of nine levels.
_DEEPEST = 50
# An empty cell of a table.
_NO_CODE = re.compile(r"-*")


class CodePattern(NamedTuple):
    """How an index writes codes.

    ``code`` has the code as its first group. Fewer than ``beginning`` characters, dots not counted, are a heading of so
    many codes that they lead to that heading alone.
    """

    system: str
    code: re.Pattern[str]
    beginning: int


@dataclass(slots=True)
class IndexTerms:
    """The terms of some index files, by the code or the beginning of codes that they lead to, without dots."""

    pattern: CodePattern
    terms: dict[str, dict[str, File]] = field(default_factory=dict)
    reached: set[str] = field(default_factory=set)
    error: BrokenReleaseError | None = None

    @staticmethod
    def of(files: Sequence[File], pattern: CodePattern, reporter: Reporter) -> IndexTerms:
        """Read the files; anything else than a code is reported. ``finish`` raises where one breaks off."""
        index = IndexTerms(pattern)
        try:
            for file in files:
                for term, code in _terms(file, reporter):
                    index.add(term, code, file, reporter)
        except BrokenReleaseError as error:
            index.error = error
        return index

    def add(self, term: str, code: str, file: File, reporter: Reporter) -> None:
        """Add a term that leads to a code as the index writes it."""
        written = self.pattern.code.fullmatch(code)
        if written is not None:
            self.terms.setdefault(written[1].replace(".", ""), {}).setdefault(term, file)
        elif not _NO_CODE.fullmatch(code):
            reporter.problem(Problem(file.label, 0, f"{term!r}: expected a code, not {code[:60]!r}"))

    def designations(self, code: str) -> list[DesignationTuple]:
        """The terms that lead to a code, each once."""
        plain = code.replace(".", "")
        terms: dict[str, File] = {}
        for length in range(min(self.pattern.beginning, len(plain)), len(plain) + 1):
            if below := self.terms.get(plain[:length]):
                self.reached.add(plain[:length])
                terms |= below
        use = {"system": self.pattern.system, "code": INDEX_TERM, "display": "Index term"}
        return [(term, "en", use, None) for term in terms]

    def finish(self, reporter: Reporter) -> None:
        """Report each code that no concept has had, when all of them have been asked for.

        Raises BrokenReleaseError where a file breaks off or has no term: now, so that the codes are read all the same.
        """
        for code, terms in self.terms.items():
            if code not in self.reached:
                term, file = next(iter(terms.items()))
                text = f"{term!r} leads to {code}, which is not in the list of codes"
                reporter.problem(Problem(file.label, 0, text))
        if self.error is not None:
            raise self.error


def _terms(file: File, reporter: Reporter) -> Iterator[tuple[str, str]]:
    """Each term with each code that it leads to. Raises BrokenReleaseError where there is no main term."""
    columns: dict[str, str] = {}
    tags: dict[str, None] = {}
    for event, element in xml_events(file, reporter):
        tags[element.tag] = None
        if event == "end" and element.tag == "head":
            columns[element.get("col", "")] = _words(element)
        elif event == "end" and element.tag == "mainTerm":
            yield from _below(element, (), columns, file)
            element.clear()
        elif event == "end" and element.tag == "letter":
            element.clear()
    if "mainTerm" not in tags:
        text = f"expected main terms (mainTerm); found the elements {', '.join([*tags][:_NAMED])}"
        raise BrokenReleaseError(Problem(file.label, 0, text))


def _below(
    term: Any, above: tuple[str, ...], columns: dict[str, str], file: File
) -> Iterator[tuple[str, str]]:
    if len(above) > _DEEPEST:
        raise BrokenReleaseError(Problem(file.label, 0, f"{above[0]!r}: terms are nested too deep"))
    title = term.find("title")
    words = (*above, "" if title is None else _words(title))
    for element in term:
        if element.tag in _CODES:
            yield _joined(words), _words(element)
        elif element.tag == "cell":
            yield _joined((*words, columns.get(element.get("col", ""), ""))), _words(element)
        elif element.tag in _REFERENCES:
            yield from ((_joined(words), _words(code)) for code in element if code.tag in _CODES)
        elif element.tag == "term":
            yield from _below(element, words, columns, file)


def _joined(words: Sequence[str]) -> str:
    return ", ".join(filter(None, words))


def _words(element: Any) -> str:
    """The words of an element, those of the elements in it apart from the others."""
    return " ".join(" ".join(element.itertext()).split())
