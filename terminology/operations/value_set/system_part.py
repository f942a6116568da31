"""The part of a value set that is of one code system."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

from terminology.core.budget import counted
from terminology.operations.value_set.compose import Block, Definition


class SystemPart:
    """The codes of a value set that are of one code system; of one ``version`` of it, if ``counts_versions``."""

    def __init__(
        self, parts: Sequence[Definition], url: str, version: str | None, counts_versions: bool
    ) -> None:
        """``parts`` are the value set and all that it imports."""
        self.definition, *_ = self._parts = parts
        self.url, self.version = url, version
        self._counts_versions = counts_versions

    def has(self, block: Block) -> bool:
        """Whether an include or exclude may be about codes of this part."""
        if block.url is None:
            return any(self.url in other.versions for other in counted(block.imports))
        return block.url == self.url and (not self._counts_versions or block.version == self.version)

    @cached_property
    def plain_includes(self) -> list[Block]:
        """The includes; in place of one that only imports another value set, those of that value set."""
        return [block for block in counted(plain_includes(self.definition)) if self.has(block)]

    @cached_property
    def includes(self) -> list[Block]:
        """The includes of the code system itself, also those of imports."""
        return [block for block in counted(self.definition.system_includes()) if self.has(block)]

    @cached_property
    def excludes(self) -> list[Block]:
        """The excludes of the value set, without those of imports."""
        return [block for block in counted(self.definition.excludes) if self.has(block)]

    @cached_property
    def blocks(self) -> list[Block]:
        """Every include and exclude of the code system, in every version, also those of imports."""
        blocks = (block for each in self._parts for block in each.blocks())
        return [block for block in counted(blocks) if block.url == self.url]

    @cached_property
    def gaps(self) -> list[str]:
        """Why stored expansions that stand for definitions lack codes."""
        return [r for each in counted(self._parts) if self.url in each.versions for r in each.unclosed]

    @property
    def has_one_version(self) -> bool:
        """Whether all includes of the code system are of this part."""
        return not self._counts_versions or list(self.definition.versions.get(self.url, ())) == [self.version]

    def contains(self, code: str) -> bool:
        """Whether a code is in the value set. Raises TerminologyError for filters that cannot be used."""
        return self.definition.contains(self.url, code, self.version)


def plain_includes(definition: Definition, visited: set[int] | None = None) -> Iterator[Block]:
    """The includes; in place of one that only imports another value set, those of that value set, each once."""
    visited = set() if visited is None else visited
    for block in definition.includes:
        other = block.imports[0] if block.url is None and len(block.imports) == 1 else None
        if other is None or other.excludes or not other.includes_inactive or other.unclosed:
            yield block
        elif id(other) not in visited:
            visited.add(id(other))
            yield from plain_includes(other, visited)
