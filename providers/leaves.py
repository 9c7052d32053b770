"""The disjoint leaves of usage: every token of a call is counted in exactly one."""

from enum import StrEnum


class Leaf(StrEnum):
    """A kind of token or of server-tool call. Providers' overlapping totals are split into these at the edge."""

    INPUT = "input"  # not read from a cache, not written to one
    CACHE_READ = "cache_read"
    CACHE_WRITE_5M = "cache_write_5m"
    CACHE_WRITE_1H = "cache_write_1h"
    INPUT_AUDIO = "input_audio"
    INPUT_IMAGE = "input_image"
    OUTPUT = "output"  # visible text, without reasoning
    REASONING = "reasoning"
    OUTPUT_AUDIO = "output_audio"
    OUTPUT_IMAGE = "output_image"
    WEB_SEARCH = "web_search"  # calls of the provider's own tools; priced per 1M calls like all else
    FILE_SEARCH = "file_search"
    CODE_EXECUTION = "code_execution"


OUTPUT_SIDE = frozenset({Leaf.OUTPUT, Leaf.REASONING, Leaf.OUTPUT_AUDIO, Leaf.OUTPUT_IMAGE})
TOOL_CALLS = frozenset({Leaf.WEB_SEARCH, Leaf.FILE_SEARCH, Leaf.CODE_EXECUTION})
INPUT_SIDE = frozenset(Leaf) - OUTPUT_SIDE - TOOL_CALLS

# A provider that lists no price of its own for a leaf bills it as the wider one it is a part of: reasoning is output,
# a cached or spoken prompt is a prompt. Tool calls are part of nothing.
PART_OF: dict[Leaf, Leaf] = (
    dict.fromkeys(INPUT_SIDE - {Leaf.INPUT}, Leaf.INPUT)
    | dict.fromkeys(OUTPUT_SIDE - {Leaf.OUTPUT}, Leaf.OUTPUT)
    | {Leaf.CACHE_WRITE_1H: Leaf.CACHE_WRITE_5M}
)
