"""One server that answers everything: the command line and the library ask it in place of content of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from terminology.catalogue.protocol import Catalogue
from terminology.core import issues
from terminology.core.errors import SettingError, UndecidedError
from terminology.core.model import Document
from terminology.core.new_ids import new_name
from terminology.upstreams.configuration import Mask, UpstreamSettings, UpstreamsFile, base_of
from terminology.upstreams.gaps import Gap
from terminology.upstreams.upstreams import Upstreams, bundle_of, refusal_of
from terminology.wire.fhir_versions import FhirVersion
from terminology.wire.operation import Operation

_LARGEST_ANSWER = 200_000_000
# How many questions are open at a time: a batch asks for many codes together.
_MOST_QUESTIONS = 8
# The longest part of the time that the connection itself may take, in seconds.
_LONGEST_CONNECTING = 10.0


class OneServer(Upstreams):
    """A server that is asked for everything, in its release of FHIR; nothing is answered here.

    For use by several threads.
    """

    def __init__(self, base: str, credentials: Mapping[str, str], seconds: float) -> None:
        """``base`` is the URL of a root (``https://tx.fhir.org/r4``), ``credentials`` the header that has them.

        ``seconds``: the time that an answer may take. Raises SettingError for a URL that is none.
        """
        try:
            base = base_of(base)
        except ValueError:
            expected = "a URL such as 'https://tx.example.org/fhir/r4', without a password"
            raise SettingError(f"--server should be {expected}") from None
        self._server = UpstreamSettings(
            name=str(urlsplit(base).hostname),
            base=base,
            canonicals=(Mask("*"),),
            release=None,
            credentials=credentials,
            certificate=None,
            key=None,
            authorities=None,
            proxy=None,
            connect_timeout=min(seconds, _LONGEST_CONNECTING),
            read_timeout=seconds,
            deadline=seconds,
            largest_answer=_LARGEST_ANSWER,
        )
        super().__init__(UpstreamsFile(new_name(), (self._server,), 0, 0, 1), _MOST_QUESTIONS)
        self._asking: dict[Operation, Operation] = {}

    def guarded(self, operation: Operation) -> Operation:
        """The operation with nothing but the question to the server."""
        if operation not in self._asking:
            self._asking[operation] = replace(operation, run=_ask_the_server)
        return self._asking[operation]

    def read(self, path: str, query: Sequence[tuple[str, str]], release: FhirVersion) -> Document:
        """A resource at a path, or the matches of a search below a type, in the shape of a release.

        Raises UpstreamError, and RefusedError with the issues of the server.
        """
        (upstream,) = self._upstreams
        headers, seconds = self._headers({}) or {}, self._server.deadline
        own = upstream.release(seconds, headers)
        kind, _, id_ = path.partition("/")
        reply = upstream.read(path, list(query), headers, seconds, kind if id_ else "Bundle")
        if reply.status != 200:
            raise refusal_of(self._server, reply)
        if not id_:
            return bundle_of(own, release, reply.document)
        is_same = own.is_r4 == release.is_r4
        return reply.document if is_same else release.downgrade(own.upgrade(reply.document))


def _ask_the_server(catalogue: Catalogue, request: Any) -> Any:
    raise UndecidedError(issues.undecided(()), Gap(), has_answer=False)
