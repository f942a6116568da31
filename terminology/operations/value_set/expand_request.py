"""The request of $expand as Python fields. The names of its parameters are in ``wire/operation_table.py``.

Which of them the expansion repeats is in ``expand.REPEATED``, and on which the definition depends, so that it is
prepared for each value, in ``resolution.remembered``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from terminology.core.budget import LARGEST_EXPANSION
from terminology.core.languages import Languages
from terminology.operations.value_set.resolution import ValueSetParameters


@dataclass(slots=True, kw_only=True)
class ExpandRequest(ValueSetParameters):
    """A call of $expand: https://hl7.org/fhir/R5/valueset-operation-expand.html.

    ``languages`` is the parameter ``displayLanguage``, ``accepted`` the HTTP header ``Accept-Language``.
    ``largest`` bounds the number of codes in the answer, and so does ``limit``, a parameter of HL7's ecosystem, where
    no ``count`` asks for a page. ``nested``: whether a hierarchy is listed as a tree where
    neither the request nor the value set says ``excludeNested``. ``exclude_post_coordinated``
    leaves out the expressions that a value set lists; filters list none. A ``date`` in the past is refused.
    """

    filter: str | None = None
    date: str | None = None
    offset: int | None = None
    count: int | None = None
    limit: int | None = None
    include_designations: bool | None = None
    designations: Sequence[str] = ()
    include_definition: bool | None = None
    active_only: bool | None = None
    exclude_nested: bool | None = None
    exclude_not_for_ui: bool | None = None
    exclude_post_coordinated: bool | None = None
    languages: Languages | None = None
    accepted: Languages | None = None
    exclude_systems: Sequence[str] = ()
    properties: Sequence[str] = ()
    largest: int = LARGEST_EXPANSION
    nested: bool = True
