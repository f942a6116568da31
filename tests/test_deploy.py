"""The files of docs/deploy: what they name exists, and each runs, as far as it can here."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml

from terminology import Settings
from terminology.settings import PREFIX, SETTINGS
from tests.support import postgres
from tests.support.paths import ROOT
from tests.support.service import PATIENCE, serving, until

DEPLOY = ROOT / "docs" / "deploy"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
VARIABLES = {setting.variable for setting in SETTINGS}


def instructions() -> list[tuple[str, str]]:
    """Those of the Containerfile, in order."""
    text = (DEPLOY / "Containerfile").read_text("utf-8").replace("\\\n", " ")
    lines = (line.partition(" ") for line in text.splitlines() if line and not line.startswith("#"))
    return [(name, rest) for name, _, rest in lines]


@pytest.fixture
def nginx(tmp_path: Path) -> Path:
    """A folder with a certificate, for nginx."""
    if shutil.which("nginx") is None or shutil.which("openssl") is None:
        pytest.skip("nginx or openssl is not installed (Debian: apt-get install nginx-light openssl)")
    command = (
        "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=tx.example.org -keyout key -out cert"
    )
    extension = ["-addext", "subjectAltName=DNS:tx.example.org"]
    subprocess.run([*command.split(), *extension], cwd=tmp_path, check=True, capture_output=True)
    return tmp_path


def test_every_variable_and_setting_of_the_files_exists() -> None:
    for path in DEPLOY.iterdir():
        named = re.findall(rf"\b{PREFIX}[A-Z0-9_]+", path.read_text("utf-8"))
        assert set(named) <= VARIABLES, path.name
    settings = Settings(DEPLOY / "settings.toml", {})
    assert settings.proxies == 1 and settings.host == "127.0.0.1"


def test_the_operators_guide_names_every_file() -> None:
    page = (ROOT / "docs" / "operating.md").read_text("utf-8")
    for path in DEPLOY.iterdir():
        assert f"](deploy/{path.name})" in page, path.name


def test_the_steps_of_the_image_make_a_service_that_answers(tmp_path: Path) -> None:
    """In an empty folder with what it copies alone, but with the packages that are here."""
    source, installed = tmp_path / "src", tmp_path / "installed"
    source.mkdir()
    environment: dict[str, str] = {}
    for name, rest in instructions():
        match name, rest.split():
            case "COPY", [*paths, target] if not rest.startswith("--from"):
                for path in paths:
                    if (ROOT / path).is_dir():
                        ignored = shutil.ignore_patterns("__pycache__")
                        shutil.copytree(ROOT / path, source / target, ignore=ignored)
                    else:
                        shutil.copy(ROOT / path, source / target)
            case "RUN", _ if "pip" in rest:
                [extras] = re.findall(r'"\.\[(.*)\]"', rest)
                assert set(extras.split(",")) <= PROJECT["optional-dependencies"].keys()
                pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation"]
                subprocess.run([*pip, "--target", str(installed), "."], cwd=source, check=True)
            case "ENV", [variable] if variable.startswith(PREFIX):
                variable, _, value = variable.partition("=")
                environment[variable] = value
    command = next(rest for name, rest in instructions() if name == "CMD")
    assert command == '["terminology", "serve"]'
    assert Settings(environment=environment).host == "0.0.0.0"
    environment |= {
        "TERMINOLOGY_DATA": str(tmp_path / "data"),
        "TERMINOLOGY_HOST": "127.0.0.1",
        "TERMINOLOGY_PORT": "0",
        "TERMINOLOGY_METRICS_PORT": "0",
    }
    process = subprocess.Popen(
        [sys.executable, "-P", str(installed / "bin" / "terminology"), "serve"],
        cwd=tmp_path,
        env={**os.environ, **environment, "PYTHONPATH": str(installed)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        url = next(line for line in process.stdout if line.startswith("Listening on ")).split()[2]
        with urllib.request.urlopen(url.removesuffix("fhir") + "readyz", timeout=PATIENCE) as answer:
            assert answer.status == 200
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE)


def test_the_unit_is_one_that_systemd_takes(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd is not installed")
    unit = tmp_path / "terminology.service"
    text = (DEPLOY / unit.name).read_text("utf-8")
    [command] = re.findall(r"ExecStart=(\S+) (.*)", text)
    unit.write_text(text.replace(command[0], sys.executable))
    run = subprocess.run(
        ["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False
    )
    problems = [line for line in run.stderr.splitlines() if "terminology.service" in line]
    assert (run.returncode, problems) == (0, [])
    assert command[1] == "serve --config /etc/terminology/settings.toml"


def test_the_unit_reloads_the_service_by_the_settings_that_it_serves(tmp_path: Path) -> None:
    """With its commands as they are, but other places and a free port."""
    unit = (DEPLOY / "terminology.service").read_text("utf-8")
    assert f"{PREFIX}DATA" not in unit, "commands of the administrator would use another folder"
    settings = tmp_path / "settings.toml"
    text = (DEPLOY / "settings.toml").read_text("utf-8")
    for folder in ("/var/lib/terminology", "/var/log/terminology"):
        (tmp_path / folder[1:]).mkdir(parents=True)
        text = text.replace(folder, str(tmp_path / folder[1:]))
    settings.write_text(re.sub(r"(?m)^(port|metrics_port|workers) = \d+$", "", text))
    [[kind, data]] = re.findall(r'^(data) = "(.*)"$', settings.read_text(), re.MULTILINE)
    with serving("--config", str(settings), f"--{kind}", data):
        [[_, command]] = re.findall(r"ExecReload=(\S+) (.*)", unit)
        words = command.replace("/etc/terminology/settings.toml", str(settings)).split()
        environment = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
        done = subprocess.run(
            [sys.executable, "-m", "terminology", *words],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert "read again" in done.stdout


def test_clients_ask_by_tls_through_nginx_and_see_their_own_urls(nginx: Path) -> None:
    with serving("--proxies", "1") as service:
        text = (DEPLOY / "nginx.conf").read_text("utf-8")
        text = text.replace("127.0.0.1:8080", f"127.0.0.1:{service.port}")
        text = text.replace("listen 443 ssl", f"listen unix:{nginx}/socket ssl")
        text = text.replace("/etc/nginx/tls/tx.example.org.pem", f"{nginx}/cert")
        text = text.replace("/etc/nginx/tls/tx.example.org.key", f"{nginx}/key")
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"):
            text = f"{kind}_temp_path {nginx}/{kind};\n{text}"
        whole = f"daemon off; master_process off; pid {nginx}/pid; error_log {nginx}/error.log;\n"
        (nginx / "nginx.conf").write_text(f"{whole}events {{}}\nhttp {{ access_log off;\n{text}\n}}\n")
        command = ["nginx", "-p", str(nginx), "-c", str(nginx / "nginx.conf"), "-e", str(nginx / "error.log")]
        subprocess.run([*command, "-t"], check=True, capture_output=True)
        process = subprocess.Popen(command)
        try:
            until(lambda: (nginx / "socket").exists())
            asked = "https://tx.example.org/fhir/r4/CodeSystem?_summary=count"
            curl = ["curl", "-s", "--unix-socket", str(nginx / "socket"), "--cacert", str(nginx / "cert")]
            answer = subprocess.run([*curl, asked], capture_output=True, text=True, check=True).stdout
            assert '"url":"https://tx.example.org' in answer and "8080" not in answer
            probe = [*curl, "-o", "/dev/null", "-w", "%{http_code}", "https://tx.example.org/readyz"]
            assert subprocess.run(probe, capture_output=True, text=True, check=True).stdout == "404"
        finally:
            process.terminate()
            process.wait(PATIENCE)


def test_the_services_of_compose_name_files_and_settings_that_exist() -> None:
    document: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
    volumes = document["volumes"].keys()
    for name, service in document["services"].items():
        for mount in service.get("volumes", []):
            source = mount.split(":")[0]
            assert source in volumes or (DEPLOY / source).is_file(), f"{name}: {mount}"
        build = service.get("build")
        if build is not None:
            context = (DEPLOY / build["context"]).resolve()
            assert context == ROOT and (context / build["dockerfile"]).is_file()
        environment = {k: str(v) for k, v in service.get("environment", {}).items() if k.startswith(PREFIX)}
        Settings(environment=environment)
    assert document["services"]["node-1"]["environment"] == document["services"]["node-2"]["environment"]


@pytest.fixture
def primary() -> Iterator[postgres.Server]:
    if postgres.programs() is None:
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    with postgres.server() as server:
        yield server


def test_the_replica_of_compose_follows_its_primary(primary: postgres.Server) -> None:
    """Its script is run as it is; a copy that broke off is begun again."""
    data = primary.folder / "replica"
    # PostgreSQL refuses to run as root.
    run = [] if os.geteuid() else ["runuser", "-u", primary.folder.owner(), "--"]
    subprocess.run([*run, "mkdir", "-p", str(data / "left")], check=True)
    folder = postgres.programs()
    environment = {
        **os.environ,
        "PATH": f"{folder}:{os.environ['PATH']}",
        "PGDATA": str(data),
        "PRIMARY": str(primary.folder),
    }
    options = ["-k", str(data), "-c", "listen_addresses=", "-c", "max_connections=400"]
    script = [*run, "bash", str(DEPLOY / "replica.sh"), *options]
    process = subprocess.Popen(script, env=environment, cwd="/", stderr=subprocess.DEVNULL)
    url = f"postgresql:///postgres?host={data}&user=terminology"

    def rows(query: str) -> list[tuple[Any, ...]]:
        try:
            with psycopg.connect(url) as connection:
                return connection.execute(query).fetchall()
        except psycopg.Error:
            return []

    try:
        until(lambda: rows("SELECT pg_is_in_recovery()") == [(True,)])
        with psycopg.connect(primary.url(), autocommit=True) as connection:
            connection.execute("CREATE TABLE told AS SELECT 1 AS one")
        until(lambda: rows("SELECT one FROM told") == [(1,)])
    finally:
        process.terminate()
        process.wait(PATIENCE)


def test_the_primary_of_compose_lets_replicas_in(tmp_path: Path) -> None:
    script = ["bash", str(DEPLOY / "primary.sh")]
    subprocess.run(script, env={**os.environ, "PGDATA": str(tmp_path)}, check=True)
    assert (tmp_path / "pg_hba.conf").read_text() == "host replication all samenet scram-sha-256\n"
