"""Commands for the content of the page, run in this process against a real server."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.support.command_line import call_command
from tests.support.known_image_project import Scene, make_scene
from tests.support.running_server import RunningServer, wait_for

from trapline.wire.deployments import NewDeployment
from trapline.wire.sources import NewSource

Run = Callable[..., str]


@pytest.fixture(scope="module")
def scene(server: RunningServer, tmp_path_factory: pytest.TempPathFactory) -> Scene:
    return make_scene(server, tmp_path_factory.mktemp("pictures"))


@pytest.fixture
def run(server: RunningServer) -> Run:
    """Run a command; answers what it prints, and fails with what it says instead of a code of 0."""
    access = {"TRAPLINE_SERVER": server.base_url, "TRAPLINE_TOKEN": server.token}
    access["COLUMNS"] = "200"

    def call(*arguments: object, code: int = 0, sent: bytes | None = None) -> str:
        done = call_command(access, *arguments, sent=sent)
        assert done.returncode == code, f"{done}"
        return done.stdout if code == 0 else done.stderr

    return call


read: Callable[[str], Any] = json.loads


def test_findings_are_listed(run: Run, server: RunningServer, scene: Scene, tmp_path: Path) -> None:
    image = scene.images["wide.jpg"].id
    [analysis] = read(run("analysis", "list", image, "--json"))
    shown = read(run("analysis", "show", analysis["id"], "--json"))
    assert shown["annotation_count"] == len(shown["annotations"]) > 0
    assert analysis["model_name"] in run("analysis", "show", analysis["id"])
    found = read(run("images", "findings", image, "--type", "bounding_box", "--json"))
    assert {one["image_id"] for one in found} == {str(image)}
    named = next(one for one in shown["annotations"] if one["class_name"])["class_name"]
    over_all = read(
        run(
            "images",
            "findings",
            "--project",
            scene.project,
            "--class",
            named,
            "--min",
            0.1,
            "--json",
        )
    )
    assert {one["class_name"] for one in over_all} == {named}
    assert {one["id"] for one in found if one["class_name"] == named} <= {
        one["id"] for one in over_all
    }
    assert (
        read(
            run("images", "findings", "--project", scene.project, "--after", "2030-01-01", "--json")
        )
        == []
    )
    assert named in run("images", "classes", "--project", scene.project)
    assert "wide.jpg" in run("images", "show", image)
    output = tmp_path / "found.csv"
    run("analysis", "export", analysis["id"], "--format", "csv", "-o", output)
    assert named in output.read_text()
    assert read(run("analysis", "files", analysis["id"], "--json")) == []
    assert run("analysis", "show", "019a0000-0000-7000-8000-000000000000", code=4)
    job = analysis["job_id"]
    assert len(read(run("job", "analyses", job, "--json"))) == len(scene.images)
    log = read(run("job", "log", f"job-{job}", "--json"))
    assert log[0]["what"].endswith("to completed")
    assert run("job", "log", "nothing", code=2)


def test_findings_are_exported(run: Run, scene: Scene, tmp_path: Path) -> None:
    output = tmp_path / "observations.csv"
    within = ("--project", scene.project)
    made = read(run("export", "csv", *within, "--json", "-o", output))
    assert (made["state"], made["images"]) == ("ready", len(scene.images))
    content = output.read_bytes()
    assert len(content) == made["size_bytes"]
    assert list(tmp_path.iterdir()) == [output]
    part = tmp_path / f"again.csv.{made['sha256'][:12]}.part"
    part.write_bytes(content[:100])
    run("export", "download", made["id"], "-o", tmp_path / "again.csv")
    assert (tmp_path / "again.csv").read_bytes() == content
    part.write_bytes(b"x" * 100)
    assert "differs from the export" in run(
        "export", "download", made["id"], "-o", tmp_path / "again.csv", code=4
    )
    assert "Download it" in run(
        "export", "megadetector", *within, "--reviewed", "--min", 0.5, "--starred"
    )
    image = scene.images["wide.jpg"].id
    assert read(run("export", "megadetector", *within, "--image", image, "--json"))["images"] == 1
    chosen = (
        "--state",
        "completed",
        "--class-min",
        0.01,
        "--day-after",
        "2000-01-01",
        "--day-before",
        "2100-01-01",
    )
    raw = read(run("export", "coco", *within, "--content", "model", "--json"))
    assert (raw["state"], raw["content"], made["content"]) == ("ready", "model", "observations")
    told = read(run("export", "megadetector", *within, *chosen, "--json"))["selection"]
    assert (told["analysis_state"], told["confidence_min"]) == ("completed", 0.01)
    assert (told["day_after"], told["day_before"]) == ("2000-01-01", "2100-01-01")
    assert "title" in run("export", "csv", *within, "--option", "title=x", code=2)
    assert run("export", "csv", *within, "--job", 2**40, code=4)
    assert made["id"] in run("export", "list", *within)
    assert "ready" in run("export", "show", made["id"])
    assert "nothing to cancel" in run("export", "cancel", made["id"], code=4)
    assert "Deleted" in run("export", "delete", made["id"])
    assert run("export", "show", made["id"], code=4)


def test_findings_are_corrected(run: Run, scene: Scene) -> None:
    image = scene.images["wide.jpg"].id
    box = read(run("images", "findings", image, "--type", "bounding_box", "--json"))[0]["id"]
    named = (
        "--annotation",
        box,
        "--label",
        "Lynx lynx",
        "--count",
        2,
        "--sex",
        "female",
        "--behaviour",
        "feeding",
    )
    [said] = read(run("identification", "add", "correct", *named, "--json"))
    assert (said["label"], said["count"], said["behaviour"]) == ("Lynx lynx", 2, "feeding")
    assert "Lynx lynx" in run(
        "identification", "list", "--project", scene.project, "--kind", "correct"
    )
    assert read(run("identification", "list", "--annotation", box, "--withdrawn", "--json")) == []
    found = read(run("images", "findings", image, "--json"))
    assert next(one for one in found if one["id"] == box)["identification"]["id"] == said["id"]
    assert "1 withdrawn" in run("identification", "withdraw", said["id"])
    assert read(run("identification", "show", said["id"], "--json"))["withdrawn_at"]
    assert "Not a valid identification" in run(
        "identification", "add", "guess", "--image", image, code=2
    )
    assert run("identification", "add", "correct", "--image", image, code=4), (
        "it says nothing of what it is"
    )


def test_several_taxa_and_individuals_are_identified(run: Run, scene: Scene) -> None:
    image = scene.images["wide.jpg"].id
    taxa = (
        *("--taxa", '{"label": "Lynx lynx", "count": 2, "individual_id": "Bella"}'),
        *("--taxa", '{"label": "hare"}'),
    )
    [said] = read(run("identification", "add", "correct", "--image", image, *taxa, "--json"))
    assert [(one["label"], one["count"]) for one in said["taxa"]] == [
        ("Lynx lynx", 2),
        ("hare", None),
    ]
    assert "Lynx lynx, hare" in run("identification", "list", "--image", image)
    assert "Bella" in run("observations", "individuals", "--project", scene.project)
    within = ("--project", scene.project)
    fitting = (
        *("--kind", "animal", "--source", "human", "--individual", "Bella", "--count-min", 2),
        *("--person", said["person_id"]),
    )
    listed = read(run("images", "list", *within, *fitting, "--json"))
    assert [one["id"] for one in listed] == [str(image)]
    exported = read(run("export", "megadetector", *within, *fitting, "--json"))
    assert (exported["images"], exported["selection"]["individual"]) == (1, "Bella")
    for other in (
        ("--kind", "vehicle"),
        ("--source", "model"),
        ("--individual", "Brutus"),
        ("--count-min", 3),
        ("--needs-review",),
        ("--model-class", "no such class"),
        ("--class", "no such class"),
    ):
        assert read(run("images", "list", *within, *fitting, *other, "--json")) == [], other
    run("identification", "withdraw", said["id"])
    wrong = ("identification", "add", "correct", "--image", image)
    assert "--taxa takes JSON" in run(*wrong, "--taxa", "hare", code=2)
    assert "count" in run(*wrong, "--taxa", '{"label": "hare", "count": 0}', code=2)


def test_images_of_a_filter_are_identified_as_one(run: Run, scene: Scene) -> None:
    within = ("bulk-identification", "add", "blank", "--project", scene.project, "--yes", "--json")
    done = read(run(*within, "--where", "blank=false"))
    assert (done["state"], done["identified"]) == ("completed", done["images"])
    withdrawn = read(run("bulk-identification", "withdraw", done["id"], "--json"))
    assert (withdrawn["state"], withdrawn["withdrawn"]) == ("withdrawn", done["images"])


def test_boxes_are_drawn_changed_and_withdrawn(run: Run, scene: Scene) -> None:
    image = scene.images["wide.jpg"].id
    at = ("--at", "1,2,11,12")
    [box] = read(run("box", "add", "--image", image, *at, "--label", "hare", "--json"))
    assert (box["data"]["x_max"], box["version"]) == (11, 1)
    moved = read(run("box", "update", box["id"], "--at", "1,2,10,12", "--version", 1, "--json"))
    assert (moved["data"]["x_max"], moved["class_name"]) == (10, "hare")
    run("box", "update", box["id"], "--label", "fox", "--version", 1, code=4)
    assert box["id"] in {
        one["id"] for one in read(run("box", "list", "--project", scene.project, "--json"))
    }
    run("box", "delete", box["id"])
    history = read(run("box", "history", box["id"], "--json"))["changes"]
    assert [one["version"] for one in history] == [3, 2]
    assert "four numbers" in run("box", "update", box["id"], "--at", "1,2", code=2)


def test_algorithms_are_found_by_their_classes(run: Run, scene: Scene) -> None:
    within = ("--project", scene.project)
    listed = read(run("pipeline", "algorithms", *within, "--json"))
    assert "known-detector" in {one["key"] for one in listed}
    assert read(run("pipeline", "algorithms", *within, "--search", "no such class", "--json")) == []
    detector = next(one for one in listed if one["key"] == "known-detector")
    classes = read(run("pipeline", "classes", detector["id"], "--json"))
    assert len(classes) == detector["classes"]
    assert [one["slug"] for one in read(run("pipeline", "list", *within, "--json"))] != []
    run("pipeline", "services", *within)


def test_deployments_come_out_and_in_and_their_clocks_are_set(
    run: Run, server: RunningServer, tmp_path: Path
) -> None:
    project = read(run("project", "create", "By sheet", "--json"))["id"]
    with server.open() as owner:
        made = owner.create_deployment(
            NewDeployment(project=project, name="Old oak", latitude=1.0, longitude=2.0)
        )
    within, sheet = ("--project", project), tmp_path / "deployments.csv"
    run("deployment", "export", *within, "-o", sheet)
    assert "Old oak" in sheet.read_text()
    sheet.write_text("name,habitat\nOld oak,beech forest\nNew oak,\n")
    assert "1 created, 1 changed" in run("deployment", "import", sheet, *within)
    assert "2 unchanged" in run("deployment", "import", "-", *within, sent=sheet.read_bytes())
    assert "Nothing was changed" in run(
        "deployment", "clock", "Old oak", *within, "--offset", -3600
    )
    changed = read(
        run("deployment", "clock", "Old oak", *within, "--offset", -3600, "--apply", "--json")
    )
    assert changed["clock_offset_s"] == -3600
    assert (
        read(run("deployment", "clock", "Old oak", *within, "--undo", "--json"))["clock_offset_s"]
        == 0
    )
    assert "--offset" in run("deployment", "clock", "Old oak", *within, code=2)
    changed = read(
        run("deployment", "update", made.id, *within, "--notes", "by the brook", "--json")
    )
    assert (changed["notes"], changed["habitat"]) == ("by the brook", "beech forest")
    run("deployment", "delete", "New oak", *within)
    assert "New oak" not in run("deployment", "list", *within)
    run("project", "update", project, "--sequence-gap", 60)
    assert read(run("sequence", "list", *within, "--json")) == []
    run("images", "tags", *within)


def test_a_source_is_changed_and_its_polls_are_listed(run: Run, server: RunningServer) -> None:
    project = read(run("project", "create", "By sources", "--json"))["id"]
    with server.open() as owner:
        new = NewSource(
            project=project, name="Hut", base_url="http://camera.example/", is_active=False
        )
        owner.create_source(new)
    within = ("--project", project)
    setting = ("--set", "schedule=0 6 * * *", "--set", "max_files_per_run=7")
    changed = read(run("source", "update", "Hut", *within, *setting, "--json"))
    assert (changed["schedule"], changed["max_files_per_run"]) == ("0 6 * * *", 7)
    assert "Not a valid source" in run(
        "source", "update", "Hut", *within, "--set", "schedle=1", code=2
    )
    assert read(run("source", "runs", "Hut", *within, "--json")) == []


def test_sequences_are_listed(run: Run, server: RunningServer, scene: Scene) -> None:
    def list_them() -> list[Any]:
        found: list[Any] = read(run("sequence", "list", "--project", scene.project, "--json"))
        return found

    wait_for("grouping", lambda: sum(one["images"] for one in list_them()) == len(scene.images))
    one = list_them()[0]
    assert read(run("sequence", "show", one["id"], "--json"))["images"] == one["images"]


def test_taxa_come_in_and_labels_mean_them(
    run: Run, server: RunningServer, scene: Scene, tmp_path: Path
) -> None:
    within = ("--project", scene.project)
    named = read(run("images", "classes", *within, "--json"))[0]["class_name"]
    sheet = tmp_path / "taxa.csv"
    sheet.write_text(
        f"scientific_name,common_name_en,colour\nPuma concolor,{named},red\nLynx,,red,more\n"
    )
    told = run("taxon", "import", sheet, *within)
    assert "1 created, 0 changed, 0 unchanged, 1 refused" in told
    assert ("line 3, row: has 4 cells" in told, "Ignored columns: colour" in told) == (True, True)
    again = read(run("taxon", "import", "-", *within, "--json", sent=sheet.read_bytes()))
    assert (again["created"], again["unchanged"]) == (0, 1)
    run(
        "taxon",
        "add",
        "Felis concolor",
        *within,
        "--synonym-of",
        "puma CONCOLOR",
        "--common",
        "de=Puma",
    )
    assert "A synonym of Puma concolor." in run(
        "taxon", "update", "felis concolor", *within, "--rank", "species"
    )
    ranks = ("--higher", "kingdom=Animalia", "--higher", "class=Mammalia")
    changed = run("taxon", "update", "Puma concolor", *within, *ranks).splitlines()
    assert {"kingdom: Animalia", "class: Mammalia"} <= set(changed)
    assert (
        run("taxon", "update", "Puma concolor", *within, "--higher", "kingdom", code=2)
        .strip()
        .endswith("kingdom.")
    )
    assert [
        one["scientific_name"]
        for one in read(run("taxon", "list", *within, "--search", "felis", "--json"))
    ] == [
        "Felis concolor",
        "Puma concolor",
    ]
    assert "Puma concolor" in run("taxon", "labels", *within, "--unmapped", "--apply")
    assert read(run("taxon", "labels", *within, "--json"))[0]["label"] == named
    found = read(run("images", "findings", *within, "--taxon", "Felis concolor", "--json"))
    assert {one["class_name"] for one in found} == {named}
    assert "is mapped to no taxon" in run("taxon", "label", named, *within)
    assert read(run("images", "findings", *within, "--taxon", "Felis concolor", "--json")) == []
    assert f"{named} is mapped to Felis concolor" in run(
        "taxon", "label", named, "Felis concolor", *within
    )
    assert "refers to this taxon" in run("taxon", "delete", "Felis concolor", *within, code=4)
    run("taxon", "label", named, *within)
    run("taxon", "update", "Felis concolor", *within, "--accepted")
    run("taxon", "delete", "Felis concolor", *within)
    assert "There is no taxon" in run("taxon", "delete", "Felis concolor", *within, code=1)
    assert "LANGUAGE=NAME" in run("taxon", "add", "Lynx", *within, "--common", "lynx", code=2)


def test_one_tells_who_one_is(run: Run, server: RunningServer) -> None:
    before = read(run("user", "me", "--json"))
    assert before["kind"] == "user_token"
    assert "Berta" in run("user", "me", "--name", "Berta")
    with server.open() as owner:
        owner.update_current_user(before["name"] or "Owner")


def test_results_of_other_programs_come_in(run: Run, scene: Scene, tmp_path: Path) -> None:
    box = {"category": "1", "conf": 0.75, "bbox": [0.25, 0.25, 0.5, 0.5]}
    told = [
        {"file": "DCIM/wide.jpg", "detections": [box]},
        {"file": "elsewhere.jpg", "detections": []},
    ]
    file = tmp_path / "results.json"
    file.write_text(json.dumps({"images": told, "detection_categories": {"1": "okapi"}}))
    within = ("--project", scene.project)
    said = run("import", "megadetector", file, *within, "--model", "Ranger", code=1)
    assert said == "trapline: Problems: 1. Everything else was imported.\n"
    [listed] = read(run("import", "list", *within, "--json"))
    assert (listed["state"], listed["stored"], listed["faults"]) == ("completed", 1, 1)
    shown = run("import", "show", listed["id"])
    assert "1 entries match no image" in shown
    assert "images 2 (elsewhere.jpg): no image has this name" in shown
    assert "elsewhere.jpg" in run("import", "faults", listed["id"])
    assert "okapi" in run("images", "classes", *within)
    file.write_text(json.dumps({"images": told[:1], "detection_categories": {"1": "okapi"}}))
    assert "0 new results with 0 annotations, 1 imported before" in run(
        "import", "megadetector", file, *within, "--model", "Ranger"
    )
    file.write_text("{")
    assert run("import", "coco", file, *within, code=1).endswith("Nothing was imported.\n")
    sent = read(run("import", "coco", file, *within, "--no-wait", "--json"))
    assert run("import", "delete", sent["id"])
    assert run("import", "show", sent["id"], code=4)
    assert run("import", "cancel", listed["id"], code=4)
