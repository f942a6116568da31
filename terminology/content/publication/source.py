"""The tables of fhir_bundles/source, checked against each other."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

from terminology.content.canonical import FILE, CanonicalNames, names_of, read_publication
from terminology.content.publication.tables import SourceRow, read_table
from terminology.core.errors import PublicationError
from terminology.core.model import Document

NAMESPACE = UUID("8d0c2f3e-5a1b-4c6e-9a37-2b7f4e0d9c51")  # never change it: every identifier is made of it
REVIEW = {"V": "verified", "S": "provisional"}
# The kinds of evidence: the file of the owner of the codes; one of the owner that has names and no definitions; a
# public source with a name; a file of payments, which does not prove the meaning of a code; public sources without a
# name; a judgement of our own.
KINDS = ("owner", "names", "public", "payment", "unnamed", "judgement")
# A table of publication.toml.
TomlTable = dict[str, Any]


def oid(type_: str, id_: str) -> str:
    """The OID of a resource, made of a UUID; the same whatever the base.

    >>> oid("CodeSystem", "cpt") == oid("CodeSystem", "cpt") != oid("ValueSet", "cpt")
    True
    """
    return f"2.25.{uuid5(NAMESPACE, f'{type_}/{id_}').int}"


@dataclass(slots=True, frozen=True)
class PublishedSystem:
    """A code system that the content names: a row of systems.csv."""

    key: str
    uri: str
    country: str
    notice: str
    row: SourceRow


@dataclass(slots=True, frozen=True)
class VocabularyTerm:
    """A term of our vocabulary: a property, a value of some properties, or a use of designations."""

    code: str
    display: str
    definition: str
    kind: str
    type: str
    attributes: tuple[str, ...]


@dataclass(slots=True, frozen=True)
class Evidence:
    """A source of evidence: a row of sources.csv."""

    kind: str
    source: str


@dataclass
class PublicationSource:
    """All tables of one folder, which agree with each other.

    ``systems``, ``terms`` and ``evidence`` are by key or code; ``concepts`` by the id of a code system;
    ``displays``, ``references`` (our own words) and ``statuses`` by the uri of a code system and a code;
    ``reference_rows`` by the key of a code system. ``cited`` grows with each row that is built: the keys of evidence.
    """

    root: Path
    names: CanonicalNames
    settings: TomlTable
    resources: dict[str, list[TomlTable]]
    notices: dict[str, str]
    systems: dict[str, PublishedSystem] = field(default_factory=dict)
    terms: dict[str, VocabularyTerm] = field(default_factory=dict)
    evidence: dict[str, Evidence] = field(default_factory=dict)
    concepts: dict[str, list[SourceRow]] = field(default_factory=dict)
    displays: dict[tuple[str, str], str] = field(default_factory=dict)
    references: dict[tuple[str, str], str] = field(default_factory=dict)
    statuses: dict[tuple[str, str], str] = field(default_factory=dict)
    reference_rows: dict[str, list[SourceRow]] = field(default_factory=dict)
    source_rows: dict[str, SourceRow] = field(default_factory=dict)
    cited: set[str] = field(default_factory=set)

    @staticmethod
    def read(root: Path, base: str | None = None) -> PublicationSource:
        """Read a folder of tables; ``base`` replaces that of publication.toml. Raises PublicationError."""
        content = read_publication(root)
        try:
            names, settings = names_of(content, base), content["publication"]
            resources = {type_: content.get(type_, []) for type_ in ("CodeSystem", "ValueSet", "ConceptMap")}
            source = PublicationSource(root, names, settings, resources, content.get("notices", {}))
        except KeyError as missing:
            raise PublicationError(FILE, None, f"should state {missing}") from None
        source._require_entries()
        source._read_vocabulary()
        source._read_concepts()
        return source

    # -- reading -----------------------------------------------------------------------------

    def _require_entries(self) -> None:
        """A table without an entry would not be published, and nobody would notice."""
        maps = [(path.stem, path) for path in sorted(self.root.glob("maps/*.csv"))]
        systems = [(path.name, path) for path in sorted(self.root.glob("code-systems/*")) if path.is_dir()]
        for type_, tables in (("ConceptMap", maps), ("CodeSystem", systems)):
            known = {entry.get("id") for entry in self.resources[type_]}
            for id_, path in tables:
                if id_ not in known:
                    name = path.relative_to(self.root).as_posix()
                    problem = f'should have an entry in {FILE}: [[{type_}]] with id = "{id_}"'
                    raise PublicationError(name, None, problem)

    def _read_vocabulary(self) -> None:
        for row in read_table(self.root, "sources.csv", ("key", "kind", "source")):
            if row["kind"] not in KINDS:
                raise row.error(f"kind should be one of {', '.join(KINDS)}, not {row['kind']!r}")
            if row["key"] in self.evidence:
                raise row.error(f"the key {row['key']} should be listed once")
            self.evidence[row["key"]] = Evidence(row["kind"], row["source"])
            self.source_rows[row["key"]] = row
        for row in read_table(self.root, "systems.csv", ("key", "uri", "name", "title")):
            if row["notice"] and row["notice"] not in self.notices:
                raise row.error(f"the notice {row['notice']!r} should be under [notices] in {FILE}")
            uri = row["uri"].replace("{base}", self.base)
            self.systems[row["key"]] = PublishedSystem(row["key"], uri, row["country"], row["notice"], row)
        columns = ("code", "display", "definition", "kind", "valueType", "attribute")
        for row in read_table(self.root, f"code-systems/{self.names.vocabulary}/concepts.csv", columns):
            code, display, definition, kind, type_, _ = (row[name] for name in columns)
            self.terms[code] = VocabularyTerm(
                code, display, definition, kind, type_, tuple(row.many("attribute"))
            )

    def _read_concepts(self) -> None:
        for entry in self.resources["CodeSystem"]:
            rows = read_table(self.root, f"code-systems/{entry['id']}/concepts.csv", ("code", "display"))
            uri = self.system(entry["id"]).uri
            for row in rows:
                self._add_display(self.displays, uri, row, row["display"])
            self.concepts[entry["id"]] = rows
        for row in read_table(self.root, "references.csv", ("system", "code", "words", "status", "evidence")):
            self.review(row)
            self.sources(row)
            self._add_display(self.references, self.system(row["system"], row).uri, row, row["words"])
            self.reference_rows.setdefault(row["system"], []).append(row)

    def _add_display(self, table: dict[tuple[str, str], str], uri: str, row: SourceRow, words: str) -> None:
        if not row["code"] or not words:
            raise row.error("a code and its display should be given")
        if (uri, row["code"]) in self.displays or (uri, row["code"]) in self.references:
            raise row.error(f"the code {row['code']} should be listed once")
        table[uri, row["code"]] = words
        self.statuses[uri, row["code"]] = row["status"]

    # -- lookup ------------------------------------------------------------------------------

    @property
    def base(self) -> str:
        """The base of all canonicals, without a slash at the end."""
        return self.names.base

    def system(self, key: str, row: SourceRow | None = None) -> PublishedSystem:
        if key in self.systems:
            return self.systems[key]
        raise _error(row, f"the code system {key!r} should have a row in systems.csv")

    def is_own(self, system: PublishedSystem) -> bool:
        return system.uri.startswith(f"{self.base}/")

    def term(self, code: str, row: SourceRow) -> VocabularyTerm:
        if code in self.terms:
            return self.terms[code]
        raise row.error(f"{code!r} should be a code of {self.names.vocabulary}")

    @cached_property
    def values(self) -> dict[str, list[VocabularyTerm]]:
        """The values that each attribute takes, where they are enumerated."""
        values: dict[str, list[VocabularyTerm]] = {}
        for term in self.terms.values():
            for attribute in term.attributes:
                values.setdefault(attribute, []).append(term)
        return values

    def review(self, row: SourceRow) -> str:
        """``verified`` or ``provisional``. Raises PublicationError: other rows are not published."""
        if row["status"] in REVIEW:
            return REVIEW[row["status"]]
        raise row.error(
            f"status {row['status']!r} is not published: V is verified, S has one source; "
            "what nobody has verified belongs in gaps.csv"
        )

    def sources(self, row: SourceRow) -> str:
        """The evidence of a row, spelled out."""
        keys = row.many("evidence")
        if not keys:
            raise row.error("evidence should name at least one key of sources.csv")
        for key in keys:
            if key not in self.evidence:
                raise row.error(f"the evidence {key!r} should be a key of sources.csv")
        self.cited.update(keys)
        rests_on = [self.evidence[key] for key in keys]
        self._require_support(row, [evidence.kind for evidence in rests_on])
        return "; ".join(evidence.source for evidence in rests_on)

    def _require_support(self, row: SourceRow, kinds: list[str]) -> None:
        if row["status"] != "V" and row["review"] != "verified":
            return
        if "owner" in kinds or kinds.count("public") >= 2:
            return
        if "names" not in kinds:
            raise row.error("status V should rest on the owner's file or on two named sources; else it is S")
        if row["definition"]:
            raise row.error("status V of a definition should rest on more than a file of names; else it is S")

    def check_citations(self) -> None:
        """Raises PublicationError for a source that no row cites, once all resources are built."""
        for key, row in self.source_rows.items():
            if key not in self.cited:
                raise row.error(f"the source {key} should be cited by a row, or not be listed")

    def display(self, uri: str, code: str, row: SourceRow) -> Document:
        """The display of a code, as an element to add; none for a code of references.csv.

        A display has the words of the code system; our own words are a ``reference``. Raises
        PublicationError for a code that is not in any table.
        """
        if (uri, code) in self.displays:
            return {"display": self.displays[uri, code]}
        if (uri, code) in self.references:
            return {}
        raise row.error(f"the code {code} of {uri} should be in a fragment or in references.csv")

    def reference(self, uri: str, code: str) -> str | None:
        """Our own words for a code that is named by its identifier only."""
        return self.references.get((uri, code))

    def typed(self, term: VocabularyTerm, text: str, row: SourceRow) -> Document:
        """A value as FHIR types it: ``{"valueCode": "laser"}``."""
        if term.type == "Coding":
            return {"valueCoding": self.coding(text, row)}
        if term.type == "code" and term.code in self.values:
            allowed = [value.code for value in self.values[term.code]]
            if text not in allowed:
                raise row.error(f"{term.code} should be one of {', '.join(allowed)}, not {text!r}")
        return {"value" + term.type[0].upper() + term.type[1:]: _plain(term, text, row)}

    def coding(self, text: str, row: SourceRow) -> Document:
        """``snomed-gps:71252005`` as a Coding, with its display if there is one."""
        key, _, code = text.partition(":")
        uri = self.system(key, row).uri
        return {"system": uri, "code": code, **self.display(uri, code, row)}


def _plain(term: VocabularyTerm, text: str, row: SourceRow) -> str | bool | int | Decimal:
    if term.type == "boolean" and text in ("true", "false"):
        return text == "true"
    try:
        if term.type == "integer":
            return int(text)
        if term.type == "decimal":
            return Decimal(text)
    except (ValueError, InvalidOperation):
        pass
    if term.type in ("code", "string"):
        return text
    raise row.error(f"{term.code} should be of type {term.type}, not {text!r}")


def _error(row: SourceRow | None, problem: str) -> PublicationError:
    return row.error(problem) if row else PublicationError(FILE, None, problem)
