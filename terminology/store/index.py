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

from terminology.store.postings import Posting, Postings, term_of
from terminology.store.schema import ABSTRACT, INACTIVE, IS_ABSTRACT, IS_INACTIVE, LONGEST_TERM, MARK
from terminology.store.spool import Kept, Spool, read
from terminology.texts import words

T = TypeVar("T")
CHUNK = 2_000
# From so many concepts a second process is worth its start.
LARGE = 20_000
_PROGRAM = "from terminology.store.index import main; main()"
_LENGTH = 8


class Gathered:
    """The postings of a code system. ``long``: the properties with values that are too long for a posting."""

    def __init__(self, kinds: Sequence[tuple[str, str]], fields: Mapping[str, int]) -> None:
        # Without a field is what nobody can filter by.
        self._kinds = [(code, fields.get(code)) for code, _ in kinds]
        self._fields = fields
        self._postings = Postings()
        self.long: set[str] = set()

    def add_all(self, rows: Iterable[Kept]) -> None:
        """``rows`` come in the order of their numbers."""
        for ord_, (code, display, flags, status, _, designations, properties, _, _, terms, _) in enumerate(
            rows
        ):
            texts = "\n".join([code, display or "", *[said[0] for said in designations]])
            self._postings.add_words(set(words(texts)), ord_)
            self._add_values(ord_, properties)
            for name, term in terms:
                self._postings.add(self._fields[name], term, ord_)
            if flags & (IS_ABSTRACT | IS_INACTIVE) or status is not None:
                self._add_marks(ord_, flags, status, properties)

    def _add_values(self, ord_: int, properties: Sequence[tuple[int, Any]]) -> None:
        for kind, value in properties:
            code, field = self._kinds[kind]
            if field is None:
                continue
            text = value if value.__class__ is str else text_of(value)
            if len(text) > LONGEST_TERM:
                self.long.add(code)
                text = term_of(text)
            self._postings.add(field, text, ord_)

    def _add_marks(
        self, ord_: int, flags: int, status: str | None, properties: Sequence[tuple[int, Any]]
    ) -> None:
        """What a concept is can be filtered by, also where no property states it."""
        stated = {self._kinds[kind][0] for kind, _ in properties}
        known = {"notSelectable": flags & IS_ABSTRACT, "inactive": flags & IS_INACTIVE, "status": status}
        for role, value in known.items():
            if value and role not in stated:
                self._postings.add(self._fields[role], "true" if isinstance(value, int) else value, ord_)
        for mark, bit in ((ABSTRACT, IS_ABSTRACT), (INACTIVE, IS_INACTIVE)):
            if flags & bit:
                self._postings.add(MARK, mark, ord_)

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
    """Postings that are read through once; then ``long`` is known."""

    @property
    def long(self) -> set[str]: ...

    def chunks(self) -> Iterator[list[Posting]]: ...


@contextmanager
def postings_of(spool: Spool, places: array[int], fields: Mapping[str, int]) -> Iterator[Found]:
    """The postings of the concepts at these places, which have the numbers 0, 1, 2 …"""
    if len(places) < LARGE or not sys.executable:
        here = Gathered(spool.kinds, fields)
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
    job = marshal.dumps((spool.starts.tobytes(), places.tobytes(), spool.kinds, dict(fields)))
    spool.file.write(job + len(job).to_bytes(_LENGTH, "little"))
    spool.file.flush()
    path = os.pathsep.join(folder for folder in sys.path if folder)
    return subprocess.Popen(
        [sys.executable, "-c", _PROGRAM],
        stdin=spool.file,
        stdout=answer,
        env={**os.environ, "PYTHONPATH": path},
    )


class _Elsewhere:
    """What the second process finds."""

    def __init__(self, process: subprocess.Popen[bytes], answer: IO[bytes]) -> None:
        self._process, self._answer = process, answer
        self.long: set[str] = set()

    def chunks(self) -> Iterator[list[Posting]]:
        if self._process.wait() != 0:
            raise RuntimeError(f"the process that makes the index ended with {self._process.returncode}")
        self._answer.seek(0)
        while chunk := marshal.load(self._answer):
            yield chunk
        self.long.update(marshal.load(self._answer))


def main() -> None:
    """The second process."""
    spool, answer = sys.stdin.buffer, sys.stdout.buffer
    end = os.fstat(spool.fileno()).st_size
    length = int.from_bytes(_part(spool, end - _LENGTH, _LENGTH), "little")
    starts, places, kinds, fields = marshal.loads(_part(spool, end - _LENGTH - length, length))
    gathered = Gathered(kinds, fields)
    gathered.add_all(read(spool.fileno(), array("Q", starts), array("I", places)))
    for chunk in gathered.chunks():
        marshal.dump(chunk, answer)
    marshal.dump([], answer)
    marshal.dump(sorted(gathered.long), answer)
    answer.flush()


def _part(file: IO[bytes], start: int, length: int) -> bytes:
    file.seek(start)
    return file.read(length)
