"""B7: pulling pictures from a web server, with every check, EXIF and thumbnails, against its floors
in the same run.

    python benchmarks/ingest.py [--count 5000] [--rounds 1] [--concurrency 4] [--decoders 2]
    [--pictures DIR]

The floors, over the same files: curl with as many downloads at once, which throws them away; and as
many processes as there are decoders that decode, read EXIF and make thumbnails with our own code,
and do nothing else. The way: a source that is pulled by `trapline up`, from the begin of its run
until every thumbnail is there. The images are those of DIR, else of the folder `images` in
TRAPLINE_SAMPLES, else generated ones; the bytes of each file are different.
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
    arguments.add_argument("--pictures", type=Path, metavar="DIR", help=HELP)
    told = arguments.parse_args()
    rates = []
    with tempfile.TemporaryDirectory(prefix="trapline-bench-", dir="/tmp") as name:
        root, work = Path(name) / "root", Path(name) / "work"
        root.mkdir()
        work.mkdir()
        pictures = [
            image for image in read_images(told.pictures) if _is_readable(image, work / "image")
        ]
        if not pictures:
            raise SystemExit("none of the images can be read")
        with serve(root, work) as directory:
            settings = {
                "TRAPLINE_ALLOWED_NETWORKS": directory.origin,
                "TRAPLINE_DECODERS": str(told.decoders),
            }
            with open_ground(settings=settings) as ground:
                for number in range(told.rounds):
                    folder = root / str(number)
                    size = fill(folder, pictures, told.count, number)
                    curl = told.count / fetch(directory, folder, told.concurrency, work)
                    spent = [
                        sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2]),
                        ground.processor_time(),
                    ]
                    decode = told.count / decode_alone(folder, told.decoders, work)
                    spent[0] = sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2]) - spent[0]
                    way = told.count / ingest(ground, directory, folder, told)
                    spent[1] = ground.processor_time() - spent[1]
                    rates.append((curl, decode, way))
                    share = 100 * way / min(curl, decode)
                    print(
                        f"curl {curl:7.1f}/s   decode {decode:7.1f}/s   way {way:7.1f}/s   {share:.0f} %",
                        end="   ",
                    )
                    times = [1000 * seconds / told.count for seconds in spent]
                    print(
                        f"processor time of a file: {times[0]:.1f} ms, {times[1]:.1f} ms",
                        flush=True,
                    )
                    shutil.rmtree(folder)
    curl, decode, way = (statistics.median(column) for column in zip(*rates, strict=True))
    print(
        f"\n{describe_machine()}; {told.count:,} files of {size / told.count / 1000:.0f} kB from {directory.program}"
    )
    print(
        f"{told.concurrency} downloads at once, {told.decoders} decoders; load {os.getloadavg()[0]:.1f}"
    )
    print(f"curl {curl:,.1f} files/s, decoding and thumbnails alone {decode:,.1f}, way {way:,.1f}")
    print(f"{100 * way / min(curl, decode):.0f} % of the slower floor (goal 70 %)")


def _is_readable(image: bytes, path: Path) -> bool:
    path.write_bytes(image)
    return "picture" in inspect(str(path), str(path.with_name("out")))


def inspect(path: str, out: str) -> dict[str, Any]:
    """Decode a file, read its EXIF and write its thumbnails and upright copy to files that begin with `out`."""
    with contextlib.ExitStack() as stack:
        names = [f"{out}-upright", *(f"{out}-{size}" for size in THUMBNAIL_SIZES)]
        files: list[IO[bytes]] = [stack.enter_context(Path(path).open("rb"))]
        files += [stack.enter_context(Path(name).open("w+b")) for name in names]
        outputs = {str(size): number for number, size in enumerate(THUMBNAIL_SIZES, 2)}
        asked = {"do": "inspect", "max_pixels": 150_000_000, "upright": 1, "outputs": outputs}
        return handle_request(asked, [file.fileno() for file in files])


def fill(folder: Path, pictures: list[bytes], count: int, number: int) -> int:
    """Write so many files, each with a comment of its own; answers their size together."""
    folder.mkdir()
    total = 0
    for at in range(count):
        comment = f"round {number} file {at}".encode()
        picture = pictures[at % len(pictures)]
        segment = b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment
        total += (folder / f"IMG_{at:05}.jpg").write_bytes(picture[:2] + segment + picture[2:])
    os.sync()
    return total


def fetch(directory: Directory, folder: Path, concurrency: int, work: Path) -> float:
    """Seconds that curl takes."""
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
    """Seconds that decoding with thumbnails takes."""
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
        told = inspect(path, out)
        assert told["picture"]["thumbnails_made"], told


def ingest(ground: Ground, directory: Directory, folder: Path, told: argparse.Namespace) -> float:
    """Seconds that a run takes until its last thumbnail is there."""
    caller = Caller(ground.port, ground.owner)
    deployment = caller.ask(
        "POST", "/deployments", {"project": ground.project, "name": f"Camera {folder.name}"}
    )["id"]
    asked = {
        "name": f"ingest {folder.name}",
        "base_url": f"{directory.url}{folder.name}/",
        "deployment": deployment,
        "is_active": False,
        "concurrency": told.concurrency,
        "max_files_per_run": 0,
    }
    source = caller.ask("POST", "/image-pull-sources", asked)["id"]
    began = time.monotonic()
    run_at = caller.ask("POST", f"/image-pull-sources/{source}/process")[
        "check_status_at"
    ].removeprefix("/api/v2")
    while (run := caller.ask("GET", run_at))["state"] == "running":
        time.sleep(0.2)
    assert (run["state"], run["imported"]) == ("completed", told.count), run
    bare = "select count(*) from images where deployment_id = %s and thumbnails_at is null"
    while ground.count(bare, deployment):
        time.sleep(0.1)
    return time.monotonic() - began


if __name__ == "__main__":
    main()
