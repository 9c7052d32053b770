"""The addresses of the three providers."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from local.providers import anthropic_messages, control, google_content, models, openai_chat, openai_responses
from local.providers.reception import Handler, Settings, State, endpoint


def create(settings: Settings) -> Starlette:
    """The application, with a memory of its own."""
    app = Starlette(routes=[*_OWN, *_OPENAI, *_ANTHROPIC, *_GOOGLE])
    app.state.local = State(settings)
    return app


async def _live(request: Request) -> Response:
    return PlainTextResponse("ok")


_OWN = [
    Route("/livez", _live),
    Route("/_local/faults", control.plant, methods=["POST"]),
    Route("/_local/requests", control.requests),
    Route("/_local/reset", control.reset, methods=["POST"]),
]


def _get(path: str, provider: str, handle: Handler) -> Route:
    return Route(path, endpoint(provider, handle))


def _post(path: str, provider: str, handle: Handler, *, answers: bool = True) -> Route:
    return Route(path, endpoint(provider, handle, answers=answers), methods=["POST"])


_OPENAI = [
    _post("/openai/v1/chat/completions", "openai", openai_chat.create),
    _post("/openai/v1/responses", "openai", openai_responses.create),
    _get("/openai/v1/models", "openai", models.openai_list),
    _get("/openai/v1/models/{model}", "openai", models.openai_one),
]
_ANTHROPIC = [
    _post("/anthropic/v1/messages", "anthropic", anthropic_messages.create),
    _post("/anthropic/v1/messages/count_tokens", "anthropic", anthropic_messages.count_tokens, answers=False),
    _get("/anthropic/v1/models", "anthropic", models.anthropic_list),
    _get("/anthropic/v1/models/{model}", "anthropic", models.anthropic_one),
]
_GOOGLE = [
    route
    for root in ("/google/v1/models", "/google/v1beta/models")  # SDKs before 3.0 use the second
    for route in (
        _post(f"{root}/{{model}}:generateContent", "google", google_content.generate),
        _post(f"{root}/{{model}}:streamGenerateContent", "google", google_content.stream),
        _post(f"{root}/{{model}}:countTokens", "google", google_content.count_tokens, answers=False),
        _get(root, "google", models.google_list),
        _get(f"{root}/{{model}}", "google", models.google_one),
    )
]
