"""A real third-party translation service behind an endpoint by a declared mapping: right, wrong, many at once, hung and gone.

Run with HEADWORKS_TRANSLATOR=1; needs the Debian packages apertium-apy and apertium-eng-spa.
"""

import os
import shutil
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.ports import reserved_port
from tests.running import service, write_config

pytestmark = [
    pytest.mark.translator,
    pytest.mark.skipif(not os.environ.get("HEADWORKS_TRANSLATOR"), reason="HEADWORKS_TRANSLATOR=1 runs it"),
]

MODES = Path("/usr/share/apertium/modes")
CONFIG = """
providers:
  apertium:
    kind: http
    base_url: "http://127.0.0.1:{port}"
    operations:
      text:
        task: translation
        method: GET
        path: "/translate?langpair={{join('|', [parameters.src_lang, parameters.tgt_lang])}}&q={{inputs}}&markUnknown=no"
        reply: "{{translation_text: trim(responseData.translatedText)}}"
        error: explanation
        errors: {{That pair is not installed: unable}}
endpoints:
  translate:
    v1: {{task: translation, targets: ["apertium/text"], timeout: 60s}}
    v2:
      task: translation
      targets: ["apertium/text"]
      timeout: 2s
      degraded: {{translation_text: "no translation just now"}}
"""
PHRASES = {
    "I saw the red house": "Vi la casa roja",
    "the black cat": "El gato negro",
    "two white dogs": "Dos perros blancos",
    "my brother reads a book": "Mi hermano lee un libro",
}


class Translator:
    """The server as a process of its own, in a group with the programs that it starts."""

    def __init__(self, port, log):
        self.port, self._log = port, log
        self.start()

    def start(self):
        self._process = subprocess.Popen(
            [shutil.which("apertium-apy"), "--port", str(self.port), str(MODES)],
            stdout=self._log, stderr=self._log, process_group=0,
        )  # fmt: skip

    def signal(self, number):
        os.killpg(self._process.pid, number)

    def end(self):
        self.signal(signal.SIGKILL)
        self._process.wait(20)


def asked(text, source="eng", target="spa"):
    return {"inputs": text, "parameters": {"src_lang": source, "tgt_lang": target}}


@pytest.fixture(scope="module")
def translator(tmp_path_factory):
    assert shutil.which("apertium-apy"), "apt-get install apertium-apy apertium-eng-spa"
    with reserved_port() as port, (tmp_path_factory.mktemp("apertium") / "log").open("wb") as log:
        running = Translator(port, log)
        try:
            yield running
        finally:
            running.end()


@pytest.fixture(scope="module")
def api(translator, tmp_path_factory):
    folder = tmp_path_factory.mktemp("translator")
    with service(write_config(folder, CONFIG.format(port=translator.port), ()), folder / "home") as running:
        running.until(lambda: running.call("/api/translate/v1", asked("house")).status == 200, within_s=60)
        yield running


def test_a_text_is_translated_in_the_tasks_shape(api):
    answer = api.call("/api/translate/v1", asked("I saw the red house"))

    assert answer.json == {"translation_text": "Vi la casa roja"}
    assert answer.headers["headworks-target"] == "apertium/text"
    assert (
        api.call("/api/translate/v1", asked("El gato negro", "spa", "eng"))
        .json["translation_text"]
        .endswith("black cat")
    )


def test_a_pair_that_it_lacks_is_told_as_such_and_not_as_a_fault(api):
    answer = api.call("/api/translate/v1", asked("house", target="deu"))

    assert (answer.status, answer.json["code"]) == (400, "provider_unable")
    assert "installed" not in answer.json["detail"]


def test_of_many_at_once_each_gets_its_own(api):
    calls = list(PHRASES) * 15
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda text: api.call("/api/translate/v1", asked(text)), calls))

    assert {answer.status for answer in answers} == {200}
    assert [answer.json["translation_text"] for answer in answers] == [PHRASES[text] for text in calls]


def test_while_it_hangs_the_declared_answer_comes_within_the_deadline(api, translator):
    translator.signal(signal.SIGSTOP)
    try:
        answer = api.call("/api/translate/v2", asked("house"))
    finally:
        translator.signal(signal.SIGCONT)

    assert (answer.status, answer.json) == (200, {"translation_text": "no translation just now"})
    assert "headworks-degraded" in answer.headers


def test_when_it_is_gone_calls_fail_clearly_and_when_it_is_back_they_do_not(api, translator):
    translator.end()
    gone = api.call("/api/translate/v1", asked("house"))
    translator.start()

    assert gone.status in (502, 503)
    api.until(lambda: api.call("/api/translate/v1", asked("house")).status == 200, within_s=60)


def test_what_was_asked_and_answered_is_in_the_record(api):
    records = api.cli("records", "list", "--limit", "500")

    assert {record["target"] for record in records if record["status"] == 200} >= {"apertium/text"}
    assert api.cli("records", "verify")["whole"]
