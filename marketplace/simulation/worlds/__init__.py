"""Seeded worlds over the real places of Yichun. Pure: no database, no Django."""

from marketplace.simulation.worlds.build import build
from marketplace.simulation.worlds.extents import DEFAULT_SEED, WORKING_DAY
from marketplace.simulation.worlds.nouns import World

__all__ = ["DEFAULT_SEED", "WORKING_DAY", "World", "build"]
