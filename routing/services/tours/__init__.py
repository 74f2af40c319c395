"""Tours are driven: stops, drops, ways around a full cabinet, rides between hubs."""
