"""Countries, their subdivisions, and currencies: ISO 3166 and ISO 4217, as the library pycountry lists them.

FHIR has one code system for a country's alpha-2, alpha-3 and numeric codes
(https://terminology.hl7.org/ISO3166.html).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from string import ascii_uppercase
from typing import Any

from terminology.core import issues
from terminology.core.languages import Languages
from terminology.core.model import CodeSystemInfo, Concept, ConceptDetail, Filter
from terminology.systems.filters import ReadValues, anything, compared
from terminology.systems.iso_description import (
    COUNTRIES,
    CURRENCIES,
    FORMER_COUNTRIES,
    FORMS,
    SETS,
    SUBDIVISIONS,
    VALUE_SETS,
)
from terminology.systems.listed import ListedCodeSystem
from terminology.systems.protocol import Selection, open_selection

Node = dict[str, Any]

# ISO 3166-1, 5.2 and 8.1.3: codes that any user may define. Those of two letters are listed.
_USER_ASSIGNED = (
    "AA",
    *(f"Q{letter}" for letter in ascii_uppercase if letter >= "M"),
    *(f"X{letter}" for letter in ascii_uppercase),
    "ZZ",
)
_ANY_USER_ASSIGNED = re.compile("(?:AA|Q[M-Z]|X[A-Z]|ZZ)[A-Z]?|9[0-9]{2}")
_USER_ASSIGNED_NAME = "User-assigned"


def is_user_assigned(url: str, code: str) -> bool:
    """Whether a code of this code system is one that any user may define, so that it may have any display."""
    return url == COUNTRIES and _ANY_USER_ASSIGNED.fullmatch(code) is not None


class Countries(ListedCodeSystem):
    """The countries, and the user-assigned codes of three letters or digits, which are not listed."""

    def locate(self, code: str) -> Concept | None:
        concept = super().locate(code)
        if concept is None and _ANY_USER_ASSIGNED.fullmatch(code.upper()):
            return Concept(code.upper(), _USER_ASSIGNED_NAME)
        return concept

    def describe(self, codes: Sequence[str]) -> dict[str, ConceptDetail]:
        details = dict(super().describe(codes))
        return {
            code: details.get(code, ConceptDetail())
            for code in codes
            if code in details or self.locate(code) is not None
        }

    def select(
        self, filters: Sequence[Filter] = (), text: str | None = None, languages: Languages | None = None
    ) -> Selection:
        selection = super().select(filters, text, languages)
        if text or any(each.property not in ("code", "concept") for each in filters):
            return selection
        values = ReadValues[str](lambda code: [code], str.upper)
        tests = [passing.test for each in filters if (passing := compared(each, values, anything))]
        others = frozenset(code for code in _unlisted() if all(test(code) for test in tests))
        reason = issues.user_assigned_codes_are_unclosed(self.about)
        return open_selection(selection, lambda code: code.upper() in others, reason) if others else selection


@cache
def _unlisted() -> tuple[str, ...]:
    """The user-assigned codes of three letters or digits."""
    letters = (f"{code}{third}" for code in _USER_ASSIGNED for third in ascii_uppercase)
    return (*letters, *map(str, range(900, 1000)))


def countries() -> ListedCodeSystem:
    """ISO 3166-1: three codes for each country, and the user-assigned codes."""
    about = CodeSystemInfo(
        COUNTRIES,
        _release(),
        "ISO3166",
        "ISO 3166-1: codes of countries",
        language="en",
        case_sensitive=False,
    )
    properties = [{"code": form, "type": "code", "description": f"The {form} code"} for form in FORMS]
    return Countries(about, _countries, properties, VALUE_SETS)


def _countries() -> list[Node]:
    import pycountry

    french = _french_names()
    concepts: list[Node] = [{"code": code, "display": _USER_ASSIGNED_NAME} for code in _USER_ASSIGNED]
    for country in pycountry.countries:
        codes = dict(zip(FORMS, (country.alpha_2, country.alpha_3, country.numeric), strict=True))
        for form, code in codes.items():
            others = [{"code": other, "valueCode": codes[other]} for other in FORMS if other != form]
            names = [{"value": name, "language": "en"} for name in _other_names(country)]
            names.append({"value": french(country.name), "language": "fr"})
            concepts.append({"code": code, "display": country.name, "designation": names, "property": others})
    return sorted(concepts, key=_by_code)


def _french_names() -> Callable[[str], str]:
    """The French name of a country by its English one; ISO 3166 is published in both languages."""
    import gettext

    import pycountry

    catalogue = gettext.translation("iso3166-1", pycountry.LOCALES_DIR, languages=["fr"], fallback=True)
    return catalogue.gettext


def _other_names(country: Any) -> Iterator[str]:
    """``common_name`` (Bolivia) and ``official_name`` (Plurinational State of Bolivia), if any."""
    for key in ("common_name", "official_name"):
        if (name := dict(country).get(key)) is not None and name != country.name:
            yield name


def subdivisions() -> ListedCodeSystem:
    """ISO 3166-2: provinces, states and other subdivisions, as a tree where the standard has one."""
    about = CodeSystemInfo(
        SUBDIVISIONS,
        _release(),
        "ISO3166Part2",
        "ISO 3166-2: subdivisions",
        language="en",
        case_sensitive=False,
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


def former_countries() -> ListedCodeSystem:
    """ISO 3166-3: the countries that were withdrawn from part 1, by codes of four letters."""
    about = CodeSystemInfo(
        FORMER_COUNTRIES,
        _release(),
        "ISO3166Part3",
        "ISO 3166-3: former names of countries",
        language="en",
        case_sensitive=False,
    )
    properties = [
        {"code": "alpha-2", "type": "code", "description": "The alpha-2 code that it had"},
        {"code": "withdrawn", "type": "dateTime", "description": "When it was withdrawn"},
    ]
    return ListedCodeSystem(about, _former_countries, properties)


def _former_countries() -> list[Node]:
    import pycountry

    concepts = [
        {
            "code": country.alpha_4,
            "display": country.name,
            "property": [
                {"code": "alpha-2", "valueCode": country.alpha_2},
                {"code": "withdrawn", "valueDateTime": country.withdrawal_date},
            ],
        }
        for country in pycountry.historic_countries
    ]
    return sorted(concepts, key=_by_code)


def currencies() -> ListedCodeSystem:
    """ISO 4217: the alphabetic codes of currencies."""
    about = CodeSystemInfo(CURRENCIES, _release(), "ISO4217", "ISO 4217: codes of currencies", language="en")
    properties = [{"code": "numeric", "type": "string", "description": "The numeric code"}]
    return ListedCodeSystem(about, _currencies, properties, {f"{SETS}/currencies": ()})


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
    """The year of the library: the standards change by the month, and their versions are years."""
    from importlib.metadata import version  # slow to import, and seldom used

    return f"20{version('pycountry').partition('.')[0]}"
