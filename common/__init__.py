"""Money, clock, errors, tenancy, database walls. No business noun."""
