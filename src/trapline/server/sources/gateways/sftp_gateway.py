"""Gateway for a folder of an SSH server and its sub-folders, over SFTP with a known host key."""

import asyncio
import getpass
import posixpath
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from importlib.metadata import version
from typing import cast
from urllib.parse import unquote, urlsplit

import asyncssh
import structlog

from trapline.server.platform.errors import FileGone, OutboundFailed
from trapline.server.platform.network.dialing import Dialer
from trapline.server.platform.network.open_file import OpenFile
from trapline.server.platform.network.outbound import Timeouts
from trapline.server.platform.network.timeouts import limit_total_time
from trapline.server.sources.gateways.file_names import find_path, list_encodings
from trapline.server.sources.gateways.gateway import (
    MAX_DEPTH,
    MAX_ENTRIES,
    MAX_FOLDERS,
    MAX_SIZE,
    NOT_A_FILE,
    SYMBOLIC_LINK,
    TOO_DEEP,
    ListingTooLarge,
    RemoteFile,
    Walk,
)
from trapline.server.sources.gateways.rate_limiter import RateLimiter
from trapline.server.sources.gateways.sftp_errors import translate_sftp_errors
from trapline.server.sources.gateways.ssh_credentials import HostKeyVerifier, SshCredentials

log = structlog.get_logger(__name__)

# The library logs every connection and login at INFO.
asyncssh.set_log_level("WARNING")

READ_BYTES = 256 * 1024

HOME = "/~/"
"""Prefix of a path relative to the login folder; all other paths are absolute."""


class SftpGateway:
    """Lists and opens files below `sftp://host/folder`, without SSH settings of this machine."""

    def __init__(
        self,
        dialer: Dialer,
        login: SshCredentials,
        base_url: str,
        timeouts: Timeouts,
        pace: RateLimiter,
    ) -> None:
        self._dialer = dialer
        self._login = login
        path = unquote(urlsplit(base_url).path) or "/"
        self._folder = (
            path.removeprefix(HOME).rstrip("/") or "."
            if path.startswith(HOME)
            else path.rstrip("/") or "/"
        )
        self._timeouts = timeouts
        self._pace = pace
        self._connecting = asyncio.Lock()
        self._connection: asyncssh.SSHClientConnection | None = None
        self._client: asyncssh.SFTPClient | None = None
        self._root = b""

    async def list_files(self, walk: Walk | None = None) -> AsyncIterator[RemoteFile]:
        """List every file of the folder and its sub-folders, except links."""
        walk = walk or Walk()
        await self._sign_in()
        waiting = [(self._root, "", 0)]
        folders = count = 0
        while waiting:
            folder, prefix, depth = waiting.pop()
            async for entry in self._read_or_record(folder, prefix, walk):
                name = (
                    entry.filename if isinstance(entry.filename, bytes) else entry.filename.encode()
                )
                kind = stat.S_IFMT(entry.attrs.permissions or 0)
                if name in (b".", b".."):
                    continue
                if kind not in (stat.S_IFDIR, stat.S_IFREG):
                    walk.leave_out(SYMBOLIC_LINK if kind == stat.S_IFLNK else NOT_A_FILE)
                    continue
                path = find_path(name, prefix, walk)
                if path is None:
                    continue
                if kind == stat.S_IFDIR:
                    folders += 1
                    if folders > MAX_FOLDERS:
                        raise ListingTooLarge(
                            f"the listing leads to more than {MAX_FOLDERS:,} folders"
                        )
                    if depth >= MAX_DEPTH:
                        walk.record_unlisted(path, TOO_DEEP)
                    elif walk.enters(path):
                        waiting.append((posixpath.join(folder, name), path + "/", depth + 1))
                    continue
                count += 1
                if count > MAX_ENTRIES:
                    raise ListingTooLarge(f"the listing has more than {MAX_ENTRIES:,} entries")
                yield RemoteFile(
                    path,
                    _get_size(entry.attrs),
                    _get_modified_at(entry.attrs),
                    True,
                    _build_etag(entry.attrs) or "",
                )

    async def _read_or_record(
        self, folder: bytes, prefix: str, walk: Walk
    ) -> AsyncIterator[asyncssh.SFTPName]:
        """Read the listing of a folder; one below the root that cannot be listed is recorded."""
        await self._pace.wait_turn()
        try:
            # Reconnect if the connection broke while the previous folder was listed.
            entries = self._read_folder(await self._sign_in(), folder)
            async for entry in limit_total_time(entries, self._timeouts.listing_s, self._give_up):
                yield entry
            walk.record_listed()
        except OutboundFailed as error:
            if not prefix:
                if isinstance(error, FileGone):
                    raise OutboundFailed(
                        "the folder does not exist: check the path of the URL"
                    ) from error
                raise
            walk.record_failure(prefix, error)

    @asynccontextmanager
    async def open_file(
        self, path: str, known_etag: str | None = None
    ) -> AsyncIterator[OpenFile | None]:
        """Open one file; None if its size and time are those of `known_etag`."""
        spelled = list_encodings(path)
        await self._pace.wait_turn()
        client = await self._sign_in()
        async with self._in_time():
            where = await self._find(client, spelled)
            # With block_size=0 the library requests one block at a time. For several blocks it
            # would start tasks that continue after this request was cancelled.
            file = await client.open(where, "rb", block_size=0)
        try:
            async with self._in_time():
                attrs = await file.stat()
            if not stat.S_ISREG(attrs.permissions or stat.S_IFREG):
                raise OutboundFailed("it is not a regular file")
            etag = _build_etag(attrs)
            if etag is not None and etag == known_etag:
                yield None
            else:
                yield OpenFile(
                    _get_size(attrs),
                    _get_modified_at(attrs),
                    etag,
                    self._read_file(file, attrs.size),
                )
        finally:
            # The file was only read, so a failure to close it can be ignored.
            with suppress(OutboundFailed):
                async with self._in_time():
                    await file.close()

    async def close(self) -> None:
        """Close the connection."""
        self._give_up()
        await asyncio.sleep(0)

    def _give_up(self) -> None:
        if self._connection is not None:
            self._connection.abort()
        self._connection = self._client = None

    async def _sign_in(self) -> asyncssh.SFTPClient:
        """Return the one SFTP client for all files; reconnects if the connection broke."""
        async with self._connecting:
            if (
                self._client is not None
                and self._connection is not None
                and not self._connection.is_closed()
            ):
                return self._client
            host, connect_s = self._login.host, self._timeouts.connect_s
            _require_user_name()
            opened = await self._dialer.open_socket("sftp", host, self._login.port, connect_s)
            verifier = HostKeyVerifier(self._login)
            try:
                with translate_sftp_errors(host, verifier):
                    async with asyncio.timeout(connect_s * 3):
                        self._connection = await asyncssh.connect(
                            host,
                            self._login.port,
                            sock=opened,
                            config=None,
                            client_factory=lambda: verifier,
                            client_version=f"Trapline_{version('trapline')}",
                            # No known hosts are given, so that only the verifier accepts the key.
                            known_hosts=([], [], []),
                            server_host_key_algs=verifier.algorithms or "default",
                            x509_trusted_certs=None,
                            x509_trusted_cert_paths=[],
                            username=self._login.username,
                            password=self._login.password,
                            client_keys=[self._login.key] if self._login.key else None,
                            agent_path=None,
                            gss_host=None,
                            connect_timeout=None,
                            login_timeout=0,
                        )
                    async with asyncio.timeout(connect_s * 2):
                        client = await self._connection.start_sftp_client(path_encoding=None)
                        self._root = await client.realpath(self._folder.encode())
            except BaseException:
                opened.close()
                await self.close()
                raise
            self._client = client
            return client

    async def _read_folder(
        self, client: asyncssh.SFTPClient, folder: bytes
    ) -> AsyncIterator[asyncssh.SFTPName]:
        with translate_sftp_errors(self._login.host):
            entries = client.scandir(folder)
            first = await anext(entries, None)
        while first is not None:
            yield first
            with translate_sftp_errors(self._login.host):
                first = await anext(entries, None)

    async def _find(self, client: asyncssh.SFTPClient, spelled: list[bytes]) -> bytes:
        """Resolve the path of a file on the server.

        Raises:
            FileGone: the file does not exist.
            OutboundFailed: a symbolic link leads out of the folder of the source.
        """
        for at, raw in enumerate(spelled, start=1):
            try:
                where = await client.realpath(posixpath.join(self._root, raw))
                await client.stat(where)
            except asyncssh.SFTPNoSuchFile:
                if at == len(spelled):
                    raise
                continue
            if not where.startswith(self._root.rstrip(b"/") + b"/"):
                raise OutboundFailed(
                    "a symbolic link leads out of the folder of the source, and is not followed"
                )
            return where
        raise AssertionError("a path has at least one form")

    @asynccontextmanager
    async def _in_time(self) -> AsyncIterator[None]:
        with translate_sftp_errors(self._login.host):
            async with asyncio.timeout(self._timeouts.download_s):
                yield

    async def _read_file(
        self, file: asyncssh.SFTPClientFile, size: int | None
    ) -> AsyncIterator[bytes]:
        position = 0
        while True:
            async with self._in_time():
                chunk = cast(bytes, await file.read(READ_BYTES, position))
            if not chunk:
                break
            position += len(chunk)
            yield chunk
        if size is not None and position != size:
            raise OutboundFailed("the transfer ended before or after the announced length")


def _require_user_name() -> None:
    """Raise an error if the process has no user name, which the SSH library requires."""
    try:
        getpass.getuser()
    except (KeyError, OSError) as error:
        raise OutboundFailed(
            "SFTP requires that the user of the Trapline process has a name; "
            "set USER in its environment to any name"
        ) from error


def _build_etag(attrs: asyncssh.SFTPAttrs) -> str | None:
    return None if attrs.size is None or attrs.mtime is None else f"{attrs.size}:{attrs.mtime}"


def _get_size(attrs: asyncssh.SFTPAttrs) -> int | None:
    # The protocol allows sizes that do not fit a database column.
    return attrs.size if attrs.size is not None and attrs.size <= MAX_SIZE else None


def _get_modified_at(attrs: asyncssh.SFTPAttrs) -> datetime | None:
    try:
        return None if attrs.mtime is None else datetime.fromtimestamp(attrs.mtime, UTC)
    except (ValueError, OverflowError, OSError):
        return None
