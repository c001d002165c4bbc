"""Commands that create and change each field of a deployment, against a real server."""

import json
from typing import Any

import pytest
from tests.support.deployment_values import FULL, UNDER_WATER
from tests.support.running_server import RunningServer
from typer.testing import CliRunner

from trapline.cli.errors import explain_error
from trapline.cli.main import program
from trapline.wire.deployment_fields import DEPLOYMENT_FIELDS
from trapline.wire.projects import NewProject

OPTIONS = {field.option: name for name, field in DEPLOYMENT_FIELDS.items() if field.option}


def build_arguments(values: dict[str, Any]) -> list[str]:
    """Build the options that give each of these values that is known."""
    arguments: list[str] = []
    for option, name in OPTIONS.items():
        value = values[name]
        if isinstance(value, bool):
            arguments.append(option if value else f"--no-{option.removeprefix('--')}")
        elif isinstance(value, list):
            for one in value:
                period = (
                    one if isinstance(one, str) else f"{one['start']}/{one['end']} {one['reason']}"
                )
                arguments += [option, period]
        elif value is not None:
            arguments += [option, str(value)]
    return arguments


@pytest.fixture(scope="module")
def project(server: RunningServer) -> int:
    with server.open() as client:
        return client.create_project(NewProject(name="Options")).id


def run(server: RunningServer, project: int, *arguments: str, code: int = 0) -> str:
    done = CliRunner().invoke(
        program,
        ["deployment", *arguments, "--project", str(project)],
        env={"TRAPLINE_SERVER": server.base_url, "TRAPLINE_TOKEN": server.token, "COLUMNS": "200"},
    )
    failed = explain_error(done.exception) if done.exception is not None else None
    assert (failed[1] if failed else done.exit_code) == code, (done.output, done.exception)
    return failed[0] if failed else str(done.stdout)


def test_each_field_is_created_changed_shown_and_cleared(
    server: RunningServer, project: int
) -> None:
    created = json.loads(
        run(server, project, "create", FULL["name"], *build_arguments(FULL), "--json")
    )
    assert {name: created[name] for name in FULL} == FULL
    shown = run(server, project, "show", FULL["name"])
    for text in ("camera height (m)", "1.25", "P800HG08192031", "forest edge, bait:food", "stolen"):
        assert text in shown
    changed = json.loads(
        run(
            server, project, "update", FULL["name"], "--name", UNDER_WATER["name"],
            *build_arguments(UNDER_WATER), "--clear", "camera_height_m", "--clear",
            "inactive_periods", "--json",
        )
    )  # fmt: skip
    assert {name: changed[name] for name in UNDER_WATER} == UNDER_WATER
    with server.open() as client:
        assert client.get_deployment(changed["id"]).camera_depth_m == 4.8
    refused = run(server, project, "update", "Reef", "--clear", "time_zone", code=2)
    assert "time_zone is not one" in refused
    refused = run(server, project, "update", "Reef", "--inactive", "2026-05-01 stolen", code=2)
    assert "--inactive must be START/END REASON" in refused


@pytest.mark.parametrize(
    ("place", "zone", "midnight"),
    [
        ([], "UTC", "T00:00:00Z"),
        (["--time-zone", "America/New_York"], "America/New_York", "T04:00:00Z"),
        (["--lat", "-17.8", "--lon", "178"], "Pacific/Fiji", "T12:00:00Z"),
    ],
)
def test_days_are_in_the_zone_of_the_deployment(
    server: RunningServer, project: int, place: list[str], zone: str, midnight: str
) -> None:
    """In Fiji, a day starts at noon of the day before in UTC."""
    first, second = ("2026-05-01", "2026-05-03")
    if zone == "Pacific/Fiji":
        first, second = ("2026-04-30", "2026-05-02")
    expected = (
        zone,
        f"{first}{midnight}",
        [{"start": f"{first}{midnight}", "end": f"{second}{midnight}", "reason": "card full"}],
    )

    def pick(made: dict[str, Any]) -> tuple[str, str, list[dict[str, str]]]:
        return made["time_zone"], made["started_at"], made["inactive_periods"]

    days = ["--start", "2026-05-01", "--inactive", "2026-05-01/2026-05-03 card full"]
    made = json.loads(run(server, project, "create", zone, *place, *days, "--json"))
    assert pick(made) == expected
    cleared = ["--clear", "started_at", "--clear", "inactive_periods"]
    run(server, project, "update", zone, *cleared)
    assert pick(json.loads(run(server, project, "update", zone, *days, "--json"))) == expected


def test_a_deployment_whose_times_are_refused_is_not_created(
    server: RunningServer, project: int
) -> None:
    new = ["create", "Reversed", "--lat", "52", "--lon", "13", "--start", "2026-05-01"]
    assert "before started_at" in run(server, project, *new, "--end", "2026-04-01", code=4)
    json.loads(run(server, project, *new, "--end", "2026-06-01", "--json"))
    moved = ["update", "Reversed", "--lat", "-17.8", "--lon", "178"]
    refused = run(server, project, *moved, "--start", "2026-05-02", code=2)
    assert "--start has a time without a UTC offset" in refused


def test_errors_of_options_name_the_field(server: RunningServer, project: int) -> None:
    run(server, project, "create", "Errors")
    change = ["update", "Errors", "--camera-height", "2"]
    refused = run(server, project, *change, "--clear", "camera_height_m", code=2)
    assert "--clear camera_height_m and --camera-height contradict each other" in refused
    period = "2026-05-03/2026-05-01 stolen"
    refused = run(server, project, *change, "--inactive", period, "--tag", "a|b", code=2)
    assert "inactive_periods.0.end: is before the start of the period" in refused
    assert "tags.0: must be one line without the separator" in refused
    assert json.loads(run(server, project, "show", "Errors", "--json"))["camera_height_m"] is None
