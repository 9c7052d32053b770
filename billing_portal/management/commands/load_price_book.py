"""Load the plans and the price book where they are missing."""

from typing import Any

from django.core.management.base import BaseCommand

from plans.services import load_plans
from providers.services import load_price_book


class Command(BaseCommand):
    help = __doc__

    def handle(self, *args: Any, **options: Any) -> None:
        load_plans()
        load_price_book()
