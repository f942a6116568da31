"""The room that closure tables and caches of clients take: bounded for each caller and in all, in bytes and number.

A caller whose room is full is refused, and nobody else. When the room of all is full, the caller
that has most loses its least recently used ones: newcomers are not shut out, and others lose nothing.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from terminology.core import issues
from terminology.core.errors import TerminologyError

# The bytes that a table, a cache or a row of it takes besides its texts.
OVERHEAD = 200
_PART_IN_MEMORY = 8


@dataclass(slots=True, frozen=True)
class StateBounds:
    """The most bytes and items (closure tables and caches), in all and of one caller.

    A caller's own items that were unused for ``fresh`` seconds make room for its new ones.
    """

    bytes: int = 1_000_000_000
    bytes_of_caller: int = 250_000_000
    items: int = 10_000
    items_of_caller: int = 1_000
    fresh: float = 86_400

    @property
    def in_memory(self) -> StateBounds:
        """The bounds where the state is in the memory of a process."""
        part = _PART_IN_MEMORY
        return StateBounds(
            self.bytes // part, self.bytes_of_caller // part, self.items, self.items_of_caller, self.fresh
        )


class Quota:
    """Makes room in a database. ``held`` is a view of all tables and caches; see ``state/schema.py``."""

    def __init__(self, bounds: StateBounds) -> None:
        self.bounds = bounds

    def make_room(
        self,
        connection: sqlite3.Connection,
        caller: str,
        size: int,
        now: float,
        grows: tuple[str, str | int] | None = None,
    ) -> None:
        """Make room for a new item of this size, or for so many bytes more in the one that ``grows`` (kind and id).

        Raises TerminologyError when the caller has no room.
        """
        most_items, most_bytes = self.bounds.items_of_caller, self.bounds.bytes_of_caller
        items = 0 if grows is not None else 1
        while True:
            own = _holdings(connection, caller)
            if own[0] + items <= most_items and own[1] + size <= most_bytes:
                break
            if not _drop(connection, [caller], now - self.bounds.fresh, grows):
                if own[0] + items > most_items:
                    raise TerminologyError(issues.too_many_of_caller(most_items))
                raise TerminologyError(issues.too_much_of_caller(most_bytes, own[1] + size))
        while True:
            in_all = _holdings(connection)
            by_items = in_all[0] + items > self.bounds.items
            if not by_items and in_all[1] + size <= self.bounds.bytes:
                return
            if not _drop(connection, _holders(connection, by_items), now, grows):
                raise TerminologyError(issues.too_much_in_all(self.bounds.bytes))


def _holdings(connection: sqlite3.Connection, caller: str | None = None) -> tuple[int, int]:
    """The number of items and their bytes: of a caller, or of all."""
    every = "SELECT count(*), coalesce(sum(bytes), 0) FROM held"
    rows = (
        connection.execute(every)
        if caller is None
        else connection.execute(f"{every} WHERE caller = ?", (caller,))
    )
    items, size = rows.fetchone()
    return int(items), int(size)


def _holders(connection: sqlite3.Connection, by_items: bool) -> list[str]:
    """The callers, the one who has most first; of equals, the one who was away for longer."""
    amount = "count(*)" if by_items else "sum(bytes)"
    rows = connection.execute(
        f"SELECT caller FROM held GROUP BY caller ORDER BY {amount} DESC, min(used)"
    ).fetchall()
    return [caller for (caller,) in rows]


def _drop(
    connection: sqlite3.Connection, callers: list[str], before: float, but: tuple[str, str | int] | None
) -> bool:
    """Delete what the first of these callers who has anything else has not used for longest; false if none has."""
    for caller in callers:
        row = connection.execute(
            "SELECT kind, id FROM held WHERE caller = ? AND used <= ? AND NOT (kind = ? AND id = ?)"
            " ORDER BY used LIMIT 1",
            (caller, before, *(but or ("", ""))),
        ).fetchone()
        if row is not None:
            connection.execute(f"DELETE FROM {row[0]} WHERE id = ?", (row[1],))
            return True
    return False
