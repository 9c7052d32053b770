"""How several workers share the tests (`-n`): file by file, but what measures time or fills the machine is one share.

Both big shares are handed out first; the files fill up what is left.
"""

from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

# One worker does a share in one go, so that its parts never run beside each other.
SHARES = {
    "browser": ("tests/browser/",),
    "processes": ("tests/processes/", "tests/local/", "tests/flows/test_hard_stop.py"),
}


def share(nodeid: str) -> str:
    """The share that a test belongs to: one of the above, or its file."""
    file = nodeid.partition("::")[0]
    return next((name for name, places in SHARES.items() if file.startswith(places)), file)


def longest_first(items: list[pytest.Item]) -> None:
    """Sort the big shares to the front; else the last of them would begin when the other worker has nothing left."""
    order = list(SHARES)
    items.sort(key=lambda item: order.index(name) if (name := share(item.nodeid)) in order else len(order))


class Sharing(LoadScopeScheduling):
    """Hands out shares in the order of the tests."""

    def __init__(self, config: pytest.Config, log: Any) -> None:
        super().__init__(config, log)
        config.option.loadscopereorder = False

    def _split_scope(self, nodeid: str) -> str:
        return share(nodeid)
