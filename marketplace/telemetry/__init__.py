"""Temperatures of any asset: probes, readings, breaches. `cold` is the arithmetic, free of Django."""
