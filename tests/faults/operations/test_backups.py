"""Backups during uploads and results: the restored data is complete and of one point in time."""

import asyncio
import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import httpx2
import psycopg
import pytest
from tests.faults.conftest import MakeScene
from tests.support.camera_images import make_picture
from tests.support.fault_run import Figures, make_chance, sized
from tests.support.fault_scene import Scene
from tests.support.operation_log import list_answers
from tests.support.running_server import quiet_environment, wait_for
from tests.support.s3_server import WRITER, S3Server

from trapline.server.accounts.actions.auth import get_token_scope
from trapline.server.app.app_startup import open_app_context
from trapline.server.app.settings import load_settings
from trapline.server.operations.actions.backups import MANIFEST, _list_keys, read_manifest
from trapline.server.operations.actions.key_rotation import verify_secrets
from trapline.server.operations.queries.snapshots import open_snapshot
from trapline.server.platform.access import RequestOrigin, Scope
from trapline.server.platform.db.backup_lock import BACKUP_LOCK
from trapline.server.platform.errors import Conflict

LOCAL, BUCKETS = sized(20, 1), sized(10, 1)
KILLS = sized(16, 1)
FIRST = 20
SECRET = "the password of a camera"
SYSTEM = Scope.system()

COUNTERS = """
    select j.id from jobs j left join analyses a on a.job_id = j.id group by j.id
    having (j.open, j.completed, j.failed, j.last_move) is distinct from (
        count(*) filter (where a.state in ('queued', 'processing')),
        count(*) filter (where a.state = 'completed'),
        count(*) filter (where a.state = 'failed'),
        (select count(*) from job_moves m where m.job_id = j.id))
"""
HALF = """
    select id from analyses a where state = 'completed' and (won is null or not exists (
        select from annotations n where n.analysis_id = a.id))
"""


@dataclass
class Bringer:
    """Client that uploads images; `kept` maps the hash of each to the time of its response."""

    scene: Scene
    kept: dict[bytes, float] = field(default_factory=dict)

    def bring(self, number: int) -> None:
        """Upload one image."""
        picture = make_picture(number)
        headers = {"Authorization": f"Bearer {self.scene.owner}"}
        form = {"project": str(self.scene.project), "deployment": self.scene.deployment}
        with httpx2.Client(
            base_url=self.scene.base_url, headers=headers, trust_env=False, timeout=30
        ) as session:
            files = {"files": (f"{number}.jpg", picture, "image/jpeg")}
            session.post("/api/v2/images", data=form, files=files).raise_for_status()
        self.kept[hashlib.sha256(picture).digest()] = time.monotonic()

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Upload again and again, and ask for jobs over what has come, until the block ends."""
        ended = threading.Event()

        def go_on() -> None:
            owner = self.scene.record("bringer")
            for number in count(FIRST):
                if ended.is_set():
                    return
                self.bring(number)
                if number % 10 == 0:
                    self.scene.make_job(
                        owner, f"more-{number}", selection={"unanalysed_only": True}
                    )

        thread = threading.Thread(target=go_on, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()


@pytest.mark.parametrize("store", ["local", pytest.param("s3", marks=pytest.mark.long)])
def test_a_restored_backup_is_one_point_in_time_of_a_busy_server(
    make_scene: MakeScene, figures: Figures, request: pytest.FixtureRequest, store: str
) -> None:
    buckets: S3Server | None = request.getfixturevalue("s3") if store == "s3" else None
    bucket = _make_bucket(buckets, "busy") if buckets else {}
    scene = make_scene(settings=bucket).start(images=1)
    scene.ask("delete from images")  # a row without any file
    bringer = Bringer(scene)
    for number in range(FIRST):
        bringer.bring(number)
    source = {
        "project": scene.project,
        "deployment": scene.deployment,
        "name": "s",
        "base_url": "http://camera.example/",
        "auth_type": "basic",
        "auth_username": "u",
        "auth_password": SECRET,
        "is_active": False,
    }
    assert scene.call("POST", "/image-pull-sources", source).status_code == 201
    scene.make_expanded_job()
    for number in (1, 2):
        scene.add_worker(number, batch=4, work_s=0.05, additions=number == 2)
    wait_for("a result", lambda: bool(list_answers(scene.operations())))
    backups, seen = BUCKETS if buckets else LOCAL, [0, 0, 0]
    with bringer.at_work():
        for number in range(backups):
            saved = scene.folder / f"saved-{number}"
            began = time.monotonic()
            _run(scene, bucket, "backup", str(saved))
            ended = time.monotonic()
            assert any(began < at < ended for at in bringer.kept.values()), (
                "no picture came in meanwhile"
            )
            assert any(began < one.at < ended for one in list_answers(scene.operations())), (
                "no result came meanwhile"
            )
            manifest = read_manifest(saved)
            assert manifest["missing"] == []
            assert SECRET.encode() not in (saved / "database.dump").read_bytes()
            home = {
                "TRAPLINE_DATA": str(scene.folder / f"restored-{number}"),
                "DATABASE_URL": _make_database(scene, number),
            }
            home |= _make_bucket(buckets, f"restored-{number}") if buckets else {}
            _run(scene, home, "restore", str(saved))
            again = _run(scene, home, "restore", str(saved), code=1)
            assert "is not empty" in again.stderr
            found = asyncio.run(_check(scene, home, bringer, began))
            seen = [before + more for before, more in zip(seen, found, strict=True)]
        if not buckets:
            _kill_backups(scene, figures)
    told = f"{seen[0]} images, {seen[1]} files, {seen[2]} acknowledged before: 0 wrong"
    figures.add("P23", f"{backups} backups under load, {store}", "each restored whole", told)


async def _check(
    scene: Scene, home: Mapping[str, str], bringer: Bringer, began: float
) -> tuple[int, int, int]:
    """Verify the restored data. Return the numbers of images, files and acknowledged operations."""
    settings = load_settings({**scene.environment("cli"), **home}, Path("/nonexistent/.env"))
    async with open_app_context(settings) as system:
        async with system.database.transaction(SYSTEM) as tx:
            images = await (await tx.execute("select storage_key, sha256 from images")).fetchall()
            assert await (await tx.execute(COUNTERS)).fetchall() == [], (
                "counters are not what a recount says"
            )
            assert await (await tx.execute(HALF)).fetchall() == [], (
                "completed, and its annotations are gone"
            )
            won = await (
                await tx.execute("select id::text, won from analyses where state = 'completed'")
            ).fetchall()
        for key, digest in images:
            read = hashlib.sha256()
            async for piece in system.store.open(key):
                read.update(piece)
            assert read.digest() == digest, f"{key} is not the file of its row"
        files = 0
        async with open_snapshot(system.database.url) as snapshot:
            async for key, must in _list_keys(snapshot):
                assert not must or await system.store.find_size(key), f"{key} is not there"
                files += 1
        brought = {digest for digest, at in bringer.kept.items() if at < began}
        assert brought <= {digest for _, digest in images}, (
            "a picture was acknowledged before, and is not there"
        )
        results = {
            (one.task, one.attempt)
            for one in list_answers(scene.operations())
            if one.status == "accepted" and one.at < began
        }
        assert results <= set(won), "a result was acknowledged before, and is not there"
        assert (await verify_secrets(system, SYSTEM)).total >= 1
        assert (await get_token_scope(system, scene.owner, RequestOrigin())).user_id is not None
    return len(images), files, len(brought) + len(results)


def _kill_backups(scene: Scene, figures: Figures) -> None:
    """Kill backups and restores in the middle: each says what it is, and holds nothing up."""
    chance = make_chance("killed backups")
    whole = scene.folder / "saved-0"
    for number in range(KILLS):
        into = scene.folder / f"cut-{number}"
        begun = _start(scene, {}, "backup", str(into))
        wait_for(
            "a dump",
            lambda into=into: (into / "database.dump").exists(),  # type: ignore[misc]
        )
        # The first ones at once: a quick machine is done with everything before the others are
        # killed.
        time.sleep(chance.uniform(0, 0.1) if number else 0)
        os.kill(begun.pid, signal.SIGKILL)
        begun.communicate()
        if (into / MANIFEST).exists():
            continue
        with pytest.raises(Conflict, match="not finished"):
            read_manifest(into)
        wait_for(
            "files to be deleted again",
            lambda: scene.ask("select pg_try_advisory_lock(%s)", BACKUP_LOCK)[0][0],
        )
        home = {
            "TRAPLINE_DATA": str(scene.folder / f"half-{number}"),
            "DATABASE_URL": _make_database(scene, 1000 + number),
        }
        begun = _start(scene, home, "restore", str(whole))
        mark = Path(home["TRAPLINE_DATA"]) / "restore-unfinished"
        wait_for("a restore", mark.exists)
        time.sleep(chance.uniform(0, 0.3) if number else 0)
        os.kill(begun.pid, signal.SIGKILL)
        begun.communicate()
        was_cut = mark.exists()
        told = _run(scene, home, "restore", str(whole), code=1).stderr
        assert ("was not finished" if was_cut else "is not empty") in told
        if not was_cut:
            continue
        scene.strikes.append(scene.strike_now("api 1"))
    assert scene.strikes, "every backup was ready before it was killed"
    figures.add(
        "P23",
        "backups and restores killed, and told apart",
        "all",
        f"{len(scene.strikes)} of {KILLS}",
    )


def _make_bucket(server: S3Server, name: str) -> dict[str, str]:
    address = WRITER.presign(
        "PUT", f"{server.endpoint}/{name}", lifetime_s=60, now=datetime.now(UTC)
    )
    httpx2.put(address, trust_env=False).raise_for_status()
    return {
        "S3_ENDPOINT": server.endpoint,
        "S3_BUCKET": name,
        "S3_ACCESS_KEY_ID": WRITER.access_key_id,
        "S3_SECRET_ACCESS_KEY": WRITER.secret_access_key,
    }


def _make_database(scene: Scene, number: int) -> str:
    name = f"restored_{number}"
    with psycopg.connect(scene.database_url, autocommit=True) as connection:
        connection.execute(f"create database {name} template template0".encode())
    return f"{scene.database_url.rpartition('/')[0]}/{name}"


def _start(scene: Scene, home: Mapping[str, str], *arguments: str) -> subprocess.Popen[str]:
    environment = {**scene.environment("cli"), **home}
    command = [
        sys.executable,
        "-m",
        "trapline.cli.main",
        *arguments,
        "--data",
        environment["TRAPLINE_DATA"],
    ]
    return subprocess.Popen(
        command,
        env=quiet_environment(**environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _run(
    scene: Scene, home: Mapping[str, str], *arguments: str, code: int = 0
) -> subprocess.CompletedProcess[str]:
    begun = _start(scene, home, *arguments)
    said, told = begun.communicate(timeout=120)
    assert begun.returncode == code, f"{arguments}: {begun.returncode}\n{said}\n{told}"
    assert "Traceback" not in told
    return subprocess.CompletedProcess(arguments, begun.returncode, said, told)
