"""Python client of the Transparent Billing API."""

from billing_client.answers import Authorisation, Balance, Progress, Release
from billing_client.client import BillingClient
from billing_client.errors import (
    BillingError,
    Conflict,
    Forbidden,
    InsufficientCredits,
    InvalidRequest,
    NotFound,
    RateLimited,
    Unauthorised,
    Unavailable,
    UnexpectedAnswer,
)
from billing_client.prices import Model, Rate
from billing_client.problems import FieldError, Problem
from billing_client.receipts import Leaf, Receipt
from billing_client.retries import Backoff

__all__ = [
    "Authorisation",
    "Backoff",
    "Balance",
    "BillingClient",
    "BillingError",
    "Conflict",
    "FieldError",
    "Forbidden",
    "InsufficientCredits",
    "InvalidRequest",
    "Leaf",
    "Model",
    "NotFound",
    "Problem",
    "Progress",
    "Rate",
    "RateLimited",
    "Receipt",
    "Release",
    "Unauthorised",
    "Unavailable",
    "UnexpectedAnswer",
]
