"""What providers answer, as disjoint leaves. Pure: an answer in, figures out; no database, no clock, no framework.

One module a dialect (`chat`, `responses`, `anthropic`, `google`): each finds the usage in an answer or in the events of
a stream and counts it into a `Tally`, which keeps leaves disjoint and says in words what does not add up. The rules
come from the types of the providers' own SDKs: openai 3.57 (`types/completion_usage.py`, `types/responses/`),
anthropic 2.13 (`types/usage.py`, `types/beta/beta_usage.py`), google-genai 3.6 (`types.py`).
"""

from metering.normalising.dialects import normalise
from metering.normalising.reading import UnreadableUsage
from metering.normalising.result import Normalised

__all__ = ["Normalised", "UnreadableUsage", "normalise"]
