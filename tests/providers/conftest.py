"""What the tests of importing prices start from."""

import pytest
from genai_prices.types import ModelInfo

from providers.importing import services
from tests.factories import make_plan
from tests.providers.imports import Says, a_world


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Says:
    """Say what the list has: `world(model, …)` of the provider "test"."""
    make_plan()

    def says(*models: ModelInfo, edition: str = "genai-prices 9.9.9") -> None:
        monkeypatch.setattr(services, "installed_world", lambda at: a_world(at, *models, edition=edition))

    return says
