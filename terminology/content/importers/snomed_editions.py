"""The edition of an RF2 release, and the version of SNOMED CT that it is.

Each row of the reference set |Module dependency| says that a module, in one version, needs another in one version.
The edition is named after the module on which no other depends, and which needs all the others. Rows in which a
module names itself occur and mean nothing. A package of maps alone (the ICD-10 maps of the International Edition)
depends on its edition, and does not name it.

https://docs.snomed.org, URI Standard (2.1), Extensions Guide (4.4), Release File Specification (5.2.4.2). Files
whose names begin with ``x`` have unpublished content, whose versions are ``http://snomed.info/xsct/…``.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from terminology.content.importers.rows import SILENT, raw_records
from terminology.content.importers.snomed_files import CONCEPT_COLUMNS, MEMBER_COLUMNS, Rf2Files
from terminology.core.errors import BrokenReleaseError, UnrecognisedReleaseError
from terminology.core.model import Problem

PUBLISHED, UNPUBLISHED = "http://snomed.info/sct", "http://snomed.info/xsct"
CORE_MODULE, MODEL_MODULE = "900000000000207008", "900000000000012004"
# The modules that have only maps, beside the edition that they belong to.
_MAP_MODULES = frozenset({"449080006", "5991000124107"})
# The modules of editions that are published (Extensions Guide, 4.4.2).
EDITIONS = frozenset(
    """
    900000000000207008 449081005 11000221109 32506021000036107 11000234105 11000172109 20621000087109
    20611000087101 21000325107 11000279109 554471000005108 11000181102 11000229106 11000274103 1121000189102
    11000220105 11000267109 11000146104 21000210109 51000202101 900000001000122104 45991000052106 2011000195101
    83821000000107 999000021000000109 5631000179106 731000124108 827022005 11010000107 11003000102 11002000107
    31000003106
    """.split()
)
_DEPENDENCY_COLUMNS = (*MEMBER_COLUMNS, "sourceEffectiveTime", "targetEffectiveTime")
_BASE = rf"(?P<base>{re.escape(PUBLISHED)}|{re.escape(UNPUBLISHED)})"
_EDITION = re.compile(rf"(?:{_BASE}/)?(?P<module>[1-9][0-9]{{5,17}})")
_VERSION = re.compile(rf"(?:{_BASE}/(?P<module>[1-9][0-9]{{5,17}})/version/)?(?P<date>[0-9]{{8}})")


@dataclass(slots=True, frozen=True)
class StatedVersion:
    """What the operator says of a release. The parts that are None are those that the files say."""

    base: str | None = None
    module: str | None = None
    date: str | None = None

    @staticmethod
    def read(edition: str | None, version: str | None) -> StatedVersion:
        """The options of an import: ``[module]`` or the uri of an edition; the date or the uri of a version.

        Raises UnrecognisedReleaseError for any other text, and where the two name different editions.
        """
        parts: dict[str, str] = {}
        for option, text, pattern in (("edition", edition, _EDITION), ("version", version, _VERSION)):
            match = pattern.fullmatch(text) if text is not None else None
            if text is not None and match is None:
                example = f"{PUBLISHED}/{CORE_MODULE}" + ("/version/20250101" if option == "version" else "")
                example_text = f"such as {example.rpartition('/')[2]} or {example}"
                raise UnrecognisedReleaseError(f"--{option} {text}: expected {example_text}")
            for name, part in match.groupdict().items() if match else ():
                if part is not None and parts.setdefault(name, part) != part:
                    raise UnrecognisedReleaseError("--edition and --version name different editions")
        return StatedVersion(**parts)


NOTHING_STATED = StatedVersion()


@dataclass(slots=True)
class _Dependencies:
    """The modules that each module needs, and the dates of the rows: of the module itself, and of what it needs."""

    needed: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    own_dates: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    needed_dates: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    @staticmethod
    def of(files: Rf2Files) -> _Dependencies:
        dependencies = _Dependencies()
        for rf2 in files["moduleDependency"]:
            for row in raw_records(rf2.file, SILENT, _DEPENDENCY_COLUMNS):
                module, needed, own_date, needed_date = (row[at].decode() for at in (3, 5, 6, 7))
                if row[2] == b"1" and module != needed:
                    dependencies.needed[module].add(needed)
                    dependencies.own_dates[module].add(own_date)
                    dependencies.needed_dates[module].add(needed_date)
        return dependencies

    def tops(self) -> set[str]:
        """The modules that no other depends on and that depend on all others; the former alone if there is none."""
        needing = self.needed.keys() - _MAP_MODULES or self.needed.keys()
        needed = set().union(*(self.needed[module] for module in needing))
        tops = needing - needed
        return {module for module in tops if self.needed[module] >= (needing | needed) - {module}} or tops


def version_of(files: Rf2Files, choice: StatedVersion = NOTHING_STATED) -> str:
    """The uri of the version that a release is, ``http://snomed.info/sct/[module]/version/[YYYYMMDD]``.

    Raises BrokenReleaseError where the release has no edition by its own data, or files of several releases.
    """
    dependencies = _Dependencies.of(files)
    module = choice.module or _module(files, dependencies)
    date = choice.date or _date(files, dependencies, module)
    is_unpublished = any(rf2.file.name.lower().startswith("x") for rf2 in files["concept"])
    base = choice.base or (UNPUBLISHED if is_unpublished else PUBLISHED)
    return f"{base}/{module}/version/{date}"


def _module(files: Rf2Files, dependencies: _Dependencies) -> str:
    """The focus module; where no row tells it, the one module that owns concepts besides the international ones."""
    if dependencies.needed:
        return _the_one(files, dependencies.tops())
    return _the_one(files, _owners(files) - {CORE_MODULE, MODEL_MODULE} or {CORE_MODULE})


def _the_one(files: Rf2Files, modules: Collection[str]) -> str:
    """The module, or the one among several that is known as that of an edition."""
    for candidates in (modules, EDITIONS & set(modules)):
        if len(candidates) == 1:
            return next(iter(candidates))
    text = (
        f"no module needs all the others, of {', '.join(sorted(modules))}: say with --edition which one it is"
    )
    raise BrokenReleaseError(Problem(files["concept"][0].file.label, 0, text))


def _owners(files: Rf2Files) -> set[str]:
    """The modules of the concepts."""
    rows = (row for rf2 in files["concept"] for row in raw_records(rf2.file, SILENT, CONCEPT_COLUMNS))
    return {row[3].decode() for row in rows}


def _date(files: Rf2Files, dependencies: _Dependencies, module: str) -> str:
    """The newest date that the rows give the module, or else that of the files."""
    dates = {rf2.date for rf2 in files["concept"]}
    own = _days(dependencies.own_dates[module])
    if len(dates) > 1 and not dates <= own | dependencies.needed_dates[module]:
        text = f"expected one release, but there are {sorted(dates)}"
        raise BrokenReleaseError(Problem(files["concept"][0].file.label, 0, text))
    return max(own or dates)


def _days(texts: Iterable[str]) -> set[str]:
    return {text for text in texts if re.fullmatch("[0-9]{8}", text)}
