"""A reader of an expression from left to right, whose errors name the place in the text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from terminology.core import issues
from terminology.core.errors import TerminologyError

# The length of an expression, in characters, and the depth to which its parts may be nested.
LONGEST = 50_000
DEEPEST = 40
# The largest number of parts that each read many concepts: attributes, filters, operators before brackets.
MOST_COSTLY = 100

_BLANK = re.compile(r"[ \t\r\n]*")
_WORD = re.compile(r"[A-Za-z][A-Za-z-]*")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
# Brackets in terms and comments do not count: the end of each by its beginning.
_SKIPPED = {"|": "|", "/*": "*/"}
_NEXT = re.compile(r'["|()]|/\*')


class TextReader:
    """A text that is read from left to right. Every error is a TerminologyError that names the place."""

    def __init__(self, text: str) -> None:
        if len(text) > LONGEST:
            raise TerminologyError(issues.expression_too_large("characters", len(text), LONGEST))
        self.text = text
        self.at = 0
        self._depth = self._costly = 0
        self._ends = _brackets(text)

    # -- optional parts -----------------------------------------------------------------------

    def blank(self) -> None:
        """Skip blanks and comments."""
        self.at = _past_blank(self.text, self.at)

    def sees(self, symbol: str) -> bool:
        self.blank()
        return self.text.startswith(symbol, self.at)

    def take(self, symbol: str) -> bool:
        """Read the symbol, if it is next. Returns whether it was."""
        if not self.sees(symbol):
            return False
        self.at += len(symbol)
        return True

    def one_of(self, symbols: Iterable[str]) -> str | None:
        """Read the first of the symbols that is next. Returns it, or None."""
        return next((symbol for symbol in symbols if self.take(symbol)), None)

    def word(self) -> str | None:
        """The word that is next, in lower case; it is not read."""
        self.blank()
        word = _WORD.match(self.text, self.at)
        return word[0].casefold() if word else None

    def take_word(self, *words: str) -> str | None:
        """Read the next word, in lower case, if it is one of these."""
        word = self.word()
        if word not in words:
            return None
        self.at += len(word)
        return word

    def meaning(self, words: Mapping[str, str]) -> str | None:
        """Read the next word, if it is one of ``words``. Returns the value that it has there."""
        word = self.take_word(*words)
        return words[word] if word else None

    def quoted(self) -> str | None:
        """Read the quoted text that is next; its escapes are kept."""
        self.blank()
        quoted = _QUOTED.match(self.text, self.at)
        if quoted is None:
            return None
        self.at = quoted.end()
        return quoted[1]

    def match(self, pattern: re.Pattern[str]) -> str | None:
        """Read the text that the pattern matches here."""
        self.blank()
        match = pattern.match(self.text, self.at)
        if match is None:
            return None
        self.at = match.end()
        return match[0]

    def after_bracket(self) -> str:
        """The first characters after the bracket that closes the bracket which is next; nothing is read."""
        self.blank()
        end = self._ends.get(self.at, len(self.text))
        after = _past_blank(self.text, end + 1)
        return self.text[after : after + 4]

    # -- required parts --------------------------------------------------------------------------

    def need(self, symbol: str) -> None:
        if not self.take(symbol):
            raise self.expected(f"'{symbol}'")

    def expected(self, what: str) -> TerminologyError:
        """The error that something else is expected here."""
        self.blank()
        return TerminologyError(issues.bad_expression(self.text, self.at, what))

    def unsupported(self, what: str, at: int | None = None) -> TerminologyError:
        at = self.at if at is None else at
        return TerminologyError(issues.expression_not_supported(self.text, at, what))

    def deeper(self) -> None:
        """Enter a nested part; ``higher`` leaves it."""
        self._depth += 1
        if self._depth > DEEPEST:
            raise TerminologyError(issues.expression_too_large("nested parts", self._depth, DEEPEST))

    def higher(self) -> None:
        self._depth -= 1

    def costly(self) -> None:
        """Count one more part that reads many concepts."""
        self._costly += 1
        if self._costly > MOST_COSTLY:
            what = "attributes, filters, and operators before brackets"
            raise TerminologyError(issues.expression_too_large(what, self._costly, MOST_COSTLY))


def _past_blank(text: str, at: int) -> int:
    while blank := _BLANK.match(text, at):
        at = blank.end()
        end = text.find("*/", at + 2) if text.startswith("/*", at) else -1
        if end < 0:
            break
        at = end + 2
    return at


def _brackets(text: str) -> dict[int, int]:
    """The place of the closing bracket by the place of its opening bracket, in linear time."""
    ends: dict[int, int] = {}
    unclosed: list[int] = []
    at = 0
    while symbol := _NEXT.search(text, at):
        at = symbol.end()
        if symbol[0] == "(":
            unclosed.append(symbol.start())
        elif symbol[0] == ")":
            if unclosed:
                ends[unclosed.pop()] = symbol.start()
        elif (at := _past(text, symbol[0], symbol.start())) < 0:
            break
    return ends


def _past(text: str, symbol: str, at: int) -> int:
    """The place after the quoted text, term or comment that begins here; -1 if it does not end."""
    if symbol == '"':
        quoted = _QUOTED.match(text, at)
        return quoted.end() if quoted else -1
    end = text.find(_SKIPPED[symbol], at + len(symbol))
    return -1 if end < 0 else end + len(_SKIPPED[symbol])
