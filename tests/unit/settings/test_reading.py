"""Reading a configuration: every mistake at once, with its line and its fix."""

import pytest
import yaml

from headworks.errors import ConfigurationRefused
from headworks.settings.implied import implied
from headworks.settings.reading import parse_config, read_config

GOOD = """\
models:
  mood: {python: "models:Mood", batch: {max_size: 8, max_wait: 1ms}}
endpoints:
  mood:
    v1: {task: text-classification, targets: [mood], timeout: 800ms, rate: 50/s, deprecated: 2026-12-01}
"""


def refusals(text, environment=None):
    with pytest.raises(ConfigurationRefused) as caught:
        parse_config(text, "headworks.yaml", environment or {})
    return [error.message for error in caught.value.errors] or [caught.value.detail]


def test_a_good_configuration_is_read():
    config = parse_config(GOOD, "headworks.yaml", {})

    assert config.models["mood"].batch.max_size == 8
    assert str(config.endpoints["mood"]["v1"].deprecated) == "2026-12-01"


def test_an_empty_file_is_an_empty_configuration():
    assert parse_config("", "headworks.yaml", {}).models == {}


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("batch:", "btach:", "headworks.yaml:2: models.mood.btach: unknown key; did you mean 'batch'?"),
        ("max_size: 8", "max_size: 0", "headworks.yaml:2: models.mood.batch.max_size: expected `int` >= 1"),
        ("800ms", "800", "headworks.yaml:5: endpoints.mood.v1.timeout: expected `str | null`, got `int`"),
        ("800ms", "800x", "'800x' is not a duration"),
        ("50/s", "50", "expected `str | null`, got `int`"),
        ("targets: [mood]", "targets: [moood]", "no model is called 'moood'; known models: mood"),
        ("targets: [mood]", "targets: []", "names no target"),
        ("targets: [mood]", "targets: [acme/gpt]", "no provider is called 'acme'; known providers: none"),
        (
            "task: text-classification, targets: [mood]",
            "targets: [up/gpt]",
            "endpoints.mood.v1.task: a provider's operation serves a task",
        ),
        ("targets: [mood]", "targets: [{target: mood, weight: 0}]", "all weights are 0"),
        ("v1:", "one:", "versions are v1, v2"),
        ("endpoints:\n  mood:", "endpoints:\n  jobs:", "/api/jobs is a path of its own"),
        ("rate: 50/s", "outliers: {slower: 3}", "v1.outliers: these targets are asked in their order"),
        (
            "rate: 50/s",
            "balance: load, outliers: {least_targets: 2}",
            "v1.outliers.least_targets: asks for 2 targets and there are 1",
        ),
        ("rate: 50/s", "balance: load, outliers: {slower: 1}", "v1.outliers.slower: expected `float` > 1"),
        ("rate: 50/s", "balance: load, outliers: {most_out: 1}", "v1.outliers.most_out: expected `float` < 1"),
        ("rate: 50/s", "balance: load, outliers: {window: 3}", "v1.outliers.window: expected `str`"),
        ("rate: 50/s", "record: none", "needs a reason"),
        ("rate: 50/s", "sunset: 2026-01-01", "must be later than deprecated"),
        ('python: "models:Mood"', "replicas: 1", "must name exactly one of python"),
        ('python: "models:Mood"', 'sklearn: "m.joblib"', "convert it with skops"),
        ("endpoints:", "providers: {up: {base_url: ftp://x}}\nendpoints:", "headworks.yaml:3: providers.up.base_url: "),
        ("endpoints:", "providers: {Up: {}}\nendpoints:", "provider names are lower case"),
        ("endpoints:", 'providers: {up: {api_key: "k\\n"}}\nendpoints:', "a key holds a character that no header can"),
        ("endpoints:", "providers: {up: {proxy: 'http://u:p@px:3128'}}\nendpoints:", "no user and no password"),
        ("endpoints:", "providers: {up: {proxy: 'http://px:99999'}}\nendpoints:", "must be an HTTP proxy's address"),
        ("endpoints:", "budgets: {all: {limit: 10}}\nendpoints:", "a number here needs its unit"),
        ("endpoints:", "workflows: {}\nendpoints:", "workflows are not available"),
        (
            "endpoints:",
            "budgets: {all: {limit: 10 EUR}}\nendpoints:",
            "headworks.yaml:3: budgets.all.limit: '10 EUR' is not an amount",
        ),
        ("endpoints:", "budgets: {all: {limt: 10 USD}}\nendpoints:", "did you mean 'limit'?"),
        (
            "rate: 50/s",
            "cache: {frsh: 60s}",
            "headworks.yaml:5: endpoints.mood.v1.cache.frsh: unknown key; did you mean 'fresh'?",
        ),
        ("rate: 50/s", "record: ful", "invalid enum value 'ful'; write digest or full or none"),
        (
            "rate: 50/s",
            "risk: hihg",
            "endpoints.mood.v1.risk: invalid enum value 'hihg'; write high or limited or minimal",
        ),
        (
            "endpoints:",
            "records: {durable: maybe}\nendpoints:",
            "headworks.yaml:3: records.durable: invalid enum value",
        ),
        ("rate: 50/s", "sunset: tomorrow", "write it as 2027-06-30"),
        ("rate: 50/s", "sunset: 2026-13-01", "not YAML: month must be in 1..12; quote it if it is text"),
        ("endpoints:", "cors:\nendpoints:", "headworks.yaml:3: cors: expected"),
        ("endpoints:", "budgets: {all: }\nendpoints:", "headworks.yaml:3: budgets.all: nothing stands under this key"),
        ("endpoints:", "providers: {up: fast}\nendpoints:", "headworks.yaml:3: providers.up: must be a mapping"),
        (
            "endpoints:\n",
            "endpoints:\n  tone: {v1: }\n",
            "headworks.yaml:4: endpoints.tone.v1: nothing stands under this",
        ),
    ],
)
def test_a_mistake_names_its_line_and_its_fix(old, new, told):
    assert any(told in message for message in refusals(GOOD.replace(old, new, 1)))


def test_a_provider_keeps_its_secrets_as_secrets_and_its_own_settings_apart():
    text = GOOD + 'providers:\n  up: {kind: openai, api_key: "${UP}", region: r, secret_access_key: s3cret}\n'

    provider = parse_config(text, "headworks.yaml", {"UP": "k3y"}).providers["up"]

    assert [key.reveal() for key in provider.keys] == ["k3y"]
    assert provider.options["region"] == "r"
    assert provider.options["secret_access_key"].reveal() == "s3cret"
    assert "k3y" not in repr(provider)
    assert "s3cret" not in repr(provider)


def test_all_mistakes_are_told_at_once():
    text = GOOD.replace("800ms", "8x").replace("50/s", "5/x").replace("[mood]", "[other]")

    assert len(refusals(text)) == 3


def test_a_doubled_key_is_refused():
    assert "stands twice" in refusals(GOOD + "models: {}\n")[0]


def test_what_is_not_yaml_names_the_place():
    assert refusals("models: [")[0].startswith("headworks.yaml:")


@pytest.mark.parametrize("text", ["[]", "models", "3"])
def test_the_top_level_must_be_a_mapping(text):
    assert "mapping" in refusals(text)[0]


def test_variables_come_from_the_environment_and_a_missing_one_is_named():
    text = GOOD.replace("models:Mood", "${MODULE}:Mood")

    assert parse_config(text, "headworks.yaml", {"MODULE": "mine"}).models["mood"].python == "mine:Mood"
    assert "MODULE, which is not set" in refusals(text)[0]


def test_a_value_may_come_from_a_file(tmp_path):
    (tmp_path / "name.txt").write_text("models:Mood\n")
    path = tmp_path / "headworks.yaml"
    path.write_text(GOOD.replace('"models:Mood"', '"file:name.txt"'))

    assert read_config(path, {}).models["mood"].python == "models:Mood"


def test_a_value_from_a_file_that_is_no_text_is_refused_without_a_byte_of_it(tmp_path):
    (tmp_path / "key").write_bytes(b"s3cret\xff")
    path = tmp_path / "headworks.yaml"
    path.write_text(GOOD + 'providers: {up: {api_key: "file:key"}}\n')

    with pytest.raises(ConfigurationRefused, match="names a file that is no UTF-8 text") as caught:
        read_config(path, {})
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    "proxy", ["http://px:3128", "http://px.example:3128/", "http://[::1]:65535", "http://10.0.0.1"]
)
def test_a_proxy_is_an_address(proxy):
    text = GOOD + f"providers: {{up: {{proxy: '{proxy}'}}}}\n"

    assert parse_config(text, "headworks.yaml", {}).providers["up"].proxy == proxy


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(ConfigurationRefused, match="cannot be read"):
        read_config(tmp_path / "none.yaml", {})


def test_brackets_without_end_are_refused_as_any_mistake_is():
    told = refusals("models: " + "[" * 5000)

    assert told == ["headworks.yaml: brackets or lists are nested too deep to be a configuration"]


def test_python_tags_are_never_constructed():
    assert "not YAML" in refusals("models: !!python/object/apply:os.system ['true']")[0]


VENDORS = """\
providers:
  up: {kind: openai, base_url: "http://127.0.0.1:9000/v1", api_key: "${UP_KEY}"}     # kind defaults to the provider's own name
endpoints:
  chat: {v1: {task: chat, targets: ["up/any-model", "anthropic/claude-x"], timeout: 20s}}
"""


def test_a_vendor_that_a_target_names_has_its_key_where_its_own_clients_look_for_it():
    config = parse_config(VENDORS, "headworks.yaml", {"UP_KEY": "a", "ANTHROPIC_API_KEY": "b", "OPENAI_API_KEY": "c"})

    assert set(config.providers) == {"up", "anthropic"}
    assert [key.reveal() for key in config.providers["anthropic"].keys] == ["b"]


def test_a_vendor_without_its_key_is_told_at_the_target_that_names_it():
    assert refusals(VENDORS, {"UP_KEY": "a"}) == [
        "headworks.yaml:4: providers.anthropic.api_key: needs the environment variable ANTHROPIC_API_KEY, which is not set"
    ]


@pytest.mark.parametrize(
    ("entry", "vendors"),
    [
        ('targets: [{target: "openai/m", weight: 1}, {target: "up/m", weight: 1}]', {"openai"}),
        ('targets: ["up/m"], shadow: ["cohere/m"]', {"cohere"}),
        ('targets: ["up/m"], fallback: {context_length: "gemini/m"}', {"gemini"}),
        ('targets: ["up/m"], degraded: {model: "openai/m"}', set()),
    ],
)
def test_vendors_are_found_wherever_targets_are_named_and_nowhere_else(entry, vendors):
    text = VENDORS.replace('targets: ["up/any-model", "anthropic/claude-x"]', entry)

    assert set(implied(yaml.safe_load(text))) == vendors


def test_a_provider_that_is_written_down_is_as_it_is_written():
    text = VENDORS.replace("providers:", 'providers:\n  anthropic: {api_key: "k", attempts: 1}')
    config = parse_config(text, "headworks.yaml", {"UP_KEY": "a", "ANTHROPIC_API_KEY": "b"})

    assert config.providers["anthropic"].attempts == 1
    assert [key.reveal() for key in config.providers["anthropic"].keys] == ["k"]
