"""The keys by which the codes of one code system are compared: ``CodeSystem.caseSensitive`` has three values.

If case counts, a key is the code; if it does not, the code without its case. If the code system does not say (None),
a key is a code as the code system writes it; any other code means the first key that differs from it in case only.

https://hl7.org/fhir/R5/codesystem-definitions.html#CodeSystem.caseSensitive
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable
from functools import cached_property


class CodeKeys:
    """The keys of one code system.

    >>> keys = CodeKeys(None, ["Rye", "plain", "PLAIN"])
    >>> keys.of("rye"), keys.of("PLAIN"), keys.of("Plain"), keys.of("oat")
    ('Rye', 'PLAIN', 'plain', 'oat')
    """

    def __init__(
        self,
        case_sensitive: bool | None,
        known: Container[str],
        in_order: Callable[[], Iterable[str]] | None = None,
    ) -> None:
        """``known`` are the keys of the code system; it may still grow until ``of`` is first asked.

        ``in_order`` gives them in the order of the code system, if that is not the order of ``known``.
        """
        self._case_sensitive = case_sensitive
        self._known = known
        self._in_order = in_order

    def own(self, code: str) -> str:
        """The key of a concept that has this code."""
        return code.casefold() if self._case_sensitive is False else code

    def of(self, code: str) -> str:
        """The key that a code means, whether a concept has it or not."""
        if self._case_sensitive is None and code not in self._known:
            return self._firsts.get(code.casefold(), code)
        return code.casefold() if self._case_sensitive is False else code

    @cached_property
    def _firsts(self) -> dict[str, str]:
        """The first key of those that differ in case only."""
        firsts: dict[str, str] = {}
        known = self._known if self._in_order is None else self._in_order()
        assert isinstance(known, Iterable)
        for key in known:
            firsts.setdefault(key.casefold(), key)
        return firsts
