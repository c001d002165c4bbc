"""Serve a folder with aioftp: aioftp_server.py FOLDER USER PASSWORD [CERTIFICATE].

The program prints its port on standard output. With a certificate, it uses implicit TLS.
"""

import asyncio
import ssl
import sys
from pathlib import Path

import aioftp


async def serve(folder: str, user: str, password: str, certificate: str = "") -> None:
    """Serve until killed."""
    context = None
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
    who = aioftp.User(user, password, base_path=Path(folder), home_path="/")
    server = aioftp.Server([who], ssl=context)
    await server.start("127.0.0.1", 0)
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


asyncio.run(serve(*sys.argv[1:]))
