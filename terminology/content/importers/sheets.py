"""The sheets of XLSX files. They need the package openpyxl, an extra."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any
from xml.etree import ElementTree

from terminology.content.archives import check_workbook
from terminology.content.importers.files import ARCHIVE_ERRORS, File
from terminology.core.errors import BrokenReleaseError, UnreadableFileError
from terminology.core.model import Problem
from terminology.core.software import installation_of


@contextmanager
def workbook(file: File, values: bool) -> Iterator[Any]:
    """The workbook, with the values of formulas or the formulas themselves.

    Raises BrokenReleaseError where openpyxl is missing, or the file is not XLSX.
    """
    try:
        import openpyxl
    except ImportError:
        need = f"XLSX needs openpyxl: {installation_of('xlsx')}"
        raise BrokenReleaseError(Problem(file.label, 0, need)) from None
    with file.binary() as stream:
        try:
            check_workbook(stream)
            book = openpyxl.load_workbook(stream, read_only=True, data_only=values)
        except UnreadableFileError as reason:
            raise BrokenReleaseError(Problem(file.label, 0, f"is refused: {reason}")) from None
        except (*ARCHIVE_ERRORS, OSError, KeyError, ValueError, ElementTree.ParseError) as error:
            raise BrokenReleaseError(Problem(file.label, 0, f"is not an XLSX file: {error}")) from error
        try:
            yield book
        except (*ARCHIVE_ERRORS, ElementTree.ParseError) as error:
            raise BrokenReleaseError(Problem(file.label, 0, f"is not an XLSX file: {error}")) from error
        finally:
            book.close()


def cell_text(value: Any) -> str | None:
    """A cell as text: whole numbers without a decimal point, dates as FHIR has them."""
    if value is None:
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime) and value.time() == datetime.min.time():
        return value.date().isoformat()
    return value.isoformat() if isinstance(value, (date, datetime)) else str(value)
