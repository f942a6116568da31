"""What holds of the expansion of any value set, and between it and ``$validate-code`` and ``$lookup``?"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from terminology.core.model import Document
from tests.support.asking import value
from tests.support.questions import World, forms, issues_of, primitive, verdict_of
from tests.support.set_model import SetModel, UnusableFilterError
from tests.support.worlds import LAST, flat, known_codes, worlds, worlds_a_law

INSISTING = "de, *;q=0"
LANGUAGES = st.sampled_from([None, "de", "en", "fr", INSISTING])
REQUESTS = st.fixed_dictionaries({}, optional={"activeOnly": st.booleans(), "excludeNested": st.booleans()})


def named(entry: Document) -> dict[str, str]:
    """What names the code of an entry: display and version, if there are any."""
    return {name: entry[name] for name in ("display", "version") if name in entry}


def key(entry: Document) -> tuple[str, str, str | None]:
    return entry["system"], entry["code"], entry.get("version")


@worlds_a_law(50)
@given(worlds(), LANGUAGES)
def test_what_is_listed_validates_with_its_display_and_version(
    documents: list[Document], language: str | None
) -> None:
    world = World(documents)
    more = {} if language is None else {"displayLanguage": language}
    for entry in world.listing(url=LAST, **more) or []:
        for form in forms(entry["system"], entry["code"], **named(entry)):
            answer = world.ask("ValueSet/$validate-code", *form, url=LAST, **more)
            result, display = verdict_of(answer)
            # Where a language is insisted on, an entry has no display of another one; a validation says it.
            shown = entry.get("display", display if language == INSISTING else None)
            assert (result, display) == (True, shown), (entry, form, issues_of(answer))


@worlds_a_law(50)
@given(worlds(), LANGUAGES)
def test_lookup_gives_the_display_of_the_expansion(documents: list[Document], language: str | None) -> None:
    """$lookup gives the display that a value set lists where neither the set nor what it imports has its own."""
    world = World(documents)
    more = {} if language is None else {"displayLanguage": language}
    here = known_codes(documents)
    named_here = {node["code"].lower() for node in codes_with_names_of_value_sets(documents)}
    expansion = world.expansion(url=LAST, **more) or {}
    for entry in flat(expansion.get("contains", [])):
        if (entry["system"], entry["code"]) in here and entry["code"].lower() not in named_here:
            coding = {"name": "coding", "valueCoding": with_version(entry, expansion)}
            answer = world.ask("CodeSystem/$lookup", coding, **more)
            assert answer is not None
            # A display is 1..1 in the answer of $lookup: the code itself where there is none.
            assert value(answer, "display") == entry.get("display", entry["code"])


def with_version(entry: Document, expansion: Document) -> Document:
    """The Coding of an entry, in the version that the entry says, or else the expansion."""
    used = {canonical.partition("|")[::2] for canonical in used_systems(expansion)}
    versions = [version for url, version in used if version and url == entry["system"]]
    default: Document = {"version": versions[0]} if versions else {}
    return default | {name: entry[name] for name in ("system", "code", "version") if name in entry}


def used_systems(expansion: Document) -> list[str]:
    parameters = expansion.get("parameter", ())
    return [p["valueUri"] for p in parameters if p["name"] == "used-codesystem"]


def codes_with_names_of_value_sets(documents: list[Document]) -> list[Document]:
    sets = [document for document in documents if document["resourceType"] == "ValueSet"]
    inner = [contained for document in sets for contained in document.get("contained", ())]
    parts = [p for d in [*sets, *inner] for p in d.get("compose", {}).get("include", ())]
    stored = [e for d in sets for e in flat(d.get("expansion", {}).get("contains", []))]
    listed = [node for part in parts for node in part.get("concept", ())]
    return [*stored, *(node for node in listed if "display" in node or "designation" in node)]


@worlds_a_law(50)
@given(worlds(), REQUESTS)
def test_what_is_not_listed_and_in_its_system_does_not_validate(
    documents: list[Document], request: dict[str, bool]
) -> None:
    world = World(documents)
    listing = world.listing(url=LAST, **request)
    if listing is None:
        return
    active = {"activeOnly": True} if request.get("activeOnly") else {}
    listed = {(entry["system"], entry["code"]) for entry in listing}
    for system, code in sorted(known_codes(documents)):
        for form in forms(system, code):
            answer = world.ask("ValueSet/$validate-code", *form, url=LAST, **active)
            assert verdict_of(answer)[0] is ((system, code) in listed), (system, code, issues_of(answer))


@worlds_a_law(40)
@given(worlds(), REQUESTS, st.integers(1, 4))
def test_pages_put_together_are_the_whole(
    documents: list[Document], request: dict[str, bool], size: int
) -> None:
    world = World(documents)
    asked = {**request, "excludeNested": True, "url": LAST}
    whole = world.expansion(**asked)
    if whole is None:
        return
    found: list[Document] = []
    for offset in range(0, whole["total"] + size, size):
        page = world.expansion(**asked, offset=offset, count=size)
        assert page is not None and page["total"] == whole["total"]
        found += page.get("contains", [])
    assert found == whole.get("contains", [])
    assert len(found) == whole["total"]


@worlds_a_law(40)
@given(worlds(), REQUESTS)
def test_past_the_end_is_an_empty_page_and_none_is_asked_for_a_total(
    documents: list[Document], request: dict[str, bool]
) -> None:
    world = World(documents)
    whole = world.expansion(url=LAST, **request)
    for paging in ({"offset": 1_000}, {"offset": 1_000, "count": 2}, {"count": 0}):
        page = world.expansion(url=LAST, **request, **paging)
        assert (page is None) is (whole is None)
        if page is not None and whole is not None:
            assert (page["total"], page.get("contains", [])) == (len([*flat(whole.get("contains", []))]), [])


@worlds_a_law(40)
@given(worlds(), REQUESTS, st.sampled_from(["cat", "red", "CAT re", "ow", "arm", "a", "Unser", "moggy", "?"]))
def test_a_filter_text_finds_some_of_the_listing(
    documents: list[Document], request: dict[str, bool], text: str
) -> None:
    world = World(documents)
    listing = world.listing(url=LAST, **request)
    found = world.listing(url=LAST, filter=text, **request)
    assert (found is None) is (listing is None)
    if found is not None and listing is not None:
        assert {key(entry) for entry in found} <= {key(entry) for entry in listing}
        flat_ = world.listing(url=LAST, filter=text, **{**request, "excludeNested": True})
        assert flat_ is not None and {key(entry) for entry in flat_} == {key(entry) for entry in found}


@worlds_a_law(40)
@given(worlds(), st.booleans())
def test_nested_and_flat_have_the_same_entries(documents: list[Document], active: bool) -> None:
    world = World(documents)
    nested = world.listing(url=LAST, excludeNested=False, activeOnly=active)
    plain = world.listing(url=LAST, excludeNested=True, activeOnly=active)
    assert (nested is None) is (plain is None)
    if nested is not None and plain is not None:
        without = [{name: part for name, part in entry.items() if name != "contains"} for entry in nested]
        assert sorted(without, key=repr) == sorted(plain, key=repr)


@worlds_a_law(40)
@given(worlds())
def test_active_only_lists_those_that_are_not_inactive(documents: list[Document]) -> None:
    world = World(documents)
    everything = world.listing(url=LAST, excludeNested=True)
    active = world.listing(url=LAST, excludeNested=True, activeOnly=True)
    assert (everything is None) is (active is None)
    if everything is not None:
        assert active == [entry for entry in everything if not entry.get("inactive")]


@worlds_a_law(40)
@given(worlds())
def test_selectable_entries_are_those_that_are_not_abstract(documents: list[Document]) -> None:
    world = World(documents)
    everything = world.listing(url=LAST, excludeNested=True)
    offered = world.listing(url=LAST, excludeNested=True, excludeNotForUI=True)
    if everything is not None:
        assert offered == [entry for entry in everything if not entry.get("abstract")]
        for entry in everything:
            form = next(iter(forms(entry["system"], entry["code"], **named(entry))))
            verdict = world.verdict(*form, primitive("abstract", False), url=LAST)
            assert verdict[0] is not entry.get("abstract", False)


@worlds_a_law(40)
@given(worlds(), LANGUAGES)
def test_the_display_that_a_validation_gives_is_one_that_it_accepts(
    documents: list[Document], language: str | None
) -> None:
    """Whatever the display and version that were sent, the display of the answer is right for both operations."""
    world = World(documents)
    more = {} if language is None else {"displayLanguage": language}
    for system, code in sorted(known_codes(documents)):
        for operation, name in (("ValueSet", LAST), ("CodeSystem", system)):
            asked = {"code": code, "url": name, **more} | (
                {"system": system} if operation == "ValueSet" else {}
            )
            answer = world.ask(f"{operation}/$validate-code", **asked, display="Nobody's")
            display = verdict_of(answer)[1]
            if display is not None:
                unnamed = world.ask(f"{operation}/$validate-code", **asked)
                again = world.ask(f"{operation}/$validate-code", **asked, display=display)
                assert verdict_of(again) == verdict_of(unnamed), (operation, system, code, issues_of(again))


@worlds_a_law(50)
@given(worlds(versions=False, everything=False))
def test_a_value_set_has_the_members_that_its_definition_says(documents: list[Document]) -> None:
    """Includes are added, a filter and an import cut, excludes are taken away: the members are those of a model."""
    world, model = World(documents), SetModel(documents)
    try:
        members = model.members(LAST)
    except UnusableFilterError:
        return
    listing = world.listing(url=LAST)
    assert listing is not None
    assert {(entry["system"], entry["code"]) for entry in listing} == members
    for url, system in model.systems.items():
        for code in system.concepts:
            for form in forms(url, code):
                assert world.verdict(*form, url=LAST)[0] is ((url, code) in members), (url, code)
    for entry in listing:
        system, code = model.systems[entry["system"]], entry["code"]
        if code in system.concepts:
            assert entry.get("abstract", False) is system.is_abstract(code)
            assert entry.get("inactive", False) is system.is_inactive(code)
