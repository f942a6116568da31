"""What is asked of $validate-code, what is answered, and what is found out on the way: the shapes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from terminology.catalogue.protocol import Catalogue
from terminology.core.languages import Languages
from terminology.core.model import Coding, Concept, Designation, Document, Issue
from terminology.operations.value_set.definition import Block, Definition
from terminology.operations.value_set.pins import Pins, VersionParameters
from terminology.systems.protocol import CodeSystem


@dataclass(slots=True, kw_only=True)
class ValidateRequest(VersionParameters):
    """``$validate-code`` of a CodeSystem or of a ValueSet; neither has all of it.

    ``concept`` is a CodeableConcept as it came, for it is sent back. ``languages`` are those of the parameter
    ``displayLanguage``, ``accepted`` those of the HTTP header; ``mode`` is the ``valueSetMode`` of HL7's Java
    validator. ``date`` is accepted and has no effect: the content here knows versions, but no validity in
    time.
    """

    code: str | None = None
    system: str | None = None
    version: str | None = None
    display: str | None = None
    coding: Coding | None = None
    concept: Document | None = None
    url: str | None = None
    value_set: Document | None = None
    value_set_version: str | None = None
    code_system: Document | None = None
    context: str | None = None
    instance: Document | None = None
    date: str | None = None
    abstract: bool | None = None
    active_only: bool = False
    infer_system: bool = False
    lenient_display: bool = False
    membership_only: bool = False
    mode: str | None = None
    supplements: Sequence[str] = ()
    languages: Languages | None = None
    accepted: Languages | None = None

    @property
    def only_membership(self) -> bool:
        """Nothing matters but whether the value set has the code."""
        return self.membership_only or self.mode == "CHECK_MEMBERSHIP_ONLY"

    @property
    def any_member(self) -> bool:
        """The code has to be right, but need not be in the value set."""
        return self.mode == "NO_MEMBERSHIP_CHECK"


@dataclass(slots=True)
class Validation:
    """The answer. ``unknown_systems`` could not be found; ``missing_systems`` neither, and no verdict on the
    code can be given without them.
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


@dataclass(slots=True, frozen=True)
class Place:
    """Where a coding stands in the request. ``base`` is empty for the bare parameters code, system, ..."""

    base: str

    @property
    def whole(self) -> str:
        return self.base or "code"

    @property
    def is_one_of_several(self) -> bool:
        return self.base.startswith("CodeableConcept")

    def part(self, name: str) -> str:
        """The FHIRPath of ``code``, ``system``, ``version`` or ``display``."""
        return f"{self.base}.{name}" if self.base else name


@dataclass(slots=True, frozen=True)
class Against:
    """What codings are validated against, the same for all codings of a request.

    ``definition`` is None when the question is only whether a code is in its code system.
    """

    catalogue: Catalogue
    request: ValidateRequest
    pins: Pins
    supplements: Sequence[Document]
    languages: Languages | None
    definition: Definition | None = None

    def find_system(self, url: str, version: str | None = None) -> CodeSystem | None:
        """A code system, seen through the supplements of the request."""
        found = self.catalogue.find_system(url, version)
        if found is None or found.about.is_example:
            return None
        return self.catalogue.supplemented(found, self.supplements)

    def knows(self, url: str) -> bool:
        """Is the code system here, in whatever version?"""
        return self.find_system(url) is not None

    @property
    def value_set_name(self) -> str:
        assert self.definition is not None
        return self.definition.canonical or "(unidentified)"


@dataclass(slots=True)
class Sense:
    """The concept that a code has in one version of its code system."""

    system: CodeSystem
    concept: Concept

    @property
    def designations(self) -> Sequence[Designation]:
        """Read when they are asked for: most codes come without a display."""
        return self.system.describe([self.concept.code])[self.concept.code].designations


@dataclass(slots=True)
class Finding:
    """What is found out about one coding; the checks fill it in.

    ``blocks`` are the includes of the value set that speak of the code system, ``systems`` the versions of it
    that are meant and ``senses`` what the code means in them, the version that counts first: there are
    several when a value set includes several versions and the coding names none. ``is_member`` says whether
    the coding is in the value set (without one: in the code system), and is None when nobody can say.
    """

    coding: Coding
    at: Place
    blocks: Sequence[Block] = ()
    systems: Sequence[CodeSystem] = ()
    senses: list[Sense] = field(default_factory=list)
    is_member: bool | None = None
    issues: list[Issue] = field(default_factory=list)
    missing_systems: list[str] = field(default_factory=list)
    unknown_systems: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return self.coding.system or ""

    @property
    def code(self) -> str:
        return self.coding.code or ""

    @property
    def sense(self) -> Sense | None:
        return self.senses[0] if self.senses else None

    @property
    def has_errors(self) -> bool:
        return any(issue.severity in ("error", "fatal") for issue in self.issues)

    def report(self, issue: Issue, *at: str) -> None:
        """Note an issue about some parts of the coding, e.g. ``code``; without any, about no place."""
        self._note(replace(issue, at=[self.at.part(part) for part in at]))

    def report_whole(self, issue: Issue) -> None:
        """Note an issue about the coding as a whole."""
        self._note(replace(issue, at=[self.at.whole]))

    def _note(self, issue: Issue) -> None:
        if issue not in self.issues:
            self.issues.append(issue)
