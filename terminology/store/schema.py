"""What is an artifact made of? The tables of one compiled version of a code system, map or value set.

The same tables in every database: a file for each artifact in SQLite; in PostgreSQL all artifacts share the
tables, each row with the number of its artifact. Concepts are numbered from 0 (``ord``), as a rule in
preorder of the hierarchy, so that what lies below a concept is nearly one range (see ``order.py``). Sets of
concepts are Roaring bitmaps of these numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

# Of the tables and of what is packed into them. A release that was compiled in another format is compiled
# anew when it is imported again.
FORMAT = 3


@dataclass(slots=True, frozen=True)
class Table:
    """``columns`` are (name, type) with the types ``int``, ``text`` and ``bytes``; ``key`` is unique."""

    name: str
    columns: tuple[tuple[str, str], ...]
    key: tuple[str, ...]
    indexes: tuple[tuple[str, ...], ...] = ()
    unique: tuple[str, ...] = ()

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.columns]


TABLES = (
    # What the artifact is: see ``header.py``.
    Table("header", (("name", "text"), ("value", "bytes")), key=("name",)),
    # ``key`` is how a code is looked for; ``code`` is null where it is the same. ``body`` is all the rest
    # that is known of the concept: see ``packing.py``.
    Table(
        "concept",
        (
            ("ord", "int"),
            ("key", "text"),
            ("code", "text"),
            ("display", "text"),
            ("flags", "int"),
            ("status", "text"),
            ("body", "bytes"),
        ),
        key=("ord",),
        unique=("key",),
    ),
    # Bitmaps; null where there are none. Of concepts that stand alone there is no row.
    Table(
        "hierarchy",
        (("ord", "int"), ("parents", "bytes"), ("children", "bytes"), ("descendants", "bytes")),
        key=("ord",),
    ),
    # Which concepts have a word, the beginning of a word, or a value of a property. ``field`` is the number
    # of WORD, PREFIX, MARK, of a property in the header's ``fields``, or of the words of a language in its
    # ``languages``, whose prefixes have the next number. WORD and PREFIX are what is said in no language in
    # particular, codes among it.
    Table(
        "posting",
        (("field", "int"), ("term", "text"), ("ords", "bytes")),
        key=("field", "term"),
    ),
    # A row of a map, in order. ``*_bare`` is the code without what people leave out or add.
    Table(
        "mapping",
        (
            ("place", "int"),
            ("part", "int"),
            ("source", "text"),
            ("target", "text"),
            ("source_bare", "text"),
            ("target_bare", "text"),
            ("body", "bytes"),
        ),
        key=("place",),
        indexes=(("source",), ("target",), ("source_bare",), ("target_bare",)),
    ),
    # An entry of a list of a value set, in order. ``part`` is the number of the list in the header's
    # ``parts``; ``folded`` is the code without case.
    Table(
        "member",
        (
            ("place", "int"),
            ("part", "int"),
            ("code", "text"),
            ("folded", "text"),
            ("depth", "int"),
            ("body", "bytes"),
        ),
        key=("place",),
        indexes=(("part", "folded"),),
    ),
)
COLUMNS = {table.name: table.names for table in TABLES}

WORD, PREFIX, MARK, FIRST_PROPERTY, FIRST_LANGUAGE = 0, 1, 2, 10, 1_000_000

# The terms of MARK: concepts of some kind; those of which something is said in a language (before its tag),
# and those of a status.
INNER, INACTIVE, ABSTRACT, LANGUAGE, STATUS = "inner", "inactive", "abstract", "speaks ", "status "

# The bits of ``concept.flags``.
IS_ABSTRACT, IS_INACTIVE, HAS_DEFINITION, HAS_EXTENSION = 1, 2, 4, 8

# A prefix that begins more terms than this has a bitmap of its own.
MANY_TERMS = 16

# A longer value of a property stands in the postings as its beginning and a digest.
LONGEST_TERM = 200
DIGEST_MARK = "\x1f"
# A number that is not written in the usual way stands there a second time, as it is usually written.
NORMAL_MARK = "\x1e"
