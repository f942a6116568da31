"""A made-up National Drug Code Directory of any size, in the real formats, and its filters computed plainly.

As in the FDA's files, text is Windows-1252 and nearly all of it ASCII; names differ in case only; a product or package
may be listed twice; and two packages may share a form with 11 digits.
"""

from __future__ import annotations

import csv
import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

PRODUCT = (
    "PRODUCTID PRODUCTNDC PRODUCTTYPENAME PROPRIETARYNAME PROPRIETARYNAMESUFFIX NONPROPRIETARYNAME DOSAGEFORMNAME "
    "ROUTENAME STARTMARKETINGDATE ENDMARKETINGDATE MARKETINGCATEGORYNAME APPLICATIONNUMBER LABELERNAME SUBSTANCENAME "
    "ACTIVE_NUMERATOR_STRENGTH ACTIVE_INGRED_UNIT PHARM_CLASSES DEASCHEDULE NDC_EXCLUDE_FLAG "
    "LISTING_RECORD_CERTIFIED_THROUGH"
).split()
PACKAGE = (
    "PRODUCTID PRODUCTNDC NDCPACKAGECODE PACKAGEDESCRIPTION STARTMARKETINGDATE ENDMARKETINGDATE NDC_EXCLUDE_FLAG "
    "SAMPLE_PACKAGE"
).split()
# The columns of a product that are properties, by the property.
COLUMNS = {
    "type": "PRODUCTTYPENAME",
    "generic": "NONPROPRIETARYNAME",
    "dose-form": "DOSAGEFORMNAME",
    "route": "ROUTENAME",
    "category": "MARKETINGCATEGORYNAME",
    "company": "LABELERNAME",
}
PROPERTIES = ("code-type", "synonym", "product", "description", "trade-name", "active", *COLUMNS)
_TYPES = ("HUMAN PRESCRIPTION DRUG", "HUMAN OTC DRUG", "PLASMA DERIVATIVE", "VACCINE", "CELLULAR THERAPY")
_FORMS = ("TABLET", "TABLET, FILM COATED", "CREAM", "INJECTION, SOLUTION", "CAPSULE", "LIQUID", "KIT")
_ROUTES = ("ORAL", "TOPICAL", "INTRAVENOUS", "ORAL; SUBLINGUAL", "")
_CATEGORIES = ("NDA", "ANDA", "BLA", "OTC MONOGRAPH DRUG", "unapproved drug other")
_WIDTHS = (5, 4, 2)


def write(folder: Path, products: int, seed: int = 1) -> Path:
    """Write a directory with about so many products, and nearly twice as many packages; returns its folder."""
    base = folder / "ndctext_20330304"
    base.mkdir(parents=True)
    codes = list(_products(products))
    _write(base / "product.txt", PRODUCT, _product_rows(codes, random.Random(f"{seed} products")))
    _write(base / "package.txt", PACKAGE, _package_rows(codes, random.Random(f"{seed} packages")))
    return base


def _write(path: Path, columns: Sequence[str], rows: Iterable[dict[str, str]]) -> None:
    with path.open("w", encoding="cp1252", newline="") as stream:
        stream.write("\t".join(columns) + "\r\n")
        stream.writelines("\t".join(row.get(column, "") for column in columns) + "\r\n" for row in rows)


def _products(count: int) -> Iterator[str]:
    """The codes of products: 4-4, 5-4 and 5-3 in turn; some differ in a zero alone."""
    for number in range(count):
        labeler, product = divmod(number, 300)
        yield (
            f"{1000 + labeler}-{product:04}",
            f"{10_000 + labeler}-{product:04}",
            f"{20_000 + labeler}-{product:03}",
        )[number % 3]
        if number % 300 < 6 and not number % 3:
            yield f"0{1000 + labeler}-{product:04}"


def _product_rows(codes: Sequence[str], chance: random.Random) -> Iterator[dict[str, str]]:
    choice = chance.choice
    for number, code in enumerate(codes):
        name = f"Doze{number % 4001}"
        # The first letter that is not ASCII stands far behind the beginning of the file.
        name = f"Crème {name}" if number % 500 == 499 else choice((name, name.upper(), name.lower()))
        substances = [f"substance {chance.randrange(900)}" for _ in range(choice((1, 1, 1, 2, 3)))]
        if number % 100 == 7:
            substances = [f"substance {number} {place}" for place in range(30)]
        row = {
            "PRODUCTID": f"{code}_{number}",
            "PRODUCTNDC": code,
            "PRODUCTTYPENAME": choice(_TYPES),
            "PROPRIETARYNAME": name,
            "PROPRIETARYNAMESUFFIX": choice(("", "", "", "XR", "Extra Strength")),
            "NONPROPRIETARYNAME": ", ".join(substances),
            "DOSAGEFORMNAME": choice(_FORMS),
            "ROUTENAME": choice(_ROUTES),
            "STARTMARKETINGDATE": "20300101",
            "MARKETINGCATEGORYNAME": choice(_CATEGORIES),
            "APPLICATIONNUMBER": f"NDA{number:06}",
            "LABELERNAME": f"Sleep Works {code[:4]}{choice((' ', ', '))}Inc.",
            "SUBSTANCENAME": "; ".join(substances).upper(),
            "NDC_EXCLUDE_FLAG": "N",
        }
        yield row
        if number % 90 == 3:
            yield row | {"PRODUCTID": f"{code}_again", "LABELERNAME": "Another Works", "ROUTENAME": "DENTAL"}


def _package_rows(codes: Sequence[str], chance: random.Random) -> Iterator[dict[str, str]]:
    for number, code in enumerate(codes):
        width = 10 - len(code.replace("-", ""))
        flag = "EUI"[number % 3] if number % 50 == 0 else "N"
        for place in range(1, chance.choice((1, 1, 2, 3)) + 1):
            row = {
                "PRODUCTID": f"{code}_{number}",
                "PRODUCTNDC": code,
                "NDCPACKAGECODE": f"{code}-{place:0{width}}",
                "PACKAGEDESCRIPTION": f"{10 * place} TABLET in 1 BOTTLE ({code}-{place:0{width}}) ",
                "STARTMARKETINGDATE": "20300101",
                "NDC_EXCLUDE_FLAG": chance.choice("NNNNY") if flag == "N" or place == 3 else flag,
                "SAMPLE_PACKAGE": "N",
            }
            yield row
            if number % 90 == 3:
                yield row | {"PACKAGEDESCRIPTION": "1 CARTON", "NDC_EXCLUDE_FLAG": "E"}


def eleven(code: str) -> str:
    """A package as 11 digits: each part is filled up with zeros."""
    return "".join(part.zfill(width) for part, width in zip(code.split("-"), _WIDTHS, strict=True))


# -- the filters, computed plainly ---------------------------------------------------------------


class PlainNdc:
    """The files of a directory as sets of codes. ``values`` has those with each value, by property and value.

    Of several rows about a product or package the first counts, and of packages that share a form with 11 digits the
    first by its code; such a form is listed if one of them is.
    """

    def __init__(self, base: Path) -> None:
        self.values: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        self.displays: dict[str, str] = {}
        self.inactive: set[str] = set()
        products: dict[str, dict[str, str]] = {}
        packages: dict[str, dict[str, str]] = {}
        listed: set[str] = set()
        for row in _rows(base / "product.txt"):
            products.setdefault(row["PRODUCTNDC"], row)
        for row in _rows(base / "package.txt"):
            packages.setdefault(row["NDCPACKAGECODE"], row)
            if row["NDC_EXCLUDE_FLAG"] in "YN":
                listed.add(row["PRODUCTNDC"])
        self.products, self.packages = set(products), set(packages)
        self.forms: dict[str, list[str]] = defaultdict(list)
        for code, row in products.items():
            name = f"{row['PROPRIETARYNAME']} {row['PROPRIETARYNAMESUFFIX']}".strip()
            self._add(code, "product", f"{name} (product)", code in listed, row)
        for code in sorted(packages):
            self.forms[eleven(code)].append(code)
            self._add_package(code, "10-digit", [code], packages, products)
            self._put("synonym", eleven(code), code)
        for form, codes in self.forms.items():
            self._add_package(form, "11-digit", codes, packages, products)
            for code in codes:
                self._put("synonym", code, form)

    def _add_package(
        self,
        code: str,
        type_: str,
        codes: list[str],
        packages: dict[str, dict[str, str]],
        products: dict[str, dict[str, str]],
    ) -> None:
        row = packages[codes[0]]
        description = row["PACKAGEDESCRIPTION"].strip()
        is_listed = any(packages[each]["NDC_EXCLUDE_FLAG"] in "YN" for each in codes)
        self._add(code, type_, description, is_listed, products[row["PRODUCTNDC"]])
        self._put("product", row["PRODUCTNDC"], code)
        self._put("description", description, code)

    def _add(self, code: str, type_: str, display: str, is_listed: bool, product: dict[str, str]) -> None:
        self.displays[code] = display
        if not is_listed:
            self.inactive.add(code)
        self._put("code-type", type_, code)
        self._put("active", "true" if is_listed else "false", code)
        self._put(
            "trade-name", f"{product['PROPRIETARYNAME']} {product['PROPRIETARYNAMESUFFIX']}".strip(), code
        )
        for property_, column in COLUMNS.items():
            self._put(property_, product[column], code)

    def _put(self, property_: str, value: str, code: str) -> None:
        if value:
            self.values[property_][value].add(code)


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="cp1252", newline="") as stream:
        yield from csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE)
