"""A project with images whose animal is at a known place, and a worker that detects exactly it."""

import io
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw

from tests.support.running_server import RunningServer, wait_for
from trapline.client import Trapline
from trapline.wire.auth import NewToken, TokenKind
from trapline.wire.deployments import NewDeployment
from trapline.wire.images import Image as StoredImage
from trapline.wire.jobs import Job, NewJob
from trapline.wire.pipelines import Algorithm, PipelineDefinition
from trapline.wire.projects import NewProject
from trapline.wire.results import (
    AlgorithmReference,
    BoundingBox,
    Classification,
    Detection,
    Result,
    SourceImage,
    Success,
)
from trapline.wire.tasks import Task

WHITE = (300, 150, 420, 260)
"""Place of the white rectangle: x1, y1, x2, y2 in pixels of the upright image."""
FAINT = (40, 40, 140, 120)
"""Where the worker is less sure that something is."""
SIZES = {"wide.jpg": (800, 600), "turned.jpg": (600, 800), "empty.jpg": (800, 600)}
"""Upright sizes by file name; turned.jpg is stored lying, with Orientation 6."""
DETECTOR = AlgorithmReference(name="Known detector", key="known-detector")
NAMER = AlgorithmReference(name="Known namer", key="known-namer")


def draw(name: str) -> bytes:
    """Draw a dark image with one white rectangle, stored as by a camera."""
    number = sorted(SIZES).index(name)
    picture = Image.new("RGB", SIZES[name], (30, 40 + number, 34))
    if name != "empty.jpg":
        left, top, right, bottom = WHITE
        ImageDraw.Draw(picture).rectangle((left, top, right - 1, bottom - 1), fill=(255, 255, 255))
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9003] = f"2026:05:0{number + 1} 10:00:00"
    exif[0x010F] = "Trapcam"
    if name == "turned.jpg":
        picture = picture.transpose(Image.Transpose.ROTATE_90)
        exif[0x0112] = 6
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=95, subsampling=0, exif=exif)
    return out.getvalue()


@dataclass
class Scene:
    """The created data; `images` by file name, newest first as on the page."""

    project: int
    deployment: str
    job: int
    images: dict[str, StoredImage]
    worker_token: str


def pretend_to_find(task: Task, name: str) -> Result:
    """Build the result of a worker that knows the image."""
    if name == "empty.jpg":
        found = [Detection(source_image_id=task.image_id, bbox=None, algorithm=DETECTOR)]
    else:
        found = [
            Detection(
                source_image_id=task.image_id,
                bbox=_box(WHITE),
                score=0.93,
                algorithm=DETECTOR,
                classifications=[
                    Classification(classification="lynx", scores=[0.93], algorithm=NAMER)
                ],
            ),
            Detection(
                source_image_id=task.image_id,
                bbox=_box(FAINT),
                score=0.12,
                algorithm=DETECTOR,
                classifications=[
                    Classification(classification="badger", scores=[0.12], algorithm=NAMER)
                ],
            ),
        ]
    return Result(
        reply_subject=task.reply_subject,
        result=Success(
            pipeline="known",
            source_images=[SourceImage(id=task.image_id, url=task.image_url)],
            detections=found,
        ),
    )


def _box(corners: tuple[int, int, int, int]) -> BoundingBox:
    left, top, right, bottom = corners
    return BoundingBox(x1=float(left), y1=float(top), x2=float(right), y2=float(bottom))


def work(
    server: RunningServer, token: str, job: Job, names: dict[str, str], at_most: int = 100
) -> int:
    """Complete up to `at_most` tasks of a job; return their number."""
    with Trapline(server.base_url, token) as worker:
        tasks = worker.lease_tasks(job.id, at_most)
        if tasks:
            worker.post_results(
                job.id, [pretend_to_find(task, names[task.image_id]) for task in tasks]
            )
        return len(tasks)


def write_pictures(folder: Path) -> list[Path]:
    """Write the images to files."""
    files = [folder / name for name in SIZES]
    for file in files:
        file.write_bytes(draw(file.name))
    return files


def register_known_pipeline(worker: Trapline, project: int) -> None:
    """Register a pipeline with a detector and a classifier in a project."""
    algorithms = [Algorithm(name=one.name, key=one.key) for one in (DETECTOR, NAMER)]
    pipeline = PipelineDefinition(name="Known pipeline", slug="known", algorithms=algorithms)
    worker.register_pipelines(project, "known service", [pipeline])


def make_scene(server: RunningServer, folder: Path, name: str = "Known pictures") -> Scene:
    """Create a project with three analysed images; `folder` is for temporary files."""
    with server.open() as owner:
        project = owner.create_project(NewProject(name=name))
        deployment = owner.create_deployment(
            NewDeployment(
                project=project.id,
                name="Known place",
                latitude=48.1,
                longitude=8.2,
                time_zone="Europe/Berlin",
            )
        )
        owner.upload_images(write_pictures(folder), deployment=deployment.id)
        token = owner.create_token(
            NewToken(name="known", kind=TokenKind.WORKER, projects=[project.id])
        ).token
        with Trapline(server.base_url, token) as worker:
            register_known_pipeline(worker, project.id)
        wait_for(
            "thumbnails",
            lambda: all(
                image.thumbnail_url for image in owner.list_images(project=project.id).results
            ),
        )
        images: dict[str, StoredImage]
        images = {image.filename: image for image in owner.list_images(project=project.id).results}
        assert images.keys() == SIZES.keys()
        names = {str(image.id): image.filename for image in images.values()}
        job = owner.create_job(NewJob(project=project.id, pipeline="known", name="The known job"))
        wait_for(
            "the job to be done", lambda: bool(work(server, token, job, names)) or _done(owner, job)
        )
        wait_for(
            "the job to end", lambda: work(server, token, job, names) >= 0 and _done(owner, job)
        )
        images = {image.filename: image for image in owner.list_images(project=project.id).results}
    return Scene(project.id, str(deployment.id), job.id, images, token)


def _done(owner: Trapline, job: Job) -> bool:
    return owner.get_job(job.id).status == "completed"
