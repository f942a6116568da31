"""The files of ICD-10-CM and ICD-10-PCS: lists of codes, XML, and the years that they are of."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from terminology.content.importers.files import File, year_in


class Icd10Files(NamedTuple):
    """The files of one code system, by what they hold."""

    orders: list[File]
    codes: list[File]
    xml: list[File]

    @property
    def lists(self) -> list[File]:
        """The lists of codes to read: order files have all that code files have."""
        return self.orders or self.codes


def by_content(
    files: Sequence[File], order_line: re.Pattern[str], code_line: re.Pattern[str], xml: bytes
) -> Icd10Files:
    """The files whose first line is that of an order file or a code file, and those that mention ``xml``."""
    sorted_files = Icd10Files([], [], [])
    for file in files:
        head = file.head()
        first = file.first_line()
        if xml in head:
            sorted_files.xml.append(file)
        elif order_line.match(first):
            sorted_files.orders.append(file)
        elif code_line.match(first):
            sorted_files.codes.append(file)
    return sorted_files


def year_of(file: File) -> str | None:
    """The year in the XML element ``version``, or else in the name of the file."""
    version = re.search(rb"<version>\s*(\d{4})\s*</version>", file.head())
    return version[1].decode() if version else year_in(file.name)
