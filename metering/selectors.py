"""Reads of calls, usage and prices, each within the scope of one organisation."""

import uuid
from typing import NamedTuple

from django.db.models import Sum

from common.clock import billing_now
from common.money import plain
from common.problems import NotFound
from metering import answers
from metering.errors import ModelNotAllowed
from metering.models import Call, UsageRecord
from metering.rating import STANDARD
from metering.terms import terms_of
from organisations.models import ApiKey, Organisation
from organisations.selectors import is_in_force
from plans.models import Plan
from plans.selectors import plan_of
from providers.leaves import Leaf
from providers.models import Model, Rate
from providers.selectors import all_models, rates_in_force
from wallets.models import Hold, IdempotencyRecord, Transfer, Wallet


def call_for(key: ApiKey, hold_id: uuid.UUID) -> Call:
    """The call behind a hold that this key may report on and end: its own, one of its project and agent, or any of
    the organisation with `act_for`. Raises `NotFound` for all others alike."""
    call = Call.objects.select_related("hold").filter(pk=hold_id, organisation_id=key.organisation_id).first()
    if call is None or not may_end(key, call):
        raise NotFound()
    return call


def may_end(key: ApiKey, call: Call) -> bool:
    """Whether this key may report on the call and end it."""
    if call.api_key_id == key.pk:
        return True
    if not is_in_force(key):  # revoked or expired, it may only end what it opened itself
        return False
    same = (call.project_id, call.agent_id) == (key.project_id, key.agent_id)
    return same or ApiKey.Scope.ACT_FOR in key.scopes


class Settlement(NamedTuple):
    """A settled call: its usage record, then its revisions, oldest first; and the ledger rows that it posted."""

    records: list[UsageRecord]
    transfers: list[Transfer]

    @property
    def first(self) -> UsageRecord:
        return self.records[0]

    def as_of(self, revision: int) -> "Settlement":
        """As it was with that revision: what the call that made it is answered, however late it asks again."""
        at = self.records[revision].posted_at
        return Settlement(self.records[: revision + 1], [row for row in self.transfers if row.posted_at <= at])


def settlement(organisation_id: int, hold_id: uuid.UUID) -> Settlement:
    """The settlement of a hold with all that a receipt names; raises `NotFound`."""
    related = ("hold__call", "project", "agent", "model__provider", "organisation", "api_key")
    mine = {"organisation_id": organisation_id, "hold_id": hold_id}
    records = list(UsageRecord.objects.select_related(*related).filter(**mine).order_by("revision"))
    if not records:
        raise NotFound()
    return Settlement(records, list(Transfer.objects.filter(**mine).order_by("pk")))


def receipt_for(key: ApiKey, hold_id: uuid.UUID) -> answers.Receipt:
    """The receipt of a settled call; a key without `read` sees its own project and agent only."""
    found = settlement(key.organisation_id, hold_id)
    record = found.first
    own = record.api_key_id == key.pk or (record.project_id, record.agent_id) == (key.project_id, key.agent_id)
    if not (own or {ApiKey.Scope.READ, ApiKey.Scope.ACT_FOR} & set(key.scopes)):
        raise NotFound()
    return answers.receipt(*found)


def remembered(organisation_id: int, key: str) -> IdempotencyRecord | None:
    """What an Idempotency-Key of the API was used for before."""
    records = IdempotencyRecord.objects.select_related("hold")
    return records.filter(organisation_id=organisation_id, scope="api", key=key).first()


def balance(organisation: Organisation) -> answers.Balance:
    """The wallet's figures of one moment; the caller is inside a snapshot."""
    wallet = Wallet.objects.filter(organisation=organisation).first() or Wallet(organisation=organisation)
    open_holds = Hold.objects.filter(organisation=organisation, state=Hold.State.OPEN)
    accrued = open_holds.aggregate(total=Sum("accrued"))["total"] or 0
    return answers.Balance(
        balance=f"{wallet.balance:.9f}",
        held=f"{wallet.held:.9f}",
        available=f"{wallet.balance - wallet.held:.9f}",
        accrued=f"{accrued:.9f}",
        currency=organisation.currency,
        as_of=answers.moment(billing_now()),
    )


def allowed_plan(organisation_id: int, model: Model) -> Plan:
    """The organisation's plan, if it includes the model; raises `ModelNotAllowed`."""
    plan = plan_of(organisation_id)
    if plan is None:
        raise ModelNotAllowed("The organisation is on no plan.")
    if model.access_class not in plan.access_classes:
        raise ModelNotAllowed(f"{plan.name} doesn't include {model.access_class} models such as {model.name}.")
    return plan


def offers(organisation: Organisation) -> answers.Models:
    """The models that an organisation's plan includes and that have a price, with its prices."""
    plan = plan_of(organisation.pk)
    models = [m for m in all_models() if plan and m.access_class in plan.access_classes]
    by_model: dict[int, list[Rate]] = {}
    for rate in rates_in_force([m.pk for m in models], billing_now()):
        by_model.setdefault(rate.model_id, []).append(rate)
    return answers.Models(
        plan=plan.slug if plan else "",
        markup=plain(plan.markup) if plan else "",
        currency=organisation.currency,
        models=[_offer(m, plan, by_model[m.pk]) for m in models if plan and _can_be_quoted(by_model.get(m.pk, []))],
    )


def _can_be_quoted(rates: list[Rate]) -> bool:
    """Authorise needs a price for input and for output; what it would refuse is not on offer."""
    return {Leaf.INPUT, Leaf.OUTPUT} <= {
        Leaf(r.leaf) for r in rates if r.service_tier == STANDARD and not r.class_above
    }


def _offer(model: Model, plan: Plan, rates: list[Rate]) -> answers.ModelOffer:
    return answers.ModelOffer(
        provider=model.provider.slug,
        model=model.name,
        aliases=[alias.name for alias in model.aliases.all()],
        context_tokens=model.context_tokens,
        max_output_tokens=model.max_output_tokens,
        prices=answers.prices(terms_of(model, plan, rates)),
    )
