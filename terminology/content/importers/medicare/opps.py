"""OPPS: Addendum B, how Medicare pays a hospital for each code of an outpatient, as CSV or XLSX.

Some rows of titles, then::

    HCPCS Code,Short Descriptor,SI,APC,Relative Weight,Payment Rate,National Unadjusted Copayment,…
    57520,…,J1,5415,35.4411,"$3,307.24",.,$661.45,…

The properties have the names of those in the bundled supplement of CPT, and prevail over them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import InvalidOperation
from functools import partial

from terminology.content.canonical import published_names
from terminology.content.importers.files import File, year_in
from terminology.content.importers.importer import importer_of
from terminology.content.importers.medicare.supplements import (
    FactRow,
    Facts,
    code_of,
    in_words,
    month_in,
    opened,
)
from terminology.content.importers.medicare.tables import CmsTable, number_of, tables_in
from terminology.core.errors import BrokenReleaseError
from terminology.core.model import Problem
from terminology.store.release import OpenedCodeSystem, PropertyDeclaration, PropertyTuple
from terminology.store.reporting import Reporter

EXPECTED = "Addendum B of the OPPS as CSV or XLSX (HCPCS Code, SI, APC, Relative Weight, Payment Rate …)"
REQUIRED = (("SI",), ("APC",), ("RELATIVE WEIGHT",), ("PAYMENT RATE",))
# Each amount: the property, the beginning of the name of its column, and what it is.
AMOUNTS = (
    ("oppsRelativeWeight", "RELATIVE WEIGHT", "Relative weight of the ambulatory payment classification."),
    ("oppsPaymentRate", "PAYMENT RATE", "National payment in US dollars."),
    (
        "oppsNationalCopayment",
        "NATIONAL UNADJUSTED COPAYMENT",
        "National unadjusted copayment in US dollars.",
    ),
    ("oppsMinimumCopayment", "MINIMUM UNADJUSTED COPAYMENT", "Minimum unadjusted copayment in US dollars."),
)
_STATUS, _APC, _RELEASE = "oppsStatusIndicator", "oppsApc", "oppsRelease"
# Those that the vocabulary of the published content defines.
_DEFINED = (_STATUS, "oppsPaymentRate", _RELEASE)


def _open(files: Sequence[File]) -> list[OpenedCodeSystem]:
    tables = tables_in(files, "HCPCS CODE", REQUIRED)
    if not tables:
        return []
    if len(tables) > 1:
        names = ", ".join(table.file.label for table in tables)
        raise BrokenReleaseError(Problem("", 0, f"expected one Addendum B; found {names}"))
    table = tables[0]
    named = f"{table.file.label} {table.titles}"
    version = month_in(named) or year_in(named)
    facts = Facts(
        kind="opps",
        id="opps",
        title="OPPS Addendum B",
        description="How Medicare pays a hospital for a code of an outpatient: CMS, OPPS Addendum B. No descriptors.",
        version=version,
        properties=_declarations(),
        tables=[table],
        rows=partial(_rows, table, in_words(version) if version else None),
    )
    return opened(facts)


def _declarations() -> list[PropertyDeclaration]:
    names = published_names()
    texts = {
        _STATUS: ("string", "The status indicator: how the code is paid."),
        _APC: ("string", "The ambulatory payment classification."),
        **{code: ("decimal", text) for code, _, text in AMOUNTS},
        _RELEASE: ("string", "The quarter of Addendum B."),
    }
    return [
        PropertyDeclaration(code, type_, names.property(code) if code in _DEFINED else None, text)
        for code, (type_, text) in texts.items()
    ]


def _rows(table: CmsTable, release: str | None, reporter: Reporter) -> Iterator[FactRow]:
    status, apc = table.place("SI"), table.place("APC")
    amounts = [(code, place) for code, name, _ in AMOUNTS if (place := table.place(name)) is not None]
    for line, row in table.rows(reporter):
        properties: list[PropertyTuple] = []
        if status is not None and row[status]:
            properties.append((_STATUS, "string", row[status]))
        if apc is not None and row[apc]:
            properties.append((_APC, "string", row[apc].zfill(4)))
        try:
            numbers = [(code, number_of(row[place])) for code, place in amounts]
        except InvalidOperation:
            text = f"a weight or an amount of {row[0]} is not a number"
            reporter.problem(Problem(table.file.label, line, text))
            continue
        properties += [(code, "decimal", number) for code, number in numbers if number is not None]
        if release:
            properties.append((_RELEASE, "string", release))
        yield FactRow(table.file, line, code_of(row[0]), properties)


OPPS = importer_of("opps", "OPPS Addendum B of CMS, as properties of CPT and HCPCS codes", EXPECTED, _open)
