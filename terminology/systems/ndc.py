"""National Drug Codes as the FDA and HL7 define them: https://terminology.hl7.org/NDC.html.

The importer of the FDA's directory (``content/importers/ndc.py``) makes a concept of each package, of its form with
11 digits for billing, and of each product.
"""

from __future__ import annotations

import re

from terminology.systems.description import (
    COMPARING,
    CodeShape,
    DescribedProperty,
    FilterRule,
    NotOffered,
    SystemDescription,
)

URL = "http://hl7.org/fhir/sid/ndc"
TEN, ELEVEN, PRODUCT = "10-digit", "11-digit", "product"
# A package (4-4-2, 5-4-1 or 5-3-2), or its first two parts: a product.
CODE = re.compile(
    r"(\d{4})-(\d{4})(?:-(\d{2}))?|(\d{5})-(\d{4})(?:-(\d))?|(\d{5})-(\d{3})(?:-(\d{2}))?", re.ASCII
)
# The parts of the form of 11 digits.
_WIDTHS = (5, 4, 2)
# NDC_EXCLUDE_FLAG of a package that may be sold; it says of any other why not.
LISTED_FLAGS = ("N", "Y")


def digits(code: str) -> str | None:
    """A package as 11 digits, a product as its first 9: the part that is too short has a zero before it.

    >>> digits("0777-3105-02"), digits("50242-040-62"), digits("60575-4112-1"), digits("0777-3105"), digits("07773105")
    ('00777310502', '50242004062', '60575411201', '007773105', None)
    """
    match = CODE.fullmatch(code)
    if match is None:
        return None
    parts = [part for part in match.groups() if part is not None]
    return "".join(part.zfill(width) for part, width in zip(parts, _WIDTHS, strict=False))


DESCRIPTION = SystemDescription(
    url=URL,
    name="NDC",
    codes=(
        "A package: ten digits in three parts with hyphens, as they were assigned (4-4-2, 5-4-1 or 5-3-2). Its form "
        "with 11 digits and no hyphens, for billing, is a code, too, and so are the first two parts, which name the "
        "product. Ten digits without hyphens are ambiguous, and no code."
    ),
    displays="Of a package PACKAGEDESCRIPTION; of a product its trade name.",
    versions="`YYYYMMDD`, as the name of the file or folder has it.",
    inactive="Packages that NDC_EXCLUDE_FLAG excludes (E, U or I), and products all of whose packages are excluded.",
    has_hierarchy=False,
    subsumption="None; `product` of a package names the product.",
    source="https://terminology.hl7.org/NDC.html",
    shape=CodeShape(
        f"{CODE.pattern}|[0-9]{{11}}",
        "ten digits in three parts with hyphens between them (4-4-2, 5-4-1 or 5-3-2)",
    ),
    properties=(
        DescribedProperty("code-type", "string", f"`{TEN}`, `{ELEVEN}` or `{PRODUCT}`."),
        DescribedProperty(
            "synonym", "code", "Of a package its form with 11 digits, and of that form the package."
        ),
        DescribedProperty("product", "code", "Of a package: its product."),
        DescribedProperty("description", "string", "PACKAGEDESCRIPTION."),
        DescribedProperty(
            "type, trade-name, generic, dose-form, route, category, company",
            "string",
            "PRODUCTTYPENAME, PROPRIETARYNAME with its suffix, NONPROPRIETARYNAME, DOSAGEFORMNAME, ROUTENAME, "
            "MARKETINGCATEGORYNAME and LABELERNAME of the product.",
        ),
        DescribedProperty(
            "active", "boolean", "Whether the package, or a package of the product, is listed."
        ),
    ),
    filters=(
        FilterRule(("code-type",), COMPARING, f"`{TEN}`, `{ELEVEN}`, `{PRODUCT}`", "codes of the type"),
        FilterRule(
            ("product", "synonym"),
            COMPARING,
            "a code",
            "the packages of the product; the other form of a package",
        ),
        FilterRule(
            ("type", "trade-name", "generic", "dose-form", "route", "category", "company", "active"),
            COMPARING,
            "the value as the directory writes it",
            "codes with it",
        ),
        FilterRule(("code", "concept"), COMPARING, "a code, or a list", "these codes"),
    ),
    not_offered=(
        NotOffered(
            "that an unknown code is wrong",
            "the directory is never complete: the code system is a fragment, and an unknown code that is written right "
            "is accepted with a warning",
        ),
        NotOffered("codes that only older directories had", "a version has the codes of its files"),
        NotOffered("implicit value sets and maps", "neither the owner nor HL7 defines any"),
    ),
)
