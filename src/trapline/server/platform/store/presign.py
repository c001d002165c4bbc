"""Presigned URLs of an S3 server, with AWS Signature Version 4 in the query."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from urllib.parse import quote, urlencode

NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class S3Signer:
    """An access key, its secret, and the region for which it signs requests."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    region: str

    def presign(
        self,
        method: str,
        url: str,
        *,
        lifetime_s: int,
        now: datetime,
        headers: Mapping[str, str] = NOTHING,
        query: Mapping[str, str] = NOTHING,
    ) -> str:
        """Build a URL that allows one method until it expires, for a request with these headers.

        `url` has no query, and its path is not encoded. The lifetime is at most a week. The body is
        not signed.
        """
        # urlsplit would split a key with characters that begin a query or a fragment.
        scheme, _, place_and_key = url.partition("://")
        netloc, _, key_path = place_and_key.partition("/")
        moment = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
        place = f"{moment[:8]}/{self.region}/s3/aws4_request"
        signed = {
            "host": _host(scheme, netloc),
            **{name.lower(): headers[name] for name in headers},
        }
        names = ";".join(sorted(signed))
        asked = {
            **query,
            "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
            "X-Amz-Credential": f"{self.access_key_id}/{place}",
            "X-Amz-Date": moment,
            "X-Amz-Expires": str(lifetime_s),
            "X-Amz-SignedHeaders": names,
        }
        path = quote(f"/{key_path}", safe="/-_.~")
        lines = [method, path, encode_query(dict(sorted(asked.items())))]
        lines += [f"{name}:{' '.join(signed[name].split())}" for name in sorted(signed)]
        lines += ["", names, "UNSIGNED-PAYLOAD"]
        hashed = hashlib.sha256("\n".join(lines).encode()).hexdigest()
        key = f"AWS4{self.secret_access_key}".encode()
        for part in place.split("/"):
            key = hmac.digest(key, part.encode(), "sha256")
        text = f"AWS4-HMAC-SHA256\n{moment}\n{place}\n{hashed}"
        signature = hmac.digest(key, text.encode(), "sha256").hex()
        return f"{scheme}://{netloc}{path}?{encode_query(asked)}&X-Amz-Signature={signature}"


def encode_query(query: Mapping[str, str]) -> str:
    """Encode a query in the canonical form that is signed."""
    return urlencode(query, quote_via=quote, safe="-_.~")


def _host(scheme: str, netloc: str) -> str:
    # Clients omit the scheme's default port from the Host header.
    return netloc.removesuffix({"http": ":80", "https": ":443"}[scheme]).lower()
