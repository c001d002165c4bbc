"""An FTP server with configurable faults."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field


@dataclass
class RiggedFtp:
    """Files and faults of the server, and the commands that it received.

    `answers` maps a command, with or without its argument, to a reply that replaces the usual one.
    `files` maps names as they are sent. `fault` applies to transfers: `cut` sends half of the data,
    `stall` stops halfway, `drip` sends small parts. `hangs_up` closes the connection after each
    transfer. A client above the limit `most` is rejected. `hangs_up_on` are the numbers of the
    clients, from 1, whose connection is closed when they send their name.
    """

    files: dict[bytes, bytes] = field(default_factory=dict)
    listing: bytes = b""
    answers: dict[str, str] = field(default_factory=dict)
    fault: str = ""
    hangs_up: bool = False
    hangs_up_on: tuple[int, ...] = ()
    most: int = 10
    port: int = 0
    data_port: int = 0
    sessions: int = 0
    clients: int = 0
    asked: list[str] = field(default_factory=list)
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Speak with one client."""
        self.sessions += 1
        self.clients += 1
        client = self.clients
        data: asyncio.Queue[asyncio.StreamWriter] = asyncio.Queue()
        servers: list[asyncio.Server] = []
        try:
            writer.write(self._greeting())
            while line := await reader.readline():
                command = line.decode("latin-1").rstrip("\r\n")
                self.asked.append(command)
                verb, _, rest = command.partition(" ")
                if verb == "USER" and client in self.hangs_up_on:
                    return
                answer = self.answers.get(command, self.answers.get(verb))
                if verb in ("EPSV", "PASV"):
                    await self._drop(data)
                    servers.append(
                        await asyncio.start_server(
                            lambda _, opened: data.put_nowait(opened), "127.0.0.1", 0
                        )
                    )
                    self.data_port = servers[-1].sockets[0].getsockname()[1]
                if answer is not None:
                    high, low = divmod(self.data_port, 256)
                    writer.write(
                        answer.format(port=self.data_port, high=high, low=low).encode("latin-1")
                        + b"\r\n"
                    )
                elif verb in ("LIST", "MLSD", "RETR"):
                    await self._transfer(verb, rest.encode("latin-1"), writer, data)
                    if self.hangs_up:
                        return
                else:
                    writer.write(self._usual(verb, rest).encode("latin-1") + b"\r\n")
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self.sessions -= 1
            for server in servers:
                server.close()
            await self._drop(data)
            writer.close()

    async def _drop(self, data: asyncio.Queue[asyncio.StreamWriter]) -> None:
        """Close connections for data that nothing was sent over."""
        await asyncio.sleep(0)
        while not data.empty():
            data.get_nowait().transport.abort()

    def _greeting(self) -> bytes:
        if self.sessions > self.most:
            return b"421 one at a time\r\n"
        return (self.answers.get("", "220 ready") + "\r\n").encode()

    def _usual(self, verb: str, rest: str) -> str:
        size = len(self.files.get(rest.removeprefix("/").encode("latin-1"), b""))
        known = rest.removeprefix("/").encode("latin-1") in self.files
        return {
            "USER": "331 and?",
            "PASS": "230 come in",
            "OPTS": "200 yes",
            "TYPE": "200 yes",
            "PWD": '257 "/"',
            "CWD": "250 yes",
            "NOOP": "200 yes",
            "QUIT": "221 farewell",
            "EPSV": f"229 here (|||{self.data_port}|)",
            "SIZE": f"213 {size}" if known else "550 not there",
            "MDTM": "213 20260501060000" if known else "550 not there",
        }.get(verb, "502 what?")

    async def _transfer(
        self,
        verb: str,
        rest: bytes,
        writer: asyncio.StreamWriter,
        data: asyncio.Queue[asyncio.StreamWriter],
    ) -> None:
        sent = self.files[rest.removeprefix(b"/")] if verb == "RETR" else self.listing
        opened = await data.get()
        writer.write(b"150 here it comes\r\n")
        with suppress(ConnectionError):
            if self.fault == "drip":
                while not self.ended.is_set():
                    opened.write(b"x")
                    await opened.drain()
                    await asyncio.sleep(0.01)
            opened.write(sent[: len(sent) // 2] if self.fault else sent)
            await opened.drain()
            if self.fault == "stall":
                await self.ended.wait()
        opened.close()
        writer.write((self.answers.get("226") or "226 done").encode() + b"\r\n")


@asynccontextmanager
async def rigged_ftp(**rigged: object) -> AsyncIterator[RiggedFtp]:
    """Serve on a free port of loopback."""
    ftp = RiggedFtp(**rigged)  # type: ignore[arg-type]
    server = await asyncio.start_server(ftp.handle, "127.0.0.1", 0)
    ftp.port = server.sockets[0].getsockname()[1]
    try:
        yield ftp
    finally:
        ftp.ended.set()
        server.close()
        while ftp.sessions:
            await asyncio.sleep(0.005)
        await asyncio.sleep(0)
