"""Every documented setting is read from the environment and from `.env`, with another value."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from tests.support.settings_values import SERVER_VALUES, WORKER_VALUES, Value

from trapline.server.app.settings import get_variable_names, load_settings
from trapline.worker.settings import load_settings as load_worker_settings

REFERENCE = Path(__file__).parents[3] / "docs" / "reference" / "settings.md"
NO_FILE = Path("/nonexistent/.env")


def read_documented(section: str) -> list[str]:
    """The names of the variables in one table of the reference, in its order."""
    text = REFERENCE.read_text(encoding="utf-8").split(f"## {section}\n")[1].split("\n## ")[0]
    return re.findall(r"^\| `([A-Z0-9_]+)` \|", text, re.MULTILINE)


def test_each_documented_setting_has_a_value_here() -> None:
    """A new setting needs a line in tests/support/settings_values.py."""
    assert sorted(read_documented("The server")) == sorted(SERVER_VALUES)
    assert sorted(read_documented("The worker and the command line")) == sorted(WORKER_VALUES)


@pytest.mark.parametrize("origin", ["environment", "file"])
@pytest.mark.parametrize("name", read_documented("The server"))
def test_a_setting_of_the_server_is_read(name: str, origin: str, tmp_path: Path) -> None:
    value = SERVER_VALUES[name]
    field = next(field for field, variable in get_variable_names().items() if variable == name)
    default = getattr(load_settings({}, NO_FILE), field)
    settings = load_settings(*_given(name, value, origin, tmp_path))
    assert _plain(getattr(settings, field)) == value.read
    assert _plain(default) != value.read, "the value of the test is the default"


@pytest.mark.parametrize("origin", ["environment", "file"])
@pytest.mark.parametrize("name", read_documented("The worker and the command line"))
def test_a_setting_of_the_worker_is_read(
    name: str, origin: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in WORKER_VALUES:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.chdir(tmp_path)
    value = WORKER_VALUES[name]
    environment, file = _given(name, value, origin, tmp_path)
    for variable, text in environment.items():
        monkeypatch.setenv(variable, text)
    assert origin == "environment" or file.exists()
    token = {} if name == "TRAPLINE_TOKEN" else {"token": "a token"}
    settings = load_worker_settings(**token)
    assert _plain(getattr(settings, name.removeprefix("TRAPLINE_").lower())) == value.read


def _given(name: str, value: Value, origin: str, folder: Path) -> tuple[Mapping[str, str], Path]:
    if origin == "environment":
        return {name: value.text}, NO_FILE
    file = folder / ".env"
    file.write_text(f"{name}='{value.text}'\n", encoding="utf-8")
    return {}, file


def _plain(value: Any) -> Any:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return str(value) if isinstance(value, Path) else value
