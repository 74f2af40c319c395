"""Where cabinets stand and by which rules: put up one by one or by table."""
