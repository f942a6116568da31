"""The TestScripts of our cases: resources of FHIR, whose assertions hold for this server and fail for a broken one."""

from __future__ import annotations

from typing import Any

import pytest
from fhir.resources import testscript as r5_models
from fhir.resources.R4B import testscript as r4b_models
from fhirpathpy import evaluate
from fhirpathpy.models import models as path_models

from terminology import Settings, create_app
from terminology.testing.conformance.suite import ConformanceSuite
from terminology.testing.conformance.testscripts import scripts


def scripts_of(root: str) -> list[Any]:
    return [d for d in scripts(ConformanceSuite(), root == "r4") if d["resourceType"] == "TestScript"]


@pytest.mark.parametrize("root,models", [("r4", r4b_models), ("r5", r5_models)])
def test_each_script_is_a_resource_of_its_release(root: str, models: Any) -> None:
    documents = scripts_of(root)
    assert len(documents) >= 40
    for document in documents:
        models.TestScript.model_validate(document)
    assert len({d["id"] for d in documents}) == len({d["url"] for d in documents}) == len(documents)


@pytest.mark.parametrize("root", ["r4", "r5"])
def test_each_fixture_is_in_the_folder_or_in_the_script(root: str) -> None:
    documents = [*scripts(ConformanceSuite(), root == "r4")]
    names = {f"{d['resourceType']}/{d['id']}" for d in documents}
    for script in (d for d in documents if d["resourceType"] == "TestScript"):
        references = {fixture["resource"]["reference"] for fixture in script["fixture"]}
        assert references - {"#request"} <= names
        assert script["test"][0]["action"][0]["operation"]["sourceId"] == "request"
        assert script["contained"][0]["id"] == "request"


def outcomes(root: str, change: Any = lambda body: body) -> dict[str, list[bool]]:
    """For each script, which of its assertions hold for the answer of this server."""
    client = create_app(Settings(environment={}, data="")).test_client()
    found = {}
    for script in scripts_of(root):
        ask, *checks = script["test"][0]["action"]
        operation = ask["operation"]
        fields = {"Accept": operation["accept"], "Content-Type": operation["contentType"]}
        reply = client.post(f"/fhir/{root}/{operation['url']}", json=script["contained"][0], headers=fields)
        answer = change(reply.get_json())
        found[script["title"]] = [holds(root, check["assert"], reply.status_code, answer) for check in checks]
    return found


def holds(root: str, check: Any, status: int, answer: Any) -> bool:
    if "responseCode" in check:
        return str(status) in check["responseCode"].split(",")
    if "resource" in check:
        return answer["resourceType"] == check["resource"]
    return evaluate(answer, check["expression"], model=path_models[root]) == [True]


@pytest.mark.parametrize("root", ["r4", "r5"])
def test_all_assertions_hold_for_this_server(root: str) -> None:
    results = outcomes(root)
    assert {name: held for name, held in results.items() if not all(held)} == {}
    assert min(map(len, results.values())) >= 3, "each has a status, a type and something of its content"


def test_assertions_fail_for_another_answer() -> None:
    def other(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: other(each) for name, each in value.items()}
        if isinstance(value, list):
            return [other(each) for each in value]
        return not value if isinstance(value, bool) else f"{value}x" if isinstance(value, str) else value

    def change(answer: Any) -> Any:
        return other(answer) | {"resourceType": answer["resourceType"]}

    results = outcomes("r5", change)
    assert {name for name, held in results.items() if all(held)} == {
        "expand/filter-without-match",
        "expand/count-zero",
    }
