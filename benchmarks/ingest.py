"""B7: pulling images from a web server with validation, EXIF and thumbnails.

    python benchmarks/ingest.py [--count 5000] [--rounds 1] [--concurrency 4] [--decoders 2]
        [--images DIR]

It is compared with two floors over the same files in the same run: curl with as many concurrent
downloads, which discards the files; and as many processes as decoders that only decode, read EXIF
and create thumbnails with Trapline's code. The way: a source that `trapline up` pulls, from the
start of its run until every thumbnail is stored. The images are those of DIR, else of the folder
`images` in TRAPLINE_SAMPLES, else generated ones; each file has different bytes.
"""

import argparse
import contextlib
import multiprocessing
import os
import resource
import shutil
import statistics
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import IO, Any

from _directory import Directory, serve
from _ground import Caller, Ground, describe_machine, open_ground
from _samples import HELP, read_images

from trapline.server.platform.imaging.decoder_process import handle_request
from trapline.server.platform.store.storage_keys import THUMBNAIL_SIZES


def main() -> None:
    """Measure and print a table."""
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("--count", type=int, default=5_000, help="files of a round")
    arguments.add_argument("--rounds", type=int, default=1)
    arguments.add_argument("--concurrency", type=int, default=4, help="downloads at once")
    arguments.add_argument("--decoders", type=int, default=2, help="processes that decode")
    arguments.add_argument("--images", type=Path, metavar="DIR", help=HELP)
    options = arguments.parse_args()
    rates = []
    with tempfile.TemporaryDirectory(prefix="trapline-bench-", dir="/tmp") as name:
        root, work = Path(name) / "root", Path(name) / "work"
        root.mkdir()
        work.mkdir()
        images = [
            image for image in read_images(options.images) if _is_readable(image, work / "image")
        ]
        if not images:
            raise SystemExit("none of the images can be read")
        with serve(root, work) as directory:
            settings = {
                "TRAPLINE_ALLOWED_NETWORKS": directory.origin,
                "TRAPLINE_DECODERS": str(options.decoders),
            }
            with open_ground(settings=settings) as ground:
                for number in range(options.rounds):
                    folder = root / str(number)
                    size = fill(folder, images, options.count, number)
                    curl = options.count / fetch(directory, folder, options.concurrency, work)
                    spent = [
                        sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2]),
                        ground.processor_time(),
                    ]
                    decode = options.count / decode_alone(folder, options.decoders, work)
                    spent[0] = sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2]) - spent[0]
                    way = options.count / ingest(ground, directory, folder, options)
                    spent[1] = ground.processor_time() - spent[1]
                    rates.append((curl, decode, way))
                    share = 100 * way / min(curl, decode)
                    print(
                        f"curl {curl:7.1f}/s   decode {decode:7.1f}/s   way {way:7.1f}/s   "
                        f"{share:.0f} %",
                        end="   ",
                    )
                    times = [1000 * seconds / options.count for seconds in spent]
                    print(
                        f"processor time of a file: {times[0]:.1f} ms, {times[1]:.1f} ms",
                        flush=True,
                    )
                    shutil.rmtree(folder)
    curl, decode, way = (statistics.median(column) for column in zip(*rates, strict=True))
    print(
        f"\n{describe_machine()}; {options.count:,} files of {size / options.count / 1000:.0f} kB "
        f"from {directory.program}"
    )
    print(
        f"{options.concurrency} downloads at once, {options.decoders} decoders; load "
        f"{os.getloadavg()[0]:.1f}"
    )
    print(f"curl {curl:,.1f} files/s, decoding and thumbnails alone {decode:,.1f}, way {way:,.1f}")
    print(f"{100 * way / min(curl, decode):.0f} % of the slower floor (goal 70 %)")


def _is_readable(image: bytes, path: Path) -> bool:
    path.write_bytes(image)
    return "image" in inspect(str(path), str(path.with_name("out")))


def inspect(path: str, out: str) -> dict[str, Any]:
    """Decode a file, read its EXIF, and write its thumbnails and upright copy.

    The paths of the output files start with `out`.
    """
    with contextlib.ExitStack() as stack:
        names = [f"{out}-upright", *(f"{out}-{size}" for size in THUMBNAIL_SIZES)]
        files: list[IO[bytes]] = [stack.enter_context(Path(path).open("rb"))]
        files += [stack.enter_context(Path(name).open("w+b")) for name in names]
        outputs = {str(size): number for number, size in enumerate(THUMBNAIL_SIZES, 2)}
        asked = {"do": "inspect", "max_pixels": 150_000_000, "upright": 1, "outputs": outputs}
        return handle_request(asked, [file.fileno() for file in files])


def fill(folder: Path, images: list[bytes], count: int, number: int) -> int:
    """Write `count` files, each with a different comment; return their total size."""
    folder.mkdir()
    total = 0
    for at in range(count):
        comment = f"round {number} file {at}".encode()
        one = images[at % len(images)]
        segment = b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment
        total += (folder / f"IMG_{at:05}.jpg").write_bytes(one[:2] + segment + one[2:])
    os.sync()
    return total


def fetch(directory: Directory, folder: Path, concurrency: int, work: Path) -> float:
    """Return the seconds that curl needs."""
    config = work / "curl"
    lines = [
        f'url = "{directory.url}{folder.name}/{path.name}"\noutput = "/dev/null"'
        for path in folder.iterdir()
    ]
    config.write_text("\n".join(lines), encoding="utf-8")
    command = [
        "curl",
        "--silent",
        "--fail",
        "--parallel",
        "--parallel-max",
        str(concurrency),
        "--config",
        str(config),
    ]
    began = time.monotonic()
    subprocess.run(command, check=True)
    return time.monotonic() - began


def decode_alone(folder: Path, processes: int, work: Path) -> float:
    """Return the seconds that decoding and thumbnails need."""
    paths = [str(path) for path in sorted(folder.iterdir())]
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(processes + 1)
    own = [
        context.Process(
            target=_decode, args=(start, paths[number::processes], str(work / f"out{number}"))
        )
        for number in range(processes)
    ]
    for process in own:
        process.start()
    start.wait()
    began = time.monotonic()
    for process in own:
        process.join()
    assert all(process.exitcode == 0 for process in own)
    return time.monotonic() - began


def _decode(start: threading.Barrier, paths: list[str], out: str) -> None:
    start.wait()
    for path in paths:
        report = inspect(path, out)
        assert report["image"]["thumbnails_made"], report


def ingest(
    ground: Ground, directory: Directory, folder: Path, options: argparse.Namespace
) -> float:
    """Return the seconds of a pull run until its last thumbnail is stored."""
    caller = Caller(ground.port, ground.owner)
    deployment = caller.ask(
        "POST", "/deployments", {"project": ground.project, "name": f"Camera {folder.name}"}
    )["id"]
    asked = {
        "name": f"ingest {folder.name}",
        "base_url": f"{directory.url}{folder.name}/",
        "deployment": deployment,
        "is_active": False,
        "concurrency": options.concurrency,
        "max_files_per_run": 0,
    }
    source = caller.ask("POST", "/image-pull-sources", asked)["id"]
    began = time.monotonic()
    run_at = caller.ask("POST", f"/image-pull-sources/{source}/process")[
        "check_status_at"
    ].removeprefix("/api/v2")
    while (run := caller.ask("GET", run_at))["state"] == "running":
        time.sleep(0.2)
    assert (run["state"], run["imported"]) == ("completed", options.count), run
    bare = "select count(*) from images where deployment_id = %s and thumbnails_at is null"
    while ground.count(bare, deployment):
        time.sleep(0.1)
    return time.monotonic() - began


if __name__ == "__main__":
    main()
