"""A connection to an FTP server, opened under the outbound policy, with TLS if configured."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import aioftp
from aioftp.common import Code, SSLSessionBoundContext

from trapline.server.platform.errors import AddressNotAllowed, OutboundFailed
from trapline.server.platform.network.dialing import (
    Dialer,
    connect_socket,
    is_data_port,
)
from trapline.server.platform.network.outbound import Timeouts
from trapline.server.sources.gateways.ftp_errors import get_reply_code, translate_ftp_errors

MAX_REPLY_LINES = 1000

READ_BYTES = 256 * 1024


@dataclass(frozen=True)
class FtpAddress:
    """Address of an FTP server and its use of TLS.

    Without `tls`, the connection is not encrypted. With it, TLS starts after AUTH TLS, or
    immediately if `tls_at_once` is set.
    """

    host: str
    port: int
    tls: ssl.SSLContext | None = None
    tls_at_once: bool = False


@dataclass(frozen=True)
class FtpCredentials:
    """Credentials for an FTP server; the default is the anonymous user."""

    username: str = "anonymous"
    password: str = field(default="anonymous@", repr=False)


class FtpConnection(aioftp.Client):
    """One connection to an FTP server.

    Commands and replies are decoded as Latin-1, one character per byte, because names can have any
    encoding. Data connections always use the address of the control connection, regardless of the
    host in the reply of the server. `is_amidst` is true while a command or transfer is in progress.
    """

    def __init__(self, dialer: Dialer, address: FtpAddress, timeouts: Timeouts) -> None:
        super().__init__(encoding="latin-1")
        self._dialer = dialer
        self._address = address
        self._timeouts = timeouts
        self._pinned = ""
        self._lines = 0
        self._data: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self.home = "/"
        self.is_amidst = False

    async def sign_in(self, login: FtpCredentials) -> None:
        """Connect, start TLS if configured, and sign in. Raises OutboundFailed."""
        # This limits the total time of all replies; each connection attempt has its own timeout.
        with translate_ftp_errors(self._address.host, signing_in=True):
            async with asyncio.timeout(self._timeouts.connect_s * 3):
                await self._reach()
                if self._address.tls is not None and not self._address.tls_at_once:
                    await self._begin_tls(self._address.tls)
                await self.login(encode_command(login.username), encode_command(login.password))
                if self._address.tls_at_once:
                    # Data connections use TLS in any case, so the replies are ignored. Some servers
                    # accept these commands only after the login.
                    await self.command("PBSZ 0", "xxx")
                    await self.command("PROT P", "xxx")
                # Windows servers use UTF-8 only on request; most others do not know this option.
                await self.command("OPTS UTF8 ON", "xxx")
                await self.command("TYPE I", "2xx")
                code, lines = await self.command("PWD", "xxx")
                if code.matches("257"):
                    self.home = str(self.parse_directory_response(lines[-1]))

    async def ask(self, command: str, codes: str, within_s: float) -> list[str]:
        """Send a command and return the lines of the reply.

        Raises:
            FtpCommandRefused: the server refuses the command.
            FileGone: the server answers 550.
            OutboundFailed: the connection fails.
        """
        lines: list[str]
        with translate_ftp_errors(self._address.host):
            async with asyncio.timeout(within_s):
                _, lines = await self.command(command, codes)
        return lines

    async def begin(self, command: str, within_s: float) -> None:
        """Send a command that starts a transfer, which `receive` then reads.

        Raises the same errors as `ask`.
        """
        with translate_ftp_errors(self._address.host):
            async with asyncio.timeout(within_s):
                self._data = await self.get_passive_connection("I")
                try:
                    await self.command(command, "1xx")
                except aioftp.StatusCodeError:
                    self._close_data()
                    raise
        self.is_amidst = True

    async def receive(self, within_s: float, most_bytes: int = READ_BYTES) -> AsyncIterator[bytes]:
        """Read the transfer in chunks until its end; `within_s` limits the wait for each chunk.

        Raises OutboundFailed.
        """
        assert self._data is not None, "call begin first"
        while True:
            with translate_ftp_errors(self._address.host):
                async with asyncio.timeout(within_s):
                    chunk = await self._data[0].read(most_bytes)
                    if not chunk:
                        break
            yield chunk
        with translate_ftp_errors(self._address.host):
            async with asyncio.timeout(within_s):
                self._close_data()
                await self.command(None, "2xx", "1xx")

    def close(self) -> None:
        """Close the control and data connections."""
        self._close_data()
        if self._stream is not None:
            self._stream.writer.transport.abort()

    async def command(self, *args: Any, **kwargs: Any) -> Any:
        """Send a command and read the reply; `is_amidst` is true in the meantime."""
        self.is_amidst = True
        try:
            answer = await super().command(*args, **kwargs)
        except aioftp.StatusCodeError as error:
            self.is_amidst = get_reply_code(error) == "421"
            raise
        self.is_amidst = False
        return answer

    async def parse_response(self) -> tuple[Code, list[str]]:
        """Read a reply of limited length."""
        self._lines = 0
        try:
            return await super().parse_response()
        except aioftp.StatusCodeError as error:
            raise OutboundFailed(f"{self._address.host} sent an invalid FTP reply") from error

    async def parse_line(self) -> tuple[Code, str]:
        """Read a line of a reply."""
        self._lines += 1
        if self._lines > MAX_REPLY_LINES:
            raise OutboundFailed(f"{self._address.host} sent a reply with too many lines")
        return await super().parse_line()

    def _close_data(self) -> None:
        if self._data is not None:
            self._data[1].transport.abort()
        self._data = None

    async def _reach(self) -> None:
        try:
            await self.connect(self._address.host, self._address.port)
        except AddressNotAllowed:
            raise
        except OutboundFailed as error:
            if not self._address.tls_at_once or self._stream is not None:
                raise
            hint = f"if the server starts TLS on its FTP port, use ftps://{self._address.host}:21/"
            raise OutboundFailed(f"{error.detail}; {hint}") from error

    async def _begin_tls(self, context: ssl.SSLContext) -> None:
        try:
            await self.command("AUTH TLS", "234")
        except aioftp.StatusCodeError as error:
            raise OutboundFailed(
                f"{self._address.host} does not offer TLS on this port (it answered "
                f"{get_reply_code(error)} to AUTH TLS); user name and password were not sent"
            ) from error
        await self._refuse_early_bytes()
        await self.stream.start_tls(context, self._address.host)
        await self._send_tls_protection_commands()

    async def _refuse_early_bytes(self) -> None:
        """Reject unencrypted bytes after AUTH TLS: an attacker could inject later replies."""
        reading = asyncio.ensure_future(self.stream.reader.read(1))
        await asyncio.sleep(0)
        if reading.done():
            raise OutboundFailed(f"{self._address.host} sent unencrypted data after AUTH TLS")
        reading.cancel()
        await asyncio.wait([reading])

    async def _open_connection(
        self, host: str, port: int
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        connect_s = self._timeouts.connect_s
        context: ssl.SSLContext | None = None
        if self._stream is None:
            scheme = "ftps" if self._address.tls else "ftp"
            opened = await self._dialer.open_socket(scheme, host, port, connect_s)
            self._pinned = opened.getpeername()[0]
            context = self._address.tls if self._address.tls_at_once else None
        else:
            if not is_data_port(port):
                raise OutboundFailed(
                    f"{self._address.host} uses port {port} for data, which is not allowed"
                )
            opened = await connect_socket(self._pinned, port, connect_s)
            if self._address.tls is not None:
                # Many servers require that the data connection reuses the TLS session.
                secured = self._stream.writer.get_extra_info("ssl_object")
                context = SSLSessionBoundContext(
                    ssl.PROTOCOL_TLS_CLIENT, context=secured.context, session=secured.session
                )
        try:
            return await asyncio.open_connection(
                sock=opened, ssl=context, server_hostname=self._address.host if context else None
            )
        except BaseException:
            opened.close()
            raise


def encode_command(text: str) -> str:
    """Encode a text so that its bytes on the wire are UTF-8."""
    return text.encode().decode("latin-1")


def spell_for_telnet(raw: bytes) -> list[str]:
    """Return the forms of a name in a command: byte 255 doubled (RFC 854, IAC), then unchanged.

    Not every server removes the doubling.
    """
    plain = raw.decode("latin-1")
    return [plain] if "\xff" not in plain else [plain.replace("\xff", "\xff\xff"), plain]
