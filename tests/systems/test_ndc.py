"""NDC and CVX on the store: codes, properties and filters as their owners have them.

https://terminology.hl7.org/NDC.html, https://terminology.hl7.org/CVX.html. The directories are made up.
"""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from terminology import Terminology
from terminology.core.model import Filter
from terminology.systems.cvx import URL as CVX
from terminology.systems.ndc import URL as NDC
from terminology.systems.ndc import digits
from tests.support import ndc_files, releases
from tests.support.asking import properties, value
from tests.support.importing import refusal
from tests.support.ndc_files import PlainNdc
from tests.support.served import served


@pytest.fixture(scope="module")
def ndc(tmp_path_factory: pytest.TempPathFactory) -> Terminology:
    folder = tmp_path_factory.mktemp("files")
    releases.ndc(folder)
    return served("ndc", folder, tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="module")
def cvx(tmp_path_factory: pytest.TempPathFactory) -> Terminology:
    folder = tmp_path_factory.mktemp("files")
    releases.cvx(folder)
    return served("cvx", folder, tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ndc_files.write(tmp_path_factory.mktemp("files"), 1500)


@pytest.fixture(scope="module")
def plain(base: Path) -> PlainNdc:
    return PlainNdc(base)


@pytest.fixture(scope="module")
def directory(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Terminology:
    return served("ndc", base, tmp_path_factory.mktemp("store"))


def chosen(terminology: Terminology, url: str, *filter_: str) -> set[str]:
    return {concept.code for concept in terminology.catalogue.system(url).select([Filter(*filter_)])}


PACKAGES = {"0099-3105-02": "00099310502", "99999-040-62": "99999004062", "99998-4112-1": "99998411201"}
PRODUCTS = {"0099-3105", "99999-040", "99998-4112"}


def test_a_package_has_a_form_of_11_digits(ndc: Terminology) -> None:
    """4-4-2, 5-3-2 and 5-4-1 have the zero before the first, second and third part."""
    for code, eleven in PACKAGES.items():
        assert digits(code) == eleven
        package, form = (
            properties(ndc.ask("CodeSystem/$lookup", system=NDC, code=c)) for c in (code, eleven)
        )
        assert (package["synonym"], form["synonym"]) == ([eleven], [code])
        assert (package["code-type"], form["code-type"]) == (["10-digit"], ["11-digit"])
        shared = ("product", "description", "type", "trade-name", "generic", "company", "dose-form", "route")
        assert all(package[name] == form[name] for name in shared)


def test_the_type_of_a_code_is_a_filter(ndc: Terminology) -> None:
    assert chosen(ndc, NDC, "code-type", "=", "10-digit") == set(PACKAGES)
    assert chosen(ndc, NDC, "code-type", "=", "11-digit") == set(PACKAGES.values())
    assert chosen(ndc, NDC, "code-type", "=", "product") == PRODUCTS
    assert chosen(ndc, NDC, "product", "=", "0099-3105") == {"0099-3105-02", "00099310502"}
    assert chosen(ndc, NDC, "trade-name", "=", "Fireproof Forte") == {
        "0099-3105-02",
        "00099310502",
        "0099-3105",
    }


def test_an_excluded_package_is_inactive(ndc: Terminology) -> None:
    """NDC_EXCLUDE_FLAG E; the product has no other package."""
    inactive = {c.code for c in ndc.catalogue.system(NDC).select() if c.inactive}
    assert inactive == {"99999-040-62", "99999004062", "99999-040"}
    assert chosen(ndc, NDC, "active", "=", "false") == inactive


def test_displays_are_descriptions_and_trade_names(ndc: Terminology) -> None:
    answers = {
        code: ndc.ask("CodeSystem/$lookup", system=NDC, code=code) for code in ("0099-3105-02", "0099-3105")
    }
    assert value(answers["0099-3105-02"], "display") == "100 TABLETS in 1 BOTTLE"
    assert value(answers["0099-3105"], "display") == "Fireproof Forte (product)"
    assert value(answers["0099-3105"], "version") == "20310301"


def test_every_row_of_a_directory_is_a_code(directory: Terminology, plain: PlainNdc) -> None:
    """Also those of a file in Windows-1252 whose first letter beyond ASCII stands far behind its beginning."""
    concepts = {c.code: (c.display, c.inactive) for c in directory.catalogue.system(NDC).select()}
    assert any("è" in display for display in plain.displays.values())
    assert concepts == {code: (text, code in plain.inactive) for code, text in plain.displays.items()}


@pytest.mark.parametrize("property_", ndc_files.PROPERTIES)
def test_a_filter_selects_what_the_files_say(directory: Terminology, plain: PlainNdc, property_: str) -> None:
    """The value as the directory writes it; the release is made up (``tests/support/ndc_files.py``)."""
    values = plain.values[property_]
    some = random.Random(3).sample(sorted(values), min(len(values), 8))
    for text in some:
        assert chosen(directory, NDC, property_, "=", text) == values[text], text
        assert chosen(directory, NDC, property_, "regex", re.escape(text)) == values[text], text
    listed = [text for text in some if "," not in text]
    union = {code for text in listed for code in values[text]}
    assert chosen(directory, NDC, property_, "in", " , ".join(listed)) == union
    assert chosen(directory, NDC, property_, "not-in", ",".join(listed)) == set(plain.displays) - union
    having = {code for codes in values.values() for code in codes}
    assert chosen(directory, NDC, property_, "exists", "true") == having
    assert chosen(directory, NDC, property_, "exists", "false") == set(plain.displays) - having


def test_packages_may_share_a_form_of_11_digits(directory: Terminology, plain: PlainNdc) -> None:
    shared = {form: codes for form, codes in plain.forms.items() if len(codes) > 1}
    assert shared
    for form, codes in shared.items():
        answer = directory.ask("CodeSystem/$lookup", system=NDC, code=form)
        assert sorted(properties(answer)["synonym"]) == codes


VALIDATED = {
    "0099-3105-02": True,
    "1234-5678-90": True,
    "1234567890": False,
    "12345-678": True,
    "1-2-3": False,
}


@pytest.mark.parametrize("code", VALIDATED)
def test_a_code_that_the_directory_lacks_may_exist(ndc: Terminology, code: str) -> None:
    """The directory is never complete; ten digits without hyphens are ambiguous."""
    answer = ndc.ask("CodeSystem/$validate-code", url=NDC, code=code)
    assert value(answer, "result") is VALIDATED[code]


def test_a_vaccine_keeps_its_zero_and_is_never_inactive(cvx: Terminology) -> None:
    """VaccineStatus says whether a vaccine is available; the version is the day of the last update."""
    system = cvx.catalogue.system(CVX)
    assert [(c.code, c.display, c.inactive) for c in system.select()] == [
        ("03", "dragonpox", False),
        ("143", "fire globulin", False),
        ("998", "no vaccine", False),
    ]
    assert system.about.version == "20310201"
    answer = cvx.ask("CodeSystem/$lookup", system=CVX, code="03")
    told = properties(answer)
    assert (told["vaccine-status"], told["non-vaccine"], told["notes"]) == (["active"], [False], ["A note"])
    assert told["last-updated"] == ["2031-02-01"]


def test_status_and_kind_of_a_vaccine_are_filters(cvx: Terminology) -> None:
    assert chosen(cvx, CVX, "vaccine-status", "=", "never-active") == {"998"}
    assert chosen(cvx, CVX, "vaccine-status", "in", "active, inactive") == {"03", "143"}
    assert chosen(cvx, CVX, "non-vaccine", "=", "true") == {"143", "998"}


def test_a_list_in_UTF_16_is_refused_with_the_reason(tmp_path: Path) -> None:
    releases.cvx(tmp_path)
    (path,) = tmp_path.glob("*.txt")
    path.write_text(path.read_text("utf-8"), "utf-16")
    assert "UTF-16" in refusal("cvx", tmp_path)
