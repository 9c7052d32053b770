"""Give the demo's agents their API keys, in a file to run their process with."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from billing_portal.agent_keys import hand_over
from organisations.models import Organisation


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="written anew; keys in it that are still good are kept")

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.SIMULATION:
            raise CommandError("SIMULATION is off: nothing would control the agents.")
        try:
            hand_over(options["file"])
        except Organisation.DoesNotExist:
            raise CommandError("There is no simulation yet: load the demo first.") from None
        self.stdout.write(f"Keys of the agents are in {options['file']}")
