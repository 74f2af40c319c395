"""Starts the product on one machine: services, processes, the demonstration day.

Nothing here imports Django when the module is imported: the launcher decides the environment
(`DATABASE_URL`, `REDIS_URL`, ...) that settings read, so it must come first. Linux only: children are
tied to the launcher's life by the kernel's parent-death signal.
"""
