"""Compiled code systems, maps and value sets, in files of SQLite or in PostgreSQL.

An importer reads the files of a release; this package compiles its rows into an *artifact*, one for each
version of a code system, map or value set. The writing side and the reading side share nothing but the tables.
No other package has SQL, except ``state``.

Writing:

===================  ================================================================
release.py           the releases and rows that importers hand over
reporting.py         how an import reports problems and progress
loading.py           the commands: import, retire, remove
registry.py          which artifacts exist, from which files, since when (SQLAlchemy; never asked by a request)
verifying.py         whether the artifacts are as they were imported
compile/             rows into tables: compiler.py (code systems and maps), scratch.py, places.py, order.py,
                     indexing.py, postings.py, runs.py, blocks.py, garbage.py
temporary.py         temporary files, for what does not stay in memory
===================  ================================================================

Reading:

===================  ================================================================
serving.py           the artifacts that are served at the moment
damage.py            files that have changed
artifacts.py         one artifact: its concepts, sets of concepts, mappings, members
sql.py               the SQL of the reading side: every SELECT, text search included
copies.py            files on a node that copy what PostgreSQL serves
===================  ================================================================

What clients write:

===================  ================================================================
write_log.py         every version of every resource that clients wrote (SQLAlchemy)
write_notices.py     how processes learn of a write in PostgreSQL
===================  ================================================================

The format, which both sides know:

===================  ================================================================
schema.py            the tables, and the constants in them
header.py            the description of an artifact, a row of the table ``header``
packing.py           the body of a concept or mapping as bytes
posting_terms.py     the terms by which concepts are found
relations.py         relationships between concepts, by kind and group
value_sets.py        the lists of a long value set
===================  ================================================================

The databases:

===================  ================================================================
backend.py           what a store of either kind must be able to do
sqlite.py            a store in a folder
postgres.py          a store in a database
threads.py           one connection for each thread
===================  ================================================================
"""

from __future__ import annotations

from pathlib import Path

from terminology.store.backend import Store


def store_at(place: str) -> Store:
    """The store at a place: a folder, or a ``postgresql://`` URL. Nothing is opened or made yet.

    Raises ImportError if a package is missing that this kind of store needs.
    """
    if place.startswith(("postgresql://", "postgres://")):
        from terminology.store.postgres import PostgresStore

        return PostgresStore(place)
    from terminology.store.sqlite import SqliteStore

    return SqliteStore(Path(place).expanduser())
