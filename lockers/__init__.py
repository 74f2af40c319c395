"""Parcel lockers and cold cabinets: cells, capacity, codes, devices. Knows a `reference`, never an order."""
