"""Post-coordinated expressions of SNOMED CT as codes.

What they imply is compared with a plain re-computation from the rows of a made-up release
(``tests/support/plain_expressions.py``); the rules are those of https://terminology.hl7.org/SNOMEDCT.html and of the
compositional grammar (2.4).
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from terminology import Settings, Terminology, TerminologyError
from terminology.content.importers.fhir import FHIR
from terminology.content.importers.snomed import SNOMED
from terminology.core import issues
from terminology.core.model import Filter
from terminology.store import store_at
from terminology.store.loading import StoreWriter
from terminology.systems.document import DocumentCodeSystem
from terminology.systems.snomed.identifiers import URL
from terminology.systems.snomed.postcoordination.grammar import parse
from terminology.systems.snomed.postcoordination.parts import canonical
from terminology.systems.snomed.system import SnomedCodeSystem
from terminology.systems.supplement import CuratedCodeSystem, SupplementedCodeSystem
from tests.support import plain_snomed, rf2
from tests.support.builders import code_system, concept
from tests.support.plain_expressions import Expression, ExpressionInventor, PlainExpressions, single, written
from tests.support.reporters import CollectingReporter

MADE = rf2.Made(1_200, 3_600)
ATTRIBUTES = MADE.attributes
FINDING, SITE = (rf2.concept_id(MADE.starts[kind][0]) for kind in ("finding", "site"))
BELOW_SITE = rf2.concept_id(MADE.starts["site"][0] + 1)
NOBODY = rf2.concept_id(9_999_999)
VERSION = f"{URL}/{MADE.module}/version/{rf2.DATE}"
TRIES = settings(max_examples=400)


REFINED = f"{FINDING}:{ATTRIBUTES[0]}={BELOW_SITE}"
IN_ANOTHER_WRITING = f"=== {FINDING} |a term| : {ATTRIBUTES[0]} = ({BELOW_SITE})"


def listing(*codes: str, **compose: Any) -> dict[str, Any]:
    include = {"system": URL, "concept": [{"code": code} for code in codes]}
    return {"resourceType": "ValueSet", "status": "active", "compose": {"include": [include]} | compose}


_ANOTHER = {"system": URL, "concept": [{"code": IN_ANOTHER_WRITING}]}
# Value sets, a code, and whether it is a member.
MATCHED = [
    (value_set | {"url": f"http://example.org/matched/{place}"}, code, is_there)
    for place, (value_set, code, is_there) in enumerate(
        (
            (listing(REFINED), IN_ANOTHER_WRITING, True),
            (listing(IN_ANOTHER_WRITING), REFINED, True),
            (listing(SITE, f"{FINDING} |a term|"), FINDING, True),
            (listing(SITE, FINDING), f"{FINDING} |a term|", True),
            (listing(IN_ANOTHER_WRITING, SITE), FINDING, False),
            (listing(SITE, REFINED, exclude=[_ANOTHER]), REFINED, False),
            (listing(SITE, REFINED, exclude=[_ANOTHER]), SITE, True),
        )
    )
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return rf2.write(tmp_path_factory.mktemp("release"), MADE)


@pytest.fixture(scope="module")
def plain(folder: Path) -> plain_snomed.Plain:
    return plain_snomed.Plain(folder)


@pytest.fixture(scope="module")
def expressions(plain: plain_snomed.Plain) -> PlainExpressions:
    return PlainExpressions(plain)


@pytest.fixture(scope="module")
def inventor(plain: plain_snomed.Plain) -> ExpressionInventor:
    return ExpressionInventor(plain)


@pytest.fixture(scope="module")
def terminology(tmp_path_factory: pytest.TempPathFactory, folder: Path) -> Terminology:
    place = str(tmp_path_factory.mktemp("store"))
    writer = StoreWriter(store_at(place))
    writer.load(SNOMED, [folder], CollectingReporter())
    for number, (value_set, _, _) in enumerate(MATCHED):
        file = tmp_path_factory.mktemp("value sets") / f"{number}.json"
        file.write_text(json.dumps(value_set))
        writer.load(FHIR, [file], CollectingReporter())
    writer.close()
    return Terminology(settings=Settings(environment={}, bundled=False, data="", store=place))


@pytest.fixture(scope="module")
def system(terminology: Terminology) -> SnomedCodeSystem:
    snomed = terminology.catalogue.find_system(URL)
    assert isinstance(snomed, SnomedCodeSystem)
    return snomed


def asked(terminology: Terminology, operation: str, **given: Any) -> dict[str, Any]:
    """The parameters of an answer, by their names."""
    answer = terminology.ask(operation, **given)
    return {parameter["name"]: parameter for parameter in answer["parameter"]}


# -- the grammar ---------------------------------------------------------------------------------

SAME = {
    "54535009": ["54535009", " === 54535009 |Loop| ", "54535009|a  b|"],
    "22298006+54535009": ["54535009 + 22298006", "22298006+54535009+22298006"],
    "54535009:363698007=22298006": ["54535009 : 363698007 |x| = 22298006", "54535009:363698007=(22298006)"],
    "54535009:363698007=#2.5": ["54535009:363698007=#2.50", "54535009:363698007=#+2.5"],
    "54535009:363698007=true": ["54535009:363698007=TRUE"],
    '54535009:363698007="a \\"b\\""': ['54535009:363698007="a \\"b\\""'],
    "54535009:363698007=22298006,{272741003=22298006}": [
        "54535009:363698007=22298006,{272741003=22298006}",
        "54535009:363698007=22298006,\n{272741003=22298006},{272741003 = 22298006 }",
        "54535009:363698007=22298006{272741003=22298006}",
    ],
    "54535009:{272741003=22298006,363698007=(22298006:272741003=54535009)}": [
        "54535009:{363698007=(22298006:272741003=54535009),272741003=22298006}",
        "54535009:{363698007=(22298006:272741003=54535009),272741003=22298006}{272741003=22298006,"
        "363698007=(22298006:272741003=54535009)}",
    ],
    "<<<54535009": ["<<< 54535009"],
}


@pytest.mark.parametrize("form", SAME)
def test_expressions_that_differ_in_writing_only_have_one_canonical_form(form: str) -> None:
    assert {canonical(parse(text)) for text in SAME[form]} == {form}


WRONG = {
    "54535009:": (9, "a concept"),
    "54535009 22298006": (9, "the end"),
    "54535009:363698007=": (19, "a concept, '(', '#', a text in quotes, true or false"),
    "54535009:363698007=#x": (19, "a number after '#'"),
    "54535009:363698007=#01": (19, "a number after '#'"),
    '54535009:363698007="a': (19, "a text that ends with '\"'"),
    "54535009:{363698007=22298006": (28, "'}' or ','"),
    "54535009:{363698007=22298006},363698007=22298006": (30, "'{'"),
    "54535009:363698007=22298006:272741003=22298006": (27, "the end"),
    "54535009 /* no comment */": (9, "the end"),
    "54535009||": (8, "a term that ends with '|'"),
    "54535009|a": (8, "a term that ends with '|'"),
    "012345": (0, "an identifier of 6 to 18 digits"),
    "loop": (0, "a concept"),
    "(54535009)": (0, "a concept"),
    "54535009:363698007=" + "(54535009:363698007=" * 30: (400, "an expression of at most 20 nested parts"),
}


@pytest.mark.parametrize("text", WRONG, ids=lambda text: text[:50])
def test_a_text_that_is_not_an_expression_is_refused_at_its_place(text: str) -> None:
    with pytest.raises(TerminologyError) as refused:
        parse(text)
    at, expected = WRONG[text]
    assert refused.value.issues[0] == issues.no_expression(text, at, expected)


# -- against the plain re-computation ------------------------------------------------------------


@TRIES
@given(chance=st.randoms(use_true_random=False))
def test_an_expression_is_a_code_whose_display_has_the_preferred_terms(
    system: SnomedCodeSystem, inventor: ExpressionInventor, chance: random.Random
) -> None:
    expression = inventor.invented(chance)
    terms = {id_: found.display for id_ in _ids(expression) if (found := system.locate(id_))}
    for text in (written(expression), written(expression, terms.get, " ")):
        located = system.locate(text)
        assert located is not None
        if not text.isdigit():
            assert (located.code, located.display) == (text, written(expression, terms.get))


def _ids(expression: Expression) -> list[str]:
    _, foci, alone, groups = expression
    pairs = [*alone, *(pair for group in groups for pair in group)]
    nested = [id_ for _, value in pairs if isinstance(value, tuple) for id_ in _ids(value)]
    return [
        *foci,
        *nested,
        *(part for pair in pairs for part in pair if isinstance(part, str) and part.isdigit()),
    ]


@TRIES
@given(chance=st.randoms(use_true_random=False))
def test_an_expression_is_below_what_its_parts_imply(
    system: SnomedCodeSystem,
    expressions: PlainExpressions,
    inventor: ExpressionInventor,
    chance: random.Random,
) -> None:
    """Subsumption by focus concepts and attributes: by concepts and by other expressions, both ways."""
    expression, other = inventor.invented(chance), inventor.invented(chance)
    ones = [single(id_) for id_ in (*expression[1], chance.choice(sorted(expressions.plain.concepts)))]
    for one in (other, *ones):
        pair = (written(one), written(expression))
        assert system.subsumes(*pair) == expressions.subsumes(one, expression)
        assert system.subsumes(*reversed(pair)) == expressions.subsumes(expression, one)


def test_an_expression_is_below_every_concept_that_is_defined_by_its_parts(
    system: SnomedCodeSystem, expressions: PlainExpressions, inventor: ExpressionInventor
) -> None:
    """Each concept of the release, and as a set; some are defined by it and are not above its focus concepts."""
    chance, beyond = random.Random(3), 0
    for _ in range(60):
        expression = inventor.invented(chance)
        text = written(expression)
        over = {id_ for id_ in expressions.plain.concepts if expressions.subsumes(single(id_), expression)}
        beyond += len(over - {id_ for focus in expression[1] for id_ in expressions.above(focus)})
        some = chance.choice(sorted(expressions.plain.concepts))
        for id_ in (*sorted(over)[:20], some):
            assert (text in system.select([Filter("concept", "is-a", id_)])) == (id_ in over)
    assert beyond


@settings(TRIES, max_examples=600)
@given(chance=st.randoms(use_true_random=False))
def test_an_expression_is_a_member_of_any_constraint_as_a_plain_walk_finds(
    system: SnomedCodeSystem,
    plain: plain_snomed.Plain,
    expressions: PlainExpressions,
    inventor: ExpressionInventor,
    chance: random.Random,
) -> None:
    tree, expression = _constraints(plain).tree(chance), inventor.invented(chance)
    assume(not written(expression).isdigit())  # a concept alone is a member as concepts are
    selection = system.select([Filter("constraint", "=", plain_snomed.written(tree))])
    assert (written(expression) in selection) == expressions.is_member(tree, expression)


def _constraints(plain: plain_snomed.Plain) -> plain_snomed.Inventor:
    if not hasattr(_constraints, "made"):
        _constraints.made = plain_snomed.Inventor(plain)  # type: ignore[attr-defined]
    made: plain_snomed.Inventor = _constraints.made  # type: ignore[attr-defined]
    return made


def test_expressions_are_members_of_some_constraints_of_every_kind(
    plain: plain_snomed.Plain, expressions: PlainExpressions, inventor: ExpressionInventor
) -> None:
    """Lest both sides agree on nothing at all."""
    constraints, kinds = _constraints(plain), set()
    for number in range(1_500):
        chance = random.Random(number)
        tree = constraints.tree(chance)
        if expressions.is_member(tree, inventor.invented(chance)):
            kinds.add(tree[0])
    assert kinds >= {"any", "related", "or", "minus", "refined", "history"}


# -- right answers -------------------------------------------------------------------------------

NOTE = (
    "The expression is grammatically correct and the concepts are valid, but the expression has not been checked "
    "against the SNOMED CT concept model (MRCM)"
)
# The rows of a table: an expression constraint, and whether REFINED is a member.
MEMBERS = {
    "*": True,
    f"<< {FINDING}": True,
    f"< {FINDING}": True,
    f"<! {FINDING}": False,
    f"<<! {FINDING}": False,
    f">> {FINDING}": False,
    FINDING: False,
    f"<< {SITE}": False,
    f"<< {FINDING} OR << {SITE}": True,
    f"<< {FINDING} AND << {SITE}": False,
    f"<< {FINDING} MINUS << {SITE}": True,
    f"* MINUS << {FINDING}": False,
    f"<< {FINDING} : {ATTRIBUTES[0]} = << {SITE}": True,
    f"<< {FINDING} : {{ {ATTRIBUTES[0]} = {BELOW_SITE} }}": True,
    f"<< {FINDING} : {ATTRIBUTES[0]} = {SITE}": False,
    f"<< {FINDING} : {ATTRIBUTES[0]} != {SITE}": True,
    f"<< {FINDING} : {ATTRIBUTES[1]} = << {SITE}": False,
    f"<< {FINDING} : [0..0] {ATTRIBUTES[1]} = *": True,
    f"<< {FINDING} : [2..*] {ATTRIBUTES[0]} = *": False,
    f"<< {FINDING} : R {ATTRIBUTES[0]} = *": False,
    "^ *": False,
    f"<< {FINDING} {{{{ C active = 1 }}}}": True,
    "* {{ C active = 0 }}": False,
    "* {{ C definitionStatus = defined }}": False,
    f'<< {FINDING} {{{{ term = "a" }}}}': False,
    f"<< {FINDING} {{{{ + HISTORY }}}}": True,
}


@pytest.mark.parametrize("constraint", MEMBERS)
def test_which_constraints_have_a_refined_concept_among_their_members(
    system: SnomedCodeSystem, constraint: str
) -> None:
    assert (REFINED in system.select([Filter("constraint", "=", constraint)])) is MEMBERS[constraint]


FILTERS = {
    Filter("concept", "is-a", FINDING): True,
    Filter("concept", "descendent-of", FINDING): True,
    Filter("concept", "child-of", FINDING): False,
    Filter("concept", "generalizes", FINDING): False,
    Filter("concept", "=", FINDING): False,
    Filter("concept", "is-not-a", SITE): True,
    Filter("concept", "in", MADE.refsets[0]): False,
    Filter("inactive", "=", "false"): True,
    Filter("inactive", "=", "true"): False,
    Filter("sufficientlyDefined", "=", "true"): True,
    Filter(ATTRIBUTES[0], "=", BELOW_SITE): True,
    Filter(ATTRIBUTES[0], "=", SITE): False,
    Filter(ATTRIBUTES[0], "in", f"{SITE}, {BELOW_SITE}"): True,
    Filter("moduleId", "=", rf2.CORE): False,
    Filter("expressions", "=", "true"): True,
    Filter("expressions", "=", "false"): False,
}


@pytest.mark.parametrize("filter_", FILTERS, ids=lambda f: f"{f.property} {f.op} {f.value}")
def test_which_filters_a_refined_concept_passes(system: SnomedCodeSystem, filter_: Filter) -> None:
    assert (REFINED in system.select([filter_])) is FILTERS[filter_]
    both = [filter_, Filter("expressions", "=", "false")]
    assert REFINED not in system.select(both)


def test_the_code_system_has_an_expression_and_says_what_is_not_checked(terminology: Terminology) -> None:
    answer = asked(terminology, "CodeSystem/$validate-code", url=URL, code=REFINED)
    assert answer["result"]["valueBoolean"] is True
    assert answer["code"]["valueCode"] == REFINED
    (issue,) = answer["issues"]["resource"]["issue"]
    assert (issue["severity"], issue["details"]["text"]) == ("information", NOTE)
    assert issue["details"]["coding"][0]["code"] == "process-note"


def test_a_value_set_has_an_expression_without_that_note(terminology: Terminology) -> None:
    url = f"{URL}?fhir_vs=isa/{FINDING}"
    answer = asked(terminology, "ValueSet/$validate-code", url=url, system=URL, code=REFINED)
    assert answer["result"]["valueBoolean"] is True
    assert "issues" not in answer
    elsewhere = asked(
        terminology, "ValueSet/$validate-code", url=f"{URL}?fhir_vs=isa/{SITE}", system=URL, code=REFINED
    )
    assert elsewhere["result"]["valueBoolean"] is False


FAULTS = {
    f"{FINDING}:{ATTRIBUTES[0]}=": [
        f"at character {len(FINDING) + len(ATTRIBUTES[0]) + 3}, at the end, a concept"
    ],
    f"{FINDING}:{ATTRIBUTES[0]}={NOBODY}": [
        f"before '{NOBODY}', there is no concept '{NOBODY}' in '{URL}|{VERSION}'"
    ],
    f"{NOBODY}+{NOBODY}:{SITE}={BELOW_SITE}": [
        f"at character 1, before '{NOBODY}",
        f"at character {len(NOBODY) + 2}, before '{NOBODY}",
        f"'{SITE}' is not an attribute (it is not below 410662002",
    ],
    f"{FINDING[:-1]}x": ["before 'x', the end is expected"],
    f"{FINDING} + 54535008": ["(its check digit is wrong)"],
}


@pytest.mark.parametrize("code", FAULTS)
def test_each_fault_of_a_wrong_expression_has_its_place(terminology: Terminology, code: str) -> None:
    answer = asked(terminology, "CodeSystem/$validate-code", url=URL, code=code)
    assert answer["result"]["valueBoolean"] is False
    unknown, *faults = answer["issues"]["resource"]["issue"]
    assert unknown["severity"] == "error"
    texts = [issue["details"]["text"] for issue in faults if issue["severity"] == "information"]
    assert len(texts) == len(FAULTS[code])
    for text, part in zip(texts, FAULTS[code], strict=True):
        assert text.startswith("The code is not a valid expression of SNOMED CT: ")
        assert part in text


def test_a_code_of_digits_alone_is_no_bad_expression(terminology: Terminology) -> None:
    answer = asked(terminology, "CodeSystem/$validate-code", url=URL, code=NOBODY)
    assert "a valid expression" not in str(answer["issues"])


def test_a_term_that_is_not_one_of_its_concept_gets_a_warning(
    terminology: Terminology, plain: plain_snomed.Plain
) -> None:
    own = plain.said[FINDING][0].term
    for term, is_own in ((own, True), (own.upper(), True), ("Something else", False)):
        code = f"{FINDING} |{term}| : {ATTRIBUTES[0]} = {BELOW_SITE}"
        answer = asked(terminology, "CodeSystem/$validate-code", url=URL, code=code)
        assert answer["result"]["valueBoolean"] is True
        warnings = [i for i in answer["issues"]["resource"]["issue"] if i["severity"] == "warning"]
        assert bool(warnings) is not is_own


def test_an_inactive_concept_of_an_expression_gets_a_warning(
    terminology: Terminology, plain: plain_snomed.Plain
) -> None:
    old = next(id_ for id_, one in plain.concepts.items() if not one.active)
    answer = asked(terminology, "CodeSystem/$validate-code", url=URL, code=f"{FINDING}+{old}")
    assert answer["result"]["valueBoolean"] is True
    assert f"'{old}' of the expression is inactive" in str(answer["issues"])


def test_another_display_of_an_expression_is_wrong(
    terminology: Terminology, system: SnomedCodeSystem
) -> None:
    located = system.locate(REFINED)
    assert located is not None
    for display, is_right in ((located.display, True), ("Something else", False)):
        answer = asked(terminology, "CodeSystem/$validate-code", url=URL, code=REFINED, display=display)
        assert answer["result"]["valueBoolean"] is is_right


def test_lookup_of_an_expression_has_its_focus_and_all_attributes(
    terminology: Terminology, system: SnomedCodeSystem, plain: plain_snomed.Plain
) -> None:
    focus = next(id_ for id_, rows in sorted(plain.related.items()) if len(rows) > 2 and plain.children[id_])
    code = f"{focus}:{{{ATTRIBUTES[0]}={BELOW_SITE}}}"
    answer = terminology.ask("CodeSystem/$lookup", system=URL, code=code)
    stated = [
        tuple(next(iter(v for k, v in part.items() if k != "name")) for part in parameter["part"][:2])
        for parameter in answer["parameter"]
        if parameter["name"] == "property"
    ]
    by_name = {name: value for name, value in stated}
    attributes = {(kind, value) for _, kind, value in plain.related[focus] if value.isdigit()}
    assert set(stated) >= attributes | {(ATTRIBUTES[0], BELOW_SITE), ("inactive", False)}
    assert {value for name, value in stated if name == "parent"} == plain.parents[focus]
    assert {value for name, value in stated if name == "child"} == plain.children[focus]
    assert by_name["moduleId"] == plain.concepts[focus].module
    terse = by_name["normalFormTerse"]
    assert terse.startswith("=== ") and f"{{{ATTRIBUTES[0]}={BELOW_SITE}}}" in terse
    assert parse(terse) and canonical(parse(by_name["normalForm"])) == canonical(parse(terse))
    display = next(p["valueString"] for p in answer["parameter"] if p["name"] == "display")
    assert display == system.locate(code).display  # type: ignore[union-attr]


@pytest.mark.parametrize("applies_always", [False, True])
def test_the_display_of_a_supplement_for_an_expression_wins(
    terminology: Terminology, system: SnomedCodeSystem, applies_always: bool
) -> None:
    """However it is written there; other expressions keep theirs."""
    library = code_system(
        URL,
        concept(
            IN_ANOTHER_WRITING, "A made-up title", designation=[{"language": "de", "value": "Ein Titel"}]
        ),
    ) | {"url": "http://example.org/library", "content": "supplement", "supplements": URL}
    wrapping = CuratedCodeSystem if applies_always else SupplementedCodeSystem
    supplemented = wrapping(system, [DocumentCodeSystem(library)])
    for code in (REFINED, IN_ANOTHER_WRITING):
        located = supplemented.locate(code)
        assert located is not None and (located.code, located.display) == (code, "A made-up title")
    if not applies_always:
        given = {"tx-resource": library, "useSupplement": library["url"], "system": URL, "code": REFINED}
        answer = terminology.ask("CodeSystem/$lookup", **given)
        assert {"name": "display", "valueString": "A made-up title"} in answer["parameter"]
        assert "Ein Titel" in str(answer)
    other = f"{FINDING}:{ATTRIBUTES[0]}={SITE}"
    assert supplemented.locate(other) == system.locate(other)


def test_a_lookup_of_an_expression_has_its_display_as_the_only_designation(
    terminology: Terminology, system: SnomedCodeSystem
) -> None:
    answer = terminology.ask("CodeSystem/$lookup", system=URL, code=REFINED)
    (designation,) = (p["part"] for p in answer["parameter"] if p["name"] == "designation")
    located = system.locate(REFINED)
    assert located is not None
    assert {"name": "value", "valueString": located.display} in designation


SUBSUMED = {
    (FINDING, REFINED): "subsumes",
    (REFINED, FINDING): "subsumed-by",
    (REFINED, f"{FINDING} : {{ {ATTRIBUTES[0]} |a term| = {BELOW_SITE} }}"): "equivalent",
    (REFINED, f"{FINDING}:{ATTRIBUTES[0]}={SITE}"): "subsumed-by",
    (SITE, REFINED): "not-subsumed",
    (f"{FINDING} |a term|", FINDING): "equivalent",
    (f"{FINDING}+{SITE}", f"{SITE}+{FINDING}"): "equivalent",
}


@pytest.mark.parametrize("codes", SUBSUMED, ids=str)
def test_subsumes_takes_expressions(terminology: Terminology, codes: tuple[str, str]) -> None:
    answer = asked(terminology, "CodeSystem/$subsumes", system=URL, codeA=codes[0], codeB=codes[1])
    assert answer["outcome"]["valueCode"] == SUBSUMED[codes]


def test_lookup_and_subsumes_say_why_an_expression_is_refused(
    terminology: Terminology,
) -> None:
    requests: list[tuple[str, dict[str, Any]]] = [
        ("CodeSystem/$lookup", {"code": f"{FINDING}:"}),
        ("CodeSystem/$subsumes", {"codeA": f"{FINDING}:", "codeB": FINDING}),
    ]
    for operation, parameters in requests:
        with pytest.raises(TerminologyError, match="at the end, a concept is expected"):
            terminology.ask(operation, system=URL, **parameters)


def test_expressions_are_compared_where_a_value_set_lists_them(terminology: Terminology) -> None:
    """Of a filter they are members that no list has: all its concepts are the same to $related, and it says so."""
    filters = [{"property": "concept", "op": "is-a", "value": FINDING}]
    findings: dict[str, Any] = listing()
    findings["compose"]["include"] = [{"system": URL, "filter": filters}]
    answer = terminology.related(listing(FINDING, REFINED), findings, diagnostics=True)
    assert answer.result == "subset"
    assert sorted(answer.common_codes) == sorted([FINDING, REFINED]) and not answer.missing_codes
    concepts = [str(concept.code) for concept in terminology.expand(findings)]
    answer = terminology.related(listing(*concepts), findings)
    assert answer.result == "same" and "expressions" in str(answer.message)
    assert terminology.related(listing(*concepts, REFINED), listing(*concepts)).result == "superset"


# -- enumerations --------------------------------------------------------------------------------


def expanded(terminology: Terminology, value_set: dict[str, Any], **parameters: Any) -> dict[str, Any]:
    answer = terminology.ask("ValueSet/$expand", valueSet=value_set, **parameters)
    expansion: dict[str, Any] = answer["expansion"]
    return expansion


def test_a_value_set_lists_the_expressions_that_it_enumerates(
    terminology: Terminology, system: SnomedCodeSystem
) -> None:
    """They have their display; the list is closed, and ``excludePostCoordinated`` leaves them out."""
    value_set = listing(SITE, REFINED, f"{FINDING}:", NOBODY)
    expansion = expanded(terminology, value_set)
    located = system.locate(REFINED)
    assert located is not None
    assert [(entry["code"], entry.get("display")) for entry in expansion["contains"]][1] == (
        REFINED,
        located.display,
    )
    assert [entry["code"] for entry in expansion["contains"]] == [SITE, REFINED]
    assert "extension" not in expansion
    without = expanded(terminology, value_set, excludePostCoordinated=True)
    assert [entry["code"] for entry in without["contains"]] == [SITE]
    below = {"system": URL, "filter": [{"property": "concept", "op": "is-a", "value": FINDING}]}
    excluded = expanded(terminology, listing(SITE, REFINED, exclude=[below]))
    assert [entry["code"] for entry in excluded["contains"]] == [SITE]
    written = {"system": URL, "concept": [{"code": IN_ANOTHER_WRITING}]}
    excluded = expanded(terminology, listing(SITE, REFINED, exclude=[written]))
    assert [entry["code"] for entry in excluded["contains"]] == [SITE]


def test_exclude_post_coordinated_closes_what_expressions_leave_open(terminology: Terminology) -> None:
    """Also a value set that imports them; a list without expressions lacks nothing."""
    below = {"system": URL, "filter": [{"property": "concept", "op": "is-a", "value": FINDING}]}
    inner = {**listing(SITE, REFINED), "id": "inner", "url": "http://example.org/inner"}
    blocks: list[list[dict[str, Any]]] = [[below], [{"system": URL}], [{"valueSet": ["#inner"]}, below]]
    for include in blocks:
        value_set = {
            "resourceType": "ValueSet",
            "status": "active",
            "contained": [inner],
            "compose": {"include": include},
        }
        assert "extension" in expanded(terminology, value_set, count=5)
        closed = expanded(terminology, value_set, excludePostCoordinated=True, count=5)
        assert "extension" not in closed
        assert REFINED not in [entry["code"] for entry in closed["contains"]]


@pytest.mark.parametrize("form", ["in the request", "in the store"])
@pytest.mark.parametrize("place", range(len(MATCHED)))
def test_an_enumerated_expression_is_matched_however_it_is_written(
    terminology: Terminology, place: int, form: str
) -> None:
    """By the canonical form. An expression that is one concept is that concept, in a list and as a code."""
    value_set, code, is_there = MATCHED[place]
    given = {"valueSet": value_set} if form == "in the request" else {"url": value_set["url"]}
    answer = asked(terminology, "ValueSet/$validate-code", **given, system=URL, code=code)
    assert answer["result"]["valueBoolean"] is is_there
    assert answer["code"]["valueCode"] == code


def test_an_enumeration_has_no_other_expression_of_its_concepts(terminology: Terminology) -> None:
    for code, is_there in ((REFINED, True), (f"{FINDING}:{ATTRIBUTES[0]}={SITE}", False)):
        value_set = listing(FINDING, REFINED)
        answer = asked(terminology, "ValueSet/$validate-code", valueSet=value_set, system=URL, code=code)
        assert answer["result"]["valueBoolean"] is is_there
