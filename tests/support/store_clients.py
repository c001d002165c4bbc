"""Both stores for the conformance suite: their functions, and a client that has only URLs."""

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import httpx2
import uvicorn

from tests.support.api_application import application_of
from trapline.server.app.http.application import wrap_middleware
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.store.local_store import LocalStore
from trapline.server.platform.store.object_store import ObjectStore, SignedPut
from trapline.server.platform.store.url_signatures import FILES

MOST = 1024 * 1024
"""The most bytes that the upload URLs of the tests accept if no size is announced."""


@dataclass(frozen=True)
class Scene:
    """A store, the folder that it receives files into, and a client without any right."""

    store: ObjectStore
    folder: Path
    client: httpx2.AsyncClient
    analysis: str | None = None
    """An analysis of an image, where the server of the store gives files of those alone."""

    def new_key(self, name: str = "heat.png") -> str:
        """Name an artifact that a signed URL may read."""
        return f"ml_outputs/{self.analysis or uuid4()}/{name}"

    async def keep(self, key: str, data: bytes, media_type: str | None = None) -> None:
        """Keep bytes under a key."""
        async with self.store.receive() as incoming:
            incoming.write(data)
            await self.store.keep(incoming, key, media_type)

    async def read(self, key: str, first: int = 0, length: int | None = None) -> bytes:
        """Read them back."""
        return b"".join([chunk async for chunk in self.store.open(key, first, length)])

    async def put(self, signed: SignedPut, data: bytes, **changes: str) -> httpx2.Response:
        """Upload with a signed URL and no other credentials; `changes` are different headers."""
        named = {name.replace("_", "-"): value for name, value in changes.items()}
        return await self.client.put(
            signed.url,
            content=data,
            headers={**signed.headers, "Content-Length": str(len(data)), **named},
        )

    def list_incoming(self) -> list[Path]:
        """List the files that are not completely received."""
        return list((self.folder / "incoming").iterdir())


def new_key(name: str = "heat.png") -> str:
    """Return an unused key for an artifact."""
    return f"ml_outputs/{uuid4()}/{name}"


@asynccontextmanager
async def open_scene(
    store: ObjectStore, folder: Path, analysis: str | None = None
) -> AsyncIterator[Scene]:
    """Look at a store."""
    async with httpx2.AsyncClient(trust_env=False, timeout=30) as client:
        yield Scene(store, folder, client, analysis)


@asynccontextmanager
async def serve_local(system: AppContext, folder: Path) -> AsyncIterator[LocalStore]:
    """Serve a local store over HTTP on a real socket, by the whole application."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        public_url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        store = LocalStore(folder, system.secrets.derive_all(FILES), public_url)
        async with serve(replace(system, store=store, public_url=public_url), listener):
            yield store


@asynccontextmanager
async def serve(system: AppContext, listener: socket.socket) -> AsyncIterator[None]:
    """Serve the whole application on a listening socket."""
    config = uvicorn.Config(
        wrap_middleware(application_of(system)), http="httptools", lifespan="off", log_config=None
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve([listener]))
    try:
        yield
    finally:
        server.should_exit = True
        await serving


async def speak(
    url: str, method: str, headers: Mapping[str, str], body: bytes, *, cut: bool = False
) -> bytes:
    """Send raw HTTP and read until the server closes the connection.

    `cut` ends our side after the body.
    """
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    target = f"{parts.path}?{parts.query}"
    writer.write(
        f"{method} {target} HTTP/1.1\r\nHost: {parts.netloc}\r\n{head}\r\n".encode() + body
    )
    try:
        if cut:
            writer.write_eof()
        async with asyncio.timeout(30):
            return await (reader.read() if cut else reader.readuntil(b"\r\n\r\n"))
    finally:
        writer.close()
