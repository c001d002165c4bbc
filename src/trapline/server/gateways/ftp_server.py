"""A folder of an FTP server, in the clear or over TLS, with its sub-folders."""

import asyncio
import posixpath
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from urllib.parse import unquote, urlsplit

import structlog

from trapline.server.errors import FileGone, OutboundFailed
from trapline.server.gateways.file_names import read_name, spellings
from trapline.server.gateways.ftp_connections import FtpConnection, FtpConnections, Refused, as_sent
from trapline.server.gateways.ftp_listing import Line, is_entry, read_facts, read_list, read_mlsd, read_size, read_stamp
from trapline.server.gateways.pace import Pace
from trapline.server.gateways.patience import within
from trapline.server.gateways.port import MAX_DEPTH, MAX_ENTRIES, MAX_FOLDERS, Entry, OpenFile, fingerprint_of
from trapline.server.outbound import Timeouts

log = structlog.get_logger(__name__)

MAX_LISTING_BYTES = 1024**3
MAX_LINE_BYTES = 16 * 1024
# A piece is read without pause, some twenty milliseconds.
PIECE_BYTES = 32 * 1024


class FtpServer:
    """Lists and opens what lies under `ftp://host/folder`; the folder is one of those that the user signs in to."""

    def __init__(self, connections: FtpConnections, base_url: str, timeouts: Timeouts, pace: Pace) -> None:
        self._connections = connections
        # By RFC 1738 a folder is named from where the user is after signing in; %2F begins one from the very top.
        self._folder = as_sent(unquote(urlsplit(base_url).path.removeprefix("/")).rstrip("/") or "")
        self._timeouts = timeouts
        self._pace = pace
        self._has_mlsd = self._has_mlst = True

    async def list_files(self) -> AsyncIterator[Entry]:
        """List every file of the folder, and of those beneath it, but hidden ones and links."""
        waiting = [("", "", 0)]
        folders = count = size = 0
        while waiting:
            folder, prefix, depth = waiting.pop()
            await self._pace.wait_turn()
            async with self._connections.lend() as connection:
                if not await self._enter(connection, folder, is_root=depth == 0):
                    continue
                async for line, length in self._read_folder(connection):
                    size += length
                    if size > MAX_LISTING_BYTES:
                        raise OutboundFailed("the listing is longer than 1 GiB")
                    path = read_name(line.name, prefix) if line else None
                    if line is None or path is None:
                        continue
                    if line.is_folder:
                        folders += 1
                        if folders > MAX_FOLDERS:
                            raise OutboundFailed(f"the listing leads to more than {MAX_FOLDERS:,} folders")
                        if depth < MAX_DEPTH:
                            waiting.append((posixpath.join(folder, line.name.decode("latin-1")), path + "/", depth + 1))
                        continue
                    count += 1
                    if count > MAX_ENTRIES:
                        raise OutboundFailed(f"the listing has more than {MAX_ENTRIES:,} entries")
                    yield Entry(path, line.size, line.modified_at, line.is_exact, fingerprint_of(line.said))

    @asynccontextmanager
    async def open_file(self, path: str, known_etag: str | None = None) -> AsyncIterator[OpenFile | None]:
        """Open one file; None if its size and time are those of `known_etag`."""
        spelled = spellings(path)
        await self._pace.wait_turn()
        async with self._connections.lend() as connection:
            where, told = await self._find(connection, spelled)
            size, stamp = read_size(told.get("size", "")), told.get("modify", "")
            etag = f"{size}:{stamp}" if size is not None and stamp else None
            if etag is not None and etag == known_etag:
                yield None
                return
            await connection.begin(f"RETR {where}", self._timeouts.download_s)
            yield OpenFile(size, read_stamp(stamp), etag, self._read_file(connection, size))

    async def close(self) -> None:
        """Close every connection."""
        await self._connections.close()

    def _place(self, connection: FtpConnection, path: str) -> str:
        return posixpath.join(connection.home, self._folder, path).rstrip("/") or "/"

    async def _enter(self, connection: FtpConnection, folder: str, *, is_root: bool) -> bool:
        """Go to a folder, because not every server takes any name as what is to be listed; False if it may not be."""
        try:
            await connection.ask(f"CWD {self._place(connection, folder)}", "2xx", self._timeouts.listing_s)
        except FileGone as error:
            if is_root:
                raise OutboundFailed("there is no such folder (550): check the path of the address") from error
        except Refused as error:
            if is_root or error.code != "550":
                raise
        else:
            return True
        log.warning("a folder of a source cannot be listed", folder=ascii(folder))
        return False

    async def _read_folder(self, connection: FtpConnection) -> AsyncIterator[tuple[Line | None, int]]:
        """Read the listing of the folder entered: what each line tells, and how long it was."""
        try:
            await self._begin_listing(connection)
        except FileGone:
            # So some servers say that there is nothing in a folder.
            return
        now = datetime.now(UTC)
        lines = entries = understood = 0
        listing_s = self._timeouts.listing_s
        async for raw in _split(within(connection.receive(listing_s, PIECE_BYTES), listing_s)):
            lines += 1
            line = read_mlsd(raw) if self._has_mlsd else read_list(raw, now)
            entries += self._has_mlsd or is_entry(raw)
            understood += line is not None or b"=" in raw or raw[:1] in b"lbcps"
            yield line, len(raw) + 1
        if entries and not understood:
            raise OutboundFailed("the server lists its files in a form that is not read")

    async def _begin_listing(self, connection: FtpConnection) -> None:
        if self._has_mlsd:
            try:
                await connection.begin("MLSD", self._timeouts.listing_s)
            except Refused as error:
                if not error.code.startswith("50"):
                    raise
                self._has_mlsd = False
            else:
                return
        await connection.begin("LIST", self._timeouts.listing_s)

    async def _find(self, connection: FtpConnection, spelled: list[bytes]) -> tuple[str, dict[str, str]]:
        """Find which spelling of a path the server knows, and the `size` and time (`modify`) that it tells."""
        for at, raw in enumerate(spelled, start=1):
            where = self._place(connection, raw.decode("latin-1"))
            try:
                return where, await self._look_at(connection, where)
            except FileGone:
                if at == len(spelled):
                    raise
        raise AssertionError("a path has a spelling")

    async def _look_at(self, connection: FtpConnection, where: str) -> dict[str, str]:
        """Ask for a file's size and time, in one question where the server knows it."""
        if self._has_mlst:
            said = await self._ask_about(connection, f"MLST {where}", "250")
            if said is not None:
                facts = read_facts(said[1].lstrip() if len(said) > 1 else "")
                if facts.get("type", "file").lower() != "file":
                    raise OutboundFailed("it is not an ordinary file")
                return facts
            self._has_mlst = False
        size = await self._ask_about(connection, f"SIZE {where}", "213")
        stamp = await self._ask_about(connection, f"MDTM {where}", "213")
        return {"size": size[-1].strip() if size else "", "modify": stamp[-1].strip() if stamp else ""}

    async def _ask_about(self, connection: FtpConnection, command: str, code: str) -> list[str] | None:
        """Ask about a file; None where the server does not know the question."""
        try:
            return await connection.ask(command, code, self._timeouts.download_s)
        except Refused as error:
            if error.code.startswith("50"):
                return None
            raise

    async def _read_file(self, connection: FtpConnection, size: int | None) -> AsyncIterator[bytes]:
        received = 0
        async for chunk in connection.receive(self._timeouts.download_s):
            received += len(chunk)
            yield chunk
        if size is not None and received < size:
            raise OutboundFailed("the transfer ended before the length that the server had announced")
        if size is not None and received > size:
            raise OutboundFailed("the file changed its length while it was read")


async def _split(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    rest = b""
    async for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        if len(rest) > MAX_LINE_BYTES:
            raise OutboundFailed("the listing is no listing: a line of it has no end")
        for line in lines:
            yield line.rstrip(b"\r")
        await asyncio.sleep(0)
    if rest:
        yield rest.rstrip(b"\r")
