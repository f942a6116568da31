"""The files of ICD-10-CM and ICD-10-PCS: lists of codes, XML, indexes, and the years that they are of."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from terminology.content.importers.files import File, year_in
from terminology.core.errors import BrokenReleaseError
from terminology.core.model import Problem


class Icd10Files(NamedTuple):
    """The files of one code system, by what they hold."""

    orders: list[File]
    codes: list[File]
    xml: list[File]
    indexes: list[File]

    @property
    def lists(self) -> list[File]:
        """The lists of codes to read: order files have all that code files have."""
        return self.orders or self.codes


def by_content(
    files: Sequence[File], order_line: re.Pattern[str], code_line: re.Pattern[str], xml: bytes, index: bytes
) -> Icd10Files:
    """The files whose first line is that of an order file or a code file, and those that mention ``xml`` or ``index``.

    Raises BrokenReleaseError for an index alone.
    """
    sorted_files = Icd10Files([], [], [], [])
    for file in files:
        if file.trouble():
            continue
        head = file.head()
        first = file.first_line()
        if xml in head:
            sorted_files.xml.append(file)
        elif index in head:
            sorted_files.indexes.append(file)
        elif order_line.match(first):
            sorted_files.orders.append(file)
        elif code_line.match(first):
            sorted_files.codes.append(file)
    if sorted_files.indexes and not (sorted_files.xml or sorted_files.lists):
        text = "is an index, which leads to codes and does not list them: give it with the list of codes"
        raise BrokenReleaseError(Problem(sorted_files.indexes[0].label, 0, text))
    return sorted_files


def year_of(file: File) -> str | None:
    """The year in the XML element ``version``, or else in the name of the file."""
    version = re.search(rb"<version>\s*(\d{4})\s*</version>", file.head())
    return version[1].decode() if version else year_in(file.name)
