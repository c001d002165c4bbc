"""Gateways: one module for each protocol that images are pulled over."""
