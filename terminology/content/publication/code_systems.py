"""CodeSystem and NamingSystem resources from the tables.

https://hl7.org/fhir/R5/codesystem.html, https://hl7.org/fhir/R5/namingsystem.html
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from terminology.content.canonical import FILE
from terminology.content.publication.header import header, with_notices
from terminology.content.publication.source import (
    PublicationSource,
    PublishedSystem,
    TomlTable,
    VocabularyTerm,
    oid,
)
from terminology.content.publication.tables import SourceRow, read_table
from terminology.core.errors import PublicationError
from terminology.core.model import Document
from terminology.systems.code_shapes import COMPLETE_CODES, SOME_TERMS
from terminology.systems.supplement import APPLIES_ALWAYS

PROPERTY_VALUE_SET = "http://hl7.org/fhir/StructureDefinition/codesystem-property-valueset"
STANDARD = "http://hl7.org/fhir/concept-properties#"
PREFERRED_USE = {
    "system": "http://terminology.hl7.org/CodeSystem/hl7TermMaintInfra",
    "code": "preferredForLanguage",
}
HIERARCHY = ("is-a", "descendent-of", "is-not-a", "generalizes")
# The property that has our own words for a code that is named by its identifier only.
REFERENCE = "identifierReference"
_FIXED = frozenset({"code", "parent", "display", "definition", "status", "evidence"})

# The rows of properties.csv for one code system, by property.
DeclaredProperties = dict[str, SourceRow]


def code_systems(source: PublicationSource) -> Iterator[Document]:
    """A CodeSystem for each entry of publication.toml, and its supplement if it has one."""
    columns = ("code", "systems", "concept", "operators", "ofOwner", "evidence")
    declarations = read_table(source.root, "properties.csv", columns)
    for entry in source.resources["CodeSystem"]:
        declared = {row["code"]: row for row in declarations if entry["id"] in row.many("systems")}
        concepts = PublishedConcepts(source, entry, declared)
        yield with_notices(source, _code_system(source, entry, concepts))
        if "supplement" in entry:
            yield with_notices(source, _supplement(source, entry, concepts))


def _code_system(source: PublicationSource, entry: TomlTable, concepts: PublishedConcepts) -> Document:
    system, declared = source.system(entry["id"]), concepts.shared(ours=False)
    document = header(source, "CodeSystem", entry, [system]) | {"url": system.uri, "caseSensitive": True}
    if entry["content"] == "fragment" and "version" not in entry:
        del document["version"]  # that of the publication would be taken for one of the owner's
    if extension := list(_declared_of_fragment(source, entry)):
        document["extension"] = extension
    if "valueSet" in entry:
        document["valueSet"] = source.names.resource("ValueSet", entry["valueSet"])
    if "hierarchyMeaning" in entry:
        document["hierarchyMeaning"] = entry["hierarchyMeaning"]
    document |= {"compositional": False, "content": entry["content"]}
    if entry["content"] == "complete":
        document["count"] = len(source.concepts[entry["id"]])
    if filters := _filters(source, entry, declared):
        document["filter"] = filters
    if declared:
        document["property"] = [_declaration(source, row) for row in declared.values()]
    document["concept"] = concepts.tree()
    return document


def _supplement(source: PublicationSource, entry: TomlTable, concepts: PublishedConcepts) -> Document:
    """The supplement of a code system of another owner, with all that we add to it.

    It names no version: it applies to whichever copy a server has.
    """
    system = source.system(entry["id"])
    own = {
        "id": f"{entry['id']}-supplement",
        "name": f"{entry['name']}Supplement",
        "title": f"{system.row['title']}: additions of this project",
        "description": entry["supplement"],
    }
    declared = concepts.shared(ours=True)
    document = header(source, "CodeSystem", own, [system])
    document["extension"] = [{"url": f"{source.base}{APPLIES_ALWAYS}", "valueBoolean": True}]
    document |= {"content": "supplement", "supplements": system.uri}
    document["property"] = [_declaration(source, row) for row in declared.values()]
    document["concept"] = concepts.additions()
    return document


def _declared_of_fragment(source: PublicationSource, entry: TomlTable) -> Iterator[Document]:
    """What a fragment says of itself: which codes it has all of, and whether it has only some terms of its codes."""
    for expression in entry.get("completeCodes", ()):
        yield {"url": f"{source.base}{COMPLETE_CODES}", "valueString": expression}
    if entry.get("someTerms"):
        yield {"url": f"{source.base}{SOME_TERMS}", "valueBoolean": True}


def _filters(source: PublicationSource, entry: TomlTable, declared: DeclaredProperties) -> list[Document]:
    filters: list[Document] = []
    if "hierarchyMeaning" in entry:
        filters.append(_filter("concept", "By place in the hierarchy.", list(HIERARCHY), "A code"))
    for code, row in declared.items():
        if operators := row.many("operators"):
            term = source.term(row["concept"] or code, row)
            filters.append(_filter(code, term.definition, operators, f"A {term.type}"))
    return filters


def _filter(code: str, description: str, operators: list[str], value: str) -> Document:
    return {"code": code, "description": description, "operator": operators, "value": value}


def _declaration(source: PublicationSource, row: SourceRow) -> Document:
    """``CodeSystem.property``: meaning and type come from the vocabulary, or from FHIR's own properties."""
    if row["concept"].startswith(STANDARD):
        description = "The code groups others and should not be chosen."
        return {"code": row["code"], "uri": row["concept"], "description": description, "type": "boolean"}
    term = source.term(row["concept"] or row["code"], row)
    declaration: Document = {
        "code": row["code"],
        "uri": source.names.property(term.code),
        "description": term.definition,
        "type": term.type,
    }
    if term.code in source.values:
        values = source.names.resource("ValueSet", values_id(term.code))
        declaration = {"extension": [{"url": PROPERTY_VALUE_SET, "valueCanonical": values}]} | declaration
    return declaration


def values_id(attribute: str) -> str:
    """The id of the value set with the values of an attribute.

    >>> values_id("energySource")
    'vocabulary-energy-source'
    """
    return "vocabulary-" + "".join(f"-{c.lower()}" if c.isupper() else c for c in attribute)


class PublishedConcepts:
    """The concepts of a published code system, with the designations and statements of the tables beside it."""

    def __init__(self, source: PublicationSource, entry: TomlTable, declared: DeclaredProperties) -> None:
        self.source, self.entry, self.declared = source, entry, declared
        self.rows = source.concepts[entry["id"]]
        self.codes = {row["code"] for row in self.rows}
        self.references = source.reference_rows.get(entry["id"], [])
        self.is_divided = "supplement" in entry
        self.statements = self._rows_by_code(
            "statements", ("code", "property", "value", "review", "evidence")
        )
        columns = ("code", "language", "use", "value", "status", "evidence")
        self.designations = self._rows_by_code("designations", columns)

    def _rows_by_code(self, name: str, columns: tuple[str, ...]) -> dict[str, list[SourceRow]]:
        by_code: dict[str, list[SourceRow]] = {}
        table = f"code-systems/{self.entry['id']}/{name}.csv"
        for row in read_table(self.source.root, table, columns, optional=True):
            if row["code"] not in self.codes:
                raise row.error(f"the code {row['code']} should be in concepts.csv")
            self.source.sources(row)
            by_code.setdefault(row["code"], []).append(row)
        return by_code

    def shared(self, ours: bool) -> DeclaredProperties:
        """The properties of the supplement, or else of the code system itself: all, where there is no supplement."""
        if not self.is_divided:
            return {} if ours else self.declared
        return {code: row for code, row in self.declared.items() if (row["ofOwner"] != "true") is ours}

    def additions(self) -> list[Document]:
        """The concepts of the supplement, each with what it adds."""
        own = self.shared(ours=True)
        nodes = [self._additions_to(row, own) for row in self.rows]
        nodes += [
            {"code": row["code"], "property": self._reference_properties(row)} for row in self.references
        ]
        return [node for node in nodes if len(node) > 1]

    def _additions_to(self, row: SourceRow, own: DeclaredProperties) -> Document:
        node: Document = {"code": row["code"]}
        if row["definition"]:
            node["definition"] = row["definition"]
        if designations := list(self._designations(row)):
            node["designation"] = designations
        if properties := [p for p in self._properties(row) if p["code"] in own]:
            node["property"] = properties
        return node

    def tree(self) -> list[Document]:
        """The concepts in the order of the table, children inside their parents."""
        top: list[Document] = []
        nodes: dict[str, Document] = {}
        for row in self.rows:
            node = self._concept(row)
            siblings = top
            if row["parent"]:
                if row["parent"] not in nodes:
                    raise row.error(f"the parent {row['parent']} should be in a line above")
                siblings = nodes[row["parent"]].setdefault("concept", [])
            siblings.append(node)
            nodes[row["code"]] = node
        top += map(self._reference, self.references)
        if any("concept" in node for node in nodes.values()) and "hierarchyMeaning" not in self.entry:
            raise PublicationError(FILE, None, f"{self.entry['id']} should have a hierarchyMeaning")
        return top

    def _reference(self, row: SourceRow) -> Document:
        """A code of references.csv. It has no display: its owner's words are not ours to publish."""
        return {"code": row["code"]} | (
            {} if self.is_divided else {"property": self._reference_properties(row)}
        )

    def _reference_properties(self, row: SourceRow) -> list[Document]:
        return [self._property(REFERENCE, row["words"], row), *self._support(row)]

    def _concept(self, row: SourceRow) -> Document:
        node: Document = {"code": row["code"], "display": row["display"]}
        if self.is_divided:
            own = self.shared(ours=False)
            properties = [p for p in self._properties(row) if p["code"] in own]
            return node | ({"property": properties} if properties else {})
        if row["definition"]:
            node["definition"] = row["definition"]
        if designations := list(self._designations(row)):
            node["designation"] = designations
        if properties := list(self._properties(row)):
            node["property"] = properties
        return node

    # -- designations ------------------------------------------------------------------------

    def _designations(self, row: SourceRow) -> Iterator[Document]:
        if self.entry.get("plainLanguage"):
            yield {"language": "en", "use": self._use("plain-language", row), "value": row["display"]}
        for designation in self.designations.get(row["code"], ()):
            yield self._designation(designation)

    def _designation(self, row: SourceRow) -> Document:
        if self.source.review(row) != "verified" and row["use"] == "preferred":
            raise row.error("a term with only one source should not have the use 'preferred'")
        use = PREFERRED_USE if row["use"] == "preferred" else self._use(row["use"], row)
        return {"language": row["language"]} | ({"use": use} if use else {}) | {"value": row["value"]}

    def _use(self, code: str, row: SourceRow) -> Document:
        if not code:
            return {}
        display = self.source.term(code, row).display
        return {"system": self.source.names.vocabulary_url(), "code": code, "display": display}

    # -- properties --------------------------------------------------------------------------

    def _properties(self, row: SourceRow) -> Iterator[Document]:
        for code in row.other_than(_FIXED):
            self._check_citation(code, row)
            values = [row[code]] if self._is_text(code, row) else row.many(code)
            yield from (self._property(code, value, row) for value in values)
        for statement in self.statements.get(row["code"], ()):
            value = f"[{self._reviewed(statement)}] {statement['value']}"
            yield self._property(statement["property"], value, statement)
        if row["status"] or row["evidence"]:
            yield from self._support(row)

    def _check_citation(self, code: str, row: SourceRow) -> None:
        """A property that comes from one file stands only in rows that cite it."""
        file = self.declared[code]["evidence"] if code in self.declared else ""
        if file and file not in row.many("evidence"):
            raise row.error(f"{code} comes from {file}, which the evidence should name")

    def _support(self, row: SourceRow) -> Iterator[Document]:
        yield self._property("reviewStatus", self.source.review(row), row)
        yield self._property("evidence", self.source.sources(row), row)

    def _reviewed(self, row: SourceRow) -> str:
        self.source.typed(self.source.term("reviewStatus", row), row["review"], row)
        return row["review"]

    def _is_text(self, code: str, row: SourceRow) -> bool:
        return self._term(code, row).type == "string"

    def _term(self, code: str, row: SourceRow) -> VocabularyTerm:
        if code not in self.declared:
            raise row.error(f"{code} should be declared for {self.entry['id']} in properties.csv")
        declaration = self.declared[code]
        if declaration["concept"].startswith(STANDARD):
            return VocabularyTerm(code, code, "", "property", "boolean", ())
        return self.source.term(declaration["concept"] or code, declaration)

    def _property(self, code: str, value: str, row: SourceRow) -> Document:
        term = self._term(code, row)
        if term.type == "code" and term.code not in self.source.values and value not in self.codes:
            raise row.error(f"{code} should be a code of {self.entry['id']}, not {value!r}")
        return {"code": code} | self.source.typed(term, value, row)


# -- NamingSystem ------------------------------------------------------------------------------


def naming_systems(source: PublicationSource) -> Iterator[Document]:
    """A NamingSystem for each row of systems.csv."""
    return map(partial(_naming_system, source), source.systems.values())


def _naming_system(source: PublicationSource, system: PublishedSystem) -> Document:
    row = system.row
    description = f"Which identifiers name {row['title']}, and which of them to send."
    entry = {"id": system.key, "name": row["name"], "title": row["title"], "description": description}
    document = header(source, "NamingSystem", entry, [system])
    document["kind"] = "codesystem"
    document["responsible"] = row["responsible"] or source.settings["publisher"]
    if row["usage"]:
        document["usage"] = row["usage"]
    document["uniqueId"] = list(_unique_ids(source, system))
    return document


def _unique_ids(source: PublicationSource, system: PublishedSystem) -> Iterator[dict[str, Any]]:
    yield {"type": "uri", "value": system.uri, "preferred": True}
    if number := oid("CodeSystem", system.key) if source.is_own(system) else system.row["oid"]:
        yield {"type": "oid", "value": number, "preferred": True}
    for alias in system.row.many("aliases"):
        comment = "Accept it; send the preferred one."
        yield {"type": "uri", "value": alias, "preferred": False, "comment": comment}
