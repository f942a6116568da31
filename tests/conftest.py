"""What the tests share: the published content, and two ways to ask, with and without HTTP."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import holding
import hypothesis
import postgres
import pytest
from flask.testing import FlaskClient
from stores import both, place, postgres_server

from terminology import Settings, Terminology, create_app, open_catalogue
from terminology.assembly import catalogue_of, content_of
from terminology.catalogue import Catalogue
from terminology.model import Document

__all__ = ["both", "place", "postgres_server"]

Ask = Callable[..., Document]
SKIPPED = 77  # what .ci/run takes for a check that could not be run here


def pytest_configure() -> None:
    """Where an example takes a store, it takes its time, and there are fewer of them."""
    hypothesis.settings.register_profile("store", deadline=None, max_examples=25)
    if holding.ENGINE:
        hypothesis.settings.load_profile("store")
    if holding.ENGINE == "postgres" and postgres.programs() is None:
        pytest.exit("PostgreSQL is not installed (Debian: apt-get install postgresql)", SKIPPED)


def pytest_unconfigure() -> None:
    holding.close()


@pytest.fixture(scope="session")
def settings() -> Settings:
    """The defaults, whatever the environment says and a developer has loaded."""
    return Settings(environment={}, data="")


@pytest.fixture(scope="session")
def catalogue(settings: Settings) -> Catalogue:
    """The published content."""
    if not holding.ENGINE:
        return open_catalogue(settings)
    stored, kept = holding.parted(content_of(settings))
    return holding.served(stored, catalogue_of(kept, with_definitions=True))


@pytest.fixture(scope="session")
def client(catalogue: Catalogue, settings: Settings) -> FlaskClient:
    """HTTP to the published content."""
    return create_app(catalogue, settings).test_client()


@pytest.fixture(scope="session")
def ask(catalogue: Catalogue) -> Ask:
    """``ask("CodeSystem/$lookup", release="r4", system=…, code=…)`` to the published content."""
    return Terminology(catalogue=catalogue).ask


def body_of(*parameters: Document) -> Document:
    """A Parameters resource."""
    return {"resourceType": "Parameters", "parameter": list(parameters)}


def values(answer: Document, name: str) -> list[Any]:
    """The values of the parameters (or parts) of a name."""
    nodes = answer["part"] if "part" in answer else answer.get("parameter", [])
    return [
        next((v for k, v in node.items() if k.startswith("value")), node)
        for node in nodes
        if node["name"] == name
    ]


def value(answer: Document, name: str) -> Any:
    """The one value of a name, or None."""
    found = values(answer, name)
    assert len(found) < 2, f"{name} stands {len(found)} times"
    return found[0] if found else None


def properties(answer: Document) -> dict[str, list[Any]]:
    """The properties of a $lookup answer."""
    found: dict[str, list[Any]] = {}
    for node in values(answer, "property"):
        found.setdefault(value(node, "code"), []).append(value(node, "value"))
    return found


def matches(answer: Document) -> list[tuple[str | None, str | None]]:
    """The matches of a $translate answer as (code, relationship or equivalence)."""
    found = []
    for node in values(answer, "match"):
        concept = value(node, "concept") or {}
        found.append((concept.get("code"), value(node, "relationship") or value(node, "equivalence")))
    return found
