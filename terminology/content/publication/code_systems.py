"""What is in our code systems? CodeSystem and NamingSystem resources from the tables.

https://hl7.org/fhir/R5/codesystem.html, https://hl7.org/fhir/R5/namingsystem.html
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from terminology.content.publication.header import header, with_notices
from terminology.content.publication.source import FILE, Entry, Source, System, Term, oid
from terminology.content.publication.tables import Row, read_table
from terminology.core.errors import PublicationError
from terminology.core.model import Document

PROPERTY_VALUE_SET = "http://hl7.org/fhir/StructureDefinition/codesystem-property-valueset"
STANDARD = "http://hl7.org/fhir/concept-properties#"
PREFERRED_USE = {
    "system": "http://terminology.hl7.org/CodeSystem/hl7TermMaintInfra",
    "code": "preferredForLanguage",
}
HIERARCHY = ("is-a", "descendent-of", "is-not-a", "generalizes")
_FIXED = frozenset({"code", "parent", "display", "definition", "status", "evidence"})

Declared = dict[str, Row]


def code_systems(source: Source) -> Iterator[Document]:
    """A CodeSystem for each entry of publication.toml."""
    declarations = read_table(source.root, "properties.csv", ("code", "systems", "concept", "operators"))
    for entry in source.resources["CodeSystem"]:
        declared = {row["code"]: row for row in declarations if entry["id"] in row.many("systems")}
        yield with_notices(source, _code_system(source, entry, declared))


def _code_system(source: Source, entry: Entry, declared: Declared) -> Document:
    system = source.system(entry["id"])
    document = header(source, "CodeSystem", entry, [system]) | {"url": system.uri, "caseSensitive": True}
    if "valueSet" in entry:
        document["valueSet"] = source.canonical("ValueSet", entry["valueSet"])
    if "hierarchyMeaning" in entry:
        document["hierarchyMeaning"] = entry["hierarchyMeaning"]
    document |= {"compositional": False, "content": entry["content"]}
    if entry["content"] == "complete":
        document["count"] = len(source.concepts[entry["id"]])
    if filters := _filters(source, entry, declared):
        document["filter"] = filters
    document["property"] = [_declaration(source, row) for row in declared.values()]
    document["concept"] = _Concepts(source, entry, declared).tree()
    return document


def _filters(source: Source, entry: Entry, declared: Declared) -> list[Document]:
    found: list[Document] = []
    if "hierarchyMeaning" in entry:
        found.append(_filter("concept", "By place in the hierarchy.", list(HIERARCHY), "A code"))
    for code, row in declared.items():
        if operators := row.many("operators"):
            word = source.term(row["concept"] or code, row)
            found.append(_filter(code, word.definition, operators, f"A {word.type}"))
    return found


def _filter(code: str, description: str, operators: list[str], value: str) -> Document:
    return {"code": code, "description": description, "operator": operators, "value": value}


def _declaration(source: Source, row: Row) -> Document:
    """``CodeSystem.property``: meaning and type come from the vocabulary, or from FHIR's own properties."""
    if row["concept"].startswith(STANDARD):
        about = "The code groups others and should not be chosen."
        return {"code": row["code"], "uri": row["concept"], "description": about, "type": "boolean"}
    word = source.term(row["concept"] or row["code"], row)
    declaration: Document = {
        "code": row["code"],
        "uri": source.word_uri(word.code),
        "description": word.definition,
        "type": word.type,
    }
    if word.code in source.values:
        values = source.canonical("ValueSet", values_id(word.code))
        declaration = {"extension": [{"url": PROPERTY_VALUE_SET, "valueCanonical": values}]} | declaration
    return declaration


def values_id(attribute: str) -> str:
    """The id of the value set with the values of an attribute.

    >>> values_id("energySource")
    'vocabulary-energy-source'
    """
    return "vocabulary-" + "".join(f"-{c.lower()}" if c.isupper() else c for c in attribute)


class _Concepts:
    """The concepts of one code system, with what the tables beside it say of them."""

    def __init__(self, source: Source, entry: Entry, declared: Declared) -> None:
        self.source, self.entry, self.declared = source, entry, declared
        self.rows = source.concepts[entry["id"]]
        self.codes = {row["code"] for row in self.rows}
        self.statements = self._beside("statements", ("code", "property", "value", "review", "evidence"))
        columns = ("code", "language", "use", "value", "status", "evidence")
        self.designations = self._beside("designations", columns)

    def _beside(self, name: str, columns: tuple[str, ...]) -> dict[str, list[Row]]:
        found: dict[str, list[Row]] = {}
        table = f"code-systems/{self.entry['id']}/{name}.csv"
        for row in read_table(self.source.root, table, columns, optional=True):
            if row["code"] not in self.codes:
                raise row.error(f"the code {row['code']} should stand in concepts.csv")
            self.source.sources(row)
            found.setdefault(row["code"], []).append(row)
        return found

    def tree(self) -> list[Document]:
        """The concepts, children inside their parents, in the order of the table."""
        top: list[Document] = []
        nodes: dict[str, Document] = {}
        for row in self.rows:
            node = self._concept(row)
            siblings = top
            if row["parent"]:
                if row["parent"] not in nodes:
                    raise row.error(f"the parent {row['parent']} should stand in a line above")
                siblings = nodes[row["parent"]].setdefault("concept", [])
            siblings.append(node)
            nodes[row["code"]] = node
        if any("concept" in node for node in nodes.values()) and "hierarchyMeaning" not in self.entry:
            raise PublicationError(FILE, None, f"{self.entry['id']} should have a hierarchyMeaning")
        return top

    def _concept(self, row: Row) -> Document:
        node: Document = {"code": row["code"], "display": row["display"]}
        if row["definition"]:
            node["definition"] = row["definition"]
        if designations := list(self._designations(row)):
            node["designation"] = designations
        if properties := list(self._properties(row)):
            node["property"] = properties
        return node

    # -- designations ------------------------------------------------------------------------

    def _designations(self, row: Row) -> Iterator[Document]:
        if self.entry.get("plainLanguage"):
            yield {"language": "en", "use": self._use("plain-language", row), "value": row["display"]}
        for designation in self.designations.get(row["code"], ()):
            yield self._designation(designation)

    def _designation(self, row: Row) -> Document:
        if self.source.review(row) != "verified" and row["use"] == "preferred":
            raise row.error("a term with one source should have no use 'preferred'")
        use = PREFERRED_USE if row["use"] == "preferred" else self._use(row["use"], row)
        return {"language": row["language"]} | ({"use": use} if use else {}) | {"value": row["value"]}

    def _use(self, code: str, row: Row) -> Document:
        if not code:
            return {}
        display = self.source.term(code, row).display
        return {"system": self.source.vocabulary_uri, "code": code, "display": display}

    # -- properties --------------------------------------------------------------------------

    def _properties(self, row: Row) -> Iterator[Document]:
        for code in row.other_than(_FIXED):
            values = [row[code]] if self._is_text(code, row) else row.many(code)
            yield from (self._property(code, value, row) for value in values)
        for statement in self.statements.get(row["code"], ()):
            value = f"[{self._reviewed(statement)}] {statement['value']}"
            yield self._property(statement["property"], value, statement)
        if row["status"] or row["evidence"]:
            yield self._property("reviewStatus", self.source.review(row), row)
            yield self._property("evidence", self.source.sources(row), row)

    def _reviewed(self, row: Row) -> str:
        self.source.typed(self.source.term("reviewStatus", row), row["review"], row)
        return row["review"]

    def _is_text(self, code: str, row: Row) -> bool:
        return self._word(code, row).type == "string"

    def _word(self, code: str, row: Row) -> Term:
        if code not in self.declared:
            raise row.error(f"{code} should be declared for {self.entry['id']} in properties.csv")
        declaration = self.declared[code]
        if declaration["concept"].startswith(STANDARD):
            return Term(code, code, "", "property", "boolean", ())
        return self.source.term(declaration["concept"] or code, declaration)

    def _property(self, code: str, value: str, row: Row) -> Document:
        word = self._word(code, row)
        if word.type == "code" and word.code not in self.source.values and value not in self.codes:
            raise row.error(f"{code} should be a code of {self.entry['id']}, not {value!r}")
        return {"code": code} | self.source.typed(word, value, row)


# -- NamingSystem ------------------------------------------------------------------------------


def naming_systems(source: Source) -> Iterator[Document]:
    """A NamingSystem for each row of systems.csv."""
    return map(partial(_naming_system, source), source.systems.values())


def _naming_system(source: Source, system: System) -> Document:
    row = system.row
    about = f"Which identifiers name {row['title']}, and which of them to send."
    entry = {"id": system.key, "name": row["name"], "title": row["title"], "description": about}
    document = header(source, "NamingSystem", entry, [system])
    document["kind"] = "codesystem"
    document["responsible"] = row["responsible"] or source.settings["publisher"]
    if row["usage"]:
        document["usage"] = row["usage"]
    document["uniqueId"] = list(_unique_ids(source, system))
    return document


def _unique_ids(source: Source, system: System) -> Iterator[dict[str, Any]]:
    yield {"type": "uri", "value": system.uri, "preferred": True}
    if number := oid("CodeSystem", system.key) if source.is_own(system) else system.row["oid"]:
        yield {"type": "oid", "value": number, "preferred": True}
    for alias in system.row.many("aliases"):
        comment = "Accept it; send the preferred one."
        yield {"type": "uri", "value": alias, "preferred": False, "comment": comment}
