"""Plan tiers: markup and the classes of models they include."""
