"""Judges a finished day from the database and the cabinets' own journals.

It imports nothing of the product: what the product believes is compared with what stands in its tables and
with what the doors themselves wrote down.
"""
