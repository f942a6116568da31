"""Countries, their subdivisions, and currencies: ISO 3166 and ISO 4217, as the library pycountry lists them.

FHIR has one code system for a country's alpha-2, alpha-3 and numeric codes
(https://terminology.hl7.org/ISO3166.html).
"""

from __future__ import annotations

from collections.abc import Iterator
from string import ascii_uppercase
from typing import Any

from terminology.core.model import CodeSystemInfo
from terminology.systems.listed import ListedCodeSystem

COUNTRIES = "urn:iso:std:iso:3166"
SUBDIVISIONS = "urn:iso:std:iso:3166:-2"
CURRENCIES = "urn:iso:std:iso:4217"
Node = dict[str, Any]

# ISO 3166-1, 5.2 and 8.1.3: codes that any user may define.
_USER_ASSIGNED = (
    "AA",
    *(f"Q{letter}" for letter in ascii_uppercase if letter >= "M"),
    *(f"X{letter}" for letter in ascii_uppercase),
    "ZZ",
)
_FORMS = ("alpha-2", "alpha-3", "numeric")


def countries() -> ListedCodeSystem:
    """ISO 3166-1: three codes for each country, and the user-assigned alpha-2 codes."""
    about = CodeSystemInfo(COUNTRIES, _release(), "ISO3166", "ISO 3166-1: codes of countries", language="en")
    properties = [{"code": form, "type": "code", "description": f"The {form} code"} for form in _FORMS]
    return ListedCodeSystem(about, _countries, properties, ("http://hl7.org/fhir/ValueSet/country",))


def _countries() -> list[Node]:
    import pycountry

    concepts: list[Node] = [{"code": code, "display": "User-assigned"} for code in _USER_ASSIGNED]
    for country in pycountry.countries:
        codes = dict(zip(_FORMS, (country.alpha_2, country.alpha_3, country.numeric), strict=True))
        for form, code in codes.items():
            others = [{"code": other, "valueCode": codes[other]} for other in _FORMS if other != form]
            names = [{"value": name, "language": "en"} for name in _other_names(country)]
            concepts.append({"code": code, "display": country.name, "designation": names, "property": others})
    return sorted(concepts, key=_by_code)


def _other_names(country: Any) -> Iterator[str]:
    """``common_name`` (Bolivia) and ``official_name`` (Plurinational State of Bolivia), if any."""
    for key in ("common_name", "official_name"):
        if (name := dict(country).get(key)) is not None and name != country.name:
            yield name


def subdivisions() -> ListedCodeSystem:
    """ISO 3166-2: provinces, states and other subdivisions, as a tree where the standard has one."""
    about = CodeSystemInfo(
        SUBDIVISIONS, _release(), "ISO3166Part2", "ISO 3166-2: subdivisions", language="en"
    )
    properties = [
        {"code": "type", "type": "string", "description": "The kind of subdivision: state, province, …"},
        {"code": "country", "type": "code", "description": "The alpha-2 code of the country"},
    ]
    return ListedCodeSystem(about, _subdivisions, properties)


def _subdivisions() -> list[Node]:
    import pycountry

    concepts = []
    for place in pycountry.subdivisions:
        country = {"code": "country", "valueCode": place.country_code}
        properties = [{"code": "type", "valueString": place.type}, country]
        above = [{"code": "parent", "valueCode": place.parent_code}] if place.parent_code else []
        concepts.append({"code": place.code, "display": place.name, "property": [*properties, *above]})
    return sorted(concepts, key=_by_code)


def currencies() -> ListedCodeSystem:
    """ISO 4217: the alphabetic codes of currencies."""
    about = CodeSystemInfo(CURRENCIES, _release(), "ISO4217", "ISO 4217: codes of currencies", language="en")
    properties = [{"code": "numeric", "type": "string", "description": "The numeric code"}]
    return ListedCodeSystem(about, _currencies, properties, ("http://hl7.org/fhir/ValueSet/currencies",))


def _currencies() -> list[Node]:
    import pycountry

    concepts = [
        {
            "code": currency.alpha_3,
            "display": currency.name,
            "property": [{"code": "numeric", "valueString": currency.numeric}],
        }
        for currency in pycountry.currencies
    ]
    return sorted(concepts, key=_by_code)


def _by_code(node: Node) -> str:
    return str(node["code"])


def _release() -> str:
    """The version of the library: the standards change by the month and have no version of their own."""
    from importlib.metadata import version  # slow to import, and seldom used

    return version("pycountry")
