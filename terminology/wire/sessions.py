"""Which resources has a client sent once, to be used by all its requests?

A session is a catalogue overlay with a longer life than one request. What was sent is kept as JSON by
``state.sessions``, where every worker process finds it; each process keeps the overlays it uses compiled.
"""

from __future__ import annotations

import secrets
import threading
import weakref
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from terminology.catalogue.overlay import Overlay
from terminology.catalogue.protocol import KINDS, Catalogue
from terminology.catalogue.resource_index import ResourceIndex
from terminology.core import issues
from terminology.core.errors import TerminologyError
from terminology.core.model import Document
from terminology.state import State
from terminology.state.sessions import MADE_BY_CLIENT, Session
from terminology.wire import json

_HELD_BYTES = 256_000_000
_SHORTEST, _LONGEST = 16, 200  # of the ids that clients make: one that can be guessed is none


@dataclass(slots=True, frozen=True)
class Caller:
    """Who asks: ``owner`` stands for the credentials sent, ``quota`` also for the address they came from.

    A session is for its owner. It is not bound to the address: behind proxies that changes. Where nobody has
    credentials, the secret is the id itself.
    """

    owner: str = ""
    quota: str = ""


@dataclass(slots=True, frozen=True)
class _Held:
    """An overlay as far as this process has read it. ``bytes`` is the size of its JSON.

    The base is not held: an idle session must not keep open what is not in the store any more.
    """

    base: weakref.ref[Catalogue]
    resources: ResourceIndex
    batches: int = 0
    bytes: int = 0

    def overlay(self, base: Catalogue) -> Catalogue:
        return Overlay(base, self.resources)


class Sessions:
    """The sessions of all callers. For use by several threads."""

    def __init__(self, state: State, most_held: int = _HELD_BYTES) -> None:
        self._rows = state.sessions
        self._most_held = most_held
        self._held: OrderedDict[str, _Held] = OrderedDict()
        self._lock = threading.Lock()
        # Who makes the ids is who can lose them: a client's own id must mean the same to every worker, and
        # after a restart, or its resources would be missing in silence.
        self.takes_ids_of_clients = state.outlasts_process

    def start(self, caller: Caller, documents: Sequence[Document], sealed: bool) -> Session:
        """A new session with these resources (R5-shaped). Raises TerminologyError when there is no room."""
        id_ = secrets.token_urlsafe(24)
        self._rows.start(id_, caller.owner, caller.quota, sealed)
        try:
            self._put(id_, documents)
        except TerminologyError:
            self._rows.end(id_)
            raise
        return self.find(id_, caller)

    def find(self, id_: str, caller: Caller) -> Session:
        """The session of an id. Raises TerminologyError: none, not any more, or somebody else's."""
        session = self._rows.find(id_)
        if session is None or session.owner != caller.owner:
            raise TerminologyError(issues.unknown_cache_id(id_))
        return session

    def issued(self, id_: str, caller: Caller) -> Session | None:
        """The session of an id that was given out here, if it is one."""
        session = self._rows.find(id_)
        return session if session is not None and session.owner == caller.owner else None

    def adopt(self, id_: str, caller: Caller) -> Session:
        """The session of an id that may be a client's own: the first use begins it.

        Raises TerminologyError: an id too short to be safe, or a session that has ended.
        """
        issued = self.issued(id_, caller)
        if issued is not None:
            return issued
        if not _SHORTEST <= len(id_) <= _LONGEST:
            wanted = f"hard to guess: {_SHORTEST} to {_LONGEST} characters, such as a UUID"
            raise TerminologyError(issues.bad_value("cache-id", id_, wanted))
        own = f"{MADE_BY_CLIENT}{caller.owner}:{id_}"
        if self._rows.find(own) is None:
            if self._rows.was_ended(own):
                raise TerminologyError(issues.unknown_cache_id(id_))
            self._rows.start(own, caller.owner, caller.quota, sealed=False)
        return self.find(own, caller)

    def end(self, id_: str, caller: Caller) -> None:
        """Forget a session. Raises TerminologyError when there is none of this id."""
        self.find(id_, caller)
        self._rows.end(id_)
        with self._lock:
            self._held.pop(id_, None)

    def catalogue(self, base: Catalogue, session: Session, documents: Sequence[Document] = ()) -> Catalogue:
        """The base seen through the session, to which these resources are added first."""
        wanted = max(session.batches, self._put(session.id, documents))
        with self._lock:
            held = self._held.get(session.id)
        if held is None or held.base() is not base:
            held = _Held(weakref.ref(base), ResourceIndex.of_request())
        if held.batches < wanted:
            held = self._read_on(session.id, held, base)
        self._hold(session.id, held)
        return held.overlay(base)

    def _put(self, id_: str, documents: Sequence[Document]) -> int:
        """The number of the batch that the documents make; none if there is nothing to keep."""
        served = [document for document in documents if document.get("resourceType") in KINDS]
        return self._rows.put(id_, json.write(served)) if served else 0

    def _read_on(self, id_: str, held: _Held, base: Catalogue) -> _Held:
        resources, batches, size = held.resources, held.batches, held.bytes
        for number, body in self._rows.batches(id_, held.batches):
            resources, batches, size = resources.replaced(json.read(body)), number, size + len(body)
        return _Held(weakref.ref(base), resources, batches, size)

    def _hold(self, id_: str, held: _Held) -> None:
        """Keep the overlay for the next request; let those go that were not used for longest."""
        with self._lock:
            newer = self._held.get(id_)
            if newer is None or newer.base() is not held.base() or newer.batches <= held.batches:
                self._held[id_] = held
            self._held.move_to_end(id_)
            size = sum(other.bytes for other in self._held.values())
            while size > self._most_held and len(self._held) > 1:
                _, dropped = self._held.popitem(last=False)
                size -= dropped.bytes
