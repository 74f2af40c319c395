"""A wave becomes a plan: rows to a problem, solved by hub, city or sector, proved, published whole."""
