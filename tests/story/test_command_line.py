"""What a person reads who does not know the product yet: each refusal says what, where and how to mend it."""

import pytest

from tests.running import cli, service, shell, write_config

ECHO = """
models: {total: {python: "shapes:First"}}
endpoints: {total: {v1: {targets: [total]}}}
"""


def check(*words):
    code, _, told = shell("check", *map(str, words))
    return code, told


def test_check_refuses_a_certificate_that_serve_could_not_read(tmp_path):
    config = write_config(tmp_path, ECHO + "tls: {cert: nope.pem, key: nope.key}\n", models=("shapes.py",))
    code, told = check(config)

    assert code == 1
    assert f"{config}:4: tls.cert: there is no file {tmp_path}/nope.pem" in told
    assert f"{config}:4: tls.key: there is no file {tmp_path}/nope.key" in told


@pytest.mark.parametrize(
    ("example", "annotation", "told"),
    [
        ("3", "str", "example 0: the input must be of type string"),
        ("'x'", "str, /", "example 0: ValueError in predict"),
    ],
)
def test_an_example_that_fails_is_named_with_what_is_wrong(tmp_path, example, annotation, told):
    body = f"    examples = [{example}]\n    def predict(self, text: {annotation}) -> int: return int(text)\n"
    (tmp_path / "models.py").write_text(f"import headworks\nclass Parse(headworks.Model):\n{body}")
    code, refusal = check(tmp_path / "models.py", "--home", tmp_path / "home")

    assert code == 1
    assert told in refusal


def test_a_model_without_annotation_is_refused_without_a_line_of_ours(tmp_path):
    (tmp_path / "models.py").write_text("import headworks\n@headworks.model\ndef echo(text):\n    return text\n")
    code, refusal = check(tmp_path / "models.py", "--home", tmp_path / "home")

    assert code == 1
    assert "has no annotation. Write text: list[Review], say" in refusal
    assert "signature.py" not in refusal


def test_an_example_is_published_without_fields_that_say_nothing(tmp_path):
    body = "from headworks.tasks import chat\nclass Talk(headworks.Model):\n"
    example = "    examples = [chat.Request(messages=[chat.UserMessage('Hi')], max_tokens=4)]\n"
    predict = "    def predict(self, asked: chat.Request) -> chat.Reply: return chat.Reply('1', 'chat.completion', 0, 'm', [choice])\n"
    choice = "choice = chat.Choice(0, chat.Answered('assistant', 'Hi'), 'stop')\n"
    (tmp_path / "models.py").write_text("import headworks\n" + body + example + predict + choice)
    with service(tmp_path / "models.py", tmp_path / "home") as running:
        shown = running.get("/api/talk/v1").json["examples"]

    assert shown == [{"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 4}]


def test_a_configuration_that_publishes_nothing_says_so(tmp_path):
    (tmp_path / "headworks.yaml").write_text("")
    code, told, _ = shell("check", str(tmp_path))

    assert code == 0
    assert "It publishes no endpoint yet" in told


def test_a_folder_that_cannot_be_written_is_refused_in_a_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    refusal = cli("init", str(tmp_path / "file" / "project"), code=1)

    assert refusal["error"] == f"{tmp_path}/file/project cannot be written: Not a directory."


@pytest.mark.parametrize("port", ["80000", "-1"])
def test_a_port_that_is_none_is_refused_and_not_taken_for_another(tmp_path, port):
    config = write_config(tmp_path, ECHO, models=("shapes.py",))
    code, _, told = shell("serve", str(config), "--home", str(tmp_path / "home"), f"--port={port}")

    assert code == 1
    assert "a port is a number from 0 (a free one) to 65535" in told


@pytest.mark.parametrize("action", ["revoke", "rotate"])
def test_a_whole_key_in_place_of_its_id_is_refused_and_not_repeated(tmp_path, action):
    _, made, _ = shell("keys", "create", "me", "--home", str(tmp_path / "home"))
    key = made.splitlines()[0]
    code, _, told = shell("keys", action, key, "--home", str(tmp_path / "home"))

    assert code == 1
    assert "eight characters" in told
    assert key not in told
    assert f"{tmp_path}/home is a new home" in made


def test_a_home_whose_pepper_is_lost_is_refused_and_not_served_with_dead_keys(tmp_path):
    config, home = write_config(tmp_path, ECHO, models=("shapes.py",)), tmp_path / "home"
    cli("keys", "create", "me", "--home", str(home))
    (home / "keys.pepper").unlink()
    code, _, told = shell("serve", str(config), "--home", str(home), "--port", "0")

    assert code == 3
    assert "keys.pepper is missing: restore it" in told


@pytest.mark.parametrize(
    "words", [("keys", "list"), ("keys", "revoke", "abcdefgh"), ("records", "erase", "ana"), ("models", "list")]
)
def test_a_mistyped_home_is_refused_and_not_made(tmp_path, words):
    refusal = cli(*words, "--home", str(tmp_path / "hme"), code=3)

    assert refusal["code"] == "home_unavailable"
    assert not (tmp_path / "hme").exists()


@pytest.mark.parametrize("limit", ["0", "-1", "ten"])
def test_a_number_of_records_that_is_none_is_refused(tmp_path, limit):
    code, _, told = shell("records", "list", f"--limit={limit}", "--home", str(tmp_path))

    assert code == 2
    assert "--limit" in told
