"""The parameters of $validate-code."""

from __future__ import annotations

from dataclasses import dataclass

from terminology.core.languages import Languages
from terminology.core.model import Coding, Document
from terminology.operations.value_set.resolution import ValueSetParameters


@dataclass(slots=True, kw_only=True)
class ValidateRequest(ValueSetParameters):
    """A call of $validate-code on a CodeSystem or a ValueSet; neither has all of these parameters.

    On a CodeSystem, ``url`` and ``instance`` are those of the code system. ``concept`` is a CodeableConcept as
    it was sent, for the answer repeats it. ``unqualified_version`` is the parameter ``version`` on a ValueSet:
    the version of ``code``, or of the value set where codings have versions themselves. ``languages`` is the
    parameter ``displayLanguage``, ``accepted`` the HTTP header ``Accept-Language``; ``mode`` is the
    ``valueSetMode`` of HL7's Java validator. A ``date`` in the past is refused.
    """

    code: str | None = None
    system: str | None = None
    version: str | None = None
    unqualified_version: str | None = None
    display: str | None = None
    coding: Coding | None = None
    concept: Document | None = None
    code_system: Document | None = None
    date: str | None = None
    abstract: bool | None = None
    active_only: bool = False
    infer_system: bool = False
    lenient_display: bool = False
    membership_only: bool = False
    mode: str | None = None
    languages: Languages | None = None
    accepted: Languages | None = None

    @property
    def only_membership(self) -> bool:
        """Only check whether the code is in the value set, and nothing else about it."""
        return self.membership_only or self.mode == "CHECK_MEMBERSHIP_ONLY"

    @property
    def ignores_membership(self) -> bool:
        """Check the code, and not whether it is in the value set."""
        return self.mode == "NO_MEMBERSHIP_CHECK"
