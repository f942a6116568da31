"""What the pages show: of each resource and operation, at every root, and to whom."""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
from lxml import html

from terminology import Settings, create_app
from terminology.core.model import Document
from terminology.wire import rest
from terminology.wire.exchange import Context, Request, Response
from terminology.wire.fhir_versions import RELEASES
from tests.support.authentication import api_key, auth_file
from tests.support.builders import code_system, concept, concept_map, tree, value_set
from tests.support.conization import CPT, OURS, PCS
from tests.support.hostile import ENDLESS, SCRIPT, URL, resources
from tests.support.pages import Reader, application, links, words

ROOT = Path(__file__).parents[2]
LOOP_AT_COLPOSCOPY = (
    f"ConceptMap/$translate?system={OURS}&sourceCode=conization-loop-colposcopic&targetSystem={CPT}"
)
ADDRESSES = {
    "start": "",
    "search": "?q=loop",
    "search for a code": "?q=57520",
    "search for nothing that is there": "?q=zzzzzz",
    "a list": "CodeSystem",
    "a list that is searched": "ConceptMap?title:contains=cpt",
    "a code system": "CodeSystem/cervical-conization",
    "a part of its hierarchy": "CodeSystem/cervical-conization?at=conization",
    "a search in it": "CodeSystem/cervical-conization?filter=loop",
    "a fragment": "CodeSystem/cpt",
    "a supplement": "CodeSystem/cpt-supplement",
    "a grammar": "CodeSystem/built-in-UCUM",
    "a value set": "ValueSet/conization-procedures",
    "a map": "ConceptMap/conization-to-cpt",
    "a map that is filtered": "ConceptMap/conization-to-icd-10-pcs?when.intent=diagnostic&relationship=no-map",
    "a naming system": "NamingSystem/cpt",
    "a concept": f"CodeSystem/$lookup?system={OURS}&code=conization",
    "a concept, by id": "CodeSystem/cpt/$lookup?code=57520",
    "an expression of a grammar": "CodeSystem/$lookup?system=http://unitsofmeasure.org&code=mg/dL",
    "a form to look up": "CodeSystem/$lookup",
    "a translation": LOOP_AT_COLPOSCOPY,
    "a translation in reverse": f"ConceptMap/$translate?targetCode=0UBC7ZX&targetSystem={PCS}",
    "a translation in R4's words": f"ConceptMap/$translate?system={OURS}&code=conization&targetsystem={CPT}",
    "a translation with conditions": f"ConceptMap/$translate?system={OURS}&sourceCode=conization&when.technique=loop",
    "a form to translate": "ConceptMap/$translate",
    "a validation": f"CodeSystem/$validate-code?url={CPT}&code=57520",
    "a form to validate": "ValueSet/$validate-code",
    "an expansion": f"ValueSet/$expand?url={OURS}?fhir_vs&count=5&offset=5",
    "a form to expand": "ValueSet/$expand",
    "a comparison": f"CodeSystem/$subsumes?system={OURS}&codeA=conization&codeB=conization-loop",
    "a form to compare": "CodeSystem/$subsumes",
    "conization": "conization",
    "versions to compare": "diff",
    "two versions": "diff?old=ConceptMap/conization-to-cpt&new=ConceptMap/conization-to-cpt",
    "a form for a sheet": "sheet",
    "licences": "licences",
    "capabilities": "metadata",
    "code systems in every version": "metadata?mode=terminology",
    "an answer without a page of its own": "$versions",
    "a history": "CodeSystem/cpt/_history",
}


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader(create_app().test_client())


def address_of(path: str, root: str = "r5") -> str:
    return f"/fhir/{root}{'' if path[:1] in ('', '?') else '/'}{path}"


# -- every page ----------------------------------------------------------------------------------


@pytest.mark.parametrize("root", ["r4", "r4b", "r5"])
@pytest.mark.parametrize("name", ADDRESSES)
def test_every_address_has_a_page_at_every_root(reader: Reader, name: str, root: str) -> None:
    page = reader.page(address_of(ADDRESSES[name], root))
    assert words(page.find(".//h1"))
    ids = page.xpath("//@id")
    assert len(ids) == len(set(ids)), "an id means one element"
    assert {label.get("for") for label in page.xpath("//label")} <= set(ids)
    current = page.xpath("//nav[@class='releases']/a[@aria-current]")
    assert [words(link) for link in current] == [RELEASES[root].name]


def test_pages_say_the_same_at_every_root(reader: Reader) -> None:
    for path in ("ConceptMap/conization-to-cpt", "CodeSystem/cpt", LOOP_AT_COLPOSCOPY):
        shown = {
            words(reader.page(address_of(path, root)).find_class("head")[0]) for root in ("r4", "r4b", "r5")
        }
        assert len(shown) == 1
    codes = [words(a) for a in reader.page(address_of(LOOP_AT_COLPOSCOPY, "r4")).xpath("//a[@class='code']")]
    assert codes == ["57461"]


def test_every_link_of_a_page_leads_to_a_page(reader: Reader) -> None:
    waiting = [
        address_of(path) for path in ("", "CodeSystem/cpt", "ConceptMap/conization-to-cpt", "conization")
    ]
    found = {link.split("#")[0] for address in waiting for link in links(reader.page(address))} - {""}
    local = sorted(link for link in found if link.startswith("/fhir/r5"))
    assert len(local) > 60
    broken = {
        link: a.status_code for link in local if (a := reader.answer(link)).status_code not in (200, 303)
    }
    assert broken == {}


def test_a_page_lets_no_script_and_no_style_in_but_its_own(reader: Reader) -> None:
    for path in ("", "CodeSystem/cpt", "none"):
        answer = reader.answer(address_of(path))
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy and "*" not in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        page = answer.get_data(as_text=True)
        assert not re.search(r"<script(?! src=)|<style|\sstyle=|\son[a-z]+=", page)


def test_the_files_of_pages_may_be_kept_by_browsers(reader: Reader) -> None:
    page = reader.page(address_of(""))
    files = page.xpath("//link/@href | //script/@src")
    assert len(files) == 3
    for file in files:
        answer = reader.client.get(file)
        assert answer.status_code == 200 and "immutable" in answer.headers["Cache-Control"]
        assert answer.content_type.split(";")[0] in ("text/css", "text/javascript", "image/svg+xml")
    for name in ("none.css", "../pages/site.py", "%2e%2e/site.py"):
        assert reader.client.get(f"/fhir/pages/{name}").status_code == 404


def test_a_page_is_asked_for_again_each_time(reader: Reader) -> None:
    answer = reader.answer(address_of("CodeSystem/cpt"))
    assert answer.headers["Cache-Control"] == "no-cache" and "ETag" not in answer.headers
    tag = reader.client.get(address_of("CodeSystem/cpt")).headers["ETag"]
    assert reader.answer(address_of("CodeSystem/cpt"), **{"If-None-Match": tag}).status_code == 200


def test_links_stay_below_the_place_where_the_application_is_mounted() -> None:
    client = create_app().test_client()
    reader = Reader(client)
    answer = client.get("/fhir/r5", headers={"Accept": "text/html"}, environ_overrides={"SCRIPT_NAME": "/tx"})
    assert answer.status_code == 200
    addresses = re.findall(r'(?:href|src|action)="(/[^"]*)"', answer.get_data(as_text=True))
    assert addresses and all(address.startswith("/tx/fhir") for address in addresses)
    assert reader.page("/fhir/r5") is not None


# -- the request behind a page -------------------------------------------------------------------


def test_the_request_behind_a_page_is_the_one_that_answers(reader: Reader) -> None:
    page = reader.page(address_of(LOOP_AT_COLPOSCOPY, "r4"))
    curl = next(code.text_content() for code in page.xpath("//div[@class='way']//code"))
    asked = re.search(r"http://localhost(\S+?)'", curl)
    assert asked is not None and asked[1].startswith("/fhir/r4/ConceptMap/$translate?")
    answer = reader.client.get(asked[1]).get_json()
    shown = json.loads(page.xpath("//pre[@class='answer']")[0].text_content())
    assert answer == shown and answer["parameter"][0] == {"name": "result", "valueBoolean": True}


@pytest.mark.parametrize(
    ("address", "fields"),
    [
        (
            "ConceptMap/$translate?system=S&code=C&targetsystem=T",
            {"system": "S", "sourceCode": "C", "targetSystem": "T"},
        ),
        ("ConceptMap/$translate?sourceSystem=S&sourceCode=C", {"system": "S", "sourceCode": "C"}),
        ("ConceptMap/$translate?sourceCoding=S|C", {"system": "S", "sourceCode": "C"}),
        ("ConceptMap/$translate?coding=S|C", {"system": "S", "sourceCode": "C"}),
        ("ConceptMap/$translate?targetCoding=T|C", {"targetSystem": "T", "sourceCode": ""}),
        ("CodeSystem/$validate-code?system=S&code=C", {"url": "S", "code": "C"}),
        ("CodeSystem/$validate-code?coding=S|C", {"url": "S", "code": "C"}),
        ("ValueSet/$validate-code?url=V&coding=S|C", {"url": "V", "system": "S", "code": "C"}),
        ("CodeSystem/$lookup?coding=S|C", {"system": "S", "code": "C"}),
        ("CodeSystem/$subsumes?codingA=S|A&codingB=S|B", {"system": "S", "codeA": "A", "codeB": "B"}),
    ],
)
@pytest.mark.parametrize("release", ["r4", "r5"])
def test_a_form_has_what_was_sent_under_any_name(
    reader: Reader, address: str, fields: dict[str, str], release: str
) -> None:
    page = html.fromstring(reader.answer(address_of(address, release)).get_data(as_text=True))
    (form,) = page.xpath("//form[contains(@class, 'try')]")
    assert {name: form.xpath(f".//input[@name='{name}']/@value") for name in fields} == {
        name: [value] for name, value in fields.items()
    }


def test_a_Coding_is_answered_as_its_system_and_code_are(reader: Reader) -> None:
    coding = f"ConceptMap/$translate?sourceCoding={OURS}|conization-loop-colposcopic&targetSystem={CPT}"
    for address in (LOOP_AT_COLPOSCOPY, coding):
        page = reader.page(address_of(address))
        assert [words(a) for a in page.xpath("//ul[@class='mappings']//a[@class='code']")] == ["57461"]
    compared = f"CodeSystem/$subsumes?codingA={OURS}|conization&codingB={OURS}|conization-loop"
    assert "it subsumes code B" in reader.text(address_of(compared))


def test_conditions_are_sent_as_dependencies(reader: Reader) -> None:
    base = f"ConceptMap/$translate?system={OURS}&sourceCode=conization&targetSystem={CPT}"
    page = reader.page(address_of(base))
    assert {s.get("name") for s in page.xpath("//fieldset//select")} == {
        "when.technique",
        "when.colposcopyGuided",
    }
    page = reader.page(address_of(f"{base}&when.technique=loop&when.colposcopyGuided=true"))
    assert [words(a) for a in page.xpath("//ul[@class='mappings']//a[@class='code']")] == ["57461"]
    curl = page.xpath("//div[@class='way']//code")[0].text_content()
    assert '"dependency"' in curl and "POST" not in curl.split("\n")[0]


def test_a_translation_is_explained(reader: Reader) -> None:
    page = reader.page(
        address_of(f"ConceptMap/$translate?system={OURS}&sourceCode=hysterectomy&targetSystem={CPT}")
    )
    text = words(page.get_element_by_id("main"))
    assert "No translation" in text and "A map says that it does not know yet." in text
    assert "Cervical conization to CPT does not have the code" in text
    assert "Cervical conization to ICD-10-PCS leads to another system" in text


@pytest.mark.parametrize(
    ("code", "verdict"), [("57520", "Valid"), ("57999", "Valid, with a warning"), ("x", "Not valid")]
)
def test_a_validation_has_one_word(reader: Reader, code: str, verdict: str) -> None:
    page = reader.page(address_of(f"CodeSystem/$validate-code?url={CPT}&code={code}"))
    assert words(page.get_element_by_id("result")) == verdict


# -- a hierarchy ---------------------------------------------------------------------------------


def test_a_search_asks_no_number_twice(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    requests: list[str] = []
    respond = rest.respond

    def watched(context: Context, request: Request) -> Response:
        requests.append(f"{request.method} {request.path} {request.query} {request.body}")
        return respond(context, request)

    monkeypatch.setattr(rest, "respond", watched)
    reader.text("/fhir/r5?q=something+new")
    assert len(requests) > 3 and len(requests) == len(set(requests))


def test_a_hierarchy_is_walked_page_by_page() -> None:
    children = [tree(f"b{number:03}") for number in range(120)]
    reader = Reader(
        application(code_system("walk", tree("a", *children), tree("z"), id="walk")).test_client()
    )
    top = reader.page("/fhir/r5/CodeSystem/walk")
    assert [words(a) for a in top.xpath("//ul[@class='concepts']//a[@class='code']")] == ["a", "z"]
    assert [a.get("href") for a in top.find_class("open")] == ["/fhir/r5/CodeSystem/walk?at=a"]
    seen: list[str] = []
    address = "/fhir/r5/CodeSystem/walk?at=a"
    while address:
        page = reader.page(address)
        seen += [words(a) for a in page.xpath("//ul[@class='concepts']//a[@class='code']")]
        address = next(iter(page.xpath("//a[@rel='next']/@href")), "")
    assert seen == [f"b{number:03}" for number in range(120)]


def test_a_top_of_one_concept_is_opened_at_once(reader: Reader) -> None:
    text = reader.text(address_of("CodeSystem/cervical-conization"))
    assert "Conization of cervix, technique not specified" in text


def test_a_code_system_without_hierarchy_lists_all_its_codes() -> None:
    flat = code_system("flat", *(f"c{number:02}" for number in range(70)), id="flat")
    page = Reader(application(flat).test_client()).page("/fhir/r5/CodeSystem/flat?offset=50")
    assert len(page.xpath("//ul[@class='concepts']/li")) == 20


@pytest.mark.parametrize(
    "query", ["offset=-1", "offset=x", "offset=9999999999999", "offset=٣", "at=none", "at=%00"]
)
def test_a_place_that_is_not_there_is_an_empty_page(reader: Reader, query: str) -> None:
    assert reader.text(address_of(f"CodeSystem/cpt?{query}"))


# -- concepts and maps ---------------------------------------------------------------------------


def test_a_concept_has_its_words_by_language_properties_and_maps(reader: Reader) -> None:
    text = reader.text(address_of(f"CodeSystem/$lookup?system={OURS}&code=conization"))
    for part in (
        "Konisation",
        "Conizaci\u00f3n",
        "is conization",
        "57520",
        "0UBC7ZX",
        "SNOMED International",
    ):
        assert part in text
    assert "What maps to it" in text


def test_what_maps_to_a_code_is_on_its_page(reader: Reader) -> None:
    text = reader.text(address_of(f"CodeSystem/$lookup?system={PCS}&code=0UBC7ZX"))
    part = text.partition("What maps to it")[2]
    assert "conization-loop" in part and "57520" in part


def test_the_licence_of_CPT_is_on_its_page(reader: Reader) -> None:
    assert "American Medical Association. All rights reserved" in reader.text(address_of("CodeSystem/cpt"))


def test_the_licence_of_CPT_is_found_from_the_start_page(reader: Reader) -> None:
    assert "/fhir/r5/licences" in links(reader.page(address_of("")))
    page = reader.page(address_of("licences?has=cpt"))
    cards = {words(card) for card in page.get_element_by_id("notices").find_class("card")}
    assert cards and all("American Medical Association" in card for card in cards)
    assert "No code system has this" in reader.text(address_of("licences?has=zzz"))
    assert "American Medical Association. All rights reserved" in reader.text(address_of("NamingSystem/cpt"))


def test_the_words_of_a_notice_find_it(reader: Reader) -> None:
    page = reader.page(address_of("licences?has=american medical"))
    assert "/fhir/r5/CodeSystem/cpt" in page.get_element_by_id("notices").xpath(".//a/@href")
    assert all("American Medical" in words(c) for c in page.get_element_by_id("notices").find_class("card"))


def test_the_licences_say_what_our_own_is_and_what_CPT_needs(reader: Reader) -> None:
    page = reader.page(address_of("licences"))
    cards = page.get_element_by_id("notices").find_class("card")
    for card in cards:
        inside = card.xpath(".//a/@href")
        is_cpt = "/fhir/r5/CodeSystem/cpt" in inside
        assert ("Using CPT needs the licence of the AMA" in words(card)) == is_cpt
        assert ("the licence of the project" in words(card)) == ("#project" in inside)
    assert any("#project" in card.xpath(".//a/@href") for card in cards)
    own = page.get_element_by_id("project").getparent()
    licence = (ROOT / "LICENSE").read_text(encoding="utf-8").partition("\n")[0]
    assert licence == "MIT License" and licence in words(own)
    row = next(r for r in (ROOT / "docs/content.md").read_text().splitlines() if "official descriptors" in r)
    assert "licensed by the AMA" in row and "mount your own AMA files" in row
    assert "mount your own AMA files" in words(page.get_element_by_id("notices"))


def test_the_bar_leads_to_conization_only_where_its_content_is(reader: Reader) -> None:
    def bar(reader: Reader) -> dict[str, str]:
        page = reader.page(address_of("CodeSystem"))
        return {words(a): a.get("href") for a in page.xpath("//nav[@class='kinds']//a")}

    assert bar(reader)["Licences"] == "/fhir/r5/licences"
    assert bar(reader)["Conization"] == "/fhir/r5/conization"
    assert bar(reader)["Broader?"] == "/fhir/r5/CodeSystem/$subsumes"
    assert "Conization" not in bar(Reader(application().test_client()))


@pytest.mark.parametrize("name", ADDRESSES)
def test_a_page_says_that_it_is_a_FHIR_answer_exactly_if_it_is_one(reader: Reader, name: str) -> None:
    address = address_of(ADDRESSES[name])
    is_claimed = "This page is a FHIR answer" in words(reader.page(address).find(".//footer"))
    answer = reader.client.get(address, headers={"Accept": "application/fhir+json"})
    is_form = answer.status_code == 400  # an operation without its parameters is refused as FHIR
    assert is_claimed == (is_form or answer.status_code == 200)


@pytest.mark.parametrize(
    ("path", "right"),
    [
        ("CodeSystem/$lookup?system=http://snomed.info/sct/&code=54535009", "http://snomed.info/sct"),
        (f"ConceptMap/$translate?system={CPT.upper()}&sourceCode=57520", CPT),
        ("CodeSystem/$lookup?system=http://loinc.org&code=65753_6", "65753-6"),
    ],
)
def test_a_value_that_was_perhaps_meant_is_a_link_that_asks_with_it(
    reader: Reader, path: str, right: str
) -> None:
    (link,) = reader.page(address_of(path), 404).xpath("//li[contains(@class, 'issue')]//a")
    assert words(link) == right
    asked = dict(parse_qsl(urlsplit(link.get("href")).query))
    before = dict(parse_qsl(urlsplit(path).query))
    assert [value for name, value in asked.items() if before[name] != value] == [right]


def test_a_page_leads_to_the_request_that_is_behind_it(reader: Reader) -> None:
    page = reader.page(address_of("conization"))
    assert "#behind" in links(page) and page.get_element_by_id("behind") is not None


def test_a_map_is_filtered_by_both_ends_relationship_and_what_is_known() -> None:
    rows: list[Document] = [
        {"code": "a", "target": [{"code": "x", "relationship": "equivalent"}]},
        {
            "code": "b",
            "display": "Bee",
            "target": [
                {
                    "code": "y",
                    "relationship": "related-to",
                    "dependsOn": [{"attribute": "http://x/w", "valueCode": "v"}],
                }
            ],
        },
        {"code": "c", "noMap": True},
    ]
    reader = Reader(application(concept_map("m", "s", "t", rows, id="m")).test_client())

    def sources(query: str) -> list[str]:
        page = reader.page(f"/fhir/r5/ConceptMap/m?{query}")
        return [words(row.find(".//a")) for row in page.xpath("//table[contains(@class, 'mapped')]/tbody/tr")]

    assert sources("") == ["a", "b", "c"]
    assert sources("source=BEE") == ["b"]
    assert sources("target=x") == ["a"]
    assert sources("relationship=no-map") == ["c"]
    assert sources("when.w=v") == ["a", "b", "c"]
    assert sources("when.w=other") == ["a", "c"]
    assert sources("source=none") == []


def test_a_value_set_shows_its_definition_and_its_codes() -> None:
    codes = code_system("c", tree("a", tree("b")), id="c")
    chosen = value_set(
        "v",
        {"system": "http://example.org/c", "filter": [{"property": "concept", "op": "is-a", "value": "a"}]},
        exclude=[{"system": "http://example.org/c", "concept": [concept("b")]}],
        id="v",
    )
    page = Reader(application(codes, chosen).test_client()).page("/fhir/r5/ValueSet/v")
    text = words(page.get_element_by_id("main"))
    assert "concept is a kind of a" in text and "Without" in text
    assert [words(a) for a in page.xpath("//*[@id='listed']//a[@class='code']")] == ["a"]


def test_an_instance_of_one_canonical_is_found_by_it(reader: Reader) -> None:
    answer = reader.answer(address_of(f"CodeSystem?url={OURS}"))
    assert (answer.status_code, answer.headers["Location"]) == (
        303,
        "/fhir/r5/CodeSystem/cervical-conization",
    )
    assert reader.text(address_of("CodeSystem?url=http://none")).count("There are none")


# -- errors --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "status", "text"),
    [
        ("CodeSystem/none", 404, "none"),
        ("Patient/1", 404, "Patient"),
        (f"CodeSystem/$lookup?system={CPT}&code=none", 404, "none"),
        ("CodeSystem/$lookup?system=http://none&code=x", 404, "http://none"),
        (f"CodeSystem/$lookup?system={CPT}&code=57520&version=1", 404, "1"),
        ("ValueSet/$expand?url=http://none", 404, "http://none"),
        ("ConceptMap/$translate?sourceCode=x", 400, "system"),
        (f"CodeSystem/$subsumes?system={OURS}&codeA=none&codeB=conization", 404, "none"),
        ("CodeSystem?_sort=none", 400, "none"),
        ("$nothing", 404, "nothing"),
    ],
)
def test_an_error_says_what_is_wrong_in_the_words_of_FHIR(
    reader: Reader, path: str, status: int, text: str
) -> None:
    page = reader.page(address_of(path, "r4"), status)
    issues = reader.client.get(address_of(path, "r4")).get_json()["issue"]
    shown = [words(issue) for issue in page.find_class("issue")]
    assert text in "".join(shown)
    for issue, said in zip(issues, shown, strict=True):
        assert " ".join(issue["details"]["text"].split()) in said


def test_what_the_service_can_do_is_what_it_states(reader: Reader) -> None:
    text = reader.text(address_of("metadata"))
    for kind in ("CodeSystem", "ValueSet", "ConceptMap", "NamingSystem"):
        assert kind in text
    assert "$translate" in text and "title" in text
    versions = reader.text(address_of("metadata?mode=terminology"))
    assert f"{CPT} 2026" in versions
    assert "none" in reader.text(address_of("metadata?mode=none"), 400)


# -- hostile content -----------------------------------------------------------------------------

HOSTILE = [
    "CodeSystem/hostile",
    "CodeSystem/hostile?at=top",
    "ValueSet/hostile-set",
    "ConceptMap/hostile-map",
    "NamingSystem/hostile-name",
]


@pytest.mark.parametrize(
    "path", [*HOSTILE, f"?q={SCRIPT}", "CodeSystem?title:contains=script", f"CodeSystem/{SCRIPT}"]
)
def test_hostile_content_makes_no_element(path: str) -> None:
    reader = Reader(application(*resources()).test_client())
    answer = reader.answer(address_of(path))
    page = answer.get_data(as_text=True)
    assert "<script>" not in page and "<img" not in page
    document = reader.page(address_of(path), answer.status_code)
    assert not document.xpath("//@onerror | //@onfocus | //@autofocus")
    assert not [link for link in links(document) if link.startswith("javascript:")]


def test_an_endless_text_is_cut_in_lists_and_whole_on_its_page() -> None:
    reader = Reader(application(*resources()).test_client())
    listed = reader.answer("/fhir/r5/CodeSystem/hostile?filter=endless").get_data(as_text=True)
    assert listed.count("endless") < 14_000, "the copyright alone is whole"
    concept_page = Reader(reader.client).page(
        address_of(f"CodeSystem/$lookup?system={URL.replace(' ', '%20')}&code=top")
    )
    assert ENDLESS.strip() in words(concept_page.find(".//h1"))


# -- rights and licences -------------------------------------------------------------------------


def test_a_page_shows_nobody_what_the_user_may_not_read(tmp_path: Path) -> None:
    key, entry = api_key("reader", "system/*.rs")
    path = auth_file(tmp_path, keys=[entry], anonymous=["system/CodeSystem.rs"])
    reader = Reader(create_app(Settings(environment={}, data="", auth=path)).test_client())
    text = reader.text(address_of("CodeSystem/cervical-conization"))
    assert "Cervical conization" in text and "Maps from here" not in text
    assert "conization-loop" not in text, "codes are listed by an operation of ValueSet"
    concept_page = reader.text(address_of(f"CodeSystem/$lookup?system={OURS}&code=conization"))
    assert "No map here has this code" in concept_page and "Loop cone of the cervix" not in concept_page
    for path_ in ("ConceptMap/conization-to-cpt", LOOP_AT_COLPOSCOPY, "ValueSet", "NamingSystem/cpt"):
        refused = reader.page(address_of(path_), 401)
        assert "57461" not in words(refused) and refused.find_class("issue")
        assert reader.answer(address_of(path_)).headers["WWW-Authenticate"], "as JSON has it"
    known = Reader(reader.client, {"X-API-Key": key})
    assert "57461" in known.text(address_of("ConceptMap/conization-to-cpt"))
    assert "57461" in known.text(address_of("conization"))
    assert "57461" not in reader.text(address_of("conization")), "nothing is kept for another user"
    answer = reader.answer(address_of("CodeSystem/cpt"))
    assert answer.headers["Cache-Control"].startswith("private")
    assert "X-API-Key" in answer.get_data(as_text=True)


def test_a_search_says_what_the_user_may_not_search(tmp_path: Path) -> None:
    """An empty list would read as an answer."""
    key, entry = api_key("reader", "system/*.rs")
    path = auth_file(tmp_path, keys=[entry], anonymous=["system/ConceptMap.rs"])
    reader = Reader(create_app(Settings(environment={}, data="", auth=path)).test_client())
    text = reader.text(address_of("?q=conization"))
    assert "may not search the code systems, value sets, naming systems here" in text
    assert "may not search" not in Reader(reader.client, {"X-API-Key": key}).text(address_of("?q=conization"))
    for wrong in ({"X-API-Key": "bad"}, {"Authorization": "Bearer bad"}):
        refused = Reader(reader.client, wrong).page(address_of("?q=conization"), 401)
        assert "Nothing here" not in words(refused) and refused.find_class("issue")


@pytest.mark.parametrize("root", ["r4", "r5"])
def test_a_right_below_one_root_opens_no_page_below_another(tmp_path: Path, root: str) -> None:
    scopes = [f"{root}:system/CodeSystem.rs", f"{root}:system/ValueSet.rs", f"{root}:system/ConceptMap.rs"]
    settings = Settings(environment={}, data="", auth=auth_file(tmp_path, anonymous=scopes))
    reader = Reader(create_app(settings).test_client())
    for other in ("r4", "r4b", "r5"):
        status = 200 if other == root else 401
        for path in ("CodeSystem/cpt", "ConceptMap/conization-to-cpt", LOOP_AT_COLPOSCOPY, "ValueSet"):
            page = reader.page(address_of(path, other), status)
            fhir = reader.client.get(address_of(path, other))
            assert fhir.status_code == status
            assert ("Loop cone" in words(page)) <= (status == 200)


def test_a_page_shows_no_text_that_a_licence_keeps_back(tmp_path: Path) -> None:
    licences = tmp_path / "licences.json"
    entry: Document = {"system": CPT, "policy": "codes", "licence": "a licence", "notice": "Notice of CPT"}
    licences.write_text(json.dumps({"licences": [entry]}))
    reader = Reader(create_app(Settings(environment={}, data="", licences=licences)).test_client())
    open_reader = Reader(create_app(Settings(environment={}, data="")).test_client())
    words_of_cpt = "Loop cone of the cervix taken during colposcopy"
    for path in (
        f"CodeSystem/$lookup?system={CPT}&code=57461",
        "CodeSystem/cpt",
        "CodeSystem/cpt?filter=57461",
        "ConceptMap/conization-to-cpt",
        f"CodeSystem/$lookup?system={OURS}&code=conization-loop-colposcopic",
        LOOP_AT_COLPOSCOPY,
        "conization",
        "?q=57461",
    ):
        page = reader.answer(address_of(path)).get_data(as_text=True)
        assert "57461" in page and words_of_cpt not in page, path
        assert words_of_cpt in open_reader.answer(address_of(path)).get_data(as_text=True), path
    for path in (f"CodeSystem/$lookup?system={CPT}&code=57461", "CodeSystem/cpt", LOOP_AT_COLPOSCOPY):
        assert "Notice of CPT" in reader.text(address_of(path))


# -- content that changes ------------------------------------------------------------------------


def test_what_is_kept_for_pages_goes_with_the_content(tmp_path: Path) -> None:
    key, entry = api_key("writer", "system/*.cruds")
    settings = Settings(
        environment={},
        bundled=False,
        data="",
        store=str(tmp_path / "store"),
        writes=True,
        auth=auth_file(tmp_path, keys=[entry], anonymous=["system/*.rs"]),
    )
    client = create_app(settings).test_client()
    reader = Reader(client)
    for title, codes in (("First", ["a"]), ("Second", ["a", "b"])):
        written = code_system("w", *(concept(code, f"{title} {code}") for code in codes), id="w", title=title)
        answer = client.put("/fhir/r5/CodeSystem/w", json=written, headers={"X-API-Key": key})
        assert answer.status_code in (200, 201), answer.get_data(as_text=True)
        page = reader.page("/fhir/r5/CodeSystem/w")
        assert words(page.find(".//h1")) == title
        assert [words(a) for a in page.xpath("//*[@id='listed']//a[@class='code']")] == codes
        assert title in reader.text("/fhir/r5/CodeSystem")
    assert client.delete("/fhir/r5/CodeSystem/w", headers={"X-API-Key": key}).status_code in (200, 204)
    assert reader.answer("/fhir/r5/CodeSystem/w").status_code in (404, 410)
