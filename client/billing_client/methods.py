"""How an operation becomes a method, so that its arguments and their explanation stand in one place."""

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

Method = TypeVar("Method", bound=Callable[..., Any])


def like(operation: Callable[..., Any], name: str = "", words: str | None = "") -> Callable[[Method], Method]:
    """Give a method the arguments of `operation` with `self` in front, and its name and explanation unless others."""

    def describe(method: Method) -> Method:
        signature = inspect.signature(operation)
        own = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
        described: Any = method  # mypy: a Callable has none of these, a function does
        described.__name__, described.__doc__ = name or operation.__name__, words or operation.__doc__
        described.__signature__ = inspect.Signature([own, *signature.parameters.values()])
        return method

    return describe
