"""Names of models: which ones the list knows as exactly one model."""

import re

from genai_prices.types import ClauseEquals, ClauseOr, ModelInfo, Provider

_SUFFIX = re.compile(r"-(latest|\d{8}|\d{4}-\d{2}-\d{2})$")


def exact_names(model: ModelInfo, provider: Provider) -> tuple[str, ...]:
    """The names that the list takes for this model literally and that fit no other model of the provider."""
    clauses = model.match.or_ if isinstance(model.match, ClauseOr) else [model.match]
    names = [clause.equals for clause in clauses if isinstance(clause, ClauseEquals)]
    return tuple(sorted(name for name in set(names) if sum(m.is_match(name) for m in provider.models) == 1))


def same_model(name: str, other: str) -> bool:
    """Whether two names say the same but for a date or "latest".

    The list also groups models that only cost the same ("gpt-5.2-codex" with "gpt-5.2"): those are no aliases.
    """
    return _SUFFIX.sub("", name) == _SUFFIX.sub("", other)
