"""`trapline preset` and `trapline job run --preset` against a real server."""

import json

import pytest
from tests.acceptance.cli.test_command_line import run_alone
from tests.support.running_server import RunningServer

from trapline.wire.pipelines import PipelineDefinition
from trapline.wire.projects import NewProject
from trapline.wire.runs import NewRun


def test_a_preset_is_made_changed_run_and_deleted(server: RunningServer) -> None:
    with server.open() as owner:
        project = owner.create_project(NewProject(name="by preset")).id
        owner.register_pipelines(project, "service", [PipelineDefinition(name="P", slug="p")])
        within = ("--project", str(project))
        options = (
            "--parameter",
            "threshold=0.4",
            "--parameter",
            "who=anyone",
            "--priority",
            "high",
        )
        said = server.call("preset", "add", "dusk", "p", *within, *options).stdout
        assert 'p, threshold=0.4, who="anyone", priority high' in said
        [preset] = owner.list_presets(project=project).results
        assert preset.parameters == {"threshold": 0.4, "who": "anyone"}
        assert "dusk" in server.call("preset", "list").stdout
        changed = server.call(
            "preset", "update", str(preset.id), "--parameter", "threshold=[1, 2]", "--json"
        ).stdout
        assert json.loads(changed)["parameters"] == {"threshold": [1, 2]}
        assert (
            json.loads(server.call("preset", "show", "dusk", *within, "--json").stdout)["priority"]
            == "high"
        )
        ran = json.loads(server.call("job", "run", "--preset", "dusk", *within, "--json").stdout)
        assert (ran["preset"], ran["pipeline_slug"], ran["priority"]) == ("dusk", "p", "high")
        assert ran["parameters"] == {"threshold": [1, 2]}
        slow = json.loads(
            server.call(
                "job", "run", "--preset", "dusk", "--priority", "low", *within, "--json"
            ).stdout
        )
        assert slow["priority"] == "low"
        server.call("preset", "delete", "dusk", *within)
        assert owner.list_presets(project=project).count == 0
        gone = server.call("preset", "show", "dusk", check=False)
        assert (gone.returncode, "There is no preset dusk" in gone.stderr) == (1, True)


@pytest.mark.long
def test_contradicting_options_are_refused_before_any_request() -> None:
    away = {"TRAPLINE_TOKEN": "x", "TRAPLINE_SERVER": "http://127.0.0.1:9"}
    for arguments, words in (
        (["job", "run"], "a pipeline or --preset NAME"),
        (["job", "run", "p", "--preset", "dusk"], "a pipeline or --preset NAME"),
        (["job", "run", "p", "--image-file", "/nowhere"], "cannot be read"),
        (["job", "run", "p", "--parameter-file", "/nowhere"], "cannot be read as JSON"),
        (["job", "run", "p", "--metadata", "ticket"], "--metadata takes NAME=VALUE"),
        (
            ["job", "run", "p", "--captured-after", "May"],
            "--captured-after takes a day or a moment",
        ),
        (["job", "run", "p", "--image", "IMG_1.JPG"], "Not a valid run: images.0: "),
        (["job", "show", "job-0"], "job-0 is no job's number"),
        (["preset", "add", "dusk", "p", "--parameter", "threshold"], "NAME=VALUE"),
        (["preset", "update", "dusk", "--priority", "soon"], "Not a valid preset: priority"),
    ):
        done = run_alone(*arguments, **away)
        assert (done.returncode, words in done.stderr) == (2, True), done.stderr


@pytest.mark.long
def test_archived_projects_neither_stop_a_registration_nor_a_run_by_preset(
    server: RunningServer,
) -> None:
    with server.open() as owner:
        archived = owner.create_project(NewProject(name="archived meadow")).id
        kept = owner.create_project(NewProject(name="kept meadow")).id
        for project in (archived, kept):
            owner.register_pipelines(project, "service", [PipelineDefinition(name="P", slug="p")])
            server.call("preset", "add", "meadow-dusk", "p", "--project", str(project))
        server.call("project", "update", "archived meadow", "--archive")
        said = server.call("register", "-p", "insect-sheet").stdout
        assert f"project {archived} (archived meadow): skipped, it is archived" in said
        assert f"project {kept} (kept meadow): created 1, updated 0" in said
        named = server.call("register", "-p", "insect-sheet", "--project", "kept meadow").stdout
        assert named == f"project {kept} (kept meadow): created 0, updated 0\n"
        refused = server.call(
            "register", "-p", "insect-sheet", "--project", "archived meadow", check=False
        )
        assert (refused.returncode, "is archived" in refused.stdout) == (1, True)
        unknown = server.call(
            "register", "-p", "insect-sheet", "--project", "no meadow", check=False
        )
        assert (
            unknown.returncode,
            "No project of this token has the name no meadow" in unknown.stderr,
        ) == (1, True)
        ran = owner.submit_run(NewRun.model_validate({"preset": "meadow-dusk", "content": {}}))
        assert owner.get_job(int(ran.job_id.removeprefix("job-"))).project_id == kept
