"""Statements and receipts, on the page and as files."""
