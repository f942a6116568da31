"""Answers that public reports and generated questions found wrong, kind by kind, in R4 and R5."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest

from terminology import Terminology, TerminologyError
from tests.support.asking import value
from tests.support.builders import BASE, body_of, code_system, concept, tx_resource, value_set
from tests.support.engine import catalogue_of
from tests.support.pets import Json, of, read, several, text

SERVER = Terminology(catalogue=catalogue_of([]))
DOUGH = f"{BASE}/dough"
Ask = Callable[..., Json]


@pytest.fixture(params=["r4", "r5"])
def ask(request: pytest.FixtureRequest) -> Ask:
    """Asks an operation with some resources beside the parameters."""

    def asked(operation: str, resources: list[Json], *parameters: Json, **values: Any) -> Json:
        named = [text(name.replace("_", "-"), value) for name, value in values.items()]
        body = body_of(*parameters, *named, *map(tx_resource, resources))
        return SERVER.ask(operation, body, release=request.param)

    return asked


def codes_of(expansion: Json) -> list[str]:
    return [entry["code"] for entry in expansion["expansion"].get("contains", [])]


def texts_of(answer: Json) -> list[str]:
    """The texts of all issues of an answer."""
    outcomes = [part["resource"] for part in answer["parameter"] if part["name"] == "issues"]
    return [issue["details"]["text"] for outcome in outcomes for issue in outcome["issue"]]


# -- case ----------------------------------------------------------------------------------------

ANY_DOUGH = code_system(
    DOUGH,
    concept("Sour", "Sour dough", concept("Rye", "Rye dough")),
    concept("plain", "Plain"),
    concept("PLAIN", "Loud"),
    version="1",
)


@pytest.mark.parametrize(
    ("code", "display", "normal"),
    [
        ("Sour", "Sour dough", None),
        ("SOUR", "Sour dough", "Sour"),
        ("plain", "Plain", None),
        ("PLAIN", "Loud", None),
        ("Plain", "Plain", "plain"),
    ],
)
@pytest.mark.parametrize("operation", ["CodeSystem/$validate-code", "ValueSet/$validate-code"])
def test_a_code_in_another_case_is_right_unless_case_matters(
    ask: Ask, operation: str, code: str, display: str, normal: str | None
) -> None:
    all_doughs = value_set("doughs", {"system": DOUGH})
    url = {"url": DOUGH} if operation.startswith("Code") else {"url": all_doughs["url"], "system": DOUGH}
    answer = read(ask(operation, [ANY_DOUGH, all_doughs], code=code, **url))
    assert (answer["result"], answer["display"]) == (True, display)
    assert answer.get("normalized-code") == normal
    assert answer.get("issues", []) == (["information code-rule code"] if normal else [])


def test_the_note_on_case_says_how_the_code_is_written(ask: Ask) -> None:
    answer = ask("CodeSystem/$validate-code", [ANY_DOUGH], url=DOUGH, code="SOUR")
    assert texts_of(answer) == [
        f"The code 'SOUR' differs from the correct code 'Sour' by case. The code system '{DOUGH}|1' does "
        "not say whether case matters; use 'Sour'"
    ]


def test_lookup_and_subsumes_accept_another_case(ask: Ask) -> None:
    found = ask("CodeSystem/$lookup", [ANY_DOUGH], system=DOUGH, code="sour")
    assert (value(found, "code"), value(found, "display")) == ("Sour", "Sour dough")
    answer = ask("CodeSystem/$subsumes", [ANY_DOUGH], system=DOUGH, codeA="SOUR", codeB="rye")
    assert read(answer)["outcome"] == "subsumes"


@pytest.mark.parametrize(
    ("listed", "code", "result"),
    [("sour", "Sour", True), ("Sour", "SOUR", True), ("PLAIN", "plain", False), ("plain", "Plain", True)],
)
def test_a_listed_code_is_the_concept_that_it_means(ask: Ask, listed: str, code: str, result: bool) -> None:
    some = value_set("some", {"system": DOUGH, "concept": [{"code": listed}]})
    answer = ask("ValueSet/$validate-code", [ANY_DOUGH, some], url=some["url"], system=DOUGH, code=code)
    assert read(answer)["result"] is result


def test_filters_accept_another_case(ask: Ask) -> None:
    below = value_set(
        "below", {"system": DOUGH, "filter": [{"property": "concept", "op": "is-a", "value": "SOUR"}]}
    )
    expansion = ask(
        "ValueSet/$expand",
        [ANY_DOUGH, below],
        {"name": "excludeNested", "valueBoolean": True},
        url=below["url"],
    )
    assert codes_of(expansion) == ["Sour", "Rye"]


def test_case_counts_where_the_code_system_says_so(ask: Ask) -> None:
    exact = ANY_DOUGH | {"caseSensitive": True}
    assert read(ask("CodeSystem/$validate-code", [exact], url=DOUGH, code="SOUR"))["result"] is False


# -- one coding of several -----------------------------------------------------------------------

BIN, LOAF = f"{BASE}/bin", f"{BASE}/loaf"
BINS = code_system(BIN, concept("b1"), concept("b2"), version="1")
LOAVES = code_system(LOAF, concept("Rye", "Rye loaf"), version="1")
BAKERY = Terminology(catalogue=catalogue_of([BINS | {"id": "bins"}, LOAVES | {"id": "loaves"}]))


@pytest.mark.parametrize(
    ("codings", "result"),
    [
        ([of("Brick", LOAF), of("b2", BIN)], True),
        ([of("x", f"{BASE}/nowhere"), of("b2", BIN)], True),
        ([of("Rye", LOAF), of("b9", BIN)], False),
        ([of("Rye", LOAF)], False),
        ([of("b9", BIN), of("b2", BIN)], True),
        ([of("b2", BIN, version="9"), of("b1", BIN)], True),
        ([of("b9", BIN), of("b8", BIN)], False),
        ([{"code": "b2"}], True),
    ],
)
@pytest.mark.parametrize("form", ["type", "instance", "inline", "sent"])
@pytest.mark.parametrize("release", ["r4", "r4b", "r5"])
def test_a_code_system_judges_its_own_codings(
    release: str, form: str, codings: list[Json], result: bool
) -> None:
    """One coding that is in the code system is enough; a client may send the code system or name it."""
    parts = {
        "type": [text("url", BIN)],
        "instance": [],
        "inline": [{"name": "codeSystem", "resource": BINS}],
        "sent": [text("url", BIN), tx_resource(BINS)],
    }[form]
    server = SERVER if form in ("inline", "sent") else BAKERY
    operation = "CodeSystem/bins/$validate-code" if form == "instance" else "CodeSystem/$validate-code"
    answer = server.ask(operation, body_of(*parts, several(*codings)), release=release)
    assert read(answer)["result"] is result


def test_what_is_wrong_with_another_coding_is_a_warning() -> None:
    wrong = of("b9", BIN)
    answer = read(
        BAKERY.ask("CodeSystem/$validate-code", body_of(text("url", BIN), several(wrong, of("b2", BIN))))
    )
    assert answer["issues"] == ["warning invalid-code CodeableConcept.coding[0].code"]
    assert answer["code"] == "b2"


def test_codings_of_other_systems_alone_are_refused_by_name(ask: Ask) -> None:
    answer = ask("CodeSystem/$validate-code", [BINS, LOAVES], several(of("Rye", LOAF)), url=BIN)
    assert texts_of(answer) == [f"The CodeableConcept has no coding of the CodeSystem '{BIN}'"]


def test_a_coding_of_another_system_is_no_code_of_this_one() -> None:
    """``coding`` and a codeableConcept with nothing else are answered alike; two parameters must agree."""
    for release, operation in product(("r4", "r4b", "r5"), ("CodeSystem/bins/$validate-code", "url")):
        url = [text("url", BIN)] if operation == "url" else []
        operation = "CodeSystem/$validate-code" if operation == "url" else operation
        coding = {"name": "coding", "valueCoding": of("Rye", LOAF)}
        answer = BAKERY.ask(operation, body_of(*url, coding), release=release)
        assert texts_of(answer) == [f"The coding is of the CodeSystem '{LOAF}', not of '{BIN}'"]
        assert read(answer)["issues"] == ["error invalid-code Coding.system"]
        assert {k: read(answer)[k] for k in ("result", "code", "system")} == {
            "result": False,
            "code": "Rye",
            "system": LOAF,
        }


# -- messages ------------------------------------------------------------------------------------


def test_no_message_names_a_version_that_there_is_not(ask: Ask) -> None:
    part = code_system("part", concept("a"), content="fragment")
    answer = ask("CodeSystem/$validate-code", [part], url=part["url"], code="b")
    text_ = f"Unknown Code 'b' in the CodeSystem '{part['url']}' - note that"
    assert texts_of(answer)[0].startswith(text_)
    assert refused(ask, "CodeSystem/$lookup", [part], system=part["url"], code="b").startswith(text_)


def test_a_version_that_is_not_here_is_the_one_that_is_named(ask: Ask) -> None:
    """The include pins version 9; the coding has version 1, which is here."""
    listing = value_set(
        "listing", {"system": BIN, "version": "9", "concept": [{"code": "b1"}, {"code": "q"}]}
    )
    parameters = text("url", listing["url"])
    missing = (
        f"A definition for CodeSystem '{BIN}' version '9' could not be found, so the code cannot be validated"
    )
    for version, result in (("1", False), ("9", True), (None, True)):
        coding = {"name": "coding", "valueCoding": of("b1", BIN, **({"version": version} if version else {}))}
        answer = ask("ValueSet/$validate-code", [BINS, listing], parameters, coding)
        assert read(answer)["result"] is result
        about = [t for t in texts_of(answer) if t.startswith(missing)]
        assert len(about) == 1
        assert about[0].endswith("because the value set lists it") is result


def test_a_deprecated_concept_has_the_message_of_its_id(ask: Ask) -> None:
    status = {"code": "status", "uri": "http://hl7.org/fhir/concept-properties#status", "type": "code"}
    old = {"code": "crust", "property": [{"code": "status", "valueCode": "deprecated"}]}
    stale = code_system("stale", old, property=[status])
    answer = ask("CodeSystem/$validate-code", [stale], url=stale["url"], code="crust")
    assert texts_of(answer) == ["The concept 'crust' is deprecated and its use should be reviewed"]


PICKS = value_set("picks", {"system": BIN, "concept": [{"code": "b1"}]}, version="1")


@pytest.mark.parametrize("operation", ["CodeSystem/$validate-code", "ValueSet/$validate-code"])
def test_the_version_of_an_unknown_system_is_named(ask: Ask, operation: str) -> None:
    nowhere = f"{BASE}/nowhere"
    url = [text("url", PICKS["url"])] if operation.startswith("Value") else []
    coding = {"name": "coding", "valueCoding": of("b1", nowhere, version="7.3")}
    answer = ask(operation, [BINS, PICKS], *url, coding)
    name = "x-unknown-system" if url else "x-caused-by-unknown-system"
    assert read(answer)[name] == nowhere
    assert (
        f"A definition for CodeSystem '{nowhere}' version '7.3' could not be found, so the code cannot be "
        "validated. No versions of this code system are known"
    ) in texts_of(answer)


@pytest.mark.parametrize("operation", ["CodeSystem/$validate-code", "ValueSet/$validate-code"])
def test_a_system_that_is_a_value_set_is_wrong_not_unknown(ask: Ask, operation: str) -> None:
    url = [text("url", PICKS["url"])] if operation.startswith("Value") else []
    coding = {"name": "coding", "valueCoding": of("b1", PICKS["url"])}
    answer = read(ask(operation, [BINS, PICKS], *url, coding))
    assert answer["result"] is False
    assert not {"x-unknown-system", "x-caused-by-unknown-system"} & answer.keys()


# -- the version of a value set ------------------------------------------------------------------

LATER = value_set("picks", {"system": BIN, "concept": [{"code": "b2"}]}, version="2")


@pytest.mark.parametrize("version", ["1", "2"])
def test_version_is_that_of_the_value_set_where_codings_have_theirs(ask: Ask, version: str) -> None:
    url, which = text("url", PICKS["url"]), text("version", version)
    for part in (several(of("b1", BIN)), {"name": "coding", "valueCoding": of("b1", BIN)}):
        answer = read(ask("ValueSet/$validate-code", [BINS, PICKS, LATER], url, which, part))
        assert answer["result"] is (version == "1")


def test_version_is_that_of_the_code_where_it_stands_beside_one(ask: Ask) -> None:
    later = BINS | {"version": "2", "id": "bins-2"}
    answer = ask(
        "ValueSet/$validate-code", [BINS, later, PICKS], url=PICKS["url"], system=BIN, code="b1", version="1"
    )
    assert read(answer)["version"] == "1"


# -- the rules of a value set --------------------------------------------------------------------

RULED = code_system(
    "ruled",
    {"code": "old", "property": [{"code": "inactive", "valueBoolean": True}]},
    {"code": "group", "property": [{"code": "notSelectable", "valueBoolean": True}]},
    property=[
        {"code": name, "type": "boolean", "uri": f"http://hl7.org/fhir/concept-properties#{name}"}
        for name in ("inactive", "notSelectable")
    ],
)
ACTIVE = value_set("active", {"system": BIN}, compose={"inactive": False})


@pytest.mark.parametrize(
    ("rule", "url", "code"),
    [
        ([{"name": "activeOnly", "valueBoolean": True}], f"{BASE}/vs/all", "old"),
        ([], ACTIVE["url"], "old"),
        ([{"name": "abstract", "valueBoolean": False}], f"{BASE}/vs/all", "group"),
    ],
)
def test_the_rules_of_a_value_set_judge_its_members_only(
    ask: Ask, rule: list[Json], url: str, code: str
) -> None:
    """A coding that a rule leaves out is no member, which is no error where another coding is one."""
    resources = [BINS, RULED, ACTIVE, value_set("all", {"system": BIN})]
    codings = several(of("b1", BIN), of(code, RULED["url"]))
    assert read(ask("ValueSet/$validate-code", resources, text("url", url), codings, *rule))["result"] is True
    also = value_set(url, {"system": BIN}, {"system": RULED["url"]}, compose=_rule_of(url))
    resources = [BINS, RULED, also]
    for order in (1, -1):
        two = [of("b1", BIN), of(code, RULED["url"])][::order]
        answer = read(ask("ValueSet/$validate-code", resources, text("url", url), several(*two), *rule))
        assert (answer["result"], answer["code"]) == (True, "b1")
        place = two.index(of(code, RULED["url"]))
        assert f"warning code-rule CodeableConcept.coding[{place}].code" in answer["issues"]
    for wrong in ([], [of("b9", BIN)]):
        left_out = several(*wrong, of(code, RULED["url"]))
        answer = read(ask("ValueSet/$validate-code", resources, text("url", url), left_out, *rule))
        assert answer["result"] is False
        assert f"error code-rule CodeableConcept.coding[{len(wrong)}].code" in answer["issues"]


def _rule_of(url: str) -> Json:
    return {"inactive": False} if url == ACTIVE["url"] else {}


def test_a_coding_without_version_is_tried_against_each_include(ask: Ask) -> None:
    plain = code_system("plain", concept("a", "Alpha"))
    some = value_set("some", {"system": plain["url"]}, {"system": plain["url"], "version": "9.9"})
    coding = {"name": "coding", "valueCoding": of("a", plain["url"])}
    assert read(ask("ValueSet/$validate-code", [plain, some], text("url", some["url"]), coding))["result"]


def test_an_include_that_cannot_be_read_is_named_where_it_matters(ask: Ask) -> None:
    some = value_set("some", {"system": BIN, "version": "1"}, {"system": BIN, "version": "9.9"})
    resources, url = [BINS, some], text("url", some["url"])
    for code, result, missing in (("b1", True, None), ("b9", False, f"{BIN}|9.9")):
        coding = {"name": "coding", "valueCoding": of(code, BIN)}
        answer = read(ask("ValueSet/$validate-code", resources, url, coding))
        assert (answer["result"], answer.get("x-caused-by-unknown-system")) == (result, missing)


# -- displays ------------------------------------------------------------------------------------

NAMES = f"{BASE}/names"


def names(*designations: Json, display: str | None = None, **elements: Any) -> Json:
    return code_system(NAMES, concept("a", display, designation=list(designations)), **elements)


def displays_in(ask: Ask, *resources: Json, **values: str) -> list[str | None]:
    """The display of the code 'a' in each operation; the last resource is the value set."""
    url = {"url": resources[-1]["url"]} | values
    looked_up = ask("CodeSystem/$lookup", list(resources), system=NAMES, code="a", **values)
    expansion = ask("ValueSet/$expand", list(resources), **url)
    in_system = ask("CodeSystem/$validate-code", list(resources), code="a", **(url | {"url": NAMES}))
    in_set = ask("ValueSet/$validate-code", list(resources), system=NAMES, code="a", **url)
    return [
        value(looked_up, "display"),
        expansion["expansion"]["contains"][0].get("display"),
        read(in_system).get("display"),
        read(in_set).get("display"),
    ]


ALL_NAMES = value_set("names", {"system": NAMES})


def test_a_concept_without_a_display_is_shown_by_a_designation(ask: Ask) -> None:
    assert displays_in(ask, names({"value": "Beta"}), ALL_NAMES) == ["Beta"] * 4
    german = names({"value": "Beta", "language": "de"})
    assert displays_in(ask, german, ALL_NAMES, displayLanguage="fr") == ["Beta"] * 4


def test_a_designation_of_a_value_set_needs_its_language(ask: Ask) -> None:
    listed = {"code": "a", "designation": [{"language": "de", "value": "Leber"}]}
    some = value_set("some", {"system": NAMES, "concept": [listed]})
    assert displays_in(ask, names(display="Liver"), some) == ["Liver"] * 4
    assert displays_in(ask, names(display="Liver"), some, displayLanguage="de")[1::2] == ["Leber"] * 2


OWN = value_set("own", {"system": NAMES, "concept": [{"code": "a", "display": "Organ"}]})
INNER = {"valueSet": [OWN["url"]]}


@pytest.mark.parametrize(
    "includes",
    [
        [{"system": NAMES}, OWN["compose"]["include"][0]],
        [OWN["compose"]["include"][0], {"system": NAMES}],
        [{"system": NAMES}, INNER],
        [{"system": NAMES, **INNER}],
        [{"valueSet": [ALL_NAMES["url"], OWN["url"]]}],
    ],
)
def test_the_display_that_a_value_set_states_wins(ask: Ask, includes: list[Json]) -> None:
    outer = value_set("outer", *includes)
    resources = [names(display="Liver"), ALL_NAMES, OWN, outer]
    assert displays_in(ask, *resources)[1::2] == ["Organ"] * 2
    answer = ask(
        "ValueSet/$validate-code", resources, url=outer["url"], system=NAMES, code="a", display="Organ"
    )
    assert read(answer)["result"] is True


def test_a_designation_has_the_language_of_its_resource(ask: Ask) -> None:
    pack = code_system("pack", content="supplement", supplements=NAMES, language="fr") | {
        "concept": [{"code": "a", "designation": [{"value": "foie"}]}]
    }
    english = names(display="Liver", language="en")
    shown = displays_in(ask, english, pack, ALL_NAMES, displayLanguage="fr", useSupplement=pack["url"])
    assert shown == ["foie"] * 4


def test_lookup_names_the_usual_display_beside_another(ask: Ask) -> None:
    bread = names({"language": "de", "value": "Brötchen"}, display="Roll")
    answer = ask("CodeSystem/$lookup", [bread], system=NAMES, code="a", displayLanguage="de")
    designations = [part["part"] for part in answer["parameter"] if part["name"] == "designation"]
    texts = [p["valueString"] for parts in designations for p in parts if p["name"] == "value"]
    assert (value(answer, "display"), texts) == ("Brötchen", ["Roll", "Brötchen"])


@pytest.mark.parametrize(
    ("display", "result", "version", "shown"),
    [
        ("First", True, "1", "First"),
        ("Later", True, "2", "Later"),
        ("Never", False, "2", "Later"),
        (None, True, "2", "Later"),
    ],
)
def test_of_two_versions_the_one_with_the_display_answers(
    ask: Ask, display: str | None, result: bool, version: str, shown: str
) -> None:
    systems = [names(display="First", version="1", id="n1"), names(display="Later", version="2", id="n2")]
    both = value_set("both", {"system": NAMES, "version": "1"}, {"system": NAMES, "version": "2"})
    more = {} if display is None else {"display": display}
    answer = read(
        ask("ValueSet/$validate-code", [*systems, both], url=both["url"], system=NAMES, code="a", **more)
    )
    assert (answer["result"], answer["version"], answer["display"]) == (result, version, shown)
    assert "First" not in answer.get("message", "")


# -- supplements ---------------------------------------------------------------------------------

PRICES = code_system(
    "prices",
    {"code": "b2", "property": [{"code": "price", "valueCode": "dear"}]},
    content="supplement",
    supplements=BIN,
    property=[{"code": "price", "type": "code"}],
)
PRICED = {
    "url": "http://hl7.org/fhir/StructureDefinition/valueset-supplement",
    "valueCanonical": PRICES["url"],
}
ALL_BINS = value_set("bins", {"system": BIN})
ALL_LOAVES = value_set("loaves", {"system": LOAF})
IMPORTING = value_set("importing", {"valueSet": [ALL_BINS["url"]]})


def refused(ask: Ask, operation: str, resources: list[Json], **values: str) -> str:
    with pytest.raises(TerminologyError) as caught:
        ask(operation, resources, **values)
    return caught.value.issues[0].text


def test_a_supplement_that_applies_to_nothing_is_refused(ask: Ask) -> None:
    resources = [BINS, LOAVES, PRICES, ALL_LOAVES]
    more = {"useSupplement": PRICES["url"]}
    url = ALL_LOAVES["url"]
    operations: list[tuple[str, dict[str, str], str]] = [
        ("ValueSet/$expand", {"url": url}, url),
        ("ValueSet/$validate-code", {"url": url, "system": LOAF, "code": "Rye"}, url),
        ("CodeSystem/$validate-code", {"url": LOAF, "code": "Rye"}, f"{LOAF}|1"),
        ("CodeSystem/$lookup", {"system": LOAF, "code": "Rye"}, f"{LOAF}|1"),
    ]
    for operation, values, asked in operations:
        with pytest.raises(TerminologyError) as caught:
            ask(operation, resources, **values, **more)
        text_ = f"The supplement '{PRICES['url']}' of '{BIN}' adds nothing to '{asked}'"
        assert [(i.code, i.text) for i in caught.value.issues] == [("business-rule", text_)], operation


def test_a_supplement_that_an_import_requires_is_demanded_and_applied(ask: Ask) -> None:
    needy = ALL_BINS | {"extension": [PRICED]}
    resources = [BINS, needy, IMPORTING]
    url = IMPORTING["url"]
    assert PRICES["url"] in refused(ask, "ValueSet/$expand", resources, url=url)
    assert PRICES["url"] in refused(ask, "ValueSet/$validate-code", resources, url=url, system=BIN, code="b1")
    expansion = ask("ValueSet/$expand", [*resources, PRICES], url=url)
    used = [p["valueUri"] for p in expansion["expansion"]["parameter"] if p["name"] == "used-supplement"]
    assert (codes_of(expansion), used) == (["b1", "b2"], [PRICES["url"]])


@pytest.mark.parametrize(
    ("op", "wanted", "codes"),
    [
        ("=", "dear", ["b2"]),
        ("in", "dear,cheap", ["b2"]),
        ("not-in", "dear", ["b1"]),
        ("exists", "true", ["b2"]),
        ("exists", "false", ["b1"]),
    ],
)
def test_a_filter_may_name_a_property_of_a_supplement(
    ask: Ask, op: str, wanted: str, codes: list[str]
) -> None:
    dear = value_set("dear", {"system": BIN, "filter": [{"property": "price", "op": op, "value": wanted}]})
    resources = [BINS, PRICES, dear | {"extension": [PRICED]}]
    assert codes_of(ask("ValueSet/$expand", resources, url=dear["url"])) == codes
    for code in ("b1", "b2"):
        answer = ask("ValueSet/$validate-code", resources, url=dear["url"], system=BIN, code=code)
        assert read(answer)["result"] is (code in codes)


# -- contained resources, and what an expansion says of itself -----------------------------------


def parameters_of(expansion: Json, name: str) -> list[Any]:
    found = [p for p in expansion["expansion"].get("parameter", []) if p["name"] == name]
    return [next(v for k, v in p.items() if k.startswith("value")) for p in found]


@pytest.mark.parametrize("is_imported", [False, True])
def test_a_value_set_may_contain_its_code_system(ask: Ask, is_imported: bool) -> None:
    inside = code_system("inside", concept("i1"), concept("i2"), id="in", version="1")
    own = value_set("own", {"system": inside["url"]}, contained=[inside])
    outer = value_set("outer", {"valueSet": [own["url"]]})
    url = (outer if is_imported else own)["url"]
    assert codes_of(ask("ValueSet/$expand", [own, outer], url=url)) == ["i1", "i2"]
    if not is_imported:
        answer = ask("ValueSet/$validate-code", [own], url=url, system=inside["url"], code="i2")
        assert read(answer)["result"] is True


def test_a_contained_value_set_is_not_a_used_value_set(ask: Ask) -> None:
    inner = value_set("held", {"system": BIN, "concept": [{"code": "b2"}]}, id="h", version="1")
    holder = value_set("holder", {"valueSet": ["#h"]}, contained=[inner])
    expansion = ask("ValueSet/$expand", [BINS, holder], url=holder["url"])
    assert (codes_of(expansion), parameters_of(expansion, "used-valueset")) == (["b2"], [])


@pytest.mark.parametrize("is_first", [False, True])
def test_names_of_any_include_are_displays_in_their_language(ask: Ask, is_first: bool) -> None:
    """As in $validate-code: the names of the value set before those of the code system, in any order of includes."""
    system = code_system("named", concept("x", designation=[{"value": "Theirs", "language": "de"}]))
    named_ = {"code": "x", "designation": [{"value": "Ours", "language": "de"}]}
    includes = [{"system": system["url"]}, {"system": system["url"], "concept": [named_]}]
    both = value_set("both-named", *(includes[::-1] if is_first else includes))
    request = {"url": both["url"], "displayLanguage": "de"}
    (entry,) = ask("ValueSet/$expand", [system, both], **request)["expansion"]["contains"]
    answer = read(ask("ValueSet/$validate-code", [system, both], code="x", system=system["url"], **request))
    assert (entry["display"], answer["display"]) == ("Ours", "Ours")


def test_contained_value_sets_of_one_url_are_two_value_sets(ask: Ask) -> None:
    """Each belongs to the resource that contains it, whatever its own url is."""
    one, other = (code_system(f"{BASE}/{name}", name, version="1") for name in ("one", "other"))
    inner = [value_set("inner", {"system": system["url"]}, id="inner") for system in (one, other)]
    first = value_set("first", {"valueSet": ["#inner"]}, contained=[inner[0]])
    second = value_set("second", {"valueSet": [first["url"]]}, {"valueSet": ["#inner"]}, contained=[inner[1]])
    expansion = ask("ValueSet/$expand", [one, other, first, second], url=second["url"])
    assert codes_of(expansion) == ["one", "other"]


@pytest.mark.parametrize("name", ["default", "check", "force"])
def test_the_pin_of_an_imported_value_set_is_told(ask: Ask, name: str) -> None:
    outer = value_set("outer", {"valueSet": [PICKS["url"]]})
    pin = f"{PICKS['url']}|1"
    more = {f"{name}-valueset-version": pin}
    expansion = ask("ValueSet/$expand", [BINS, PICKS, LATER, outer], url=outer["url"], **more)
    assert codes_of(expansion) == ["b1"]
    assert parameters_of(expansion, f"{name}-valueset-version") == [pin]


def test_the_ordinal_value_of_a_listed_code_is_its_weight(ask: Ask) -> None:
    score = {"url": "http://hl7.org/fhir/StructureDefinition/ordinalValue", "valueDecimal": 7.25}
    scored = value_set("scored", {"system": BIN, "concept": [{"code": "b1", "extension": [score]}]})
    expansion = ask("ValueSet/$expand", [BINS, scored], url=scored["url"])
    assert "7.25" in str(expansion["expansion"]["contains"])


def test_a_leading_zero_that_is_missed_is_hinted_at(ask: Ask) -> None:
    zeros = code_system("zeros", concept("0UBC7ZZ"), version="1")
    with pytest.raises(TerminologyError, match="Did you mean '0UBC7ZZ'"):
        ask("CodeSystem/$lookup", [zeros], system=zeros["url"], code="UBC7ZZ")


@pytest.mark.parametrize("operation", ["lookup", "expand", "in-system", "in-set"])
def test_a_date_in_the_past_is_refused_and_a_later_one_answered(ask: Ask, operation: str) -> None:
    name, values = {
        "lookup": ("CodeSystem/$lookup", {"system": BIN, "code": "b1"}),
        "expand": ("ValueSet/$expand", {"url": ALL_BINS["url"]}),
        "in-system": ("CodeSystem/$validate-code", {"url": BIN, "code": "b1"}),
        "in-set": ("ValueSet/$validate-code", {"url": ALL_BINS["url"], "system": BIN, "code": "b1"}),
    }[operation]
    assert refused(ask, name, [BINS, ALL_BINS], date="2020-06-01", **values) == (
        "'date' is 2020-06-01; this server cannot tell which versions were current then. Name the version "
        "of the resource instead"
    )
    ask(name, [BINS, ALL_BINS], date="2999-01-01T00:00:00Z", **values)
    ask(name, [BINS, ALL_BINS], date="2999", **values)


def test_listed_codes_of_a_fragment_are_expanded_and_accepted(ask: Ask) -> None:
    part = code_system("part", concept("a", "Here"), content="fragment", version="1")
    codes = [{"code": "b", "display": "Elsewhere"}, {"code": "a"}]
    listing = value_set("listing", {"system": part["url"], "concept": codes})
    without = value_set("without", {"valueSet": [listing["url"]]}, exclude=[{"valueSet": [f"{BASE}/vs/b"]}])
    only_b = value_set("b", {"system": part["url"], "concept": [{"code": "b"}]})
    resources = [part, listing, without, only_b]
    expansion = ask("ValueSet/$expand", resources, url=listing["url"])
    shown = [(entry["code"], entry["display"]) for entry in expansion["expansion"]["contains"]]
    assert shown == [("b", "Elsewhere"), ("a", "Here")]
    assert codes_of(ask("ValueSet/$expand", resources, url=without["url"])) == ["a"]
    for code in ("a", "b"):
        answer = ask("ValueSet/$validate-code", resources, url=listing["url"], system=part["url"], code=code)
        assert read(answer)["result"] is True


def test_the_published_value_sets_expand_to_lists() -> None:
    published = Terminology()
    url = "http://terminology.example.org/fhir/ValueSet/conization-procedures"
    for release in ("r4", "r5"):
        entries = published.ask("ValueSet/$expand", url=url, release=release)["expansion"]["contains"]
        assert "conization-laser" in [entry["code"] for entry in entries]
        assert not [entry for entry in entries if "contains" in entry]
