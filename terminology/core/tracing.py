"""The trace of the request that a thread answers, where requests are traced (``http/tracing.py``).

Layers below HTTP tell it which other servers they ask. Without a trace nothing is done.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar


class RequestTrace(ABC):
    """The trace of one request."""

    @abstractmethod
    def question_to(self, server: str) -> AbstractContextManager[Mapping[str, str]]:
        """A part of the trace for a question to another server, and the headers that continue the trace there."""


CURRENT: ContextVar[RequestTrace | None] = ContextVar("trace", default=None)


@contextmanager
def question_to(server: str) -> Iterator[Mapping[str, str]]:
    """The headers for a question to another server, which the block asks. ``server`` is its name in the settings."""
    trace = CURRENT.get()
    if trace is None:
        yield {}
    else:
        with trace.question_to(server) as headers:
            yield headers
