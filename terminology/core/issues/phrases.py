"""Phrases that several messages share: lists of choices, values quoted and shortened."""

from __future__ import annotations

from collections.abc import Iterable


def or_list(items: Iterable[str]) -> str:
    words = list(items)
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}" if words else ""


def quoted(value: object) -> str:
    if value is None:
        return "without a value"
    return shortened(f"'{value}'" if isinstance(value, str) else str(value))


def shortened(text: str) -> str:
    return text if len(text) <= 200 else text[:200] + "…"
