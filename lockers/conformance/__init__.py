"""Holds any device on the wire against docs/devices.md: plays the server's side and reports per rule."""
