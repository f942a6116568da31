"""Messages about a translation: why there is none, what would be one, what an answer left out.

Each function returns a sentence; ``operations/translate/hints.py`` chooses and joins them. A map is named by
``MAP|VERSION``, or None for a map without a url that came with the request.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from terminology.core.issues.phrases import (
    alternatives,
    and_list,
    code_in_quotes,
    listed,
    plural,
    quoted_list,
)

_MOST_MAPS = 10
_MOST_CONDITIONS = 10

# -- why there is no translation -----------------------------------------------------------------


def no_translation() -> str:
    return "No translations found."


def no_translation_in_scope(sentence: str) -> str:
    """``sentence``: one of ``outside_scope``."""
    return f"No translations found within the scope: {sentence[:1].lower()}{sentence[1:]}"


def mapped_to_nothing(comments: Sequence[str]) -> str:
    """``comments``: the reasons that the map gives."""
    return f"The map says that there is no translation{_because(comments)}."


def only_negative_matches(comments: Sequence[str]) -> str:
    """``comments``: the reasons that the map gives."""
    return f"The map only has codes that are not translations (not-related-to){_because(comments)}."


def known_gap(code: str | None, canonical: str, gap: str) -> str:
    """``gap``: the words of the map, as a sentence."""
    return f"ConceptMap '{canonical}' has a known gap for the code {code_in_quotes(code)}: {gap}"


def outside_scope(code: str | None, parameter: str, value_set: str) -> str:
    """``parameter``: sourceScope or targetScope."""
    return f"The code {code_in_quotes(code)} is not in the {parameter} {value_set}."


def unmet_conditions(ways: Sequence[Mapping[str, tuple[Sequence[str], Iterable[str]]]]) -> str:
    """``ways``: for each row of the map that would do, its attributes with the values sent and needed."""
    texts = [
        " and ".join(
            f"{attribute} (sent {quoted_list(sent)}, needed {alternatives(needed)})"
            for attribute, (sent, needed) in way.items()
        )
        for way in ways[:_MOST_CONDITIONS]
    ]
    return f"The map translates the code under other conditions: {'; or '.join(texts)}."


# How a request asks; the command line, which has options for it, says those instead.
_AS_DEPENDENCY = "as 'dependency'"
_WITH_COMPOSE = "send '_compose=true'"


def for_command_line(text: str) -> str:
    """A text of this module with the options of the command line in place of FHIR's parameters."""
    return text.replace(_AS_DEPENDENCY, "with --where NAME=VALUE").replace(_WITH_COMPOSE, "use --compose")


def open_conditions(conditions: Mapping[str, Iterable[str]]) -> str:
    """``conditions``: the attributes that decide between the matches, each with its possible values."""
    attributes = [
        f"{attribute} ({alternatives(values)})"
        for attribute, values in list(conditions.items())[:_MOST_CONDITIONS]
    ]
    them = "them" if len(attributes) > 1 else "it"
    return f"Which of the matches applies depends on {and_list(attributes)}: send {them} {_AS_DEPENDENCY}."


def code_not_in_system(code: str | None, canonical: str, is_fragment: bool) -> str:
    system = f"CodeSystem '{canonical}'"
    part = f"The part of {system} on this server" if is_fragment else system
    return f"{part} has no code {code_in_quotes(code)}."


def code_of_other_systems(code: str | None, systems: Iterable[str]) -> str:
    return f"{code_in_quotes(code)} is a code of {listed(systems)}."


def retired_code(code: str | None, successors: Collection[str]) -> str:
    are = "its successors are" if len(successors) > 1 else "its successor is"
    return f"The code {code_in_quotes(code)} is no longer active; {are} {quoted_list(successors)}."


# -- obstacles -----------------------------------------------------------------------------------


def unusable_other_map(map_: str | None, problem: str) -> str:
    """``problem``: a sentence on the map that ``map_`` refers to (``group.unmapped.otherMap``)."""
    return f"The map {_map(map_)} refers to another map for codes that it does not list: {_sentence(problem)}"


def map_circle(maps: Sequence[str | None]) -> str:
    way = ", ".join(map_ or "the map sent with the request" for map_ in maps[:_MOST_MAPS])
    return f"For codes that they do not list, the maps refer to each other in a circle: {way}."


def too_many_hops(maps: Sequence[str | None], most: int) -> str:
    way = ", ".join(map(_map, maps[:_MOST_MAPS]))
    return f"More than {most} maps in a row refer to another one, so the last ones were not used: {way}, …"


def map_has_code_in_other_case(code: str | None, codes: Iterable[str], system: str | None) -> str:
    """``codes``: the same code as the map writes it."""
    return f"The map has {code_in_quotes(code)} as {quoted_list(codes)}: in {system} case does not count."


def target_without_relationship(map_: str | None, source: str | None, target: str | None) -> str:
    codes = f"{code_in_quotes(source)} and {code_in_quotes(target)}"
    return f"The map {_map(map_)} does not say how {codes} are related, so this is not a translation."


def value_set_as_target(map_: str | None, value_set: str, problem: str) -> str:
    """``problem``: a sentence that says why the codes of the value set are not listed."""
    return f"The map {_map(map_)} translates to the codes of {value_set}, which are not listed: {_sentence(problem)}"


def value_set_as_source(map_: str | None, value_set: str, problem: str) -> str:
    """``problem``: a sentence that says why the codes of the value set are not listed."""
    return f"The map {_map(map_)} translates the codes of {value_set}, which are not listed: {_sentence(problem)}"


def code_kept_by_map(map_: str | None, code: str, system: str) -> str:
    """For a map that leaves codes as they are; ``system``: the canonical of the target code system."""
    return (
        f"The map {_map(map_)} does not list {code_in_quotes(code)} and leaves it as it is, but CodeSystem "
        f"'{system}' has no such code."
    )


def too_many_targets(count: int, most: int) -> str:
    return f"there are {count}, and an answer has at most {most}"


def scope_read_as_system(end: str, system: str, parameter: str) -> str:
    """``end``: source or target; ``parameter``: the one that names a code system at that end."""
    return f"The {end} scope {system} is a code system, not a value set: it was read as '{parameter}'."


def location_read_as_canonical(parameter: str) -> str:
    """For the location of a resource that is not one at this server."""
    return (
        f"'{parameter}' was read as a canonical: only a location at this server itself is looked up. Name a resource "
        "of another server by its canonical"
    )


def map_is_one_way(map_: str | None) -> str:
    return f"The map {_map(map_)} says that it holds in one direction only, so it was not used in reverse."


def translated_without_modifier(code: str | None, base: str, modifiers: str) -> str:
    return (
        f"The map does not have {code_in_quotes(code)}: its base code {code_in_quotes(base)} was translated, without "
        f"the modifier {modifiers}."
    )


def modifiers_follow_colons(code: str) -> str:
    return f"In CPT each modifier follows a colon: {code_in_quotes(code)}."


def unusable_map(map_: str | None, problem: str) -> str:
    return f"The map {_map(map_)} cannot be used: {_sentence(problem)}"


def unknown_attributes(names: Collection[str], known: Iterable[str]) -> str:
    attributes = listed(known)
    they = f"they have {attributes}" if attributes else "they have no conditions"
    return f"None of the maps has the {plural('attribute', names)} {quoted_list(names)}: {they}."


def contradicting_property(code: str | None, property_: str, values: Iterable[str], sent: str) -> str:
    """A dependency that contradicts a property of the code itself. ``sent``: the value of the dependency."""
    return (
        f"The code {code_in_quotes(code)} itself has {property_} {quoted_list(values)}, but the request has "
        f"{code_in_quotes(sent)}."
    )


def version_of_code_not_here(system: str | None, version: str | None, known: Iterable[str]) -> str:
    return (
        f"This server does not have {system} in the version {code_in_quotes(version)}, but in {listed(known)}; maps "
        "that name no version were used nevertheless."
    )


def unknown_systems_to_translate(systems: Collection[str], hint: str) -> str:
    return f"This server has no {plural('code system', systems)} {quoted_list(systems)}. {hint}".strip()


# -- other ways ----------------------------------------------------------------------------------


def map_has_similar_codes(code: str | None, similar: Iterable[str]) -> str:
    return f"The map does not have {code_in_quotes(code)}, but {quoted_list(similar)}."


def map_translates_from(map_: str | None, systems: Iterable[str | None]) -> str:
    return f"The map {_map(map_)} translates codes of {listed(systems)}."


def map_translates_to(map_: str | None, systems: Iterable[str | None]) -> str:
    return f"The map {_map(map_)} translates to {listed(systems)}."


def map_is_for_versions(map_: str | None, system: str | None, versions: Collection[str | None]) -> str:
    return f"The map {_map(map_)} is for {system} in the {plural('version', versions)} {listed(versions)}."


def other_maps_lead_to(systems: Iterable[str | None]) -> str:
    return f"Other maps translate the code to {listed(systems)}."


def other_map_says_nothing(map_: str | None, systems: Iterable[str | None], comments: Sequence[str]) -> str:
    """``systems``: those that the map leads to; ``comments``: the reasons that it gives."""
    return f"The map {_map(map_)} says that there is no translation to {listed(systems)}{_because(comments)}."


def maps_from_system_lead_to(systems: Iterable[str | None]) -> str:
    return f"There are maps from this code system to {listed(systems)}."


def maps_of_code_in(systems: Iterable[str | None]) -> str:
    """For a request whose code system has no map of the code: these code systems have one."""
    return f"There are maps for this code in {listed(systems)}."


def maps_with_code_at_other_end(maps: Sequence[str | None], is_reverse: bool) -> str:
    """``is_reverse``: the request translates in reverse."""
    has = "have" if len(maps) > 1 else "has"
    end, remedy = (
        ("source", "send it as the source")
        if is_reverse
        else ("target", "translate in reverse (R4 reverse=true, R5 targetCode)")
    )
    return f"The {plural('map', maps)} {listed(map(_map, maps))} {has} the code as a {end}: {remedy}."


def chains_lead_through(systems: Iterable[str], is_scope: bool) -> str:
    """``is_scope``: the request names a value set at the far end, and no code system."""
    return (
        f"No map leads to {_far_end(is_scope)}, but two maps in a row do, through {listed(systems)}: "
        f"{_WITH_COMPOSE} to use both. A match then has the weaker of their relationships."
    )


def matches_are_chains(systems: Iterable[str], is_scope: bool) -> str:
    """``is_scope``: as in ``chains_lead_through``."""
    return (
        f"No map leads to {_far_end(is_scope)}; two maps in a row were used, through {listed(systems)}. Check the "
        "matches: each is a translation of a translation."
    )


def chain_of_maps(hops: Sequence[tuple[str, str, str, str]]) -> str:
    """``hops``: for each a code, its relationship to another code, that code, and the map."""
    return "; ".join(f"{code} is {word} to {other} by {_map(map_)}" for code, word, other, map_ in hops)


def _far_end(is_scope: bool) -> str:
    return "the code systems of the scope" if is_scope else "the target system"


def _because(comments: Sequence[str]) -> str:
    return f": {'; '.join(comments)}" if comments else ""


def _map(canonical: str | None) -> str:
    return canonical or "sent with the request"


def _sentence(text: str) -> str:
    return text.rstrip(".") + "."
