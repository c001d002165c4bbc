"""How a worker's process ends, for whoever starts it: known without loading what it works with."""

MODEL_HUNG = 70
"""The exit code of one whose model did not come back: it may be started again."""
