"""Writes a world into an empty database."""
