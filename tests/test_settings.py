"""Settings, files and the command line: what is wrong is said, with its place."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from terminology import Settings, Terminology, create_app, open_catalogue
from terminology.cli.commands import main
from terminology.cli.options import settings_of
from terminology.content.packages import read_resources
from terminology.core.errors import SettingError, UnreadableFileError
from terminology.core.software import installation_of
from terminology.settings import SETTINGS
from tests.support.cats import CATS


def test_the_order_is_arguments_environment_file_defaults(tmp_path: Path) -> None:
    """Arguments go before the environment, it before the file, and the file before the defaults."""
    config = tmp_path / "settings.toml"
    config.write_text('port = 1\nhost = "file"\nr6 = true\n')
    settings = Settings(config, {"TERMINOLOGY_PORT": "2", "TERMINOLOGY_HOST": "environment"}, port=3)
    assert (settings.port, settings.host, settings.r6, settings.bundled) == (3, "environment", True, True)


@pytest.mark.parametrize(
    ("text", "environment", "arguments", "said"),
    [
        (
            "colour = 1",
            {},
            {},
            "settings.toml: there is no setting 'colour'. Known settings: access_log, auth, base_url, body_timeout",
        ),
        ("port = 'many'", {}, {}, "settings.toml: 'port' is 'many', but should be a number from 0 to 65535"),
        ("", {"TERMINOLOGY_R6": "perhaps"}, {}, "TERMINOLOGY_R6: 'r6' is 'perhaps'"),
        ("", {}, {"colour": 1}, "the arguments: there is no setting 'colour'"),
        ("port = ", {}, {}, "cannot be read as TOML"),
        ("port = 99999", {}, {}, "'port' is 99999, but should be a number from 0 to 65535"),
        ("port = true", {}, {}, "'port' is True"),
        ("", {"TERMINOLOGY_WORKERS": "0"}, {}, "TERMINOLOGY_WORKERS: 'workers' is '0'"),
        ("", {}, {"largest_body": -1}, "the arguments: 'largest_body' is -1"),
        ("default_release = 'r3'", {}, {}, "'default_release' is 'r3', but should be r4, r4b or r5"),
        ('cors_origin = "*\\nX: y"', {}, {}, "'cors_origin' is"),
    ],
)
def test_a_bad_setting_is_named_with_where_it_was_read(
    tmp_path: Path, text: str, environment: dict[str, str], arguments: dict[str, Any], said: str
) -> None:
    config = tmp_path / "settings.toml"
    config.write_text(text)
    with pytest.raises(SettingError) as caught:
        Settings(config, environment, **arguments)
    assert said in str(caught.value)


def test_every_setting_has_an_attribute_and_a_meaning() -> None:
    assert [setting.name for setting in SETTINGS] == list(Settings.__annotations__)
    assert all(setting.meaning.endswith(".") for setting in SETTINGS)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "not JSON"),
        ("[]", "not an object"),
        ("{}", "no resourceType"),
        ('{"a":1,"a":2}', "has the key 'a' twice"),
        ('{"resourceType":"ConceptMap","group":"x"}', "ConceptMap.group must be a list"),
        ('{"resourceType":"ConceptMap","group":[{"element":["x"]}]}', "element[0] must be an object"),
        ('{"resourceType":"CodeSystem","concept":{}}', "CodeSystem.concept must be a list"),
        ('{"resourceType":"ValueSet","url":["x"]}', "ValueSet.url must be a string"),
        ('{"resourceType":"CodeSystem","meta":"x"}', "CodeSystem.meta must be an object"),
        ('{"resourceType":"Bundle","entry":[1]}', "Bundle.entry[0] must be an object"),
    ],
)
def test_a_file_that_holds_no_resource_is_named(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "bad.json").write_text(content)
    with pytest.raises(UnreadableFileError, match=r"bad\.json: .*" + re.escape(said)):
        list(read_resources([tmp_path]))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match="there is no such file or folder"):
        list(read_resources([tmp_path / "nothing"]))


def test_a_file_of_R4_is_read_as_one(tmp_path: Path) -> None:
    target = {"code": "b", "equivalence": "wider"}
    document = {
        "resourceType": "ConceptMap",
        "url": "urn:map",
        "status": "active",
        "group": [{"source": "urn:a", "target": "urn:b", "element": [{"code": "a", "target": [target]}]}],
    }
    (tmp_path / "map.json").write_text(json.dumps(document))
    (loaded,) = read_resources([tmp_path])
    assert isinstance(loaded, dict)
    relationship = loaded["group"][0]["element"][0]["target"][0]["relationship"]
    assert relationship == "source-is-narrower-than-target"


def test_own_content_is_served_beside_or_without_the_bundled(tmp_path: Path) -> None:
    (tmp_path / "cats.json").write_text(json.dumps(CATS))
    both = open_catalogue(Settings(environment={}, data="", content=[tmp_path]))
    alone = open_catalogue(Settings(environment={}, data="", content=[tmp_path], bundled=False))
    builtin = [system.about.url for system in alone.builtin_systems()]
    assert [d["url"] for d in alone.documents("CodeSystem")] == [CATS["url"], *builtin]
    assert len(list(both.documents("CodeSystem"))) > 1


def test_the_command_checks_content_without_serving_it(tmp_path: Path) -> None:
    good = CliRunner().invoke(main, ["serve", "--check"])
    assert good.exit_code == 0 and "ConceptMaps" in good.output
    (tmp_path / "bad.json").write_text("{")
    bad = CliRunner().invoke(main, ["serve", "--check", "--content", str(tmp_path)])
    assert bad.exit_code == 1 and "bad.json" in bad.output and "Traceback" not in bad.output


def test_a_port_that_is_taken_is_said_with_the_way_out() -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        result = CliRunner().invoke(main, ["serve", "--port", str(taken.getsockname()[1])])
    assert result.exit_code == 1 and "Try another --port" in result.output


def test_server_py_names_the_mend_when_a_dependency_is_missing() -> None:
    root = Path(__file__).parent.parent
    run = subprocess.run(
        [sys.executable, "-I", "-S", str(root / "server.py")],
        capture_output=True,
        text=True,
        check=False,
        cwd=root,
    )
    assert run.returncode == 1
    assert "python3 -m venv .venv && .venv/bin/pip install ." in run.stderr
    assert "python3-venv" in run.stderr and "Traceback" not in run.stderr


def test_every_setting_is_an_option_of_serve(tmp_path: Path) -> None:
    """Every setting is an option of serve, and is read as it is from anywhere else."""
    serve = main.commands["serve"]
    options = {name for option in serve.params for name in option.opts}
    assert {f"--{setting.name.replace('_', '-')}" for setting in SETTINGS} <= options
    given: dict[str, Any] = {
        "host": "127.0.0.2",
        "port": "0",
        "workers": "3",
        "threads": "2",
        "default_release": "r5",
        "data": str(tmp_path),
        "largest_body": "7",
        "largest_expansion": "8",
        "cors_origin": "https://example.org",
    }
    words = [word for name, value in given.items() for word in (f"--{name.replace('_', '-')}", value)]
    flags = ["--r6", "--skip-broken", "--no-bundled", "--content", "a", "--content", "b"]
    with serve.make_context("serve", [*words, *flags]) as context:
        stated = {name: context.params[name] for name in context.params if name not in ("config", "check")}
    assert stated.keys() == {setting.name for setting in SETTINGS}
    rest: dict[str, Any] = {"r6": "yes", "skip_broken": "yes", "bundled": "no", "content": ["a", "b"]}
    told = Settings(None, {}, **given, **rest)
    read = settings_of(None, stated)
    assert [getattr(read, s.name) for s in SETTINGS] == [getattr(told, s.name) for s in SETTINGS]


def test_an_absent_option_leaves_the_environment_and_the_file_in_place(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text("r6 = true\ncontent = ['from-the-file']\n")
    with main.commands["serve"].make_context("serve", []) as context:
        stated = {name: context.params[name] for name in context.params if name not in ("config", "check")}
    read = settings_of(tmp_path / "settings.toml", stated)
    assert (read.r6, read.content) == (True, [Path("from-the-file")])


def test_a_port_that_there_cannot_be_is_said_without_a_traceback() -> None:
    result = CliRunner().invoke(main, ["serve", "--port", "99999"])
    assert result.exit_code == 1
    assert "--port: 'port' is '99999', but should be a number from 0 to 65535" in result.output


def test_bundled_resources_are_as_old_as_they_say_not_as_their_files() -> None:
    """A resource that is installed with the package is as old as it says, and not as its file."""
    installed = open_catalogue(Settings(environment={}, data=""))
    builtin = {system.about.url for system in installed.builtin_systems()}
    for document in (d for d in installed.documents("CodeSystem") if d["url"] not in builtin):
        assert document["meta"]["lastUpdated"] == f"{document['date']}T00:00:00Z"


def test_content_of_ones_own_was_updated_when_its_file_was(tmp_path: Path) -> None:
    (tmp_path / "cats.json").write_text(json.dumps({**CATS, "date": "2001-01-01"}))
    (loaded,) = read_resources([tmp_path])
    assert isinstance(loaded, dict) and loaded["meta"]["lastUpdated"] > "2020"


# -- asking from the command line ----------------------------------------------------------------

CPT = "http://www.ama-assn.org/go/cpt"


def asked(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, list(words), env={"TERMINOLOGY_DATA": ""})
    assert "Traceback" not in result.output
    return result.exit_code, result.output


def test_a_code_is_looked_up_as_a_table_or_as_JSON() -> None:
    status, shown = asked("lookup", CPT, "57520")
    assert status == 0
    assert re.search(r"^display +Cervical conization \(cone biopsy\) by cold knife or laser$", shown, re.M)
    status, as_json = asked("lookup", CPT, "57520", "--json", "--property", "technique")
    assert status == 0 and json.loads(as_json)["resourceType"] == "Parameters"


def test_a_code_that_is_not_there_is_status_1_with_a_message() -> None:
    status, shown = asked("lookup", CPT, "99999")
    assert status == 1 and shown.startswith("Error: Unknown Code '99999'")


def test_a_translation_is_shown_as_a_table_with_its_conditions() -> None:
    ours = "http://terminology.example.org/fhir/CodeSystem/cervical-conization"
    status, shown = asked("translate", ours, "conization", "--to", CPT)
    assert status == 0 and "57520" in shown and "if technique=cold-knife" in shown
    status, narrowed = asked("translate", ours, "conization", "--to", CPT, "--where", "technique=loop")
    assert status == 0 and "57522" in narrowed and not re.search(r"cpt +57520", narrowed)


def test_where_there_is_no_translation_the_status_is_1() -> None:
    status, _ = asked("translate", CPT, "57520", "--to", "http://example.org/nowhere")
    assert status == 1
    status, shown = asked("translate", CPT, "57520", "--where", "technique")
    assert status == 2 and "NAME=VALUE" in shown


def test_the_banner_counts_the_resources_and_offers_a_working_request() -> None:
    """The banner counts the resources that a search finds, and offers a request that is answered."""
    from terminology.cli.commands import _example

    shown = CliRunner().invoke(main, ["serve", "--check"], env={"TERMINOLOGY_DATA": ""}).output
    client = create_app(settings=Settings()).test_client()
    for kind in ("CodeSystem", "ValueSet", "ConceptMap", "NamingSystem"):
        total = client.get(f"/fhir/{kind}?_summary=count").get_json()["total"]
        assert re.search(rf" {total} {kind}{'' if total == 1 else 's'}\b", shown)
    for bundled in (True, False):
        settings = Settings(bundled=bundled)
        example = _example(open_catalogue(settings))
        assert ("cpt" in example) is bundled
        client = create_app(settings=settings).test_client()
        assert client.get(f"/fhir/r4/CodeSystem/$lookup?{example}").status_code == 200


def test_settings_made_in_Python_read_no_environment_unless_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERMINOLOGY_PORT", "7")
    assert (Settings().port, Settings().data) == (8080, None)
    assert Settings.from_environment().port == 7 and Settings.from_environment(port=8).port == 8
    assert Settings().updated(port=9).port == 9
    with pytest.raises(SettingError, match="the arguments: 'port' is 'x'"):
        Settings().updated(port="x")


def test_copies_without_a_database_are_refused() -> None:
    refused = CliRunner().invoke(main, ["serve", "--check", "--store", "here", "--copies", "there"])
    assert (
        refused.exit_code == 1
        and "'copies' needs a postgresql:// store, but 'store' is 'here'" in refused.output
    )


def test_copies_without_any_store_are_refused() -> None:
    refused = CliRunner().invoke(main, ["serve", "--check", "--copies", "there"])
    assert (
        refused.exit_code == 1 and "'copies' needs a postgresql:// store, but 'store' is ''" in refused.output
    )


def test_an_unusable_data_folder_is_a_warning_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = CliRunner().invoke(main, ["serve", "--check", "--data", str(tmp_path / "file")])
    assert done.exit_code == 0
    assert "Warning:" in done.stderr and "cannot be written: the state of $closure" in done.stderr
    fine = CliRunner().invoke(main, ["serve", "--check", "--data", str(tmp_path / "new")])
    assert fine.exit_code == 0 and "cannot be written" not in fine.stderr


def test_an_empty_host_is_refused() -> None:
    refused = CliRunner().invoke(main, ["serve", "--check", "--host", ""])
    assert refused.exit_code == 1
    assert "--host: 'host' is '', but should be an address such as '127.0.0.1'" in refused.output


def test_the_banner_names_the_root_of_R6_where_it_is_served(capsys: pytest.CaptureFixture[str]) -> None:
    from terminology.cli.commands import _show_address

    _show_address("http://h/fhir", "x", Settings(r6=True))
    assert "/fhir/r5, http://h/fhir/r6)" in capsys.readouterr().out
    _show_address("http://h/fhir", "x", Settings())
    assert "r6" not in capsys.readouterr().out


def test_a_settings_file_may_be_named_by_a_text(tmp_path: Path) -> None:
    config = tmp_path / "settings.toml"
    config.write_text("largest_body = 7\ndata = ''\nbundled = false\n")
    for path in (config, str(config)):
        assert Settings.from_environment(path).largest_body == Settings(path).largest_body == 7
        with Terminology.from_environment(path) as terminology:
            assert terminology.settings.largest_body == 7


def test_content_of_the_settings_may_be_one_path(tmp_path: Path) -> None:
    assert Settings(content=tmp_path).content == Settings(content=str(tmp_path)).content == [tmp_path]


@pytest.mark.parametrize(("name", "value"), [("store", 5), ("content", 5), ("content", [5]), ("bundled", 5)])
def test_a_setting_of_a_wrong_type_is_refused(name: str, value: Any) -> None:
    with pytest.raises(SettingError, match=f"the arguments: '{name}' is"):
        Settings(**{name: value})


def test_the_advice_to_install_an_extra_also_works_in_a_checkout() -> None:
    advice = "in the checkout, pip install '.[store]'; with a wheel, pip install 'WHEEL[store]'"
    assert installation_of("store") == advice


def test_the_package_can_be_run_as_a_module() -> None:
    done = subprocess.run([sys.executable, "-m", "terminology", "--version"], capture_output=True, text=True)
    assert done.returncode == 0 and "version" in done.stdout
