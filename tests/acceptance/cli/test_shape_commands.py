"""Points and polygons that people draw with `trapline box`."""

import json

import pytest
from tests.support.command_line import call_command
from tests.support.known_image_project import make_scene
from tests.support.running_server import RunningServer


def test_points_and_polygons_are_drawn_and_shown(
    server: RunningServer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    scene = make_scene(server, tmp_path_factory.mktemp("pictures"), "Shapes of commands")
    access = {"TRAPLINE_SERVER": server.base_url, "TRAPLINE_TOKEN": server.token}

    def run(*arguments: object, code: int = 0) -> str:
        done = call_command(access | {"COLUMNS": "200"}, *arguments)
        assert done.returncode == code, f"{done}"
        return done.stdout if code == 0 else done.stderr

    add = ("box", "add", "--image", scene.images["wide.jpg"].id, "--label", "hare")
    run("project", "update", scene.project, "--shape", "polygon", "--shape", "box")
    with server.open() as owner:
        assert owner.get_project(scene.project).shapes == ["box", "polygon"]
    [point] = json.loads(run(*add, "--point", "60,55", "--json"))
    assert point["data"]["keypoints"] == [{"x": 60, "y": 55}]
    assert "10,20 110,20 60,90" in run(*add, "--polygon", "10,20 110,20 60,90")
    run("box", "update", point["id"], "--point", "61,55.5")
    assert "60,55" in run("box", "history", point["id"])
    assert "two numbers" in run(*add, "--point", "1", code=2)
    run(*add, code=4)
