"""Who grows and who serves: stations, farmers, villagers, their consents, certificates, plots and
services.
"""
