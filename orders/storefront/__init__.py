"""What the shop window shows of places: can this cart get there, when, at what price, and if not, why."""
