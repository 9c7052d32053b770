"""Answers as the API gives them."""

from typing import Any

HOLD = "0f9b7a52-6f2f-4f0e-9d7b-2f1f6a1f0c11"

AUTHORISATION: dict[str, Any] = {
    "id": HOLD,
    "max_output_tokens": 800,
    "clamped": False,
    "held": "0.012345679",
    "available": "99.987654321",
    "currency": "USD",
    "expires_at": "2026-11-24T10:00:00Z",
    "rates": [
        {
            "leaf": "input",
            "rate_per_million": "0.100000000",
            "price_per_million": "0.110000000",
            "effective_from": "2026-01-01T00:00:00+01:00",
        }
    ],
}

PROGRESS: dict[str, Any] = {
    "decision": "continue",
    "reason": None,
    "accrued": "0.000000001",
    "held": "0.012345679",
    "available": "99.987654321",
    "expires_at": "2026-11-24T10:00:00Z",
}

RECEIPT: dict[str, Any] = {
    "id": HOLD,
    "status": "completed",
    "charged": "12345678901.123456789",
    "cost": "12345678901.123456790",
    "list_cost": "0.100000000",
    "absorbed": "0.000000001",
    "held": "0.2",
    "released": "0.1",
    "available": "0.3",
    "currency": "USD",
    "leaves": [
        {
            "leaf": "input",
            "tokens": 12,
            "rate_per_million": "0.1",
            "price_per_million": "0.11",
            "amount": "0.00000132",
        }
    ],
    "transfers": [{"id": 7, "amount": "0.000000001"}],
    "posted_at": "2026-11-24T10:00:00.123456Z",
}

RELEASE: dict[str, Any] = {"id": HOLD, "state": "released", "released": "0.5", "available": "1.5"}

BALANCE: dict[str, Any] = {
    "balance": "0.300000000",
    "held": "0.100000000",
    "available": "0.200000000",
    "accrued": "0.000000000",
    "currency": "USD",
}

MODELS: dict[str, Any] = {
    "plan": "pro",
    "markup": "1.10",
    "currency": "USD",
    "models": [
        {
            "provider": "anthropic",
            "model": "claude-haiku-4-5",
            "aliases": ["claude-haiku-4-5-20251001"],
            "context_tokens": 200000,
            "max_output_tokens": 64000,
            "prices": [
                {
                    "leaf": "input",
                    "service_tier": "standard",
                    "class_above": 128000,
                    "rate_per_million": "1.000000",
                    "price_per_million": "1.1",
                    "effective_from": "2026-01-01T00:00:00+00:00",
                    "rate_id": 3,
                }
            ],
        }
    ],
}
