"""A file for each protocol that images are pulled over."""
