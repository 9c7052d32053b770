"""Stand-ins for services of others, run as processes of their own by demo and tests. The product imports none."""
