"""The append-only ledger of transfers."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from organisations.models import Organisation
from wallets.models.calls import Charge, Hold
from wallets.models.fields import money
from wallets.models.wallet import Adjustment, ClawBack, Grant

# A transfer for usage comes from an authorised call, or from a report of finished usage.
CALL = Q(hold__isnull=False, charge__isnull=True) | Q(hold__isnull=True, charge__isnull=False)
CREDITS = ("credits_paid", "credits_promotional", "credits_included")  # owed to the customer: their sum is the balance
TAKEN_TO = ("refunds", "disputes", "cash_clearing")


class Transfer(models.Model):
    """One row of the ledger: `amount` from the debited to the credited account, so each row sums to zero.

    Never changed and never deleted: the app role has no right to. A correction is the opposite transfer.
    """

    class Account(models.TextChoices):
        CASH_CLEARING = "cash_clearing", "Cash clearing"
        CREDITS_PAID = "credits_paid", "Credits, paid"
        CREDITS_PROMOTIONAL = "credits_promotional", "Credits, promotional"
        CREDITS_INCLUDED = "credits_included", "Credits, included"
        USAGE_REVENUE = "usage_revenue", "Usage revenue"
        KEY_FEE_REVENUE = "key_fee_revenue", "Key fee revenue"
        BREAKAGE_REVENUE = "breakage_revenue", "Breakage revenue"
        PROMOTIONAL_EXPENSE = "promotional_expense", "Promotional expense"
        INCLUDED_EXPENSE = "included_expense", "Included expense"
        ABSORBED_OVERRUN = "absorbed_overrun", "Absorbed overrun"
        RECEIVABLE = "receivable", "Receivable"
        REFUNDS = "refunds", "Refunds"
        DISPUTES = "disputes", "Disputes"
        TAX_PAYABLE = "tax_payable", "Tax payable"
        PROCESSING_FEES = "processing_fees", "Processing fees"

    class Kind(models.TextChoices):
        GRANT = "grant", "Grant"
        USAGE = "usage", "Usage"
        ABSORBED = "absorbed", "Absorbed overrun"
        CORRECTION = "correction", "Correction"  # the opposite of the transfer that it names
        BREAKAGE = "breakage", "Breakage"
        ROLLOVER = "rollover", "Rollover"
        CLAW_BACK = "claw_back", "Claw-back"
        COLLECTION = "collection", "Collection"  # what a lot gave later of what was owed back
        ADJUSTMENT = "adjustment", "Adjustment"

    database_rights: ClassVar[str] = "SELECT, INSERT"

    organisation = models.ForeignKey(
        Organisation, on_delete=models.PROTECT, related_name="transfers", db_constraint=False, db_index=False
    )
    kind = models.CharField(max_length=12, choices=Kind.choices)
    debit = models.CharField(max_length=20, choices=Account.choices)
    credit = models.CharField(max_length=20, choices=Account.choices)
    amount = money()
    balance_after = money()
    grant = models.ForeignKey(Grant, on_delete=models.PROTECT, null=True, related_name="transfers")
    hold = models.ForeignKey(Hold, on_delete=models.PROTECT, null=True, related_name="transfers")
    charge = models.ForeignKey(Charge, on_delete=models.PROTECT, null=True, related_name="transfers", db_index=False)
    claw_back = models.ForeignKey(
        ClawBack, on_delete=models.PROTECT, null=True, related_name="transfers", db_index=False
    )
    adjustment = models.ForeignKey(
        Adjustment, on_delete=models.PROTECT, null=True, related_name="transfers", db_index=False
    )
    corrects = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, related_name="corrected_by", db_index=False
    )
    posted_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="transfer_amount_positive"),
            models.CheckConstraint(condition=~Q(debit=F("credit")), name="transfer_between_two_accounts"),
            models.CheckConstraint(condition=Q(balance_after__gte=0), name="transfer_balance_not_negative"),
            models.CheckConstraint(
                condition=Q(kind="grant", debit="cash_clearing", credit="credits_paid")
                | Q(kind="grant", debit="promotional_expense", credit="credits_promotional")
                | Q(kind="grant", debit="included_expense", credit="credits_included")
                | Q(kind="usage", debit__in=CREDITS, credit="usage_revenue")
                | Q(kind="absorbed", debit="absorbed_overrun", credit="usage_revenue")
                | Q(kind="breakage", debit__in=CREDITS, credit="breakage_revenue")
                | Q(kind="rollover", debit="credits_included", credit="included_expense")
                | Q(kind="rollover", debit="included_expense", credit="credits_included")
                | Q(kind="claw_back", debit__in=["credits_paid", "receivable"], credit__in=TAKEN_TO)
                | Q(kind="collection", debit="credits_paid", credit="receivable")
                | Q(kind="adjustment", debit="promotional_expense", credit="credits_promotional")
                | Q(kind="adjustment", debit="credits_paid", credit="cash_clearing")
                | Q(kind="adjustment", debit="credits_promotional", credit="promotional_expense")
                | Q(kind="adjustment", debit="credits_included", credit="included_expense")
                # Which accounts a correction has follows from the transfer that it names; an invariant compares them.
                | Q(kind="correction", corrects__isnull=False),
                name="transfer_accounts_of_its_kind",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=["grant", "breakage", "rollover"], grant__isnull=False, hold__isnull=True)
                | Q(
                    kind__in=["claw_back", "collection"],
                    grant__isnull=False,
                    hold__isnull=True,
                    claw_back__isnull=False,
                )
                | Q(kind="adjustment", grant__isnull=False, hold__isnull=True, adjustment__isnull=False)
                | (Q(kind="usage", grant__isnull=False) & CALL)
                | (Q(kind="absorbed", grant__isnull=True) & CALL)
                | Q(kind="correction"),
                name="transfer_names_its_cause",
            ),
            models.CheckConstraint(
                condition=Q(kind="correction", corrects__isnull=False)
                | (~Q(kind="correction") & Q(corrects__isnull=True)),
                name="transfer_only_corrections_correct",
            ),
        ]
        indexes = [
            models.Index(fields=["organisation", "-id"], name="transfer_by_organisation"),
            # "What was the balance at this moment?" is one look into the index.
            models.Index(fields=["corrects"], condition=Q(corrects__isnull=False), name="transfer_by_corrected"),
            models.Index(fields=["charge"], condition=Q(charge__isnull=False), name="transfer_by_charge"),
            models.Index(fields=["adjustment"], condition=Q(adjustment__isnull=False), name="transfer_by_adjustment"),
            models.Index(fields=["claw_back"], condition=Q(claw_back__isnull=False), name="transfer_by_claw_back"),
            models.Index(
                fields=["organisation", "-posted_at", "-id"], include=["balance_after"], name="transfer_by_time"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.pk}"
