"""Why a call is not authorised, or can't be ended this way."""

from common.problems import Problem


class InsufficientCredits(Problem):
    status, code, title = 402, "insufficient_credits", "The wallet can't pay for this call"
    meaning = (
        "What is available does not cover the call's worst case at `min_output_tokens` (`required`). "
        "`affordable_output_tokens` says how much output it would cover."
    )
    remedy = (
        "Ask for no more than `affordable_output_tokens`, or add credits. Then use a new Idempotency-Key: "
        "this one keeps its answer."
    )
    example = {
        "available": "0.018400000",
        "required": "0.025000000",
        "affordable_output_tokens": 736,
        "limiting_scope": "wallet",
        "currency": "USD",
        "top_up": "off",
    }


class BudgetExceeded(Problem):
    status, code, title = 402, "budget_exceeded", "A budget can't pay for this call"
    meaning = (
        "A hard budget that counts this call (`limiting_scope`, `target`) has less room than its worst case at "
        "`min_output_tokens` (`required`). The wallet itself may have more (`available`)."
    )
    remedy = (
        "Wait until `resets_at`, or raise the budget; or ask for no more than `affordable_output_tokens`. Then use a "
        "new Idempotency-Key: this one keeps its answer."
    )
    example = {
        "available": "84.200000000",
        "required": "0.025000000",
        "affordable_output_tokens": 0,
        "limiting_scope": "agent",
        "budget": 12,
        "target": "7",
        "period": "day",
        "budget_amount": "5.000000000",
        "used": "4.990000000",
        "resets_at": "2026-11-26T08:00:00+00:00",
        "currency": "USD",
        "top_up": "off",
    }


class SuspendedOverrun(Problem):
    status, code, title = 403, "suspended_overrun", "Calls are suspended: too much had to be absorbed"
    meaning = (
        "On one day, calls of this organisation cost more than they held and the wallet had, above the limit that the "
        "platform pays. Running calls may be settled; new ones are refused."
    )
    remedy = "Declare upper bounds that hold (`input_tokens`, `tools`), then ask the platform's finance to clear it."


class ModelNotAllowed(Problem):
    status, code, title = 403, "model_not_allowed", "The plan doesn't include this model"
    meaning = "The organisation has no plan, or its plan doesn't include the model's access class."
    remedy = "Choose a model that GET /api/v1/models lists, or change the plan."
    example = {"detail": "Starter doesn't include frontier models such as claude-opus-4-6."}


class KeyReused(Problem):
    status, code, title = 409, "idempotency_key_reused", "This Idempotency-Key was used for another request"
    meaning = "The key came before with another method, path or body. Nothing was done."
    remedy = "Use a fresh key for every new request, and the same key only to repeat one unchanged."


class AlreadyEnded(Problem):
    status, code, title = 409, "already_ended", "The authorisation has ended"
    meaning = "It was settled, released, or ended by expiry before. `receipt` links to what was charged, if anything."
    remedy = "Read the receipt. Don't repeat with another key: a call is charged once."
    example = {
        "detail": "It was settled by call.",
        "state": "settled",
        "ended_by": "call",
        "receipt": "/api/v1/receipts/0199c0de-0000-7000-8000-000000000001",
    }


class HasAccrued(Problem):
    status, code, title = 409, "has_accrued", "The call has already reported cost"
    meaning = "Progress reported usage, so the authorisation can't be released unspent."
    remedy = "Settle it with what was used; `status` may be cancelled or failed."
    example = {"accrued": "0.004120000"}


class UnknownModel(Problem):
    status, code, title = 422, "unknown_model", "This model is not in the price book"
    meaning = "The provider is unknown or serves no model under this name, alias or snapshot."
    remedy = "See GET /api/v1/models."
    example = {"detail": "openai serves no model claude-opus-4-6 here."}


class ModelNotPriced(Problem):
    status, code, title = 422, "not_priced", "This call has no price"
    meaning = "A leaf, server tool or service tier that the call may use has no rate in force. Unpriced is not free."
    remedy = "Leave out what `unpriced` names, or ask the platform to price it."
    example = {"detail": "web_search of gpt-5 has no price.", "unpriced": "web_search"}


class UnknownName(Problem):
    status, code, title = 422, "unknown_name", "There is no such project or agent"
    meaning = "The project or agent named is not one of the organisation's. None is ever made silently."
    remedy = "Create it first, or leave the field out: the API key knows its own."
    example = {"detail": "There is no agent marv in a project checkout-bot."}
