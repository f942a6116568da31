"""The published content, and two ways to ask it: with HTTP and without."""

from __future__ import annotations

import logging

import hypothesis
import pytest
from flask.testing import FlaskClient

from terminology import Settings, Terminology, create_app, open_catalogue
from terminology.catalogue.protocol import Catalogue
from terminology.opening import catalogue_of, configured_content
from tests.support import engine, postgres
from tests.support.asking import Ask
from tests.support.stores import both, place, postgres_server

__all__ = ["both", "place", "postgres_server"]

SKIPPED = 77  # the exit status that .ci/run reads as: this check cannot be run here


def pytest_configure() -> None:
    """Set up hypothesis: no example fails for the time that it takes, and those on stores are fewer."""
    check = hypothesis.HealthCheck
    hypothesis.settings.register_profile(
        "patient", deadline=None, suppress_health_check=[check.too_slow, check.function_scoped_fixture]
    )
    hypothesis.settings.load_profile("patient")
    if engine.ENGINE:
        hypothesis.settings.register_profile("store", max_examples=25)
        hypothesis.settings.load_profile("store")
    if engine.ENGINE == "postgres" and postgres.programs() is None:
        pytest.exit("PostgreSQL is not installed (Debian: apt-get install postgresql)", SKIPPED)


def pytest_runtest_teardown() -> None:
    """Leave no log of a service that was started in this process to the tests that come after it."""
    log = logging.getLogger("terminology")
    log.handlers.clear()
    log.setLevel(logging.NOTSET)


def pytest_unconfigure() -> None:
    engine.close()


@pytest.fixture(scope="session")
def settings() -> Settings:
    """The defaults, without the variables of the environment and the content of the developer."""
    return Settings(environment={}, data="")


@pytest.fixture(scope="session")
def catalogue(settings: Settings) -> Catalogue:
    """The published content."""
    if not engine.ENGINE:
        return open_catalogue(settings)
    stored, kept = engine.parted(configured_content(settings))
    return engine.served(stored, catalogue_of(kept, with_definitions=True))


@pytest.fixture(scope="session")
def client(catalogue: Catalogue, settings: Settings) -> FlaskClient:
    """HTTP to the published content."""
    return create_app(settings, catalogue=catalogue).test_client()


@pytest.fixture(scope="session")
def ask(catalogue: Catalogue) -> Ask:
    """``ask("CodeSystem/$lookup", release="r4", system=…, code=…)`` to the published content."""
    return Terminology(catalogue=catalogue).ask
