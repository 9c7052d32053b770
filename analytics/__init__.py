"""Where the money goes: pages over what others recorded. Owns no facts."""
