"""What every engine stands on: the problem as nodes, the clock of a route, insertion, reasons."""
