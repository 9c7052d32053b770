"""A wallet in plain Python, from the rules alone: what the database must agree with after every step. Whole dollars."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

LATEST = timedelta(hours=24)


@dataclass
class Lot:
    kind: str
    amount: int
    since: datetime
    expires: datetime | None = None
    priority: int = 0
    cap: int = 0  # of what rolls over, until `rolled_until`
    rolled_until: datetime | None = None
    left: int = 0
    barred: datetime | None = None
    owed: int = 0

    def there_for(self, at: datetime) -> bool:
        """A call authorised at this moment may spend it."""
        ends = [moment for moment in (self.expires, self.barred) if moment is not None]
        return all(moment > at for moment in ends)


@dataclass
class Call:
    amount: int
    at: datetime
    until: datetime
    subjects: tuple[str, ...]
    dispatched: bool
    periods: list[tuple[int, date]] = field(default_factory=list)
    accrued: int = 0
    reported: int = 0
    state: str = "open"
    ended_by: str = ""
    ended: datetime | None = None
    paid: list[tuple[int, int]] = field(default_factory=list)  # (lot, amount) in the order of posting
    absorbed: int = 0
    estimated: bool = False

    @property
    def charged(self) -> int:
        return sum(part for _, part in self.paid)


@dataclass
class Budget:
    subject: str
    period: str
    amount: int
    hard: bool
    ended: bool = False
    used: dict[date, int] = field(default_factory=dict)
    held: dict[date, int] = field(default_factory=dict)

    def starts(self, at: datetime) -> date:
        return at.date() if self.period == "day" else date(1970, 1, 1)


@dataclass
class ClawBack:
    lot: int
    amount: int
    taken: int = 0  # what the lot gave, at once or later
    given_back: bool = False

    @property
    def open(self) -> int:
        return self.amount - self.taken


@dataclass
class Book:
    """All of one organisation's money. Lots are named by their place: the order in which they were made."""

    lots: list[Lot] = field(default_factory=list)
    calls: dict[str, Call] = field(default_factory=dict)
    budgets: list[Budget] = field(default_factory=list)
    claw_backs: list[ClawBack] = field(default_factory=list)

    # --- What there is ----------------------------------------------------------------------------------------------
    @property
    def balance(self) -> int:
        return sum(lot.left for lot in self.lots)

    @property
    def held(self) -> int:
        return sum(call.amount for call in self.calls.values() if call.state == "open")

    @property
    def available(self) -> int:
        return self.balance - self.held

    def lay(self, amount: int, at: datetime, lefts: list[int]) -> list[tuple[int, int]]:
        """Which lots pay for a call that was authorised at this moment: those that it knew first, in spending order."""
        far = datetime.max.replace(tzinfo=at.tzinfo)
        order = sorted(
            range(len(self.lots)),
            key=lambda n: (self.lots[n].priority, self.lots[n].expires or far, self.lots[n].kind == "paid", n),
        )
        usable = [n for n in order if self.lots[n].there_for(at)]
        parts = []
        for n in [n for n in usable if self.lots[n].since <= at] + [n for n in usable if self.lots[n].since > at]:
            part = min(amount, lefts[n])
            if part > 0:
                parts.append((n, part))
                amount -= part
        assert amount == 0, "a hold is not covered"
        return parts

    def free(self) -> list[int]:
        """What of each lot no running call may need."""
        lefts = [lot.left for lot in self.lots]
        for call in sorted((c for c in self.calls.values() if c.state == "open"), key=lambda c: c.at):
            for n, part in self.lay(call.amount, call.at, lefts):
                lefts[n] -= part
        return lefts

    # --- Lots -------------------------------------------------------------------------------------------------------
    def add(self, lot: Lot) -> None:
        lot.left = lot.amount
        self.lots.append(lot)

    def close(self, now: datetime) -> None:
        """What expired or is owed back leaves, as far as no running call may need it."""
        for n, free in enumerate(self.free()):
            lot = self.lots[n]
            for claim in [c for c in self.claw_backs if c.lot == n and not c.given_back]:
                part = min(free, claim.open)
                claim.taken += part
                lot.owed -= part
                lot.left -= part
                free -= part
            lot.barred = lot.barred if lot.owed else None
            if lot.expires is None or lot.expires > now or not free:
                continue
            lot.left -= free
            if lot.cap and lot.rolled_until is not None and lot.rolled_until > now:
                rolled = min(free, lot.cap)
                lot.cap -= rolled
                self.add(Lot("included", rolled, now, lot.rolled_until, lot.priority - 1))

    # --- Calls ------------------------------------------------------------------------------------------------------
    def room(self, call: Call) -> int:
        """What a call may cost beyond what it holds."""
        return min([self.available, *(b.amount - b.used[s] - b.held[s] for b, s in self.stopping(call))])

    def stopping(self, call: Call) -> list[tuple[Budget, date]]:
        found = [(self.budgets[n], starts) for n, starts in call.periods]
        return [(budget, starts) for budget, starts in found if budget.hard and not budget.ended]

    def authorise(self, key: str, call: Call, wanted: int, minimum: int) -> int | None:
        """How much is granted and held; None where not even the minimum can be."""
        for n, budget in enumerate(self.budgets):
            if not budget.ended and budget.subject in call.subjects:
                starts = budget.starts(call.at)
                budget.used.setdefault(starts, 0)
                budget.held.setdefault(starts, 0)
                call.periods.append((n, starts))
        granted = min(wanted, self.room(call))
        if granted < minimum:
            return None
        self.calls[key] = call
        self._hold(call, granted)
        return granted

    def _hold(self, call: Call, more: int) -> None:
        call.amount += more
        for n, starts in call.periods:
            self.budgets[n].held[starts] += more

    def progress(self, call: Call, cost: int, until: datetime) -> str:
        more = max(0, cost - call.amount)
        rooms = [b.amount - b.used[s] - b.held[s] for b, s in self.stopping(call)]
        goes_on = more <= self.available and all(more <= room and room >= 0 for room in rooms)
        if goes_on:
            self._hold(call, more)
        call.accrued = max(call.accrued, min(cost, call.amount))
        call.until = max(call.until, min(until, call.at + LATEST))
        call.reported, call.dispatched = cost, True
        return "continue" if goes_on else "stop"

    def _end(self, call: Call, state: str, by: str, now: datetime) -> int:
        freed = call.amount if call.state == "open" else 0
        if freed or call.state == "open":
            for n, starts in call.periods:
                self.budgets[n].held[starts] -= freed
            call.ended_by, call.ended = by, now
        call.state = state
        return freed

    def settle(self, call: Call, cost: int, now: datetime, by: str = "call") -> tuple[int, int]:
        """(charged, absorbed)."""
        most = max(0, self.room(call)) + (call.amount if call.state == "open" else 0)
        self._end(call, "settled", by, now)
        self._charge(call, min(cost, most))
        call.absorbed = cost - min(cost, most)
        return min(cost, most), call.absorbed

    def _charge(self, call: Call, amount: int) -> None:
        for n, part in self.lay(amount, call.at, [lot.left for lot in self.lots]):
            self.lots[n].left -= part
            call.paid.append((n, part))
        self._count(call, amount)

    def _count(self, call: Call, charged: int) -> None:
        for n, starts in call.periods:
            self.budgets[n].used[starts] += charged

    def release(self, call: Call, now: datetime, by: str = "call") -> None:
        self._end(call, "released", by, now)

    def revise(self, call: Call, cost: int) -> None:
        """It cost something else: more is charged as far as there is room, less goes back where it came from."""
        more = cost - call.charged - call.absorbed
        if more > 0:
            charge = min(more, max(0, self.room(call)))
            self._charge(call, charge)
            call.absorbed += more - charge
        else:
            back = max(0, call.charged - cost)
            call.absorbed = cost - (call.charged - back)
            self._count(call, -back)
            while back:
                n, part = call.paid.pop()
                kept = max(0, part - back)
                self.lots[n].left += part - kept
                back -= part - kept
                call.paid += [(n, kept)] if kept else []
        call.estimated = False

    # --- What finance and owners do -----------------------------------------------------------------------------------
    def claw_back(self, n: int, amount: int, now: datetime) -> None:
        stands = sum(c.amount for c in self.claw_backs if c.lot == n and not c.given_back)
        lot = self.lots[n]
        taken = ClawBack(n, min(amount, lot.amount - stands))
        taken.taken = min(taken.amount, self.free()[n])
        lot.left -= taken.taken
        lot.owed += taken.open
        if taken.open:
            lot.barred = lot.barred or now
        self.claw_backs.append(taken)

    def give_back(self, taken: ClawBack) -> None:
        lot = self.lots[taken.lot]
        lot.owed -= taken.open
        lot.left += taken.taken
        lot.barred = lot.barred if lot.owed else None
        taken.given_back = True

    def take(self, amount: int, now: datetime) -> list[tuple[int, int]]:
        parts = self.lay(amount, now, self.free())
        for n, part in parts:
            self.lots[n].left -= part
        return parts

    def set_budget(self, subject: str, period: str, amount: int, hard: bool, now: datetime) -> None:
        running = [b for b in self.budgets if (b.subject, b.period, b.ended) == (subject, period, False)]
        if running:
            running[0].amount, running[0].hard = amount, hard
            return
        made = Budget(subject, period, amount, hard)
        self.budgets.append(made)
        starts = made.starts(now)
        counted = [c for c in self.calls.values() if subject in c.subjects and made.starts(c.at) == starts]
        made.used[starts] = sum(call.charged for call in counted)
        made.held[starts] = sum(call.amount for call in counted if call.state == "open")
        for call in counted:
            if call.state == "open":
                call.periods.append((len(self.budgets) - 1, starts))
