"""The SQL of the reading side: every statement that a request can cause, once for all databases.

In a statement ``{here}`` limits it to the artifact, ``?`` stands for a value, and ``{among}`` for "is one of" a
list. Concepts are found by text in the table ``posting``: see "posting", "postings" and "terms".
"""

from __future__ import annotations

from typing import Any, Protocol

_CONCEPT = "ord, key, code, display, flags, status, body"
_MAPPING = "part, source, target, body"
_MEMBER = "place, part, code, folded, depth, body"

STATEMENTS = {
    "header": "SELECT value FROM header WHERE {here} name = ?",
    # -- concepts
    "concept": f"SELECT {_CONCEPT} FROM concept WHERE {{here}} key = ?",
    "ord": "SELECT ord FROM concept WHERE {here} key = ?",
    "concepts": f"SELECT {_CONCEPT} FROM concept WHERE {{here}} ord {{among}} ORDER BY ord",
    "concepts by key": f"SELECT {_CONCEPT} FROM concept WHERE {{here}} key {{among}}",
    "displays": "SELECT key, display FROM concept WHERE {here} key {among}",
    "range": f"SELECT {_CONCEPT} FROM concept WHERE {{here}} ord >= ? AND ord < ? ORDER BY ord",
    "ords": "SELECT key, ord FROM concept WHERE {here} key {among}",
    "keys": "SELECT key, ord, code FROM concept WHERE {here} key >= ? AND key < ? ORDER BY key",
    # -- hierarchy
    "parents": "SELECT parents FROM hierarchy WHERE {here} ord {among} AND parents IS NOT NULL",
    "children": "SELECT children FROM hierarchy WHERE {here} ord = ?",
    "children of": "SELECT children FROM hierarchy WHERE {here} ord {among} AND children IS NOT NULL",
    "descendants": "SELECT descendants FROM hierarchy WHERE {here} ord = ?",
    # -- postings: concepts by word, by the beginning of a word, by property value
    "posting": "SELECT ords FROM posting WHERE {here} field = ? AND term = ?",
    "postings": "SELECT ords FROM posting WHERE {here} field = ? AND term {among}",
    "terms": (
        "SELECT term, ords FROM posting WHERE {here} field = ? AND term >= ? AND term < ? ORDER BY term"
    ),
    "words": "SELECT term FROM posting WHERE {here} field = ? AND term >= ? AND term < ?",
    # -- mappings
    "by source": f"SELECT {_MAPPING} FROM mapping WHERE {{here}} source = ? ORDER BY place",
    "by target": f"SELECT {_MAPPING} FROM mapping WHERE {{here}} target = ? ORDER BY place",
    "like source": "SELECT DISTINCT source FROM mapping WHERE {here} source_bare = ? AND part = ?",
    "like target": "SELECT DISTINCT target FROM mapping WHERE {here} target_bare = ? AND part = ?",
    "mappings": f"SELECT {_MAPPING} FROM mapping WHERE {{here}} place >= ? AND place < ? ORDER BY place",
    # -- value sets
    "members": f"SELECT {_MEMBER} FROM member WHERE {{here}} place >= ? AND place < ? ORDER BY place",
    "members at": f"SELECT {_MEMBER} FROM member WHERE {{here}} place {{among}} ORDER BY place",
    "listed": f"SELECT {_MEMBER} FROM member WHERE {{here}} part = ? AND folded = ? ORDER BY place",
    "all listed": f"SELECT {_MEMBER} FROM member WHERE {{here}} part = ? AND folded {{among}} ORDER BY place",
}


class ArtifactTables(Protocol):
    """The tables of one artifact, open for reading by any thread."""

    def select(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """The rows of a statement, by its name in STATEMENTS. A list, as the last value, is for ``{among}``."""

    def close(self) -> None:
        """Close all connections. Nothing can be selected afterwards."""
