"""A rate that a person enters: written only as it was compared with the book, and only with a second person."""

from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet

from common.clock import billing_now
from common.money import plain
from organisations.errors import NeedsSecondPerson
from organisations.models import User
from providers.errors import RateRefused
from providers.models import Model, Provider, Rate
from providers.selectors import newest_rates


@dataclass(frozen=True)
class Entered:
    """`price` per 1M, None for "no longer priced". `starts` (aware): from when on, None for as soon as it is written.
    `class_above`: input tokens above which a request is charged by it, 0 for all. `source`: where the price is from."""

    model_id: int
    leaf: str
    service_tier: str
    class_above: int
    price: Decimal | None
    starts: datetime | None
    source: str

    def stored(self) -> dict[str, Any]:
        """As plain JSON."""
        price = None if self.price is None else plain(self.price)
        return {**asdict(self), "price": price, "starts": self.starts.isoformat() if self.starts else None}

    @classmethod
    def restored(cls, stored: dict[str, Any]) -> "Entered":
        """What `stored` was made of, out of JSON that may say more."""
        price, starts = stored["price"], stored["starts"]
        exact = {
            "price": None if price is None else Decimal(price),
            "starts": datetime.fromisoformat(starts) if starts else None,
        }
        return cls(**{name: stored[name] for name in cls.__dataclass_fields__} | exact)


class Compared(NamedTuple):
    """What the book has now: the price in force ("" for none), and the last row that was written, also for later."""

    model: Model
    old: str
    newest_id: int


def compared(entered: Entered) -> Compared:
    """The book beside what was entered."""
    row = _rows(entered, newest_rates(billing_now())).first()
    old = plain(row.price.normalize()) if row and row.price is not None else ""
    return Compared(Model.objects.select_related("provider").get(pk=entered.model_id), old, _newest_id(entered))


def enter_rate(entered: Entered, *, compared_with: int, by: User, approved_by: User | None) -> Rate:
    """Write the rate. `compared_with`: `Compared.newest_id` when it was decided on, so that it is written once, and not
    over what somebody else has written since. Raises `NeedsSecondPerson` unless `approved_by` is another person than
    `by`, and `RateRefused`."""
    if approved_by in (None, by):
        raise NeedsSecondPerson(entered)
    with transaction.atomic():
        # One change of the book at a time, imports included.
        list(Provider.objects.select_for_update().order_by("pk"))
        if _newest_id(entered) != compared_with:
            raise RateRefused("Another rate of this kind was written since this was asked for.")
        now = billing_now()
        if entered.starts and entered.starts <= now:
            raise RateRefused("The moment from which it was to hold has passed.")
        rate = Rate(
            model_id=entered.model_id, leaf=entered.leaf, service_tier=entered.service_tier, price=entered.price,
            class_above=entered.class_above, class_inclusive=_inclusive(entered),
            effective_from=entered.starts or now, source=entered.source,
        )  # fmt: skip
        try:
            rate.full_clean(exclude={"price"} if rate.price is None else None)  # no price is one, too
        except ValidationError as error:
            raise RateRefused(" ".join(error.messages)) from error
        rate.save()
    return rate


def _rows(entered: Entered, rates: "QuerySet[Rate]") -> "QuerySet[Rate]":
    return rates.filter(
        model_id=entered.model_id, leaf=entered.leaf, service_tier=entered.service_tier,
        class_above=entered.class_above,
    )  # fmt: skip


def _newest_id(entered: Entered) -> int:
    return _rows(entered, Rate.objects.order_by("-pk")).values_list("pk", flat=True).first() or 0


def _inclusive(entered: Entered) -> bool:
    """Whether exactly the class's number of tokens belongs to it: as in the model's other rates of this class."""
    of_class = Rate.objects.filter(model_id=entered.model_id, class_above=entered.class_above).order_by("-pk")
    return bool(of_class.values_list("class_inclusive", flat=True).first())
