"""ConceptMap resources from the tables in ``fhir_bundles/source/maps/``, by ``terminology build-bundles``.

A row and the row of the map that goes the other way have to agree (``check_both_ways``).

https://hl7.org/fhir/R5/conceptmap.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import product

from terminology.catalogue.concept_map import (
    FILLS_IN_EXTENSION,
    FLIPPED,
    GAP_EXTENSION,
    NO_MAP_COMMENT,
    NO_MAP_PROPERTY,
)
from terminology.content.publication.code_systems import REFERENCE
from terminology.content.publication.conditions import check_conditions, decisions, parts_of
from terminology.content.publication.header import header, with_notices
from terminology.content.publication.source import PublicationSource, PublishedSystem, TomlTable
from terminology.content.publication.tables import SourceRow, read_table
from terminology.content.publication.value_sets import scope_id
from terminology.core.errors import PublicationError
from terminology.core.model import Document
from terminology.core.structure import RELATIONSHIPS

NO_MAP, NOT_RELATED = "no-map", "not-related-to"
# A row that says that nobody knows yet whether the code has a target: it is published as an extension of the map.
GAP = "gap"
CONDITIONS = (
    "Conditions (`dependsOn`): entries with the same attribute are alternatives, any of them will do; "
    "entries with different attributes must all hold."
)
# The properties of the five digits of a GEM row in their order; the second (no map) has none.
GEM_FLAGS = ("approximate", None, "combination", "scenario", "choiceList")
_COLUMNS = ("source", "target", "relationship", "comment", "evidence", "status")


def concept_maps(source: PublicationSource) -> Iterator[Document]:
    """A ConceptMap for each entry of publication.toml."""
    maps = [PublishedMap(source, entry) for entry in source.resources["ConceptMap"]]
    for published in maps:
        yield with_notices(source, published.document())
    check_both_ways(maps)


def check_both_ways(maps: Iterable[PublishedMap]) -> None:
    """Raises PublicationError if two maps in opposite directions say different things of a pair of codes.

    They relate the pair in one way, each from its end, and with one status.
    """
    pairs: dict[tuple[str, str, str, str], list[SourceRow]] = {}
    for published in maps:
        start, end = published.source_system.uri, published.target_system.uri
        for row in published.rows:
            for code, target in product(row.many("source"), row.many("target")):
                pairs.setdefault((start, code, end, target), []).append(row)
    for (start, code, end, target), forward in pairs.items():
        if backward := pairs.get((end, target, start, code)):
            back = {FLIPPED.get(row["relationship"], row["relationship"]) for row in backward}
            if not back & {row["relationship"] for row in forward}:
                raise _contradiction(forward[0], backward[0], "relationship", f"{code} to {target}")
            if {row["status"] for row in backward} != {row["status"] for row in forward}:
                raise _contradiction(forward[0], backward[0], "status", f"{code} to {target}")


def _contradiction(row: SourceRow, other: SourceRow, column: str, pair: str) -> PublicationError:
    place = f"{other.file}, line {other.line}"
    return row.error(f"{pair} is {row[column]}, but {place} says {other[column]} of the way back")


class PublishedMap:
    """A published map: its rows, and the properties and conditions that they use, each with its first row."""

    def __init__(self, source: PublicationSource, entry: TomlTable) -> None:
        self.source, self.entry = source, entry
        self.source_system = source.system(entry["source"])
        self.target_system = source.system(entry["target"])
        self.rows = read_table(source.root, f"maps/{entry['id']}.csv", _COLUMNS)
        self.attributes: dict[str, SourceRow] = {}
        self.properties: dict[str, SourceRow] = {}

    def document(self) -> Document:
        document = header(self.source, "ConceptMap", self.entry, [self.source_system, self.target_system])
        elements = self._elements()
        if extension := [*self._fills_in(), *self._gaps()]:
            document["extension"] = extension
        if any(row["dependsOn"] for row in self.rows):
            document["description"] += f" {CONDITIONS}"
        if self.properties:
            document["property"] = [self._property_declaration(*item) for item in self.properties.items()]
        if self.attributes:
            document["additionalAttribute"] = [self._declaration(*item) for item in self.attributes.items()]
        document |= self._scope("sourceScopeCanonical", self.source_system)
        document |= self._scope("targetScopeCanonical", self.target_system)
        document["group"] = [
            {"source": self.source_system.uri, "target": self.target_system.uri, "element": elements}
        ]
        return document

    def _fills_in(self) -> Iterator[Document]:
        """A map between code systems of other owners fills in for theirs, which an operator may import."""
        if not any(map(self.source.is_own, (self.source_system, self.target_system))):
            yield {"url": f"{self.source.base}{FILLS_IN_EXTENSION}", "valueBoolean": True}

    def _scope(self, name: str, system: PublishedSystem) -> Document:
        return {name: self.source.names.resource("ValueSet", scope_id(self.source, system.key))}

    def _declaration(self, code: str, row: SourceRow) -> Document:
        term = self.source.term(code, row)
        uri = self.source.names.property(code)
        return {"code": code, "uri": uri, "description": term.definition, "type": term.type}

    def _property_declaration(self, code: str, row: SourceRow) -> Document:
        declaration = self._declaration(code, row)
        return declaration | (
            {"system": self.source.names.vocabulary_url()} if declaration["type"] == "code" else {}
        )

    # -- rows --------------------------------------------------------------------------------

    def _elements(self) -> list[Document]:
        elements: dict[str, Document] = {}
        known: set[tuple[str, str, str]] = set()
        for row in self.rows:
            self._check_row(row)
            if row["relationship"] == GAP:
                continue
            for code, target in product(row.many("source"), row.many("target") or [""]):
                if (code, target, row["dependsOn"]) in known:
                    raise row.error(f"{code} to {target or 'nothing'} should be in one row only")
                known.add((code, target, row["dependsOn"]))
                display = self.source.display(self.source_system.uri, code, row)
                element = elements.setdefault(code, {"code": code} | display)
                self._add_row(element, target, row)
        for code in elements:
            check_conditions(self.rows_of(code), code)
        return list(elements.values())

    def rows_of(self, code: str) -> list[SourceRow]:
        """The rows that state a target of a code; those that deny a relation have no conditions."""
        return [
            row
            for row in self.rows
            if code in row.many("source") and row["target"] and row["relationship"] != NOT_RELATED
        ]

    def _check_row(self, row: SourceRow) -> None:
        """Rules of content: see docs/content.md."""
        relationship = row["relationship"]
        if relationship not in (*RELATIONSHIPS, NO_MAP, GAP):
            raise row.error(
                f"relationship should be {NO_MAP}, {GAP} or one of {', '.join(sorted(RELATIONSHIPS))}"
            )
        review = "" if relationship == GAP else self.source.review(row)
        if relationship == NO_MAP and review == "provisional":
            raise row.error(
                f"{NO_MAP} with status S should be a {GAP}: nobody has shown that there is no target"
            )
        if relationship == "equivalent" and review == "provisional":
            raise row.error("a row with status S should never be equivalent: related-to says less")
        if relationship != "equivalent" and not row["comment"]:
            raise row.error(f"{relationship} should have a comment that says why")
        if bool(row["target"]) == (relationship in (NO_MAP, GAP)):
            raise row.error(f"a target should be given, or else the relationship {NO_MAP} or {GAP}")
        if relationship == GAP and row["status"]:
            raise row.error(f"a {GAP} should have no status: it states what nobody knows yet")
        if not row["source"]:
            raise row.error("a source should be given")
        if row["target"] and review == "verified":
            self._check_ends(row)

    def _check_ends(self, row: SourceRow) -> None:
        """A row with V is about codes that have V."""
        for system, column in ((self.source_system, "source"), (self.target_system, "target")):
            for code in row.many(column):
                if self.source.statuses.get((system.uri, code)) == "S":
                    raise row.error(f"{code} has status S in its own table, so this row should not have V")

    def left(self, code: str) -> Iterator[tuple[str, str, str]]:
        """For each combination of conditions of a code: the conditions, how many targets are left, and these."""
        if rows := self.rows_of(code):
            for decision in decisions(self.source, rows):
                count = ("none", "one", "several")[min(len(decision.targets), 2)]
                yield decision.text(), count, "|".join(decision.targets)
            return
        words = [row["relationship"] for row in self.rows if code in row.many("source")]
        yield "", next((word for word in words if word in (NO_MAP, GAP)), "none"), ""

    def gaps(self) -> Iterator[tuple[list[str], SourceRow]]:
        """The codes of each row that states a gap, with the row."""
        return ((row.many("source"), row) for row in self.rows if row["relationship"] == GAP)

    def _gaps(self) -> Iterator[Document]:
        for codes, row in self.gaps():
            for code in codes:
                self.source.display(self.source_system.uri, code, row)
                parts = [{"url": "code", "valueCode": code}, {"url": "gap", "valueString": row["comment"]}]
                yield {"url": f"{self.source.base}{GAP_EXTENSION}", "extension": parts}

    def _add_row(self, element: Document, target: str, row: SourceRow) -> None:
        if element.get("noMap") or (not target and "target" in element):
            raise row.error(f"{element['code']} should have either targets or {NO_MAP}")
        if target:
            element.setdefault("target", []).append(self._target(target, row))
            return
        reason = row["comment"] if self.source.review(row) == "verified" else f"Provisional. {row['comment']}"
        properties = [_as_extension(property_) for property_ in self._properties(row)]
        element["extension"] = [{"url": NO_MAP_COMMENT, "valueString": reason}, *properties]
        element["noMap"] = True

    def _target(self, code: str, row: SourceRow) -> Document:
        display = self.source.display(self.target_system.uri, code, row)
        target: Document = {"code": code} | display | {"relationship": row["relationship"]}
        if row["comment"]:
            target["comment"] = row["comment"]
        target["property"] = list(self._properties(row))
        if own_words := self.source.reference(self.target_system.uri, code):
            target["property"].append(self._property(REFERENCE, own_words, row))
        for name in ("dependsOn", "product"):
            if attributes := list(self._attributes(row, name)):
                target[name] = attributes
        return target

    def _properties(self, row: SourceRow) -> Iterator[Document]:
        yield self._property("reviewStatus", self.source.review(row), row)
        yield self._property("evidence", self.source.sources(row), row)
        if flags := row["flags"]:
            if len(flags) != len(GEM_FLAGS) or not flags.isdigit() or flags[1] != "0":
                raise row.error(
                    "flags should be five digits, the second of them 0: a row without a target is not listed"
                )
            yield self._property("gemFlags", flags, row)
            for name, flag in zip(GEM_FLAGS, flags, strict=True):
                if name:
                    is_boolean = self.source.term(name, row).type == "boolean"
                    yield self._property(name, str(flag != "0").lower() if is_boolean else flag, row)

    def _property(self, code: str, value: str, row: SourceRow) -> Document:
        self.properties.setdefault(code, row)
        return {"code": code} | self.source.typed(self.source.term(code, row), value, row)

    def _attributes(self, row: SourceRow, column: str) -> Iterator[Document]:
        """``technique=loop; setting=inpatient-facility``"""
        for name, value in parts_of(row, column):
            self.attributes.setdefault(name, row)
            yield {"attribute": name} | self.source.typed(self.source.term(name, row), value, row)


def _as_extension(property_: Document) -> Document:
    """A property of the target, where there is no target. R4 has the same extension, on its ``unmatched``."""
    value = {key: value for key, value in property_.items() if key != "code"}
    parts = [{"url": "code", "valueCode": property_["code"]}, {"url": "value", **value}]
    return {"url": NO_MAP_PROPERTY, "extension": parts}
