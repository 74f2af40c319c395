"""Figures and judgements about what the product did."""
