"""What operators, the support desk and the county see and do."""
