import pytest

from billing_portal.processes import demo
from tests.processes.running_system import free_port


@pytest.mark.parametrize("environ", [{"DEMO": "0"}, {"DEMO": "false"}, {"LOCAL_PROVIDERS_URL": "http://elsewhere"}])
def test_local_providers_stay_away_without_the_demo_and_where_others_are_named(environ: dict[str, str]) -> None:
    providers = demo.listen(environ, free_port())
    assert providers is None
    assert demo.urls(providers) == {}
    assert demo.commands(environ, providers) == []


@pytest.mark.parametrize("environ", [{}, {"DEMO": "1"}, {"DEMO": "True"}])
def test_the_demo_has_local_providers_and_says_where(environ: dict[str, str]) -> None:
    providers = demo.listen(environ, free_port())
    assert providers
    with providers:
        port = providers.getsockname()[1]
        assert demo.urls(providers) == {"LOCAL_PROVIDERS_URL": f"http://127.0.0.1:{port}"}
        assert [command.name for command in demo.commands(environ, providers)] == ["providers"]
