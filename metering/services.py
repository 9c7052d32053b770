"""Authorise, progress, settle, release: what an agent's API key may have done. Each is a batch of one.

Rating happens here, in Python, on frozen terms; the database then checks, moves money and writes usage in one step.
"""

import uuid
from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

from common.clock import billing_now
from common.money import plain, round_up
from common.problems import InvalidFields, NotFound, Problem
from common.tenancy import tenant
from metering import answers, ledger, offers, reported, requests
from metering.errors import (
    AlreadyEnded,
    BudgetExceeded,
    HasAccrued,
    InsufficientCredits,
    KeyReused,
    ModelNotPriced,
    SuspendedOverrun,
    UnknownModel,
    UnknownName,
)
from metering.flags import few
from metering.models import Call
from metering.offers import Offer
from metering.proof import used
from metering.rating import STANDARD, NotPriced, Quote, Rated, rate_usage, with_request
from metering.selectors import allowed_plan, call_for, may_end, remembered, settlement
from metering.terms import store, stored_terms, terms_of
from organisations.authentication import require, require_active
from organisations.errors import Suspended, Unauthenticated
from organisations.models import Agent, ApiKey, Project
from plans.selectors import edition
from providers.leaves import Leaf
from providers.selectors import find_model, next_change, rates_in_force
from wallets.models import Hold

DEFAULT_OUTPUT = 4096
LATE = "Reported after the hold had expired: paid from what was available then."
LARGEST = Decimal(10) ** 10  # numeric(20,9) ends at ten times this


class Once(NamedTuple):
    """How a caller makes sure that something happens once: their key, and the fingerprint of what they ask."""

    key: str
    fingerprint: str


class Prepared(NamedTuple):
    """What authorise found out before it asks for money."""

    offer: Offer
    quote: Quote
    asked: int
    wanted: int
    project: Project
    agent: Agent


def authorise(*, key: ApiKey, request: requests.Authorise, once: Once) -> answers.Authorisation:
    """Hold the worst case of a call, clamped to what the wallet and its budgets can pay.

    Raises `Suspended`, `SuspendedOverrun`, `MissingScope`, `UnknownModel`, `ModelNotAllowed`, `ModelNotPriced`,
    `UnknownName`, `InvalidFields`, `KeyReused`, and `InsufficientCredits` or `BudgetExceeded` where not even
    `min_output_tokens` can be paid.
    """
    require_active(key)
    try:
        with tenant(key.organisation_id):
            plan = _prepare(key, request)
    except Problem:
        # The price book may have changed since this key's first call; its first answer still stands.
        if (first := _first_answer(key, once)) is None:
            raise
        return first
    operation = authorise_operation(key, request, once, plan)
    [result] = ledger.authorise([operation])
    if result.outcome == "terms_unknown":
        store(plan.offer.terms)
        [result] = ledger.authorise([operation])
    if result.outcome == "authorised" and result.replayed:
        first = _first_answer(key, once)
        assert first is not None  # it was just found under the lock, and records are never deleted
        return first
    if result.outcome != "authorised":
        raise refusal(key, result)
    assert result.hold is not None
    return answers.authorisation(result.hold, result.figures, plan.offer.prices, key.organisation.currency)


def progress(*, key: ApiKey, hold_id: uuid.UUID, report: requests.Progress) -> answers.ProgressAnswer:
    """Note what a running call has used so far and say whether it may go on. Raises `NotFound`, `AlreadyEnded`."""
    with tenant(key.organisation_id):
        call = call_for(key, hold_id)
    [result] = ledger.progress([progress_operation(call, report)])
    if result.outcome not in ("continue", "stop"):
        raise refusal(key, result)
    return answers.ProgressAnswer(decision=result.outcome, currency=key.organisation.currency, **result.figures)  # type: ignore[arg-type]


def settle(*, key: ApiKey, hold_id: uuid.UUID, report: requests.Settle, once: Once) -> answers.SettledReceipt:
    """Charge a call for what it used, once, and return its receipt.

    What exceeds the hold and the wallet is absorbed by the platform. A call that was settled by estimate may be settled
    once more within a day, with what it really used: that revises it. Raises `NotFound`, `AlreadyEnded`, `KeyReused`.
    """
    with tenant(key.organisation_id):
        call = call_for(key, hold_id)
    [result] = ledger.settle([settle_operation(call, report, once)])
    if result.outcome == "ended" and result.figures["state"] == Hold.State.SETTLED:
        result = _revised(call, report, once, result)
    if result.outcome not in ("settled", "revised"):
        raise refusal(key, result)
    with tenant(key.organisation_id):
        found = settlement(key.organisation_id, hold_id).as_of(result.figures.get("revision", 0))
        return answers.settled_receipt(answers.receipt(*found), result.figures["available"])


def release(*, key: ApiKey, hold_id: uuid.UUID, once: Once) -> answers.Released:
    """Give a hold back unspent. Raises `NotFound`, `AlreadyEnded`, `KeyReused`, `HasAccrued` (cost was reported)."""
    with tenant(key.organisation_id):
        call_for(key, hold_id)
    operation = ledger.Release(key.organisation_id, once.key, once.fingerprint, str(hold_id), "call")
    [result] = ledger.release([operation])
    if result.outcome != "released":
        raise refusal(key, result)
    return answers.Released(str(hold_id), "released", currency=key.organisation.currency, **result.figures)


def _prepare(key: ApiKey, request: requests.Authorise) -> Prepared:
    offer = _offer(key, request)
    offers.remember(key.organisation_id, request.provider, request.model, offer.terms.tier, offer)
    return prepared(key, request, offer, *_booked_on(key, request))


def prepared(key: ApiKey, request: requests.Authorise, offer: Offer, project: Project, agent: Agent) -> Prepared:
    """The call as the wallet will be asked for it. Raises `InvalidFields`, `ModelNotPriced`."""
    model = offer.model
    if request.input_tokens > model.context_tokens:
        raise _invalid("input_tokens", f"{model.name} takes at most {model.context_tokens} tokens.")
    if request.min_output_tokens > model.max_output_tokens:
        raise _invalid("min_output_tokens", f"{model.name} gives at most {model.max_output_tokens} tokens.")
    try:
        worst = offer.quote(request.input_tokens, request.input_leaves, request.tools)
    except NotPriced as error:
        raise ModelNotPriced(f"{error} of {model.name} has no price.", unpriced=str(error)) from None
    asked = request.max_output_tokens or max(min(DEFAULT_OUTPUT, model.max_output_tokens), request.min_output_tokens)
    return Prepared(offer, worst, asked, min(asked, model.max_output_tokens), project, agent)


def _offer(key: ApiKey, request: requests.Authorise) -> Offer:
    """The model at this organisation's terms, looked up now."""
    # Asked for first: what changes while the rest is read makes the offer one of an earlier edition, never of a later.
    number, now = edition(), billing_now()
    model = find_model(request.provider, request.model)
    if model is None:
        raise UnknownModel(f"{request.provider} serves no model {request.model} here.")
    plan = allowed_plan(key.organisation_id, model)
    terms = terms_of(model, plan, rates_in_force([model.pk], now), request.service_tier or STANDARD)
    if terms.tier not in terms.tiers:
        raise ModelNotPriced(f"{model.name} has no price at service tier {terms.tier}.", unpriced=terms.tier)
    change = next_change(model.pk, now)
    return Offer(model, terms, number, change.isoformat() if change else None)


def _booked_on(key: ApiKey, request: requests.Authorise) -> tuple[Project, Agent]:
    """The key's project and agent, or with `act_for` the ones named; an unknown name is never made."""
    assert key.project is not None and key.agent is not None  # noqa: PT018  (a CHECK binds keys for calls)
    wanted = (request.project or key.project.slug, request.agent or key.agent.slug)
    if wanted == (key.project.slug, key.agent.slug):
        return key.project, key.agent
    require(key, ApiKey.Scope.ACT_FOR)
    agents = Agent.objects.select_related("project").filter(organisation_id=key.organisation_id)
    agent = agents.filter(project__slug=wanted[0], slug=wanted[1]).first()
    if agent is None:
        raise UnknownName(f"There is no agent {wanted[1]} in a project {wanted[0]}.")
    return agent.project, agent


def authorise_operation(key: ApiKey, request: requests.Authorise, once: Once, plan: Prepared) -> ledger.Authorise:
    """What the ledger is asked for."""
    return ledger.Authorise(
        organisation=key.organisation_id, key=once.key, fingerprint=once.fingerprint, hold=str(uuid.uuid4()),
        fixed=plain(plan.quote.fixed), unit=plain(plan.quote.per_output_token),
        asked=plan.asked, wanted=plan.wanted, minimum=request.min_output_tokens, ttl=request.ttl_seconds,
        terms=str(plan.offer.digest), subjects=_subjects(key, request, plan),
        project=plan.project.pk, agent=plan.agent.pk, api_key=key.pk, model=plan.offer.model.pk,
        user=request.user or "", run=request.run or "",
        input_tokens=request.input_tokens, dispatched=request.dispatched,
    )  # fmt: skip


def _subjects(key: ApiKey, request: requests.Authorise, plan: Prepared) -> list[str]:
    """What the call is booked on, as budgets name it."""
    named = [("member", request.user), ("run", request.run)]
    return [
        "organisation:", f"project:{plan.project.pk}", f"agent:{plan.agent.pk}", f"key:{key.pk}",
        *(f"{scope}:{label}" for scope, label in named if label),
    ]  # fmt: skip


def progress_operation(call: Call, report: requests.Progress) -> ledger.Progress:
    """What the ledger is told of a running call."""
    rated = _priced(call, with_request(stored_terms(call.hold.terms_id), report.usage))
    usage = {leaf.value: tokens for leaf, tokens in report.usage.items()}
    return ledger.Progress(call.organisation_id, str(call.pk), report.seq, plain(round_up(rated.exact)), usage)


def settle_operation(call: Call, report: requests.Settle, once: Once) -> ledger.Settle:
    """What the ledger is asked to charge. Raises `InvalidFields` for usage that can't be read."""
    terms = stored_terms(call.hold.terms_id)
    found = reported.read(report, provider=terms.provider, declared_input=call.input_tokens, progress=call.progress)
    usage = with_request(terms, found.leaves) if found.leaves else {}
    late = [LATE] if call.hold.state == Hold.State.RELEASED else []
    rated = _priced(call, usage, tier=found.service_tier, model=found.model, class_tokens=found.class_tokens)
    return ledger.Settle(
        organisation=call.organisation_id, key=once.key, fingerprint=once.fingerprint, hold=str(call.pk),
        cost=plain(rated.cost), ended_by="call", record=str(uuid.uuid4()), status=report.status,
        service_tier=rated.tier, class_tokens=found.class_tokens,
        leaves={leaf.value: tokens for leaf, tokens in usage.items()}, list_cost=plain(rated.list_cost),
        estimated=found.estimated, flags=few(*late, *found.flags, *rated.flags), raw=found.raw,
    )  # fmt: skip


def _revised(call: Call, report: requests.Settle, once: Once, ended: ledger.Result) -> ledger.Result:
    """Settle a call once more, where what it was settled with is an estimate; else `ended`, as it was answered."""
    with tenant(call.organisation_id, snapshot=True):
        records = settlement(call.organisation_id, call.pk).records
    if not records[-1].estimated:
        return ended
    new, before = settle_operation(call, report, once), used(records)
    leaves = {leaf: new.leaves.get(leaf, 0) - before.get(Leaf(leaf), 0) for leaf in {*new.leaves, *before}}
    listed = sum(record.list_cost for record in records)
    return ledger.revise(ledger.Revise(
        organisation=new.organisation, key=once.key, fingerprint=once.fingerprint, hold=new.hold, cost=new.cost,
        record=new.record, base=len(records), status=new.status, service_tier=new.service_tier,
        class_tokens=new.class_tokens, leaves={leaf: n for leaf, n in leaves.items() if n},
        list_cost=plain(Decimal(new.list_cost) - listed), estimated=new.estimated, flags=new.flags, raw=new.raw,
    ))  # fmt: skip


def _priced(
    call: Call,
    usage: Mapping[Leaf, int],
    *,
    tier: str | None = None,
    model: str | None = None,
    class_tokens: int | None = None,
) -> Rated:
    """What usage costs at the call's terms (see `rate_usage`); no call costs more than a column of the ledger holds."""
    rated = rate_usage(stored_terms(call.hold.terms_id), usage, tier=tier, model=model, class_tokens=class_tokens)
    if max(rated.cost, rated.list_cost) >= LARGEST:
        raise _invalid("usage", f"It would cost {plain(rated.cost)}, which no call can.")
    return rated


def _first_answer(key: ApiKey, once: Once) -> answers.Authorisation | None:
    """What this Idempotency-Key got the first time: the same answer, or the same refusal raised again."""
    with tenant(key.organisation_id):
        record = remembered(key.organisation_id, once.key)
        call = Call.objects.filter(pk=record.hold_id).first() if record else None
    if record is None:
        return None
    # Another project's key that happens to use the same Idempotency-Key must not run on this one's hold.
    same = record.fingerprint == once.fingerprint and (call is None or may_end(key, call))
    outcome = record.outcome if same else "key_reused"
    if outcome != "authorised":
        raise refusal(key, ledger.Result(outcome, None, record.figures, True))
    assert record.hold is not None
    terms = stored_terms(record.hold.terms_id)
    return answers.authorisation(str(record.hold.pk), record.figures, answers.prices(terms), key.organisation.currency)


def refusal(key: ApiKey, result: ledger.Result) -> Problem:
    """The problem that says why the ledger did not do what was asked."""
    match result.outcome:
        case "refused":
            kind = InsufficientCredits if result.figures["limiting_scope"] == "wallet" else BudgetExceeded
            return kind(**result.figures, currency=key.organisation.currency, top_up="off")
        case "key_revoked":
            return Unauthenticated("The key is revoked or has expired.")
        case "suspended":
            return Suspended()
        case "suspended_overrun":
            return SuspendedOverrun()
        case "key_reused":
            return KeyReused()
        case "accrued":
            return HasAccrued(accrued=result.figures["accrued"])
        case "ended":
            return _ended(result)
    return NotFound()


def _ended(result: ledger.Result) -> AlreadyEnded:
    state, by = result.figures["state"], result.figures["ended_by"]
    link = {"receipt": f"/api/v1/receipts/{result.hold}"} if state == "settled" else {}
    return AlreadyEnded(f"It was {state} by {by}.", state=state, ended_by=by, **link)


def _invalid(name: str, message: str) -> InvalidFields:
    return InvalidFields(message, errors=[{"field": name, "message": message}])
