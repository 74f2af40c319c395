"""The planner: a function from a Problem to a Plan. Pure Python and OR-Tools, no Django."""
