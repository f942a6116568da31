"""The answer of $validate-code."""

from __future__ import annotations

from dataclasses import dataclass, field

from terminology.core.model import Document, Issue


@dataclass(slots=True)
class Validation:
    """The result, with the reasons and the known facts about the code.

    ``concept`` repeats the CodeableConcept of the request. ``missing_systems`` and ``unknown_systems`` are
    canonicals of code systems that the server does not have; without the missing ones the code cannot be judged.
    ``normalized_code`` is the code as the code system writes it, where that differs.
    """

    result: bool
    message: str | None = None
    code: str | None = None
    system: str | None = None
    version: str | None = None
    display: str | None = None
    inactive: bool = False
    status: str | None = None
    normalized_code: str | None = None
    concept: Document | None = None
    issues: list[Issue] = field(default_factory=list)
    missing_systems: list[str] = field(default_factory=list)
    unknown_systems: list[str] = field(default_factory=list)
