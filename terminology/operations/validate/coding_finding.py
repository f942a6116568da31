"""The state of a validation: what the codings are validated against, and the findings about each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from terminology.catalogue.protocol import Catalogue
from terminology.core.languages import Languages
from terminology.core.model import Coding, Concept, Designation, Document, Issue
from terminology.operations.validate.validate_request import ValidateRequest
from terminology.operations.value_set.compose import Block, Definition
from terminology.operations.value_set.resolution import find_usable_system
from terminology.operations.value_set.version_pins import Pins
from terminology.systems.protocol import CodeSystem


@dataclass(slots=True)
class ValidationBasis:
    """What all codings of a request are validated against.

    ``definition`` is None where only the code system counts: CodeSystem/$validate-code, or a request that
    ignores membership. ``asked_system`` is the url of the code system that CodeSystem/$validate-code names.
    """

    catalogue: Catalogue
    request: ValidateRequest
    pins: Pins
    supplements: Sequence[Document]
    languages: Languages | None
    definition: Definition | None = None
    asked_system: str | None = None

    def find_system(self, url: str, version: str | None = None) -> CodeSystem | None:
        """A code system, seen through the supplements of the request."""
        return find_usable_system(self.catalogue, self.supplements, url, version)

    def knows(self, url: str) -> bool:
        """Whether the server has any version of the code system."""
        return self.find_system(url) is not None

    @property
    def value_set_name(self) -> str:
        """The value set in messages."""
        assert self.definition is not None
        return self.definition.canonical or "(unidentified)"


@dataclass(slots=True)
class CodingPath:
    """The FHIRPath of a coding in the request; ``base`` is empty for the parameters ``code``, ``system``, ..."""

    base: str

    @property
    def whole(self) -> str:
        """The path of the coding itself."""
        return self.base or "code"

    @property
    def is_in_concept(self) -> bool:
        """Whether the coding is one of a CodeableConcept, so that another one may be right."""
        return self.base.startswith("CodeableConcept")

    def part(self, name: str) -> str:
        """The path of ``code``, ``system``, ``version`` or ``display``."""
        return f"{self.base}.{name}" if self.base else name


@dataclass(slots=True)
class CodeMatch:
    """The concept of a code in one version of its code system."""

    system: CodeSystem
    concept: Concept

    @property
    def designations(self) -> Sequence[Designation]:
        """Those in use, and the former ones. Read at each call: most codings have no display to compare."""
        detail = self.system.describe([self.concept.code]).get(self.concept.code)
        if detail is None:
            return ()
        return [*detail.designations, *detail.former] if detail.former else detail.designations


@dataclass(slots=True)
class CodingFinding:
    """The findings about one coding; the checks fill them in.

    * ``blocks``: the includes of the value set that name the coding's code system.
    * ``listing_blocks``: those of them that list codes (``Definition.listing_blocks``).
    * ``systems``: the versions of the code system that the coding may be of: several, if the value set includes
      several and the coding has no version.
    * ``matches``: the concepts of the code in these versions, the decisive one first.
    * ``is_member``: the coding is in the value set, or, if there is none, in the code system; None if undecided.
    * ``is_judged``: the value set has the code, so the rules about inactive and abstract codes decide whether the
      coding is a member.
    """

    coding: Coding
    path: CodingPath
    blocks: Sequence[Block] = ()
    listing_blocks: Sequence[Block] = ()
    systems: Sequence[CodeSystem] = ()
    matches: list[CodeMatch] = field(default_factory=list)
    is_member: bool | None = None
    is_judged: bool = False
    issues: list[Issue] = field(default_factory=list)
    missing_systems: list[str] = field(default_factory=list)
    unknown_systems: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        """The system of the coding."""
        return self.coding.system or ""

    @property
    def code(self) -> str:
        return self.coding.code or ""

    @property
    def match(self) -> CodeMatch | None:
        """The concept in the decisive version."""
        return self.matches[0] if self.matches else None

    def add(self, issue: Issue, part: str) -> None:
        """Add an issue about a part of the coding, e.g. ``code``."""
        self._add(replace(issue, at=[self.path.part(part)]))

    def add_about_whole(self, issue: Issue) -> None:
        """Add an issue about the coding as a whole."""
        self._add(replace(issue, at=[self.path.whole]))

    def _add(self, issue: Issue) -> None:
        if issue not in self.issues:
            self.issues.append(issue)
