"""A plan in force changes: late legs, dispatchers' acts, failures, closed roads. What was promised stays."""
