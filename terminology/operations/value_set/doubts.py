"""Warnings about the filters of a value set: a value that no concept has selects nothing, which is seldom meant."""

from __future__ import annotations

from collections.abc import Iterable

from terminology.core.model import Issue
from terminology.operations.value_set.compose import Block


def doubts_of(blocks: Iterable[Block]) -> list[Issue]:
    """A warning for each value of a filter that no concept has; each once."""
    doubts = {doubt.text: doubt for block in blocks for doubt in block.doubts}
    return list(doubts.values())
