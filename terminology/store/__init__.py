"""Where do big code systems lie, and how do they get there?

A store holds compiled artifacts, one for each version of a code system or map, in files of SQLite or in
PostgreSQL. Reading and writing meet nowhere but in the tables:

==============  ================================================================
loading.py      importing, retiring, removing: the commands
registry.py     what was loaded, from what, when (SQLAlchemy; not for requests)
shelf.py        what is served now: opens artifacts, notices new generations
artifact.py     what one artifact knows
relations.py    which concepts are related to which, and in which group
compile.py      rows -> tables, with order.py, postings.py and packing.py; value_sets.py
schema.py       the tables; questions.py: the statements of the reading side
content.py      what sqlite.py and postgres.py have in common, with threads.py
copies.py       copies of what PostgreSQL serves
==============  ================================================================
"""

from __future__ import annotations

from pathlib import Path

from terminology.store.backend import Content


def content_of(place: str) -> Content:
    """The store at a place: a folder, or a ``postgresql://`` URL.

    Raises ImportError when a package is missing that it takes.
    """
    if place.startswith(("postgresql://", "postgres://")):
        from terminology.store.postgres import PostgresContent

        return PostgresContent(place)
    from terminology.store.sqlite import SqliteContent

    return SqliteContent(Path(place).expanduser())
