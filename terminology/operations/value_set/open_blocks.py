"""Includes that have more codes than can be listed, such as those of a grammar."""

from __future__ import annotations

from collections.abc import Callable

from terminology.core.budget import counted
from terminology.operations.value_set.compose import Block, Definition


def open_blocks(definition: Definition, is_open: Callable[[Block], bool]) -> list[Block]:
    """The includes that list only some of their codes; an enumeration or an import may bound an include.

    ``is_open`` says whether an include lists only some of the codes of its code system, whatever its imports have.
    """
    return _OpenBlocks(is_open).of(definition)


class _OpenBlocks:
    """Each value set is asked once, however often it is imported."""

    def __init__(self, is_open: Callable[[Block], bool]) -> None:
        self._is_open = is_open
        self._answers: dict[int, list[Block]] = {}

    def of(self, definition: Definition) -> list[Block]:
        if id(definition) not in self._answers:
            parts = (part for block in counted(definition.includes) for part in self._parts(block))
            self._answers[id(definition)] = list({id(part): part for part in parts}.values())
        return self._answers[id(definition)]

    def _parts(self, block: Block) -> list[Block]:
        """The include itself, if it has a code system, and those of its imports; none if one of these is closed."""
        if block.is_enumerated or (block.system is None and block.url is not None):
            return []
        parts = [self.of(definition) for definition in block.imports]
        if block.system is not None:
            parts.append([block] if self._is_open(block) else [])
        return [part for each in parts for part in each] if all(parts) else []
