"""Exit codes of the worker process, importable without the worker's libraries.

The first three have the meaning that they have for every command.
"""

STOPPED = 0
FAILED = 1
REJECTED = 4
"""The server refused the token or ended this worker."""
MODEL_HUNG = 70
"""A model did not return in time; the worker may be started again."""
NOT_STARTED = 71
"""The worker cannot start until a person acts. The supervisor reports FAILED in place of it."""
