"""HCPCS Level II, MS-DRG and CVX, rule by rule: the layouts of CMS and the CDC, and HL7's pages."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from terminology import Terminology
from terminology.core.errors import TerminologyError
from terminology.core.model import Filter
from terminology.systems.cms_descriptions import HCPCS, MSDRG
from terminology.systems.cvx import URL as CVX
from terminology.systems.described import DESCRIPTIONS
from tests.support import releases
from tests.support.asking import properties, value, values
from tests.support.builders import code_system, value_set
from tests.support.engine import catalogue_of
from tests.support.importing import refusal
from tests.support.releases import hcpcs_line, write
from tests.support.served import served

MVX = "http://hl7.org/fhir/sid/mvx"
RELEASES = ("r4", "r4b", "r5")


def hcpcs(folder: Path) -> None:
    rows = (
        hcpcs_line("A0001", "00100", "3", "Wing splint,", "Splint"),
        hcpcs_line("A0001", "00300", "4", "of the smaller kind"),
        hcpcs_line("A0001", "00200", "4", "for a dragon"),
        hcpcs_line("G0101", "00100", "3", "Ended the day before", terminated="20301231"),
        hcpcs_line("G0102", "00100", "3", "Ended on the first day", terminated="20310101"),
        hcpcs_line("G0103", "00100", "3", "Ends later", terminated="20310102"),
        hcpcs_line("D0120", "00100", "3", "Look at the fangs"),
        hcpcs_line("   LT", "00100", "7", "Left"),
        hcpcs_line("   LT", "00200", "8", "wing"),
    )
    write(folder, "HCPC2031_JAN_ANWEB.txt", *rows, encoding="cp1252", end="\r\n")


def msdrg(folder: Path) -> None:
    heads = "MS-DRG\tFY 2031 Final Post-Acute DRG\tFY 2031 Final Special Pay DRG\tMDC\tTYPE\tMS-DRG Title"
    write(
        folder,
        "table5.txt",
        '"TABLE 5.—LIST OF GROUPS—FY 2031 Final Rule"' + "\t" * 9,
        heads + "\tWeights - Before Cap\tWeights - 10% Cap Applied\tGeometric mean LOS\tArithmetic mean LOS",
        "001\tNo\tNo\t1\tSURG\tNEW HEAD WITH MCC\t27.1\t27.2\t20.5\t30.0",
        "743\tYes\tYes\t13\tMED\tTORN WING\t1.0491\t1.1\t1.5\t2.0",
        encoding="cp1252",
    )


SOURCES: dict[str, tuple[str, Callable[[Path], None]]] = {
    HCPCS: ("hcpcs", hcpcs),
    MSDRG: ("msdrg", msdrg),
    CVX: ("cvx", releases.cvx),
}


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Terminology]:
    terminologies = {}
    for url, (kind, write_files) in SOURCES.items():
        folder = tmp_path_factory.mktemp(kind)
        write_files(folder)
        terminologies[url] = served(kind, folder, tmp_path_factory.mktemp(f"{kind}-store"))
    return terminologies


CODES = [
    ("a letter and four digits", HCPCS, "A0001", "Wing splint, for a dragon of the smaller kind"),
    ("a modifier has two characters", HCPCS, "LT", "Left wing"),
    ("a dental code is one of the file", HCPCS, "D0120", "Look at the fangs"),
    ("CPT is another code system", HCPCS, "57520", None),
    ("a code with a modifier is no code", HCPCS, "A0001:LT", None),
    ("nor with a hyphen", HCPCS, "A0001-LT", None),
    ("nor without a digit", HCPCS, "A001", None),
    ("zeros belong to the group", MSDRG, "001", "NEW HEAD WITH MCC"),
    ("without them it is none", MSDRG, "1", None),
    ("three digits", MSDRG, "743", "TORN WING"),
    ("four are none", MSDRG, "0743", None),
    ("the zero belongs to the vaccine, the blank behind it does not", CVX, "03", "dragonpox"),
    ("without the zero it is none", CVX, "3", None),
    ("with another zero it is none", CVX, "003", None),
    ("three digits of a vaccine", CVX, "143", "fire globulin"),
]


@pytest.mark.parametrize(("rule", "url", "code", "display"), CODES, ids=[row[0] for row in CODES])
def test_a_code_is_valid_by_its_rule(
    imported: dict[str, Terminology], rule: str, url: str, code: str, display: str | None
) -> None:
    ask = imported[url].ask
    for release in RELEASES:
        answer = ask("CodeSystem/$validate-code", release=release, url=url, code=code)
        assert value(answer, "result") is (display is not None)
        if display is None:
            with pytest.raises(TerminologyError):
                ask("CodeSystem/$lookup", release=release, system=url, code=code)
        else:
            assert (
                value(ask("CodeSystem/$lookup", release=release, system=url, code=code), "display") == display
            )


PROPERTIES: list[tuple[str, str, str, str, list[Any]]] = [
    ("a code is no modifier", HCPCS, "A0001", "modifier", [False]),
    ("a modifier is one", HCPCS, "LT", "modifier", [True]),
    ("the day of the beginning", HCPCS, "A0001", "added", ["2020-01-01"]),
    ("the day of the end", HCPCS, "G0101", "terminated", ["2030-12-31"]),
    ("the last action", HCPCS, "A0001", "action", ["N"]),
    ("ended before the version", HCPCS, "G0101", "inactive", [True]),
    ("ended on its first day", HCPCS, "G0102", "inactive", [True]),
    ("ends later", HCPCS, "G0103", "inactive", [False]),
    ("the category", MSDRG, "743", "mdc", ["13"]),
    ("the type", MSDRG, "743", "type", ["MED"]),
    ("the type of an operation", MSDRG, "001", "type", ["SURG"]),
    ("a transfer counts", MSDRG, "743", "postAcute", [True]),
    ("a status of availability", CVX, "143", "vaccine-status", ["inactive"]),
    ("a vaccine that was never used", CVX, "998", "vaccine-status", ["never-active"]),
    ("it is not that of the concept", CVX, "143", "inactive", [False]),
    ("something else than a vaccine", CVX, "143", "non-vaccine", [True]),
    ("a vaccine", CVX, "03", "non-vaccine", [False]),
    ("the notes", CVX, "03", "notes", ["A note"]),
    ("no notes", CVX, "143", "notes", []),
    ("the day of the last update", CVX, "03", "last-updated", ["2031-02-01"]),
]


@pytest.mark.parametrize(
    ("rule", "url", "code", "name", "expected"),
    PROPERTIES,
    ids=[f"{row[0]} ({row[3]})" for row in PROPERTIES],
)
def test_a_concept_has_the_properties_of_its_row(
    imported: dict[str, Terminology], rule: str, url: str, code: str, name: str, expected: list[Any]
) -> None:
    for release in RELEASES:
        found = imported[url].ask("CodeSystem/$lookup", release=release, system=url, code=code)
        assert properties(found).get(name, []) == expected


def test_weights_and_stays_are_decimals(imported: dict[str, Terminology]) -> None:
    found = properties(imported[MSDRG].ask("CodeSystem/$lookup", release="r5", system=MSDRG, code="743"))
    assert [str(found[name][0]) for name in ("weight", "geometricMeanStay", "arithmeticMeanStay")] == [
        "1.0491",
        "1.5",
        "2.0",
    ]


@pytest.mark.parametrize(
    ("url", "version"),
    [(HCPCS, "2031-01"), (MSDRG, "FY2031"), (CVX, "20310201")],
    ids=["HCPCS", "MS-DRG", "CVX"],
)
def test_the_version_is_that_of_the_release(imported: dict[str, Terminology], url: str, version: str) -> None:
    """Year and quarter of a file; the fiscal year; the day of the last update of a vaccine."""
    assert imported[url].catalogue.system(url).about.version == version


@pytest.mark.parametrize(
    ("url", "code", "name"), [(HCPCS, "A0001", "Splint"), (CVX, "03", "dragonpox virus vaccine")]
)
def test_other_names_are_designations(
    imported: dict[str, Terminology], url: str, code: str, name: str
) -> None:
    found = imported[url].ask("CodeSystem/$lookup", system=url, code=code)
    assert name in [value(node, "value") for node in values(found, "designation")]
    answer = imported[url].ask("CodeSystem/$validate-code", url=url, code=code, display=name)
    assert value(answer, "result") is True


FILTERS = [
    (HCPCS, ("modifier", "=", "true"), ["LT"]),
    (HCPCS, ("terminated", "exists", "true"), ["G0101", "G0102", "G0103"]),
    (HCPCS, ("code", "regex", "G.*"), ["G0101", "G0102", "G0103"]),
    (MSDRG, ("mdc", "=", "13"), ["743"]),
    (MSDRG, ("type", "in", "SURG,MED"), ["001", "743"]),
    (MSDRG, ("weight", "=", "27.10"), ["001"]),
    (CVX, ("vaccine-status", "=", "inactive"), ["143"]),
    (CVX, ("non-vaccine", "=", "true"), ["143", "998"]),
    (CVX, ("non-vaccine", "=", "false"), ["03"]),
]


@pytest.mark.parametrize(("url", "filter_", "codes"), FILTERS, ids=[" ".join(row[1]) for row in FILTERS])
def test_a_filter_selects(
    imported: dict[str, Terminology], url: str, filter_: tuple[str, str, str], codes: list[str]
) -> None:
    node = dict(zip(("property", "op", "value"), filter_, strict=True))
    asked = value_set("asked", {"system": url, "filter": [node]})
    for release in RELEASES:
        expansion = imported[url].ask("ValueSet/$expand", release=release, value_set=asked)["expansion"]
        assert [each["code"] for each in expansion["contains"]] == codes


@pytest.mark.parametrize("url", SOURCES)
def test_every_filter_of_the_page_is_understood_and_no_other(
    imported: dict[str, Terminology], url: str
) -> None:
    (description,) = [each for each in DESCRIPTIONS if each.url == url]
    system = imported[url].catalogue.system(url)
    for rule in description.filters:
        for name, op in [(name, op) for name in rule.properties for op in rule.operators]:
            system.select([Filter(name, op, "true")])
    with pytest.raises(TerminologyError):
        system.select([Filter("colour", "=", "red")])


@pytest.mark.parametrize(
    ("url", "one", "other"), [(HCPCS, "G0101", "G0102"), (MSDRG, "001", "743"), (CVX, "03", "143")]
)
def test_there_is_no_hierarchy_and_no_value_set_of_its_own(
    imported: dict[str, Terminology], url: str, one: str, other: str
) -> None:
    ask = imported[url].ask
    assert (
        value(ask("CodeSystem/$subsumes", system=url, code_a=one, code_b=other), "outcome") == "not-subsumed"
    )
    whole = ask("ValueSet/$expand", url=f"{url}?fhir_vs")["expansion"]
    assert not any("contains" in node for node in whole["contains"]) and "extension" not in whole
    with pytest.raises(TerminologyError, match="could not be found"):
        ask("ValueSet/$expand", url=f"{url}/vs")


def test_case_does_not_matter_for_vaccines_and_manufacturers(imported: dict[str, Terminology]) -> None:
    """Codes of vaccines are digits; the resource says so all the same, and that of manufacturers may."""
    assert imported[CVX].catalogue.system(CVX).about.case_sensitive is False
    makers = code_system(
        MVX, {"code": "DRG", "display": "Dragon Works"}, caseSensitive=False, version="20310101"
    )
    ask = Terminology(catalogue=catalogue_of([makers])).ask
    answer = ask("CodeSystem/$validate-code", url=MVX, code="drg")
    assert (value(answer, "result"), value(answer, "normalized-code")) == (True, "DRG")


def test_a_list_in_UTF_16_is_refused_with_what_to_do(tmp_path: Path) -> None:
    write(tmp_path, "cvx.txt", "03|a|b||Active|False|2031/02/01", encoding="utf-16")
    assert "is UTF-16; save it as UTF-8" in refusal("cvx", tmp_path)
