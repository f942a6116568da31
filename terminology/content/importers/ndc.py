"""NDC: the FDA's National Drug Code Directory, as the zip archive ``ndctext.zip`` or a folder.

Tab separated text with a header row, in Windows-1252::

    product.txt  PRODUCTID PRODUCTNDC PRODUCTTYPENAME PROPRIETARYNAME PROPRIETARYNAMESUFFIX NONPROPRIETARYNAME …
    package.txt  PRODUCTID PRODUCTNDC NDCPACKAGECODE PACKAGEDESCRIPTION … NDC_EXCLUDE_FLAG …

A package comes twice, as it was assigned and with 11 digits. The meaning of the properties is in ``systems.ndc``.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import partial

import orjson

from terminology.content.importers.buckets import Buckets
from terminology.content.importers.files import File, sources
from terminology.content.importers.importer import importer_of
from terminology.content.importers.rows import SILENT, column_names, encoding_of, records
from terminology.core.model import Problem
from terminology.store.release import (
    CodeSystemRelease,
    ConceptRow,
    OpenedCodeSystem,
    PropertyDeclaration,
    PropertyTuple,
)
from terminology.store.reporting import Reporter
from terminology.systems.ndc import ELEVEN, LISTED_FLAGS, PRODUCT, TEN, URL, digits

EXPECTED = "the FDA's directory with product.txt and package.txt (ndctext.zip)"
PRODUCTS = (
    "PRODUCTNDC",
    "PRODUCTTYPENAME",
    "PROPRIETARYNAME",
    "PROPRIETARYNAMESUFFIX",
    "NONPROPRIETARYNAME",
    "DOSAGEFORMNAME",
    "ROUTENAME",
    "MARKETINGCATEGORYNAME",
    "LABELERNAME",
)
PACKAGES = ("NDCPACKAGECODE", "PRODUCTNDC", "PACKAGEDESCRIPTION", "NDC_EXCLUDE_FLAG")
PROPERTIES = (
    PropertyDeclaration("code-type", "string", None, f"{TEN}, {ELEVEN} or {PRODUCT}."),
    PropertyDeclaration("synonym", "code", None, "The other form of the package."),
    PropertyDeclaration("product", "code", None, "The product of the package."),
    PropertyDeclaration("description"),
    PropertyDeclaration("type"),
    PropertyDeclaration("trade-name"),
    PropertyDeclaration("generic"),
    PropertyDeclaration("dose-form"),
    PropertyDeclaration("route"),
    PropertyDeclaration("category"),
    PropertyDeclaration("company"),
    PropertyDeclaration("active", "boolean"),
)
_DATE = re.compile(r"(?<!\d)(20\d{2})-?([01]\d)-?([0-3]\d)(?!\d)")


def _open(all_files: Sequence[File]) -> list[OpenedCodeSystem]:
    files = {
        file.name.lower(): file for file in all_files if file.name.lower() in ("product.txt", "package.txt")
    }
    if len(files) < 2 or not set(PACKAGES) <= set(column_names(files["package.txt"])):
        return []
    release = CodeSystemRelease(
        kind="ndc",
        url=URL,
        version=_version(files["package.txt"]),
        name="NDC",
        title="National Drug Code Directory",
        language="en",
        # The directory is never complete: https://terminology.hl7.org/NDC.html.
        content="fragment",
        licence="public domain",
        properties=PROPERTIES,
        files=sources(files.values()),
    )
    return [OpenedCodeSystem(release, partial(_concepts, files))]


def _version(file: File) -> str | None:
    """The date in the name of the archive or folder."""
    for part in (file.inside or "", *reversed(file.path.resolve().parts)):
        if date := _DATE.search(part):
            return "".join(date.groups())
    return None


def _concepts(files: dict[str, File], reporter: Reporter) -> Iterator[ConceptRow]:
    """Products and packages in the order of their digits; a product stands before its packages."""
    products, packages = files["product.txt"], files["package.txt"]
    rows = records(packages, SILENT, ("NDCPACKAGECODE",), encoding=encoding_of(packages))
    keys = (digits(code.strip()) for _, (code,) in rows)
    with Buckets(int(key[:9]) for key in keys if key is not None) as buckets:
        for letter, file, columns in (("P", products, PRODUCTS), ("K", packages, PACKAGES)):
            for number, (code, *cells) in records(file, reporter, columns, encoding=encoding_of(file)):
                key = digits(code.strip())
                if key is None or len(key) != (9 if letter == "P" else 11):
                    reporter.problem(Problem(file.label, number, f"{code!r} is not an NDC"))
                else:
                    buckets.put(int(key[:9]), orjson.dumps([key[:9], letter, code.strip(), *cells]))
        for lines in buckets:
            yield from _rows(lines)


def _rows(lines: list[bytes]) -> Iterator[ConceptRow]:
    """The concepts of some products and their packages."""
    by_product: dict[str, dict[str, list[list[str]]]] = defaultdict(lambda: defaultdict(list))
    for line in lines:
        key, letter, *cells = orjson.loads(line)
        by_product[key][letter].append(cells)
    for key in sorted(by_product):
        rows = by_product[key]
        # A product may have several rows, one for each of its listings.
        details = {code: _details(cells) for code, *cells in reversed(rows["P"])}
        listed = {product for _, product, _, flag in rows["K"] if flag in LISTED_FLAGS}
        for code, properties in sorted(details.items()):
            yield _product(code, properties, code in listed)
        for code, others in _packages_by_digits(rows["K"]).items():
            yield _form(code, others, details)
        packages = {row[0]: row for row in reversed(rows["K"])}
        for _, row in sorted(packages.items()):
            yield _package(row, details)


def _packages_by_digits(packages: list[list[str]]) -> dict[str, list[list[str]]]:
    """The packages by their form with 11 digits, each once."""
    forms: dict[str, list[list[str]]] = defaultdict(list)
    for row in sorted({row[0]: row for row in reversed(packages)}.values()):
        forms[digits(row[0]) or ""].append(row)
    return dict(sorted(forms.items()))


def _details(cells: Sequence[str]) -> list[PropertyTuple]:
    """The properties that a product and its packages have in common."""
    type_, name, suffix, generic, form, route, category, company = (cell.strip() for cell in cells)
    values = {
        "type": type_,
        "trade-name": f"{name} {suffix}".strip(),
        "generic": generic,
        "dose-form": form,
        "route": route,
        "category": category,
        "company": company,
    }
    return [(property_, "string", value) for property_, value in values.items() if value]


def _product(code: str, properties: list[PropertyTuple], is_listed: bool) -> ConceptRow:
    name = next((value for property_, _, value in properties if property_ == "trade-name"), code)
    return ConceptRow(
        code=code,
        display=f"{name} (product)",
        inactive=not is_listed,
        properties=[("code-type", "string", PRODUCT), *properties, ("active", "boolean", is_listed)],
    )


def _package(row: list[str], details: dict[str, list[PropertyTuple]]) -> ConceptRow:
    code, product, description, flag = (cell.strip() for cell in row)
    is_listed = flag in LISTED_FLAGS
    return ConceptRow(
        code=code,
        display=description or None,
        inactive=not is_listed,
        properties=[
            ("code-type", "string", TEN),
            ("synonym", "code", digits(code)),
            *_of_package(product, description, details),
            ("active", "boolean", is_listed),
        ],
    )


def _form(code: str, packages: list[list[str]], details: dict[str, list[PropertyTuple]]) -> ConceptRow:
    """The form with 11 digits, which in rare cases several packages share."""
    _, product, description, _ = (cell.strip() for cell in packages[0])
    is_listed = any(row[3].strip() in LISTED_FLAGS for row in packages)
    return ConceptRow(
        code=code,
        display=description or None,
        inactive=not is_listed,
        properties=[
            ("code-type", "string", ELEVEN),
            *(("synonym", "code", row[0]) for row in packages),
            *_of_package(product, description, details),
            ("active", "boolean", is_listed),
        ],
    )


def _of_package(
    product: str, description: str, details: dict[str, list[PropertyTuple]]
) -> Iterator[PropertyTuple]:
    if product:
        yield "product", "code", product
    if description:
        yield "description", "string", description
    yield from details.get(product, ())


NDC = importer_of("ndc", "NDC, the FDA's National Drug Code Directory as zip or folder", EXPECTED, _open)
