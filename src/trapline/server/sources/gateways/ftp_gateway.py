"""A folder of an FTP server, in the clear or over TLS, with its sub-folders."""

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
from trapline.server.sources.gateways.ftp_connections import (
    FtpCommandRefused,
    FtpConnection,
    FtpConnectionPool,
    encode_command,
    spell_for_telnet,
)
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
# A piece is read without pause, some twenty milliseconds.
PIECE_BYTES = 32 * 1024


class FtpGateway:
    """Lists and opens what lies under `ftp://host/folder`; the folder is one of those that the user signs in to."""

    def __init__(
        self, connections: FtpConnectionPool, base_url: str, timeouts: Timeouts, pace: RateLimiter
    ) -> None:
        self._connections = connections
        # By RFC 1738 a folder is named from where the user is after signing in; %2F begins one from
        # the very top.
        self._folder = encode_command(
            unquote(urlsplit(base_url).path.removeprefix("/")).rstrip("/") or ""
        )
        self._timeouts = timeouts
        self._pace = pace
        self._has_mlsd = self._has_mlst = True

    async def list_files(self, walk: Walk | None = None) -> AsyncIterator[RemoteFile]:
        """List every file of the folder, and of those below it, but links."""
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
                    path, line.size, line.modified_at, line.is_exact, build_fingerprint(line.said)
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
            where, told = await self._find(connection, spelled)
            size, stamp = parse_size(told.get("size", "")), told.get("modify", "")
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
        """Change to a folder, because not every server lists any name. Raises OutboundFailed."""
        candidates = spell_for_telnet(self._place(connection, folder))
        for at, where in enumerate(candidates, start=1):
            try:
                await connection.ask(f"CWD {where}", "2xx", self._timeouts.listing_s)
            except FileGone as error:
                if at == len(candidates):
                    advice = "the server has no such folder, or does not show it (550)"
                    raise OutboundFailed(
                        f"{advice}: check the path and the rights of the user"
                    ) from error
            else:
                return

    async def _read_folder(
        self, connection: FtpConnection, walk: Walk, *, is_root: bool
    ) -> AsyncIterator[tuple[FtpEntry, int]]:
        """Read the listing of the folder entered: its files and folders, and how long each line was."""
        try:
            await self._begin_listing(connection)
        except FileGone as error:
            if is_root or error.is_empty:
                # So some servers say that there is nothing in a folder.
                return
            raise OutboundFailed("the server does not list it (550)") from error
        now = datetime.now(UTC)
        entries = understood = 0
        listing_s = self._timeouts.listing_s
        # A name with a line break looks like a name that ends early, and a line that is none:
        # neither is followed.
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
            raise OutboundFailed("the server lists its files in a form that is not read")

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
        """Find which spelling of a path the server knows, and the `size` and time (`modify`) that it tells."""
        candidates = [
            one for raw in spelled for one in spell_for_telnet(self._place(connection, raw))
        ]
        for at, where in enumerate(candidates, start=1):
            try:
                return where, await self._look_at(connection, where)
            except FileGone:
                if at == len(candidates):
                    raise
        raise AssertionError("a path has a spelling")

    async def _look_at(self, connection: FtpConnection, where: str) -> dict[str, str]:
        """Ask for a file's size and time, in one question where the server knows it."""
        if self._has_mlst:
            said = await self._ask_about(connection, f"MLST {where}", "250")
            if said is not None:
                facts = parse_facts(said[1].lstrip() if len(said) > 1 else "")
                if facts.get("type", "file").lower() != "file":
                    raise OutboundFailed("it is not an ordinary file")
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
        """Ask about a file; None where the server does not know the question."""
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
            raise OutboundFailed(
                "the transfer ended before the length that the server had announced"
            )
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
