"""What is asked of an artifact's tables? Every statement of the reading side, said once for all databases.

``{here}`` limits a statement to the artifact, ``?`` stands for a value, ``{among}`` for "is one of" a list.
"""

from __future__ import annotations

from typing import Any, Protocol

_CONCEPT = "ord, key, code, display, flags, status, body"
_ROW = "part, source, target, body"
_MEMBER = "place, part, code, folded, depth, body"

STATEMENTS = {
    "header": "SELECT value FROM header WHERE {here} name = ?",
    # -- concepts
    "concept": f"SELECT {_CONCEPT} FROM concept WHERE {{here}} key = ?",
    "ord": "SELECT ord FROM concept WHERE {here} key = ?",
    "concepts": f"SELECT {_CONCEPT} FROM concept WHERE {{here}} ord {{among}} ORDER BY ord",
    "concepts by key": f"SELECT {_CONCEPT} FROM concept WHERE {{here}} key {{among}}",
    "range": f"SELECT {_CONCEPT} FROM concept WHERE {{here}} ord >= ? AND ord < ? ORDER BY ord",
    "ords": "SELECT key, ord FROM concept WHERE {here} key {among}",
    "keys": "SELECT key, ord, code FROM concept WHERE {here} key >= ? AND key < ? ORDER BY key",
    # -- hierarchy
    "parents": "SELECT parents FROM hierarchy WHERE {here} ord {among} AND parents IS NOT NULL",
    "children": "SELECT children FROM hierarchy WHERE {here} ord = ?",
    "children of": "SELECT children FROM hierarchy WHERE {here} ord {among} AND children IS NOT NULL",
    "descendants": "SELECT descendants FROM hierarchy WHERE {here} ord = ?",
    # -- postings
    "posting": "SELECT ords FROM posting WHERE {here} field = ? AND term = ?",
    "postings": "SELECT ords FROM posting WHERE {here} field = ? AND term {among}",
    "terms": (
        "SELECT term, ords FROM posting WHERE {here} field = ? AND term >= ? AND term < ? ORDER BY term"
    ),
    # -- mappings
    "by source": f"SELECT {_ROW} FROM mapping WHERE {{here}} source = ? ORDER BY place",
    "by target": f"SELECT {_ROW} FROM mapping WHERE {{here}} target = ? ORDER BY place",
    "like source": "SELECT DISTINCT source FROM mapping WHERE {here} source_bare = ? AND part = ?",
    "like target": "SELECT DISTINCT target FROM mapping WHERE {here} target_bare = ? AND part = ?",
    "mappings": f"SELECT {_ROW} FROM mapping WHERE {{here}} place >= ? AND place < ? ORDER BY place",
    # -- value sets
    "members": f"SELECT {_MEMBER} FROM member WHERE {{here}} place >= ? AND place < ? ORDER BY place",
    "members at": f"SELECT {_MEMBER} FROM member WHERE {{here}} place {{among}} ORDER BY place",
    "listed": f"SELECT {_MEMBER} FROM member WHERE {{here}} part = ? AND folded = ? ORDER BY place",
    "all listed": f"SELECT {_MEMBER} FROM member WHERE {{here}} part = ? AND folded {{among}} ORDER BY place",
}

# After every text that begins with the text before it.
LAST = "\U0010ffff"


class Tables(Protocol):
    """The tables of one artifact, open for reading by any thread."""

    def ask(self, question: str, *values: Any) -> list[tuple[Any, ...]]:
        """The rows that answer one of STATEMENTS. A list, the last of the values, is for ``{among}``."""

    def close(self) -> None: ...
