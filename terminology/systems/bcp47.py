"""Language tags (``urn:ietf:bcp:47``, RFC 5646) and their names.

The syntax and the registry of subtags are those of the library langcodes. A tag is valid when every subtag is
registered (RFC 5646, 2.2.9). Case does not matter (2.1.1): ``en-us`` is ``en-US``, which is how it should be
written.
"""

from __future__ import annotations

from functools import cache, partial
from typing import Any

from terminology.core.cache import kept_results
from terminology.core.model import CodeSystemInfo, Concept, ConceptDetail, Designation, Property
from terminology.systems.description import (
    COMPARING,
    DescribedProperty,
    FilterRule,
    ImplicitValueSet,
    NotOffered,
    SystemDescription,
)
from terminology.systems.grammar import GrammarCodeSystem, Reading
from terminology.systems.implicit import all_of

URL = "urn:ietf:bcp:47"
Subtag = dict[str, Any]
Parts = list[tuple[str, str]]

# FHIR's name of the property, and the type in the registry, by the library's word for each part.
_PARTS = {
    "language": ("language", "language"),
    "extlang": ("ext-lang", "extlang"),
    "script": ("script", "script"),
    "territory": ("region", "region"),
    "variant": ("variant", "variant"),
    "extension": ("extension", ""),
    "private": ("private-use", ""),
}
_ONCE = ("extlang", "variant", "extension")
_ALL = "http://hl7.org/fhir/ValueSet/all-languages"
# The longest tag that is read: the library's parser calls itself for each subtag. RFC 5646, 4.4.1, lets a length be
# bounded, and no tag that says everything once comes near it.
LONGEST = 500


@cache
def _registry() -> dict[tuple[str, str], Subtag]:
    """The subtags of IANA's registry by type and subtag, including grandfathered and redundant tags."""
    from langcodes import registry_parser

    entries = {}
    for entry in registry_parser.parse_registry():  # type: ignore[no-untyped-call]
        kind = entry["Type"]
        for subtag in _spread(entry.get("Subtag") or entry["Tag"]):
            entries[kind, subtag.lower()] = entry | {"Subtag": subtag}
    return entries


def _spread(subtag: str) -> list[str]:
    """``qaa..qtz`` is a range, reserved for private use."""
    first, dots, last = subtag.partition("..")
    if not dots:
        return [subtag]
    subtags, current = [first], first
    while current != last:
        current = _next(current)
        subtags.append(current)
    return subtags


def _next(word: str) -> str:
    head, letter = word[:-1], word[-1]
    if letter in "zZ":
        return _next(head) + ("A" if letter == "Z" else "a")
    return head + chr(ord(letter) + 1)


def _read(code: str) -> Reading | None:
    return _parse(code) if len(code) <= LONGEST else None


@kept_results(4096)
def _parse(code: str) -> Reading | None:
    from langcodes.tag_parser import LanguageTagError, parse_tag

    try:
        parts: Parts = parse_tag(code)  # type: ignore[no-untyped-call]
    except LanguageTagError:
        return None
    if parts[0][0] == "grandfathered":
        return _read_whole(code)
    entries = _entries(parts)
    correct = "-".join(_written(kind, subtag) for kind, subtag in parts)
    if entries is None or code.lower() != correct.lower():
        return None
    status = "deprecated" if any("Deprecated" in entry for entry in entries) else None
    designations = [Designation(text, "en") for text in _other_names(parts, entries)]
    values: dict[str, list[str]] = {}
    for kind, subtag in parts:
        # The library calls private use that stands alone a language.
        name, _ = _PARTS["private" if subtag.startswith("x-") else kind]
        values.setdefault(name, []).append(_written(kind, subtag))
    concept = Concept(correct, _display(parts, entries), status=status)
    preferred = _preferred(parts, entries)
    properties = [] if preferred == correct else [_preferred_property(preferred)]
    return Reading(concept, ConceptDetail(designations, properties), values)


def _preferred(parts: Parts, entries: list[Subtag]) -> str:
    """The tag with the subtags that the registry prefers to those that are deprecated."""
    subtags = (entry.get("Preferred-Value", part[1]) for part, entry in zip(parts, entries, strict=True))
    return "-".join(_written(kind, subtag) for (kind, _), subtag in zip(parts, subtags, strict=True))


def _preferred_property(tag: str) -> Property:
    return Property("preferred", "code", tag)


def _read_whole(code: str) -> Reading | None:
    """A grandfathered tag (``i-klingon``), which does not follow the grammar."""
    entry = _registry().get(("grandfathered", code.lower())) or _registry().get(("redundant", code.lower()))
    if entry is None:
        return None
    status = "deprecated" if "Deprecated" in entry else None
    preferred = entry.get("Preferred-Value")
    properties = [_preferred_property(preferred)] if preferred else []
    return Reading(
        Concept(entry["Subtag"], entry["Description"][0], status=status), ConceptDetail([], properties)
    )


def _entries(parts: Parts) -> list[Subtag] | None:
    """The entries of the registry, empty for private parts; None if a part is not in the registry."""
    entries: list[Subtag] = []
    for kind, subtag in parts:
        in_registry = _PARTS[kind][1]
        if not in_registry or subtag.startswith("x-"):
            entries.append({})
            continue
        entry = _registry().get((in_registry, subtag.lower()))
        if entry is None or (kind == "extlang" and parts[0][1] not in entry.get("Prefix", ())):
            return None
        entries.append(entry)
    unique = [(kind, subtag[0] if kind == "extension" else subtag) for kind, subtag in parts if kind in _ONCE]
    return entries if len(set(unique)) == len(unique) else None


def _written(kind: str, subtag: str) -> str:
    if kind == "territory":
        return subtag.upper()
    return subtag.title() if kind == "script" else subtag.lower()


def _display(parts: Parts, entries: list[Subtag]) -> str:
    """``English (United States)``."""
    names = [_name(part, entry) for part, entry in zip(parts, entries, strict=True)]
    return names[0] + (f" ({', '.join(names[1:])})" if names[1:] else "")


def _name(part: tuple[str, str], entry: Subtag) -> str:
    return entry["Description"][0] if entry else part[1]


def _other_names(parts: Parts, entries: list[Subtag]) -> list[str]:
    """Other names of a language; of a longer tag, those that HL7's server takes: with kinds, and with hyphens."""
    if len(parts) == 1:
        return list(entries[0].get("Description", ())[1:])
    kinds = (
        f"{_PARTS[part[0]][0].title()}={_name(part, entry)}"
        for part, entry in zip(parts[1:], entries[1:], strict=True)
    )
    names = [_name(part, entry) for part, entry in zip(parts, entries, strict=True)]
    return [f"{names[0]} ({', '.join(kinds)})", "-".join(names)]


def languages() -> GrammarCodeSystem:
    """The language tags as a code system."""
    about = CodeSystemInfo(
        URL,
        name="Languages",
        case_sensitive=False,
        title="Tags for Identifying Languages (BCP 47)",
        language="en",
        common=("http://terminology.hl7.org/ValueSet/Languages", "http://hl7.org/fhir/ValueSet/languages"),
    )
    properties = {name: partial(_written, kind) for kind, (name, _) in _PARTS.items()}
    return GrammarCodeSystem(about, _read, properties, value_sets=(_ALL,))


DESCRIPTION = SystemDescription(
    url=URL,
    name="BCP 47",
    codes=(
        "Tags by RFC 5646: language, extended languages, script, region, variants, extensions, private use; or private "
        "use alone, or a tag from before there was a grammar (`i-klingon`). Each subtag is in IANA's registry, and no "
        "variant or extension is there twice. Case does not matter: `en-us` is valid, with a note, and the answer has "
        "`en-US`; HL7's own server calls it unknown."
    ),
    displays=(
        "`English (United States)`; also right are `English (Region=United States)`, `English-United States` and the "
        "other names that the registry has for a language, in any case."
    ),
    versions="None.",
    inactive="None; a tag with a deprecated subtag is valid, with a warning, and `preferred` has the tag to use.",
    subsumption="None.",
    source="https://www.rfc-editor.org/rfc/rfc5646, https://terminology.hl7.org/CodeSystem-v3-ietf3066.html",
    properties=(
        *(DescribedProperty(name, "string", f"The subtag of the type `{kind}`.") for kind, (name, _) in _PARTS.items()),
        DescribedProperty("preferred", "code", "Of a deprecated tag: the tag that the registry prefers."),
    ),
    filters=(
        FilterRule(
            tuple(name for name, _ in _PARTS.values()), COMPARING,
            "for `exists` `true` or `false`; a subtag in any case", "tags that have the part, or this one",
        ),
        FilterRule(("code", "concept"), COMPARING, "a tag in any case", "these tags"),
    ),
    value_sets=(
        ImplicitValueSet(_ALL, "all tags", lambda system, url: all_of(system.about, url)),
    ),
    not_offered=(
        NotOffered(
            "a list of all tags",
            "there is no end of them: the common ones of `http://terminology.hl7.org/ValueSet/Languages` or of FHIR's "
            "`languages` are listed where one of the two is loaded, as unclosed. R4 has neither, and a request for all "
            "is refused there",
        ),
        NotOffered("displays in other languages", "the registry has English names; a supplement may add others"),
        NotOffered("the date of the registry as version", "HL7 has none, and a coding with a version would not match"),
    ),
)  # fmt: skip
