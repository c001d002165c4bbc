"""Confine a decoder before it reads files of users: its user, network, file access and programs.

A step that the kernel does not support is skipped, and `describe` reports it. A decoder opens no
files, because it receives open descriptors (see requests.py). Only Linux supports this; on other
systems only the limits of decoder_process.py apply.

The numbers are those of the kernel's headers: linux/landlock.h, linux/seccomp.h, linux/filter.h,
asm/unistd.h.
"""

import ctypes
import errno
import os
import platform
import socket
import struct
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

DECODER_USER = 65533
"""The uid and gid of a decoder if the server is root.

PostgreSQL has 65534, and decoders must not be able to read its files.
"""

CLONE_VM, CLONE_THREAD, CLONE_NEWUSER, CLONE_NEWNET = 0x100, 0x10000, 0x10000000, 0x40000000
CAPABILITY_VERSION = 0x20080522
PR_GET_SECCOMP, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, PR_GET_NO_NEW_PRIVS = 21, 22, 38, 39
FILTER_MODE = 2

LANDLOCK_CREATE, LANDLOCK_ADD, LANDLOCK_RESTRICT = 444, 445, 446
LANDLOCK_READ = 0b1101
"""Execute, read a file, read a folder: allowed for the folders of Python's modules."""
LANDLOCK_ALL = {1: 1 << 13, 2: 1 << 14, 3: 1 << 15, 4: 1 << 15}
"""The bit after the highest file right, by version of the interface; from 5 on it is `1 << 16`."""

ARCHITECTURES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}
# Sockets, programs, other processes, changes of files and folders, mounts, namespaces, io_uring,
# and the kernel.
DENIED = (
    (41, 53, 42, 49, 50, 43, 288, 44, 46, 307, 59, 322, 57, 58, 101, 310, 311, 62, 434, 438, 424,
     85, 87, 263, 82, 264, 316, 83, 258, 84, 133, 259, 86, 265, 88, 266, 76, 90, 91, 268, 92, 93,
     94, 260, 132, 235, 280, 261, 188, 189, 190, 197, 198, 199, 165, 166, 155, 161, 429, 428, 430,
     432, 272, 308, 425, 426, 427, 321, 298, 323, 250, 248, 249, 303, 304, 175, 313, 176, 246, 169,
     167, 168, 164, 227, 159, 135, 179, 163, 240, 29, 64, 68, 319, 452, 200, 234, 129, 297),
    (198, 199, 203, 200, 201, 202, 242, 206, 211, 269, 221, 281, 117, 270, 271, 129, 434, 438, 424,
     35, 38, 276, 34, 33, 37, 36, 45, 52, 53, 55, 54, 88, 5, 6, 7, 14, 15, 16, 40, 39, 41, 51, 429,
     428, 430, 432, 97, 268, 425, 426, 427, 280, 241, 282, 219, 217, 218, 105, 273, 106, 104, 142,
     224, 225, 170, 112, 171, 92, 60, 89, 180, 194, 190, 186, 279, 452, 130, 131, 138, 240),
)  # fmt: skip
# The flags of openat2 and clone3 are in memory, where a filter cannot read them. They are reported
# as unknown, so that libraries use the older calls.
REPLACED = (437, 435)
OPENS = (((2, 1), (257, 2)), ((56, 2),))
"""The number of the call, and the index of the argument with the flags."""
CLONE = (56, 220)
PRLIMIT64 = (302, 261)
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
ALLOW, REFUSE = 0x7FFF0000, 0x00050000
X32 = 0x40000000


def confine() -> int:
    """Drop all rights that decoding does not need, and return the new uid of this process.

    Call it once, after all modules are loaded and before any thread is started.
    """
    user = os.getuid()
    if sys.platform != "linux":
        return user
    _leave_network()
    if user == 0 and _switch_user():
        user = DECODER_USER
    _libc().prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    _drop_capabilities()
    with suppress(OSError):
        _restrict_files()
    with suppress(OSError):
        _filter_calls()
    # In a user namespace, which an ordinary user needs to leave the network, getuid returns another
    # number.
    return user


def describe(user: int) -> dict[str, Any]:
    """Report the rights that this process has dropped; files, network and writing are tested."""
    is_linux = sys.platform == "linux"
    return {
        "user": user,
        "no_capabilities": is_linux and _has_no_capabilities(),
        "no_new_privileges": is_linux and _libc().prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1,
        "seccomp": is_linux and _libc().prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == FILTER_MODE,
        "landlock": _is_refused(lambda: os.close(os.open("/", os.O_RDONLY))),
        "no_network": _is_refused(lambda: socket.socket().close()),
        "no_writing": _is_refused(lambda: os.close(os.open("/dev/null", os.O_WRONLY))),
    }


def _is_refused(attempt: Callable[[], None]) -> bool:
    try:
        attempt()
    except PermissionError:
        return True
    except OSError:
        return False
    return False


def _libc() -> Any:
    return ctypes.CDLL(None, use_errno=True)


def _leave_network() -> None:
    """Move to a network namespace without interfaces, if the system allows it."""
    with suppress(AttributeError):
        if _libc().unshare(CLONE_NEWNET) != 0:
            _libc().unshare(CLONE_NEWUSER | CLONE_NEWNET)


def _switch_user() -> bool:
    """Switch to DECODER_USER; return False in a container without such a user."""
    try:
        os.setgroups([])
        os.setresgid(DECODER_USER, DECODER_USER, DECODER_USER)
        os.setresuid(DECODER_USER, DECODER_USER, DECODER_USER)
    except OSError:
        return False
    return True


def _drop_capabilities() -> None:
    """Drop every capability.

    A process in a new user namespace has all of them, and so has one whose container has no other
    user to switch to.
    """
    with suppress(AttributeError):
        _libc().capset(struct.pack("=Ii", CAPABILITY_VERSION, 0), bytes(24))


def _has_no_capabilities() -> bool:
    """Return whether the effective, permitted and inheritable capabilities are empty."""
    sets = ctypes.create_string_buffer(24)
    with suppress(AttributeError):
        return _libc().capget(
            struct.pack("=Ii", CAPABILITY_VERSION, 0), sets
        ) == 0 and sets.raw == bytes(24)
    return False


def _restrict_files() -> None:
    """Restrict file access with Landlock to Python's modules, which some libraries import late.

    Raises:
        OSError: the kernel has no Landlock.
    """
    version = _call(LANDLOCK_CREATE, None, 0, 1)
    files = LANDLOCK_ALL.get(version, 1 << 16) - 1
    rights = struct.pack("QQQ", files, 0b11, 0b11)[
        : 8 if version < 4 else 16 if version < 6 else 24
    ]
    rules = _call(LANDLOCK_CREATE, rights, len(rights), 0)
    for folder in _list_module_folders():
        with suppress(OSError):
            descriptor = os.open(folder, os.O_PATH | os.O_CLOEXEC)
            _call(LANDLOCK_ADD, rules, 1, struct.pack("=Qi", LANDLOCK_READ, descriptor), 0)
            os.close(descriptor)
    _call(LANDLOCK_RESTRICT, rules, 0)
    os.close(rules)


def _list_module_folders() -> list[Path]:
    libraries = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib")
    folders = [Path(folder) for folder in (*sys.path, sys.prefix, *libraries) if folder]
    return [folder for folder in folders if folder.is_dir() and folder != Path("/")]


def _call(number: int, *arguments: Any) -> int:
    typed = [ctypes.c_long(it) if isinstance(it, int) else it for it in arguments]
    result = int(_libc().syscall(ctypes.c_long(number), *typed))
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def _filter_calls() -> None:
    """Refuse the system calls that decoding does not need, with seccomp.

    Raises:
        OSError: the kernel or the architecture is not supported.
    """
    if platform.machine() not in ARCHITECTURES:
        raise OSError(errno.ENOSYS, "no filter for this architecture")
    program = _build_filter(*ARCHITECTURES[platform.machine()])
    content = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in program))
    header = struct.pack("HxxxxxxQ", len(program), ctypes.addressof(content))
    if _libc().prctl(PR_SET_SECCOMP, FILTER_MODE, header, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _build_filter(architecture: int, place: int) -> list[tuple[int, int, int, int]]:
    """Build a filter; each step is a code, two jumps by a number of steps, and a value."""

    def refuse(code: int, value: int, how: int = errno.EPERM) -> list[tuple[int, int, int, int]]:
        return [(code, 0, 1, value), (RETURN, 0, 0, REFUSE | how)]

    steps = [
        (LOAD, 0, 0, 4),
        (EQUAL, 1, 0, architecture),
        (RETURN, 0, 0, REFUSE | errno.EPERM),
        (LOAD, 0, 0, 0),
    ]
    if place == 0:
        steps += refuse(AT_LEAST, X32)
    for number in DENIED[place]:
        steps += refuse(EQUAL, number)
    for number in REPLACED:
        steps += refuse(EQUAL, number, errno.ENOSYS)
    for number, argument in OPENS[place]:
        steps += [(EQUAL, 0, 4, number), (LOAD, 0, 0, 16 + 8 * argument), *refuse(ANY_BIT, WRITING)]
        steps.append((RETURN, 0, 0, ALLOW))
    # The process can change its own limits (pid 0), but not those of the server and other decoders.
    steps += [(EQUAL, 0, 4, PRLIMIT64[place]), (LOAD, 0, 0, 16), (EQUAL, 1, 0, 0)]
    steps += [(RETURN, 0, 0, REFUSE | errno.EPERM), (RETURN, 0, 0, ALLOW)]
    # Threads share the memory of this process and are allowed. vfork and posix_spawn share it with
    # a new process and are refused.
    steps += [
        (EQUAL, 0, 4, CLONE[place]),
        (LOAD, 0, 0, 16),
        (ANY_BIT, 0, 1, CLONE_VM),
        (ANY_BIT, 1, 0, CLONE_THREAD),
    ]
    return [*steps, (RETURN, 0, 0, REFUSE | errno.EPERM), (RETURN, 0, 0, ALLOW)]
