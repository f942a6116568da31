"""SNOMED CT on the store: its answers are those of the rows of the release, in SQLite and in PostgreSQL.

The release is made up (``tests/support/rf2.py``); the right answers are computed from its rows in the plainest way
(``tests/support/plain_snomed.py``).
"""

from __future__ import annotations

import json
import random
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st

from terminology import Settings, Terminology, TerminologyError, create_app
from terminology.content.importers.snomed import SNOMED
from terminology.core.model import Filter
from terminology.store import store_at
from terminology.store.loading import StoreWriter
from terminology.store.release import CodeSystemRelease, ConceptRow
from terminology.systems.document import DocumentCodeSystem
from terminology.systems.snomed.description import DESCRIPTION
from terminology.systems.snomed.identifiers import URL
from terminology.systems.snomed.system import SnomedCodeSystem
from tests.support import plain_snomed, postgres, rf2
from tests.support.builders import code_system
from tests.support.importing import importer_of_rows
from tests.support.paths import ROOT
from tests.support.reporters import CollectingReporter

MADE = rf2.Made(1_500, 4_500)
ATTRIBUTES, REFSETS = MADE.attributes, MADE.refsets
FINDING, SITE, SUBSTANCE = (rf2.concept_id(MADE.starts[kind][0]) for kind in ("finding", "site", "substance"))
VERSION = f"{URL}/{MADE.module}/version/{rf2.DATE}"
NOBODY = rf2.concept_id(9_999_999)


# -- one release, in both stores -----------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return rf2.write(tmp_path_factory.mktemp("release"), MADE)


@pytest.fixture(scope="module")
def plain(folder: Path) -> plain_snomed.Plain:
    return plain_snomed.Plain(folder)


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def place(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, folder: Path
) -> Iterator[str]:
    """A store that has the release."""
    if request.param == "sqlite":
        yield _loaded(str(tmp_path_factory.mktemp("store")), folder)
    elif postgres.programs() is None:
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    else:
        with postgres.server() as server:
            with psycopg.connect(server.url(), autocommit=True) as connection:
                connection.execute("CREATE DATABASE snomed")
            yield _loaded(server.url("snomed"), folder)


def _loaded(place: str, folder: Path) -> str:
    reporter = CollectingReporter()
    writer = StoreWriter(store_at(place))
    writer.load(SNOMED, [folder], reporter)
    writer.close()
    assert reporter.problems == []
    return place


@pytest.fixture(scope="module")
def terminology(place: str) -> Terminology:
    return Terminology(settings=Settings(environment={}, bundled=False, data="", store=place))


@pytest.fixture(scope="module")
def system(terminology: Terminology) -> SnomedCodeSystem:
    found = terminology.catalogue.find_system(URL)
    assert isinstance(found, SnomedCodeSystem)
    return found


@pytest.fixture(scope="module")
def client(place: str) -> FlaskClient:
    return create_app(settings=Settings(environment={}, bundled=False, data="", store=place)).test_client()


def chosen(system: SnomedCodeSystem, expression: str) -> set[str]:
    return {concept.code for concept in system.select([Filter("constraint", "=", expression)])}


def test_no_text_is_found_by_an_expression_without_a_licence(place: str, tmp_path: Path) -> None:
    licence = {"system": URL, "policy": "codes", "licence": "the licence of the owner"}
    licences = tmp_path / "licences.json"
    licences.write_text(json.dumps({"licences": [licence]}), "utf-8")
    licensed = Settings(environment={}, bundled=False, data="", store=place, licences=licences)
    client = create_app(settings=licensed).test_client()
    for expression, status in (
        (f"<< {FINDING}", 200),
        (f'<< {FINDING} {{{{ term = "a" }}}}', 403),
        (f"<< {FINDING} {{{{ D active = 1 }}}}", 403),
    ):
        url = quote(f"{URL}?fhir_vs=ecl/{quote(expression)}")
        answer = client.get(f"/fhir/r4/ValueSet/$expand?url={url}&count=2")
        assert answer.status_code == status, answer.get_data(as_text=True)
    isa = client.get(f"/fhir/r4/ValueSet/$expand?url={quote(f'{URL}?fhir_vs=isa/{FINDING}')}&count=0")
    assert isa.status_code == 200
    assert "name" not in isa.get_json()


# -- expressions ---------------------------------------------------------------------------------

MADE_UP = settings(max_examples=300)


@MADE_UP
@given(chance=st.randoms(use_true_random=False))
def test_any_expression_means_what_a_plain_walk_through_the_rows_finds(
    system: SnomedCodeSystem, plain: plain_snomed.Plain, chance: random.Random
) -> None:
    tree = _inventors(plain).tree(chance)
    assert chosen(system, plain_snomed.written(tree)) == plain.meant(tree)


def _inventors(plain: plain_snomed.Plain) -> plain_snomed.Inventor:
    if not hasattr(_inventors, "made"):
        _inventors.made = plain_snomed.Inventor(plain)  # type: ignore[attr-defined]
    made: plain_snomed.Inventor = _inventors.made  # type: ignore[attr-defined]
    return made


def test_an_expression_of_every_kind_finds_something(
    system: SnomedCodeSystem, plain: plain_snomed.Plain
) -> None:
    """Lest both sides agree on nothing at all: for each kind there is one that means some, and not all."""
    inventor, some = plain_snomed.Inventor(plain), set()
    for number in range(400):
        tree = inventor.tree(random.Random(number))
        if 0 < len(chosen(system, plain_snomed.written(tree))) < len(plain.meant(("any",))):
            some.add(tree[0])
    assert some >= set(plain_snomed._WRITTEN) - {"any"}


# Group and cardinality by hand, as the specification explains them (6.2 to 6.4).
def _holding(plain: plain_snomed.Plain, test: Any) -> set[str]:
    return {code for code in plain.concepts if test(plain.related.get(code, ()))}


def test_attributes_in_braces_must_stand_in_the_same_group(
    system: SnomedCodeSystem, plain: plain_snomed.Plain
) -> None:
    one, other = ATTRIBUTES[0], ATTRIBUTES[1]
    apart = chosen(system, f"* : {one} = *, {other} = *")
    together = chosen(system, f"* : {{ {one} = *, {other} = * }}")
    assert together == _holding(
        plain,
        lambda rows: {g for g, k, _ in rows if k == one and g} & {g for g, k, _ in rows if k == other and g},
    )
    assert together < apart


def test_what_stands_in_group_0_is_in_no_group(system: SnomedCodeSystem, plain: plain_snomed.Plain) -> None:
    kind = ATTRIBUTES[0]
    only_alone = _holding(plain, lambda rows: {g for g, k, _ in rows if k == kind} == {0})
    assert only_alone
    assert only_alone <= chosen(system, f"* : {kind} = *")
    assert not only_alone & chosen(system, f"* : {{ {kind} = * }}")


def test_cardinality_0_to_0_with_not_equal_says_that_all_values_are_such(
    system: SnomedCodeSystem, plain: plain_snomed.Plain
) -> None:
    kind, below = ATTRIBUTES[0], chosen(system, f"<< {SITE}")
    found = chosen(system, f"* : [1..*] {kind} = *, [0..0] {kind} != << {SITE}")
    values = [(code, [v for _, k, v in rows if k == kind]) for code, rows in plain.related.items()]
    assert found == {code for code, of in values if of and all(value in below for value in of)}


def test_is_a_is_an_attribute_where_it_is_named_only(
    system: SnomedCodeSystem, plain: plain_snomed.Plain
) -> None:
    assert chosen(system, f"* : {rf2.IS_A} = {FINDING}") == plain.children[FINDING]
    assert chosen(system, f"* : R {rf2.IS_A} = << {FINDING}") == {
        parent for code in chosen(system, f"<< {FINDING}") for parent in plain.parents[code]
    }
    several = {code for code, above in plain.parents.items() if len(above) >= 2}
    assert chosen(system, f"* : [2..*] {rf2.IS_A} = *") == several
    assert chosen(system, f"{FINDING} . {rf2.IS_A}") == {rf2.ROOT}
    assert chosen(system, f"* : {{ {rf2.IS_A} = * }}") == set()
    # The value is a concept: what has concrete values alone is not meant.
    assert chosen(system, "* : * = *") == _holding(plain, lambda rows: any(v.isdigit() for _, _, v in rows))


def test_true_is_not_the_number_1(system: SnomedCodeSystem, plain: plain_snomed.Plain) -> None:
    numbers, truths = ATTRIBUTES[rf2.NUMBERS], ATTRIBUTES[rf2.TRUTHS]
    for value, said in (("#1", "#1"), ("true", "true"), ("#1", "#1")):
        wanted = _holding(plain, lambda rows, said=said: any(v == said for _, _, v in rows))
        assert chosen(system, f"* : ({numbers} OR {truths}) = {value}") == wanted


def test_wild_cards_match_the_whole_term_without_case_and_accents(
    system: SnomedCodeSystem,
) -> None:
    """A text with wild cards is compared with the whole term, without case and accents."""
    spanish = chosen(system, "* {{ D language = es }}")
    assert spanish
    assert chosen(system, '* {{ D term = wild:"*ANEJO" }}') == spanish
    assert chosen(system, '* {{ D term = wild:"*anej" }}') == set()


def test_exact_counts_case_and_accents(system: SnomedCodeSystem, plain: plain_snomed.Plain) -> None:
    code, said = next((c, s[0]) for c, s in plain.said.items() if len(s[0].term) > 20)
    assert code in chosen(system, f'* {{{{ D term = exact:"{said.term}" }}}}')
    assert code not in chosen(system, f'* {{{{ D term = exact:"{said.term.upper()}" }}}}')
    assert code in chosen(system, f'* {{{{ D term = match:"{said.term.upper()}" }}}}')


REFUSED = {
    f"<< {NOBODY}": f"at character 4, before '{NOBODY}', there is no concept '{NOBODY}' in '{URL}|{VERSION}'",
    f"* : {NOBODY} = *": f"there is no concept '{NOBODY}'",
    f"* {{{{ C moduleId = {NOBODY} }}}}": f"there is no concept '{NOBODY}'",
    f"* {{{{ D dialectId = {NOBODY} }}}}": f"there is no concept '{NOBODY}'",
    f"* {{{{ + HISTORY ({NOBODY}) }}}}": f"there is no concept '{NOBODY}'",
    f"^ {NOBODY}": f"there is no concept '{NOBODY}'",
    f"* . {ATTRIBUTES[rf2.NUMBERS]}": (
        f"'{ATTRIBUTES[rf2.NUMBERS]}' has values that are not concepts, and a value set has concepts"
    ),
    f"* {{{{ D id = {rf2.description_id(9_999_999)} }}}}": (
        f"there is no description '{rf2.description_id(9_999_999)}'"
    ),
    f"^ [targetComponentId] {REFSETS[0]}": (
        "no reference set has a column 'targetcomponentid'. There are active, effectiveTime, moduleId"
    ),
    f"^ {rf2.ICD_10} {{{{ M mapWhat = #1 }}}}": "no reference set has a column 'mapwhat'. There are active",
    f"^ [mapTarget] {rf2.ICD_10}": "the column 'mapTarget' has values that are not concepts",
    f"^ [mapTarget, mapGroup] {rf2.ICD_10}": "more than one column of a reference set",
    "<< ": "a concept, '*', '^' or '(' is expected",
}


@pytest.mark.parametrize("expression", REFUSED)
def test_an_expression_without_an_answer_is_refused_not_taken_as_empty(
    system: SnomedCodeSystem, expression: str
) -> None:
    with pytest.raises(TerminologyError) as refused:
        chosen(system, expression)
    assert REFUSED[expression] in str(refused.value)


def test_only_reference_sets_of_concepts_have_members(
    system: SnomedCodeSystem, plain: plain_snomed.Plain
) -> None:
    """The operand of ``^`` is a reference set, or an expression that finds some.

    A reference set without concepts has no members, and of many concepts only the reference sets count.
    """
    for refset in (rf2.US, rf2.HISTORICAL):
        assert refset not in plain.members
        assert chosen(system, f"^ {refset}") == set()
    assert chosen(system, f"^ ({FINDING} OR {REFSETS[1]})") == plain.members[REFSETS[1]]
    assert chosen(system, f"^ {FINDING}") == set()
    assert {concept.code for concept in system.select([Filter("concept", "in", FINDING)])} == set()


def test_a_description_is_found_by_its_identifier_with_all_else_of_it(
    system: SnomedCodeSystem, plain: plain_snomed.Plain
) -> None:
    """``id``: all filters of a pair of braces hold of one description, active ones unless ``active`` is asked for."""
    code, (first, second, *_) = next((c, s) for c, s in plain.said.items() if len(s) > 2)
    assert chosen(system, f"* {{{{ D id = {first.id} }}}}") == {code}
    assert chosen(system, f"<< {code} {{{{ id = ({first.id} {second.id}), id != {second.id} }}}}") == {code}
    assert chosen(system, f"* {{{{ id = {first.id}, id = {second.id} }}}}") == set()
    assert chosen(system, f"* {{{{ id = {first.id} }}}} {{{{ id = {second.id} }}}}") == {code}
    assert chosen(system, f'* {{{{ id = {first.id}, term = exact:"{first.term}" }}}}') == {code}
    assert chosen(system, f'* {{{{ id = {second.id}, term = exact:"{first.term}" }}}}') == set()
    alone, only = next((c, s[0]) for c, s in plain.said.items() if len(s) == 1)
    assert alone not in chosen(system, f"* {{{{ id != {only.id} }}}}")
    assert code in chosen(system, f"* {{{{ id != {first.id} }}}}")
    other, former = next((c, s[0]) for c, s in plain.former.items() if plain.concepts[c].active)
    assert chosen(system, f"* {{{{ id = {former.id} }}}}") == set()
    assert chosen(system, f"* {{{{ id = {former.id}, active = 0 }}}}") == {other}
    # Its concept may be inactive, too.
    old = next(c for c in plain.said if not plain.concepts[c].active)
    assert chosen(system, f"{old} {{{{ id = {plain.said[old][0].id} }}}}") == {old}


def test_a_group_of_reversed_attributes_is_a_role_group_of_their_source(
    system: SnomedCodeSystem, plain: plain_snomed.Plain
) -> None:
    one, other = ATTRIBUTES[0], ATTRIBUTES[3]
    below = chosen(system, f"<< {FINDING}")
    leading: dict[str, set[tuple[str, int, str]]] = {}
    for source, rows in plain.related.items():
        for group, kind, value in rows:
            if group and source in below:
                leading.setdefault(value, set()).add((source, group, kind))
    wanted = {
        value
        for value, froms in leading.items()
        if {f[:2] for f in froms if f[2] == one} & {f[:2] for f in froms if f[2] == other}
    }
    together = f"R {one} = << {FINDING}, R {other} = << {FINDING}"
    assert chosen(system, f"* : {{ {together} }}") == wanted
    assert wanted < chosen(system, f"* : {together}")
    assert chosen(system, f"* : [0..0] {{ {together} }}") == set(plain.concepts) - wanted - {
        code for code, concept in plain.concepts.items() if not concept.active
    }
    twice = {value for value, froms in leading.items() if len({f[:2] for f in froms if f[2] == one}) > 1}
    assert chosen(system, f"* : [2..*] {{ R {one} = << {FINDING} }}") == twice


def test_a_dotted_attribute_has_those_of_its_values_that_are_concepts(system: SnomedCodeSystem) -> None:
    """A value set has concepts: concrete values are left out, and an attribute that has no others is refused."""
    kind = ATTRIBUTES[0]
    assert chosen(system, f"* . ({kind} OR {ATTRIBUTES[rf2.NUMBERS]})") == chosen(system, f"* . {kind}")
    assert chosen(system, "* . *") >= chosen(system, f"* . {kind}")


# Filters of one member, and the test of its cells.
def _member_filters(
    plain: plain_snomed.Plain, refset: str, chance: random.Random
) -> tuple[str, Callable[[dict[str, str]], bool]]:
    row = chance.choice(plain.cells[refset])
    name = chance.choice([n for n in row if n not in ("id", "refsetId")])
    cell, is_equal = row[name], chance.random() < 0.7
    symbol = "=" if is_equal else "!="
    if name == "active":
        return f"active = {cell}", lambda cells: cells["active"] == cell
    if name == "effectiveTime":
        symbol = chance.choice(("=", "!=", "<", "<=", ">", ">="))
        return f'{name} {symbol} "{cell}"', lambda cells: plain_snomed.COMPARE[symbol](cells[name], cell)
    if name in ("mapGroup", "mapPriority"):
        symbol = chance.choice(("=", "!=", "<", "<=", ">", ">="))
        return f"{name} {symbol} #{cell}", lambda cells: plain_snomed.COMPARE[symbol](
            int(cells[name]), int(cell)
        )
    if cell[-3:-1] in ("00", "10") and cell.isdigit() and cell in plain.concepts:
        return f"{name} {symbol} << {cell}", lambda cells: plain.subsumes(cell, cells[name]) == is_equal
    text = f'{name} {symbol} exact:"{cell}"'
    return text, lambda cells: (cells[name] == cell) == is_equal


def test_filters_of_members_hold_in_one_row(system: SnomedCodeSystem, plain: plain_snomed.Plain) -> None:
    """``{{ M … }}`` on any column: of component, number, text, day and status; the rows are the active ones."""
    chance, some = random.Random(8), 0
    refsets = [refset for refset in sorted(plain.cells) if refset in plain.concepts]
    for _ in range(200):
        refset = chance.choice(refsets)
        filters = [_member_filters(plain, refset, chance) for _ in range(chance.choice((1, 1, 2)))]
        texts = [text for text, _ in filters]
        asks_status = any(text.startswith("active") for text in texts)
        wanted = {
            cells["referencedComponentId"]
            for cells in plain.cells[refset]
            if (asks_status or cells["active"] == "1") and all(test(cells) for _, test in filters)
        }
        assert chosen(system, f"^ {refset} {{{{ M {', '.join(texts)} }}}}") == wanted
        some += 0 < len(wanted) < len(plain.members[refset])
    assert some > 25


def test_an_identifier_in_another_scheme_is_its_concept(
    system: SnomedCodeSystem, plain: plain_snomed.Plain
) -> None:
    """The alias is a word of the scheme's term; an inactive or unknown identifier is an error, as a concept is."""
    alias = plain.said[REFSETS[-1]][1].term.split()[0].upper()
    for number in (50, 600, 1_000):
        code = rf2.concept_id(number)
        if number % 500:
            assert chosen(system, f"{alias}#Z{number}-1") == {code}
            assert chosen(system, f'<< "{alias}#Z{number}-1" |anything|') == chosen(system, f"<< {code}")
    for text in (f"{alias}#Z500-1", f"{alias}#Z1-1", "Strange#Z50-1"):
        with pytest.raises(TerminologyError, match=f"there is no concept '{text}'"):
            chosen(system, text)


def test_the_reference_sets_of_some_concepts_have_one_of_them(
    system: SnomedCodeSystem, plain: plain_snomed.Plain
) -> None:
    some = plain._reached({FINDING}, plain.children)
    wanted = {refset for refset, members in plain.members.items() if members & some} & set(plain.concepts)
    assert chosen(system, f"^R (< {FINDING})") == wanted
    assert len(wanted) > 2


def test_a_column_of_concepts_is_a_set_of_concepts(
    system: SnomedCodeSystem, plain: plain_snomed.Plain
) -> None:
    rows = [cells for cells in plain.cells[rf2.INACTIVATION] if cells["active"] == "1"]
    assert chosen(system, f"^ [valueId] {rf2.INACTIVATION}") == {cells["valueId"] for cells in rows}
    late = f'{{{{ M effectiveTime > "{rf2.DAYS[2]}" }}}}'
    assert chosen(system, f"^ [targetComponentId] {rf2.SAME_AS} {late}") == {
        cells["targetComponentId"]
        for cells in plain.cells[rf2.SAME_AS]
        if cells["active"] == "1" and cells["effectiveTime"] > rf2.DAYS[2]
    }


def test_descriptions_are_not_read_of_more_concepts_than_is_allowed(
    system: SnomedCodeSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("terminology.systems.snomed.ecl.descriptions.MOST_READ", 10)
    with pytest.raises(
        TerminologyError, match="would read the descriptions of [0-9,]+ concepts; the limit is 10"
    ):
        chosen(system, '* {{ D term != "dragon fly" }}')


def test_a_release_that_is_not_from_RF2_answers_only_the_hierarchy(
    tmp_path: Path,
) -> None:
    """A release that was not imported from RF2 answers the hierarchy and refuses the rest."""
    rows = [ConceptRow(FINDING, "Finding"), ConceptRow(SITE, "Site", parents=[FINDING])]
    release = CodeSystemRelease("other", URL, "1", hierarchy_meaning="is-a")
    writer = StoreWriter(store_at(str(tmp_path)))
    writer.load(importer_of_rows((release, rows), kind="other"), [], CollectingReporter())
    writer.close()
    found = Terminology(settings=Settings(environment={}, bundled=False, data="", store=str(tmp_path)))
    system = found.catalogue.system(URL)
    assert isinstance(system, SnomedCodeSystem)
    assert chosen(system, f"< {FINDING}") == {SITE}
    for expression in (f"^ {FINDING}", f"* : {SITE} = *", '* {{ term = "x" }}', "* {{ + HISTORY }}"):
        with pytest.raises(TerminologyError, match="not imported from RF2, is not supported"):
            chosen(system, expression)


# -- what every code system answers --------------------------------------------------------------


def test_every_concept_is_looked_up_with_what_its_rows_say(
    system: SnomedCodeSystem, plain: plain_snomed.Plain
) -> None:
    for code, row in plain.concepts.items():
        concept = system.locate(code)
        assert concept is not None and concept.inactive == (not row.active)
        detail = system.describe([code])[code]
        stated = {(p.code, str(p.value)) for p in detail.properties}
        assert {value for name, value in stated if name == "parent"} == plain.parents.get(code, set())
        assert {value for name, value in stated if name == "child"} == plain.children.get(code, set())
        assert stated >= {("moduleId", row.module), ("effectiveTime", _dashed(row.time))}
        attributes = {(kind, value) for _, kind, value in plain.related.get(code, ()) if value.isdigit()}
        assert stated >= attributes
        said = [one for one in plain.said[code] if one.type != rf2.DEFINITION]
        assert {designation.value for designation in detail.designations} == {one.term for one in said}
        assert concept.display in {one.term for one in said if rf2.PREFERRED in one.accepted.values()}


def _dashed(day: str) -> str:
    return f"{day[:4]}-{day[4:6]}-{day[6:]}"


def test_the_normal_form_has_the_primitive_concepts_above_and_the_groups(
    system: SnomedCodeSystem, plain: plain_snomed.Plain
) -> None:
    for code, row in list(plain.concepts.items())[::3]:
        stated = {p.code: p.value for p in system.describe([code])[code].properties}
        if not plain.parents.get(code):
            assert "normalFormTerse" not in stated
            continue
        terse, whole = stated["normalFormTerse"], stated["normalForm"]
        status, _, rest = terse.partition(" ")
        focus, _, refinement = rest.partition(":")
        assert status == ("===" if row.is_defined else "<<<")
        assert focus.split("+") == sorted(plain.primitives(code))
        alone = [f"{kind}={value}" for group, kind, value in plain.related.get(code, ()) if not group]
        assert sorted(part for part in refinement.partition("{")[0].split(",") if part) == sorted(set(alone))
        assert re.sub(r"\|[^|]*\|", "", whole) == terse
        for id_ in focus.split("+"):
            concept = system.locate(id_)
            assert concept is not None and f"{id_}|{concept.display}|" in whole


def test_the_semantic_tag_is_the_text_in_the_brackets_of_the_full_name(
    system: SnomedCodeSystem, plain: plain_snomed.Plain
) -> None:
    chosen_by_tag = {c.code for c in system.select([Filter("semanticTag", "=", "finding")])}
    assert chosen_by_tag == {
        code
        for code, said in plain.said.items()
        if any(one.type == rf2.FSN and one.term.endswith("(finding)") for one in said)
    }


def test_an_effective_time_is_a_date_and_is_asked_for_in_both_forms(
    system: SnomedCodeSystem, plain: plain_snomed.Plain
) -> None:
    day = rf2.DAYS[1]
    wanted = {code for code, row in plain.concepts.items() if row.time == day}
    for value in (day, _dashed(day)):
        assert {c.code for c in system.select([Filter("effectiveTime", "=", value)])} == wanted


def test_a_term_that_is_no_longer_in_use_is_a_display_with_a_warning(
    terminology: Terminology, plain: plain_snomed.Plain
) -> None:
    """The display of an inactive description is right; a warning says so and names those in use."""
    code, former = next((code, said[0]) for code, said in plain.former.items() if plain.concepts[code].active)
    answer = terminology.ask("CodeSystem/$validate-code", url=URL, code=code, display=former.term)
    by_name = {parameter["name"]: parameter for parameter in answer["parameter"]}
    assert by_name["result"]["valueBoolean"] is True
    (issue,) = by_name["issues"]["resource"]["issue"]
    assert issue["severity"] == "warning"
    assert issue["details"]["coding"][0]["code"] == "display-comment"
    assert "inactive" in issue["details"]["text"]
    shown = terminology.ask("CodeSystem/$lookup", system=URL, code=code)
    assert former.term not in str(shown)


def test_subsumption_is_that_of_the_is_a_rows(system: SnomedCodeSystem, plain: plain_snomed.Plain) -> None:
    chance, codes = random.Random(5), sorted(plain.concepts)
    for _ in range(2_000):
        descendant = chance.choice(codes)
        above = sorted(plain._reached({descendant}, plain.parents)) or codes
        ancestor = chance.choice((chance.choice(above), chance.choice(codes)))
        assert system.subsumes(ancestor, descendant) == plain.subsumes(ancestor, descendant)


def test_a_text_finds_the_concepts_that_have_its_words(
    system: SnomedCodeSystem, plain: plain_snomed.Plain
) -> None:
    chance = random.Random(6)
    spoken = sorted({word for said in plain.said.values() for one in said for word in one.term.split()})
    for _ in range(150):
        text = " ".join(
            chance.choice(spoken)[: chance.randint(1, 5)] for _ in range(chance.choice((1, 1, 2)))
        )
        assert {concept.code for concept in system.select(text=text)} == plain.found_by(text)


# -- FHIR's filters and value sets ---------------------------------------------------------------

FILTERS: dict[str, tuple[Filter, str]] = {
    "concept is-a": (Filter("concept", "is-a", FINDING), f"<< {FINDING}"),
    "concept descendent-of": (Filter("concept", "descendent-of", FINDING), f"< {FINDING}"),
    "concept in": (Filter("concept", "in", REFSETS[1]), f"^ {REFSETS[1]}"),
    "concept not-in": (
        Filter("concept", "not-in", REFSETS[1]),
        f"* {{{{ C active = * }}}} MINUS ^ {REFSETS[1]}",
    ),
    "concept =": (Filter("concept", "=", FINDING), FINDING),
    "constraint =": (Filter("constraint", "=", f"<! {FINDING}"), f"<! {FINDING}"),
    "expression =": (Filter("expression", "=", f"<! {FINDING}"), f"<! {FINDING}"),
    "expressions = false": (Filter("expressions", "=", "false"), "* {{ C active = * }}"),
    "an attribute =": (Filter(ATTRIBUTES[0], "=", SITE), f"* : {ATTRIBUTES[0]} = {SITE}"),
    "moduleId =": (Filter("moduleId", "=", rf2.CORE), f"* {{{{ C moduleId = {rf2.CORE}, active = * }}}}"),
    "inactive =": (Filter("inactive", "=", "true"), "* {{ C active = 0 }}"),
    "sufficientlyDefined =": (
        Filter("sufficientlyDefined", "=", "true"),
        '* {{ C active = "*", definitionStatus = defined }}',
    ),
}


@pytest.mark.parametrize("name", FILTERS)
def test_filters_of_value_sets_are_those_of_the_page_on_SNOMED_CT(
    system: SnomedCodeSystem, name: str
) -> None:
    filter_, expression = FILTERS[name]
    assert {concept.code for concept in system.select([filter_])} == chosen(system, expression)
    assert chosen(system, expression)


def test_expressions_true_says_that_the_list_is_not_all(system: SnomedCodeSystem) -> None:
    selection = system.select([Filter("expressions", "=", "true")])
    assert "Post-coordinated expressions" in (selection.unclosed or "")
    assert system.select().unclosed == selection.unclosed
    assert system.select([Filter("concept", "is-a", FINDING)]).unclosed == ""
    closed = [Filter("concept", "is-a", FINDING), Filter("expressions", "=", "false")]
    assert system.select(closed).unclosed is None
    with pytest.raises(TerminologyError, match="its value must be true or false"):
        system.select([Filter("expressions", "=", "perhaps")])


def test_a_filter_on_the_normal_form_is_refused_for_that_is_only_shown(system: SnomedCodeSystem) -> None:
    with pytest.raises(TerminologyError, match="'normalFormTerse = x' was not understood"):
        system.select([Filter("normalFormTerse", "=", "x")])


def test_the_parts_of_a_normal_form_are_asked_for_in_another_way(system: SnomedCodeSystem) -> None:
    for part in DESCRIPTION.not_offered:
        for property_ in part.properties:
            with pytest.raises(TerminologyError) as refused:
                system.select([Filter(property_, "=", "x")])
            assert part.reason in refused.value.issues[0].text


# A value of each filter of the page that some concept has.
VALUES = {
    "constraint": f"<< {FINDING}",
    "expression": f"<< {FINDING}",
    "expressions": "true",
    "concept": REFSETS[1],
    "parent": FINDING,
    "child": rf2.concept_id(MADE.starts["finding"][0] + 1),
    "inactive": "false",
    "sufficientlyDefined": "true",
    "moduleId": rf2.CORE,
    "semanticTag": "finding",
    "effectiveTime": rf2.DAYS[1],
}


@pytest.mark.parametrize("property_", [p for rule in DESCRIPTION.filters for p in rule.properties])
def test_every_filter_of_the_page_selects_something(system: SnomedCodeSystem, property_: str) -> None:
    rule = DESCRIPTION.rule_of(property_)
    assert rule is not None
    for operator in rule.operators:
        value = {"exists": "true", "regex": ".+"}.get(operator, VALUES[property_])
        if property_ == "concept" and operator not in ("in", "not-in"):
            value = rf2.concept_id(MADE.starts["finding"][0] + 1) if operator == "generalizes" else FINDING
        assert next(iter(system.select([Filter(property_, operator, value)])), None)
    with pytest.raises(TerminologyError, match="not understood"):
        system.select([Filter(property_, "around", VALUES[property_])])


@pytest.mark.parametrize("property_", ["constraint", "expressions"])
def test_a_fragment_says_what_only_a_release_answers(property_: str) -> None:
    fragment = DocumentCodeSystem(code_system(URL, FINDING, content="fragment"))
    with pytest.raises(TerminologyError, match="answered for a release that was imported from RF2"):
        fragment.select([Filter(property_, "=", "true")])
    value_set = fragment.implied_value_set(f"{URL}?fhir_vs")
    assert value_set is not None and value_set["copyright"] == DESCRIPTION.copyright


def test_a_filter_on_a_concept_that_is_not_there_is_refused(system: SnomedCodeSystem) -> None:
    with pytest.raises(TerminologyError, match=f"has no code '{NOBODY}'|'{NOBODY}'"):
        system.select([Filter("concept", "in", NOBODY)])


def test_members_of_several_reference_sets_and_concepts_are_united(
    system: SnomedCodeSystem, plain: plain_snomed.Plain
) -> None:
    """``concept in`` with a list: the members of reference sets; any other identifier stands for itself."""
    filter_ = Filter("concept", "in", f"{REFSETS[1]}, {FINDING} ,{REFSETS[2]}")
    united = plain.members[REFSETS[1]] | plain.members[REFSETS[2]] | {FINDING}
    assert {concept.code for concept in system.select([filter_])} == united


# Nested in a canonical an expression is percent-encoded, or stands as it is.
EXPRESSION = f"<< {FINDING} |Made-up| : {ATTRIBUTES[0]} = *"
IMPLIED = {
    "?fhir_vs": "* {{ C active = * }}",
    f"?fhir_vs=isa/{FINDING}": f"<< {FINDING}",
    f"?fhir_vs=refset/{REFSETS[1]}": f"^ {REFSETS[1]}",
    f"?fhir_vs=ecl/{quote(EXPRESSION, safe='')}": EXPRESSION,
    f"?fhir_vs=ecl/{EXPRESSION}": EXPRESSION,
    f"?fhir_vs=ecl/* : {ATTRIBUTES[rf2.NUMBERS]} > #5": f"* : {ATTRIBUTES[rf2.NUMBERS]} > #5",
}


@pytest.mark.parametrize("base", [URL, f"{URL}/{MADE.module}", VERSION])
@pytest.mark.parametrize("asked", IMPLIED)
def test_implicit_value_sets_expand_for_a_system_edition_or_version(
    terminology: Terminology, system: SnomedCodeSystem, base: str, asked: str
) -> None:
    """Implicit value sets are expanded for the code system, an edition and a version."""
    expanded = terminology.ask("ValueSet/$expand", url=f"{base}{asked}", count=5_000)
    codes = {contained["code"] for contained in expanded["expansion"]["contains"]}
    assert codes == chosen(system, IMPLIED[asked])
    assert {"name": "version", "valueUri": f"{URL}|{VERSION}"} in [
        {"name": "version", "valueUri": p["valueUri"]}
        for p in expanded["expansion"]["parameter"]
        if p["name"] in ("version", "used-codesystem")
    ]


NAMES = {
    "?fhir_vs": ("ALLSNOMEDCT", "All SNOMED CT concepts"),
    f"?fhir_vs=isa/{FINDING}": (
        f"SNOMED CT Concept {FINDING} and descendants",
        "All SNOMED CT concepts for {display}",
    ),
    "?fhir_vs=refset": (
        "SNOMED CT Reference Sets",
        "All SNOMED CT concepts associated with a reference set",
    ),
    f"?fhir_vs=refset/{REFSETS[1]}": (
        f"SNOMED CT Reference Set {REFSETS[1]}",
        "All SNOMED CT concepts in the reference set {display}",
    ),
    f"?fhir_vs=ecl/{quote(f'<< {FINDING}')}": (
        f"SNOMED CT Concepts matching << {FINDING}",
        f"All SNOMED CT concepts that match the expression constraint << {FINDING}",
    ),
}


@pytest.mark.parametrize("asked", NAMES)
def test_an_implicit_value_set_has_the_texts_that_HL7_prescribes(
    terminology: Terminology, system: SnomedCodeSystem, asked: str
) -> None:
    name, description = NAMES[asked]
    about = system.locate(asked.rpartition("/")[2])
    for base in (URL, VERSION):
        value_set = terminology.catalogue.value_set(f"{base}{asked}")
        assert value_set is not None
        assert value_set["name"] == name
        assert value_set["description"] == description.format(display=about and about.display)
        assert value_set["copyright"].startswith("This value set includes content from SNOMED CT, which is")
        assert (value_set["url"], value_set["version"], value_set["status"]) == (
            f"{base}{asked}",
            VERSION,
            "active",
        )


def test_the_implicit_value_set_of_reference_sets_has_their_concepts(
    terminology: Terminology, plain: plain_snomed.Plain
) -> None:
    expanded = terminology.ask("ValueSet/$expand", url=f"{URL}?fhir_vs=refset")
    codes = {contained["code"] for contained in expanded["expansion"]["contains"]}
    dialects = {refset for said in plain.said.values() for one in said for refset in one.accepted}
    assert codes == (set(plain.members) | dialects) & set(plain.concepts)


@pytest.mark.parametrize("form", ["canonical", "encoded"])
def test_a_code_is_validated_against_an_implicit_value_set_over_HTTP(client: FlaskClient, form: str) -> None:
    expression = f"< {FINDING}"
    canonical = f"{URL}?fhir_vs=ecl/{expression if form == 'canonical' else quote(expression)}"
    for code, is_there in ((rf2.concept_id(MADE.starts["finding"][0] + 1), True), (FINDING, False)):
        given = {"url": canonical, "system": URL, "code": code}
        answer = client.get("/fhir/r4/ValueSet/$validate-code", query_string=given).get_json()
        assert {"name": "result", "valueBoolean": is_there} in answer["parameter"]


NOT_IMPLIED = {
    f"?fhir_vs=isa/{NOBODY}": f"has no code '{NOBODY}'",
    f"?fhir_vs=refset/{NOBODY}": f"has no reference set '{NOBODY}' of concepts",
    "?fhir_vs=everything": "SNOMED CT implies these value sets: '?fhir_vs', '?fhir_vs=isa/[id]'",
    "?fhir_vs=ecl/<<": "a concept, '*', '^' or '(' is expected",
    f"?fhir_vs=ecl/<<{NOBODY}": f"there is no concept '{NOBODY}'",
}


@pytest.mark.parametrize("asked", NOT_IMPLIED)
def test_what_is_not_implied_gets_an_answer_that_says_why(client: FlaskClient, asked: str) -> None:
    answer = client.get("/fhir/r4/ValueSet/$expand", query_string={"url": f"{URL}{asked}"})
    assert answer.status_code in (400, 404, 422)
    assert answer.get_json()["resourceType"] == "OperationOutcome"
    assert NOT_IMPLIED[asked] in re.sub(r"\\u003c", "<", answer.get_data(as_text=True))


# -- codes and versions --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "version",
    [
        rf2.DATE,
        "2031-03",
        f"http://snomed.info/xsct/{MADE.module}",
        f"{URL}/{MADE.module}/version/20300101",
        VERSION.replace("http:", "HTTP:"),
        VERSION.replace("/version/", "/%76ersion/"),
    ],
)
def test_a_version_that_is_not_here_is_refused_with_those_that_are(
    terminology: Terminology, version: str
) -> None:
    """No edition is guessed of a date, and unpublished content is not published content."""
    with pytest.raises(TerminologyError, match=f"Valid versions: {VERSION}"):
        terminology.ask("CodeSystem/$lookup", system=URL, code=FINDING, version=version)


@pytest.mark.parametrize("version", [None, f"{URL}/{MADE.module}", VERSION])
def test_a_lookup_names_the_edition_and_its_date(terminology: Terminology, version: str | None) -> None:
    given: dict[str, Any] = {} if version is None else {"version": version}
    answer = terminology.ask("CodeSystem/$lookup", system=URL, code=FINDING, **given)
    assert {"name": "version", "valueString": VERSION} in answer["parameter"]


@pytest.mark.parametrize("code", [rf2.description_id(5), rf2.relationship_id(5), "Finding", "Z50-1"])
def test_only_concepts_and_expressions_are_codes(terminology: Terminology, code: str) -> None:
    """Neither descriptions nor relationships, terms and identifiers elsewhere."""
    answer = terminology.ask("CodeSystem/$validate-code", url=URL, code=code)
    assert {"name": "result", "valueBoolean": False} in answer["parameter"]


def test_an_inactive_concept_is_a_code_that_is_related_to_itself_alone(
    terminology: Terminology, plain: plain_snomed.Plain
) -> None:
    old = next(code for code, concept in plain.concepts.items() if not concept.active)
    answer = terminology.ask("CodeSystem/$validate-code", url=URL, code=old)
    assert {"name": "result", "valueBoolean": True} in answer["parameter"]
    assert {"name": "inactive", "valueBoolean": True} in answer["parameter"]
    for other, outcome in ((rf2.ROOT, "not-subsumed"), (old, "equivalent")):
        answer = terminology.ask("CodeSystem/$subsumes", system=URL, codeA=other, codeB=old)
        assert {"name": "outcome", "valueCode": outcome} in answer["parameter"]


# -- implicit maps -------------------------------------------------------------------------------


@pytest.mark.parametrize("base", [URL, f"{URL}/{MADE.module}", VERSION])
def test_implicit_maps_translate_for_the_system_an_edition_and_a_version(
    terminology: Terminology, plain: plain_snomed.Plain, base: str
) -> None:
    old, new = plain.targets[rf2.SAME_AS][0]
    answer = terminology.ask(
        "ConceptMap/$translate", url=f"{base}?fhir_cm={rf2.SAME_AS}", sourceCoding=f"{URL}|{old}"
    )
    assert _targets(answer) == [new]


def test_a_map_reference_set_translates_to_its_targets(terminology: Terminology) -> None:
    start, _ = MADE.starts["finding"]
    answer = terminology.ask(
        "ConceptMap/$translate",
        url=f"{VERSION}?fhir_cm={rf2.ICD_O}",
        sourceCoding=f"{URL}|{rf2.concept_id(start)}",
    )
    assert _targets(answer) == [f"{8000 + start % 1000}/{start % 4}"]


def test_an_implicit_map_that_is_not_there_is_unknown(terminology: Terminology) -> None:
    for base in (URL, VERSION, f"{URL}/1/version/20000101"):
        with pytest.raises(TerminologyError, match="fhir_cm"):
            terminology.ask(
                "ConceptMap/$translate", url=f"{base}?fhir_cm={NOBODY}", sourceCoding=f"{URL}|{FINDING}"
            )


def _targets(answer: dict[str, Any]) -> list[str]:
    matches = [p["part"] for p in answer["parameter"] if p["name"] == "match"]
    parts: Sequence[dict[str, Any]] = [part for match in matches for part in match]
    return [part["valueCoding"]["code"] for part in parts if part["name"] == "concept"]


# -- several versions ----------------------------------------------------------------------------


def test_an_edition_means_its_newest_version_and_a_version_itself(tmp_path: Path) -> None:
    for concepts, date in ((300, "20310301"), (200, "20300901")):
        release = rf2.write(tmp_path / date, rf2.Made(concepts, 3 * concepts, date=date))
        place = _loaded(str(tmp_path / "store"), release)
    terminology = Terminology(settings=Settings(environment={}, bundled=False, data="", store=place))
    edition = f"{URL}/{MADE.module}"
    for base, date, concepts in (
        (URL, "20310301", 300),
        (edition, "20310301", 300),
        (f"{edition}/version/20300901", "20300901", 200),
    ):
        expanded = terminology.ask("ValueSet/$expand", url=f"{base}?fhir_vs=ecl/*", count=0)["expansion"]
        assert expanded["total"] == _active(concepts)
        value_set = terminology.catalogue.value_set(f"{base}?fhir_vs=ecl/*")
        assert value_set.get("version") == f"{edition}/version/{date}"
        pin: dict[str, Any] = {"system-version": f"{URL}|{edition}/version/20300901"}
        pinned = terminology.ask("ValueSet/$expand", url=f"{base}?fhir_vs=ecl/*", count=0, **pin)["expansion"]
        assert pinned["total"] == _active(200 if base == URL else concepts)
        refsets = terminology.ask("ValueSet/$expand", url=f"{base}?fhir_vs=refset", **pin)["expansion"]
        used = f"{URL}|{edition}/version/{'20300901' if base == URL else date}"
        assert {"name": "used-codesystem", "valueUri": used} in refsets["parameter"]
        mapped = terminology.catalogue.concept_map(f"{base}?fhir_cm={rf2.ICD_O}")
        assert mapped.document["version"] == f"{edition}/version/{date}"


def _active(concepts: int) -> int:
    """How many active concepts a release of so many has."""
    made = rf2.Made(concepts, 3 * concepts)
    return sum(map(made.is_active, range(made.count))) + len(rf2.MODEL) + 2


# -- the benchmark -------------------------------------------------------------------------------


@pytest.mark.parametrize("is_changed", [False, True])
def test_the_benchmark_ends_with_1_when_an_answer_is_not_what_the_rows_say(
    tmp_path: Path, is_changed: bool
) -> None:
    release = rf2.write(tmp_path / "release", rf2.Made(300, 900))
    store = _loaded(str(tmp_path / "store"), release)
    if is_changed:
        (concepts,) = release.rglob("sct2_Concept_*")
        concepts.write_text(re.sub(r"\t1\t(\d+\t9)", r"\t0\t\1", concepts.read_text()))
    program = ROOT / "benchmarks" / "snomed.py"
    options = ["--step", "compare", "--release", str(release), "--store", store, "--expressions", "20"]
    ended = subprocess.run([sys.executable, str(program), *options], capture_output=True, text=True)
    assert ended.returncode == is_changed, ended.stdout + ended.stderr
    assert ("; 0 differences" in ended.stdout) is not is_changed


# -- the generator -------------------------------------------------------------------------------


def test_an_archive_is_imported_like_the_folder_that_it_unpacks_to(
    tmp_path: Path, system: SnomedCodeSystem
) -> None:
    place = _loaded(str(tmp_path / "store"), rf2.write(tmp_path / "release.zip", MADE))
    other = Terminology(settings=Settings(environment={}, bundled=False, data="", store=place))
    again = other.catalogue.system(URL)
    assert list(again.select()) == list(system.select())
    codes = [concept.code for concept in system.select()][::50]
    assert again.describe(codes) == system.describe(codes)


def test_the_release_has_as_many_concepts_and_descriptions_as_asked_for(folder: Path) -> None:
    counts = {path.name: path.read_text().count("\n") - 1 for path in folder.rglob("*.txt")}
    model = len(rf2.MODEL) + 2
    described = (count for name, count in counts.items() if name.startswith("sct2_Description"))
    assert counts[f"sct2_Concept_Snapshot_XX{rf2.NAMESPACE}_{rf2.DATE}.txt"] == 1_500 + model
    assert sum(described) == 4_500 + model
