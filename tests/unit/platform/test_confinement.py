"""Permissions that a decoder has dropped, tested in a real process, as root and as a user."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from trapline.server.platform.imaging.decoder_pool import DecoderPool

TRIED = """
import ctypes, json, os, resource, signal, socket, subprocess, sys, threading
from trapline.server.platform.imaging.confinement import confine, describe

if user := int(sys.argv.pop(1)):
    os.setgroups([])
    os.setgid(user)
    os.setuid(user)

writable, existing = sys.argv[1:]
held = os.open(writable, os.O_WRONLY | os.O_CREAT, 0o666)
other = socket.socket()
neighbour = subprocess.Popen(["/bin/cat"], stdin=subprocess.PIPE)
libc = ctypes.CDLL(None, use_errno=True)
user = confine()

def share_memory():
    # CLONE_VM without CLONE_THREAD, as vfork does; with CLONE_FS and CLONE_NEWNS no kernel creates
    # the process.
    libc.syscall({"x86_64": 56, "aarch64": 220}[os.uname().machine], 0x100 | 0x200 | 0x20000, 0,
    0, 0, 0)
    raise OSError(ctypes.get_errno(), "not created")

def a_thread():
    thread = threading.Thread(target=lambda: None)
    thread.start()
    thread.join()

attempts = {
    "a socket": lambda: socket.socket(),
    "a Unix socket": lambda: socket.socket(socket.AF_UNIX),
    "a connection": lambda: other.connect(("127.0.0.1", 9)),
    "a datagram": lambda: other.sendto(b"x", ("127.0.0.1", 9)),
    "a new file": lambda: os.open(writable + ".new", os.O_WRONLY | os.O_CREAT),
    "an old file": lambda: os.open(writable, os.O_WRONLY),
    "both ways": lambda: os.open(writable, os.O_RDWR),
    "a folder": lambda: os.mkdir(writable + ".folder"),
    "another name": lambda: os.rename(writable, writable + ".renamed"),
    "a removal": lambda: os.unlink(writable),
    "a mode": lambda: os.chmod(writable, 0o777),
    "a link": lambda: os.symlink("/", writable + ".link"),
    "a program": lambda: os.execv("/bin/true", ["true"]),
    "a child": lambda: subprocess.run(["/bin/true"]),
    "a fork": lambda: os.fork() or os._exit(0),
    "a process that shares memory": share_memory,
    "limits of another process": lambda: resource.prlimit(neighbour.pid, resource.RLIMIT_NOFILE,
    (64, 64)),
    "its own limits": lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64)),
    "a signal": lambda: os.kill(os.getppid(), 0),
    "a namespace": lambda: ctypes.CDLL(None, use_errno=True).unshare(0x10000000) and refuse(),
    "a held file": lambda: os.write(held, b"x"),
    "a thread": a_thread,
    "a private file": lambda: os.open(existing, os.O_RDONLY),
}

def refuse():
    raise OSError(ctypes.get_errno(), "refused")

outcomes = {}
for name, attempt in attempts.items():
    try:
        attempt()
        outcomes[name] = "done"
    except PermissionError:
        outcomes[name] = "refused"
    except OSError as error:
        outcomes[name] = str(error)
print(json.dumps({"outcomes": outcomes, "state": describe(user)}))
"""
ALLOWED = {"a held file", "a thread", "its own limits"}


@pytest.mark.parametrize("user", [0, 65530])
def test_a_confined_process_can_only_compute(tmp_path: Path, user: int) -> None:
    if os.geteuid() != 0 and user != 0:
        pytest.skip("only root can become another user")
    tmp_path.chmod(0o777)
    for parent in tmp_path.parents:
        if parent.stat().st_uid == os.geteuid() and parent.stat().st_mode & 0o011 != 0o011:
            parent.chmod(0o711)
    private = tmp_path / "private"
    private.write_text("a secret", encoding="utf-8")
    private.chmod(0o644)
    environment = {"LANG": "C.UTF-8", "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", TRIED, str(user), str(tmp_path / "held"), str(private)]
    done = subprocess.run(
        command, env=environment, cwd="/", capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    # Landlock, which refuses files of others, is not in every kernel.
    expected = {name: "done" if name in ALLOWED else "refused" for name in result["outcomes"]}
    if not result["state"]["landlock"]:
        expected["a private file"] = "done"
    assert result["outcomes"] == expected
    state = result["state"]
    assert (state["no_new_privileges"], state["seccomp"]) == (True, True)
    assert state["no_capabilities"] is True
    assert state["user"] == (65533 if user == os.geteuid() == 0 else user or os.geteuid())


LEAVES = """
import os
from trapline.server.platform.imaging.confinement import confine

def network():
    return os.stat("/proc/self/ns/net").st_ino

before = network()
confine()
print(before != network())
"""
CAN_LEAVE = """
import ctypes
libc = ctypes.CDLL(None)
print(libc.unshare(0x40000000) == 0 or libc.unshare(0x50000000) == 0)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="namespaces are Linux's")
def test_a_confined_process_has_a_network_of_its_own() -> None:
    """The filter refuses new sockets; the namespace holds where a kernel has no filter."""
    environment = {"LANG": "C.UTF-8", "PYTHONPATH": os.pathsep.join(sys.path)}
    can, has = (
        subprocess.run(
            [sys.executable, "-c", text],
            env=environment,
            cwd="/",
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for text in (CAN_LEAVE, LEAVES)
    )
    if can == "False":
        pytest.skip("this system allows no network namespace")
    assert has == "True"


async def test_the_state_of_decoders_is_reported() -> None:
    decoders = DecoderPool(1)
    try:
        assert decoders.describe() == "No decoder has started yet."
        while decoders.describe() == "No decoder has started yet.":
            await asyncio.sleep(0.02)
        state = decoders.describe()
    finally:
        await decoders.close()
    given_up, _, missing = state.partition(" Not available here: ")
    assert given_up.startswith("Limited: user ")
    assert "no new privileges, no capabilities, no network, no writing, seccomp" in given_up
    assert missing in ("", "Landlock.")
