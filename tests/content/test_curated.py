"""What we know of others' codes is answered alike on a fresh install, after any import, and after it is taken back."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from terminology.content.importers import IMPORTERS
from terminology.content.publication import build
from terminology.core.model import Document
from terminology.library import Terminology
from terminology.store import store_at
from terminology.store.loading import StoreWriter
from terminology.store.release import CodeSystemRelease, ConceptRow, MapGroup, MapRelease, MapRow
from tests.support.asking import matches, properties, value, values
from tests.support.builders import value_set
from tests.support.paths import ROOT, SHARED
from tests.support.real_lists import all_lists
from tests.support.reporters import CollectingReporter
from tests.support.stores import importer_of

pytest.importorskip("pyroaring")

CPT, SCT = "http://www.ama-assn.org/go/cpt", "http://snomed.info/sct"
PCS, ICD9 = "http://www.cms.gov/Medicare/Coding/ICD10", "http://hl7.org/fhir/sid/icd-9-cm"
OWN = "http://terminology.example.org/fhir/CodeSystem/cervical-conization"
DOCUMENTS = [d for d in build() if d["resourceType"] == "CodeSystem"]
SUPPLEMENTS = [d for d in DOCUMENTS if d["content"] == "supplement"]
FRAGMENTS = {d["url"]: d for d in DOCUMENTS if d["content"] == "fragment"}
GEM = SHARED / "content-sources" / "2018_I10_pcs_gem.txt"
KINDS = {importer.kind: importer for importer in IMPORTERS}


# -- questions -----------------------------------------------------------------------------------


# Each piece of code on README.md and docs/ that has 57520 in it, and the question below that it asks.
CONES = "http://terminology.example.org/fhir/ConceptMap/conization-to-cpt"
LOOKUP = f"{CPT}#57520"
ON_PAGES = {
    f"curl 'http://127.0.0.1:8080/fhir/r5/CodeSystem/$lookup?system={CPT}&code=57520&property=technique"
    "&property=seeAlso&property=isConization&_pretty=true'": LOOKUP,
    f"GET /fhir/r4/CodeSystem/$lookup?system={CPT}&code=57520": LOOKUP,
    f'concept = terminology.lookup("{CPT}", "57520")': LOOKUP,
    f".venv/bin/terminology lookup {CPT} 57520": LOOKUP,
    rf"printf '57520\n57522\n' | .venv/bin/terminology lookup {CPT} -": LOOKUP,
    'code="57520",': LOOKUP,
    'assert terminology.ask("CodeSystem/cpt/$lookup", code="57520")["resourceType"] == "Parameters"': "cpt#57520",
    f".venv/bin/terminology translate {CPT} 57520 --to {SCT}": f"57520 to {SCT}",
    f".venv/bin/terminology translate {CPT} 57520 57522 --to {SCT}": f"57520 to {SCT}",
    f'"{CPT}", "57520", target_system="{SCT}"': f"57520 to {SCT}",
    'assert "57522" in codes and "57520" not in codes': "conization by loop",
    "57520:51": f"57520:51 to {SCT}",
    "57520-51": f"57520-51 to {SCT}",
    "57520 51": f"57520 51 to {SCT}",
    "57520LT": f"57520LT to {SCT}",
    "GYN-001,Cone biopsy with cold knife,57520,120": f"57520 to {SCT}",
    "printf 'Local code,CPT\\nL1,57520\\n' | .venv/bin/terminology map - --to snomed 2>/dev/null": f"57520 to {SCT}",
    'path.write_text("Local code,CPT\\nL1,57520\\nL2,5752O\\n", "utf-8")': f"57520 to {SCT}",
    '[{"system": cpt, "code": code} for code in ("57520", "5752O", "N87.1")],': f"57520 to {SCT}",
}
BLOCK, SPAN = re.compile(r"^```\w*\n(.*?)^```", re.DOTALL | re.MULTILINE), re.compile(r"`([^`\n]+)`")


def answers(terminology: Terminology) -> dict[str, Any]:
    """The questions of README.md and docs/ on 57520 and its relatives, and all that the supplements say."""
    ask = terminology.ask
    told: dict[str, Any] = {}
    for supplement in SUPPLEMENTS:
        url, ours = supplement["supplements"], [p["code"] for p in supplement["property"]]
        for concept in supplement["concept"]:
            answer = ask(
                "CodeSystem/$lookup", system=url, code=concept["code"], property=[*ours, "designation"]
            )
            told[f"{url}#{concept['code']}"] = known_of(answer, ours, concept)
    for system, code, target in (
        (CPT, "57520", SCT),
        *((CPT, f"57520{modifier}", SCT) for modifier in (":51", "-51", " 51", "LT")),
        (CPT, "57522", SCT),
        (CPT, "57520", PCS),
        (CPT, "57520", ICD9),
        (PCS, "0UBC7ZZ", ICD9),
        (PCS, "0UBC7ZX", CPT),
        (OWN, "conization", CPT),
        (OWN, "conization-loop-colposcopic", CPT),
        (OWN, "conization-cold-knife", PCS),
    ):
        answer = ask("ConceptMap/$translate", system=system, code=code, targetSystem=target)
        told[f"{code} to {target}"] = sorted(set(matches(answer)), key=str), len(matches(answer))
    named = ask("ConceptMap/$translate", url=CONES, system=OWN, code="conization-loop-colposcopic")
    told["by the map of the README"] = matches(named)
    by_loop = {"attribute": "technique", "value": "loop"}
    several = terminology.translate(OWN, "conization", target_system=CPT, dependency=by_loop)
    told["conization by loop"] = [(m.relationship, m.concept and m.concept.code) for m in several.matches]
    concept = terminology.lookup(CPT, "57520")
    told["technique in Python"] = concept.values_of("technique")
    instance = ask("CodeSystem/cpt/$lookup", code="57520", property=["technique"])
    told["cpt#57520"] = properties(instance)["technique"]
    for code in ("57520", "57520:51", "57520-51", "57520:57520"):
        told[f"{code} is right"] = value(ask("CodeSystem/$validate-code", url=CPT, code=code), "result")
    for property_, chosen in (("technique", "loop"), ("isConization", "true"), ("seeAlso", "57522")):
        told[f"{property_} = {chosen}"] = filtered(terminology, CPT, property_, chosen)
    told["classes of AHRQ"] = filtered(terminology, PCS, "ahrqProcedureClass", "4")
    return told


def known_of(answer: Document, ours: list[str], concept: Document) -> Any:
    """What the supplement says, in an answer of $lookup."""
    by_code = {code: found for code, found in properties(answer).items() if code in ours}
    names = {value(node, "value") for node in values(answer, "designation")}
    expected = {designation["value"] for designation in concept.get("designation", ())}
    return by_code, expected - names, value(answer, "definition") if "definition" in concept else None


def filtered(terminology: Terminology, url: str, property_: str, chosen: str) -> list[str]:
    include = {"system": url, "filter": [{"property": property_, "op": "=", "value": chosen}]}
    parameters = {
        "resourceType": "Parameters",
        "parameter": [{"name": "valueSet", "resource": value_set("v", include)}],
    }
    expansion = terminology.ask("ValueSet/$expand", parameters)["expansion"]
    return sorted(entry["code"] for entry in expansion.get("contains", ()))


def asked(place: str = "") -> dict[str, Any]:
    with Terminology(store=place) as terminology:
        return answers(terminology)


@pytest.fixture(scope="module")
def fresh() -> dict[str, Any]:
    return asked()


def differences(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    assert before.keys() == after.keys()
    return {key: (before[key], after[key]) for key in before if before[key] != after[key]}


def test_every_question_of_the_pages_on_57520_is_asked(fresh: dict[str, Any]) -> None:
    pages = [path.read_text("utf-8") for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))]
    lines = {line.strip() for page in pages for block in BLOCK.findall(page) for line in block.splitlines()}
    spans = {span for page in pages for span in SPAN.findall(BLOCK.sub("", page))}
    assert {code for code in lines | spans if "57520" in code} == set(ON_PAGES)
    assert set(ON_PAGES.values()) <= set(fresh)


# -- imports -------------------------------------------------------------------------------------


def ten_thousand(folder: Path) -> Path:
    """A made-up CPT with the codes of the fragment among 10,000, and with modifiers."""
    release = folder / "cpt-2031"
    release.mkdir()
    known = sorted(codes_of(CPT))
    others = [f"{number:05}" for number in range(10_000, 20_000 - len(known))]
    rows = [f"{code} Made-up words for {code}" for code in sorted([*known, *others])]
    assert len(rows) == 10_000
    (release / "LONGULT.txt").write_text("\n".join(rows) + "\n", "utf-8")
    heads = "Code,General,PhysicalStatus,LevelOne,LevelTwo,HCPCS,Definition"
    (release / "modifiers.csv").write_text(
        f'{heads}\n"51","1",,"1",,,"Made-up"\n"59",,,"1",,,"Made-up"\n', "utf-8"
    )
    return release


def codes_of(url: str) -> set[str]:
    return set(_codes(FRAGMENTS[url]["concept"]))


def _codes(nodes: Iterable[Document]) -> Iterator[str]:
    for node in nodes:
        yield node["code"]
        yield from _codes(node.get("concept", ()))


def load(place: str, kind: str, path: Path) -> list[str]:
    writer = StoreWriter(store_at(place))
    try:
        outcomes = writer.load(KINDS[kind], [path], CollectingReporter())
        return [outcome.artifact.canonical for outcome in outcomes]
    finally:
        writer.close()


def withdraw(place: str, canonicals: list[str], how: str) -> None:
    writer = StoreWriter(store_at(place))
    try:
        for canonical in canonicals:
            assert getattr(writer, how)(canonical)
    finally:
        writer.close()


def test_a_licensed_CPT_keeps_what_we_know_of_it(fresh: dict[str, Any], tmp_path: Path) -> None:
    """The fragment only fills in where nothing is imported; the supplement applies to either."""
    place = str(tmp_path / "store")
    canonicals = load(place, "cpt", ten_thousand(tmp_path))
    assert differences(fresh, asked(place)) == {}
    with Terminology(store=place) as terminology:
        answer = terminology.ask("CodeSystem/$lookup", system=CPT, code="57520")
        assert value(answer, "display") == "Made-up words for 57520" and value(answer, "version") == "2031"
        sources = {
            value(node, "source") for node in values(answer, "property") if value(node, "code") == "technique"
        }
        assert sources == {"http://terminology.example.org/fhir/CodeSystem/cpt-supplement|0.1.0"}
        assert values(answer, "used-supplement") == [*sources]
        german = terminology.ask("CodeSystem/$lookup", system=CPT, code="10000")
        assert not any(value(node, "source") for node in values(german, "property"))
    withdraw(place, canonicals, "retire")
    assert differences(fresh, asked(place)) == {}
    withdraw(place, canonicals, "remove")
    assert differences(fresh, asked(place)) == {}


def test_every_system_with_a_supplement_keeps_it_when_it_is_imported(
    fresh: dict[str, Any], tmp_path: Path
) -> None:
    place = str(tmp_path / "store")
    writer = StoreWriter(store_at(place))
    for supplement in SUPPLEMENTS:
        url = supplement["supplements"]
        rows = [ConceptRow(code=code, display=f"Made-up words for {code}") for code in sorted(codes_of(url))]
        writer.load(importer_of((CodeSystemRelease("test", url, "2031"), rows)), [], CollectingReporter())
    writer.close()
    changed = differences(fresh, asked(place))
    assert changed == {}


def test_the_real_lists_of_CMS_change_no_answer(fresh: dict[str, Any], tmp_path: Path) -> None:
    """With ICD-10-PCS, ICD-10-CM, ICD-9-CM, MS-DRG and GEMs, and while each of them is retired and then removed.

    The server is open all the time, and notices each change at its next request.
    """
    place = str(tmp_path / "store")
    lists = [(kind, load(place, kind, path)) for kind, path in all_lists(tmp_path)]
    if GEM.exists():
        lists.append(("gem", load(place, "gem", GEM)))
    assert {kind for kind, _ in lists} == {"icd10pcs", "icd10cm", "icd9cm", "msdrg", "gem"}
    with Terminology(store=place) as terminology:
        assert differences(fresh, answers(terminology)) == {}
        for how in ("retire", "remove"):
            for kind, canonicals in lists:
                withdraw(place, canonicals, how)
                assert (how, kind, differences(fresh, answers(terminology))) == (how, kind, {})
    assert differences(fresh, asked(place)) == {}


def test_a_target_that_an_imported_map_names_as_well_is_answered_once(tmp_path: Path) -> None:
    place, url = str(tmp_path / "store"), "http://example.org/ConceptMap/all-of-it"
    release = MapRelease("test", url, "1", groups=[MapGroup(PCS, ICD9)])
    rows = [
        MapRow(source="0UBC7ZZ", target="67.2", relationship="related-to"),
        MapRow(source="0UBC7ZZ", target="67.39", relationship="equivalent"),
    ]
    writer = StoreWriter(store_at(place))
    writer.load(importer_of((release, rows)), [], CollectingReporter())
    writer.close()
    with Terminology(store=place) as terminology:
        answer = terminology.ask("ConceptMap/$translate", system=PCS, code="0UBC7ZZ", targetSystem=ICD9)
        origins = [(value(value_of(m), "code"), value(m, "originMap")) for m in values(answer, "match")]
        assert matches(answer) == [("67.39", "equivalent"), ("67.2", "related-to"), ("67.39", "related-to")]
        assert origins
        named = "http://terminology.example.org/fhir/ConceptMap/pcs-to-icd9-gem"
        alone = terminology.ask("ConceptMap/$translate", url=named, system=PCS, code="0UBC7ZZ")
        assert matches(alone) == [("67.2", "related-to"), ("67.39", "related-to")]


def value_of(match: Document) -> Document:
    return {"part": [{"name": "code", "valueCode": (value(match, "concept") or {}).get("code")}]}


def test_a_curated_supplement_that_a_request_names_is_applied_once() -> None:
    url = "http://terminology.example.org/fhir/CodeSystem/cpt-supplement"
    with Terminology() as terminology:
        plain = terminology.ask("CodeSystem/$lookup", system=CPT, code="57520")
        named = terminology.ask("CodeSystem/$lookup", system=CPT, code="57520", useSupplement=url)
        assert properties(plain) == properties(named)
        assert values(plain, "designation") == values(named, "designation")
