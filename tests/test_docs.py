"""The documentation says what the code does."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient

from terminology.catalogue.protocol import Catalogue
from terminology.cli import class_list, commands, reference
from terminology.content.importers import IMPORTERS
from terminology.core.budget import MOST_STEPS
from terminology.operations.limits import LONGEST_MESSAGE, MOST_CODINGS, MOST_FILTERS
from terminology.store.artifacts import BITMAP_ROOM
from terminology.store.value_sets import SMALL
from terminology.systems.snomed.ecl.descriptions import MOST_READ
from terminology.systems.snomed.ecl.text_reader import DEEPEST, LONGEST, MOST_COSTLY
from terminology.wire.operation import BASE
from terminology.wire.operation_table import OPERATIONS

ROOT = Path(__file__).parent.parent
DOCS = sorted((ROOT / "docs").glob("*.md"))
README = (ROOT / "README.md").read_text("utf-8")
BLOCK = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)


def test_the_reference_pages_are_those_of_the_tables() -> None:
    assert reference.write(ROOT / "docs", check=True) == [], "run 'terminology reference'"


def test_the_list_of_classes_has_every_public_class_with_a_meaning() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8").partition(class_list.MARK)[2]
    classes = list(class_list.public_classes())
    assert len(classes) > 300
    assert [f"{module}: {name}" for module, name, summary in classes if not summary] == []
    assert [name for _, name, _ in classes if page.count(f"\n| `{name}` |") != 1] == []


def test_a_class_that_the_list_lacks_is_noticed(tmp_path: Path) -> None:
    for page in DOCS:
        (tmp_path / page.name).write_text(page.read_text("utf-8"), "utf-8")
    assert reference.write(tmp_path, check=True) == []
    page = tmp_path / "architecture.md"
    whole = page.read_text("utf-8")
    page.write_text(whole.replace("| `Catalogue` |", "| `Inventory` |"), "utf-8")
    assert reference.write(tmp_path, check=True) == ["architecture.md"]
    assert reference.write(tmp_path) == ["architecture.md"]
    assert page.read_text("utf-8") == whole


def test_the_operations_page_has_the_base_operations_with_parameters() -> None:
    """The operations page has the operations of the base with their parameters."""
    page = reference.pages()["operations.md"]
    sections = {part.split("\n")[0]: part for part in page.split("\n## ")}
    for name, operation in ((name, row) for (kind, name), row in OPERATIONS.items() if kind == BASE):
        section = sections[f"[base]/${name}"]
        for parameter in operation.parameters:
            assert all(f"`{word}`" in section for word in parameter.names)
    for word in ("cache-id", "X-Cache-Id", "tx-resource", "mode=start", "mode=end", "mode=check", "sealed"):
        assert word in sections["# Operations"], word


@pytest.mark.parametrize("page", [ROOT / "README.md", *DOCS], ids=lambda page: page.name)
def test_every_Python_example_runs(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("terminology.wire.operation_table.OPERATIONS", OPERATIONS)
    before = dict(OPERATIONS)
    try:
        for language, code in BLOCK.findall(page.read_text("utf-8")):
            if language == "python":
                exec(compile(code, str(page), "exec"), {})
    finally:
        OPERATIONS.clear()
        OPERATIONS.update(before)


def requests_of(page: str) -> list[str]:
    """The paths that the curl commands of a page ask for."""
    commands = (
        shlex.split(code) for language, code in BLOCK.findall(page) if language == "sh" and "curl" in code
    )
    return [
        word.removeprefix("http://127.0.0.1:8080")
        for words in commands
        for word in words
        if "127.0.0.1" in word
    ]


def test_every_request_of_the_README_is_answered_as_it_says(client: FlaskClient) -> None:
    paths = requests_of(README)
    answers = [code for language, code in BLOCK.findall(README) if language == "json"]
    assert len(paths) > 1 and answers
    responses = [client.get(path) for path in paths]
    assert [response.status_code for response in responses] == [200] * len(paths)
    assert answers[0].strip() == responses[0].text.strip()


def test_every_command_of_the_README_runs() -> None:
    """Those that end; what they read, the line itself makes."""
    place = ".venv/bin/terminology"
    lines = [
        line for language, code in BLOCK.findall(README) if language == "sh" for line in code.splitlines()
    ]
    commands = [line for line in lines if place in line and " serve" not in line]
    assert len(commands) > 3
    for line in commands:
        made = line.replace(place, shlex.join([sys.executable, "-m", "terminology"]))
        done = subprocess.run(["sh", "-c", made], cwd=ROOT, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, ""), line
        assert done.stdout, line


def test_no_page_installs_the_package_from_a_registry_that_lacks_it() -> None:
    """No page installs the package from a registry that lacks it."""
    for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *DOCS):
        assert not re.search(r"pip install [^.\n]*\bfhir-terminology-adapter", page.read_text("utf-8")), (
            page.name
        )


def test_the_checks_run_the_tests_as_the_README_says() -> None:
    (options,) = re.findall(r"&& \.venv/bin/pytest (.*)", README)
    assert f'"$VENV/bin/pytest" {options} -rs\n' in (ROOT / ".ci" / "check").read_text("utf-8")


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *DOCS], ids=lambda page: page.name
)
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text("utf-8")):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_every_command_and_option_has_a_help() -> None:
    for name, command in commands.main.commands.items():
        assert command.help, name
        for parameter in command.params:
            assert isinstance(parameter, click.Argument) or getattr(parameter, "help", None), (
                f"{name} {parameter.name}"
            )


def test_every_page_is_linked_from_the_README() -> None:
    for page in DOCS:
        assert f"](docs/{page.name}" in README, page.name


def test_every_package_module_stands_in_the_map(catalogue: Catalogue) -> None:
    import terminology

    stated = terminology.__doc__ or ""
    for path in (ROOT / "terminology").glob("*"):
        if path.name not in ("__init__.py", "__pycache__", "py.typed"):
            assert path.name in stated, f"{path.name} is not in the map of terminology/__init__.py"


def test_the_tables_of_the_importing_page_can_be_imported(
    tmp_path: Path,
) -> None:
    """The tables of the importing page are imported with the mapping files beside them."""
    page = (ROOT / "docs" / "importing.md").read_text("utf-8")
    files = re.findall(r"`([\w.]+)`:\n\n```\w+\n(.*?)```", page, re.DOTALL)
    assert [name for name, _ in files] == ["procedures.csv", "procedures.toml", "map.csv", "map.toml"]
    for name, content in files:
        (tmp_path / name).write_text(content, "utf-8")

    def run(*arguments: str) -> str:
        done = CliRunner().invoke(commands.main, [*arguments, "--store", str(tmp_path / "store")])
        assert done.exit_code == 0, done.output
        return done.output

    for name in ("procedures", "map"):
        said = run("import", "csv", "--strict", *(str(tmp_path / f"{name}.{end}") for end in ("csv", "toml")))
        assert "|2026: 3 rows" in said
    system = "http://example.org/fhir/CodeSystem/procedures"
    known = run("lookup", system, "110")
    for said in ("Exzision der Zervix", "Portioexzision", "minutes", "20", "100"):
        assert said in known
    assert "source-is-narrower-than-target" in run("translate", system, "110")


def test_the_page_of_kinds_has_every_importer_with_its_files() -> None:
    """The page of kinds has every importer with the files that it expects."""
    page = reference.pages()["import-kinds.md"]
    for importer in IMPORTERS:
        (row,) = [line for line in page.splitlines() if line.startswith(f"| `{importer.kind}` |")]
        assert importer.description in row and not row.endswith("|  |")


def test_the_store_page_names_the_packages_of_each_extra() -> None:
    page = (ROOT / "docs" / "store.md").read_text("utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    for requirement in (*extras["store"], *extras["xlsx"]):
        assert f"`{re.split('[<>=[]', requirement)[0]}`" in page, requirement


@pytest.mark.parametrize(
    ("page", "sentence"),
    [
        ("store", f"kept in memory, {BITMAP_ROOM // 2**20} MB in each process"),
        ("store", f"lists at most {SMALL:,} codes"),
        ("value-sets", f"Above {MOST_STEPS // 10**6} million steps"),
        ("value-sets", f"at most {MOST_FILTERS} filters, a CodeableConcept at most {MOST_CODINGS} codings"),
        ("translate", f"fewer than {LONGEST_MESSAGE:,} characters"),
        ("snomed", f"at most {LONGEST:,} characters, {DEEPEST} levels, and {MOST_COSTLY} attributes"),
        ("snomed", f"descriptions of more than {MOST_READ:,} concepts"),
    ],
)
def test_the_bounds_in_the_pages_are_those_of_the_code(page: str, sentence: str) -> None:
    text = " ".join((ROOT / "docs" / f"{page}.md").read_text("utf-8").split())
    assert sentence in text
