"""The code systems that have a description of their own, and what follows from it for any copy of them."""

from __future__ import annotations

from terminology.systems import cpt
from terminology.systems.description import SystemDescription
from terminology.systems.protocol import CodeSystem

DESCRIPTIONS: dict[str, SystemDescription] = {
    description.url: description for description in (cpt.DESCRIPTION,)
}


def with_own_rules(system: CodeSystem) -> CodeSystem:
    """The code system with the rules that its owner has beyond lists of concepts, such as a grammar."""
    return cpt.CptCodeSystem(system) if system.about.url == cpt.URL else system


def owner_of_value_set(url: str) -> str | None:
    """The url of the code system whose owner, or HL7, defines a value set; None for any other value set."""
    return next((d.url for d in DESCRIPTIONS.values() if d.value_set(url) is not None), None)
