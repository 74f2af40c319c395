"""Plays one working day as people do: over the public API, at the cashier's page, at the cabinets."""
