"""XML in and out: the same documents as in JSON, and none of XML's dangers."""

from __future__ import annotations

import json as plain_json
import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from terminology.core.errors import TerminologyError
from terminology.core.model import Document
from terminology.wire import json, xml
from terminology.wire.fhir_versions import RELEASES
from terminology.wire.xml_elements import NARRATIVE, RESOURCE, XmlElement, table_of
from tests.support.paths import ROOT
from tests.tools import xml_elements

R4, R5 = RELEASES["r4"], RELEASES["r5"]
thorough = settings(max_examples=200, suppress_health_check=list(HealthCheck))

CATS = "http://example.org/CodeSystem/cats"
DIVISION = '<div xmlns="http://www.w3.org/1999/xhtml"><p>Cats &amp; <b>more</b>&#160;cats<br/></p></div>'
SYSTEM: Document = {
    "resourceType": "CodeSystem",
    "id": "cats",
    "meta": {"versionId": "7", "profile": ["http://example.org/p"]},
    "text": {"status": "generated", "div": DIVISION},
    "url": CATS,
    "version": "2.0",
    "name": "Cats",
    "status": "active",
    "caseSensitive": True,
    "content": "complete",
    "property": [{"code": "mass", "type": "decimal"}],
    "concept": [
        {
            "code": "cat",
            "display": 'The "cat" <&>\n\tsits',
            "designation": [{"language": "de", "value": "Katze"}],
            "concept": [{"code": "tabby", "property": [{"code": "mass", "valueDecimal": json.read("4.50")}]}],
        }
    ],
}


def fhir(kind: str, content: str = "") -> str:
    """A resource in XML."""
    return f'<{kind} xmlns="http://hl7.org/fhir">{content}</{kind}>'


def refusal(content: bytes | str) -> tuple[str, list[str]]:
    """The text of the one issue, and what it is about."""
    with pytest.raises(TerminologyError) as caught:
        xml.read_resource(content.encode() if isinstance(content, str) else content, R5)
    (issue,) = caught.value.issues
    assert (issue.severity, issue.code) == ("error", "structure")
    return issue.text, list(issue.at)


# -- one document, two formats -------------------------------------------------------------------

FORMS: dict[str, tuple[Document, str]] = {
    "a primitive is an attribute, and whole numbers, decimals and booleans are what they are in JSON": (
        {
            "resourceType": "ValueSet",
            "experimental": False,
            "expansion": {"total": 0, "parameter": [{"name": "x", "valueDecimal": json.read("1.500")}]},
        },
        '<ValueSet xmlns="http://hl7.org/fhir"><experimental value="false"/><expansion><total value="0"/>'
        '<parameter><name value="x"/><valueDecimal value="1.500"/></parameter></expansion></ValueSet>',
    ),
    "a decimal without a point is whole, an integer64 is a string": (
        {
            "resourceType": "Parameters",
            "parameter": [
                {"name": "a", "valueDecimal": 2},
                {"name": "b", "valueInteger64": "9007199254740993"},
            ],
        },
        fhir(
            "Parameters",
            '<parameter><name value="a"/><valueDecimal value="2"/></parameter>'
            '<parameter><name value="b"/><valueInteger64 value="9007199254740993"/></parameter>',
        ),
    ),
    "elements stand in the order of the definition, whatever that of the JSON": (
        {"resourceType": "CodeSystem", "status": "draft", "url": "http://x", "id": "a"},
        '<CodeSystem xmlns="http://hl7.org/fhir"><id value="a"/><url value="http://x"/>'
        '<status value="draft"/>'
        "</CodeSystem>",
    ),
    "id and extension of a primitive stand in its companion": (
        {
            "resourceType": "CodeSystem",
            "status": "draft",
            "_status": {"id": "s", "extension": [{"url": "http://e", "valueCode": "c"}]},
        },
        '<CodeSystem xmlns="http://hl7.org/fhir"><status id="s" value="draft"><extension url="http://e">'
        '<valueCode value="c"/></extension></status></CodeSystem>',
    ),
    "a primitive may have an extension and no value": (
        {"resourceType": "CodeSystem", "_url": {"extension": [{"url": "http://e", "valueCode": "unknown"}]}},
        '<CodeSystem xmlns="http://hl7.org/fhir"><url><extension url="http://e"><valueCode value="unknown"/>'
        "</extension></url></CodeSystem>",
    ),
    "lists of values and of companions are padded with null to one length": (
        {
            "resourceType": "ValueSet",
            "compose": {
                "include": [
                    {"valueSet": ["http://a", None, "http://c"], "_valueSet": [None, {"id": "b"}, None]},
                ]
            },
        },
        '<ValueSet xmlns="http://hl7.org/fhir"><compose><include><valueSet value="http://a"/>'
        '<valueSet id="b"/>'
        '<valueSet value="http://c"/></include></compose></ValueSet>',
    ),
    "id of an element and url of an extension are attributes, id of a resource is an element": (
        {
            "resourceType": "CodeSystem",
            "id": "r",
            "extension": [{"id": "e", "url": "http://e", "extension": [{"url": "i", "valueBoolean": True}]}],
            "concept": [{"id": "c", "code": "x"}],
        },
        '<CodeSystem xmlns="http://hl7.org/fhir"><id value="r"/><extension id="e" url="http://e">'
        '<extension url="i"><valueBoolean value="true"/></extension></extension>'
        '<concept id="c"><code value="x"/></concept></CodeSystem>',
    ),
    "a resource in a resource stands in an element of its own type": (
        {
            "resourceType": "Bundle",
            "type": "collection",
            "entry": [{"resource": {"resourceType": "Basic", "contained": [{"resourceType": "Patient"}]}}],
        },
        '<Bundle xmlns="http://hl7.org/fhir"><type value="collection"/><entry><resource><Basic><contained>'
        "<Patient/></contained></Basic></resource></entry></Bundle>",
    ),
    "a narrative stands as it is": (
        {"resourceType": "CodeSystem", "text": {"status": "generated", "div": DIVISION}},
        f'<CodeSystem xmlns="http://hl7.org/fhir"><text><status value="generated"/>{DIVISION}</text>'
        "</CodeSystem>",
    ),
    "line ends, tabs, quotes and signs of markup in a value survive": (
        {"resourceType": "CodeSystem", "title": "a\r\n\tb \"c\" 'd' <e> & \U0001f408"},
        '<CodeSystem xmlns="http://hl7.org/fhir"><title value="a&#13;&#10;&#9;b &quot;c&quot; '
        "'d' &lt;e&gt; "
        '&amp; \U0001f408"/></CodeSystem>',
    ),
}


@pytest.mark.parametrize(("document", "text"), FORMS.values(), ids=FORMS)
def test_one_document_in_two_formats(document: Document, text: str) -> None:
    head = '<?xml version="1.0" encoding="UTF-8"?>'
    assert xml.write(document, R5).decode() == head + text
    assert exactly(xml.read_resource((head + text).encode(), R5)) == exactly(document)


@pytest.mark.parametrize(
    "written", ["1", "-0.0", "1.50", "100", "0.000001", "1E+3", "12345678901234567890.10"]
)
def test_a_decimal_keeps_its_digits(written: str) -> None:
    """R5, datatypes: the precision of the decimal value has significance."""
    document = {
        "resourceType": "Parameters",
        "parameter": [{"name": "x", "valueDecimal": json.read(written)}],
    }
    assert f'value="{written}"'.encode() in xml.write(document, R5)
    assert exactly(xml.read_resource(xml.write(document, R5), R5)) == exactly(document)


def test_pretty_only_adds_white_space_and_none_in_a_narrative() -> None:
    pretty = xml.write(SYSTEM, R5, pretty=True)
    assert b"\n  <url value=" in pretty and DIVISION.encode() in pretty
    assert xml.read_resource(pretty, R5) == SYSTEM


def test_the_XML_of_a_release_omits_the_elements_of_other_releases() -> None:
    """Elements of another release have no place in the XML of a release."""
    document = {"resourceType": "CodeSystem", "status": "draft", "copyrightLabel": "R5 only", "nonsense": 1}
    assert xml.read_resource(xml.write(document, R5), R5) == {
        key: value for key, value in document.items() if key != "nonsense"
    }
    assert xml.read_resource(xml.write(document, R4), R4) == {"resourceType": "CodeSystem", "status": "draft"}


# -- reading what others write -------------------------------------------------------------------

LIBERTIES = {
    "a prefix for FHIR's namespace": (
        '<f:Parameters xmlns:f="http://hl7.org/fhir"><f:parameter><f:name value="code"/></f:parameter>'
        "</f:Parameters>"
    ),
    "comments, white space, CDATA of blanks, a byte order mark": (
        '\ufeff<?xml version="1.0"?>\n<!-- hello -->\n<Parameters xmlns="http://hl7.org/fhir">\n\t<parameter>'
        '<![CDATA[ ]]><!-- here --><name value="code"></name></parameter>\n</Parameters>\n<!-- bye -->'
    ),
    "where the schema lies": (
        '<Parameters xmlns="http://hl7.org/fhir" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
        'xsi:schemaLocation="http://hl7.org/fhir ../fhir.xsd"><parameter><name value="code"/></parameter>'
        "</Parameters>"
    ),
    "an empty element": (
        fhir("Parameters", '<language/><parameter><name value="code"/><valueString/></parameter>')
    ),
}


@pytest.mark.parametrize("text", LIBERTIES.values(), ids=LIBERTIES)
def test_liberties_that_XML_allows_change_nothing(text: str) -> None:
    expected = {"resourceType": "Parameters", "parameter": [{"name": "code"}]}
    assert xml.read_resource(text.encode(), R5) == expected


def test_a_narrative_with_a_prefix_is_kept_and_stands_by_itself() -> None:
    text = (
        '<f:CodeSystem xmlns:f="http://hl7.org/fhir" xmlns:h="http://www.w3.org/1999/xhtml"><f:text>'
        '<f:status value="generated"/><h:div class="a>b"><h:p>Cats</h:p></h:div></f:text></f:CodeSystem>'
    )
    document = xml.read_resource(text.encode(), R5)
    root = ElementTree.fromstring(document["text"]["div"])
    assert root.tag == "{http://www.w3.org/1999/xhtml}div" and root.attrib == {"class": "a>b"}
    assert xml.read_resource(xml.write(document, R5), R5) == document


@pytest.mark.parametrize(
    "division", ["<div {}/>", '<div {} title="a>b"></div>', "<div {}>é<div>x</div>y</div>"]
)
def test_a_narrative_is_kept_to_the_letter(division: str) -> None:
    division = division.format('xmlns="http://www.w3.org/1999/xhtml"')
    document = {
        "resourceType": "ValueSet",
        "text": {"status": "generated", "div": division},
        "status": "draft",
    }
    assert xml.read_resource(xml.write(document, R5), R5) == document


REFUSED = {
    "not UTF-8": (
        b"<Parameters xmlns='http://hl7.org/fhir' a='\xe4'/>",
        "The body is not UTF-8: byte 43",
        "",
    ),
    "UTF-16": ("<Parameters/>".encode("utf-16"), "The body is not UTF-8", ""),
    "not XML": ("<Parameters", "The body is not XML: unclosed token at line 1 column 1", ""),
    "empty": (" ", "The body is not XML: no element found", ""),
    "two roots": (
        '<Parameters xmlns="http://hl7.org/fhir"/><Parameters/>',
        "The body is not XML: junk after document element",
        "",
    ),
    "no namespace": (
        "<Parameters/>",
        "the namespace of <Parameters> must be http://hl7.org/fhir, it is ''",
        "",
    ),
    "a namespace that only begins like FHIR's": (
        '<Parameters xmlns="http://hl7.org/fhir/"/>',
        "it is 'http://hl7.org/fhir/'",
        "",
    ),
    "no resource": ('<Coding xmlns="http://hl7.org/fhir"/>', "which is not a resource type of FHIR R5", ""),
    "an abstract type": (
        '<DomainResource xmlns="http://hl7.org/fhir"/>',
        "not a resource type of FHIR R5",
        "",
    ),
    "an unknown element": (
        fhir("Parameters", '\n<parameter><nam value="x"/></parameter>'),
        "Line 2: Parameters.parameter[0] has no element 'nam' in FHIR R5",
        "Parameters.parameter[0]",
    ),
    "a foreign element": (
        fhir("Parameters", '<parameter xmlns="urn:x"/>'),
        "Parameters has no element 'parameter' of the namespace 'urn:x'",
        "Parameters",
    ),
    "an unknown attribute": (
        fhir("Parameters", '<parameter><name vale="x"/></parameter>'),
        "Parameters.parameter[0].name has no attribute 'vale'",
        "Parameters.parameter[0].name",
    ),
    "a value on what has parts": (
        fhir("Parameters", '<parameter value="x"/>'),
        "Parameters.parameter[0] has no attribute 'value'",
        "Parameters.parameter[0]",
    ),
    "a value as text, which is said with what to write instead": (
        fhir("Parameters", "<parameter/><parameter><name>code</name></parameter>"),
        'in FHIR\'s XML a value is an attribute, <name value="..."/>',
        "Parameters.parameter[1].name",
    ),
    "an element twice": (
        fhir("CodeSystem", '<url value="a"/><url value="b"/>'),
        "CodeSystem has the element 'url' twice",
        "CodeSystem",
    ),
    "a wrong boolean": (
        fhir("CodeSystem", '<experimental value="yes"/>'),
        "CodeSystem.experimental has the value 'yes', which is not a valid boolean",
        "CodeSystem.experimental",
    ),
    "a wrong integer": (
        fhir("ValueSet", '<expansion><total value="1e3"/></expansion>'),
        "ValueSet.expansion.total has the value '1e3', which is not a valid integer",
        "ValueSet.expansion.total",
    ),
    "an integer without end": (
        fhir("CodeSystem", '<count value="' + "1" * 5000 + '"/>'),
        "which is not a valid unsignedInt",
        "CodeSystem.count",
    ),
    "a wrong decimal": (
        fhir("Parameters", '<parameter><valueDecimal value="NaN"/></parameter>'),
        "has the value 'NaN', which is not a valid decimal",
        "Parameters.parameter[0].valueDecimal",
    ),
    "no resource where one is due": (
        fhir("Parameters", "<parameter><resource/></parameter>"),
        "Parameters.parameter[0].resource has no resource",
        "Parameters.parameter[0].resource",
    ),
    "two resources where one is due": (
        fhir("Parameters", "<parameter><resource><Basic/><Basic/></resource></parameter>"),
        "Parameters.parameter[0].resource has more than one resource",
        "Parameters.parameter[0].resource",
    ),
    "a type that nobody knows": (
        fhir("Parameters", "<parameter><resource><Cat/></resource></parameter>"),
        "Parameters.parameter[0].resource has <Cat>, which is not a resource type of FHIR R5",
        "Parameters.parameter[0].resource",
    ),
    "what is wrong in a resource inside": (
        fhir(
            "Parameters",
            "<parameter><resource><CodeSystem><concept/><concept><cod/></concept></CodeSystem></resource>"
            "</parameter>",
        ),
        "Parameters.parameter[0].resource.concept[1] has no element 'cod'",
        "Parameters.parameter[0].resource.concept[1]",
    ),
    "a narrative that is not XHTML": (
        fhir("CodeSystem", "<text><div>x</div></text>"),
        "CodeSystem.text has no element 'div' in FHIR R5",
        "CodeSystem.text",
    ),
}


@pytest.mark.parametrize(("content", "said", "at"), REFUSED.values(), ids=REFUSED)
def test_what_is_not_FHIR_is_refused_with_its_place(content: bytes | str, said: str, at: str) -> None:
    text, where = refusal(content)
    assert said in text
    assert where == ([at] if at else [])


# -- the dangers of XML --------------------------------------------------------------------------

LAUGHS = "".join(f'<!ENTITY l{n} "' + f"&l{n - 1};" * 10 + '">' for n in range(1, 10))
BODY = fhir("Parameters", '<parameter><name value="{}"/></parameter>')
DOCUMENT_TYPES = {
    "an empty document type": "<!DOCTYPE Parameters>" + BODY.format("x"),
    "an internal entity": '<!DOCTYPE Parameters [<!ENTITY e "x">]>' + BODY.format("&e;"),
    "billion laughs": f'<!DOCTYPE Parameters [<!ENTITY l0 "ha">{LAUGHS}]>' + BODY.format("&l9;"),
    "quadratic blow-up": '<!DOCTYPE p [<!ENTITY e "' + "x" * 50_000 + '">]>' + BODY.format("&e;" * 50_000),
    "an external entity that is a file": (
        '<!DOCTYPE p [<!ENTITY e SYSTEM "file:///etc/passwd">]>' + BODY.format("") + "&e;"
    ),
    "an external entity of the network": (
        '<!DOCTYPE p [<!ENTITY e SYSTEM "http://127.0.0.1:9/x">]>' + BODY.format("")
    ),
    "an external document type": '<!DOCTYPE p SYSTEM "http://127.0.0.1:9/p.dtd">' + BODY.format("x"),
    "a public document type": '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0//EN" "x.dtd">' + BODY.format("x"),
    "a parameter entity": '<!DOCTYPE p [<!ENTITY % e SYSTEM "file:///etc/passwd"> %e;]>' + BODY.format("x"),
    "a default attribute": '<!DOCTYPE p [<!ATTLIST name value CDATA "x">]>' + BODY.format("x"),
}


@pytest.mark.parametrize("content", DOCUMENT_TYPES.values(), ids=DOCUMENT_TYPES)
def test_a_document_type_is_refused_before_it_is_read(content: str) -> None:
    """R5, xml: FHIR elements never have a DTD, so there are no entities to fetch or to multiply."""
    began = time.thread_time()
    text, _ = refusal(content)
    assert text == "The XML has a document type (<!DOCTYPE ...>), which FHIR does not allow: leave it out"
    assert time.thread_time() - began < 1


def test_an_entity_that_was_not_declared_is_not_XML() -> None:
    assert refusal(BODY.format("&nbsp;"))[0].startswith("The body is not XML: undefined entity")


def nested(depth: int) -> str:
    concepts = "<concept>" * depth + "</concept>" * depth
    return fhir("CodeSystem", concepts)


def test_nesting_has_an_end_and_what_is_above_it_travels_both_ways() -> None:
    deepest = xml.read_resource(nested(xml.DEEPEST - 1).encode(), R5)
    assert xml.write(xml.read_resource(xml.write(deepest, R5), R5), R5) == xml.write(deepest, R5)
    assert json.read(json.write(deepest)) == deepest
    for depth in (xml.DEEPEST, 1_000_000):
        assert refusal(nested(depth))[0] == f"The XML is nested deeper than {xml.DEEPEST} levels"


def test_nesting_has_an_end_in_a_narrative_too() -> None:
    content = f'<div xmlns="http://www.w3.org/1999/xhtml">{"<i>" * 10_000}{"</i>" * 10_000}</div>'
    assert (
        refusal(fhir("CodeSystem", f"<text>{content}</text>"))[0]
        == f"The XML is nested deeper than {xml.DEEPEST} levels"
    )


LARGE = {
    "one long value": BODY.format("x" * 3_000_000),
    "many attributes": "<Parameters " + " ".join(f'a{n}="x"' for n in range(200_000)) + "/>",
    "many namespaces": "<Parameters " + " ".join(f'xmlns:a{n}="x"' for n in range(50_000)) + "/>",
    "one long name": "<" + "P" * 3_000_000 + "/>",
    "one long comment": "<!--" + "x" * 3_000_000 + "-->" + BODY.format("x"),
    "many character references": BODY.format("&#65;" * 500_000),
    "many elements": fhir("Parameters", "<parameter/>" * 200_000),
    "many companions": (
        fhir(
            "ValueSet",
            "<compose><include>"
            + '<valueSet id="a"/>' * 50_000
            + '<valueSet value="a"/>' * 50_000
            + "</include></compose>",
        )
    ),
    "many namespaces for many narratives": (
        fhir(
            "ValueSet",
            "<contained><ValueSet><text><h:div/></text></ValueSet></contained>" * 3_000,
        ).replace(">", f' {" ".join(f"""xmlns:a{n}="u" """ for n in range(5_000))}xmlns:h="{xml.XHTML}">', 1)
    ),
    "many brackets in a narrative": (
        fhir(
            "CodeSystem",
            '<text><div xmlns="http://www.w3.org/1999/xhtml">' + "<i title='>'/>" * 100_000 + "</div></text>",
        )
    ),
}


def test_narratives_do_not_repeat_a_long_namespace_without_end() -> None:
    one = '<contained><ValueSet><text><h:div b:x=""/></text></ValueSet></contained>'
    head = f'<ValueSet xmlns="http://hl7.org/fhir" xmlns:h="{xml.XHTML}" xmlns:b="{"u" * 10_000}">'
    text = xml.read_resource(f"{head}{one}</ValueSet>".encode(), R5)["contained"][0]["text"]["div"]
    assert "u" * 10_000 in text and f'xmlns:h="{xml.XHTML}"' in text
    said, _ = refusal(f"{head}{one * 100}</ValueSet>")
    assert "uses too many namespaces" in said


@pytest.mark.parametrize("content", LARGE.values(), ids=LARGE)
def test_time_grows_no_faster_than_the_body(content: str) -> None:
    began = time.thread_time()
    try:
        xml.read_resource(content.encode(), R5)
    except TerminologyError:
        pass
    assert time.thread_time() - began < 5


DIVISIONS = {
    "closes what is around it": ("</div></text><status value='x'/>", "</div></text><status value='x'/>"),
    "is not well-formed": ("<div><br></div>", "<div><br></div>"),
    "is nothing but text": ("Cats & dogs", "Cats & dogs"),
    "has a document type": (f"<!DOCTYPE div>{DIVISION}", f"<!DOCTYPE div>{DIVISION}"),
    "has a head": (f'<?xml version="1.0"?>{DIVISION}', f'<?xml version="1.0"?>{DIVISION}'),
    "is two": (DIVISION * 2, DIVISION * 2),
    "lacks the namespace": ("<div><p>Cats</p></div>", "Cats"),
    "has an entity of HTML": ("<div>Cats&nbsp;&amp;&eacute;</div>", "Cats\xa0&é"),
    "has a character that XML does not": ("<div>\x01</div>", "<div>\ufffd</div>"),
    "is no character": ("<div>\ud800</div>", "<div>\ufffd</div>"),
}


@pytest.mark.parametrize(("division", "shown"), DIVISIONS.values(), ids=DIVISIONS)
def test_a_narrative_cannot_break_what_is_around_it(division: str, shown: str) -> None:
    """JSON takes any text for a narrative; XML takes XHTML, so what is none becomes text."""
    document = {"resourceType": "CodeSystem", "text": {"status": "generated", "div": division}, "name": "N"}
    back = xml.read_resource(xml.write(document, R5), R5)
    assert {**back, "text": None} == {**document, "text": None}
    assert "".join(ElementTree.fromstring(back["text"]["div"]).itertext()) == shown


@pytest.mark.parametrize(
    "digits", ["1", "1000000000000000000", str(json.LARGEST), str(json.LARGEST + 1), "1.0"]
)
def test_a_decimal_is_read_as_from_JSON_however_many_digits_it_has(digits: str) -> None:
    extension = f'<extension url="http://x"><valueDecimal value="{digits}"/></extension>'
    text = f'<CodeSystem xmlns="http://hl7.org/fhir">{extension}</CodeSystem>'
    value = xml.read_resource(text.encode(), R5)["extension"][0]["valueDecimal"]
    try:
        expected = json.read(digits)
    except TerminologyError:
        expected = Decimal(digits)
    assert (type(value), value) == (type(expected), expected)


# -- laws ----------------------------------------------------------------------------------------


def exactly(document: Document) -> str:
    """A document as text in which 1.50 is not 1.5."""
    return plain_json.dumps(document, sort_keys=True, default=str)


characters = st.characters(
    exclude_categories=("Cs", "Cc"), include_characters="\t\n\r", exclude_characters="\ufffe\uffff"
)
texts = st.text(characters, max_size=8)
# 0E0 is written as 0, in either format: what is read of what was written is the exact form.
decimals = (
    st.from_regex(r"\A-?(0|[1-9][0-9]{0,16})(\.[0-9]{1,9})?([eE][-+]?[0-9]{1,3})?\Z")
    .map(json.read)
    .map(lambda number: json.read(json.write(number)))
)
whole = st.integers(-(10**18) + 1, 10**18 - 1)
PRIMITIVES: dict[str, st.SearchStrategy[Any]] = {
    "boolean": st.booleans(),
    "integer": whole,
    "positiveInt": whole,
    "unsignedInt": whole,
    "decimal": decimals,
    NARRATIVE: texts.map(
        lambda text: DIVISION.replace("more", text.replace("&", "&amp;").replace("<", "&lt;"))
    ).map(lambda text: text.replace("\r", "")),
}
KINDS = ("CodeSystem", "ValueSet", "ConceptMap", "NamingSystem", "Parameters", "Bundle", "OperationOutcome")


@st.composite
def nodes(draw: st.DrawFn, release: str, type_: str, depth: int) -> Document:
    """Any JSON object of a type, in the form that FHIR's JSON has for it."""
    shape = table_of(RELEASES[release].is_r4).shape(type_)
    node = {name: draw(texts) for name in shape.attributes if draw(st.booleans())}
    offered = [e for e in shape.elements.values() if depth > 0 or e.is_primitive]
    for element in draw(st.lists(st.sampled_from(offered), max_size=4, unique=True)) if offered else ():
        node |= draw(elements(release, element, depth - 1))
    return node


@st.composite
def elements(draw: st.DrawFn, release: str, element: XmlElement, depth: int) -> Document:
    count = draw(st.integers(1, 3)) if element.repeats else 1
    if not element.is_primitive:
        kind = resources(release, depth) if element.type == RESOURCE else nodes(release, element.type, depth)
        found = [draw(kind) for _ in range(count)]
        return {element.name: found if element.repeats else found[0]}
    values = [draw(PRIMITIVES.get(element.type, texts)) for _ in range(count)]
    companions: list[Any] = [None] * count
    if depth > 0 and element.type != NARRATIVE:
        beside = nodes(release, "Element", 1).filter(bool)
        companions = [draw(st.none() | beside) for _ in range(count)]
        values = [
            draw(st.sampled_from((v, None))) if c else v for v, c in zip(values, companions, strict=True)
        ]
    pair = {element.name: values, "_" + element.name: companions}
    return {
        name: found if element.repeats else found[0]
        for name, found in pair.items()
        if any(each is not None for each in found)
    }


@st.composite
def resources(draw: st.DrawFn, release: str, depth: int) -> Document:
    kind = draw(st.sampled_from(KINDS))
    return {"resourceType": kind, **draw(nodes(release, kind, depth))}


@pytest.mark.parametrize("release", ["r4", "r5"])
@thorough
@given(data=st.data())
def test_JSON_to_XML_to_JSON_is_the_same_document(release: str, data: st.DataObject) -> None:
    document = data.draw(resources(release, 4))
    for pretty in (False, True):
        content = xml.write(document, RELEASES[release], pretty)
        assert exactly(xml.read_resource(content, RELEASES[release])) == exactly(document)


junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ("status", "_status", "concept", "code", "text", "div", "extension", "url", "contained")
            )
            | st.sampled_from(("resourceType", "id", "valueCoding", "_url", "<x", "", "fhir_comments"))
            | st.text(max_size=4),
            inner,
            max_size=5,
        )
    ),
    max_leaves=25,
)


@thorough
@given(
    st.dictionaries(st.sampled_from(("status", "_status", "concept", "text", "contained", "extension")), junk)
)
def test_whatever_a_document_holds_its_XML_is_well_formed_and_can_be_read(document: Document) -> None:
    content = xml.write({**document, "resourceType": "CodeSystem"}, R5)
    assert ElementTree.fromstring(content).tag == "{http://hl7.org/fhir}CodeSystem"


@thorough
@given(st.data())
def test_whatever_is_sent_as_XML_is_read_or_refused(data: st.DataObject) -> None:
    content = bytearray(xml.write(SYSTEM, R5))
    pieces = st.sampled_from(
        [b"<", b">", b"/", b'"', b"<div>", b"]]>", b"<![CDATA[", b"&#0;", b"\xff", b"concept"]
    )
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(content)))
        content[start : start + data.draw(st.integers(0, 9))] = data.draw(pieces | st.binary(max_size=3))
    try:
        document = xml.read_resource(bytes(content), R5)
    except TerminologyError as refused:
        assert all(issue.code == "structure" for issue in refused.issues)
    else:
        assert document["resourceType"] == "CodeSystem"


def test_writing_changes_no_document() -> None:
    before = exactly(SYSTEM)
    xml.write(SYSTEM, R5)
    assert exactly(SYSTEM) == before


def published(release: str) -> Iterator[Document]:
    for file in sorted((ROOT / "fhir_bundles" / release).glob("*.json")):
        bundle = json.read_resource(file.read_bytes())
        yield bundle
        yield from (entry["resource"] for entry in bundle["entry"])


@pytest.mark.parametrize("release", ["r4", "r5"])
def test_every_published_resource_is_the_same_after_a_way_through_XML(release: str) -> None:
    found = list(published(release))
    if not found:
        pytest.skip("there are no published bundles here")
    for document in found:
        content = xml.write(document, RELEASES[release])
        assert exactly(xml.read_resource(content, RELEASES[release])) == exactly(document)


# -- the table -----------------------------------------------------------------------------------


@pytest.mark.parametrize("release", ["r4", "r5"])
def test_the_table_is_what_the_definitions_say(release: str) -> None:
    try:
        made = xml_elements.table(xml_elements.package(release))
    except (RuntimeError, FileNotFoundError) as problem:
        pytest.skip(f"the definitions cannot be had: {problem}")
    kept = (ROOT / "terminology" / "wire" / f"xml_elements_{release}.txt").read_text(encoding="utf-8")
    assert kept == made
