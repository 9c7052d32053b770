"""What a usage record says in words. Pure."""

MOST, LONGEST = 20, 300


def few(*flags: str) -> list[str]:
    """`flags`, cut to what a receipt can show: names in them come from callers and providers."""
    short = [flag if len(flag) <= LONGEST else f"{flag[: LONGEST - 1]}…" for flag in flags]
    return short if len(short) <= MOST else [*short[: MOST - 1], f"And {len(short) - MOST + 1} more."]
