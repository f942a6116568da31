"""Pages in a real browser, at the width of a phone and of a desk, light and dark, with axe as a reader.

Chromium is Debian's, or the one that CHROMIUM names; the packages are those of tests/pages/package.json. With the
variable SCREENSHOTS the pages are kept as pictures in that folder, for people to look at.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.support import hostile
from tests.support.builders import code_system, concept
from tests.support.conization import CPT, OURS, PCS
from tests.support.paths import ROOT
from tests.support.server import running

HERE = ROOT / "tests" / "pages"
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
PATIENCE = 500

pytestmark = pytest.mark.skipif(
    not all((HERE / "node_modules" / name).is_dir() for name in ("puppeteer-core", "axe-core"))
    or not shutil.which("node")
    or not Path(CHROMIUM).exists(),
    reason="needs Node.js, Chromium and `npm install --prefix tests/pages`; .ci/run does it",
)

# The pages, with a status where it is not 200.
PAGES: dict[str, tuple[str, int]] = {
    "start": ("", 200),
    "search": ("?q=loop", 200),
    "list": ("/CodeSystem", 200),
    "code-system": ("/CodeSystem/cervical-conization?at=conization", 200),
    "concept": (f"/CodeSystem/$lookup?system={PCS}&code=0UBC7ZX", 200),
    "value-set": ("/ValueSet/conization-procedures", 200),
    "map": ("/ConceptMap/conization-to-cpt", 200),
    "naming-system": ("/NamingSystem/cpt", 200),
    "translate": (f"/ConceptMap/$translate?system={OURS}&sourceCode=conization&targetSystem={CPT}", 200),
    "validate": (f"/CodeSystem/$validate-code?url={CPT}&code=57999", 200),
    "expand": (f"/ValueSet/$expand?url={OURS}?fhir_vs", 200),
    "subsumes": (f"/CodeSystem/$subsumes?system={OURS}&codeA=conization&codeB=conization-loop", 200),
    "conization": ("/conization", 200),
    "versions": ("/diff", 200),
    "diff": ("/diff?old=CodeSystem/part-1&new=CodeSystem/part-2", 200),
    "sheet-form": ("/sheet", 200),
    "licences": ("/licences", 200),
    "state": ("/state", 200),
    "metadata": ("/metadata", 200),
    "error": ("/CodeSystem/none", 404),
}
HOSTILE = {
    "hostile-code-system": "/CodeSystem/hostile",
    "hostile-concept": f"/CodeSystem/$lookup?system={quote(hostile.URL)}&code={quote(hostile.SCRIPT)}",
    "hostile-endless-display": f"/CodeSystem/$lookup?system={quote(hostile.URL)}&code=top",
    "hostile-value-set": "/ValueSet/hostile-set",
    "hostile-map": "/ConceptMap/hostile-map",
    "hostile-naming-system": "/NamingSystem/hostile-name",
    "hostile-search": f"?q={quote(hostile.IMAGE)}",
    "hostile-error": f"/CodeSystem/$lookup?system={quote(hostile.SCRIPT)}&code={quote(hostile.IMAGE)}",
}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("browser")
    content = folder / "content"
    content.mkdir()
    versions = [
        code_system(
            "part",
            *codes,
            "both",
            concept("name", version),
            id=f"part-{version}",
            version=version,
            content=content,
        )
        for version, codes, content in (("1", ("old",), "complete"), ("2", ("new", "newer"), "fragment"))
    ]
    for number, resource in enumerate([*hostile.resources(), *versions]):
        (content / f"{number}.json").write_text(json.dumps(resource))
    with running(folder / "server.log", "--content", str(content)) as server:
        yield f"{server}/r5"


def looked_at(pages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What look.mjs has seen of some pages."""
    folder = os.environ.get("SCREENSHOTS", "")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
    printed = subprocess.run(
        ["node", "look.mjs"],
        cwd=HERE,
        env={**os.environ, "CHROMIUM": CHROMIUM},
        input=json.dumps({"pages": pages, "folder": folder}),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert printed.returncode == 0, printed.stderr[-3000:]
    seen: list[dict[str, Any]] = json.loads(printed.stdout)
    return seen


def test_pages_are_whole_at_every_width_and_in_both_schemes(address: str) -> None:
    pages = [{"name": name, "address": f"{address}{path}"} for name, (path, _) in PAGES.items()]
    seen = looked_at(pages)
    assert len(seen) == 4 * len(PAGES)
    statuses = {f"{address}{path}": status for path, status in PAGES.values()}
    for one in seen:
        assert one["status"] == statuses[one["address"]], one
        assert (one["faults"], one["serious"]) == ([], []), one["address"]
        assert one["overflow"] <= 0, f"{one['address']} is wider than its window"


def test_hostile_content_neither_runs_nor_breaks_a_page(address: str) -> None:
    ask = "({title: document.title, images: document.querySelectorAll('img').length})"
    pages: list[dict[str, Any]] = [
        {"name": name, "address": f"{address}{path}", "facts": ask, "widths": [width], "schemes": [scheme]}
        for name, path in HOSTILE.items()
        for width, scheme in (("phone", "dark"), ("desktop", "light"))
    ]
    seen = looked_at(pages)
    assert len(seen) == len(pages)
    for one in seen:
        assert one["facts"]["title"] != "taken" and one["facts"]["images"] == 0
        assert (one["faults"], one["serious"]) == ([], []), one["address"]
        assert one["overflow"] <= 0, f"{one['address']} is wider than its window"


def test_pages_work_without_a_script(address: str) -> None:
    pages = [
        {
            "name": f"{name}-plain",
            "address": f"{address}{PAGES[name][0]}",
            "script": False,
            "schemes": ["light"],
        }
        for name in ("code-system", "translate", "conization")
    ]
    for one in looked_at(pages):
        assert one["status"] == 200 and one["faults"] == []


def test_a_page_can_be_walked_by_keyboard(address: str) -> None:
    """The first stop leads to the content, and every link and field is a stop that can be seen."""
    walk = """(() => {
      const stops = [...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, summary")];
      return stops.filter(stop => stop.tabIndex < 0).length;
    })()"""
    page = {
        "name": "keyboard",
        "address": f"{address}{PAGES['translate'][0]}",
        "keys": ["Tab", "Enter"],
        "facts": f"({{first: document.activeElement.id, unreachable: {walk}}})",
        "widths": ["desktop"],
        "schemes": ["light"],
    }
    (one,) = looked_at([page])
    assert one["facts"] == {"first": "main", "unreachable": 0}


def test_a_page_on_paper_has_its_content_and_no_forms(address: str) -> None:
    ask = """({
      forms: [...document.querySelectorAll("form, header, footer, .pager")].filter(e => e.checkVisibility()).length,
      codes: document.querySelectorAll("td a.code").length,
      ground: getComputedStyle(document.body).backgroundColor,
    })"""
    page = {
        "name": "paper",
        "address": f"{address}/conization",
        "media": "print",
        "facts": ask,
        "widths": ["desktop"],
        "schemes": ["dark"],
    }
    (one,) = looked_at([page])
    assert one["facts"]["forms"] == 0 and one["facts"]["codes"] > 20
    assert one["facts"]["ground"] == "rgb(255, 255, 255)", "also where the screen is dark"


@pytest.mark.parametrize("script", [True, False])
def test_a_sheet_is_pasted_sent_and_comes_back_mapped(address: str, script: bool) -> None:
    text = "code\nconization-loop-colposcopic\nconization-loop\nconization-lop"
    page = {
        "name": "sheet" if script else "sheet-plain",
        "address": f"{address}/sheet",
        "fill": {"#f-text": text, "#f-to": "cpt, icd-10-pcs"},
        "click": "main form button",
        "script": script,
        **({} if script else {"widths": ["desktop"], "schemes": ["light"]}),
    }
    for one in looked_at([page]):
        assert "3 rows" in one["text"] and "57461" in one["text"] and "0UBC7ZX" in one["text"]
        assert (one["faults"], one.get("serious", [])) == ([], [])
        assert one.get("overflow", 0) <= 0


def test_a_search_answers_while_somebody_types(address: str) -> None:
    page = {
        "name": "typed",
        "address": f"{address}/CodeSystem/cervical-conization",
        "type": ["#filter", "cold knife"],
        "facts": "[...document.querySelectorAll('#listed a.code')].map(link => link.innerText)",
        "widths": ["desktop"],
        "schemes": ["light"],
    }
    (one,) = looked_at([page])
    assert one["facts"] == ["conization-cold-knife"]
    assert (one["faults"], one["serious"]) == ([], [])
