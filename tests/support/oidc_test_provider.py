"""An OpenID provider over real HTTP with real keys, with configurable faults."""

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

CLIENT_ID, CLIENT_SECRET = "trapline of the tests", "a secret: with % and +"


@cache
def make_key(kid: str, algorithm: str = "RS256") -> tuple[Any, dict[str, Any]]:
    """Create a private key and its public description."""
    if algorithm == "ES256":
        curve = ec.generate_private_key(ec.SECP256R1())
        return curve, {
            **ECAlgorithm.to_jwk(curve.public_key(), as_dict=True),
            "kid": kid,
            "use": "sig",
        }
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return private, {
        **RSAAlgorithm.to_jwk(private.public_key(), as_dict=True),
        "kid": kid,
        "use": "sig",
    }


def part(content: Any) -> str:
    """One part of a token as it is sent."""
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


@dataclass
class Provider:
    """Sign `person` in without a prompt. `twist` may change the claims, `sign` the signature."""

    port: int = 0
    person: dict[str, Any] = field(default_factory=dict)
    at_userinfo: dict[str, Any] = field(default_factory=dict)
    twist: Callable[[dict[str, Any]], dict[str, Any]] = dict
    key: tuple[Any, dict[str, Any]] = field(default_factory=lambda: make_key("first"))
    told_keys: list[dict[str, Any]] = field(default_factory=list)
    sign: Callable[["Provider", dict[str, Any]], str] | None = None
    changes: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.told_keys = [self.key[1]]

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def authorise(self, address: str) -> dict[str, str]:
        """Check the authorisation request at this URL; return the parameters of the redirect."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert query["response_type"] == "code"
        assert query["client_id"] == CLIENT_ID
        assert query["code_challenge_method"] == "S256"
        assert {"openid", "email"} <= set(query["scope"].split())
        code = secrets.token_urlsafe()
        self.codes[code] = query
        return {"code": code, "state": query["state"]}

    def redeem(self, form: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        """Respond to a code: a token once, only with the client secret and the verifier."""
        user, _, password = (
            base64.b64decode(authorization.removeprefix("Basic ")).decode().partition(":")
        )
        if (unquote(user), unquote(password)) != (CLIENT_ID, CLIENT_SECRET):
            return 401, {"error": "invalid_client"}
        begun = self.codes.pop(form["code"], None)
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if begun is None or (challenge, form["redirect_uri"]) != (
            begun["code_challenge"],
            begun["redirect_uri"],
        ):
            return 400, {"error": "invalid_grant"}
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 300,
            "nonce": begun["nonce"],
        }
        claims = self.twist(claims | self.person)
        return 200, {
            "access_token": "for userinfo",
            "token_type": "Bearer",
            "id_token": self.make_token(claims),
        }

    def make_token(self, claims: dict[str, Any]) -> str:
        if self.sign is not None:
            return self.sign(self, claims)
        private, told = self.key
        algorithm = "ES256" if told["kty"] == "EC" else "RS256"
        return jwt.encode(claims, private, algorithm, headers={"kid": told["kid"]})

    def answer(self, path: str, headers: Any, body: str) -> tuple[int, Any]:
        self.asked.append(path)
        if path == "/.well-known/openid-configuration":
            return 200, {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/jwks",
                "userinfo_endpoint": f"{self.issuer}/userinfo",
                **self.changes,
            }
        if path == "/jwks":
            return 200, {"keys": self.told_keys}
        if path == "/token":
            form = {name: values[0] for name, values in parse_qs(body).items()}
            return self.redeem(form, headers["Authorization"])
        if path == "/userinfo" and headers["Authorization"] == "Bearer for userinfo":
            return 200, self.at_userinfo
        return 404, {}


@contextmanager
def run_provider(port: int = 0) -> Iterator[Provider]:
    """A provider that answers until the end of the block."""
    provider = Provider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = urlsplit(self.path).path
            if path == "/authorize":
                came_with = provider.authorise(self.path)
                back = parse_qs(urlsplit(self.path).query)["redirect_uri"][0]
                self.send_response(302)
                self.send_header("Location", f"{back}?{urlencode(came_with)}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self._answer(path, "")

        def do_POST(self) -> None:
            self._answer(self.path, self.rfile.read(int(self.headers["Content-Length"])).decode())

        def _answer(self, path: str, body: str) -> None:
            status, told = provider.answer(path, self.headers, body)
            content = json.dumps(told).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    provider.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
