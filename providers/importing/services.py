"""Read the book, compare it with the list, and write what was shown: the one way for the command and the admin."""

import re
from collections import defaultdict
from datetime import datetime

from django.conf import settings
from django.db import transaction

from common.clock import billing_now
from organisations.errors import NeedsSecondPerson
from organisations.models import User
from plans.selectors import access_classes
from providers.errors import CannotAdd, DifferenceChanged, ImportRefused, NotAccepted
from providers.importing.additions import Addition
from providers.importing.asking import Ask
from providers.importing.book import Book, BookModel, Row
from providers.importing.difference import Difference, difference
from providers.importing.lines import counted, to_be_accepted
from providers.importing.slots import Slot
from providers.importing.world import PACKAGE, World, installed_world
from providers.leaves import Leaf
from providers.models import Model, ModelAlias, Provider, Rate
from providers.price_book import SOURCES
from providers.selectors import all_models, newest_rates
from providers.services import BEGINNING

CURRENCY = "USD"
_LIST = re.compile(rf"{PACKAGE} \d")


def compare_with_list(ask: Ask) -> Difference:
    """How the price book differs from the installed list now. Writes nothing.

    Raises `ImportRefused` on a platform that doesn't bill in US dollars, in which the list is kept, and for an access
    class that no plan includes.
    """
    return _compare(ask)[1]


def apply_list(
    ask: Ask, *, digest: str, accepted: bool, by: User | None = None, approved_by: User | None = None
) -> Difference:
    """Write exactly what `compare_with_list` showed for `ask`, all or nothing: changed prices hold from now on, those
    of days to come from those days; no row is changed, so that what was charged stays as it was.

    `digest`: of the difference that was shown. An approval by a second person may stand between the two: the digest
    tells whether what was approved is still what would be written. What differs no longer is nothing to write.
    `accepted`: somebody accepts what `Difference.to_accept` has. `by`: who applies it, None for the operator with a
    shell. A person alone changes no price of a model on sale: then `approved_by` has to be another one.
    Raises `DifferenceChanged`, `NotAccepted`, `CannotAdd`, `ImportRefused`, `NeedsSecondPerson`.
    """
    with transaction.atomic():
        # One import at a time: another one would see neither our rows nor its own be refused.
        list(Provider.objects.select_for_update().order_by("pk"))
        world, found = _compare(ask)
        if found.cannot_add:
            raise CannotAdd(found.cannot_add)
        if found.empty:
            return found
        if found.digest != digest:
            raise DifferenceChanged
        if found.to_accept and not accepted:
            raise NotAccepted(to_be_accepted(found))
        if found.repriced and by is not None and approved_by in (None, by):
            raise NeedsSecondPerson(counted(found))
        _write(found, world)
    return found


def _compare(ask: Ask) -> tuple[World, Difference]:
    if settings.CURRENCY != CURRENCY:
        raise ImportRefused(f"The list is in {CURRENCY}; this platform bills in {settings.CURRENCY}.")
    if ask.access_class and ask.access_class not in (known := access_classes()):
        raise ImportRefused(f"No plan includes the class {ask.access_class}; there are: {', '.join(known) or 'none'}.")
    at = billing_now()
    world = installed_world(at)
    return world, difference(_book(at), world, ask)


def _book(at: datetime) -> Book:
    rows: defaultdict[int, defaultdict[Slot, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for rate in [*newest_rates(at), *Rate.objects.filter(effective_from__gt=at).order_by("effective_from", "pk")]:
        slot = Slot(Leaf(rate.leaf), rate.service_tier, rate.class_above)
        rows[rate.model_id][slot].append(Row(rate.effective_from, rate.price, rate.class_inclusive, _by_hand(rate)))
    models = [
        BookModel(
            model.provider.slug, model.name, frozenset(alias.name for alias in model.aliases.all()),
            {slot: tuple(of_slot) for slot, of_slot in rows[model.pk].items()},
        )
        for model in all_models()
    ]  # fmt: skip
    return Book(frozenset(Provider.objects.values_list("slug", flat=True)), tuple(models))


def _by_hand(rate: Rate) -> bool:
    """Whether a person entered it: neither the list nor the price book that an installation starts with. A person may
    name the same page as that does, but not for the same moment."""
    ours = rate.source in SOURCES.values() and rate.effective_from == BEGINNING
    return not (ours or _LIST.match(rate.source))


def _write(found: Difference, world: World) -> None:
    providers = {provider.slug: provider for provider in Provider.objects.all()}
    for addition in found.additions:
        _add(addition, providers[addition.provider])
    models = {(model.provider.slug, model.name): model for model in all_models()}
    for alias in found.aliases:
        model = models[alias.provider, alias.model]
        ModelAlias.objects.create(provider=model.provider, name=alias.name, model=model)
    Rate.objects.bulk_create(
        Rate(
            model=models[change.provider, change.model], leaf=change.slot.leaf.value, service_tier=change.slot.tier,
            class_above=change.slot.above, price=change.new, effective_from=change.starts or world.at,
            source=world.source(change.provider),
        )
        for change in found.writes
    )  # fmt: skip


def _add(addition: Addition, provider: Provider) -> None:
    Model.objects.create(
        provider=provider, name=addition.name, access_class=addition.access_class,
        context_tokens=addition.context, max_output_tokens=addition.max_output,
    )  # fmt: skip
