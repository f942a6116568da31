"""Long values cut, before a message quotes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import wraps
from inspect import isfunction, signature
from typing import Any

from terminology.core.issues.phrases import LONGEST_VALUE, shortened
from terminology.core.model import CodeSystemInfo, Filter

# The parameters that are phrases of this package, and may have texts of other messages in them.
PHRASES = frozenset(
    {
        "example",
        "expected",
        "feature",
        "hint",
        "metadata",
        "parts",
        "problem",
        "reason",
        "rule",
        "sentence",
        "why",
    }
)
_PACKAGE = __name__.rpartition(".")[0]
_LISTS = (list, tuple, set, frozenset)
# The texts of an object that a message may quote.
_TEXTS = {CodeSystemInfo: ("url", "version", "name", "title", "content"), Filter: ("property", "op", "value")}


def cutting(names: Mapping[str, Any]) -> dict[str, Callable[..., Any]]:
    """The messages among these names, each as a function that cuts the long values that it is given."""
    messages = {
        name: message
        for name, message in names.items()
        if isfunction(message) and message.__module__.startswith(_PACKAGE)
    }
    return {name: _cutting(message) for name, message in messages.items()}


def _cutting(message: Callable[..., Any]) -> Callable[..., Any]:
    are_values = [name not in PHRASES for name in signature(message).parameters]

    @wraps(message)
    def cut(*values: Any, **named: Any) -> Any:
        if not named and all(type(value) is str and len(value) <= LONGEST_VALUE for value in values):
            return message(*values)  # as nearly always
        shorter = [
            _cut(value) if is_value else value for value, is_value in zip(values, are_values, strict=False)
        ]
        return message(*shorter, **{k: v if k in PHRASES else _cut(v) for k, v in named.items()})

    return cut


def _cut(value: Any) -> Any:
    """The value itself, unless it is long or has a long text in it."""
    if isinstance(value, str):
        return value if len(value) <= LONGEST_VALUE else shortened(value)
    if isinstance(value, _LISTS):
        return [_cut(item) for item in value] if any(map(_is_long, value)) else value
    if isinstance(value, Mapping):
        return {_cut(name): _cut(item) for name, item in value.items()}
    if isinstance(value, (CodeSystemInfo, Filter)):
        texts = [(name, getattr(value, name)) for name in _TEXTS[type(value)]]
        changed: dict[str, Any] = {name: shortened(text) for name, text in texts if _is_long(text)}
        return replace(value, **changed) if changed else value
    return map(_cut, value) if isinstance(value, Iterator) else value


def _is_long(value: Any) -> bool:
    if isinstance(value, str):
        return len(value) > LONGEST_VALUE
    if isinstance(value, Mapping):
        return any(_is_long(name) or _is_long(item) for name, item in value.items())
    return isinstance(value, _LISTS) and any(map(_is_long, value))
