"""Who may do what: every field of the schema, with every role and with what is wrong."""
