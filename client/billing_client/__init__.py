"""Python client of the Transparent Billing API."""

from billing_client.answers import Authorisation, Balance, Progress, Release
from billing_client.async_call import AsyncCall
from billing_client.async_client import AsyncBillingClient
from billing_client.call import Call
from billing_client.call_errors import NotMetered, NotSettled, Stopped
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
    "AsyncBillingClient",
    "AsyncCall",
    "Authorisation",
    "Backoff",
    "Balance",
    "BillingClient",
    "BillingError",
    "Call",
    "Conflict",
    "FieldError",
    "Forbidden",
    "InsufficientCredits",
    "InvalidRequest",
    "Leaf",
    "Model",
    "NotFound",
    "NotMetered",
    "NotSettled",
    "Problem",
    "Progress",
    "Rate",
    "RateLimited",
    "Receipt",
    "Release",
    "Stopped",
    "Unauthorised",
    "Unavailable",
    "UnexpectedAnswer",
]
