"""A project with bursts of images of known species, and a worker that is sometimes wrong."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw

from tests.support.known_image_project import DETECTOR, NAMER, register_known_pipeline
from tests.support.running_server import RunningServer, wait_for
from trapline.client import Trapline
from trapline.wire.auth import NewToken, TokenKind
from trapline.wire.deployments import NewDeployment
from trapline.wire.jobs import NewJob
from trapline.wire.projects import NewProject
from trapline.wire.results import (
    BoundingBox,
    Classification,
    Detection,
    Result,
    SourceImage,
    Success,
)
from trapline.wire.tasks import Task

IMAGES_PER_BURST = 3
WIDTH, HEIGHT = 640, 480


@dataclass(frozen=True)
class Burst:
    """A burst of images: the species in it, and the name that the worker gives.

    `species` is null for a blank burst. If `found` is null, the worker finds nothing.
    """

    species: str | None
    found: str | None
    count: int = 1


@dataclass
class BurstProject:
    """The created project; `images` are the IDs of the images of each burst, oldest first."""

    project: int
    images: list[list[str]]


def _place(number: int) -> tuple[int, int, int, int]:
    left = 40 + 110 * number
    return left, 160, left + 90, 260


def _draw(burst: Burst, at: int, shot: int) -> bytes:
    image = Image.new("RGB", (WIDTH, HEIGHT), (24, 30 + at % 40, 26 + 4 * shot))
    if burst.species is not None:
        for number in range(burst.count):
            ImageDraw.Draw(image).ellipse(_place(number), fill=(200, 200, 190))
    exif = Image.Exif()
    minute = 10 * at
    exif.get_ifd(0x8769)[0x9003] = (
        f"2026:05:{1 + minute // 1440:02} {minute // 60 % 24:02}:{minute % 60:02}:{2 * shot:02}"
    )
    out = io.BytesIO()
    image.save(out, "JPEG", quality=80, exif=exif)
    return out.getvalue()


def _build_result(task: Task, burst: Burst) -> Result:
    """Build the result of the worker for one image."""
    found = [Detection(source_image_id=task.image_id, bbox=None, algorithm=DETECTOR)]
    if burst.found is not None:
        named = [Classification(classification=burst.found, scores=[0.9], algorithm=NAMER)]
        corners = [[float(edge) for edge in _place(number)] for number in range(burst.count)]
        found = [
            Detection(
                source_image_id=task.image_id,
                bbox=BoundingBox(x1=x1, y1=y1, x2=x2, y2=y2),
                score=0.9,
                algorithm=DETECTOR,
                classifications=named,
            )
            for x1, y1, x2, y2 in corners
        ]
    return Result(
        reply_subject=task.reply_subject,
        result=Success(
            pipeline="known",
            source_images=[SourceImage(id=task.image_id, url=task.image_url)],
            detections=found,
        ),
    )


def make_burst_project(
    server: RunningServer, folder: Path, bursts: Sequence[Burst], name: str
) -> BurstProject:
    """Create a project with bursts of three images, ten minutes apart, and analyse them."""
    for at, burst in enumerate(bursts):
        for shot in range(IMAGES_PER_BURST):
            (folder / f"{at:04}-{shot}.jpg").write_bytes(_draw(burst, at, shot))
    total = IMAGES_PER_BURST * len(bursts)
    with server.open() as owner:
        project = owner.create_project(NewProject(name=name)).id
        place = owner.create_deployment(
            NewDeployment(project=project, name="Ford", time_zone="Europe/Berlin")
        )
        owner.upload_images(folder, deployment=place.id)
        token = owner.create_token(
            NewToken(name="bursts", kind=TokenKind.WORKER, projects=[project])
        ).token

        def list_all() -> list[tuple[str, str]]:
            found = owner.list_images(project=project, order="captured_at", limit=1000).results
            if not all(one.thumbnail_url and one.sequence_id for one in found):
                return []
            return [(str(one.id), one.filename) for one in found]

        wait_for("thumbnails and sequences", lambda: len(list_all()) == total)
        names = dict(list_all())
        with Trapline(server.base_url, token) as worker:
            register_known_pipeline(worker, project)
            job = owner.create_job(NewJob(project=project, pipeline="known", name="Bursts"))

            def work() -> bool:
                tasks = worker.lease_tasks(job.id, 100)
                if tasks:
                    results = [
                        _build_result(task, bursts[int(names[task.image_id].split("-")[0])])
                        for task in tasks
                    ]
                    worker.post_results(job.id, results)
                return owner.get_job(job.id).status == "completed"

            wait_for("the job to be done", work)
    images: list[list[str]] = [[] for _ in bursts]
    for image_id, filename in names.items():
        images[int(filename.split("-")[0])].append(image_id)
    return BurstProject(project, images)


def add_image(server: RunningServer, project: int, folder: Path, burst: Burst, at: int) -> None:
    """Upload another image of the burst at position `at`, and wait until its sequence has it."""
    path = folder / f"{at:04}-{IMAGES_PER_BURST}.jpg"
    path.write_bytes(_draw(burst, at, IMAGES_PER_BURST))
    with server.open() as owner:
        [place] = owner.list_deployments(project, name="Ford")
        owner.upload_images(path, deployment=place.id)

        def is_grouped() -> bool:
            found = owner.list_images(project=project, limit=1000).results
            added = next((one for one in found if one.filename == path.name), None)
            if added is None or added.sequence_id is None:
                return False
            others = [one for one in found if one.sequence_id == added.sequence_id]
            return len(others) > IMAGES_PER_BURST

        wait_for("the sequence to have the image", is_grouped)
