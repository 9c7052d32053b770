"""Did the provider turn a call away, so that it costs nothing?"""

_UNREACHED = {"ConnectError", "ConnectTimeout", "ClientConnectorError", "PoolTimeout"}


def refused(error: BaseException) -> bool:
    """True for an HTTP error status and for a connection that never stood.

    A time-out or a connection that broke says nothing: the provider may have done the work. Errors are told apart by
    the names that all three SDKs and their HTTP libraries share, since none of those need be installed.
    """
    status = getattr(error, "status_code", None) or getattr(error, "code", None)
    if isinstance(status, int) and 400 <= status < 600 and hasattr(error, "response"):
        return True
    seen: BaseException | None = error
    while seen is not None:
        if _UNREACHED & {kind.__name__ for kind in type(seen).__mro__}:
            return True
        seen = seen.__cause__ or seen.__context__
    return False
