"""What a reload changes, as it is told and recorded."""

from headworks.assembly.changes import MOST_TOLD, changed_parts
from headworks.settings.reading import parse_config

TEXT = """
models: {{echo: {{python: "models:{model}"}}}}
providers: {{up: {{kind: openai, base_url: "http://127.0.0.1:1/v1", api_key: {key}}}}}
endpoints:
  echo: {{v1: {{targets: [echo], timeout: {timeout}}}}}
budgets: {{all: {{limit: {limit}}}{more}}}
server: {{port: {port}}}
"""
SAID = {"model": "First", "key": "canary-one", "timeout": "2s", "limit": "5 USD", "more": "", "port": 1}


def config(**said):
    return parse_config(TEXT.format(**{**SAID, **said}), "headworks.yaml", {})


def changed(**said):
    return changed_parts(config(), config(**said))


def test_a_configuration_read_again_has_not_changed():
    assert changed() == []


def test_fields_are_named_and_budgets_told_in_full():
    told = changed(model="Second", timeout="3s", limit="9 USD", port=2)

    assert told == [
        "models.echo.python",
        "endpoints.echo.v1.timeout",
        "budgets.all.limit: 5 USD -> 9 USD",
        "server.port",
    ]


def test_what_comes_and_goes_is_said_so():
    more = ", team: {limit: 1 USD}"

    assert changed(more=more) == ["budgets.team added: limit 1 USD, per service, period month"]
    assert changed_parts(config(more=more), config()) == ["budgets.team removed"]


def test_a_changed_secret_is_named_and_not_told():
    (told,) = changed(key="canary-two")

    assert told.startswith("providers.up")
    assert "canary" not in told


def test_what_is_told_is_bounded():
    many = {f"e{number}": {"v1": {"targets": ["echo"]}} for number in range(MOST_TOLD + 7)}
    more = parse_config(
        str({"models": {"echo": {"python": "models:A"}}, "endpoints": many}).replace("'", '"'), "h.yaml", {}
    )
    told = changed_parts(parse_config('{"models": {"echo": {"python": "models:A"}}}', "h.yaml", {}), more)

    assert (len(told), told[-1]) == (MOST_TOLD + 1, "and 7 more")
