"""What checkout asks of the plan in force: which place, when, for how much, or why not."""
