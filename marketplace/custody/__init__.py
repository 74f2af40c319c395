"""Who has which goods: handling units, what is in them, and a hash-chained history of hand-overs."""
