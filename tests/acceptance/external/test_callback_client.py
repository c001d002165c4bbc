"""The client of external pipelines on a real server, and `trapline key`, which creates its keys."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import pytest
from tests.support.camera_images import make_picture
from tests.support.command_line import call_command
from tests.support.running_server import SHARED_SECRET, RunningServer

from trapline.client import (
    ApiConnectionError,
    ApiStatusError,
    CallbackSession,
    RetryPolicy,
    Trapline,
)
from trapline.client.signing import build_key_signer, build_secret_signer
from trapline.wire.analyses import AnalysisState, CreatedAnalysis, NewAnalysis
from trapline.wire.annotations import AnnotationType
from trapline.wire.artifacts import ArtifactType, NewArtifact
from trapline.wire.bulk_annotations import BulkAnnotation, BulkMode
from trapline.wire.observations import SoughtKind
from trapline.wire.projects import NewProject


@dataclass
class Desk:
    """An owner with one image of 320 x 240 pixels, and an analysis of it."""

    server: RunningServer
    owner: Trapline
    project: int
    image: UUID
    made: CreatedAnalysis

    def call_back(self) -> CallbackSession:
        """A session that signs with the analysis's own secret."""
        return CallbackSession(self.server.base_url, build_secret_signer(self.made.callback_secret))


@pytest.fixture
def desk(server: RunningServer, tmp_path: Path) -> Iterator[Desk]:
    file = tmp_path / "IMG_0001.JPG"
    file.write_bytes(make_picture(3, (320, 240)))
    with server.open() as owner:
        project = owner.create_project(NewProject(name="desk")).id
        [sent] = owner.upload_images([file], project=project).files
        assert sent.image_id is not None
        made = owner.create_analysis(
            NewAnalysis(image_id=sent.image_id, model_name="deer-net", model_version="1")
        )
        yield Desk(server, owner, project, sent.image_id, made)


def box(number: int, x_max: float = 100) -> BulkAnnotation:
    return BulkAnnotation(
        annotation_type=AnnotationType.BOUNDING_BOX,
        data={
            "x_min": number,
            "y_min": 1,
            "x_max": x_max,
            "y_max": 90,
            "image_width": 320,
            "image_height": 240,
        },
        ordering=number,
    )


def name_of(number: int) -> BulkAnnotation:
    return BulkAnnotation(
        annotation_type=AnnotationType.CLASSIFICATION,
        class_name="deer",
        data={"score": 0.5},
        parent=number,
    )


def test_a_lost_answer_is_asked_for_again(desk: Desk) -> None:
    new = NewAnalysis(image_id=desk.image, model_name="deer-net", model_version="2")
    first = desk.owner.create_analysis(new, key="run 7")
    assert desk.owner.create_analysis(new, key="run 7") == first
    assert desk.owner.create_analysis(new).id != first.id


def test_settings_show_what_a_pipeline_looks_for(desk: Desk) -> None:
    kinds = [SoughtKind.OTHER]
    for name, looks_for in (("plate-net", kinds), ("any-net", None)):
        made = desk.owner.create_analysis(
            NewAnalysis(
                image_id=desk.image, model_name=name, model_version="1", looks_for=looks_for
            )
        )
        with CallbackSession(
            desk.server.base_url, build_secret_signer(made.callback_secret)
        ) as session:
            session.finalize(made.id)
    shown = desk.owner.get_observation_settings(desk.project).pipelines
    assert [(one.name, one.looks_for, one.counts) for one in shown] == [
        ("any-net", [], True), ("plate-net", kinds, False)
    ]  # fmt: skip
    access = {"TRAPLINE_SERVER": desk.server.base_url, "TRAPLINE_TOKEN": desk.server.token}
    done = call_command(access, "observations", "settings", "--project", str(desk.project))
    assert "plate-net (looks for: other; does not count)" in done.stdout
    assert "any-net (" not in done.stdout


def test_wrong_annotations_are_named_and_left_out(desk: Desk) -> None:
    # The third box exceeds the image; when it is left out, its name refers to no box.
    given = [box(0), name_of(0), box(1, x_max=400), name_of(1), box(2)]
    with desk.call_back() as outside:
        with pytest.raises(ApiStatusError, match=r"annotations\.2"):
            outside.post_annotations(desk.made.id, given)
        assert outside.get_analysis(desk.made.id).annotation_count == 0
        posted = outside.post_annotations(desk.made.id, given, on_invalid="skip")
        assert [one.place for one in posted.skipped] == [2, 3]
        assert "outside its frame" in posted.skipped[0].problems[0].message
        assert "no box of this request has the ordering 1" in posted.skipped[1].problems[0].message
        assert (posted.stored.created, posted.stored.unchanged, posted.stored.total) == (3, 0, 3)
        found = outside.list_annotations(desk.made.id, type="bounding_box")
        assert [one.ordering for one in found.results] == [0, 2]
        again = outside.post_annotations(desk.made.id, given, on_invalid="skip")
        assert (again.stored.created, again.stored.unchanged, len(again.skipped)) == (0, 3, 2)
        # Hundreds of them are named a hundred at a time.
        many = [box(number, x_max=400 if number % 2 else 300) for number in range(250)]
        assert len(outside.post_annotations(desk.made.id, many, on_invalid="skip").skipped) == 125


def test_nothing_is_replaced_by_nothing_by_accident(desk: Desk) -> None:
    with desk.call_back() as outside:
        outside.post_annotations(desk.made.id, [box(0)])
        with pytest.raises(ApiStatusError):
            outside.post_annotations(
                desk.made.id, [box(0, x_max=400)], mode=BulkMode.REPLACE, on_invalid="skip"
            )
        assert outside.get_analysis(desk.made.id).annotation_count == 1
        assert outside.post_annotations(desk.made.id, [], mode=BulkMode.REPLACE).stored.total == 0
        # An error of the whole request cannot be avoided by leaving out elements.
        with pytest.raises(ApiStatusError, match="5,000"):
            outside.post_annotations(desk.made.id, [box(0)] * 5001, on_invalid="skip")


def test_files_go_to_their_address(desk: Desk, tmp_path: Path) -> None:
    log = tmp_path / "run.log"
    log.write_text("one line\n" * 100_000, encoding="utf-8")
    with desk.call_back() as outside:
        assert outside.set_status(desk.made.id, AnalysisState.PROCESSING).status == "processing"
        path = outside.add_artifact(desk.made.id, ArtifactType.LOG, "run.log", log)
        assert path == f"ml_outputs/{desk.made.id}/run.log"
        outside.add_artifact(desk.made.id, ArtifactType.METADATA, "about.json", b"{}")
        failed = outside.finalize(desk.made.id, error_message="the disk is full")
        with pytest.raises(ApiStatusError, match="cannot be changed"):
            outside.add_artifact(desk.made.id, ArtifactType.LOG, "more.log", b"more")
    assert (failed.status, failed.error_message) == ("failed", "the disk is full")
    files = desk.owner.list_artifacts(desk.made.id).results
    assert [one.filename for one in files] == ["run.log", "about.json"]


def test_calls_that_the_shared_secret_does_not_allow(desk: Desk) -> None:
    with CallbackSession(desk.server.base_url, build_secret_signer(SHARED_SECRET)) as outside:
        assert outside.set_status(desk.made.id, AnalysisState.PROCESSING).status == "processing"
        with pytest.raises(ApiStatusError) as caught:
            outside.get_analysis(desk.made.id)
    assert caught.value.status == 401
    assert desk.owner.cancel_analysis(desk.made.id).status == "canceled"


def test_a_store_that_is_away_is_told_by_its_address(desk: Desk) -> None:
    sign = build_secret_signer(desk.made.callback_secret)
    with CallbackSession(desk.server.base_url, sign, retry=RetryPolicy(times=0)) as outside:
        signed = outside.presign(
            desk.made.id, NewArtifact(artifact_type=ArtifactType.LOG, filename="run.log")
        )
        away = signed.model_copy(update={"upload_url": "http://127.0.0.1:9/x?secret=1"})
        with pytest.raises(ApiConnectionError, match=r"http://127\.0\.0\.1:9: ") as caught:
            outside.upload(away, b"x")
        assert "secret" not in str(caught.value)


def test_a_service_key_is_made_used_and_revoked(desk: Desk) -> None:
    def run(*arguments: str, code: int = 0) -> str:
        done = desk.server.run("key", *arguments, check=False)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    project = str(desk.project)
    printed = run("create", "--project", project, "--service", "deer-net", "--name", "gpu 2")
    told = dict(line.split("=") for line in printed.splitlines())
    key_id, secret = told["CALLBACK_KEY_ID"], told["CALLBACK_KEY_SECRET"]
    with CallbackSession(desk.server.base_url, build_key_signer(key_id, secret)) as outside:
        assert outside.get_analysis(desk.made.id).status == "queued"
        assert outside.list_annotations(desk.made.id, confidence_min=0.5, limit=7).results == []
        listed = json.loads(run("list", "--project", project, "--json"))
        assert [(it["key_id"], it["name"], it["revoked_at"]) for it in listed] == [
            (key_id, "gpu 2", None)
        ]
        assert secret not in run("list", "--project", project)
        assert "Revoked" in run("revoke", key_id)
        with pytest.raises(ApiStatusError) as caught:
            outside.finalize(desk.made.id)
    assert caught.value.status == 401
    assert "There is no key tlk_none" in run("revoke", "tlk_none", code=1)
