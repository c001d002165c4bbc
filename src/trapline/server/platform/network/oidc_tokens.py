"""Signing in by OpenID Connect: what one attempt is known by, and when an ID token is believed.

OpenID Connect Core 1.0, 3.1.3.7; PKCE is RFC 7636.
"""

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeGuard

from trapline.server.platform.errors import Unauthenticated

if TYPE_CHECKING:
    from jwt import PyJWK

SKEW_S = 120
"""How far the provider's clock may be from ours."""
FRESH_S = 600
"""An ID token that was made longer ago than this was not made for this sign-in."""
JOURNEY_S = 600
"""How long somebody may take at the provider."""
ALGORITHMS = {"RS256": "RSA", "ES256": "EC"}
"""What ID tokens may be signed with, and the type of key for it.

A key of another type is no key for it.
"""
SMALLEST_RSA_BITS = 2048
_HALVES = re.compile("[\ud800-\udfff]")
NEEDED = ["iss", "sub", "aud", "exp", "iat", "nonce"]
BEGIN_AGAIN = "You are not signed in. Start again on the sign-in page of this browser."
NOT_BELIEVED = "The response of your organisation's sign-in is not valid: {}. You are not signed in. Contact your operator."


class OidcState:
    """One attempt: everything that it is known by is derived from a seed, which only this browser's cookie has."""

    def __init__(self, key: bytes, seed: str) -> None:
        self._key = key
        self._seed = seed

    def _derive(self, purpose: str) -> str:
        return _encode(
            hmac.new(self._key, f"{purpose}\0{self._seed}".encode(), hashlib.sha256).digest()
        )

    @property
    def state(self) -> str:
        """What the browser brings back, so that nobody else's code is taken."""
        return self._derive("state")

    @property
    def nonce(self) -> str:
        """What the ID token repeats, so that it is of this attempt."""
        return self._derive("nonce")

    @property
    def verifier(self) -> str:
        """What only we know, so that a code is of no use to anybody else."""
        return self._derive("verifier")

    @property
    def challenge(self) -> str:
        """What the provider is told of the verifier."""
        return _encode(hashlib.sha256(self.verifier.encode()).digest())


def create_oidc_state(key: bytes, now: float) -> tuple[OidcState, str]:
    """Begin an attempt; answers it and the cookie's value."""
    seed = f"{secrets.token_urlsafe(32)}.{int(now) + JOURNEY_S}"
    return OidcState(key, seed), f"{seed}.{OidcState(key, seed)._derive('cookie')}"  # noqa: SLF001 - its own file


def parse_oidc_state(key: bytes, cookie: str | None, state: str, now: float) -> OidcState:
    """Read the attempt that this browser began.

    Raises Unauthenticated for another one's state, or one that is over.
    """
    seed, _, signature = (cookie or "").rpartition(".")
    journey = OidcState(key, seed)
    if not hmac.compare_digest(signature.encode(), journey._derive("cookie").encode()):  # noqa: SLF001
        raise Unauthenticated(f"This sign-in was not begun in this browser. {BEGIN_AGAIN}")
    if int(seed.rpartition(".")[2]) < now:
        raise Unauthenticated(f"This sign-in took too long. {BEGIN_AGAIN}")
    if not hmac.compare_digest(state.encode(), journey.state.encode()):
        raise Unauthenticated(
            f"This sign-in is not the one that was begun last in this browser. {BEGIN_AGAIN}"
        )
    return journey


def parse_token_header(token: str) -> tuple[str, str | None]:
    """Read how an ID token is signed: the algorithm, the key's id.

    Raises Unauthenticated for what is not taken.
    """
    import jwt

    try:
        header = jwt.get_unverified_header(token)
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
        raise Unauthenticated(NOT_BELIEVED.format("it is no signed token")) from None
    algorithm, kid = header.get("alg"), header.get("kid")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        raise Unauthenticated(
            NOT_BELIEVED.format(f"it is not signed with {' or '.join(ALGORITHMS)}")
        )
    return algorithm, kid if isinstance(kid, str) else None


def find_key(keys: Sequence[Any], algorithm: str, kid: str | None) -> "PyJWK | None":
    """Find the key that a token names; without a name, the only one there is for its algorithm."""
    import jwt

    fitting = [
        key
        for key in keys
        if isinstance(key, Mapping)
        and key.get("kty") == ALGORITHMS[algorithm]
        and key.get("use", "sig") == "sig"
        and key.get("alg", algorithm) == algorithm
        and (kid is None or key.get("kid") == kid)
    ]
    if len(fitting) != 1:
        return None
    try:
        found = jwt.PyJWK(dict(fitting[0]), algorithm)
    except (jwt.PyJWTError, ValueError, TypeError):
        return None
    too_small = algorithm == "RS256" and found.key.key_size < SMALLEST_RSA_BITS
    return None if too_small else found


def verify_id_token(
    token: str, key: "PyJWK", *, issuer: str, client_id: str, nonce: str, now: float
) -> dict[str, Any]:
    """Check an ID token and answer what it claims.

    Raises Unauthenticated in words for whatever is wrong with it.
    """
    import jwt

    # Signed with what its header says only if that is what the key is for.
    algorithm, _ = parse_token_header(token)
    wrong = {
        jwt.InvalidIssuerError: "it comes from another issuer",
        jwt.InvalidAudienceError: "it is meant for another program",
        jwt.ExpiredSignatureError: "it has expired",
        jwt.ImmatureSignatureError: "its time is in the future",
        jwt.MissingRequiredClaimError: "it leaves out what it must say",
        jwt.InvalidSignatureError: "its signature is wrong",
    }
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[algorithm],
            issuer=issuer,
            audience=client_id,
            leeway=SKEW_S,
            options={"require": NEEDED, "strict_aud": False},
        )
    except (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError) as error:
        why = next(
            (words for kind, words in wrong.items() if isinstance(error, kind)),
            "it is no proper token",
        )
        raise Unauthenticated(NOT_BELIEVED.format(why)) from None
    if not isinstance(claims["iat"], int | float):
        raise Unauthenticated(NOT_BELIEVED.format("it is no proper token"))
    if claims["iat"] < now - FRESH_S - SKEW_S:
        raise Unauthenticated(NOT_BELIEVED.format("it was made too long ago"))
    others = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
    if claims.get("azp", None if others else client_id) != client_id:
        raise Unauthenticated(NOT_BELIEVED.format("it is meant for another program"))
    given = claims["nonce"]
    if not _is_text(given) or not hmac.compare_digest(given.encode(), nonce.encode()):
        raise Unauthenticated(NOT_BELIEVED.format("it was made for another sign-in"))
    if not _is_text(claims["sub"]) or not 0 < len(claims["sub"]) <= 255:
        raise Unauthenticated(NOT_BELIEVED.format("it does not say who you are"))
    return claims


def find_verified_email(claims: Mapping[str, Any]) -> str | None:
    """The e-mail address that the provider stands for; None where it does not say that it was verified."""
    email, verified = claims.get("email"), claims.get("email_verified")
    if not _is_text(email) or not 3 <= len(email) <= 254:
        return None
    # Some providers send it as a word.
    return email if verified is True or verified == "true" else None


def _is_text(value: Any) -> TypeGuard[str]:
    """Whether it can be kept and compared: JSON may also hold NUL, and halves of characters."""
    return isinstance(value, str) and "\0" not in value and not _HALVES.search(value)


def _encode(digest: bytes) -> str:
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
