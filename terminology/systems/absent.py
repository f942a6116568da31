"""A code system that the server does not have: only the codes that value sets list are known."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from terminology.core.model import CodeSystemInfo, Concept
from terminology.systems.protocol import SimpleCodeSystem

Node = Mapping[str, Any]


class AbsentCodeSystem(SimpleCodeSystem):
    """The codes that the includes of value sets list, of a code system or version that the server does not have.

    Only the value set says that they exist. Display and designations are those of
    the value set; an entry of a stored expansion also says whether its code is abstract or inactive.
    """

    def __init__(self, url: str, version: str | None) -> None:
        self.about = CodeSystemInfo(url, version, content="not-present", is_related=False)
        self._lists: list[Callable[[str], Node | None]] = []

    def add_list(self, find: Callable[[str], Node | None]) -> None:
        """Add the codes of one include; ``find`` finds an ``include.concept`` by its code."""
        self._lists.append(find)

    def locate(self, code: str) -> Concept | None:
        for find in self._lists:
            node = find(code)
            if node is not None:
                return listed_concept(node)
        return None


def listed_concept(node: Node) -> Concept:
    """The concept of an entry of a list."""
    abstract, inactive = (node.get(name) is True for name in ("abstract", "inactive"))
    return Concept(node.get("code", ""), abstract=abstract, inactive=inactive)
