"""What is for sale: products, harvest lots, stock and reservations, order cycles, search."""
