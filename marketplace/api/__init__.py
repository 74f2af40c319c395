"""The GraphQL edge: execution, limits, typed errors, rules, idempotency, offline operations."""
