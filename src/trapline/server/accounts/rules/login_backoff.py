"""How long somebody who guesses passwords has to wait.

Three counts are kept of each attempt, and the longest wait of them counts: of this account from
this address, of this address, and of this account from anywhere. The last one is short, and is not
asked of an address from which the account signed in lately, so that nobody elsewhere keeps its
owner out.
"""

from dataclasses import dataclass
from datetime import timedelta

FORGOTTEN_AFTER = timedelta(days=1)
"""Without a failure for so long, one begins anew."""
TRUSTED_FOR = timedelta(days=90)
"""How long an address is known by an account that signed in from there."""


@dataclass(frozen=True)
class LoginBackoff:
    """So many failures are free; each further one doubles the wait, from a second up to the longest."""

    free: int
    longest_s: int

    def wait_after(self, failures: int) -> int:
        """How many seconds to wait after so many failures in a row."""
        beyond = failures - self.free
        return min(2 ** (min(beyond, 30) - 1), self.longest_s) if beyond > 0 else 0


ACCOUNT_FROM_ADDRESS = LoginBackoff(free=5, longest_s=900)
ADDRESS = LoginBackoff(free=20, longest_s=900)
ACCOUNT = LoginBackoff(free=50, longest_s=60)
