"""The API for agents. Views are thin: authenticate, decode, call the service, answer."""

import uuid
from typing import Any, ClassVar, TypeVar

import msgspec
from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.views import APIView

from common.problems import InvalidFields, Malformed, NotFound, TooLarge, UnsupportedMediaType
from common.tenancy import tenant
from metering import budgeting, requests, schema, selectors, services, usage
from metering.errors import (
    AlreadyEnded,
    BudgetExceeded,
    HasAccrued,
    InsufficientCredits,
    KeyReused,
    ModelNotAllowed,
    ModelNotPriced,
    SuspendedOverrun,
    UnknownModel,
    UnknownName,
)
from organisations.errors import Suspended
from organisations.models import ApiKey

Body = TypeVar("Body", bound=msgspec.Struct)
CALLS, READ = ApiKey.Scope.CALLS, ApiKey.Scope.READ
# What the description names beside the problems that any call may meet.
REFUSED = (
    InsufficientCredits, BudgetExceeded, ModelNotAllowed, Suspended, SuspendedOverrun, KeyReused, UnknownModel,
    ModelNotPriced, UnknownName,
)  # fmt: skip
ENDED = (NotFound, KeyReused, AlreadyEnded)


class AgentView(APIView):
    """One of `scopes` is needed; `ended_keys_too` lets a revoked key end what it opened."""

    scopes: ClassVar[tuple[str, ...]] = (READ, CALLS)
    ended_keys_too: ClassVar[bool] = False
    body_limit: ClassVar[int] = settings.API_BODY_LIMIT

    @property
    def key(self) -> ApiKey:
        """The API key of the caller; authentication has put it there."""
        key: Any = self.request.auth
        assert isinstance(key, ApiKey)
        return key

    def decoded(self, kind: type[Body]) -> Body:
        """The request's body as `kind`. Raises 400, 413, 415 and 422 problems."""
        return requests.decode(kind, _body(self.request, self.body_limit))

    def once(self) -> services.Once:
        """The caller's Idempotency-Key with the fingerprint of this request."""
        request, body = self.request, _body(self.request, self.body_limit)
        key = requests.idempotency_key(request.headers.get("Idempotency-Key"))
        return services.Once(key, requests.fingerprint(request.method or "", request.path, body))


def _body(request: Request, limit: int) -> bytes:
    has_body = request.META.get("CONTENT_LENGTH") not in (None, "", "0") or "Transfer-Encoding" in request.headers
    if has_body and request.content_type.partition(";")[0].strip() != "application/json":
        raise UnsupportedMediaType()
    if request.headers.get("Content-Encoding", "identity") != "identity":
        raise UnsupportedMediaType("A body is taken as it is, not compressed.")
    # Say no before reading: a body of gigabytes must not fill the memory of a process that serves others.
    declared = request.META.get("CONTENT_LENGTH") or "0"
    if not declared.isdecimal():
        raise Malformed("Content-Length is not a number.")
    if int(declared) > limit:
        raise TooLarge()
    try:
        body: bytes = request.body
    except RequestDataTooBig:
        raise TooLarge() from None
    if len(body) > limit:  # sent in chunks, without a length
        raise TooLarge()
    return body


def _answer(answer: msgspec.Struct, status: int = 200) -> HttpResponse:
    # The very bytes that the fast lane sends.
    return HttpResponse(msgspec.json.encode(answer), status=status, content_type="application/json")


class Authorisations(AgentView):
    scopes: ClassVar = (CALLS,)

    @extend_schema(**schema.of(requests.Authorise, 201, "Authorisation", idempotent=True, errors=REFUSED))
    def post(self, request: Request) -> HttpResponse:
        """Authorise a call: hold its worst case and learn how much output it may produce."""
        once, wanted = self.once(), self.decoded(requests.Authorise)
        return _answer(services.authorise(key=self.key, request=wanted, once=once), 201)


class ProgressReports(AgentView):
    scopes: ClassVar = (CALLS,)
    ended_keys_too: ClassVar = True

    @extend_schema(**schema.of(requests.Progress, 200, "ProgressAnswer", errors=(NotFound, AlreadyEnded)))
    def post(self, request: Request, hold_id: uuid.UUID) -> HttpResponse:
        """Report what a running call has used so far, and learn whether it may go on."""
        report = self.decoded(requests.Progress)
        return _answer(services.progress(key=self.key, hold_id=hold_id, report=report))


class Settlements(AgentView):
    scopes: ClassVar = (CALLS,)
    ended_keys_too: ClassVar = True
    body_limit: ClassVar = settings.SETTLE_BODY_LIMIT

    @extend_schema(**schema.of(requests.Settle, 200, "SettledReceipt", idempotent=True, errors=ENDED))
    def post(self, request: Request, hold_id: uuid.UUID) -> HttpResponse:
        """Settle a call with what it used, by leaf or as the provider answered; the answer is the receipt."""
        once, report = self.once(), self.decoded(requests.Settle)
        return _answer(services.settle(key=self.key, hold_id=hold_id, report=report, once=once))


class Releases(AgentView):
    scopes: ClassVar = (CALLS,)
    ended_keys_too: ClassVar = True

    @extend_schema(**schema.of(requests.Release, 200, "Released", idempotent=True, errors=(*ENDED, HasAccrued)))
    def post(self, request: Request, hold_id: uuid.UUID) -> HttpResponse:
        """Release a call that was not made."""
        once, _ = self.once(), self.decoded(requests.Release)
        return _answer(services.release(key=self.key, hold_id=hold_id, once=once))


class Receipts(AgentView):
    @extend_schema(**schema.of(None, 200, "Receipt", errors=(NotFound,)))
    def get(self, request: Request, hold_id: uuid.UUID) -> HttpResponse:
        """The receipt of a settled call."""
        key = self.key
        with tenant(key.organisation_id, snapshot=True):
            return _answer(selectors.receipt_for(key, hold_id))


class Balances(AgentView):
    @extend_schema(**schema.of(None, 200, "Balance"))
    def get(self, request: Request) -> HttpResponse:
        """The wallet's figures of this moment."""
        key = self.key
        with tenant(key.organisation_id, snapshot=True):
            return _answer(selectors.balance(key.organisation))


class ModelList(AgentView):
    @extend_schema(**schema.of(None, 200, "Models"))
    def get(self, request: Request) -> HttpResponse:
        """The models this key may call, at the prices it would pay."""
        key = self.key
        with tenant(key.organisation_id, snapshot=True):
            return _answer(selectors.offers(key.organisation))


class UsageSums(AgentView):
    @extend_schema(**schema.of(None, 200, "UsageSums", errors=(InvalidFields,), query=usage.QUERY))
    def get(self, request: Request) -> HttpResponse:
        """What was used and charged in a period, summed by model, agent, project, member, provider or day."""
        key, question = self.key, usage.read_question(request.query_params)
        with tenant(key.organisation_id, snapshot=True):
            return _answer(usage.usage_for(key, question))


class BudgetList(AgentView):
    scopes: ClassVar = (READ,)

    @extend_schema(**schema.of(None, 200, "Budgets", errors=(InvalidFields,), query=budgeting.QUERY))
    def get(self, request: Request) -> HttpResponse:
        """The organisation's running budgets with what is used, held and left. Owners and admins set them."""
        key, question = self.key, budgeting.read_question(request.query_params)
        with tenant(key.organisation_id, snapshot=True):
            return _answer(budgeting.budgets_for(key, question))


class RunBudgets(AgentView):
    scopes: ClassVar = (CALLS,)

    @extend_schema(**schema.of(requests.RunBudget, 200, "Budget"))
    def post(self, request: Request) -> HttpResponse:
        """Set what the calls of one run may cost together, before the first of them; later it may be lowered."""
        return _answer(budgeting.open_run(self.key, self.decoded(requests.RunBudget)))


class KeyLimits(AgentView):
    @extend_schema(**schema.of(None, 200, "Limits"))
    def get(self, request: Request) -> HttpResponse:
        """What binds this key now: the wallet, a suspension, and the budgets that count all of its calls."""
        key = self.key
        with tenant(key.organisation_id, snapshot=True):
            return _answer(budgeting.limits_for(key))
