"""From a request of granian to the WSGI application, and from its response back (PEP 3333).

granian has such a function of its own, which gives to each request all variables of the environment of this process.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

# A request as granian gives it: the object that takes its response, and its part of the WSGI environment.
Reply = Any
Scope = dict[str, Any]
Answer = Callable[[Reply, Scope], object]

# The rest of the environment, the same for all requests.
_ENVIRONMENT: Scope = {
    "SCRIPT_NAME": "",
    "wsgi.errors": sys.stderr,
    "wsgi.input_terminated": True,  # a body in chunks ends by itself
    "wsgi.multiprocess": True,
    "wsgi.multithread": True,
    "wsgi.run_once": False,
    "wsgi.version": (1, 0),
}


def gateway(application: WSGIApplication) -> Answer:
    """A function that asks the application and gives its response to granian. It raises what the application raises."""

    def answer(reply: Reply, scope: Scope) -> None:
        scope.update(_ENVIRONMENT)
        head = _Head()
        content = application(scope, head)
        if isinstance(content, list):
            reply.response_bytes(head.status, head.headers, b"".join(content))
        else:
            reply.response_iter(head.status, head.headers, _Pieces(content))

    return answer


class _Head:
    """``start_response``: status and headers."""

    __slots__ = ("headers", "status")

    status: int
    headers: list[tuple[str, str]]

    def __call__(
        self, status: str, headers: list[tuple[str, str]], exc_info: object = None
    ) -> Callable[[bytes], object]:
        self.status, self.headers = int(status[:3]), headers
        return _no_writing


def _no_writing(_: bytes) -> object:
    raise RuntimeError("a response is returned, not written")


class _Pieces:
    """The pieces of a response, as granian reads them; it closes them at the end."""

    def __init__(self, content: Iterable[bytes]) -> None:
        self._content = content
        self._pieces: Iterator[bytes] = iter(content)

    def __next__(self) -> bytes:
        return next(self._pieces)

    def close(self) -> None:
        if hasattr(self._content, "close"):
            self._content.close()
