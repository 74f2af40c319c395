"""A day in Yichun: seeded worlds over real places, and a player that acts through the public API only."""
