from django.apps import AppConfig


class WalletsConfig(AppConfig):
    name = "wallets"

    def ready(self) -> None:
        from wallets import approvals, claw_back_approvals  # noqa: F401  (register what a second person approves)
