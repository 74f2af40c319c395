"""Telling people: one port, a web inbox as embedded default; every sent message keeps its receipt."""
