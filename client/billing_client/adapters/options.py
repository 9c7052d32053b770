"""What may be said about the calls of a wrapped SDK."""

from collections.abc import Callable, Mapping
from typing import TypedDict

from billing_client.receipts import Receipt


class Options(TypedDict, total=False):
    """What `wrap` takes.

    `user`, `run`: labels on the usage. `project`, `agent`: for keys that may act for others. `provider`: its name in
    the price book, where it is not the SDK's own. `input_tokens`: an upper bound of the input for calls that draw in
    more than their text. `min_output_tokens`: the least worth starting for. `tools`: the most calls of each of the
    provider's own tools. `ttl_seconds`: how long a hold may go without news. `report_seconds`: between two reports of
    a running stream, 2 unless said. `on_receipt`: called with the receipt of each call that was settled.
    """

    user: str
    run: str
    project: str
    agent: str
    provider: str
    input_tokens: int
    min_output_tokens: int
    tools: Mapping[str, int]
    ttl_seconds: int
    report_seconds: float
    on_receipt: Callable[[Receipt], object]


def checked(options: Options) -> Options:
    """The options. Raises TypeError for one there is not: a label spelt wrongly would be missing from every receipt."""
    if unknown := set(options) - set(Options.__annotations__):
        raise TypeError(f"no such option: {', '.join(sorted(unknown))}")
    return options
