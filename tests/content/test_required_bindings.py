"""The required bindings of FHIR's own elements answer on a fresh install."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"
FHIR = "http://hl7.org/fhir/ValueSet"
RELEASES = ("r4", "r4b", "r5")
BOUND = [
    ("condition-clinical", f"{TERMINOLOGY}/condition-clinical", "active"),
    ("condition-ver-status", f"{TERMINOLOGY}/condition-ver-status", "confirmed"),
    ("allergyintolerance-clinical", f"{TERMINOLOGY}/allergyintolerance-clinical", "active"),
    ("allergyintolerance-verification", f"{TERMINOLOGY}/allergyintolerance-verification", "confirmed"),
    ("event-timing", f"{TERMINOLOGY}/v3-TimingEvent", "ACM"),
    ("units-of-time", "http://unitsofmeasure.org", "wk"),
    ("currencies", "urn:iso:std:iso:4217", "EUR"),
]


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize(("value_set", "system", "code"), BOUND, ids=[row[0] for row in BOUND])
def test_a_code_of_a_required_binding_is_valid(
    client: FlaskClient, release: str, value_set: str, system: str, code: str
) -> None:
    for given, result in ((code, True), (f"{code}-not", False)):
        answer = client.get(
            f"/fhir/{release}/ValueSet/$validate-code",
            query_string={"url": f"{FHIR}/{value_set}", "system": system, "code": given},
        ).get_json()
        found = next(p["valueBoolean"] for p in answer["parameter"] if p["name"] == "result")
        assert found is result, answer


@pytest.mark.parametrize(
    ("release", "value_set"),
    [("r4", "v3-ConfidentialityClassification"), ("r4b", "v3-Confidentiality")],
)
def test_a_binding_outside_of_the_release_is_answered(
    client: FlaskClient, release: str, value_set: str
) -> None:
    """Composition.confidentiality of R4B is bound to a value set that only HL7's terminology has."""
    answer = client.get(
        f"/fhir/{release}/ValueSet/$expand",
        query_string={"url": f"http://terminology.hl7.org/ValueSet/{value_set}"},
    ).get_json()
    codes = {node["code"] for node in answer["expansion"]["contains"]}
    assert codes == {"L", "M", "N", "R", "U", "V"}
