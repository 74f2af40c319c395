"""Stripe's v1 wire format over our payments, for the unmodified `stripe` client."""
