"""What no fragment of a code system can hold."""

from __future__ import annotations

from terminology.core.model import CodeSystemInfo


def impossibility(about: CodeSystemInfo, code: str) -> str:
    return ""
