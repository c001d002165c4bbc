"""Exit codes of the worker process, importable without the worker's libraries."""

MODEL_HUNG = 70
"""Exit code after a model did not return in time; the worker may be started again."""
