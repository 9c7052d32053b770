"""Load the demo: plans, price book, two organisations, one login for each kind of user."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from billing_portal import demo


class Command(BaseCommand):
    help = __doc__

    def handle(self, *args: Any, **options: Any) -> None:
        # Logins whose password is printed here must not come into being on a real system.
        if not settings.DEMO:
            raise CommandError("DEMO is off. A real system gets `manage.py load_price_book` and its own users.")
        for login in demo.load():
            self.stdout.write(f"{login.who:<24} {login.email:<28} {demo.PASSWORD}")
