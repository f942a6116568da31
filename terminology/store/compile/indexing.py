"""The index of a code system: the concepts of each word and each property value.

For a large release a second process makes it beside the rest of the work. That process reads the scratch file as
its standard input; a job at the end of the file tells it what else it needs. It writes the postings to its
standard output. For a small release that is not worth its start, and the index is made in this process.
"""

from __future__ import annotations

import marshal
import os
import subprocess
import sys
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Protocol

from terminology.core.numbers import NUMBERS
from terminology.core.texts import words
from terminology.store.compile import garbage
from terminology.store.compile.blocks import blocks, bytes_at, write_block
from terminology.store.compile.chunks import chunks
from terminology.store.compile.postings import Posting, PostingsBuilder
from terminology.store.compile.scratch import ScratchFile, ScratchRow, read, spans
from terminology.store.posting_terms import (
    field_in_any_case,
    second_term_of_code,
    second_term_of_number,
    term_in_any_case,
    term_of,
    text_of,
)
from terminology.store.schema import (
    ABSTRACT,
    FIRST_LANGUAGE,
    FOLDED,
    INACTIVE,
    IS_ABSTRACT,
    IS_INACTIVE,
    LANGUAGE,
    LONGEST_TERM,
    MARK,
    STATUS,
    WORD,
)
from terminology.store.temporary import temporary_file, temporary_files_in, temporary_folder

# After so many concepts the memory of their terms is looked at.
LOOK = 256
# From this many concepts on, a second process is worth its start.
LARGE = 20_000
_PROGRAM = "from terminology.store.compile.indexing import main; main()"
# The bytes of the length of a job.
_LENGTH = 8


class ConceptIndexer:
    """Makes the postings of a code system.

    ``long`` are the properties with values that are too long for a posting; ``languages`` has the number of the
    words of each language.
    """

    def __init__(
        self,
        kinds: Sequence[tuple[str, str]],
        fields: Mapping[str, int],
        language: str | None,
        case_sensitive: bool | None,
        file: IO[bytes],
    ) -> None:
        """``kinds`` are those of the scratch file, with declared types; ``language`` is that of the displays.

        A property that is not in ``fields`` is not indexed: it cannot be filtered by. ``file`` is a temporary file
        for the postings.
        """
        self._postings = PostingsBuilder(file)
        self._add_to = {name: self._postings.adder(field) for name, field in fields.items()}
        self._mark, self._add_folded = self._postings.adder(MARK), self._postings.adder(FOLDED)
        self._kinds = [
            (
                code,
                self._add_to.get(code),
                _second_term(type_, case_sensitive),
                self._add_to.get(field_in_any_case(code)),
            )
            for code, type_ in kinds
        ]
        self._folds = case_sensitive is None
        self._language = language
        # By language: the field of its words, and the mark of the concepts that have some.
        self._word_fields: dict[str | None, tuple[int, str | None]] = {}
        self.long: set[str] = set()
        self.languages: dict[str, int] = {}

    def add_all(self, rows: Iterable[ScratchRow]) -> None:
        """Add the concepts, which come in the order of their numbers: 0, 1, 2, …"""
        numbers = 0
        for ord_, row in enumerate(rows):
            if not ord_ % LOOK and self._postings.relieve(numbers):
                numbers = 0
            code, display, flags, status, _, designations, properties, _, _, terms, *_ = row
            texts: dict[str | None, list[str]] = {None: [code]}
            if display:
                texts.setdefault(self._language, []).append(display)
            for designation in designations:
                texts.setdefault(designation[1], []).append(designation[0])
            numbers += self._add_words(ord_, texts) + len(properties)
            self._add_values(ord_, properties)
            for name, term in terms:
                self._add_to[name](term, ord_)
            if self._folds and code.casefold() != code:
                self._add_folded(code.casefold(), ord_)
            for mark, bit in ((ABSTRACT, IS_ABSTRACT), (INACTIVE, IS_INACTIVE)):
                if flags & bit:
                    self._mark(mark, ord_)
            if status is not None:
                self._mark(STATUS + term_of(status), ord_)

    def _add_words(self, ord_: int, texts: Mapping[str | None, list[str]]) -> int:
        """Add the words of a concept; ``texts`` are by language. Returns their number."""
        count = 0
        by_field: dict[int, list[str]] = {}
        for language, in_language in texts.items():
            field, mark = self._word_fields.get(language) or self._new_word_field(language)
            by_field.setdefault(field, []).extend(in_language)
            if mark is not None:
                self._mark(mark, ord_)
        for field, in_field in by_field.items():
            distinct = set(words("\n".join(in_field)))
            self._postings.add_words(field, distinct, ord_)
            count += len(distinct)
        return count

    def _new_word_field(self, language: str | None) -> tuple[int, str | None]:
        """The field of the words of a language that comes for the first time, and its mark."""
        word_field: tuple[int, str | None] = WORD, None
        if language:
            tag = language.lower()
            field = self.languages.setdefault(tag, FIRST_LANGUAGE + 2 * len(self.languages))
            word_field = field, LANGUAGE + tag
        self._word_fields[language] = word_field
        return word_field

    def _add_values(self, ord_: int, properties: Sequence[tuple[int, Any]]) -> None:
        kinds = self._kinds
        for kind, value in properties:
            code, add, second_term, add_in_any_case = kinds[kind]
            text = value if value.__class__ is str else text_of(value)
            if add_in_any_case is not None:
                add_in_any_case(term_in_any_case(text), ord_)
            if add is None:
                continue
            if len(text) > LONGEST_TERM:
                self.long.add(code)
                text = term_of(text)
            add(text, ord_)
            if second_term is not None and (second := second_term(text)) is not None:
                add(second, ord_)

    def chunks(self) -> Iterator[list[Posting]]:
        """The postings in the order of their key, in chunks."""
        return chunks(self._postings.rows())


def _second_term(type_: str, case_sensitive: bool | None) -> Callable[[str], str | None] | None:
    """The function that makes the second term of a value of this type, or None (see NORMAL_MARK)."""
    if type_ in NUMBERS:
        return second_term_of_number
    return second_term_of_code if type_ == "code" and case_sensitive is not True else None


# -- two processes -------------------------------------------------------------------------------


class ConceptPostings(Protocol):
    """The postings of a code system, which can be read once. Then ``long`` and ``languages`` are complete."""

    @property
    def long(self) -> set[str]:
        """The properties with values that are too long for a posting."""

    @property
    def languages(self) -> dict[str, int]:
        """The number of the words of each language, by its tag in small letters."""

    def chunks(self) -> Iterator[list[Posting]]:
        """The postings in the order of their key, in chunks."""


@contextmanager
def postings_of(
    scratch: ScratchFile, places: array[int], fields: Mapping[str, int]
) -> Iterator[ConceptPostings]:
    """The postings of the concepts at these places, which have the numbers 0, 1, 2, …

    ``fields`` has the number of the field of each property and kind of term.
    """
    if len(places) < LARGE or not sys.executable:
        with temporary_file() as file:
            kinds, case_sensitive = scratch.declared_kinds, scratch.case_sensitive
            indexer = ConceptIndexer(kinds, fields, scratch.language, case_sensitive, file)
            indexer.add_all(scratch.read(places))
            yield indexer
        return
    with (
        temporary_file() as output,
        _indexing_process(scratch, places, fields, output) as process,
    ):
        try:
            yield _PostingsOfProcess(process, output)
        finally:
            process.kill()


def _indexing_process(
    scratch: ScratchFile, places: array[int], fields: Mapping[str, int], output: IO[bytes]
) -> subprocess.Popen[bytes]:
    begin = scratch.write_spans(places)
    folder = temporary_folder()
    job = marshal.dumps(
        (
            begin,
            len(places),
            None if folder is None else str(folder),
            scratch.declared_kinds,
            dict(fields),
            scratch.language,
            scratch.case_sensitive,
        )
    )
    scratch.file.write(job + len(job).to_bytes(_LENGTH, "little"))
    scratch.file.flush()
    path = os.pathsep.join(folder for folder in sys.path if folder)
    return subprocess.Popen(
        [sys.executable, "-c", _PROGRAM],
        stdin=scratch.file,
        stdout=output,
        # Ctrl-C is for the import, which ends this process.
        process_group=0,
        env={**os.environ, "PYTHONPATH": path},
    )


class _PostingsOfProcess:
    """The postings that the second process makes."""

    def __init__(self, process: subprocess.Popen[bytes], output: IO[bytes]) -> None:
        self._process, self._output = process, output
        self.long: set[str] = set()
        self.languages: dict[str, int] = {}

    def chunks(self) -> Iterator[list[Posting]]:
        """The postings in the order of their key, in chunks."""
        status = self._process.wait()
        if status > 1:
            raise OSError(status, os.strerror(status))
        if status:
            raise RuntimeError(f"the process that makes the index ended with {status}")
        self._output.seek(0)
        read_blocks = blocks(self._output)
        while chunk := next(read_blocks):
            yield chunk
        self.long.update(next(read_blocks))
        self.languages.update(next(read_blocks))


def main() -> None:
    """The program of the second process. Its status is 0, or the number of an error of the system."""
    try:
        _index(sys.stdin.fileno(), sys.stdout.buffer)
    except OSError as problem:
        sys.exit(problem.errno or 1)


def _index(scratch: int, output: IO[bytes]) -> None:
    end = os.fstat(scratch).st_size
    length = int.from_bytes(bytes_at(scratch, end - _LENGTH, _LENGTH), "little")
    begin, count, folder, kinds, fields, language, case_sensitive = marshal.loads(
        bytes_at(scratch, end - _LENGTH - length, length)
    )
    with temporary_files_in(None if folder is None else Path(folder)), temporary_file() as file:
        indexer = ConceptIndexer(kinds, fields, language, case_sensitive, file)
        with garbage.rare_collections():
            indexer.add_all(read(scratch, spans(scratch, begin, count)))
        for chunk in indexer.chunks():
            write_block(output, chunk)
        write_block(output, [])
        write_block(output, sorted(indexer.long))
        write_block(output, indexer.languages)
        output.flush()
