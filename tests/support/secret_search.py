"""Search for secrets in every encoding and in every place where they could be stored."""

import base64
import hashlib
import html
import json
import math
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote, quote_plus

import psycopg
from psycopg import sql


def list_encodings(secret: str) -> dict[str, bytes]:
    """Return each encoding of a secret by name; of base64 only the part without neighbours."""
    raw = secret.encode()
    found = {
        "plain": raw,
        "quoted": quote(secret, safe="").encode(),
        "quoted path": quote(secret).encode(),
        "form": quote_plus(secret).encode(),
        "JSON": json.dumps(secret)[1:-1].encode(),
        "JSON in JSON": json.dumps(json.dumps(secret)[1:-1])[1:-1].encode(),
        "JSON with slashes": json.dumps(secret)[1:-1].replace("/", "\\/").encode(),
        "HTML": html.escape(secret).encode(),
        "repr": repr(secret)[1:-1].encode(),
        "hex": raw.hex().encode(),
        "HEX": raw.hex().upper().encode(),
        "UTF-16": secret.encode("utf-16-le"),
        "sha256": hashlib.sha256(raw).hexdigest().encode(),
        "sha256 bytes": hashlib.sha256(raw).digest(),
        "sha256 base64": base64.b64encode(hashlib.sha256(raw).digest()),
        "sha1": hashlib.sha1(raw).hexdigest().encode(),
        "md5": hashlib.md5(raw).hexdigest().encode(),
    }
    for before in range(3):
        for name, encode in (("base64", base64.b64encode), ("base64url", base64.urlsafe_b64encode)):
            # Characters that also hold bits of a neighbour are left out.
            first, last = math.ceil(before * 8 / 6), (before + len(raw)) * 8 // 6
            found[f"{name} at {before}"] = encode(b"\0" * before + raw + b"\0\0\0")[first:last]
    return found


class Search:
    """Looks for secrets, each by a name, in whatever it is shown."""

    def __init__(self, secrets: dict[str, str]) -> None:
        self._needles = {
            needle: f"{name} ({encoding})"
            for name, secret in secrets.items()
            for encoding, needle in list_encodings(secret).items()
        }
        self.seen = 0

    def find(self, where: str, content: bytes) -> list[str]:
        """List the secrets that the content contains, with their encodings."""
        self.seen += len(content)
        return [f"{where}: {name}" for needle, name in self._needles.items() if needle in content]

    def find_in_files(self, files: Iterable[Path]) -> list[str]:
        """Search files."""
        return [
            hit
            for file in files
            if file.is_file()
            for hit in self.find(str(file), file.read_bytes())
        ]

    def find_in_database(self, url: str) -> list[str]:
        """Search every row of every table, also background tasks; bytes are searched raw."""
        hits = []
        with psycopg.connect(url) as connection:
            tables = connection.execute(
                "select schemaname, tablename from pg_tables where schemaname in ('public', "
                "'procrastinate')"
            ).fetchall()
            for schema, table in tables:
                rows = connection.execute(
                    sql.SQL("select t.* from {} t").format(sql.Identifier(schema, table))
                )
                for row in rows:
                    told = b"\n".join(
                        value if isinstance(value, bytes) else str(value).encode() for value in row
                    )
                    hits += self.find(f"{schema}.{table}", told)
        return hits
