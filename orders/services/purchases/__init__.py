"""From a cart to a firm order."""
