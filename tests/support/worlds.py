"""Small worlds drawn at random: code systems and value sets over them, for the laws of the operations.

A world is a list of resources as somebody might write them. The code systems have few codes, so that a law can ask
about all of them. ``FUZZ=N`` draws N worlds for each law.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from terminology.core.model import Document
from tests.support.builders import BASE, code_system, concept, url_of, value_set
from tests.support.engine import ENGINE

A, B, ABSENT = f"{BASE}/a", f"{BASE}/b", f"{BASE}/absent"
CODES = ("a", "A", "b", "c", "d", "e")
TOPS = ("a", "b")  # in every code system, so that filters on them can be used
WORDS = ("Red cat", "red Cat", "Blue dog", "Owl", "the owl", "Ärmel")
COLOURS = ("red", "blue")
PROPERTIES = "http://hl7.org/fhir/concept-properties#"
DECLARED: list[Document] = [
    {"code": "colour", "type": "string"},
    *({"code": role, "uri": PROPERTIES + role, "type": "code"} for role in ("status", "parent")),
    *({"code": role, "uri": PROPERTIES + role, "type": "boolean"} for role in ("inactive", "notSelectable")),
]
SETS = ("v0", "v1", "v2")
LAST = url_of(SETS[-1], "vs/")


def worlds_a_law(ordinary: int, costs: int = 1) -> settings:
    """The settings of a law: so many worlds in an ordinary run, the same in each; on a store fewer.

    ``FUZZ=N`` draws N others, or N divided by ``costs`` for a law whose worlds take that much longer.
    """
    count = int(os.environ.get("FUZZ", "0")) // costs
    if not count:
        count = max(ordinary // 4, 5) if ENGINE else ordinary
    return settings(
        max_examples=count,
        derandomize="FUZZ" not in os.environ,
        suppress_health_check=list(HealthCheck),
    )


# -- code systems --------------------------------------------------------------------------------

DESIGNATIONS: st.SearchStrategy[list[Document]] = st.lists(
    st.sampled_from(
        [
            {"value": "Katze", "language": "de"},
            {"value": "Chat", "language": "fr"},
            {"value": "Moggy", "language": "en", "use": {"system": "urn:use", "code": "synonym"}},
            {"value": "Cat of no language"},
        ]
    ),
    max_size=2,
    unique_by=lambda designation: str(designation["value"]),
)


@st.composite
def concepts(draw: st.DrawFn, code: str, parents: list[str]) -> Document:
    """A concept; ``parents`` are those that are said by a property."""
    properties: list[Document] = [{"code": "parent", "valueCode": parent} for parent in parents]
    if draw(st.booleans()):
        properties.append({"code": "colour", "valueString": draw(st.sampled_from(COLOURS))})
    mark = draw(st.sampled_from([None, None, None, "inactive", "retired", "deprecated", "not inactive"]))
    if mark in ("inactive", "not inactive"):
        properties.append({"code": "inactive", "valueBoolean": mark == "inactive"})
    elif mark is not None:
        properties.append({"code": "status", "valueCode": mark})
    if draw(st.integers(0, 5)) == 5:
        properties.append({"code": "notSelectable", "valueBoolean": True})
    made: Document = {}
    if properties:
        made["property"] = properties
    if designations := draw(DESIGNATIONS):
        made["designation"] = designations
    return concept(code, draw(st.sampled_from([None, *WORDS])), **made)


@st.composite
def hierarchies(draw: st.DrawFn, codes: list[str]) -> list[Document]:
    """Concepts, of which each is below earlier ones or none; the first parent may be said by nesting."""
    roots: list[Document] = []
    by_code: dict[str, Document] = {}
    for place, code in enumerate(codes):
        parents = draw(st.lists(st.sampled_from(codes[:place]), max_size=2, unique=True)) if place else []
        nests = bool(parents) and draw(st.booleans())
        node = draw(concepts(code, parents[1:] if nests else parents))
        holder = by_code[parents[0]].setdefault("concept", []) if nests else roots
        holder.append(node)
        by_code[code] = node
    return roots


@st.composite
def code_systems(
    draw: st.DrawFn,
    url: str,
    version: str | None = None,
    content: str = "complete",
    from_codes: tuple[str, ...] = CODES,
) -> Document:
    """A code system of TOPS and some more codes; it says, or does not say, whether case counts."""
    elements: Document = {"content": content, "property": DECLARED}
    case = draw(st.sampled_from([None, True, False]))
    if case is not None:
        elements["caseSensitive"] = case
    if version is not None:
        elements["version"] = version
    if draw(st.booleans()):
        elements["language"] = draw(st.sampled_from(["en", "de"]))
    if draw(st.booleans()):
        elements["hierarchyMeaning"] = "is-a"
    others = st.lists(st.sampled_from([code for code in from_codes if code not in TOPS]), unique=True)
    codes = draw(others.flatmap(lambda more: st.permutations([*TOPS, *more])))
    if case is False and "a" in codes:
        codes = [code for code in codes if code != "A"]
    nodes = [] if content == "not-present" else draw(hierarchies(codes))
    return code_system(url, *nodes, **elements)


@st.composite
def supplements(draw: st.DrawFn) -> Document:
    """A supplement of A with a name for each of two codes, and a colour."""
    names = [
        concept(
            code,
            designation=[{"value": f"Suppl {code}", "language": draw(st.sampled_from(["de", "en"]))}],
            property=[{"code": "colour", "valueString": "green"}],
        )
        for code in draw(st.lists(st.sampled_from(CODES), min_size=1, max_size=2, unique=True))
    ]
    return code_system("extra", *names, content="supplement", supplements=A)


# -- value sets ----------------------------------------------------------------------------------

HIERARCHIC = ("is-a", "descendent-of", "is-not-a", "generalizes", "child-of", "descendent-leaf")
FILTERS = st.one_of(
    st.tuples(st.just("concept"), st.sampled_from(HIERARCHIC), st.sampled_from([*TOPS, *TOPS, "c"])),
    st.tuples(st.just("colour"), st.sampled_from(["=", "in", "regex"]), st.sampled_from(COLOURS)),
    st.tuples(st.just("colour"), st.just("exists"), st.sampled_from(["true", "false"])),
    st.tuples(st.just("code"), st.just("regex"), st.sampled_from(["[abc]", "[A-Z]"])),
).map(lambda three: dict(zip(("property", "op", "value"), three, strict=True)))


@st.composite
def listed_codes(draw: st.DrawFn, codes: tuple[str, ...] = CODES) -> list[Document]:
    """Codes that a value set lists, some by names of its own."""
    listed: list[Document] = []
    for code in draw(st.lists(st.sampled_from(codes), min_size=1, max_size=3, unique=True)):
        node: Document = {"code": code}
        if draw(st.integers(0, 2)) == 2:
            node["display"] = f"Ours: {code}"
        if draw(st.integers(0, 2)) == 2:
            language = draw(st.sampled_from([{}, {"language": "de"}]))
            node["designation"] = [{"value": f"Unser {code}", **language}]
        listed.append(node)
    return listed


@st.composite
def blocks(
    draw: st.DrawFn, systems: list[tuple[str, str | None]], imports: tuple[str, ...], absent: bool = False
) -> Document:
    """An include or exclude over code systems in their versions, or value sets that are imported."""
    kinds = ["all", "listed", "filtered", *(["imported"] if imports else [])]
    kind = "absent" if absent and draw(st.integers(0, 15)) == 15 else draw(st.sampled_from(kinds))
    if kind == "absent":
        return {"system": ABSENT, "concept": draw(listed_codes())}
    block: Document = {}
    if kind != "imported":
        url, version = draw(st.sampled_from(systems))
        block = {"system": url} | ({"version": version} if version else {})
    if kind == "listed":
        block["concept"] = draw(listed_codes())
    if kind == "filtered":
        block["filter"] = draw(st.lists(FILTERS, min_size=1, max_size=2))
    if kind == "imported" or (imports and draw(st.integers(0, 2)) == 2):
        block["valueSet"] = draw(st.lists(st.sampled_from(imports), min_size=1, max_size=2, unique=True))
    return block


@st.composite
def entries(draw: st.DrawFn, systems: list[tuple[str, str | None]]) -> list[Document]:
    """The entries of an expansion that is stored in a value set, some below another.

    No code comes in two cases: with two displays for one code, a stored expansion contradicts itself.
    """
    made: list[Document] = []
    for code in draw(st.lists(st.sampled_from(CODES), min_size=1, max_size=3, unique_by=str.casefold)):
        url, version = draw(st.sampled_from(systems))
        entry: Document = {"system": url, "code": code, "display": f"Stored {code}"}
        if version is not None:
            entry["version"] = version
        for mark in draw(st.lists(st.sampled_from(["inactive", "abstract"]), max_size=1)):
            entry[mark] = True
        if draw(st.booleans()) and made:
            made[-1].setdefault("contains", []).append(entry)
        else:
            made.append(entry)
    return made


@st.composite
def value_sets(
    draw: st.DrawFn,
    name: str,
    systems: list[tuple[str, str | None]],
    imports: tuple[str, ...],
    absent: bool = False,
) -> Document:
    """A value set with a definition; or with a contained one; or with a stored expansion alone."""
    kind = draw(st.sampled_from(["composed"] * 5 + ["stored", "contained"]))
    if kind == "stored":
        stored = draw(entries(systems))
        document = value_set(
            name, expansion={"timestamp": "2026-01-01T00:00:00Z", "total": len([*flat(stored)]), "contains": stored}
        )  # fmt: skip
        del document["compose"]
        return document
    drawn = blocks(systems, imports, absent)
    compose: Document = draw(st.sampled_from([{}, {}, {"inactive": True}, {"inactive": False}]))
    include = draw(st.lists(drawn, min_size=1, max_size=3))
    exclude = draw(st.lists(blocks(systems, imports), max_size=1))
    if kind == "contained":
        inner = value_set("inner", draw(blocks(systems, ())))
        include.append({"valueSet": ["#inner"]})
        return value_set(
            name, *include, exclude=exclude, compose=compose, contained=[inner | {"id": "inner"}]
        )
    return value_set(name, *include, exclude=exclude, compose=compose)


@st.composite
def worlds(draw: st.DrawFn, versions: bool = True, everything: bool = True) -> list[Document]:
    """Code systems, and three value sets over them, of which each may import those before; LAST is the last.

    Without ``versions`` a code system is here in one version. Without ``everything`` all content is complete, and
    every code system is here.
    """
    contents = ["complete"] * 6 + (["fragment", "fragment", "not-present"] if everything else [])
    held: list[str | None] = draw(st.sampled_from([[None], ["1"], *([["1", "2"]] if versions else [])]))
    if len(held) > 1:
        contents = ["complete"]  # what a part of one version says beside the whole of another is open
    # A code that one version has in this case, and the other in that, is one and the same for some laws only.
    own = CODES if len(held) == 1 else tuple(code for code in CODES if code != "A")
    documents = [draw(code_systems(A, version, draw(st.sampled_from(contents)), own)) for version in held]
    documents.append(draw(code_systems(B, None)))
    systems: list[tuple[str, str | None]] = [(A, None), (B, None)]
    if versions:
        systems += [(A, version) for version in held if version is not None]
    if everything and draw(st.booleans()):
        documents.append(draw(supplements()))
    for place, name in enumerate(SETS):
        imports = tuple(url_of(earlier, "vs/") for earlier in SETS[:place])
        documents.append(draw(value_sets(name, systems, imports, absent=everything)))
    return documents


# -- reading -------------------------------------------------------------------------------------


def flat(nodes: list[Document], below: str = "contains") -> Iterator[Document]:
    """Entries of an expansion, or concepts (``below="concept"``), each before those below it."""
    for node in nodes:
        yield node
        yield from flat(node.get(below, []), below)


def known_codes(documents: list[Document]) -> set[tuple[str, str]]:
    """The codes that the code systems of a world have, with their systems: those of which all is known.

    A code that is missing in a fragment may be in another one.
    """
    systems = [d for d in documents if d["resourceType"] == "CodeSystem" and d["content"] != "supplement"]
    codes = [
        (d["url"], d["content"], {node["code"] for node in flat(d["concept"], "concept")}) for d in systems
    ]
    parts = [(url, there) for url, content, there in codes if content != "complete"]
    every = {(url, code) for url, _, there in codes for code in there}
    return {(url, code) for url, code in every if all(code in there for of, there in parts if of == url)}
