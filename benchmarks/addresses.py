"""The pages that are measured; `benchmarks.history.asked_for` has the words in braces. Data only.

The oldest 30 days are asked for by name, so that both histories are asked for the same number of days.
"""

from typing import NamedTuple


class Address(NamedTuple):
    """`who`: whose session, or "key" for the API."""

    who: str
    path: str


_O = "/o/{slug}"
_OLD = "from={first}&to={last_old}"
ADDRESSES = {
    "live": Address("member", f"{_O}/live/"),
    "live, stopped": Address("stopped", "/o/stopped/live/"),
    "overview": Address("member", f"{_O}/"),
    "usage": Address("member", f"{_O}/usage/"),
    "usage by day": Address("member", f"{_O}/usage/?by=day"),
    "usage of a rare agent": Address("member", f"{_O}/usage/?agent={{agent}}"),
    "usage of a model": Address("member", f"{_O}/usage/?model={{model}}"),
    "usage, oldest 30 days": Address("member", f"{_O}/usage/?{_OLD}"),
    "requests": Address("member", f"{_O}/usage/requests"),
    "requests of a rare agent": Address("member", f"{_O}/usage/requests?agent={{agent}}"),
    "requests of a model": Address("member", f"{_O}/usage/requests?model={{model}}"),
    "requests, deep": Address("member", f"{_O}/usage/requests?{_OLD}&older={{place}}"),
    "requests, deep, rare agent": Address("member", f"{_O}/usage/requests?{_OLD}&agent={{agent}}&older={{place}}"),
    "receipt": Address("member", f"{_O}/receipts/{{hold}}"),
    "admin: start": Address("staff", "/admin/"),
    "admin: usage": Address("staff", "/admin/metering/usagerecord/?organisation={id}"),
    "admin: usage, failed": Address("staff", "/admin/metering/usagerecord/?organisation={id}&status__exact=failed"),
    "admin: usage, page 100": Address("staff", "/admin/metering/usagerecord/?organisation={id}&p=100"),
    "admin: usage, never": Address("staff", "/admin/metering/usagerecord/?organisation={id}&status__exact=cancelled"),
    "admin: overruns": Address("staff", "/admin/metering/overrunalert/"),
    "admin: receipt": Address("staff", "/admin/metering/usagerecord/receipt/{hold}/"),
    "admin: transfers": Address("staff", "/admin/wallets/transfer/"),
    "admin: transfers, small": Address("staff", "/admin/wallets/transfer/?organisation={small}"),
    "admin: transfers, none": Address("staff", "/admin/wallets/transfer/?q=empty-1"),
    "admin: transfers, page 100": Address("staff", "/admin/wallets/transfer/?p=100"),
    "admin: holds": Address("staff", "/admin/wallets/hold/?organisation={id}"),
    "admin: holds, open": Address("staff", "/admin/wallets/hold/?organisation={id}&state__exact=open"),
    "admin: holds, released": Address("staff", "/admin/wallets/hold/?organisation={id}&state__exact=released"),
    "admin: grants": Address("staff", "/admin/wallets/grant/?organisation={id}"),
    "admin: wallets": Address("staff", "/admin/wallets/wallet/"),
    "admin: wallet": Address("staff", "/admin/wallets/wallet/{id}/change/"),
    "admin: wallet, deep": Address("staff", "/admin/wallets/wallet/{id}/change/?before={transfer}"),
    "API: balance": Address("key", "/api/v1/balance"),
    "API: usage": Address("key", "/api/v1/usage"),
    "API: usage, oldest 30 days": Address("key", f"/api/v1/usage?{_OLD}"),
    "API: receipt": Address("key", "/api/v1/receipts/{hold}"),
}


def headers(words: dict, who: str) -> dict[str, str]:
    """What makes a request one of `who`'s."""
    if who == "key":
        return {"Authorization": f"Bearer {words['key']}"}
    return {"Cookie": f"sessionid={words['sessions'][who]}"}
