"""What asks to be carried: orders' requests, other carriers' waybills."""
