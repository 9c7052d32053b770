"""Which key a request carries. Any key will do, except one that says it is wrong."""

from starlette.requests import Request

from local.providers.errors import Kind, Refused


def check(request: Request, provider: str) -> None:
    """Raises Refused when the key is missing where `provider` looks for it, or contains "wrong"."""
    key = _find(request, provider)
    if not key:
        raise Refused(Kind.NO_KEY, "This request carries no API key.")
    if "wrong" in key:
        raise Refused(Kind.WRONG_KEY, f"The API key {key[:6]}… is not valid.")


def _find(request: Request, provider: str) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    bearer = token.strip() if scheme.lower() == "bearer" else ""
    if provider == "openai":
        return bearer
    if provider == "anthropic":  # SDKs before 2.0 send the first, later ones the second
        return request.headers.get("x-api-key", "") or bearer
    return request.headers.get("x-goog-api-key", "") or request.query_params.get("key", "")
