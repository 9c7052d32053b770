"""The disjoint leaves of usage: every token of a call is counted in exactly one."""

from enum import StrEnum


class Leaf(StrEnum):
    """A kind of token or of server-tool call. Providers' overlapping totals are split into these at the edge."""

    INPUT = "input"  # not read from a cache, not written to one
    CACHE_READ = "cache_read"
    CACHE_READ_AUDIO = "cache_read_audio"
    CACHE_READ_IMAGE = "cache_read_image"
    CACHE_WRITE_5M = "cache_write_5m"
    CACHE_WRITE_1H = "cache_write_1h"
    CACHE_WRITE = "cache_write"  # kept for another time than these two
    INPUT_AUDIO = "input_audio"
    INPUT_IMAGE = "input_image"
    INPUT_VIDEO = "input_video"
    OUTPUT = "output"  # visible text, without reasoning
    REASONING = "reasoning"
    OUTPUT_AUDIO = "output_audio"
    OUTPUT_IMAGE = "output_image"
    WEB_SEARCH = "web_search"  # calls of the provider's own tools; priced per 1M calls like all else
    WEB_FETCH = "web_fetch"
    FILE_SEARCH = "file_search"
    CODE_EXECUTION = "code_execution"
    REQUEST = "request"  # one a call, counted only where the model has a price per request


OUTPUT_SIDE = frozenset({Leaf.OUTPUT, Leaf.REASONING, Leaf.OUTPUT_AUDIO, Leaf.OUTPUT_IMAGE})
TOOL_CALLS = frozenset({Leaf.WEB_SEARCH, Leaf.WEB_FETCH, Leaf.FILE_SEARCH, Leaf.CODE_EXECUTION})
INPUT_SIDE = frozenset(Leaf) - OUTPUT_SIDE - TOOL_CALLS - {Leaf.REQUEST}
CACHE_READS = frozenset({Leaf.CACHE_READ, Leaf.CACHE_READ_AUDIO, Leaf.CACHE_READ_IMAGE})

# A provider that lists no price of its own for a leaf bills it as the wider one it is a part of: reasoning is output,
# a cached or spoken prompt is a prompt. Tool calls and
# requests are part of nothing.
PART_OF: dict[Leaf, Leaf] = (
    dict.fromkeys(INPUT_SIDE - {Leaf.INPUT}, Leaf.INPUT)
    | dict.fromkeys(OUTPUT_SIDE - {Leaf.OUTPUT}, Leaf.OUTPUT)
    | {Leaf.CACHE_WRITE_1H: Leaf.CACHE_WRITE_5M}
    | {Leaf.CACHE_READ_AUDIO: Leaf.CACHE_READ, Leaf.CACHE_READ_IMAGE: Leaf.CACHE_READ}
)
