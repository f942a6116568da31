"""Which concepts have which words and values? Gathered beside the rest of the work, in a second process.

The second process reads the scratch file of ``spool`` as its standard input, which ends with a job: what else
it must know. It writes the postings to its standard output. For a small release it is not worth starting
one, and all is done here.
"""

from __future__ import annotations

import marshal
import os
import subprocess
import sys
import tempfile
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import IO, Any, Protocol, TypeVar

from terminology.core.numbers import NUMBERS, number
from terminology.core.texts import words
from terminology.store.compile import garbage
from terminology.store.compile.postings import Posting, Postings, term_of
from terminology.store.compile.scratch import Kept, Spool, read
from terminology.store.schema import (
    ABSTRACT,
    FIRST_LANGUAGE,
    INACTIVE,
    IS_ABSTRACT,
    IS_INACTIVE,
    LANGUAGE,
    LONGEST_TERM,
    MARK,
    NORMAL_MARK,
    STATUS,
    WORD,
)

T = TypeVar("T")
CHUNK = 2_000
# From so many concepts a second process is worth its start.
LARGE = 20_000
_PROGRAM = "from terminology.store.compile.indexing import main; main()"
_LENGTH = 8


class Gathered:
    """The postings of a code system, whose displays are in ``language``.

    ``long``: the properties with values that are too long for a posting; ``languages``: the number of the
    words of each.
    """

    def __init__(
        self, kinds: Sequence[tuple[str, str]], fields: Mapping[str, int], language: str | None
    ) -> None:
        """``kinds``: the properties that are named by number, each with the type that it is declared with.
        Without a field is what nobody can filter by.
        """
        self._kinds = [(code, fields.get(code), type_ in NUMBERS) for code, type_ in kinds]
        self._fields = fields
        self._language = language
        self._postings = Postings()
        self.long: set[str] = set()
        self.languages: dict[str, int] = {}

    def add_all(self, rows: Iterable[Kept]) -> None:
        """``rows`` come in the order of their numbers."""
        for ord_, row in enumerate(rows):
            code, display, flags, status, _, designations, properties, _, _, terms, _ = row
            texts: dict[str | None, list[str]] = {None: [code]}
            if display:
                texts.setdefault(self._language, []).append(display)
            for said in designations:
                texts.setdefault(said[1], []).append(said[0])
            self._add_words(ord_, texts)
            self._add_values(ord_, properties)
            for name, term in terms:
                self._postings.add(self._fields[name], term, ord_)
            for mark, bit in ((ABSTRACT, IS_ABSTRACT), (INACTIVE, IS_INACTIVE)):
                if flags & bit:
                    self._postings.add(MARK, mark, ord_)
            if status is not None:
                self._postings.add(MARK, STATUS + term_of(status), ord_)

    def _add_words(self, ord_: int, texts: Mapping[str | None, list[str]]) -> None:
        """``texts`` by language."""
        by_field: dict[int, list[str]] = {}
        for language, said in texts.items():
            by_field.setdefault(self._field(language), []).extend(said)
            if language:
                self._postings.add(MARK, LANGUAGE + language.lower(), ord_)
        for field, said in by_field.items():
            self._postings.add_words(field, set(words("\n".join(said))), ord_)

    def _field(self, language: str | None) -> int:
        """Where the words of a language stand."""
        if not language:
            return WORD
        tag = language.lower()
        return self.languages.setdefault(tag, FIRST_LANGUAGE + 2 * len(self.languages))

    def _add_values(self, ord_: int, properties: Sequence[tuple[int, Any]]) -> None:
        for kind, value in properties:
            code, field, is_number = self._kinds[kind]
            if field is None:
                continue
            text = value if value.__class__ is str else text_of(value)
            if len(text) > LONGEST_TERM:
                self.long.add(code)
                text = term_of(text)
            self._postings.add(field, text, ord_)
            if is_number and number(text) != text:
                self._postings.add(field, NORMAL_MARK + number(text), ord_)

    def chunks(self) -> Iterator[list[Posting]]:
        return chunks(self._postings.rows())


def text_of(value: Any) -> str:
    """A property's value as filters compare it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return str(value.get("code", value.get("value", "")))
    return str(value)


def chunks(rows: Iterable[T]) -> Iterator[list[T]]:
    rows = iter(rows)
    while chunk := list(islice(rows, CHUNK)):
        yield chunk


# -- two processes -------------------------------------------------------------------------------


class Found(Protocol):
    """Postings that are read through once; then ``long`` and ``languages`` are known."""

    @property
    def long(self) -> set[str]: ...

    @property
    def languages(self) -> dict[str, int]: ...

    def chunks(self) -> Iterator[list[Posting]]: ...


@contextmanager
def postings_of(spool: Spool, places: array[int], fields: Mapping[str, int]) -> Iterator[Found]:
    """The postings of the concepts at these places, which have the numbers 0, 1, 2 …"""
    if len(places) < LARGE or not sys.executable:
        here = Gathered(spool.declared, fields, spool.language)
        here.add_all(spool.read(places))
        yield here
        return
    with tempfile.TemporaryFile() as answer, _started(spool, places, fields, answer) as process:
        try:
            yield _Elsewhere(process, answer)
        finally:
            process.kill()


def _started(
    spool: Spool, places: array[int], fields: Mapping[str, int], answer: IO[bytes]
) -> subprocess.Popen[bytes]:
    job = marshal.dumps(
        (spool.starts.tobytes(), places.tobytes(), spool.declared, dict(fields), spool.language)
    )
    spool.file.write(job + len(job).to_bytes(_LENGTH, "little"))
    spool.file.flush()
    path = os.pathsep.join(folder for folder in sys.path if folder)
    return subprocess.Popen(
        [sys.executable, "-c", _PROGRAM],
        stdin=spool.file,
        stdout=answer,
        # Who presses Ctrl-C means the import, which ends this one.
        process_group=0,
        env={**os.environ, "PYTHONPATH": path},
    )


class _Elsewhere:
    """What the second process finds."""

    def __init__(self, process: subprocess.Popen[bytes], answer: IO[bytes]) -> None:
        self._process, self._answer = process, answer
        self.long: set[str] = set()
        self.languages: dict[str, int] = {}

    def chunks(self) -> Iterator[list[Posting]]:
        if self._process.wait() != 0:
            raise RuntimeError(f"the process that makes the index ended with {self._process.returncode}")
        self._answer.seek(0)
        while chunk := marshal.load(self._answer):
            yield chunk
        self.long.update(marshal.load(self._answer))
        self.languages.update(marshal.load(self._answer))


def main() -> None:
    """The second process."""
    spool, answer = sys.stdin.buffer, sys.stdout.buffer
    end = os.fstat(spool.fileno()).st_size
    length = int.from_bytes(_part(spool, end - _LENGTH, _LENGTH), "little")
    starts, places, kinds, fields, language = marshal.loads(_part(spool, end - _LENGTH - length, length))
    gathered = Gathered(kinds, fields, language)
    with garbage.seldom():
        gathered.add_all(read(spool.fileno(), array("Q", starts), array("I", places)))
    for chunk in gathered.chunks():
        marshal.dump(chunk, answer)
    marshal.dump([], answer)
    marshal.dump(sorted(gathered.long), answer)
    marshal.dump(gathered.languages, answer)
    answer.flush()


def _part(file: IO[bytes], start: int, length: int) -> bytes:
    file.seek(start)
    return file.read(length)
