"""Where things are and what drives: counties, places, hubs, sites, vehicles, carriers."""
