"""Where is a reader in an expression, and what does it say when it cannot go on?"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from terminology.core import issues
from terminology.core.errors import TerminologyError

# How long an expression may be, and how deep its parts may stand in one another.
LONGEST = 50_000
DEEPEST = 40
# How many parts may it have that look at many concepts: attributes, filters, operators before brackets.
MOST_COSTLY = 100

_BLANK = re.compile(r"[ \t\r\n]*")
_WORD = re.compile(r"[A-Za-z][A-Za-z-]*")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
# What brackets are counted around, by how it begins: how it ends.
_AROUND = {"|": "|", "/*": "*/"}
_NEXT = re.compile(r'["|()]|/\*')


class TextReader:
    """A text, read from left to right. All that fails raises TerminologyError that names the place."""

    def __init__(self, text: str) -> None:
        if len(text) > LONGEST:
            raise TerminologyError(issues.expression_too_large("characters", len(text), LONGEST))
        self.text = text
        self.at = 0
        self._depth = self._costly = 0
        self._ends = _brackets(text)

    # -- what comes next ---------------------------------------------------------------------

    def blank(self) -> None:
        """Past blanks and comments."""
        self.at = _past_blank(self.text, self.at)

    def sees(self, symbol: str) -> bool:
        self.blank()
        return self.text.startswith(symbol, self.at)

    def take(self, symbol: str) -> bool:
        """Is the symbol next? Then it is read."""
        if not self.sees(symbol):
            return False
        self.at += len(symbol)
        return True

    def one_of(self, symbols: Iterable[str]) -> str | None:
        """The first of the symbols that is next; it is read."""
        return next((symbol for symbol in symbols if self.take(symbol)), None)

    def word(self) -> str | None:
        """The word that is next, in small letters; it stays."""
        self.blank()
        found = _WORD.match(self.text, self.at)
        return found[0].casefold() if found else None

    def take_word(self, *words: str) -> str | None:
        """The word that is next, if it is one of these; it is read."""
        found = self.word()
        if found not in words:
            return None
        self.at += len(found)
        return found

    def meaning(self, words: Mapping[str, str]) -> str | None:
        """What the next word means, if it is among these; it is read."""
        found = self.take_word(*words)
        return words[found] if found else None

    def quoted(self) -> str | None:
        """The text in quotes that is next, with its escapes."""
        self.blank()
        found = _QUOTED.match(self.text, self.at)
        if found is None:
            return None
        self.at = found.end()
        return found[1]

    def match(self, pattern: re.Pattern[str]) -> str | None:
        """What the pattern matches here; it is read."""
        self.blank()
        found = pattern.match(self.text, self.at)
        if found is None:
            return None
        self.at = found.end()
        return found[0]

    def after_bracket(self) -> str:
        """What follows the bracket that closes the one which is next."""
        self.blank()
        end = self._ends.get(self.at, len(self.text))
        after = _past_blank(self.text, end + 1)
        return self.text[after : after + 4]

    # -- what must come ----------------------------------------------------------------------

    def need(self, symbol: str) -> None:
        if not self.take(symbol):
            raise self.expected(f"'{symbol}'")

    def expected(self, what: str) -> TerminologyError:
        """What is wrong here: something else is expected."""
        self.blank()
        return TerminologyError(issues.bad_expression(self.text, self.at, what))

    def unsupported(self, what: str, at: int | None = None) -> TerminologyError:
        at = self.at if at is None else at
        return TerminologyError(issues.expression_not_supported(self.text, at, what))

    def deeper(self) -> None:
        """One part begins in another; to be followed by ``higher``."""
        self._depth += 1
        if self._depth > DEEPEST:
            raise TerminologyError(
                issues.expression_too_large("parts that stand in one another", self._depth, DEEPEST)
            )

    def higher(self) -> None:
        self._depth -= 1

    def costly(self) -> None:
        """Another part that looks at many concepts."""
        self._costly += 1
        if self._costly > MOST_COSTLY:
            what = "attributes, filters, and operators before brackets"
            raise TerminologyError(issues.expression_too_large(what, self._costly, MOST_COSTLY))


def _past_blank(text: str, at: int) -> int:
    while found := _BLANK.match(text, at):
        at = found.end()
        end = text.find("*/", at + 2) if text.startswith("/*", at) else -1
        if end < 0:
            break
        at = end + 2
    return at


def _brackets(text: str) -> dict[int, int]:
    """Where each bracket is closed. Every character is looked at once, whatever the text is like."""
    ends: dict[int, int] = {}
    open_: list[int] = []
    at = 0
    while found := _NEXT.search(text, at):
        at = found.end()
        if found[0] == "(":
            open_.append(found.start())
        elif found[0] == ")":
            if open_:
                ends[open_.pop()] = found.start()
        elif (at := _past(text, found[0], found.start())) < 0:
            break
    return ends


def _past(text: str, symbol: str, at: int) -> int:
    """After the text, term or comment that begins here; -1 if it never ends."""
    if symbol == '"':
        quoted = _QUOTED.match(text, at)
        return quoted.end() if quoted else -1
    end = text.find(_AROUND[symbol], at + len(symbol))
    return -1 if end < 0 else end + len(_AROUND[symbol])
