"""Why prices are not imported."""


class ImportRefused(Exception):
    """Nothing was written; the message says why, for staff."""


class DifferenceChanged(ImportRefused):
    """The list or the book is no longer as it was shown."""

    def __init__(self) -> None:
        super().__init__("The list or the price book has changed since this was shown. Look again, then apply.")


class DearerNotAccepted(ImportRefused):
    """Prices rise by more than was asked to be marked, and nobody has accepted that."""

    def __init__(self, count: int, than: str) -> None:
        super().__init__(f"{count} of these raise what is charged by more than {than} %, which has to be accepted.")
