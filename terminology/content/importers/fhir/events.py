"""JSON events of a file that may be of any size, and the reading of values from them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

from terminology.content.importers.files import BYTE_ORDER_MARK, File
from terminology.core.errors import BrokenReleaseError
from terminology.core.model import Document, Problem
from terminology.core.software import installation_of
from terminology.store.reporting import Reporter

if TYPE_CHECKING:
    from types import ModuleType

# Deeper nesting of concepts or codes is refused.
DEEPEST = 200

_BUFFER = 1 << 16
_STEP = {"start_map": 1, "start_array": 1, "end_map": -1, "end_array": -1}

# Pairs of a kind of event and a value, as ``ijson.basic_parse`` gives them.
Events = Iterator[tuple[str, Any]]


class ProgressStream:
    """The bytes of a file without byte order mark; each reading reports the progress."""

    def __init__(self, file: File, stream: IO[bytes], reporter: Reporter) -> None:
        self._stream, self._file, self._reporter = stream, file, reporter
        self._size, self._done = file.size(), 0

    def read(self, size: int) -> bytes:
        """At most ``size`` bytes."""
        piece = self._stream.read(size)
        if self._done == 0:
            piece = piece.removeprefix(BYTE_ORDER_MARK)
        self._done += len(piece)
        self._reporter.progress(self._file.label, min(self._done, self._size), self._size)
        return piece


def _ijson(file: File) -> ModuleType:
    """The package ijson, which the extra ``store`` installs. Raises BrokenReleaseError where it is missing.

    It is imported at first use, so that the importers can be listed without it.
    """
    try:
        import ijson
    except ImportError:
        need = f"reading JSON needs ijson: {installation_of('store')}"
        raise BrokenReleaseError(Problem(file.label, 0, need)) from None
    package: ModuleType = ijson
    return package


@contextmanager
def _json_stream(file: File, reporter: Reporter, ijson: ModuleType) -> Iterator[ProgressStream]:
    """The content of a JSON file. Raises BrokenReleaseError if it is not JSON, or ends too early."""
    try:
        with file.binary() as stream:
            yield ProgressStream(file, stream, reporter)
    except ijson.JSONError as error:
        reason = str(error).strip().splitlines()[0]
        raise BrokenReleaseError(Problem(file.label, 0, f"is not JSON: {reason}")) from error
    except RecursionError as error:
        raise BrokenReleaseError(Problem(file.label, 0, "is nested too deeply")) from error


@contextmanager
def json_events(file: File, reporter: Reporter) -> Iterator[Events]:
    """The events of a JSON file. Raises BrokenReleaseError if it is not JSON, ends too early, or ijson is missing."""
    ijson = _ijson(file)
    with _json_stream(file, reporter, ijson) as stream:
        yield ijson.basic_parse(stream, buf_size=_BUFFER)


@contextmanager
def json_items(file: File, reporter: Reporter, path: str) -> Iterator[Iterator[Any]]:
    """The values at a path (``group.item.element.item``), by ijson's quick parser. Raises as ``json_events`` does."""
    ijson = _ijson(file)
    with _json_stream(file, reporter, ijson) as stream:
        yield ijson.items(stream, path, buf_size=_BUFFER)


def value_of(events: Events, event: str, value: Any) -> Any:
    """The whole value that begins with an event."""
    if event == "start_map":
        return {key: value_of(events, *next(events)) for key in keys(events)}
    if event == "start_array":
        return [value_of(events, event, value) for event, value in until(events, "end_array")]
    return value


def keys(events: Events) -> Iterator[str]:
    """The keys of an object that has begun; the caller reads or skips the value of each."""
    return (key for _, key in until(events, "end_map"))


def until(events: Events, end: str) -> Iterator[tuple[str, Any]]:
    """The events before the one that ends an array or object."""
    for event, value in events:
        if event == end:
            return
        yield event, value


def skip(events: Events, found_words: set[str] | None = None, depth: int = 0) -> None:
    """Read past a value. ``depth`` is 1 where an array or object has begun already.

    ``equivalence``, R4's word for a relationship, is added to ``found_words`` where it is a key.
    """
    for event, value in events:
        if value == "equivalence" and event == "map_key":
            if found_words is not None:
                found_words.add(value)
        elif event in _STEP:
            depth += _STEP[event]
        if depth == 0:
            return


def without_list(events: Events, name: str) -> Document:
    """An object that has begun, with one of its lists empty."""
    node: Document = {}
    for key in keys(events):
        event, value = next(events)
        if key == name and event == "start_array":
            skip(events, depth=1)
            node[key] = []
        else:
            node[key] = value_of(events, event, value)
    return node


def mentions(file: File, name: bytes) -> int:
    """How often some bytes occur in a file. What occurs once is not nested, so the quick parser can read it."""
    count, before = 0, b""
    with file.binary() as stream:
        while piece := stream.read(_BUFFER):
            count += (before + piece).count(name)
            before = piece[1 - len(name) :]
    return count
