"""Sessions: the resources that a client has sent once for all its requests.

A session is an overlay of the catalogue that outlives one request. ``state.sessions`` keeps the resources as
JSON, for every worker process; each process keeps the overlays that it uses, compiled.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Sequence
from dataclasses import dataclass

from terminology.catalogue.overlay import Overlay
from terminology.catalogue.protocol import KINDS, Catalogue
from terminology.catalogue.resource_index import ResourceIndex
from terminology.core import issues
from terminology.core.cache import Cache
from terminology.core.errors import TerminologyError
from terminology.core.model import Document
from terminology.core.new_ids import new_secret
from terminology.state import State
from terminology.state.callers import Caller
from terminology.state.sessions import MADE_BY_CLIENT, Session
from terminology.wire import json

# The room for compiled overlays, in bytes of memory; each byte of JSON takes about ten.
_ROOM = 16_000_000
_BYTES_OF_JSON = 10
_SHORTEST, _LONGEST = 16, 200  # characters of the ids that clients make: short ones can be guessed


@dataclass(slots=True, frozen=True)
class _SessionOverlay:
    """The part of a session that this process has read. ``bytes`` is the size of its JSON.

    The reference to the base is weak: an idle session must not keep a release open that left the store.
    """

    base: weakref.ref[Catalogue]
    resources: ResourceIndex
    batches: int = 0
    bytes: int = 0

    def overlay(self, base: Catalogue) -> Catalogue:
        return Overlay(base, self.resources)


class Sessions:
    """The sessions of all callers. For use by several threads."""

    def __init__(self, state: State, room: int = _ROOM) -> None:
        self._rows = state.sessions
        self._overlays: Cache[_SessionOverlay] = Cache(room, _bytes_of_overlay, keeps_one=True)
        self._lock = threading.Lock()
        # A client's own id must name the same session in every worker and after a restart. Otherwise its
        # resources would be missing without an error.
        self.takes_ids_of_clients = state.outlasts_process

    def start(self, caller: Caller, documents: Sequence[Document], sealed: bool) -> Session:
        """A new session with these resources (R5-shaped). Raises TerminologyError when there is no room."""
        id_ = new_secret()
        while self._rows.find(id_) is not None or self._rows.was_ended(id_):  # a derived one may be taken
            id_ = new_secret()
        self._rows.start(id_, caller.owner, caller.quota, sealed)
        try:
            self._put(id_, documents)
        except TerminologyError:
            self._rows.end(id_)
            raise
        return self.find(id_, caller)

    def find(self, id_: str, caller: Caller) -> Session:
        """The session of an id. Raises TerminologyError if there is none, it has ended, or it is another client's."""
        session = self._rows.find(id_)
        if session is None or session.owner != caller.owner:
            raise TerminologyError(issues.unknown_cache_id(id_))
        return session

    def issued(self, id_: str, caller: Caller) -> Session | None:
        """The session of an id that this server made; None for any other id."""
        session = self._rows.find(id_)
        return session if session is not None and session.owner == caller.owner else None

    def adopt(self, id_: str, caller: Caller) -> Session:
        """The session of an id that a client may have made: its first use begins the session.

        Raises TerminologyError for an id that is too short to be safe, and for a session that has ended.
        """
        issued = self.issued(id_, caller)
        if issued is not None:
            return issued
        if not _SHORTEST <= len(id_) <= _LONGEST:
            raise TerminologyError(issues.weak_cache_id(id_, _SHORTEST, _LONGEST))
        own = f"{MADE_BY_CLIENT}{caller.owner}:{id_}"
        if self._rows.find(own) is None:
            if self._rows.was_ended(own):
                raise TerminologyError(issues.unknown_cache_id(id_))
            self._rows.start(own, caller.owner, caller.quota, sealed=False)
        return self.find(own, caller)

    def end(self, id_: str, caller: Caller) -> None:
        """Delete a session. Raises TerminologyError when there is none of this id."""
        self.find(id_, caller)
        self._rows.end(id_)
        self._overlays.drop(id_)

    def catalogue(self, base: Catalogue, session: Session, documents: Sequence[Document] = ()) -> Catalogue:
        """The base seen through the session, to which these resources are added first."""
        batches = max(session.batches, self._put(session.id, documents))
        part = self._overlays.find(session.id)
        if part is None or part.base() is not base:
            part = _SessionOverlay(weakref.ref(base), ResourceIndex.of_request())
        if part.batches < batches:
            part = self._read_on(session.id, part, base)
        self._keep(session.id, part)
        return part.overlay(base)

    def _put(self, id_: str, documents: Sequence[Document]) -> int:
        """Store the documents; the number of their batch, or 0 if none of them is of a served type."""
        served = [document for document in documents if document.get("resourceType") in KINDS]
        return self._rows.put(id_, json.write(served)) if served else 0

    def _read_on(self, id_: str, part: _SessionOverlay, base: Catalogue) -> _SessionOverlay:
        resources, batches, size = part.resources, part.batches, part.bytes
        for number, body in self._rows.batches(id_, part.batches):
            resources, batches, size = resources.replaced(json.read(body)), number, size + len(body)
        return _SessionOverlay(weakref.ref(base), resources, batches, size)

    def _keep(self, id_: str, part: _SessionOverlay) -> None:
        """Keep the overlay for the next request, unless another thread has read more of the session."""
        with self._lock:
            newer = self._overlays.find(id_)
            if newer is None or newer.base() is not part.base() or newer.batches < part.batches:
                self._overlays.put(id_, part)


def _bytes_of_overlay(part: _SessionOverlay) -> int:
    return _BYTES_OF_JSON * part.bytes
