"""Forms that try an operation, each with its answer: $translate, $validate-code and $subsumes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from terminology.core.model import Document
from terminology.pages.concept_maps import WHEN
from terminology.pages.concepts import grouped, systems_to_choose
from terminology.pages.mappings import attributes_of, matches_of
from terminology.pages.road import Road, dependency, parameters
from terminology.pages.view import (
    View,
    failed,
    fields_of,
    issues_of,
    map_titles,
    notices_of,
    parameters_of,
    parts_of,
    single,
    summaries,
    title_of,
    titles_of,
)

# The elements of the parameters of $translate that a form may send along with conditions.
_TRANSLATE = {
    "url": "valueUri",
    "system": "valueUri",
    "version": "valueString",
    "sourceCode": "valueCode",
    "code": "valueCode",
    "targetSystem": "valueUri",
    "targetsystem": "valueUri",
    "targetCode": "valueCode",
    "sourceScope": "valueUri",
    "targetScope": "valueUri",
    "conceptMapVersion": "valueString",
    "displayLanguage": "valueCode",
}
_OUTCOMES = {
    "equivalent": "Both codes mean the same.",
    "subsumes": "Code A is broader: it subsumes code B.",
    "subsumed-by": "Code A is narrower: it is subsumed by code B.",
    "not-subsumed": "Neither code subsumes the other.",
}
_EXPLAIN = "_explain"
# The reasons of an explanation, and what came of a map, as sentences.
REASONS = {
    "condition-open": "Which of these applies depends on something that is not said yet.",
    "condition-failed": "The mappings of this code need other conditions than those that were said.",
    "outside-scope": "The code, or its translation, is not in the value set that was asked for.",
    "no-target": "A map says that there is no target.",
    "not-related": "A map only says of which codes this one is not a translation.",
    "gap": "A map says that it does not know yet.",
    "typing-slip": "The code is not known, but one that is written nearly so.",
    "wrong-system": "The code is not known here, but in another code system.",
    "unknown-code": "The code system does not have this code.",
    "unknown-system": "The code system is not here, and no map leads from it.",
    "retired": "The code is no longer in use.",
    "no-row": "No map has the code, and nothing is wrong with it.",
}
_WHAT_CAME = {
    "matched": "has the translation",
    "unmapped-rule": "does not list the code, and has a rule for such codes",
    "no-target": "says that there is no target",
    "condition-failed": "needs other conditions",
    "outside-scope": "leads outside the value set",
    "no-row": "does not have the code",
    "one-way": "holds in the other direction only",
    "other-target": "leads to another system",
    "not-used": "has the code, and none of its mappings fits",
}
Query = Sequence[tuple[str, str]]


def translate(road: Road, path: str, query: Query) -> View:
    """The page of ``$translate``. Conditions are asked for as choices, once the maps say which there are."""
    arguments = {name: value for name, value in query if value}
    known = [(name.removeprefix(WHEN), value) for name, value in arguments.items() if name.startswith(WHEN)]
    question = [(name, value) for name, value in query if value and not name.startswith(WHEN)]
    maps = summaries(road, "ConceptMap", [], 200)
    fields = fields_of(path, query)
    values: dict[str, Any] = {
        "given": fields,
        "systems": systems_to_choose(road),
        "maps": maps,
        "when": dict(known),
    }
    code = fields.get("sourceCode") or fields.get("targetCode") or ""
    if not code:
        return View("translate.html", "Translate a code", values)
    system = fields.get("system") or fields.get("targetSystem") or ""
    question.append((_EXPLAIN, "true"))
    reply = road.get(path, question, "" if known else "This translation")
    matches = matches_of(reply.resource, system, code) if reply.is_good else []
    attributes = attributes_of(matches)
    if known and reply.is_good:
        reply = road.post(path, _with_conditions(question, known), "This translation")
        matches = matches_of(reply.resource, system, code) if reply.is_good else []
    if not reply.is_good:
        return failed(reply, "Translate a code", "translate.html", values)
    results = parameters_of(reply.resource)
    systems = [m.system for m in matches if m.system] + [m.source_system for m in matches if m.source_system]
    values |= {
        "result": bool(single(results, "result")),
        "message": str(single(results, "message") or ""),
        "groups": grouped(matches),
        "attributes": attributes,
        "titles": titles_of(road, systems),
        "explanation": _explanation(results),
        "is_reverse": "targetCode" in fields or arguments.get("reverse") == "true",
        "map_titles": map_titles(maps),
        "notices": notices_of(results),
    }
    return View("translate.html", f"Translations of {code}", values)


def _explanation(results: dict[str, list[Document]]) -> dict[str, Any]:
    """The reason of an answer in words, and the maps that were looked at with what came of each."""
    parts = parts_of(results["explanation"][0]) if results.get("explanation") else []
    reason = str(dict(parts).get("reason") or "")
    maps = [
        dict(parts_of({"part": value})) for name, value in parts if name == "map" and isinstance(value, list)
    ]
    rows = [(str(m.get("map", "")), str(m.get("outcome", "")), str(m.get("target") or "")) for m in maps]
    return {
        "reason": REASONS.get(reason, reason),
        "maps": [(map_, _WHAT_CAME.get(outcome, outcome), target) for map_, outcome, target in rows],
    }


def _with_conditions(question: Query, known: Query) -> Document:
    """The same request as a Parameters resource, with a ``dependency`` for each condition."""
    body = parameters(*((name, _TRANSLATE[name], value) for name, value in question if name in _TRANSLATE))
    body["parameter"].append({"name": _EXPLAIN, "valueBoolean": True})
    if ("reverse", "true") in question:
        body["parameter"].append({"name": "reverse", "valueBoolean": True})
    for attribute, value in known:
        body["parameter"].append(dependency(attribute, value))
    return body


def validate(road: Road, path: str, query: Query) -> View:
    """The page of ``$validate-code`` of code systems and value sets."""
    arguments = {name: value for name, value in query if value}
    is_value_set = path.startswith("ValueSet")
    choices = systems_to_choose(road)
    if is_value_set:
        choices = [(str(r["url"]), title_of(r)) for r in summaries(road, "ValueSet", [], 60) if r.get("url")]
    title = "Is this code in a value set?" if is_value_set else "Is this code valid?"
    values: dict[str, Any] = {
        "given": fields_of(path, query),
        "is_value_set": is_value_set,
        "choices": choices,
        "systems": systems_to_choose(road),
    }
    if "code" not in arguments and "coding" not in arguments:
        return View("validate.html", title, values)
    reply = road.get(path, [(name, value) for name, value in query if value], "This validation")
    if not reply.is_good:
        return failed(reply, title, "validate.html", values)
    results = parameters_of(reply.resource)
    outcome = single(results, "issues")
    values |= {
        "result": bool(single(results, "result")),
        "message": str(single(results, "message") or ""),
        "found": {
            name: single(results, name) for name in ("code", "system", "version", "display", "inactive")
        },
        "notices": notices_of(results),
        "has_doubts": isinstance(outcome, dict)
        and any(issue["severity"] != "information" for issue in issues_of(outcome)),
        "remarks": issues_of(outcome) if isinstance(outcome, dict) else [],
    }
    return View("validate.html", title, values)


def subsumes(road: Road, path: str, query: Query) -> View:
    """The page of ``$subsumes``."""
    fields = fields_of(path, query)
    values: dict[str, Any] = {"given": fields, "systems": systems_to_choose(road)}
    if not (fields.get("codeA") and fields.get("codeB")):
        return View("subsumes.html", "Compare two codes", values)
    reply = road.get(path, [(name, value) for name, value in query if value], "This comparison")
    if not reply.is_good:
        return failed(reply, "Compare two codes", "subsumes.html", values)
    results = parameters_of(reply.resource)
    outcome = str(single(results, "outcome") or "")
    values |= {"outcome": outcome, "words": _OUTCOMES.get(outcome, outcome), "notices": notices_of(results)}
    return View("subsumes.html", "Compare two codes", values)
