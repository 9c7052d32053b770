"""The comparison of one model's rates with the list's, without a database."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from providers.importing.asking import Ask
from providers.importing.book import BookModel, Row
from providers.importing.changes import Change, Kind
from providers.importing.comparing import changes_of, same
from providers.importing.listed import Listed, Step
from providers.importing.slots import Slot, instead
from providers.leaves import Leaf

D, L = Decimal, Leaf
AT = datetime(2026, 11, 25, 12, tzinfo=UTC)
OLD, LATER = AT - timedelta(days=90), datetime(2026, 12, 1, tzinfo=UTC)
INPUT, OUTPUT, READ = Slot(L.INPUT), Slot(L.OUTPUT), Slot(L.CACHE_READ)
Prices = dict[Slot, str]


def book(prices: Prices, *planned: tuple[Slot, datetime, str | None], own: bool = False, inclusive: bool = False):
    rows = {slot: (Row(OLD, D(price), inclusive, own),) for slot, price in prices.items()}
    for slot, starts, price in planned:
        rows[slot] = (*rows.get(slot, ()), Row(starts, None if price is None else D(price)))
    return BookModel("test", "model", rows=rows)


def listed(now: Prices, later: Prices | None = None) -> Listed:
    steps = [Step(AT, {s: D(p) for s, p in now.items()})]
    if later is not None:
        steps.append(Step(LATER, {s: D(p) for s, p in later.items()}))
    return Listed("model", steps=tuple(steps))


def compare(model: BookModel, world: Listed, ask: Ask = Ask()) -> list[Change]:  # noqa: B008
    return list(changes_of(model, world, AT, ask))


def so_far(change: Change) -> Slot | None:
    return change.effect.before.slot if change.effect.before else None


def brief(changes: list[Change]) -> list[tuple[str, Slot, Decimal | None, Decimal | None, datetime | None]]:
    return [(c.kind.value, c.slot, c.old, c.new, c.starts) for c in changes]


def test_equal_figures_are_no_change_however_they_are_written() -> None:
    prices = {INPUT: "5.000000000", OUTPUT: "25"}
    assert compare(book(prices), listed({INPUT: "5", OUTPUT: "25.0"})) == []
    assert same(book(prices), listed({INPUT: "5", OUTPUT: "26"}), AT) == 1


def test_new_changed_and_gone_are_told_apart() -> None:
    found = compare(book({INPUT: "5", READ: "0.5"}), listed({INPUT: "6", OUTPUT: "25"}))
    assert brief(found) == [
        ("changed", INPUT, D(5), D(6), None), ("gone", READ, D("0.5"), None, None), ("new", OUTPUT, None, D(25), None)
    ]  # fmt: skip
    assert [c.percent for c in found] == [D(20), D(1100), None]  # without its rate, reading costs the new input price


def test_a_row_without_a_price_counts_as_none() -> None:
    ended = book({INPUT: "5"}, (INPUT, AT - timedelta(days=1), None))
    assert [c.kind for c in compare(ended, listed({INPUT: "5"}))] == [Kind.NEW]
    assert compare(ended, listed({})) == []


@pytest.mark.parametrize(
    ("old", "new", "than", "dearer"),
    [("5", "6", 20, False), ("5", "6.01", 20, True), ("5", "6", 0, True), ("5", "4", 0, False), ("0", "1", 999, True)],
)
def test_dearer_is_what_rises_by_more_than_the_threshold(old: str, new: str, than: int, dearer: bool) -> None:
    [change] = compare(book({INPUT: old}), listed({INPUT: new}))
    assert change.dearer(D(than)) is dearer


def test_a_new_rate_is_compared_with_what_was_charged_instead() -> None:
    large = Slot(L.INPUT, above=200_000)
    [change] = compare(book({INPUT: "5"}), listed({INPUT: "5", large: "10"}))
    assert (change.kind, so_far(change), change.percent, change.dearer(D(20))) == (Kind.NEW, INPUT, D(100), True)
    [write] = compare(book({INPUT: "5"}), listed({INPUT: "5", Slot(L.CACHE_WRITE): "6.25"}))
    assert (so_far(write), write.percent) == (INPUT, D(25))
    # Answers at a service tier that the book never had are charged at the standard one.
    fast = Slot(L.INPUT, "fast")
    [first] = compare(book({INPUT: "5"}), listed({INPUT: "5", fast: "50"}))
    assert (so_far(first), first.percent, first.dearer(D(20))) == (INPUT, D(900), True)
    [cheap] = compare(book({INPUT: "5"}), listed({INPUT: "5", fast: "4"}))
    assert (so_far(cheap), cheap.percent, cheap.dearer(D(20))) == (INPUT, D(-20), False)


@pytest.mark.parametrize("leaf", [L.WEB_SEARCH, L.FILE_SEARCH, L.CODE_EXECUTION, L.REQUEST])
def test_a_first_price_of_what_was_not_charged_is_dearer_whatever_it_is(leaf: Leaf) -> None:
    [change] = compare(book({INPUT: "5"}), listed({INPUT: "5", Slot(leaf): "0.000001"}))
    assert (change.kind, change.before, change.dearer(D(1_000_000))) == (Kind.NEW, 0, True)
    [free] = compare(book({INPUT: "5"}), listed({INPUT: "5", Slot(leaf): "0"}))
    assert free.dearer(D(0)) is False


def test_first_prices_of_a_model_that_was_not_on_sale_are_no_rises() -> None:
    found = compare(BookModel("test", "model"), listed({INPUT: "5", OUTPUT: "25", Slot(L.WEB_SEARCH): "1"}))
    assert [(c.kind, c.before, c.dearer(D(0))) for c in found] == [(Kind.NEW, None, False)] * 3


def test_free_is_said_and_free_no_longer_is_dearer() -> None:
    [change] = compare(book({INPUT: "5"}), listed({INPUT: "0"}))
    assert (change.free, change.percent) == (True, D(-100))


def test_what_a_person_entered_stays_unless_the_list_prices_it() -> None:
    [unknown] = compare(book({READ: "1"}, own=True), listed({}, {}))
    assert (unknown.kind, unknown.written) == (Kind.KEPT, False)
    [replaced] = compare(book({READ: "3"}, own=True), listed({READ: "2"}))
    assert (replaced.kind, replaced.written, replaced.by_hand) == (Kind.CHANGED, True, True)
    [kept] = compare(book({READ: "3"}, own=True), listed({READ: "2"}, {READ: "1"}), Ask(keep=True))
    assert (kept.kind, kept.written, kept.old, kept.new) == (Kind.KEPT, False, D(3), D(2))


def test_a_price_that_a_person_ended_is_theirs_too() -> None:
    ended = BookModel("test", "model", rows={INPUT: (Row(OLD, D(5)),), READ: (Row(OLD, None, own=True),)})
    [back] = compare(ended, listed({INPUT: "5", READ: "1"}))
    assert (back.kind, back.by_hand, back.written) == (Kind.NEW, True, True)
    [kept] = compare(ended, listed({INPUT: "5", READ: "1"}), Ask(keep=True))
    assert (kept.kind, kept.written) == (Kind.KEPT, False)


def test_a_price_that_a_person_planned_is_not_undone_unseen() -> None:
    planned = BookModel("test", "model", rows={INPUT: (Row(OLD, D(5)), Row(LATER, D(4), own=True))})
    [undone] = compare(planned, listed({INPUT: "5"}))
    assert (undone.by_hand, undone.written, undone.old, undone.new) == (True, True, D(4), D(5))
    [kept] = compare(planned, listed({INPUT: "5"}), Ask(keep=True))
    assert (kept.kind, kept.written) == (Kind.KEPT, False)


def test_a_class_that_begins_one_token_earlier_is_a_change() -> None:
    large = Slot(L.INPUT, above=100)
    [change] = compare(book({large: "2"}, inclusive=True), listed({large: "2"}))
    assert (change.kind, change.old, change.new) == (Kind.CHANGED, D(2), D(2))
    assert same(book({large: "2"}, inclusive=True), listed({large: "2"}), AT) == 0


def test_a_price_to_come_begins_on_its_day() -> None:
    found = compare(book({INPUT: "5"}), listed({INPUT: "6"}, {INPUT: "8", OUTPUT: "1"}))
    assert brief(found) == [
        ("changed", INPUT, D(5), D(6), None), ("changed", INPUT, D(6), D(8), LATER), ("new", OUTPUT, None, D(1), LATER)
    ]  # fmt: skip
    assert compare(book({INPUT: "6"}, (INPUT, LATER, "8"), (OUTPUT, LATER, "1")), listed({INPUT: "6"}, {INPUT: "8", OUTPUT: "1"})) == []  # noqa: E501  # fmt: skip


def test_a_planned_price_that_the_list_took_back_is_put_right_just_after_it_begins() -> None:
    planned = book({INPUT: "5"}, (INPUT, LATER, "8"))
    [back] = compare(planned, listed({INPUT: "5"}))
    assert brief([back]) == [("changed", INPUT, D(8), D(5), LATER + timedelta(microseconds=1))]
    assert back.starts is not None
    put_right = book({INPUT: "5"}, (INPUT, LATER, "8"), (INPUT, back.starts, "5"))
    assert compare(put_right, listed({INPUT: "5"})) == []
    [again] = compare(put_right, listed({INPUT: "5"}, {INPUT: "9"}))
    assert brief([again]) == [("changed", INPUT, D(5), D(9), LATER + timedelta(microseconds=2))]


def test_what_ends_later_is_told_once() -> None:
    found = compare(book({INPUT: "5", READ: "1"}), listed({INPUT: "5"}, {INPUT: "5"}))
    assert brief(found) == [("gone", READ, D(1), None, None)]
    search = Slot(L.WEB_SEARCH)
    found = compare(book({INPUT: "5", search: "1"}), listed({INPUT: "5"}, {INPUT: "5"}))
    assert brief(found) == [("gone", search, D(1), None, None)]


def test_what_the_list_lost_ends_where_it_has_another_that_is_charged_instead() -> None:
    premium, fast, search = Slot(L.INPUT, above=200_000), Slot(L.INPUT, "fast"), Slot(L.WEB_SEARCH)
    had = book({INPUT: "5", premium: "10", fast: "30", READ: "0.5", search: "9"})
    found = compare(had, listed({INPUT: "5"}))
    assert [(c.slot, c.kind, c.written, c.after, c.dearer(D(20))) for c in found] == [
        (premium, Kind.GONE, True, D(5), False), (READ, Kind.GONE, True, D(5), True),
        (search, Kind.GONE, False, D(9), False), (fast, Kind.GONE, True, D(5), False),
    ]  # fmt: skip
    retired = compare(had, listed({INPUT: "5"}), Ask(retire=True))
    assert [(c.written, c.after) for c in retired if c.slot == search] == [(True, None)]


def test_a_model_that_the_list_lost_keeps_all_of_its_prices() -> None:
    had = book({INPUT: "5", Slot(L.INPUT, above=9): "10", READ: "1", Slot(L.INPUT, "fast"): "30"})
    assert [c.written for c in compare(had, listed({}))] == [False] * 4
    assert [c.written for c in compare(had, listed({}), Ask(retire=True))] == [True] * 4


def test_a_tier_that_the_list_has_but_nobody_can_read_is_not_lost() -> None:
    fast = Slot(L.INPUT, "fast")
    world = Listed("model", steps=(Step(AT, {INPUT: D(5)}),), unclear=frozenset({"fast"}))
    [kept] = compare(book({INPUT: "5", fast: "30"}), world)
    assert (kept.kind, kept.written, kept.by_hand) == (Kind.KEPT, False, False)


def test_what_stays_in_force_is_what_a_later_price_is_compared_with() -> None:
    search = Slot(L.WEB_SEARCH)
    back = book({INPUT: "5", search: "10"}), listed({INPUT: "5"}, {INPUT: "5", search: "50"})
    gone, later = compare(*back)
    assert (gone.kind, gone.written) == (Kind.GONE, False)
    assert (later.kind, later.old, later.percent, later.dearer(D(20))) == (Kind.CHANGED, D(10), D(400), True)
    gone, later = compare(*back, Ask(retire=True))
    assert (gone.written, later.kind, later.old, later.dearer(D(20))) == (True, Kind.NEW, None, True)


def test_instead_of_a_slot_stands_what_rating_would_take() -> None:
    large_fast, small_fast = Slot(L.CACHE_WRITE_1H, "fast", 9), Slot(L.CACHE_WRITE_1H, "fast", 3)
    chain = [large_fast, small_fast, Slot(L.CACHE_WRITE_1H), Slot(L.CACHE_WRITE_5M, "fast"), Slot(L.CACHE_WRITE_5M),
             Slot(L.INPUT, "fast", 9), INPUT]  # fmt: skip
    for number, slot in enumerate(chain[1:], 1):
        assert instead(large_fast, set(chain[number:])) == slot
    assert instead(Slot(L.INPUT, above=3), {Slot(L.INPUT, above=9)}) is None
    assert instead(Slot(L.WEB_SEARCH), {INPUT, OUTPUT}) is None
