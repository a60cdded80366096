"""`headworks check` finds what else only `serve` or the first call would: each with its line and its fix, exit 1."""

import pytest

from tests.running import cli, refused, write_config
from tests.unit.targets.providers.http.certificates import Authority

GOOD = """\
models:
  sum: {python: "kinds:Sum"}
providers:
  up: {kind: openai, base_url: "http://127.0.0.1:9/v1", api_key: k}
prices: {up/known: {input: 1.0, output: 2.0, most_output: 100}, up/endless: {input: 1.0, output: 2.0}}
budgets:
  all: {limit: 10 USD}
endpoints:
  sum: {v1: {targets: [sum]}}
  chat:
    v1: {task: chat, targets: ["up/known"]}
"""
BUDGET = "budget all applies and the price of up/new is not known"


def told(tmp_path, text, *words):
    report = cli("check", "--quick", str(write_config(tmp_path, text)), *words, code=1)
    return [each["message"].removeprefix(f"{tmp_path}/") for each in report["errors"]]


def test_a_good_configuration_passes(tmp_path):
    report = cli("check", "--quick", str(write_config(tmp_path, GOOD)))

    assert report["endpoints"] == ["chat/v1", "sum/v1"]
    assert report["notes"] == []


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("api_key: k", "api_key: k, ca: no.pem", "headworks.yaml:4: providers.up.ca: there is no file"),
        ("api_key: k", "api_key: k, ca: kinds.py", "headworks.yaml:4: providers.up.ca: "),
        ("api_key: k", "api_key: k, cert: no.pem, cert_key: no.key", "headworks.yaml:4: providers.up.cert_key: there is no file"),
        ("api_key: k", "api_key: k, cert_key: kinds.py", "headworks.yaml:4: providers.up.cert_key: is the key of a certificate"),
        ("api_key: k", "api_key: k, regoin: x", "headworks.yaml:4: providers.up.regoin: unknown key"),
        ("kind: openai", "kind: opnai", "there is no kind of provider 'opnai'"),
        ("api_key: k", "api_key: k, total_timeout: 0s", "headworks.yaml:4: providers.up.total_timeout: leaves no time"),
        ("api_key: k}", "api_key: k}\n  g: {kind: google, location: eu, account_file: no.json}", "headworks.yaml:5: providers.g.account_file: there is no file"),
        ('python: "kinds:Sum"', "onnx: no.onnx", "headworks.yaml:2: models.sum.onnx: there is no file"),
        ('up/known"]', 'up/new"]', f"headworks.yaml:11: endpoints.chat.v1.targets.0: {BUDGET}"),
        ('targets: ["up/known"]', 'targets: ["up/known"], fallback: {context_length: "up/new"}', f"headworks.yaml:11: endpoints.chat.v1.fallback.context_length: {BUDGET}"),
        ("task: chat", "task: chta", "headworks.yaml:11: endpoints.chat.v1.task: there is no task 'chta'; did you mean 'chat'?"),
        ("task: chat", "task: chat, timeout: 0ms", "headworks.yaml:11: endpoints.chat.v1.timeout: leaves no time"),
        ("task: chat", "task: ocr", "headworks.yaml:11: endpoints.chat.v1.targets.0: "),
        ("limit: 10 USD", "limit: 10 USD, ceiling: 11 USD", "headworks.yaml:7: budgets.all.ceiling: is more than the limit"),
        ("limit: 10 USD", "limit: 10 USD, per: endpoint, only: caht", "headworks.yaml:7: budgets.all.only: no endpoint is called 'caht'; did you mean 'chat'?"),
        ("limit: 10 USD", "limit: 10 USD, only: chat", "headworks.yaml:7: budgets.all.only: keeps a budget to one key"),
        ("up/endless", "endless", "headworks.yaml:5: prices.endless: prices are of a service"),
        ("budgets:", 'server: {hosts: ["https://a.example"]}\nbudgets:', "headworks.yaml:6: server.hosts.0: is no name"),
        ("budgets:", 'cors: {origins: ["app.example"]}\nbudgets:', "headworks.yaml:6: cors.origins.0: is no web origin"),
        ("budgets:", 'cors: {origins: ["*"]}\nbudgets:', "headworks.yaml:6: cors.origins.0: is no web origin"),
        ("budgets:", "tls: {cert: kinds.py, key: kinds.py}\nbudgets:", "headworks.yaml:6: tls.cert: "),
        ("budgets:", 'records: {key_file: "kinds.py"}\nbudgets:', "headworks.yaml:6: records.key_file: "),
        ("budgets:", 'records: {key_file: "kinds.py/kek"}\nbudgets:', "headworks.yaml:6: records.key_file: "),
    ],
)  # fmt: skip
def test_what_serve_or_the_first_call_would_find_is_told_with_its_line_and_its_fix(tmp_path, old, new, message):
    assert old in GOOD
    assert any(each.startswith(message) or message in each for each in told(tmp_path, GOOD.replace(old, new, 1)))


def test_everything_is_told_at_once(tmp_path):
    text = GOOD.replace("api_key: k", "api_key: k, ca: no.pem").replace('up/known"]', 'up/new"]')

    assert len(told(tmp_path, text.replace('python: "kinds:Sum"', "onnx: no.onnx"))) == 3


def test_two_providers_that_connect_to_one_origin_in_two_ways_are_found(tmp_path):
    second = '\n  two: {kind: openai, base_url: "http://127.0.0.1:9/v1", api_key: k, max_connections: 3}'
    text = GOOD.replace("api_key: k}", "api_key: k}" + second).replace('["up/known"]', '["up/known", "two/m"]')
    found = told(tmp_path, text.replace("limit: 10 USD", "limit: 10 USD, ceiling: 1 USD"))

    assert found == [
        "headworks.yaml:5: providers.two: names an origin that another provider connects to in another way"
    ]


def test_a_budget_of_another_endpoint_asks_for_no_price(tmp_path):
    text = GOOD.replace("limit: 10 USD", "limit: 10 USD, per: endpoint, only: sum").replace('up/known"]', 'up/new"]')

    assert cli("check", "--quick", str(write_config(tmp_path, text)))["endpoints"]


def test_what_may_surprise_is_a_note(tmp_path):
    text = GOOD.replace('up/known"]', 'up/endless"]') + 'server: {host: "0.0.0.0"}\n'
    notes = cli("check", "--quick", str(write_config(tmp_path, text)))["notes"]

    assert [note.removeprefix(f"{tmp_path}/").partition(": ")[0] for note in notes] == [
        "headworks.yaml:12",
        "headworks.yaml:11",
    ]
    assert "--behind-proxy" in notes[0]
    assert "say max_output" in notes[1]


@pytest.mark.parametrize("mode", [0o644, 0o640])
def test_a_key_file_that_others_can_read_is_found_by_check_and_serve_alike(tmp_path, mode):
    kept = tmp_path / "keys" / "kek"
    config = write_config(tmp_path, GOOD + f'records: {{key_file: "{kept}"}}\n')
    first = cli("check", "--quick", str(config))
    kept.parent.mkdir()
    kept.write_bytes(b"headworks-kek-1 " + b"QUFB" * 10 + b"QUE=\n")
    kept.chmod(mode)
    checked = cli("check", "--quick", str(config), code=1)["error"]
    code, served = refused(config, tmp_path / "home")

    assert first["endpoints"]
    assert f"can be read by others: run chmod 600 {kept}" in checked
    assert (code, served["error"]) == (1, checked)


def test_a_certificate_with_the_key_of_another_is_found(tmp_path):
    authority = Authority(tmp_path)
    (cert, _), (_, key) = authority.pair("one"), authority.pair("two")
    config = write_config(tmp_path, GOOD + f'tls: {{cert: "{cert}", key: "{key}"}}\n')

    assert "and its own key" in cli("check", "--quick", str(config), code=1)["error"]


def test_what_a_loaded_model_cannot_serve_has_its_line_too(tmp_path):
    text = GOOD.replace("sum: {v1: {targets: [sum]}}", "sum: {v1: {task: translation, targets: [sum]}}")
    report = cli("check", str(write_config(tmp_path, text)), "--home", str(tmp_path / "home"), code=1)

    assert report["errors"][0]["message"].startswith(f"{tmp_path}/headworks.yaml:9: endpoints.sum.v1")
