"""Which column of a sheet has the codes, the texts, the code systems, and so on.

The names that people and other tools give to columns are known; what they do not say, the caller does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from terminology.catalogue.protocol import Catalogue
from terminology.core.errors import TerminologyError, UnreadableFileError
from terminology.core.texts import bare, folded
from terminology.library.results import TranslateResult
from terminology.operations.spelling import SHORT_NAMES, system_named
from terminology.workbench.sheets import Sheet, SheetRow, plain

# The names of columns as ``folded`` writes them, without the first blank; the best one first.
_NAMES: Mapping[str, tuple[str, ...]] = {
    "code": (
        "code", "source code", "sourcecode", "procedure code", "diagnosis code", "code value", "codes",
        "kode", "schlussel", "schluessel", "ziffer", "local code", "localcode",
    ),
    "text": (
        "text", "display", "name", "description", "term", "title", "label", "long name", "source name",
        "sourcename", "source code description", "source display", "bezeichnung", "beschreibung", "langtext",
        "klartext", "klassentitel",
    ),
    "system": ("system", "code system", "codesystem", "vocabulary", "vocabulary id", "kodiersystem", "katalog"),
    "key": ("local code", "localcode", "key", "id", "local id", "item", "charge code", "hauscode"),
    "count": ("count", "frequency", "sourcefrequency", "source frequency", "volume", "anzahl", "haufigkeit"),
}  # fmt: skip
ROLES = tuple(_NAMES)
# What the name of a column may have after that of a code system.
_CODE = re.compile(r"[\s_-]*codes?$", re.IGNORECASE)


class Translator(Protocol):
    """The part of ``Terminology`` that maps a sheet. Pages have one of their own, which asks as their user."""

    @property
    def visible_catalogue(self) -> Catalogue:
        """The content as the answers see it."""

    def batch_translate(
        self, translations: Sequence[Mapping[str, Any]], *, target_system: str, **parameters: Any
    ) -> Iterable[TranslateResult]:
        """The translations of codes, dictionaries of ``system`` and ``code``, in their order."""


@dataclass(slots=True)
class SheetColumns:
    """The numbers of the columns, from 0. Codes of rows without a system of their own are of ``default_system``.

    ``key`` is the code that the sheet itself has for a row, where it is not the code that is translated.
    """

    code: int | None = None
    text: int | None = None
    system: int | None = None
    key: int | None = None
    count: int | None = None
    default_system: str | None = None

    def cell(self, role: str, row: SheetRow) -> str:
        """The cell of a role in a row; empty if the sheet has no such column."""
        column: int | None = getattr(self, role)
        return "" if column is None else plain(row.cells[column])


def columns_of(
    terminology: Translator, sheet: Sheet, named: Mapping[str, str | None], system: str | None = None
) -> SheetColumns:
    """The columns of a sheet. ``named`` are their names or numbers by role; ``system`` is the name of a code system.

    If a code system is given, it is that of all codes, unless the column of the code systems is given as well.
    A column that is called after a code system (CPT, ICD-10-CM) has codes of it. Raises UnreadableFileError: no such
    column, or none that has codes or texts. Raises TerminologyError for an unknown name of a code system.
    """
    columns = SheetColumns()
    taken: set[int] = set()
    for role, name in named.items():
        if name is not None:
            number = sheet.column(name)
            setattr(columns, role, number)
            taken.add(number)
    names = {folded(name).strip(): number for number, name in reversed(list(enumerate(sheet.header)))}
    for role, known in _NAMES.items():
        free = (names[name] for name in known if name in names and names[name] not in taken)
        column = next(free, None)
        if getattr(columns, role) is None and column is not None:
            setattr(columns, role, column)
            taken.add(column)
    if system is not None:
        if named.get("system") is None:
            columns.system = None
        columns.default_system = system_named(terminology.visible_catalogue, system)
    if named.get("code") is None:
        _take_named_column(terminology, sheet, columns)
        _note_other_columns(sheet, columns)
    if columns.code is None and columns.text is None:
        raise UnreadableFileError(
            f"{sheet.name}: no column is known to have codes or texts; name it with --code or --text. "
            f"Columns: {', '.join(sheet.header)}"
        )
    return columns


def _note_other_columns(sheet: Sheet, columns: SheetColumns) -> None:
    """Note the columns that are called after a code system as well, and are not read."""
    used = {columns.code, columns.text, columns.system, columns.key, columns.count}
    others = [
        f"'{name}'" for number, name in enumerate(sheet.header) if number not in used and _is_of_codes(name)
    ]
    if columns.code is not None and others:
        system = f", of {columns.default_system}" if columns.default_system else ""
        sheet.notes.append(
            f"its codes are those of the column '{sheet.header[columns.code]}'{system}; "
            f"not read: {', '.join(others)} (--code chooses another column)"
        )


def _is_of_codes(name: str) -> bool:
    """Is a column called after a well-known code system, or after all editions of the ICD?"""
    short = bare(_CODE.sub("", name))
    return short in SHORT_NAMES or short == "icd"


def _take_named_column(terminology: Translator, sheet: Sheet, columns: SheetColumns) -> None:
    """Take the column that is called after a code system for that of the codes; the one taken so far has the keys.

    Only the names of well-known code systems count: any other column may have the title of one.
    """
    for number, name in enumerate(sheet.header):
        if bare(_CODE.sub("", name)) not in SHORT_NAMES:
            continue
        try:
            url = system_named(terminology.visible_catalogue, _CODE.sub("", name))
        except TerminologyError:
            continue
        if columns.default_system not in (None, url):
            continue
        if columns.code is not None and columns.code != number and columns.key is None:
            columns.key = columns.code
        columns.code, columns.default_system = number, url
        return
