"""Flags of images that are not about their capture time."""

TRUNCATED = "truncated"
"""The file ends before its image does; the rows that are missing are grey in the copy that is shown and analysed."""
