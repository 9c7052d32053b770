"""What is asked of the ledger by one call of an agent, and how its answer is made of what became of it."""

import uuid
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, ClassVar

from msgspec import Struct

from common.problems import Problem
from metering import answers, ledger, offers, requests, services
from metering.rating import STANDARD
from organisations.models import ApiKey
from wallets.models import Hold


class Elsewhere(Exception):
    """Not a plain case: `metering.api` answers it."""


@dataclass(slots=True)
class Authorise:
    """Open a call on terms that this process remembers."""

    kind: ClassVar[str] = "authorise"
    key: ApiKey
    request: requests.Authorise
    once: services.Once
    hold: None = None
    organisation: int = field(init=False)
    marks: frozenset[str] = field(init=False)
    _offer: offers.Offer = field(init=False)
    _operation: ledger.Authorise = field(init=False)

    def __post_init__(self) -> None:
        key, request = self.key, self.request
        self.organisation = key.organisation_id
        self.marks = frozenset((self.once.key,))
        offer = offers.remembered(*self._named())
        own = (key.project, key.agent)
        if offer is None or own[0] is None or own[1] is None or not _own(key, request):
            raise Elsewhere
        plan = services.prepared(key, request, offer, own[0], own[1])
        self._offer = offer
        self._operation = services.authorise_operation(key, request, self.once, plan)
        self._operation.edition, self._operation.good_until = offer.edition, offer.good_until

    def operation(self, facts: None) -> ledger.Authorise:
        return self._operation

    def answer(self, result: ledger.Result) -> tuple[int, Struct | Problem]:
        if result.outcome == "refused" and not result.replayed:
            problem = services.refusal(self.key, result)
            return problem.status, problem
        if result.outcome == "stale":
            offers.forget(*self._named())
        if result.outcome != "authorised" or result.replayed or result.hold is None:
            raise Elsewhere
        currency = self.key.organisation.currency
        return 201, answers.authorisation(result.hold, result.figures, self._offer.prices, currency)

    def _named(self) -> tuple[int, str, str, str]:
        request = self.request
        return self.key.organisation_id, request.provider, request.model, request.service_tier or STANDARD


@dataclass(slots=True)
class _OnACall:
    """Something about a call that is open."""

    key: ApiKey
    hold: uuid.UUID
    organisation: int = field(init=False)
    marks: frozenset[str] = field(init=False)
    call: Any = field(init=False, default=None)

    def _found(self, facts: Any) -> Any:
        """The call, if it is open and this very key opened it: what else a key may end depends on whether it is still
        in force, and that is not asked here."""
        if facts is None or facts.organisation != self.key.organisation_id or facts.state != Hold.State.OPEN:
            raise Elsewhere
        if facts.api_key != self.key.pk:
            raise Elsewhere
        self.call = _call(facts)
        return self.call


@dataclass(slots=True)
class Progress(_OnACall):
    """Report what a call has used so far."""

    kind: ClassVar[str] = "progress"
    report: requests.Progress

    def __post_init__(self) -> None:
        self.organisation, self.marks = self.key.organisation_id, frozenset((str(self.hold),))

    def operation(self, facts: Any) -> ledger.Progress:
        return services.progress_operation(self._found(facts), self.report)

    def answer(self, result: ledger.Result) -> tuple[int, Struct | Problem]:
        if result.outcome not in ("continue", "stop"):
            raise Elsewhere
        currency = self.key.organisation.currency
        return 200, answers.ProgressAnswer(decision=result.outcome, currency=currency, **result.figures)  # type: ignore[arg-type]


@dataclass(slots=True)
class Settle(_OnACall):
    """Charge a call for what it used, as leaves or as the provider's complete answer says."""

    kind: ClassVar[str] = "settle"
    report: requests.Settle
    once: services.Once
    _operation: ledger.Settle = field(init=False)

    def __post_init__(self) -> None:
        self.organisation = self.key.organisation_id
        self.marks = frozenset((self.once.key, str(self.hold)))

    def operation(self, facts: Any) -> ledger.Settle:
        self._operation = services.settle_operation(self._found(facts), self.report, self.once)
        if self._operation.estimated:
            raise Elsewhere  # what progress reported steps in, and that is not among the facts
        return self._operation

    def answer(self, result: ledger.Result) -> tuple[int, Struct | Problem]:
        if result.outcome != "settled" or result.replayed:
            raise Elsewhere
        receipt = answers.receipt([_record(self.call, self._operation, result, self.key)], _transfers(result))
        return 200, answers.settled_receipt(receipt, result.figures["available"])


@dataclass(slots=True)
class Release(_OnACall):
    """Give back the hold of a call that was not made."""

    kind: ClassVar[str] = "release"
    once: services.Once

    def __post_init__(self) -> None:
        self.organisation = self.key.organisation_id
        self.marks = frozenset((self.once.key, str(self.hold)))

    def operation(self, facts: Any) -> ledger.Release:
        self._found(facts)
        return ledger.Release(self.organisation, self.once.key, self.once.fingerprint, str(self.hold), "call")

    def answer(self, result: ledger.Result) -> tuple[int, Struct | Problem]:
        if result.outcome != "released" or result.replayed:
            raise Elsewhere
        currency = self.key.organisation.currency
        return 200, answers.Released(str(self.hold), "released", currency=currency, **result.figures)


def _own(key: ApiKey, request: requests.Authorise) -> bool:
    """Whether the call is for the key's own project and agent."""
    assert key.project is not None and key.agent is not None  # noqa: PT018  (asked before)
    return request.project in (None, key.project.slug) and request.agent in (None, key.agent.slug)


def _call(facts: Any) -> Any:
    """What `services` and `answers` read of a `Call`, from the facts of one that is open."""
    call = SimpleNamespace(
        pk=facts.hold, organisation_id=facts.organisation, input_tokens=facts.input_tokens, progress={},
        max_output_tokens=facts.max_output_tokens, clamped=facts.clamped, facts=facts,
    )  # fmt: skip
    call.hold = SimpleNamespace(
        pk=facts.hold, terms_id=facts.terms, amount=facts.amount, state=facts.state, ended_by="call",
        authorised_at=facts.authorised_at, call=call,
    )  # fmt: skip
    return call


def _record(call: Any, operation: ledger.Settle, result: ledger.Result, key: ApiKey) -> Any:
    """What `answers` reads of the `UsageRecord` that was just written."""
    facts, figures = call.facts, result.figures
    call.hold.amount = Decimal(figures["held"])  # progress may have let it grow since the facts were read
    return SimpleNamespace(
        hold=call.hold, status=operation.status, estimated=False, flags=operation.flags, revision=0,
        project=SimpleNamespace(slug=facts.project_slug), agent=SimpleNamespace(slug=facts.agent_slug),
        user=facts.user, run=facts.run, service_tier=operation.service_tier, class_tokens=operation.class_tokens,
        leaves=operation.leaves, raw=operation.raw, list_cost=Decimal(operation.list_cost),
        cost=Decimal(operation.cost), charge=Decimal(figures["charge"]), absorbed=Decimal(figures["absorbed"]),
        organisation=key.organisation, posted_at=datetime.fromisoformat(figures["posted_at"]),
    )  # fmt: skip


def _transfers(result: ledger.Result) -> list[Any]:
    return [
        SimpleNamespace(
            pk=row["id"], debit=row["debit"], credit="usage_revenue", amount=Decimal(row["amount"]),
            balance_after=Decimal(row["balance_after"]),
        )
        for row in result.transfers
    ]  # fmt: skip
