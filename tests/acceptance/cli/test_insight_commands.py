"""`trapline insights`, and the lines of the guide for notebooks, against a real server."""

import csv
import io
import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.support.image_factory import make_jpeg
from tests.support.running_server import RunningServer

from trapline.client.notebook_tables import Table
from trapline.wire.deployments import NewDeployment
from trapline.wire.identifications import IdentificationKind, NewIdentification
from trapline.wire.projects import NewProject

GUIDE = Path("docs/how-to/read-insights.md")


def test_insights_answer_the_questions_of_an_ecologist(
    server: RunningServer, tmp_path: Path
) -> None:
    with server.open() as owner:
        project = owner.create_project(NewProject(name="insight survey")).id
        deployment = owner.create_deployment(
            NewDeployment(
                project=project,
                name="Old oak",
                time_zone="UTC",
                started_at="2026-05-01T00:00:00Z",
                ended_at="2026-05-11T00:00:00Z",
            )
        )
        for day in (2, 4):
            taken = datetime(2026, 5, day, 12, tzinfo=UTC)
            (tmp_path / f"{day}.jpg").write_bytes(make_jpeg(seed=day, taken=taken))
        sent = owner.upload_images(tmp_path, project=project, deployment=deployment.id)
        images = [one.image_id for one in sent.files if one.image_id]
        owner.create_identifications(
            NewIdentification(kind=IdentificationKind.CORRECT, label="Fox", images=images)
        )
        chosen = ("--project", str(project))
        assert "species in 10 camera-nights at 1 deployment." in (
            server.call("insights", "summary", *chosen, "--deployment", "Old oak").stdout
        )
        found = json.loads(server.call("insights", "summary", *chosen, "--json").stdout)
        assert [one["images"] for one in found["species"]] == [2]
        for command in ("activity", "accumulation", "trends", "records", "camera-health"):
            assert server.call("insights", command, *chosen).stdout
        compared = server.call("insights", "overlap", "Fox", "Deer", *chosen, "--time", "solar")
        assert "at least 10 events" in compared.stdout
        assert "at 1 of 1" in server.call("insights", "detections", "Fox", *chosen).stdout
        assert "2 images" in server.call("insights", "create-audit-sample", *chosen).stdout
        assert "No image was reviewed" in server.call("insights", "model-quality", *chosen).stdout
        text = server.call("insights", "table", "records", *chosen).stdout
        assert {row["Station"] for row in csv.DictReader(io.StringIO(text))} == {"Old oak"}
        refused = server.call("insights", "table", "detection-history", *chosen, check=False)
        assert refused.returncode != 0
        assert "species" in refused.stderr

        lines = re.findall(
            r"\| `(server\..*)` \|$", GUIDE.read_text(encoding="utf-8"), re.MULTILINE
        )
        assert len(lines) == 10
        for line in lines:
            answer = _run(line.replace("(1", f"({project}"), owner)
            assert len(answer) if isinstance(answer, Table) else answer is not None


def _run(line: str, server: object) -> object:
    if ".to_pandas()" in line:
        pytest.importorskip("pandas")
    return eval(line, {"server": server})
