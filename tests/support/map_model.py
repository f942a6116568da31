"""A model of ``$translate``, written from the specification.

https://hl7.org/fhir/R5/conceptmap-operation-translate.html, https://hl7.org/fhir/R5/conceptmap.html
"""

from __future__ import annotations

from collections.abc import Iterator

from terminology.core.model import Document
from tests.support.map_worlds import Question
from tests.support.set_model import SetModel

# A translation: the map, the relationship as the map says it, and the system and code that were found.
Found = tuple[str, str, str, str]


class MapModel:
    """The translations that the maps of a world give."""

    def __init__(self, documents: list[Document]) -> None:
        self._sets = SetModel(documents)
        self._maps = {d["url"]: d for d in documents if d["resourceType"] == "ConceptMap"}

    def translations(self, question: Question) -> set[Found] | None:
        """None where there is no such map, or no map at all from the code system to the other one."""
        if question.map is not None:
            maps = [self._maps[question.map]] if question.map in self._maps else []
        else:
            maps = [m for m in self._maps.values() if any(_leads(g, question) for g in m["group"])]
        if not maps:
            return None
        if question.near_scope is not None and not self._has(
            question.near_scope, question.system, question.code
        ):
            return set()
        search = self._backward if question.backward else self._forward
        found = {each for map_ in maps for each in search(question, map_, ())}
        return {each for each in found if self._is_asked_for(question, each[2], each[3])}

    def _is_asked_for(self, question: Question, system: str, code: str) -> bool:
        if question.far_system not in (None, system):
            return False
        return question.far_scope is None or self._has(question.far_scope, system, code)

    def _has(self, value_set: str, system: str, code: str) -> bool:
        concept = self._sets.systems[system].concept_of(code)
        return (system, concept) in self._sets.members(value_set)

    # -- from source to target -------------------------------------------------------------------

    def _forward(self, question: Question, map_: Document, way: tuple[str, ...]) -> Iterator[Found]:
        if map_["url"] in way:
            return
        for group in map_["group"]:
            if group["source"] != question.system:
                continue
            elements = self._elements(group, question)
            targets = [target for element in elements for target in element.get("target", ())]
            if any(self._codes(target, group["target"]) for target in targets):
                for target in (target for target in targets if _applies(target, question.facts)):
                    for system, code in self._codes(target, group["target"]):
                        yield map_["url"], target["relationship"], system, code
            elif not any(element.get("noMap") for element in elements):
                # There is no target concept: nothing is said of the code, or only value sets without codes.
                yield from self._default(question, map_, group, way)

    def _elements(self, group: Document, question: Question) -> list[Document]:
        """What a group says of a code: by its code, or by a value set that has it."""
        by_code = self._in_either_case(
            question.system, question.code, [e for e in group["element"] if "code" in e]
        )
        sets = [e for e in group["element"] if "valueSet" in e]
        return by_code + [e for e in sets if self._has(e["valueSet"], question.system, question.code)]

    def _in_either_case(self, system: str, code: str, nodes: list[Document]) -> list[Document]:
        """The nodes of a code: of its very letters, else of another case if both mean one concept."""
        exact = [node for node in nodes if node["code"] == code]
        model = self._sets.systems[system]
        if exact or model.case_counts:
            return exact
        concept = model.concept_of(code)
        same = [node for node in nodes if node["code"].lower() == code.lower()]
        return [node for node in same if model.concept_of(node["code"]) == concept]

    def _codes(self, node: Document, system: str) -> set[tuple[str, str]]:
        """The codes of one end: a code, or those that a value set has of the code system of that end."""
        if "code" in node:
            return {(system, node["code"])}
        return {(of, code) for of, code in self._sets.members(node["valueSet"]) if of == system}

    def _default(
        self, question: Question, map_: Document, group: Document, way: tuple[str, ...]
    ) -> Iterator[Found]:
        """What the group has for codes that it does not map."""
        rule = group.get("unmapped", {})
        relationship = rule.get("relationship", "related-to")
        match rule.get("mode"):
            case "use-source-code":
                yield map_["url"], relationship, group["target"], question.code
            case "fixed":
                for system, code in self._codes(rule, group["target"]):
                    yield map_["url"], relationship, system, code
            case "other-map":
                yield from self._forward(question, self._maps[rule["otherMap"]], (*way, map_["url"]))

    # -- from target to source -------------------------------------------------------------------

    def _backward(self, question: Question, map_: Document, way: tuple[str, ...]) -> Iterator[Found]:
        if "extension" in map_:
            return  # the map says that it must not be used in reverse
        for group in map_["group"]:
            rows = [
                (e, t) for e in group["element"] for t in e.get("target", ()) if _applies(t, question.facts)
            ]
            if group["target"] != question.system:
                continue
            nodes = [{"code": t["code"]} for _, t in rows if "code" in t]
            codes = {n["code"] for n in self._in_either_case(question.system, question.code, nodes)}
            for element, target in rows:
                if "valueSet" in target:
                    is_target = self._has(target["valueSet"], question.system, question.code)
                else:
                    is_target = target["code"] in codes
                if is_target:
                    for system, code in self._codes(element, group["source"]):
                        yield map_["url"], target["relationship"], system, code


def _leads(group: Document, question: Question) -> bool:
    near, far = ("target", "source") if question.backward else ("source", "target")
    return group[near] == question.system and question.far_system in (None, group[far])


def _applies(target: Document, facts: dict[str, str]) -> bool:
    """No condition fails: conditions on one attribute are alternatives, and one that nobody speaks of is open."""
    conditions = target.get("dependsOn", ())
    return all(
        value in {c["valueCode"] for c in conditions if c["attribute"] == attribute}
        for attribute, value in facts.items()
        if any(c["attribute"] == attribute for c in conditions)
    )
