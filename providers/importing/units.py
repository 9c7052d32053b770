"""Which prices of the list price which leaf, and in what the list counts.

The list's prices are nested: one holds for all below it that has none of its own (`input_mtok` for all input). Ours are
disjoint. So each leaf names the list's prices that can be its own, nearest first.
"""

from decimal import Decimal, localcontext
from functools import cache

from genai_prices.data_units import unit_data
from genai_prices.units import UnitRegistry

from common.money import EXACT
from providers.leaves import PART_OF, Leaf

PRICE_KEYS: dict[Leaf, tuple[str, ...]] = {
    Leaf.INPUT: ("input_mtok",),
    Leaf.CACHE_READ: ("cache_read_mtok",),
    Leaf.CACHE_READ_AUDIO: ("cache_audio_read_mtok", "cache_read_mtok", "input_audio_mtok"),
    Leaf.CACHE_READ_IMAGE: ("cache_image_read_mtok", "cache_read_mtok", "input_image_mtok"),
    # Anthropic's writes for five minutes stand there as those of no named time.
    Leaf.CACHE_WRITE_5M: ("cache_write_5m_mtok", "cache_write_mtok"),
    Leaf.CACHE_WRITE_1H: ("cache_write_1h_mtok",),
    Leaf.CACHE_WRITE: ("cache_write_mtok",),
    Leaf.INPUT_AUDIO: ("input_audio_mtok",),
    Leaf.INPUT_IMAGE: ("input_image_mtok",),
    Leaf.INPUT_VIDEO: ("input_video_mtok",),
    Leaf.OUTPUT: ("output_mtok",),
    Leaf.REASONING: ("output_reasoning_mtok",),
    Leaf.OUTPUT_AUDIO: ("output_audio_mtok",),
    Leaf.OUTPUT_IMAGE: ("output_image_mtok",),
    Leaf.WEB_SEARCH: ("web_searches_kcount",),
    Leaf.FILE_SEARCH: ("storage_searches_kcount",),
    Leaf.CODE_EXECUTION: ("code_executions_kcount",),
    Leaf.REQUEST: ("requests_kcount",),
}
COUNTED = frozenset(key for keys in PRICE_KEYS.values() for key in keys)


def price_key(leaf: Leaf, priced: "set[str] | frozenset[str]") -> str | None:
    """Which of the list's `priced` keys is the leaf's price. None: it needs no rate of its own, since it has no price
    or the same one as the leaf it is part of."""
    keys = PRICE_KEYS.get(leaf, ())
    found = next((key for key in keys if key in priced), None)
    wider = PART_OF.get(leaf)
    if wider and found in PRICE_KEYS[wider]:
        return None
    return found


def per_million(key: str, price: Decimal) -> Decimal:
    """The list's `price` of a key, in dollars for as many as the list says, for one million. Exact."""
    with localcontext(EXACT):
        return price * 1_000_000 / _registry().unit_for_price_key(key).per


@cache
def _registry() -> UnitRegistry:
    return UnitRegistry(unit_data)
