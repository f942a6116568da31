"""Form renderers that others wrote, in a real browser: LHC-Forms and Smart Forms fill a questionnaire.

Their packages are those of tests/forms/package.json; Chromium is Debian's, or the one that CHROMIUM names.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.builders import code_system, concept, tree, value_set
from tests.support.paths import ROOT
from tests.support.server import running

FORMS = ROOT / "tests" / "forms"
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
BAKERY = "http://bakery.example/fhir"
RENDERERS = ("lforms", "smart")
# Bundling takes half a minute alone, and longer beside other work.
PATIENCE = 400

pytestmark = pytest.mark.skipif(
    not (FORMS / "node_modules" / "puppeteer-core").is_dir()
    or not shutil.which("node")
    or not Path(CHROMIUM).exists(),
    reason="needs Node.js, Chromium and `npm install --prefix tests/forms`; .ci/run does it",
)


BREADS, SIZES = f"{BAKERY}/CodeSystem/breads", f"{BAKERY}/CodeSystem/sizes"
FLAT = {
    "url": "http://hl7.org/fhir/StructureDefinition/valueset-expansion-parameter",
    "extension": [{"url": "name", "valueCode": "excludeNested"}, {"url": "value", "valueBoolean": True}],
}
CONTENT = [
    code_system(BREADS, tree("bread", tree("roll"), concept("rye", "Rye bread")), tree("cake")),
    code_system(SIZES, concept("s", "Small"), concept("l", "Large")),
    value_set(f"{BAKERY}/ValueSet/breads", {"system": BREADS}, compose={"extension": [FLAT]}),
    value_set(f"{BAKERY}/ValueSet/sizes", {"system": SIZES}),
    *(
        value_set(
            f"{BAKERY}/ValueSet/toppings",
            {"system": SIZES, "concept": [concept(code, display)]},
            version=version,
        )
        for version, code, display in (("1", "s", "Small topping"), ("2", "l", "Large topping"))
    ),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("forms")
    content = folder / "content"
    content.mkdir()
    for number, resource in enumerate(CONTENT):
        (content / f"{number}.json").write_text(json.dumps(resource))
    with running(folder / "server.log", "--content", str(content)) as address:
        yield address


@pytest.fixture(scope="module", params=RENDERERS)
def filled(request: pytest.FixtureRequest, server: str) -> dict[str, Any]:
    """The questionnaire as a renderer showed and filled it; see fill.mjs."""
    if request.param == "smart":
        bundle()
    printed = subprocess.run(
        ["node", "fill.mjs", request.param, f"{server}/r4"],
        cwd=FORMS,
        env={**os.environ, "CHROMIUM": CHROMIUM},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert printed.returncode == 0, printed.stderr[-3000:]
    result: dict[str, Any] = json.loads(printed.stdout)
    assert result["errors"] == [], result
    return result


def bundle() -> None:
    """Smart Forms is a library of React: it is bundled as its users do. Other processes of the tests may do so, too."""
    built = FORMS / "build"
    built.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=built) as folder:
        subprocess.run(
            [
                "node",
                "node_modules/esbuild-wasm/bin/esbuild",
                "smart.jsx",
                "--bundle",
                "--format=esm",
                "--jsx=automatic",
                f"--outfile={folder}/smart.js",
                '--define:process.env.NODE_ENV="production"',
                "--loader:.woff=dataurl",
                "--loader:.woff2=dataurl",
                "--log-level=error",
            ],
            cwd=FORMS,
            check=True,
            timeout=PATIENCE,
        )
        Path(folder, "smart.js").replace(built / "smart.js")


def labels(filled: dict[str, Any], item: str) -> list[str]:
    """The labels that an item offers; LHC-Forms numbers them."""
    return [re.sub(r"^\d+:\s*", "", label) for label in filled["choices"][item]]


def test_every_level_of_a_hierarchy_is_offered(filled: dict[str, Any]) -> None:
    assert labels(filled, "hierarchy") == ["Bread", "Roll", "Rye bread", "Cake"]


def test_a_versioned_value_set_is_offered_in_that_version(filled: dict[str, Any]) -> None:
    assert labels(filled, "versioned") == ["Small topping"]


def test_a_contained_value_set_is_offered(filled: dict[str, Any]) -> None:
    assert labels(filled, "contained") == ["Small", "Large"]


def test_an_item_with_autocomplete_offers_what_is_typed(filled: dict[str, Any]) -> None:
    assert labels(filled, "autocomplete") == ["Roll"]


def test_every_item_is_answered_with_a_coding(filled: dict[str, Any]) -> None:
    answered = {item: (coding["system"], coding["code"]) for item, coding in filled["answers"].items()}
    assert answered == {
        "hierarchy": (BREADS, "bread"),
        "versioned": (SIZES, "s"),
        "contained": (SIZES, "s"),
        "autocomplete": (BREADS, "roll"),
    }


def test_the_server_answers_every_request_of_the_renderers(filled: dict[str, Any]) -> None:
    assert filled["requests"] and all(status < 300 for status, _ in filled["requests"])
