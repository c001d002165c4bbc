"""Gateway for a folder of an FTP server and its sub-folders, with or without TLS."""

import asyncio
import posixpath
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from urllib.parse import unquote, urlsplit

from trapline.server.platform.errors import FileGone, OutboundFailed
from trapline.server.platform.network.open_file import OpenFile
from trapline.server.platform.network.outbound import Timeouts
from trapline.server.platform.network.timeouts import limit_total_time
from trapline.server.sources.gateways.file_names import find_path, list_encodings
from trapline.server.sources.gateways.ftp_connection import (
    FtpConnection,
    encode_command,
    spell_for_telnet,
)
from trapline.server.sources.gateways.ftp_connection_pool import FtpConnectionPool
from trapline.server.sources.gateways.ftp_errors import FtpCommandRefused
from trapline.server.sources.gateways.ftp_listing import (
    FtpEntry,
    is_entry_line,
    parse_facts,
    parse_list,
    parse_mlsd,
    parse_size,
    parse_timestamp,
)
from trapline.server.sources.gateways.gateway import (
    MAX_DEPTH,
    MAX_ENTRIES,
    MAX_FOLDERS,
    TOO_DEEP,
    UNREADABLE,
    UNREPRESENTABLE,
    ListingTooLarge,
    RemoteFile,
    Walk,
    build_fingerprint,
)
from trapline.server.sources.gateways.rate_limiter import RateLimiter

MAX_LISTING_BYTES = 1024**3
MAX_LINE_BYTES = 16 * 1024
# Parsing one piece blocks the event loop for about 20 milliseconds.
PIECE_BYTES = 32 * 1024


class FtpGateway:
    """Lists and opens files below `ftp://host/folder`, a path relative to the login folder."""

    def __init__(
        self, connections: FtpConnectionPool, base_url: str, timeouts: Timeouts, pace: RateLimiter
    ) -> None:
        self._connections = connections
        # By RFC 1738 the path is relative to the login folder; %2F at its start makes it absolute.
        self._folder = encode_command(
            unquote(urlsplit(base_url).path.removeprefix("/")).rstrip("/") or ""
        )
        self._timeouts = timeouts
        self._pace = pace
        self._has_mlsd = self._has_mlst = True

    async def list_files(self, walk: Walk | None = None) -> AsyncIterator[RemoteFile]:
        """List every file of the folder and its sub-folders, except links."""
        walk = walk or Walk()
        waiting = [(b"", "", 0)]
        folders = count = size = 0
        while waiting:
            folder, prefix, depth = waiting.pop()
            async for line, length in self._read_or_record(folder, prefix, walk):
                size += length
                if size > MAX_LISTING_BYTES:
                    raise ListingTooLarge("the listing is longer than 1 GiB")
                path = find_path(line.name, prefix, walk)
                if path is None:
                    continue
                if line.is_folder:
                    folders += 1
                    if folders > MAX_FOLDERS:
                        raise ListingTooLarge(
                            f"the listing leads to more than {MAX_FOLDERS:,} folders"
                        )
                    if depth >= MAX_DEPTH:
                        walk.record_unlisted(path, TOO_DEEP)
                    elif walk.enters(path):
                        waiting.append((posixpath.join(folder, line.name), path + "/", depth + 1))
                    continue
                count += 1
                if count > MAX_ENTRIES:
                    raise ListingTooLarge(f"the listing has more than {MAX_ENTRIES:,} entries")
                yield RemoteFile(
                    path,
                    line.size,
                    line.modified_at,
                    line.is_exact,
                    build_fingerprint(line.version_text),
                )

    async def _read_or_record(
        self, folder: bytes, prefix: str, walk: Walk
    ) -> AsyncIterator[tuple[FtpEntry, int]]:
        """Read the listing of a folder; one below the root that cannot be listed is recorded."""
        await self._pace.wait_turn()
        try:
            async with self._connections.acquire() as connection:
                await self._enter(connection, folder)
                async for found in self._read_folder(connection, walk, is_root=not prefix):
                    yield found
                walk.record_listed()
        except OutboundFailed as error:
            if not prefix:
                raise
            walk.record_failure(prefix, error)

    @asynccontextmanager
    async def open_file(
        self, path: str, known_etag: str | None = None
    ) -> AsyncIterator[OpenFile | None]:
        """Open one file; None if its size and time are those of `known_etag`."""
        spelled = list_encodings(path)
        await self._pace.wait_turn()
        async with self._connections.acquire() as connection:
            where, facts = await self._find(connection, spelled)
            size, stamp = parse_size(facts.get("size", "")), facts.get("modify", "")
            etag = f"{size}:{stamp}" if size is not None and stamp else None
            if etag is not None and etag == known_etag:
                yield None
                return
            await connection.begin(f"RETR {where}", self._timeouts.download_s)
            yield OpenFile(size, parse_timestamp(stamp), etag, self._read_file(connection, size))

    async def close(self) -> None:
        """Close every connection."""
        await self._connections.close()

    def _place(self, connection: FtpConnection, path: bytes) -> bytes:
        home, own = connection.home.encode("latin-1"), self._folder.encode("latin-1")
        return posixpath.join(home, own, path).rstrip(b"/") or b"/"

    async def _enter(self, connection: FtpConnection, folder: bytes) -> None:
        """Change to a folder, because some servers cannot list by path. Raises OutboundFailed."""
        candidates = spell_for_telnet(self._place(connection, folder))
        for at, where in enumerate(candidates, start=1):
            try:
                await connection.ask(f"CWD {where}", "2xx", self._timeouts.listing_s)
            except FileGone as error:
                if at == len(candidates):
                    raise OutboundFailed(
                        "the folder does not exist, or the server denies access (550): "
                        "check the path and the permissions of the user"
                    ) from error
            else:
                return

    async def _read_folder(
        self, connection: FtpConnection, walk: Walk, *, is_root: bool
    ) -> AsyncIterator[tuple[FtpEntry, int]]:
        """Read the listing of the current folder: its entries, each with the length of its line."""
        try:
            await self._begin_listing(connection)
        except FileGone as error:
            if is_root or error.is_empty:
                # Some servers answer 550 for an empty folder.
                return
            raise OutboundFailed("the server refused to list the folder (550)") from error
        now = datetime.now(UTC)
        entries = understood = 0
        listing_s = self._timeouts.listing_s
        # A name with a line break looks like a shorter name followed by an invalid line. Both are
        # left out.
        held: tuple[FtpEntry, int] | None = None
        async for raw in _split(
            limit_total_time(connection.receive(listing_s, PIECE_BYTES), listing_s)
        ):
            line = parse_mlsd(raw) if self._has_mlsd else parse_list(raw, now)
            entries += self._has_mlsd or is_entry_line(raw)
            understood += line is None or line != UNREADABLE or raw[:1] in b"lbcps"
            if line == UNREADABLE:
                walk.leave_out(UNREPRESENTABLE if held else UNREADABLE)
                held = None
                continue
            if held is not None:
                yield held
            held = (line, len(raw) + 1) if isinstance(line, FtpEntry) else None
            if isinstance(line, str):
                walk.leave_out(line)
        if held is not None:
            yield held
        if entries and not understood:
            raise OutboundFailed("the format of the listing is not supported")

    async def _begin_listing(self, connection: FtpConnection) -> None:
        if self._has_mlsd:
            try:
                await connection.begin("MLSD", self._timeouts.listing_s)
            except FtpCommandRefused as error:
                if not error.code.startswith("50"):
                    raise
                self._has_mlsd = False
            else:
                return
        await connection.begin("LIST", self._timeouts.listing_s)

    async def _find(
        self, connection: FtpConnection, spelled: list[bytes]
    ) -> tuple[str, dict[str, str]]:
        """Find the form of a path that the server knows, with its facts `size` and `modify`."""
        candidates = [
            one for raw in spelled for one in spell_for_telnet(self._place(connection, raw))
        ]
        for at, where in enumerate(candidates, start=1):
            try:
                return where, await self._look_at(connection, where)
            except FileGone:
                if at == len(candidates):
                    raise
        raise AssertionError("a path has at least one form")

    async def _look_at(self, connection: FtpConnection, where: str) -> dict[str, str]:
        """Query the size and time of a file, with one command if the server supports MLST."""
        if self._has_mlst:
            reply = await self._ask_about(connection, f"MLST {where}", "250")
            if reply is not None:
                facts = parse_facts(reply[1].lstrip() if len(reply) > 1 else "")
                if facts.get("type", "file").lower() != "file":
                    raise OutboundFailed("it is not a regular file")
                return facts
            self._has_mlst = False
        size = await self._ask_about(connection, f"SIZE {where}", "213")
        stamp = await self._ask_about(connection, f"MDTM {where}", "213")
        return {
            "size": size[-1].strip() if size else "",
            "modify": stamp[-1].strip() if stamp else "",
        }

    async def _ask_about(
        self, connection: FtpConnection, command: str, code: str
    ) -> list[str] | None:
        """Send a query about a file; returns None if the server does not know the command."""
        try:
            return await connection.ask(command, code, self._timeouts.download_s)
        except FtpCommandRefused as error:
            if error.code.startswith("50"):
                return None
            raise

    async def _read_file(self, connection: FtpConnection, size: int | None) -> AsyncIterator[bytes]:
        received = 0
        async for chunk in connection.receive(self._timeouts.download_s):
            received += len(chunk)
            yield chunk
        if size is not None and received < size:
            raise OutboundFailed("the transfer ended before the announced length")
        if size is not None and received > size:
            raise OutboundFailed("the size of the file changed while it was read")


async def _split(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    rest = b""
    async for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        if len(rest) > MAX_LINE_BYTES:
            raise OutboundFailed("the listing is not valid: a line of it is too long")
        for line in lines:
            yield line.rstrip(b"\r")
        await asyncio.sleep(0)
    if rest:
        yield rest.rstrip(b"\r")
