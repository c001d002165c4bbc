"""Waiting times after failed attempts to sign in.

Three counts are kept for each attempt: this account from this address, this address, and this
account from any address. The longest wait applies. The wait of an account from any address is
short, and does not apply to an address from which the account signed in recently. An attacker
therefore cannot lock the owner of an account out.
"""

from dataclasses import dataclass
from datetime import timedelta

FORGOTTEN_AFTER = timedelta(days=1)
"""Time after the last failure when the counts restart."""
TRUSTED_FOR = timedelta(days=90)
"""Time for which an address is trusted after a sign-in of the account from it."""


@dataclass(frozen=True)
class LoginBackoff:
    """A number of free failures and a maximum wait.

    Each further failure doubles the wait, from one second up to `longest_s`.
    """

    free: int
    longest_s: int

    def wait_after(self, failures: int) -> int:
        """Return the seconds to wait after a number of consecutive failures."""
        beyond = failures - self.free
        return min(2 ** (min(beyond, 30) - 1), self.longest_s) if beyond > 0 else 0


ACCOUNT_FROM_ADDRESS = LoginBackoff(free=5, longest_s=900)
ADDRESS = LoginBackoff(free=20, longest_s=900)
ACCOUNT = LoginBackoff(free=50, longest_s=60)
RESET_OF_ACCOUNT = LoginBackoff(free=3, longest_s=14_400)
"""Requests for a new password of an account: a stranger cannot fill its mailbox."""
