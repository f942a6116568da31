"""Language tags (``urn:ietf:bcp:47``, RFC 5646) and their names.

The syntax and the registry of subtags are those of the library langcodes. A tag is valid when every subtag is
registered (RFC 5646, 2.2.9). Case does not matter (2.1.1): ``en-us`` is ``en-US``, which is how it should be
written.
"""

from __future__ import annotations

from functools import cache, partial
from typing import Any

from terminology.core.cache import kept_results
from terminology.core.model import CodeSystemInfo, Concept, ConceptDetail, Designation
from terminology.systems.grammar import GrammarCodeSystem, Reading

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
        values.setdefault(_PARTS[kind][0], []).append(_written(kind, subtag))
    concept = Concept(correct, _display(parts, entries), status=status)
    return Reading(concept, ConceptDetail(designations), values)


def _read_whole(code: str) -> Reading | None:
    """A grandfathered tag (``i-klingon``), which does not follow the grammar."""
    entry = _registry().get(("grandfathered", code.lower())) or _registry().get(("redundant", code.lower()))
    if entry is None:
        return None
    status = "deprecated" if "Deprecated" in entry else None
    return Reading(Concept(entry["Subtag"], entry["Description"][0], status=status))


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
    """Other names of a language; of a longer tag, the name that HL7 writes, with the kind of each part."""
    if len(parts) == 1:
        return list(entries[0].get("Description", ())[1:])
    kinds = (
        f"{_PARTS[part[0]][0].title()}={_name(part, entry)}"
        for part, entry in zip(parts[1:], entries[1:], strict=True)
    )
    return [f"{_name(parts[0], entries[0])} ({', '.join(kinds)})"]


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
    return GrammarCodeSystem(
        about, _read, properties, value_sets=("http://hl7.org/fhir/ValueSet/all-languages",)
    )
