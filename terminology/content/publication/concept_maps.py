"""What does a code mean elsewhere? ConceptMap resources from the tables in maps/.

https://hl7.org/fhir/R5/conceptmap.html
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from terminology.catalogue.concept_map import NO_MAP_COMMENT, NO_MAP_PROPERTY
from terminology.content.publication.header import header, with_notices
from terminology.content.publication.source import Entry, Source, System
from terminology.content.publication.tables import Row, read_table
from terminology.core.model import Document

NO_MAP = "no-map"
# The property that holds our own words for a target of references.csv.
REFERENCE = "identifierReference"
RELATIONSHIPS = (
    "equivalent",
    "source-is-narrower-than-target",
    "source-is-broader-than-target",
    "related-to",
    "not-related-to",
)
CONDITIONS = (
    "Conditions (`dependsOn`): entries with the same attribute are alternatives, any of them will do; "
    "entries with different attributes must all hold."
)
# The five digits of a GEM row in their order, and what each becomes; the second says that there is no map.
GEM_FLAGS = ("approximate", None, "combination", "scenario", "choiceList")
_COLUMNS = ("source", "target", "relationship", "comment", "evidence", "status")


def concept_maps(source: Source) -> Iterator[Document]:
    """A ConceptMap for each entry of publication.toml."""
    for entry in source.resources["ConceptMap"]:
        yield with_notices(source, _Map(source, entry).document())


class _Map:
    """One map: its rows, and the properties and conditions that they use."""

    def __init__(self, source: Source, entry: Entry) -> None:
        self.source, self.entry = source, entry
        self.origin, self.goal = source.system(entry["source"]), source.system(entry["target"])
        self.rows = read_table(source.root, f"maps/{entry['id']}.csv", _COLUMNS)
        self.attributes: dict[str, Row] = {}
        self.properties: dict[str, Row] = {}

    def document(self) -> Document:
        document = header(self.source, "ConceptMap", self.entry, [self.origin, self.goal])
        elements = self._elements()
        if any(row["dependsOn"] for row in self.rows):
            document["description"] += f" {CONDITIONS}"
        if self.properties:
            document["property"] = [self._property_declaration(*item) for item in self.properties.items()]
        if self.attributes:
            document["additionalAttribute"] = [self._declaration(*item) for item in self.attributes.items()]
        document |= self._scope("sourceScopeCanonical", self.origin)
        document |= self._scope("targetScopeCanonical", self.goal)
        document["group"] = [{"source": self.origin.uri, "target": self.goal.uri, "element": elements}]
        return document

    def _scope(self, name: str, system: System) -> Document:
        entries = self.source.resources["CodeSystem"]
        whole = next((e["valueSet"] for e in entries if e["id"] == system.key and "valueSet" in e), None)
        return {name: self.source.canonical("ValueSet", whole)} if whole else {}

    def _declaration(self, code: str, row: Row) -> Document:
        word = self.source.term(code, row)
        uri = self.source.word_uri(code)
        return {"code": code, "uri": uri, "description": word.definition, "type": word.type}

    def _property_declaration(self, code: str, row: Row) -> Document:
        declaration = self._declaration(code, row)
        return declaration | ({"system": self.source.vocabulary_uri} if declaration["type"] == "code" else {})

    # -- rows --------------------------------------------------------------------------------

    def _elements(self) -> list[Document]:
        elements: dict[str, Document] = {}
        seen: set[tuple[str, str, str]] = set()
        for row in self.rows:
            self._check(row)
            for code, target in product(row.many("source"), row.many("target") or [""]):
                if (code, target, row["dependsOn"]) in seen:
                    raise row.error(f"{code} to {target or 'nothing'} should stand in one row only")
                seen.add((code, target, row["dependsOn"]))
                display = self.source.display(self.origin.uri, code, row)
                element = elements.setdefault(code, {"code": code} | display)
                self._add(element, target, row)
        return list(elements.values())

    def _check(self, row: Row) -> None:
        """Rules of content: see docs/content.md."""
        relationship, review = row["relationship"], self.source.review(row)
        if relationship not in (*RELATIONSHIPS, NO_MAP):
            raise row.error(f"relationship should be {NO_MAP} or one of {', '.join(RELATIONSHIPS)}")
        if relationship == "equivalent" and review == "provisional":
            raise row.error("a row with status S should never be equivalent: related-to says less")
        if relationship != "equivalent" and not row["comment"]:
            raise row.error(f"{relationship} should have a comment that says why")
        if bool(row["target"]) == (relationship == NO_MAP):
            raise row.error(f"a target should be given, or else the relationship {NO_MAP}")
        if not row["source"]:
            raise row.error("a source should be given")

    def _add(self, element: Document, target: str, row: Row) -> None:
        if element.get("noMap") or (not target and "target" in element):
            raise row.error(f"{element['code']} should have either targets or {NO_MAP}")
        if target:
            element.setdefault("target", []).append(self._target(target, row))
            return
        reason = row["comment"] if self.source.review(row) == "verified" else f"Provisional. {row['comment']}"
        properties = [_as_extension(property_) for property_ in self._properties(row)]
        element["extension"] = [{"url": NO_MAP_COMMENT, "valueString": reason}, *properties]
        element["noMap"] = True

    def _target(self, code: str, row: Row) -> Document:
        display = self.source.display(self.goal.uri, code, row)
        target: Document = {"code": code} | display | {"relationship": row["relationship"]}
        if row["comment"]:
            target["comment"] = row["comment"]
        target["property"] = list(self._properties(row))
        if own_words := self.source.reference(self.goal.uri, code):
            target["property"].append(self._property(REFERENCE, own_words, row))
        for name in ("dependsOn", "product"):
            if attributes := list(self._attributes(row, name)):
                target[name] = attributes
        return target

    def _properties(self, row: Row) -> Iterator[Document]:
        yield self._property("reviewStatus", self.source.review(row), row)
        yield self._property("evidence", self.source.sources(row), row)
        if flags := row["flags"]:
            if len(flags) != len(GEM_FLAGS) or not flags.isdigit() or flags[1] != "0":
                raise row.error("flags should be five digits, the second 0: a row without map is no row")
            yield self._property("gemFlags", flags, row)
            for name, flag in zip(GEM_FLAGS, flags, strict=True):
                if name:
                    is_boolean = self.source.term(name, row).type == "boolean"
                    yield self._property(name, str(flag != "0").lower() if is_boolean else flag, row)

    def _property(self, code: str, value: str, row: Row) -> Document:
        self.properties.setdefault(code, row)
        return {"code": code} | self.source.typed(self.source.term(code, row), value, row)

    def _attributes(self, row: Row, column: str) -> Iterator[Document]:
        """``technique=loop; setting=inpatient-facility``"""
        for condition in filter(None, (part.strip() for part in row[column].split(";"))):
            name, equals, value = condition.partition("=")
            if not equals or not value:
                raise row.error(f"{column} should read attribute=value; attribute=value, not {condition!r}")
            self.attributes.setdefault(name, row)
            yield {"attribute": name} | self.source.typed(self.source.term(name, row), value, row)


def _as_extension(property_: Document) -> Document:
    """A property of the target where there is no target: R4 says it in the same extension, on its
    ``unmatched``.
    """
    value = {key: value for key, value in property_.items() if key != "code"}
    parts = [{"url": "code", "valueCode": property_["code"]}, {"url": "value", **value}]
    return {"url": NO_MAP_PROPERTY, "extension": parts}
