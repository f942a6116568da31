"""Which version of a code system or a value set does a request want?

A request pins versions with canonicals (``url|version``; the version may be a wildcard, see ``versions``):

=============================  ==========================================================================
``system-version``             the version where nobody states one
``check-system-version``       the same, and whatever else is chosen must fit it
``force-system-version``       the version, whatever is stated
``default-valueset-version``   as ``system-version``, of value sets
``check-valueset-version``     as ``check-system-version``, of value sets
``force-valueset-version``     as ``force-system-version``, of value sets
=============================  ==========================================================================

How it is used, by every operation alike::

    class ExpandRequest(VersionParameters): ...      # has the six fields; the rows are VERSION_ROWS
    pins = Pins.of(request)                          # once; raises for a pin without a version
    choice = pins.system(url, stated)                # -> Choice(version, by, stated, required)
    system = catalogue.find_system(url, choice.version)
    if not choice.allows(system.about.version): ...  # a check-... parameter is violated; choice.required

``choice.by`` says why: ``stated``, ``default``, ``check``, ``force``, or ``latest`` when nobody says
anything (then ``version`` is None, which every ``find`` reads as "the best there is").

https://hl7.org/fhir/R5/valueset-operation-expand.html; R6 has the parameters for value sets.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Literal

from terminology.core import issues
from terminology.core.errors import TerminologyError
from terminology.core.model import split_canonical
from terminology.core.versions import fits

Reason = Literal["stated", "default", "check", "force", "latest"]

# The parameter that each reason for a version comes from, of code systems and of value sets.
SYSTEM_PARAMETER = {
    "default": "system-version",
    "check": "check-system-version",
    "force": "force-system-version",
}
VALUE_SET_PARAMETER = {
    "default": "default-valueset-version",
    "check": "check-valueset-version",
    "force": "force-valueset-version",
}


@dataclass(slots=True, kw_only=True)
class VersionParameters:
    """The version parameters of a request, each as canonicals."""

    system_version: Sequence[str] = ()
    check_system_version: Sequence[str] = ()
    force_system_version: Sequence[str] = ()
    default_valueset_version: Sequence[str] = ()
    check_valueset_version: Sequence[str] = ()
    force_valueset_version: Sequence[str] = ()


_PINNING = tuple(each.name for each in fields(VersionParameters))


def pinned(request: VersionParameters) -> tuple[tuple[str, ...], ...]:
    """All version parameters of a request, as something to remember it by."""
    return tuple([tuple(getattr(request, name)) for name in _PINNING])


@dataclass(slots=True, frozen=True)
class Choice:
    """The version to look for, and why that one.

    ``version`` may be a wildcard, or None for the best there is. ``stated`` is what the resource or coding
    says itself. ``required`` is what a ``check-...`` parameter demands of the version that is found.
    """

    version: str | None = None
    by: Reason = "latest"
    stated: str | None = None
    required: str | None = None

    def allows(self, found: str | None) -> bool:
        """Does the version that was found satisfy the check?"""
        return self.required is None or fits(found, self.required)


@dataclass(slots=True, frozen=True)
class _Kind:
    """The pins of one kind of resource: url -> version."""

    default: Mapping[str, str] = field(default_factory=dict)
    check: Mapping[str, str] = field(default_factory=dict)
    force: Mapping[str, str] = field(default_factory=dict)

    def choose(self, url: str, stated: str | None) -> Choice:
        required = self.check.get(url)
        if url in self.force:
            return Choice(self.force[url], "force", stated, required)
        if stated:
            return Choice(stated, "stated", stated, required)
        if required is not None:
            return Choice(required, "check", None, required)
        if url in self.default:
            return Choice(self.default[url], "default", None)
        return Choice()


@dataclass(slots=True, frozen=True)
class Pins:
    """All pins of a request."""

    systems: _Kind = field(default_factory=_Kind)
    value_sets: _Kind = field(default_factory=_Kind)

    @staticmethod
    def of(request: VersionParameters) -> Pins:
        """Raises TerminologyError for a pin that names no version, and for two that contradict."""
        r = request
        return Pins(
            _Kind(
                _by_url("system-version", r.system_version),
                _by_url("check-system-version", r.check_system_version),
                _by_url("force-system-version", r.force_system_version),
            ),
            _Kind(
                _by_url("default-valueset-version", r.default_valueset_version),
                _by_url("check-valueset-version", r.check_valueset_version),
                _by_url("force-valueset-version", r.force_valueset_version),
            ),
        )

    def system(self, url: str, stated: str | None = None) -> Choice:
        """The version of a code system, where a value set or coding states ``stated``."""
        return self.systems.choose(url, stated)

    def value_set(self, url: str, stated: str | None = None) -> Choice:
        """The version of a value set, where a reference or request states ``stated``."""
        return self.value_sets.choose(url, stated)


NO_PINS = Pins()


def _by_url(parameter: str, canonicals: Iterable[str]) -> dict[str, str]:
    pins: dict[str, str] = {}
    for canonical in canonicals:
        url, version = split_canonical(canonical)
        if not version:
            wanted = "a canonical with a version, url|version"
            raise TerminologyError(issues.bad_value(parameter, canonical, wanted))
        if pins.setdefault(url, version) != version:
            raise TerminologyError(issues.conflicting_parameter(parameter, f"{url}|{pins[url]}", canonical))
    return pins
