"""The real lists import into both stores, and answer: ICD-10-CM, ICD-10-PCS, ICD-9-CM and the GEMs."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from terminology import Settings, create_app
from terminology.content.importers import IMPORTERS
from terminology.store import store_at
from terminology.store.loading import StoreWriter
from tests.support.real_lists import real_lists
from tests.support.reporters import CollectingReporter
from tests.support.stores import ENGINES, empty, postgres_server  # noqa: F401

CM, PCS = "http://hl7.org/fhir/sid/icd-10-cm", "http://www.cms.gov/Medicare/Coding/ICD10"
ICD9, VOLUME_3 = "http://hl7.org/fhir/sid/icd-9-cm", "67.2"
CONES = [f"0UBC{approach}Z{qualifier}" for approach in "03478" for qualifier in "XZ"]


@pytest.fixture(scope="module", params=ENGINES)
def client(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    folder = tmp_path_factory.mktemp("real")
    place = empty(request.param, request, folder)
    kinds = {importer.kind: importer for importer in IMPORTERS}
    writer = StoreWriter(store_at(place))
    for kind, path in real_lists(folder):
        assert writer.load(kinds[kind], [path], CollectingReporter())
    writer.close()
    settings = Settings(environment={}, data="", bundled=False, store=place)
    return create_app(settings=settings).test_client()


def _ask(client: FlaskClient, operation: str, **query: str) -> dict[str, Any]:
    response = client.get(f"/fhir/r4/{operation}", query_string=query)
    answer: dict[str, Any] = response.get_json()
    assert response.status_code == 200, answer
    return answer


def _below(client: FlaskClient, url: str, code: str) -> list[str]:
    found = _ask(client, "ValueSet/$expand", url=f"{url}?fhir_vs=isa/{code}", excludeNested="true")
    return [c["code"] for c in found["expansion"]["contains"] if not c.get("abstract")]


def test_0UBC_has_ten_codes_and_0UDC_none(client: FlaskClient) -> None:
    assert sorted(_below(client, PCS, "0UBC")) == CONES
    assert client.get(f"/fhir/r4/ValueSet/$expand?url={PCS}?fhir_vs=isa/0UDC").status_code == 404
    found = _ask(client, "ValueSet/$expand", url=f"{PCS}?fhir_vs", filter="0UDC", count="5")
    assert found["expansion"]["total"] == 0


@pytest.mark.parametrize(
    ("url", "code", "display"),
    [
        (PCS, "0UBC7ZZ", "Excision of Cervix, Via Natural or Artificial Opening"),
        (CM, "D06.9", "Carcinoma in situ of cervix, unspecified"),
        (ICD9, VOLUME_3, "Conization of cervix"),
        (ICD9, "V10.41", "Personal history of malignant neoplasm of cervix uteri"),
    ],
)
def test_a_code_has_the_display_of_the_official_list(
    client: FlaskClient, url: str, code: str, display: str
) -> None:
    found = _ask(client, "CodeSystem/$lookup", system=url, code=code)
    assert display in [p.get("valueString") for p in found["parameter"] if p["name"] == "display"]


def test_67_2_becomes_five_excisions_each_with_the_flags_10000(client: FlaskClient) -> None:
    found = _ask(client, "ConceptMap/$translate", system=ICD9, code=VOLUME_3, targetsystem=PCS)
    matches = [p["part"] for p in found["parameter"] if p["name"] == "match"]
    codes = [part["valueCoding"]["code"] for match in matches for part in match if part["name"] == "concept"]
    assert sorted(codes) == [f"0UBC{approach}ZZ" for approach in "03478"]
    assert all("'10000'" in str(match) for match in matches)


def test_233_1_becomes_a_diagnosis_of_the_same_meaning(client: FlaskClient) -> None:
    found = _ask(client, "ConceptMap/$translate", system=ICD9, code="233.1", targetsystem=CM)
    assert "D06.9" in str(found)


def test_every_code_is_there(client: FlaskClient) -> None:
    totals = {
        url: _ask(client, "ValueSet/$expand", url=f"{url}?fhir_vs", count="0", excludeNotForUI="true")
        for url in (CM, PCS, ICD9)
    }
    found = {url: answer["expansion"]["total"] for url, answer in totals.items()}
    assert found == {CM: 74_044, PCS: 78_603, ICD9: 14_567 + 3_882}
