"""Reading the usage pages' HTML back into figures, and the same figures by SQL over the usage records alone."""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from html import unescape
from typing import Any

from django.test import Client

from organisations.models import User
from tests.factories import Tenant, make_user
from tests.metering.figures import rows_of

D = Decimal
# Written out here and not taken from the product: which leaves are tokens of which side.
INPUT = (
    "input", "cache_read", "cache_read_audio", "cache_read_image", "cache_write_5m", "cache_write_1h", "cache_write",
    "input_audio", "input_image", "input_video",
)  # fmt: skip
CACHED = ("cache_read", "cache_read_audio", "cache_read_image")
OUTPUT = ("output", "reasoning", "output_audio", "output_image")
NAMES = {
    "model": "m.name", "provider": "p.name", "project": "j.name", "agent": "a.name", "member": "u.user",
    "day": "to_char((u.posted_at AT TIME ZONE o.billing_zone)::date, 'Dy FMDD Mon YYYY')",
}  # fmt: skip
COLUMNS = ("Requests", "estimated", "Tokens in", "from cache", "Tokens out", "List price", "Absorbed", "Charged")
FROM = """
FROM metering_usagerecord u JOIN organisations_organisation o ON o.id = u.organisation_id
JOIN providers_model m ON m.id = u.model_id JOIN providers_provider p ON p.id = m.provider_id
JOIN organisations_agent a ON a.id = u.agent_id JOIN organisations_project j ON j.id = u.project_id
WHERE u.organisation_id = %s AND (u.posted_at AT TIME ZONE o.billing_zone)::date BETWEEN %s AND %s
"""


def _tokens(leaves: tuple[str, ...]) -> str:
    return "sum(" + " + ".join(f"coalesce((u.leaves ->> '{leaf}')::bigint, 0)" for leaf in leaves) + ")"


def by_sql(dimension: str, tenant: Tenant, first: str, last: str, where: str = "true") -> dict[str, tuple[Any, ...]]:
    """(requests, estimated, in, cached, out, list price, absorbed, charged) by name; days are cut here."""
    sql = f"""SELECT {NAMES[dimension]}, count(*) FILTER (WHERE revision = 0),
      count(*) FILTER (WHERE revision = 0 AND estimated), {_tokens(INPUT)}, {_tokens(CACHED)}, {_tokens(OUTPUT)},
      sum(list_cost), sum(absorbed), sum(charge) {FROM} AND {where} GROUP BY 1"""
    return {name: tuple(figures) for name, *figures in rows_of(sql, tenant.id, first, last)}


def added(rows: Mapping[str, tuple[Any, ...]]) -> tuple[Any, ...]:
    return tuple(map(sum, zip(*rows.values(), strict=True)))


def reader(tenant: Tenant, client_for: Callable[[User | None], Client]) -> Client:
    client = client_for(make_user(f"reader@{tenant.organisation.slug}.example", member_of=tenant.organisation))
    client.raise_request_exception = True
    return client


def text(html: str) -> str:
    return " ".join(unescape(re.sub("<[^>]+>", "", html)).split())


def cell(html: str) -> Decimal:
    """The exact number of a cell: that of its title, if it is shown rounded."""
    titled = re.search(r'title="(-?[\d.,]+)', html)
    shown = titled[1] if titled else text(html).replace("−", "-")
    return D(shown.replace(",", "").replace("$", "").removesuffix(" %").replace("–", "0"))


def table(html: str, css: str) -> dict[str, dict[str, str]]:
    """The rows of a table by their heading, each cell's HTML by its label; the sum as "All"."""
    [found] = re.findall(rf'<table class="[^"]*{css}[^"]*">(.*?)</table>', html, re.S)
    rows = {}
    for row in re.findall(r"<tr>(.*?)</tr>", found.partition("</thead>")[2], re.S):
        head = text(re.search(r"<th.*?</th>", row, re.S)[0])  # type: ignore[index]
        cells = re.findall(r'<td class="n" data-label="([^"]+)">(.*?)</td>', row, re.S)
        rows["All" if re.fullmatch(r"All( \d+)?", head) else head] = dict(cells)
    return rows


def chart(html: str) -> dict[str, list[Decimal]]:
    """The table behind the chart: each day's amounts by series, the day's sum last."""
    [found] = re.findall(r"<details><summary>Show as table.*?<table>(.*?)</table>", html, re.S)
    return {
        text(day): [cell(amount) for amount in re.findall(r'<td class="n">(.*?)</td>', rest, re.S)]
        for day, rest in re.findall(r'<tr><th scope="row">(.*?)</th>(.*?)</tr>', found, re.S)
    }


def figure(html: str, label: str) -> str:
    [found] = re.findall(rf"<dt>{label}</dt>(.*?)</div>", html, re.S)
    return str(found)
