"""Searches that ground a Gemini answer."""

import re
from collections.abc import Sequence

from metering.normalising.google_names import in_snake_case
from metering.normalising.reading import Json, inner
from metering.normalising.tally import Tally
from providers.leaves import Leaf

BILLED_BY_QUERY = 3  # since this generation (ai.google.dev/gemini-api/docs/google-search, "Pricing")
_GENERATION = re.compile(r"gemini-(\d{1,3})")


def count_searches(tally: Tally, candidates: Sequence[Json], model: str | None) -> dict[str, int]:
    """Count what Google bills: from Gemini 3 on each different query that is not empty; before, and where the model is
    not known, one for the whole grounded answer. Returns the queries made, by tool."""
    queries = {query for candidate in candidates for query in _queries(candidate)}
    if not queries:
        return {}
    generation = _GENERATION.search(model or "")
    by_query = generation is not None and int(generation[1]) >= BILLED_BY_QUERY
    tally.add(Leaf.WEB_SEARCH, len(queries) if by_query else 1)
    return {"web_search_queries": len(queries)}


def _queries(candidate: Json) -> list[str]:
    found = in_snake_case(inner(candidate, "grounding_metadata")).get("web_search_queries")
    return [query for query in found if isinstance(query, str) and query] if isinstance(found, list) else []
