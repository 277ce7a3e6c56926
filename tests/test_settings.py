"""Settings come from the command line, else the environment, else the defaults, and say what is wrong with them."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from duostyle.errors import BadRequest
from duostyle.settings import Settings, add_arguments, describe_settings, load_settings


def from_command_line(*arguments: str) -> Settings:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return load_settings(vars(parser.parse_args(arguments)))


def test_defaults_are_for_one_person_on_this_machine() -> None:
    settings = load_settings()
    assert (settings.host, settings.port, settings.token) == ("127.0.0.1", 8000, None)
    assert settings.data_dir.name == "duostyle"


def test_the_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUOSTYLE_PORT", "9000")
    monkeypatch.setenv("DUOSTYLE_ALLOWED_HOSTS", '["example.org"]')
    settings = load_settings()
    assert (settings.port, settings.allowed_hosts) == (9000, ["example.org"])


def test_the_command_line_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUOSTYLE_PORT", "9000")
    settings = from_command_line("--port", "9001", "--data-dir", "~/x", "--max-fps", "2.5")
    assert (settings.port, settings.max_fps) == (9001, 2.5)
    assert settings.state_dir == Path.home() / "x"


def test_lists_are_comma_separated_on_the_command_line() -> None:
    assert from_command_line("--allowed-hosts", "a.org, b.org:81,").allowed_hosts == ["a.org", "b.org:81"]


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("port", "70000"),
        ("port", "x"),
        ("max-size-px", "63"),
        ("max-fps", "0"),
        ("max-fps", "nan"),
        ("send-timeout-s", "inf"),
        ("device", "tpu"),
        ("max-window", "5"),
        ("keep-days", "-1"),
        ("trusted-proxy", "proxy.example"),
        ("trusted-proxy", "10.0.0.1/8"),
    ],
)
def test_a_wrong_value_is_named_with_what_came(option: str, value: str) -> None:
    with pytest.raises(BadRequest) as raised:
        from_command_line("--" + option, value)
    assert raised.value.field == option.replace("-", "_")
    assert option in raised.value.message
    assert value in raised.value.message


@pytest.mark.parametrize("token", ["short-secret", "long-enough-for-a-token,short-secret", ""])
def test_a_wrong_token_is_not_repeated(token: str) -> None:
    with pytest.raises(BadRequest) as raised:
        from_command_line("--token", token)
    assert "16 characters" in raised.value.message
    assert "secret" not in raised.value.message


def test_several_tokens_are_separated_by_commas() -> None:
    assert from_command_line("--token", "a-token-of-one-person, and-that-of-another").tokens == (
        "a-token-of-one-person",
        "and-that-of-another",
    )
    assert Settings().tokens == ()


@pytest.mark.parametrize("value", ["'self'", "*", "example.org", "https://a.org;script-src *", "https://a.org b"])
def test_what_may_frame_the_page_are_origins(value: str) -> None:
    with pytest.raises(BadRequest, match="frame-ancestors"):
        from_command_line("--frame-ancestors", value)
    good = ["self", "https://school.example", "http://*.school.example:8080", "https://[fd00::1]"]
    assert from_command_line("--frame-ancestors", ",".join(good)).frame_ancestors == good


@pytest.mark.parametrize(
    "value", ["foo", "*", "null", "example.org", "https://a.org/", "https://A.org", "ftp://a.org", "https://a.org:x"]
)
def test_what_may_use_the_server_are_origins(value: str) -> None:
    with pytest.raises(BadRequest, match=r"allowed-origins.*https://example\.org"):
        from_command_line("--allowed-origins", value)
    good = ["https://app.example", "http://localhost:3000", "https://[fd00::1]:8443"]
    assert from_command_line("--allowed-origins", ",".join(good)).allowed_origins == good


def test_a_flag_takes_no_value(monkeypatch: pytest.MonkeyPatch) -> None:
    assert from_command_line("--no-token").no_token is True
    assert from_command_line().no_token is False
    monkeypatch.setenv("DUOSTYLE_NO_TOKEN", "true")
    assert from_command_line().no_token is True


def test_every_setting_is_an_option_and_is_described() -> None:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    options = {action.dest for action in parser._actions} - {"help"}
    rows = describe_settings()
    assert options == {row["name"] for row in rows} == set(Settings.model_fields)
    assert all(row["help"] and row["env"] == "DUOSTYLE_" + row["name"].upper() for row in rows)


def test_only_named_options_are_added() -> None:
    parser = argparse.ArgumentParser()
    add_arguments(parser, ("device", "threads"))
    assert vars(parser.parse_args(["--threads", "3"])) == {"threads": "3"}


def test_the_documentation_is_current() -> None:
    """docs/settings.md has one row per setting, as `describe_settings` says it."""
    text = (Path(__file__).parents[1] / "docs" / "settings.md").read_text("utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    assert rows == [settings_row(row) for row in describe_settings()]


def settings_row(row: dict[str, object]) -> str:
    default = "" if row["default"] is None else f"`{row['default']}`"
    option = str(row["name"]).replace("_", "-")
    return f"| `--{option}` | `{row['env']}` | {default} | {row['help']} |"
