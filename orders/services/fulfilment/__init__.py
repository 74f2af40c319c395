"""From the scale to the recipient's hands: weighed, packed, carried, shelved, handed out."""
