"""Staff's pages of the price book."""

from providers.admin import book, rates

__all__ = ["book", "rates"]
