"""A history of any length, written by SQL: such rows as years of calls leave, in minutes."""
