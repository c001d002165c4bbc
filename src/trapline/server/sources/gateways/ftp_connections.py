"""Connections to one FTP server: dialled under guard, over TLS where that is asked for, signed in, a few at once."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import aioftp
from aioftp.common import Code, SSLSessionBoundContext

from trapline.server.platform.errors import AddressNotAllowed, FileGone, OutboundFailed, Unanswered
from trapline.server.platform.network.dialing import (
    Dialer,
    connect_socket,
    get_error_reason,
    is_data_port,
)
from trapline.server.platform.network.outbound import Timeouts

MAX_CONNECTIONS = 4
MAX_REPLY_LINES = 1000
READ_BYTES = 256 * 1024
LEAVE_S = 1.0
# Too many connections, of everybody or of one user.
BUSY = ("421", "530")


@dataclass(frozen=True)
class FtpAddress:
    """Where an FTP server is, and how it is spoken to: in the clear, over TLS at once, or after AUTH TLS."""

    host: str
    port: int
    tls: ssl.SSLContext | None = None
    tls_at_once: bool = False


@dataclass(frozen=True)
class FtpCredentials:
    """Who signs in; anybody may as `anonymous`."""

    username: str = "anonymous"
    password: str = field(default="anonymous@", repr=False)


class FtpCommandRefused(OutboundFailed):
    """The FTP server answered with a code that says no."""

    def __init__(self, detail: str, code: str) -> None:
        super().__init__(detail)
        self.code = code


class FtpConnectionLost(Unanswered):
    """The FTP server broke a connection that it had taken."""


class FtpConnection(aioftp.Client):
    """One connection to an FTP server.

    A character of a command or an answer is a byte here (Latin-1), because names come in any
    encoding. Connections for data go to the address that was dialled, whatever host the server
    names for them.
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
        """Dial, begin TLS where that is asked for, and sign in. Raises OutboundFailed."""
        # Dialling has its own time; a server that drips its answers has this much for them all.
        with _in_words(self._address.host, signing_in=True):
            async with asyncio.timeout(self._timeouts.connect_s * 3):
                await self._reach()
                if self._address.tls is not None and not self._address.tls_at_once:
                    await self._begin_tls(self._address.tls)
                await self.login(encode_command(login.username), encode_command(login.password))
                if self._address.tls_at_once:
                    # Data come over TLS then, whatever is answered; those who want to be told must
                    # not be told before.
                    await self.command("PBSZ 0", "xxx")
                    await self.command("PROT P", "xxx")
                # Windows servers speak UTF-8 only when asked; most others do not know the question.
                await self.command("OPTS UTF8 ON", "xxx")
                await self.command("TYPE I", "2xx")
                code, said = await self.command("PWD", "xxx")
                if code.matches("257"):
                    self.home = str(self.parse_directory_response(said[-1]))

    async def ask(self, command: str, codes: str, within_s: float) -> list[str]:
        """Send a command and tell the lines of its answer.

        Raises Refused, FileGone for 550, OutboundFailed.
        """
        said: list[str]
        with _in_words(self._address.host):
            async with asyncio.timeout(within_s):
                _, said = await self.command(command, codes)
        return said

    async def begin(self, command: str, within_s: float) -> None:
        """Begin to receive what a command sends over a connection for data, which `receive` reads.

        Raises as `ask`.
        """
        with _in_words(self._address.host):
            async with asyncio.timeout(within_s):
                self._data = await self.get_passive_connection("I")
                try:
                    await self.command(command, "1xx")
                except aioftp.StatusCodeError:
                    self._close_data()
                    raise
        self.is_amidst = True

    async def receive(self, within_s: float, most_bytes: int = READ_BYTES) -> AsyncIterator[bytes]:
        """Read what was begun to its end, in pieces, waiting no longer than so many seconds.

        Raises OutboundFailed.
        """
        assert self._data is not None, "begin comes first"
        while True:
            with _in_words(self._address.host):
                async with asyncio.timeout(within_s):
                    chunk = await self._data[0].read(most_bytes)
                    if not chunk:
                        break
            yield chunk
        with _in_words(self._address.host):
            async with asyncio.timeout(within_s):
                self._close_data()
                await self.command(None, "2xx", "1xx")

    def close(self) -> None:
        """Close the connection, and that for data with it."""
        self._close_data()
        if self._stream is not None:
            self._stream.writer.transport.abort()

    async def command(self, *args: Any, **kwargs: Any) -> Any:
        """Send a command and read its answer; while that is under way the connection is of no other use."""
        self.is_amidst = True
        try:
            answer = await super().command(*args, **kwargs)
        except aioftp.StatusCodeError as error:
            self.is_amidst = _code(error) == "421"
            raise
        self.is_amidst = False
        return answer

    async def parse_response(self) -> tuple[Code, list[str]]:
        """Read an answer of bounded length."""
        self._lines = 0
        try:
            return await super().parse_response()
        except aioftp.StatusCodeError as error:
            raise OutboundFailed(f"{self._address.host} did not speak proper FTP") from error

    async def parse_line(self) -> tuple[Code, str]:
        """Read a line of an answer."""
        self._lines += 1
        if self._lines > MAX_REPLY_LINES:
            raise OutboundFailed(f"{self._address.host} answers without an end")
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
            hint = f"if it begins TLS on its usual port, write ftps://{self._address.host}:21/"
            raise OutboundFailed(f"{error.detail}; {hint}") from error

    async def _begin_tls(self, context: ssl.SSLContext) -> None:
        try:
            await self.command("AUTH TLS", "234")
        except aioftp.StatusCodeError as error:
            raise OutboundFailed(
                f"{self._address.host} does not offer TLS on this port (it answered {_code(error)} to AUTH TLS); "
                "user name and password were not sent"
            ) from error
        await self._refuse_early_bytes()
        await self.stream.start_tls(context, self._address.host)
        await self._send_tls_protection_commands()

    async def _refuse_early_bytes(self) -> None:
        """Refuse what came in the clear after the server had agreed to TLS: it would be taken for what follows."""
        reading = asyncio.ensure_future(self.stream.reader.read(1))
        await asyncio.sleep(0)
        if reading.done():
            raise OutboundFailed(
                f"{self._address.host} spoke in the clear after it had agreed to TLS"
            )
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
                    f"{self._address.host} names port {port} for its data, which is not one for that"
                )
            opened = await connect_socket(self._pinned, port, connect_s)
            if self._address.tls is not None:
                # Many servers want to see the session of the first connection again, as a proof of
                # who comes.
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


class FtpConnectionPool:
    """Lends connections that are signed in, at most four at once, or as few as the server allows."""

    def __init__(
        self, dialer: Dialer, address: FtpAddress, login: FtpCredentials, timeouts: Timeouts
    ) -> None:
        self._dialer = dialer
        self._address = address
        self._login = login
        self._timeouts = timeouts
        self._idle: list[FtpConnection] = []
        self._open = 0
        self._most = MAX_CONNECTIONS
        self._changed = asyncio.Event()
        self._is_closed = False

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[FtpConnection]:
        """Lend a connection; one that is given back in the midst of something is closed.

        Raises OutboundFailed.
        """
        connection = await self._take()
        try:
            yield connection
        finally:
            if connection.is_amidst or self._is_closed:
                self._forget(connection)
            else:
                self._idle.append(connection)
                self._changed.set()

    async def close(self) -> None:
        """Take leave, so that the server need not wait for us, and close the connections that are not lent."""
        self._is_closed = True
        idle, self._idle = self._idle, []
        await asyncio.gather(
            *[one.ask("QUIT", "2xx", LEAVE_S) for one in idle], return_exceptions=True
        )
        for connection in idle:
            self._forget(connection)
        # The sockets themselves are closed by the loop, when it next comes round.
        await asyncio.sleep(0)

    async def _take(self) -> FtpConnection:
        has_hung_up = False
        while True:
            while not self._idle and self._open >= self._most:
                self._changed.clear()
                await self._changed.wait()
            if self._idle:
                connection = self._idle.pop()
                if await self._lives(connection):
                    return connection
                continue
            connection = FtpConnection(self._dialer, self._address, self._timeouts)
            self._open += 1
            try:
                await connection.sign_in(self._login)
            except BaseException as error:
                self._forget(connection)
                if isinstance(error, FtpCommandRefused) and error.code in BUSY and self._open:
                    # It takes no more of us at once than it has already.
                    self._most = self._open
                    continue
                if isinstance(error, FtpConnectionLost) and not has_hung_up:
                    # Some servers, busy with a connection that was cut off, hang up on the one that
                    # comes next.
                    has_hung_up = True
                    continue
                raise
            return connection

    async def _lives(self, idle: FtpConnection) -> bool:
        # Some servers hang up after each file, and all of them after a while.
        try:
            await idle.ask("NOOP", "2xx", self._timeouts.connect_s)
        except OutboundFailed:
            self._forget(idle)
            return False
        except BaseException:
            self._forget(idle)
            raise
        return True

    def _forget(self, connection: FtpConnection) -> None:
        connection.close()
        self._open -= 1
        self._changed.set()


def encode_command(text: str) -> str:
    """Spell a text so that its bytes on the wire are those of UTF-8."""
    return text.encode().decode("latin-1")


def spell_for_telnet(raw: bytes) -> list[str]:
    """Spell a name for a command, a character for a byte: a byte 255 is doubled (RFC 854, IAC),
    else as it is.

    Not every server undoes that, so the plain form is the second one.
    """
    plain = raw.decode("latin-1")
    return [plain] if "\xff" not in plain else [plain.replace("\xff", "\xff\xff"), plain]


def _code(error: aioftp.StatusCodeError) -> str:
    return str(error.received_codes[-1])[:3]


@contextmanager
def _in_words(host: str, *, signing_in: bool = False) -> Iterator[None]:
    """Say in words what goes wrong between us and an FTP server.

    Nothing that the server said is repeated: it may repeat what it was told.
    """
    try:
        yield
    except aioftp.StatusCodeError as error:
        raise _refusal(host, error, signing_in=signing_in) from None
    except aioftp.errors.InvalidCommand:
        raise OutboundFailed(
            "a name or password of more than one line cannot be sent over FTP"
        ) from None
    except ssl.SSLCertVerificationError as error:
        raise OutboundFailed(
            f"the certificate of {host} is not trusted: {error.verify_message}"
        ) from error
    except ssl.SSLError as error:
        raise OutboundFailed(
            f"{host} does not speak proper TLS on this port ({error.reason})"
        ) from error
    except TimeoutError as error:
        raise Unanswered(f"{host} answered nothing in the time allowed") from error
    except ConnectionError as error:
        raise FtpConnectionLost(
            f"the connection to {host} broke: {get_error_reason(error)}"
        ) from error
    except OSError as error:
        raise OutboundFailed(
            f"the connection to {host} broke: {get_error_reason(error)}"
        ) from error
    except (ValueError, IndexError, KeyError) as error:
        raise OutboundFailed(f"{host} did not speak proper FTP") from error


def _refusal(host: str, error: aioftp.StatusCodeError, *, signing_in: bool) -> OutboundFailed:
    code, said = _code(error), " ".join(error.info).lower()
    words = {
        "421": f"{host} takes no more connections now, or is closing (421)",
        "425": f"{host} could not open a connection for the data (425)",
        "426": f"{host} broke the transfer off (426)",
        "450": f"{host} cannot give it now (450): it may be in use",
        "451": f"{host} broke the transfer off because of a fault of its own (451)",
        "530": f"{host} does not let us in (530): check user name and password",
        "532": f"{host} wants an account beside the password (532), which is not supported",
        "534": f"{host} wants TLS (534): begin the address with ftps://",
    }
    if (
        signing_in
        and code in ("421", "522", "530", "534", "550")
        and ("tls" in said or "ssl" in said)
    ):
        return FtpCommandRefused(f"{host} wants TLS ({code}): begin the address with ftps://", code)
    if code == "550" and not signing_in:
        if any(word in said for word in ("permission", "denied", "not allowed", "forbidden")):
            return FtpCommandRefused(
                f"{host} denies it (550): check that the user may list and read it", code
            )
        return FileGone("it is not there (550)", is_empty="no file" in said or "empty" in said)
    if not code.isdigit():
        return OutboundFailed(f"{host} did not speak proper FTP")
    return FtpCommandRefused(
        words.get(code, f"{host} refused what it was asked for ({code})"), code
    )
