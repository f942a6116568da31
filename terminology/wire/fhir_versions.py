"""The versions of FHIR that the server speaks, by the names of their roots.

Inside, every resource is R5. R4 and R4B are one family for terminology: the operations have the same
parameters, the resources the same elements.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from terminology.core.model import Document
from terminology.wire import r4
from terminology.wire.json_types import in_r5


@dataclass(slots=True, frozen=True)
class FhirVersion:
    """A version of FHIR.

    ``version`` is its ``fhirVersion``, ``short`` the form in media types and the answer of ``$versions``.
    """

    name: str
    version: str
    is_r4: bool = False
    is_ballot: bool = False

    @property
    def short(self) -> str:
        return ".".join(self.version.split(".")[:2])

    def upgrade(self, document: Document) -> Document:
        """A resource of this release, which came from outside, in R5 shape. Raises TerminologyError; see ``in_r5``."""
        return in_r5(document, self.is_r4)

    def downgrade(self, document: Document) -> Document:
        """An R5-shaped resource in the shape of this release."""
        return r4.downgrade(document) if self.is_r4 else document

    def is_meant_by(self, version: str) -> bool:
        """Does a ``fhirVersion`` of a media type (4.0, 4.0.1) name this version?"""
        return version in (self.version, self.short)

    @property
    def family(self) -> Sequence[FhirVersion]:
        """This version, and those that differ in the version of FHIR's own definitions alone.

        The root of one answers in another when a client asks for it: HL7's client speaks R4 to servers of R4B.
        """
        return (
            self,
            *(other for other in RELEASES.values() if self.is_r4 and other.is_r4 and other is not self),
        )

    def can_be_read_as(self, version: str) -> bool:
        """Can a client of the version that a ``fhirVersion`` names read this one?"""
        return any(release.is_meant_by(version) for release in self.family)


RELEASES = {
    "r4": FhirVersion("R4", "4.0.1", is_r4=True),
    "r4b": FhirVersion("R4B", "4.3.0", is_r4=True),
    "r5": FhirVersion("R5", "5.0.0"),
    "r6": FhirVersion("R6", "6.0.0-ballot5", is_ballot=True),
}
