"""`trapline simulate`: act as an external pipeline through the public API."""

import struct
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

if TYPE_CHECKING:
    from trapline.client import CallbackSession, Trapline
    from trapline.client.signing import Sign
    from trapline.wire.analyses import CreatedAnalysis
    from trapline.wire.bulk_annotations import BulkAnnotation

SHARED_SECRET = "ML_CALLBACK_HMAC_SECRET"  # noqa: S105 - the name of a variable
LONGEST_SIDE = 160
BOXES = ((0.18, 0.30, 0.46, 0.78), (0.58, 0.42, 0.80, 0.74))
"""Boxes of the invented animals: x1, y1, x2, y2 as fractions of the image."""
CLASSES = (("deer", 0.91), ("boar", 0.64))
UNSIGNED = (
    f"If {SHARED_SECRET} is set here, it must be the same as on the server, and the server must "
    "accept it. If it is not set, the secret of the analysis is used."
)
NO_HINTS: Mapping[int, str] = MappingProxyType({})


def simulate(
    image_id: Annotated[
        UUID, typer.Option("--image-id", help="ID of the image, as in the URL of its page.")
    ],
    *,
    model_name: Annotated[str, typer.Option(help="Name of the model.")] = "simulated-detector",
    model_version: Annotated[str, typer.Option(help="Version of the model.")] = "1.0",
    base_url: Annotated[
        str | None, typer.Option(help="URL of the server. [API_BASE_URL, else TRAPLINE_SERVER]")
    ] = None,
) -> None:
    """Act as an external pipeline on one image: annotations are invented, all requests are real.

    The analysis is marked as simulated: the viewer shows it, and exports, filters and counts leave
    it out.

    It creates an analysis, sets it to processing, uploads a heatmap, posts boxes, the heatmap
    and classifications, finalizes, and prints each step and the address of the image's page.

    TRAPLINE_TOKEN creates the analysis: a user's or an external pipeline's API token. The callbacks
    are signed with ML_CALLBACK_HMAC_SECRET where that is set, else with the secret of the analysis.

    Example: `trapline simulate --image-id 01890a5d-ac96-774b-bcce-b302099a8057`
    """
    from trapline.cli.server_session import DEFAULT_SERVER, connect, get_variable
    from trapline.wire.analyses import NewAnalysis

    address = (
        base_url
        or get_variable("API_BASE_URL")
        or get_variable("TRAPLINE_SERVER")
        or DEFAULT_SERVER
    )
    with connect(address) as server:
        with _step("Find the image"):
            image = server.get_image(image_id)
        switched_off = "The image exists. External pipelines may be disabled (ML_ANALYSIS_ENABLED)."
        with _step(
            f"Create an analysis of {image.filename} by {model_name} {model_version}",
            {404: switched_off},
        ):
            new = NewAnalysis.model_validate(
                {
                    "image_id": image_id,
                    "model_name": model_name,
                    "model_version": model_version,
                    "provenance": {"made_by": "trapline simulate"},
                    "simulated": True,
                }
            )
            created = server.create_analysis(new)
        _run_analysis(server, created, image.width, image.height)
        page = server.root.removesuffix("/api/v2")
        print(f"See it: {page}/projects/{image.project_id}/images/{image.id}")


def _run_analysis(server: "Trapline", created: "CreatedAnalysis", width: int, height: int) -> None:
    from trapline.client import CallbackSession
    from trapline.wire.analyses import AnalysisState
    from trapline.wire.artifacts import ArtifactType

    sign, secret_name = _choose_secret(created.callback_secret)
    size = _shrink(width, height)
    heatmap = generate_heatmap(*size)
    with CallbackSession(server.root, sign) as callbacks, _report_unfinished(created.id):
        with _step(f"Set the status to processing, signed with {secret_name}", {401: UNSIGNED}):
            callbacks.set_status(created.id, AnalysisState.PROCESSING)
        with _step(f"Upload a heatmap of {size[0]} x {size[1]} pixels, {len(heatmap):,} bytes"):
            path = callbacks.add_artifact(created.id, ArtifactType.HEATMAP, "heatmap.png", heatmap)
        _post(callbacks, created.id, generate_annotations(width, height, path, size))
        with _step("Finalize it as completed"):
            done = callbacks.finalize(created.id)
    print(f"Analysis {done.id} is {done.status} with {done.annotation_count} annotations.")


def _post(
    callbacks: "CallbackSession", analysis_id: UUID, annotations: "list[BulkAnnotation]"
) -> None:
    kinds = [one.annotation_type.value for one in annotations]
    counts = ", ".join(f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(kinds))
    with _step(f"Post annotations: {counts}"):
        callbacks.post_annotations(analysis_id, annotations)


def _choose_secret(own: str) -> "tuple[Sign, str]":
    """Return a signer and its name: the first shared secret, else that of the analysis."""
    from trapline.cli.server_session import get_variable
    from trapline.client.signing import build_secret_signer

    shared = [
        part.strip() for part in (get_variable(SHARED_SECRET) or "").split(",") if part.strip()
    ]
    return (
        (build_secret_signer(shared[0]), f"the secret of {SHARED_SECRET}")
        if shared
        else (build_secret_signer(own), "its own secret")
    )


@contextmanager
def _step(description: str, hints: Mapping[int, str] = NO_HINTS) -> Iterator[None]:
    """Print a step and its outcome; `hints` explain a refusal, by status code."""
    from pydantic import ValidationError

    from trapline.cli.errors import CommandError, ExitCode
    from trapline.client import ApiStatusError

    print(f"{description} ... ", end="", flush=True)
    try:
        yield
    except ValidationError as error:
        print("no")
        wrong = "; ".join(
            f"{'.'.join(map(str, found['loc']))}: {found['msg']}" for found in error.errors()
        )
        raise CommandError(f"{wrong}.", ExitCode.WRONG_USAGE) from None
    except ApiStatusError as refused:
        print("no")
        hint = hints.get(refused.status)
        raise CommandError(
            f"{refused} {hint}" if hint else str(refused), ExitCode.REFUSED
        ) from refused
    except BaseException:
        print("no")
        raise
    print("done")


@contextmanager
def _report_unfinished(analysis_id: UUID) -> Iterator[None]:
    """If a step fails, print that the analysis stays unfinished."""
    try:
        yield
    except Exception:
        print(
            f"Analysis {analysis_id} remains unfinished. Run the command again to create a new one."
        )
        raise


def _shrink(width: int, height: int) -> tuple[int, int]:
    scale = min(1.0, LONGEST_SIDE / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def generate_annotations(
    width: int, height: int, path: str, size: tuple[int, int]
) -> "list[BulkAnnotation]":
    """Generate boxes with a classification each, and the heatmap that was uploaded to `path`."""
    from trapline.wire.annotations import AnnotationType
    from trapline.wire.bulk_annotations import BulkAnnotation

    found = []
    for number, ((left, top, right, bottom), (name, confidence)) in enumerate(
        zip(BOXES, CLASSES, strict=True)
    ):
        corners = {
            "x_min": left * width,
            "y_min": top * height,
            "x_max": right * width,
            "y_max": bottom * height,
        }
        found.append(
            BulkAnnotation(
                annotation_type=AnnotationType.BOUNDING_BOX,
                class_name="animal",
                confidence=confidence,
                data={**corners, "image_width": width, "image_height": height},
                ordering=number,
            )
        )
        others = [
            {"class": other, "confidence": round((1 - confidence) / 2, 3)}
            for other, _ in CLASSES
            if other != name
        ]
        found.append(
            BulkAnnotation(
                annotation_type=AnnotationType.CLASSIFICATION,
                class_name=name,
                confidence=confidence,
                data={"topk": [{"class": name, "confidence": confidence}, *others]},
                parent=number,
            )
        )
    heatmap = BulkAnnotation(
        annotation_type=AnnotationType.HEATMAP,
        data={"width": size[0], "height": size[1], "color_map": "jet"},
        storage_path=path,
    )
    return [*found, heatmap]


def generate_heatmap(width: int, height: int) -> bytes:
    """Generate a grey PNG, brightest at the invented animals; Pillow may not be installed."""
    rows = []
    for y in range(height):
        down = (y + 0.5) / height
        row = bytearray(b"\0")  # this row is not filtered
        for x in range(width):
            across = (x + 0.5) / width
            light = max(
                1
                - ((2 * across - left - right) / (right - left)) ** 2
                - ((2 * down - top - bottom) / (bottom - top)) ** 2
                for left, top, right, bottom in BOXES
            )
            row.append(round(255 * max(0.0, light)))
        rows.append(bytes(row))
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = zlib.compress(b"".join(rows), 9)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", header)
        + _chunk(b"IDAT", body)
        + _chunk(b"IEND", b"")
    )


def _chunk(name: bytes, content: bytes) -> bytes:
    return (
        struct.pack(">I", len(content))
        + name
        + content
        + struct.pack(">I", zlib.crc32(name + content))
    )
