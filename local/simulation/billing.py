"""The billing client of an agent, which asks for no money while the agents are paused."""

from typing import Any, TypeVar

from billing_client import AsyncBillingClient

from local.simulation.switch import Switch

T = TypeVar("T")


class AgentBilling(AsyncBillingClient):
    """As the client is; authorisations go through the switch."""

    def __init__(self, base_url: str, api_key: str, switch: Switch) -> None:
        super().__init__(base_url, api_key, timeout=15.0, deadline=30.0)
        self._switch = switch

    async def send(self, operation: Any) -> Any:
        """Send an operation. Raises Paused instead of authorising."""
        if not operation.request.path.endswith("/authorisations"):
            return await super().send(operation)
        async with self._switch.asking():
            return await super().send(operation)
