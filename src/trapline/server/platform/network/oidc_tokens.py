"""Sign-in by OpenID Connect: the state of a sign-in, and the verification of ID tokens.

See OpenID Connect Core 1.0, section 3.1.3.7, and RFC 7636 for PKCE.
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
"""How far the provider's clock may differ from the server's, in seconds."""
FRESH_S = 600
"""The largest age of an ID token, in seconds."""
SIGN_IN_WITHIN_S = 600
"""How long a user may take to sign in at the provider, in seconds."""
ALGORITHMS = {"RS256": "RSA", "ES256": "EC"}
"""The algorithms that may sign ID tokens, each with the type of its keys."""
SMALLEST_RSA_BITS = 2048
_HALVES = re.compile("[\ud800-\udfff]")
NEEDED = ["iss", "sub", "aud", "exp", "iat", "nonce"]
BEGIN_AGAIN = "You are not signed in. Start again on the sign-in page of this browser."
INVALID_RESPONSE = (
    "The response of your organisation's sign-in is not valid: {}. You are not signed in. "
    "Contact your operator."
)


class OidcState:
    """The state of one sign-in; its values are derived from a seed in the browser's cookie."""

    def __init__(self, key: bytes, seed: str) -> None:
        self._key = key
        self._seed = seed

    def _derive(self, purpose: str) -> str:
        return _encode(
            hmac.new(self._key, f"{purpose}\0{self._seed}".encode(), hashlib.sha256).digest()
        )

    @property
    def state(self) -> str:
        """The value that the browser returns, so that a code from another browser is refused."""
        return self._derive("state")

    @property
    def nonce(self) -> str:
        """The value that the ID token repeats, which ties it to this sign-in."""
        return self._derive("nonce")

    @property
    def verifier(self) -> str:
        """The secret of PKCE, without which a stolen code cannot be used."""
        return self._derive("verifier")

    @property
    def challenge(self) -> str:
        """The hash of the verifier, which is sent to the provider."""
        return _encode(hashlib.sha256(self.verifier.encode()).digest())


def create_oidc_state(key: bytes, now: float) -> tuple[OidcState, str]:
    """Start a sign-in; return its state and the value of the cookie."""
    seed = f"{secrets.token_urlsafe(32)}.{int(now) + SIGN_IN_WITHIN_S}"
    sign_in = OidcState(key, seed)
    return sign_in, f"{seed}.{sign_in._derive('cookie')}"  # noqa: SLF001


def parse_oidc_state(key: bytes, cookie: str | None, state: str, now: float) -> OidcState:
    """Parse the state of the sign-in that this browser started.

    Raises:
        Unauthenticated: the state is that of another sign-in, or the sign-in has expired.
    """
    seed, _, signature = (cookie or "").rpartition(".")
    sign_in = OidcState(key, seed)
    expected = sign_in._derive("cookie")  # noqa: SLF001
    if not hmac.compare_digest(signature.encode(), expected.encode()):
        raise Unauthenticated(f"This sign-in was not started in this browser. {BEGIN_AGAIN}")
    if int(seed.rpartition(".")[2]) < now:
        raise Unauthenticated(f"This sign-in took too long. {BEGIN_AGAIN}")
    if not hmac.compare_digest(state.encode(), sign_in.state.encode()):
        raise Unauthenticated(
            f"This sign-in is not the one that was started last in this browser. {BEGIN_AGAIN}"
        )
    return sign_in


def parse_token_header(token: str) -> tuple[str, str | None]:
    """Parse the algorithm and the key ID in the header of an ID token.

    Raises:
        Unauthenticated: the token is malformed, or the algorithm is not allowed.
    """
    import jwt

    try:
        header = jwt.get_unverified_header(token)
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
        raise Unauthenticated(INVALID_RESPONSE.format("it is not a signed token")) from None
    algorithm, kid = header.get("alg"), header.get("kid")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        raise Unauthenticated(
            INVALID_RESPONSE.format(f"it is not signed with {' or '.join(ALGORITHMS)}")
        )
    return algorithm, kid if isinstance(kid, str) else None


def find_key(keys: Sequence[Any], algorithm: str, kid: str | None) -> "PyJWK | None":
    """Find the key with this ID; without an ID, the only key for the algorithm."""
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
    """Verify an ID token and return its claims.

    Raises:
        Unauthenticated: the token is invalid; the message names the fault.
    """
    import jwt

    # PyJWT refuses a token whose algorithm does not match the key.
    algorithm, _ = parse_token_header(token)
    wrong = {
        jwt.InvalidIssuerError: "it comes from another issuer",
        jwt.InvalidAudienceError: "it is meant for another program",
        jwt.ExpiredSignatureError: "it has expired",
        jwt.ImmatureSignatureError: "its time is in the future",
        jwt.MissingRequiredClaimError: "a required claim is missing",
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
            (reason for kind, reason in wrong.items() if isinstance(error, kind)),
            "it is not a valid token",
        )
        raise Unauthenticated(INVALID_RESPONSE.format(why)) from None
    if not isinstance(claims["iat"], int | float):
        raise Unauthenticated(INVALID_RESPONSE.format("it is not a valid token"))
    if claims["iat"] < now - FRESH_S - SKEW_S:
        raise Unauthenticated(INVALID_RESPONSE.format("it was issued too long ago"))
    others = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
    if claims.get("azp", None if others else client_id) != client_id:
        raise Unauthenticated(INVALID_RESPONSE.format("it is meant for another program"))
    given = claims["nonce"]
    if not _is_text(given) or not hmac.compare_digest(given.encode(), nonce.encode()):
        raise Unauthenticated(INVALID_RESPONSE.format("it was issued for another sign-in"))
    if not _is_text(claims["sub"]) or not 0 < len(claims["sub"]) <= 255:
        raise Unauthenticated(INVALID_RESPONSE.format("it has no valid user ID"))
    return claims


def find_verified_email(claims: Mapping[str, Any]) -> str | None:
    """Return the e-mail address in the claims; None unless the provider has verified it."""
    email, verified = claims.get("email"), claims.get("email_verified")
    if not _is_text(email) or not 3 <= len(email) <= 254:
        return None
    # Some providers send it as a string.
    return email if verified is True or verified == "true" else None


def _is_text(value: Any) -> TypeGuard[str]:
    """Return whether a value is a text without NUL and surrogates, which cannot be stored."""
    return isinstance(value, str) and "\0" not in value and not _HALVES.search(value)


def _encode(digest: bytes) -> str:
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
