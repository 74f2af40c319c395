"""How many parcels a pickup point takes, and which of them share a cell."""
