"""Who earned what, and how it is paid out."""
