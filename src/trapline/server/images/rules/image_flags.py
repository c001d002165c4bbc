"""Flags of images that are not about their capture time."""

TRUNCATED = "truncated"
"""The file ends before its image; missing rows are grey in the copy that is shown and analysed."""
