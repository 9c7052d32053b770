from django.apps import AppConfig


class WalletsConfig(AppConfig):
    name = "wallets"

    def ready(self) -> None:
        from wallets import approvals  # noqa: F401  (registers what a second person approves)
