"""The descriptions of code systems: see ``description``."""

from __future__ import annotations

from terminology.systems import cvx, loinc, ndc, omop, rxnorm, ucum
from terminology.systems.description import SystemDescription

DESCRIPTIONS: tuple[SystemDescription, ...] = (
    loinc.DESCRIPTION,
    rxnorm.DESCRIPTION,
    ucum.DESCRIPTION,
    omop.DESCRIPTION,
    ndc.DESCRIPTION,
    cvx.DESCRIPTION,
)

_BY_URL = {description.url: description for description in DESCRIPTIONS}


def description_of(url: str) -> SystemDescription | None:
    """The description of the code system with this url, if there is one."""
    return _BY_URL.get(url)


def implying(url: str) -> SystemDescription | None:
    """The description of the code system that may imply a value set with this url."""
    sets = ((each, value_set) for each in DESCRIPTIONS for value_set in each.value_sets)
    return next((each for each, value_set in sets if value_set.may_be(url)), None)
