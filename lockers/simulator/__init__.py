"""Simulated cabinets: firmware that speaks the device wire, on hardware and air that a tester can break.

`python -m lockers.simulator --socket PATH --data DIR` hosts any number of them in one process. No Django.
"""
