"""Requests become shipments, shipments become plans, plans are driven. One module a theme."""
