"""Why prices are not imported."""


class ImportRefused(Exception):
    """Nothing was written; the message says why, for staff."""


class DifferenceChanged(ImportRefused):
    """The list or the book is no longer as it was shown."""

    def __init__(self) -> None:
        super().__init__("The list or the price book has changed since this was shown. Look again, then apply.")


class NotAccepted(ImportRefused):
    """Prices rise by more than was asked to be marked or replace one entered by hand, and nobody has accepted that."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what}, which has to be accepted.")


class RateRefused(Exception):
    """The rate can't be written as it was entered; the message says why, for staff."""


class CannotAdd(ImportRefused):
    """Models were asked for by name that can't be added as it was asked."""

    def __init__(self, models: list[str]) -> None:
        super().__init__(f"Can't be added: {', '.join(models)}.")
