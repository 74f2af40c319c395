"""The device wire, pure: what a cabinet and the server say to each other, and the rules both hold.

No Django, no database, no clock: time, keys and randomness are arguments. docs/devices.md is the prose.
"""
