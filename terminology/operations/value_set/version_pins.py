"""The version parameters of a request: pins of code systems and value sets to versions.

Each is a canonical (``url|version``; the version may be a wildcard, see ``core.versions``):

=============================  ==========================================================================
``system-version``             the version where no resource or coding declares one
``check-system-version``       the same, and any other version in use must fit it
``force-system-version``       the version, whatever is declared
``default-valueset-version``   as ``system-version``, of value sets
``check-valueset-version``     as ``check-system-version``, of value sets
``force-valueset-version``     as ``force-system-version``, of value sets
=============================  ==========================================================================

Every operation uses them in the same way::

    class ExpandRequest(ValueSetParameters): ...     # inherits the six fields of VersionParameters
    pins = Pins.of(request)                          # once; raises for a pin without a version
    choice = pins.system(url, declared)              # VersionChoice(version, reason, declared, required)
    system = catalogue.find_system(url, choice.version)
    if not choice.allows(system.about.version): ...  # violates a check-... parameter, see choice.required

Where nothing asks for a version, ``core.versions.best`` has the rule.

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

Reason = Literal["declared", "default", "check", "force", "latest"]

# The parameter behind each reason for the version of a code system.
SYSTEM_PARAMETER = {
    "default": "system-version",
    "check": "check-system-version",
    "force": "force-system-version",
}

# The same for the version of an imported value set.
VALUE_SET_PARAMETER = {
    "default": "default-valueset-version",
    "check": "check-valueset-version",
    "force": "force-valueset-version",
}


@dataclass(slots=True, kw_only=True)
class VersionParameters:
    """The version parameters of a request, each a list of canonicals."""

    system_version: Sequence[str] = ()
    check_system_version: Sequence[str] = ()
    force_system_version: Sequence[str] = ()
    default_valueset_version: Sequence[str] = ()
    check_valueset_version: Sequence[str] = ()
    force_valueset_version: Sequence[str] = ()


_FIELDS = tuple(each.name for each in fields(VersionParameters))


def pin_key(parameters: VersionParameters) -> tuple[tuple[str, ...], ...]:
    """All version parameters of a request, as part of the key of a cache."""
    return tuple([tuple(getattr(parameters, name)) for name in _FIELDS])


@dataclass(slots=True, frozen=True)
class VersionChoice:
    """The version to look for, and the reason.

    ``version`` may be a wildcard; None means the best there is (reason ``latest``). ``declared`` is the
    version that the resource or coding declares. ``required`` is the version that a ``check-...`` parameter
    requires of whatever is found.
    """

    version: str | None = None
    reason: Reason = "latest"
    declared: str | None = None
    required: str | None = None

    def allows(self, version: str | None) -> bool:
        """Whether the version in use satisfies the ``check-...`` parameter."""
        return self.required is None or fits(version, self.required)


# Where nothing chooses a version: the best there is.
LATEST = VersionChoice()


@dataclass(slots=True, frozen=True)
class _ResourcePins:
    """The pins of one resource type, by url."""

    default: Mapping[str, str] = field(default_factory=dict)
    check: Mapping[str, str] = field(default_factory=dict)
    force: Mapping[str, str] = field(default_factory=dict)

    def choose(self, url: str, declared: str | None) -> VersionChoice:
        required = self.check.get(url)
        if url in self.force:
            return VersionChoice(self.force[url], "force", declared, required)
        if declared:
            return VersionChoice(declared, "declared", declared, required)
        if required is not None:
            return VersionChoice(required, "check", None, required)
        if url in self.default:
            return VersionChoice(self.default[url], "default", None)
        return LATEST


@dataclass(slots=True, frozen=True)
class Pins:
    """All pins of a request."""

    systems: _ResourcePins = field(default_factory=_ResourcePins)
    value_sets: _ResourcePins = field(default_factory=_ResourcePins)

    @staticmethod
    def of(request: VersionParameters) -> Pins:
        """Raises TerminologyError for a pin without a version, and for two that contradict each other."""
        r = request
        systems = r.system_version or r.check_system_version or r.force_system_version
        value_sets = r.default_valueset_version or r.check_valueset_version or r.force_valueset_version
        if not systems and not value_sets:
            return NO_PINS
        return Pins(
            _ResourcePins(
                _by_url("system-version", r.system_version),
                _by_url("check-system-version", r.check_system_version),
                _by_url("force-system-version", r.force_system_version),
            ),
            _ResourcePins(
                _by_url("default-valueset-version", r.default_valueset_version),
                _by_url("check-valueset-version", r.check_valueset_version),
                _by_url("force-valueset-version", r.force_valueset_version),
            ),
        )

    def system(self, url: str, declared: str | None = None) -> VersionChoice:
        """The version of a code system; a value set or coding may declare one."""
        return self.systems.choose(url, declared)

    def value_set(self, url: str, declared: str | None = None) -> VersionChoice:
        """The version of a value set; a reference or request may declare one."""
        return self.value_sets.choose(url, declared)


NO_PINS = Pins()


def _by_url(parameter: str, canonicals: Iterable[str]) -> dict[str, str]:
    pins: dict[str, str] = {}
    for canonical in canonicals:
        url, version = split_canonical(canonical)
        if not version:
            expected = "a canonical with a version, url|version"
            raise TerminologyError(issues.bad_value(parameter, canonical, expected))
        if pins.setdefault(url, version) != version:
            raise TerminologyError(issues.conflicting_parameter(parameter, f"{url}|{pins[url]}", canonical))
    return pins
