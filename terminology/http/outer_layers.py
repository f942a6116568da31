"""The outermost WSGI layers, which see every answer, and what they have to write before a process ends."""

from __future__ import annotations

import weakref
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


class OuterLayer(ABC):
    """A layer outside ``CommonHeaders``. An answer is whole when it is returned."""

    def __init__(self, application: WSGIApplication) -> None:
        self.application = application

    @abstractmethod
    def around(self, application: WSGIApplication) -> OuterLayer:
        """The same layer around another application: what they see comes together."""

    @abstractmethod
    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]: ...


def with_layers_of(whole: WSGIApplication, application: WSGIApplication) -> WSGIApplication:
    """An application inside the same outer layers as another one, which is ``whole``."""
    if not isinstance(whole, OuterLayer):
        return application
    return whole.around(with_layers_of(whole.application, application))


class Writer(ABC):
    """Something that keeps what it sees for a moment, before it writes or sends it."""

    def __init__(self) -> None:
        _writers.add(self)

    @abstractmethod
    def finish(self) -> None:
        """Write or send all that was seen until now."""


_writers: weakref.WeakSet[Writer] = weakref.WeakSet()


def finish_observation() -> None:
    """Write and send all that was seen until now, because this process ends at once."""
    for writer in list(_writers):
        writer.finish()
