"""The tables of an artifact, and the constants in their rows.

The tables are the same in every database. In SQLite each artifact has a file; in PostgreSQL all artifacts share
the tables, each row with the number of its artifact. Concepts are numbered from 0 (``ord``), usually in preorder
of the hierarchy, so that the descendants of a concept are nearly one range (see ``compile/order.py``). Sets of
concepts are Roaring bitmaps of these numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

# The format of the tables and of the bytes in them. A release that was compiled in another format is compiled
# again when it is imported again.
FORMAT = 3


@dataclass(slots=True, frozen=True)
class TableSchema:
    """The definition of a table, for any database.

    ``columns`` are (name, type) with the types ``int``, ``text`` and ``bytes``. ``key`` are the columns of the primary
    key, ``unique`` those of another unique index, ``indexes`` those of each further index.
    """

    name: str
    columns: tuple[tuple[str, str], ...]
    key: tuple[str, ...]
    indexes: tuple[tuple[str, ...], ...] = ()
    unique: tuple[str, ...] = ()

    @property
    def names(self) -> list[str]:
        """The names of the columns."""
        return [name for name, _ in self.columns]


TABLES = (
    # The description of the artifact, and parts of it such as tables of relationships: see ``header.py``.
    TableSchema("header", (("name", "text"), ("value", "bytes")), key=("name",)),
    # ``key`` is the code as it is looked up: in small letters where case does not count; ``code`` is null where it
    # equals the key. ``body`` holds everything else about the concept: see ``store/packing.py``.
    TableSchema(
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
    # Bitmaps; null where there are none. A concept without parents and children has no row.
    TableSchema(
        "hierarchy",
        (("ord", "int"), ("parents", "bytes"), ("children", "bytes"), ("descendants", "bytes")),
        key=("ord",),
    ),
    # The concepts that have a word, the beginning of a word, or a value of a property. ``field`` is WORD, PREFIX
    # or MARK, the number of a property in the header's ``fields``, or the number of a language in its
    # ``languages``; the prefixes of a language have the next number. WORD and PREFIX are for codes and for texts in
    # no particular language.
    TableSchema(
        "posting",
        (("field", "int"), ("term", "text"), ("ords", "bytes")),
        key=("field", "term"),
    ),
    # The mappings of a map, in order. ``*_bare`` is the code without the dots, blanks and zeros that people leave out
    # or add.
    TableSchema(
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
    # The entries of the lists of a value set, in order. ``part`` is the number of the list in the header's ``parts``,
    # ``folded`` the casefolded code, ``depth`` how deep the entry is nested in an expansion.
    TableSchema(
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

# The numbers of fields in ``posting``. FOLDED has the codes without their case that are not written so, of a code
# system that does not say whether case matters.
WORD, PREFIX, MARK, FOLDED, FIRST_PROPERTY, FIRST_LANGUAGE = 0, 1, 2, 3, 10, 1_000_000

# The terms of the field MARK: concepts with children, and with parents; inactive and abstract ones; those with a text
# in a language (the term is LANGUAGE and the tag); those with a status (STATUS and the status). Artifacts of earlier
# versions have no BELOW, nor HAS_FOLDED: of no concepts, it says that the artifact has the field FOLDED.
INNER, BELOW, INACTIVE, ABSTRACT, LANGUAGE, STATUS = (
    "inner",
    "below",
    "inactive",
    "abstract",
    "speaks ",
    "status ",
)
HAS_FOLDED = "has folded"

# The bits of ``concept.flags``.
IS_ABSTRACT, IS_INACTIVE, HAS_DEFINITION, HAS_EXTENSION = 1, 2, 4, 8

# A prefix of more words than this has a bitmap of its own.
MANY_TERMS = 16

# The term of a property value longer than this is its beginning and a digest: ``posting_terms.py``.
LONGEST_TERM = 200
DIGEST_MARK = "\x1f"
# A number that is not written in the usual way (such as "01.50") has a second term: this mark and the usual way. So
# has a code that is not written without its case, where case may not matter: this mark, the code without its case,
# the mark again and the code.
NORMAL_MARK = "\x1e"
