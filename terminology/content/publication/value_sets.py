"""ValueSet resources from value-sets.csv, and one for each attribute of the vocabulary.

https://hl7.org/fhir/R5/valueset.html
"""

from __future__ import annotations

from collections.abc import Iterator

from terminology.content.publication.code_systems import values_id
from terminology.content.publication.header import header, with_notices
from terminology.content.publication.source import PublicationSource, PublishedSystem, TomlTable
from terminology.content.publication.tables import SourceRow, read_table
from terminology.core.errors import PublicationError
from terminology.core.model import Document

COMMENT = "http://hl7.org/fhir/StructureDefinition/valueset-concept-comments"
# Form renderers show the first level of an expansion only: these value sets expand to a list.
FLAT: Document = {
    "url": "http://hl7.org/fhir/StructureDefinition/valueset-expansion-parameter",
    "extension": [{"url": "name", "valueCode": "excludeNested"}, {"url": "value", "valueString": "true"}],
}
_COLUMNS = ("valueSet", "system", "code", "property", "op", "value", "import", "status", "comment")


def value_sets(source: PublicationSource) -> Iterator[Document]:
    """A ValueSet for each entry of publication.toml, then those of the vocabulary."""
    rows = read_table(source.root, "value-sets.csv", _COLUMNS)
    entries = source.resources["ValueSet"]
    known = {entry["id"] for entry in entries}
    for row in rows:
        if row["valueSet"] not in known or (row["import"] and row["import"] not in known):
            raise row.error("the value set should have an entry in publication.toml")
    for entry in entries:
        own_rows = [row for row in rows if row["valueSet"] == entry["id"]]
        if not own_rows:
            raise PublicationError("value-sets.csv", None, f"should have a row for {entry['id']}")
        yield with_notices(source, _value_set(source, entry, own_rows))
    yield from _values_of_attributes(source)
    yield from _scopes(source)


def _value_set(source: PublicationSource, entry: TomlTable, rows: list[SourceRow]) -> Document:
    systems = [source.system(row["system"], row) for row in rows if row["system"]]
    document = header(source, "ValueSet", entry, systems)
    if entry.get("immutable"):
        document["immutable"] = True
    include: list[Document] = []
    for row in rows:
        source.review(row)
        include = _include(source, include, row)
    return document | {"compose": {"extension": [FLAT], "include": include}}


def _include(source: PublicationSource, include: list[Document], row: SourceRow) -> list[Document]:
    """The includes with one more row; codes of one system that follow each other share an include."""
    if row["import"]:
        return [*include, {"valueSet": [source.names.resource("ValueSet", row["import"])]}]
    system = source.system(row["system"], row)
    if row["property"]:
        condition = {"property": row["property"], "op": row["op"], "value": row["value"]}
        return [*include, {"system": system.uri, "filter": [condition]}]
    if not row["code"]:
        return [*include, {"system": system.uri}]
    if include and include[-1].get("system") == system.uri and "concept" in include[-1]:
        include[-1]["concept"].append(_concept(source, system, row))
        return include
    return [*include, {"system": system.uri, "concept": [_concept(source, system, row)]}]


def _concept(source: PublicationSource, system: PublishedSystem, row: SourceRow) -> Document:
    review = source.review(row)
    concept: Document = {"code": row["code"], **source.display(system.uri, row["code"], row)}
    own_words = source.reference(system.uri, row["code"])
    comment = ". ".join(text for text in (own_words, row["comment"]) if text)
    if review != "verified":
        comment = f"Provisional. {comment}".strip()
    return {"extension": [{"url": COMMENT, "valueString": comment}]} | concept if comment else concept


def _values_of_attributes(source: PublicationSource) -> Iterator[Document]:
    for attribute, values in source.values.items():
        name = attribute[0].upper() + attribute[1:]
        title = source.terms[attribute].display
        entry = {
            "id": values_id(attribute),
            "name": f"Vocabulary{name}",
            "title": f"Values of the property {attribute}",
            "description": f"{title}: the values that the property {attribute} takes in our content.",
        }
        concepts = [{"code": value.code, "display": value.display} for value in values]
        document = header(source, "ValueSet", entry)
        yield document | {
            "compose": {"include": [{"system": source.names.vocabulary_url(), "concept": concepts}]}
        }


def scope_id(source: PublicationSource, key: str) -> str:
    """The id of the value set with all codes of a system that are carried: the scope of maps from or to it."""
    entries = source.resources["CodeSystem"]
    return next((e["valueSet"] for e in entries if e["id"] == key and "valueSet" in e), f"{key}-carried")


def _scopes(source: PublicationSource) -> Iterator[Document]:
    """A value set for each system at an end of a map, if its code system does not name one of its own."""
    ends = dict.fromkeys(
        entry[end] for entry in source.resources["ConceptMap"] for end in ("source", "target")
    )
    for system in map(source.system, ends):
        if scope_id(source, system.key) != f"{system.key}-carried":
            continue
        title = system.row["title"]
        entry = {
            "id": f"{system.key}-carried",
            "name": system.row["name"].removesuffix("NamingSystem") + "Carried",
            "title": f"{title}: the codes that are carried",
            "description": f"All codes of {title} that the published content has: the scope of its maps.",
        }
        include: Document = {"system": system.uri}
        if chosen := system.row["carried"]:
            property_, _, value = chosen.partition("=")
            include["filter"] = [{"property": property_, "op": "=", "value": value}]
        document = header(source, "ValueSet", entry, [system])
        yield with_notices(source, document | {"compose": {"extension": [FLAT], "include": [include]}})
