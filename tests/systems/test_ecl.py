"""The Expression Constraint Language: what is read, and what is refused (ECL 2.2; terms are made up)."""

from __future__ import annotations

from decimal import Decimal

import pytest

from terminology.core.errors import TerminologyError
from terminology.systems.snomed.ecl.expression import (
    AlternateIdentifier,
    AttributeGroup,
    ByActive,
    ByColumn,
    ByDefinitionStatus,
    ByDialect,
    ByIdentifier,
    ByLanguage,
    ByModule,
    ByTerm,
    ByTime,
    ByType,
    Compound,
    CompoundRefinement,
    Constraint,
    Described,
    Dialect,
    Dotted,
    EclAttribute,
    Filtered,
    Focus,
    HavingMembers,
    MemberOf,
    Refined,
    Related,
    Text,
    Truth,
    Wildcard,
    WithHistory,
)
from terminology.systems.snomed.ecl.parser import parse
from terminology.systems.snomed.ecl.text_reader import DEEPEST, LONGEST
from terminology.systems.snomed.identifiers import DIALECTS, is_identifier

A, B, C = Focus("404684003"), Focus("363698007"), Focus("39057004")
DOWN = Related("<<", A)
HAS = EclAttribute(B, "=", Related("<<", C))
PREFERRED = ("900000000000548007",)

# What the sections of the specification have as examples, with the concepts all alike.
READ: dict[str, Constraint] = {
    # 6.1 simple expression constraints
    "404684003": A,
    "404684003 |Made-up thing|": A,
    "404684003|Made-up (thing), with / signs <<|": A,
    " \t\r\n404684003 /* a comment * with ** stars */ ": A,
    "*": Wildcard(),
    "< 404684003": Related("<", A),
    "<<404684003": DOWN,
    "<! 404684003": Related("<!", A),
    "<<! 404684003": Related("<<!", A),
    "> 404684003": Related(">", A),
    ">> 404684003": Related(">>", A),
    ">! 404684003": Related(">!", A),
    ">>! 404684003": Related(">>!", A),
    "!!> (404684003 OR 39057004)": Related("!!>", Compound("OR", (A, C))),
    "!!< (404684003 OR 39057004)": Related("!!<", Compound("OR", (A, C))),
    "^ 404684003": MemberOf(A),
    "^ *": MemberOf(Wildcard()),
    "^ (<< 404684003)": MemberOf(DOWN),
    "< ^ 404684003": Related("<", MemberOf(A)),
    "^ [referencedComponentId] 404684003": MemberOf(A, "referencedcomponentid"),
    "LOINC#54486-6": AlternateIdentifier("LOINC", "54486-6"),
    '"LOINC#54486-6" |Term|': AlternateIdentifier("LOINC", "54486-6"),
    '<< NPU#"a b" ': Related("<<", AlternateIdentifier("NPU", "a b")),
    "* : 404684003 = LOINC#54486-6": Refined(
        Wildcard(), EclAttribute(A, "=", AlternateIdentifier("LOINC", "54486-6"))
    ),
    "^R (404684003)": HavingMembers(A),
    "^ [targetComponentId] 404684003": MemberOf(A, "targetcomponentid"),
    # 6.2, 6.3 refinements, groups
    "<< 404684003 : 363698007 = << 39057004": Refined(DOWN, HAS),
    "<< 404684003 : 363698007 |Made-up role| = << 39057004 |Made-up|": Refined(DOWN, HAS),
    "<< 404684003 : (363698007 = << 39057004)": Refined(DOWN, HAS),
    "<< 404684003 : { 363698007 = << 39057004 }": Refined(DOWN, AttributeGroup(HAS)),
    "<< 404684003 : { 363698007 = << 39057004, 363698007 = << 39057004 }": Refined(
        DOWN, AttributeGroup(CompoundRefinement("AND", (HAS, HAS)))
    ),
    "<< 404684003 : { 363698007 = << 39057004 } OR { 363698007 = << 39057004 }": Refined(
        DOWN, CompoundRefinement("OR", (AttributeGroup(HAS), AttributeGroup(HAS)))
    ),
    "* : (363698007 OR 39057004) = *": Refined(
        Wildcard(), EclAttribute(Compound("OR", (B, C)), "=", Wildcard())
    ),
    "* : << 363698007 = *": Refined(Wildcard(), EclAttribute(Related("<<", B), "=", Wildcard())),
    "* : * = 39057004": Refined(Wildcard(), EclAttribute(Wildcard(), "=", C)),
    "* : 363698007 = (39057004 AND 404684003)": Refined(
        Wildcard(), EclAttribute(B, "=", Compound("AND", (C, A)))
    ),
    "* : 363698007 != 39057004": Refined(Wildcard(), EclAttribute(B, "!=", C)),
    "* : 363698007 = (<< 39057004 : 363698007 = << 39057004)": Refined(
        Wildcard(), EclAttribute(B, "=", Refined(Related("<<", C), HAS))
    ),
    # 6.2 concrete values
    "* : 363698007 >= #250": Refined(Wildcard(), EclAttribute(B, ">=", Decimal(250))),
    "* : 363698007 < #-0.5": Refined(Wildcard(), EclAttribute(B, "<", Decimal("-0.5"))),
    "* : 363698007 = true": Refined(Wildcard(), EclAttribute(B, "=", Truth("true"))),
    '* : 363698007 = "red"': Refined(Wildcard(), EclAttribute(B, "=", (Text("match", "red"),))),
    '* : 363698007 != ("red" wild:"b*")': Refined(
        Wildcard(), EclAttribute(B, "!=", (Text("match", "red"), Text("wild", "b*")))
    ),
    # 6.4 cardinality, reverse, dotted
    "* : [1..3] 363698007 = *": Refined(Wildcard(), EclAttribute(B, "=", Wildcard(), 1, 3)),
    "* : [0..0] 363698007 != 39057004": Refined(Wildcard(), EclAttribute(B, "!=", C, 0, 0)),
    "* : [2..*] { [0..1] 363698007 = * }": Refined(
        Wildcard(), AttributeGroup(EclAttribute(B, "=", Wildcard(), 0, 1), 2, None)
    ),
    "* : [2..*] { [0..1] R 363698007 = *, (reverseOf 363698007 = * OR R 39057004 = *) }": Refined(
        Wildcard(),
        AttributeGroup(
            CompoundRefinement(
                "AND",
                (
                    EclAttribute(B, "=", Wildcard(), 0, 1, reverse=True),
                    CompoundRefinement(
                        "OR",
                        (
                            EclAttribute(B, "=", Wildcard(), reverse=True),
                            EclAttribute(C, "=", Wildcard(), reverse=True),
                        ),
                    ),
                ),
            ),
            2,
            None,
            reverse=True,
        ),
    ),
    "* : R 363698007 = 39057004": Refined(Wildcard(), EclAttribute(B, "=", C, reverse=True)),
    "404684003 . 363698007": Dotted(A, B),
    "404684003.363698007.39057004": Dotted(Dotted(A, B), C),
    "(<< 404684003) . (363698007 OR 39057004)": Dotted(DOWN, Compound("OR", (B, C))),
    # 6.5, 6.6 compounds
    "404684003 AND 39057004 AND 363698007": Compound("AND", (A, C, B)),
    "404684003, 39057004": Compound("AND", (A, C)),
    "(404684003 OR 39057004) MINUS 363698007": Compound("MINUS", (Compound("OR", (A, C)), B)),
    "404684003 and(39057004)": Compound("AND", (A, C)),
    # 6.7 concept filters
    "* {{ C active = 1 }}": Filtered(Wildcard(), (ByActive(True),)),
    "* {{ C active != true }}": Filtered(Wildcard(), (ByActive(False),)),
    "* {{ C active = * }}": Filtered(Wildcard(), (ByActive(None),)),
    "* {{ D active = 0 }}": Described(Wildcard(), (ByActive(False),)),
    "* {{ C definitionStatus = defined }}": Filtered(
        Wildcard(), (ByDefinitionStatus(True, Focus("900000000000073002")),)
    ),
    "* {{ C definitionStatusId = 900000000000074008 }}": Filtered(
        Wildcard(), (ByDefinitionStatus(True, Focus("900000000000074008")),)
    ),
    "* {{ C moduleId != (404684003 39057004), active = 0 }}": Filtered(
        Wildcard(), (ByModule(False, Compound("OR", (A, C))), ByActive(False))
    ),
    "* {{ C moduleId = (404684003 OR 39057004) }}": Filtered(
        Wildcard(), (ByModule(True, Compound("OR", (A, C))),)
    ),
    '* {{ C effectiveTime >= "20190731" }}': Filtered(Wildcard(), (ByTime(">=", ("20190731",)),)),
    '* {{ C effectiveTime = ("20190731" "20200131") }}': Filtered(
        Wildcard(), (ByTime("=", ("20190731", "20200131")),)
    ),
    # 6.8 description filters
    '* {{ term = "heart att" }}': Described(Wildcard(), (ByTerm(True, (Text("match", "heart att"),)),)),
    '* {{ D term = match:"heart", language = en }}': Described(
        Wildcard(), (ByTerm(True, (Text("match", "heart"),)), ByLanguage(True, ("en",)))
    ),
    r'* {{ term != ("a \"b\"" wild:"c\**" exact:"D") }}': Described(
        Wildcard(), (ByTerm(False, (Text("match", 'a "b"'), Text("wild", r"c\**"), Text("exact", "D"))),)
    ),
    "* {{ D type = (syn fsn) }}": Described(
        Wildcard(),
        (ByType(True, Compound("OR", (Focus("900000000000013009"), Focus("900000000000003001")))),),
    ),
    "* {{ D typeId = 900000000000550004, language = (en es) }}": Described(
        Wildcard(), (ByType(True, Focus("900000000000550004")), ByLanguage(True, ("en", "es")))
    ),
    "* {{ D dialect = en-gb (prefer) }}": Described(
        Wildcard(), (ByDialect(True, (Dialect(Focus("900000000000508004"), PREFERRED),)),)
    ),
    "* {{ D dialectId != 900000000000508004 (accept prefer) }}": Described(
        Wildcard(),
        (
            ByDialect(
                False, (Dialect(Focus("900000000000508004"), ("900000000000548007", "900000000000549004")),)
            ),
        ),
    ),
    "* {{ D dialect = (en-gb (prefer) en-us) }}": Described(
        Wildcard(),
        (
            ByDialect(
                True, (Dialect(Focus("900000000000508004"), PREFERRED), Dialect(Focus("900000000000509007")))
            ),
        ),
    ),
    "* {{ D id = 3032638017, id != (3032638017 2148514019) }}": Described(
        Wildcard(),
        (
            ByIdentifier(True, (Focus("3032638017"),)),
            ByIdentifier(False, (Focus("3032638017"), Focus("2148514019"))),
        ),
    ),
    '* {{ term = "a" }} {{ C active = 1 }}': Filtered(
        Described(Wildcard(), (ByTerm(True, (Text("match", "a"),)),)), (ByActive(True),)
    ),
    # 6.10 member filters, 6.11 history
    "^ 404684003 {{ M targetComponentId = 39057004, active = 1 }}": MemberOf(
        A, None, (ByColumn("targetcomponentid", "=", C), ByActive(True))
    ),
    '^ 404684003 {{ M mapTarget = "J45" }}': MemberOf(
        A, None, (ByColumn("maptarget", "=", (Text("match", "J45"),)),)
    ),
    "^ 404684003 {{ M mapPriority not = #1, moduleId = 39057004, active = 0 }}": MemberOf(
        A, None, (ByColumn("mappriority", "!=", Decimal(1)), ByModule(True, C), ByActive(False))
    ),
    '^ 404684003 {{ M sourceEffectiveTime >= "20200131", grouped = true }}': MemberOf(
        A,
        None,
        (
            ByColumn("sourceeffectivetime", ">=", (Text("exact", "20200131"),)),
            ByColumn("grouped", "=", Truth("true")),
        ),
    ),
    "^ 404684003 {{ M active = 1 }} {{ C active = 0 }}": Filtered(
        MemberOf(A, None, (ByActive(True),)), (ByActive(False),)
    ),
    "<< 404684003 {{ + HISTORY-MIN }}": WithHistory(DOWN, "MIN"),
    "<< 404684003 {{+history_mod}}": WithHistory(DOWN, "MOD"),
    "<< 404684003 {{ + HISTORY }}": WithHistory(DOWN, "MAX"),
    "<< 404684003 {{ + HISTORY (^ 39057004) }}": WithHistory(DOWN, "", MemberOf(C)),
}


@pytest.mark.parametrize("text", READ)
def test_an_expression_is_read_as_the_grammar_says(text: str) -> None:
    assert parse(text) == READ[text]


LONG = {
    "descendantOf 404684003": "< 404684003",
    "descendantOrSelfOf 404684003": "<< 404684003",
    "childOf 404684003": "<! 404684003",
    "childOrSelfOf 404684003": "<<! 404684003",
    "ancestorOf 404684003": "> 404684003",
    "ancestorOrSelfOf 404684003": ">> 404684003",
    "parentOf 404684003": ">! 404684003",
    "PARENTORSELFOF 404684003": ">>! 404684003",
    "top (404684003 or 39057004)": "!!> (404684003 OR 39057004)",
    "bottom (404684003 or 39057004)": "!!< (404684003 OR 39057004)",
    "memberOf 404684003": "^ 404684003",
    "ANY": "*",
    "any : [1 to many] reverseOf 363698007 NOT = 39057004": "* : [1..*] R 363698007 != 39057004",
    "any : 363698007 <> 39057004": "* : 363698007 != 39057004",
    "any {{ concept definitionStatus = primitive }}": "* {{ C definitionStatus = primitive }}",
    'any {{ description term = "x", type = synonym }}': '* {{ D term = "x", type = syn }}',
    "memberOf 404684003 {{ member active = true }}": "^ 404684003 {{ M active = 1 }}",
}


@pytest.mark.parametrize("text", LONG)
def test_the_long_syntax_says_the_same_as_the_brief_one(text: str) -> None:
    assert parse(text) == parse(LONG[text])


REFUSED = {
    "": "at character 1, at the end, a concept, '*', '^' or '(' is expected",
    "dragons": "at character 1, before 'dragons', a concept",
    "<< 404684003 AND": "at character 17, at the end, a concept",
    "<< 404684004": "'404684004' is not a SNOMED CT identifier",
    "<< 12345": "'12345' is not a SNOMED CT identifier",
    "<< 404684003 |never closed": "at character 14, before '|never closed', '|' after the term is expected",
    "(404684003": "at character 11, at the end, ')' is expected",
    "404684003)": "at character 10, before ')', the end",
    "404684003 AND 39057004 OR 363698007": "at character 24, before 'OR 363698007', the end",
    "404684003 MINUS 39057004 MINUS 363698007": "at character 26, before 'MINUS 363698007', the end",
    "404684003 AND 39057004 : 363698007 = *": "at character 24, before ': 363698007 = *', the end",
    "* : 363698007 = *, 39057004 = * OR 363698007 = *": "before 'OR 363698007 = *', AND, or brackets",
    "* : 363698007": "at character 14, at the end, a comparison such as '=' is expected",
    "* : 363698007 > 39057004": "a number after '#' is expected",
    "* : [3..1] 363698007 = *": "at least 3 is expected",
    "* : { { 363698007 = * } }": "a group cannot be in another group",
    "* : { R 363698007 = *, 39057004 = * }": "a group with reversed and other attributes is not supported",
    "* : R 363698007 = #5": "a reversed attribute with a value that is not a concept is not supported",
    "LOINC#": "a concept, '*', '^' or '(' is expected",
    "LOINC#54486-6 |Term": "'|' after the term is expected",
    "^ [mapTarget, mapRule] 404684003": "more than one column of a reference set, which no value set can have",
    "^ [*] 404684003": "more than one column of a reference set",
    "^ [] 404684003": "a column of a reference set is expected",
    "^ 404684003 {{ M mapTarget ~ 1 }}": "a comparison such as '=' is expected",
    "^ 404684003 {{ M mapPriority > 1 }}": 'a day as "YYYYMMDD" is expected',
    "404684003 {{ M active = 1 }}": "'^' before member filters is expected",
    "* {{ D id = 404684003 }}": "at character 13, before '404684003 }}', the identifier of a description",
    "* {{ D id = (3032638017 1) }}": "before '1) }}', the identifier of a description",
    "* {{ D id = loop }}": "the identifier of a description is expected",
    "* {{ D dialect = en-dragon }}": "the dialect 'en-dragon' (give its reference set: dialectId)",
    "* {{ D language = english }}": "a language of two letters is expected",
    '* {{ D term = "!" }}': "a text with a word in it before this is expected",
    "* {{ C colour = red }}": "one of definitionstatusid, definitionstatus, moduleid",
    '* {{ C effectiveTime > "2019" }}': 'a day as "YYYYMMDD" is expected',
    "* {{ + HISTORY-LOTS }}": "'HISTORY' is expected",
    "* /* never closed": "before '/* never closed', the end",
    "* : "
    + ", ".join(["363698007 = *"] * 101): "may have at most 100 attributes, filters, and operators before",
    "404684003 " + " " * LONGEST: f"may have at most {LONGEST:,} characters",
    "(" * (DEEPEST + 1): f"may have at most {DEEPEST:,} nested parts",
    "* : " + "(" * 5000 + "363698007 = *": "nested parts",
}


@pytest.mark.parametrize("text", REFUSED, ids=lambda text: text[:40])
def test_an_invalid_or_unsupported_expression_is_refused_at_its_place(text: str) -> None:
    """A text that is not an expression, or not supported, is refused at the place of the mistake."""
    with pytest.raises(TerminologyError) as refused:
        parse(text)
    assert REFUSED[text] in str(refused.value)


def test_brackets_of_names_and_of_refinements_differ_at_any_depth() -> None:
    """Brackets around a name and around a refinement are told apart at any depth."""
    deep = "* : " + "(" * 10 + "(363698007 OR 39057004) = *" + ")" * 10
    assert parse(deep) == Refined(Wildcard(), EclAttribute(Compound("OR", (B, C)), "=", Wildcard()))


@pytest.mark.parametrize("alias", DIALECTS)
def test_every_dialect_that_has_an_alias_is_a_SNOMED_identifier(alias: str) -> None:
    assert is_identifier(DIALECTS[alias])
