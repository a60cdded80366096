"""A published version keeps its promise: what may follow, what is refused, and that no call is lost meanwhile."""

import shutil
import signal
import threading

import pytest

from tests.running import cli, refused, service, shell, write_config
from tests.talking import Crowd, Talk

CONFIG = """
models:
  total: {{python: "shapes:{model}"}}
endpoints:
  total: {{v1: {{targets: [total]}}}}
logs: {{calls: false}}
"""


def config_of(folder, model, more=""):
    return write_config(folder, CONFIG.format(model=model) + more, models=("shapes.py",))


@pytest.fixture(scope="module")
def locked(tmp_path_factory):
    """A project whose first version is published."""
    folder = tmp_path_factory.mktemp("locked")
    cli("lock", str(config_of(folder, "First")), "--home", str(folder / "home"))
    return folder


@pytest.fixture
def project(locked, tmp_path):
    shutil.copytree(locked, tmp_path / "project")
    return tmp_path / "project"


def test_a_compatible_change_of_a_locked_version_is_served(project):
    config = config_of(project, "Wider")
    report = cli("check", str(config), "--home", str(project / "home"))
    with service(config, project / "home") as running:
        answers = [running.call("/api/total/v1", asked).json for asked in ({"x": [1, 2]}, {"x": [1, 2], "times": 2})]

    assert report["not_locked"] == ["total/v1"]
    assert answers == [{"total": 3.0}, {"total": 6.0}]


def test_a_breaking_change_of_a_locked_version_is_refused_by_check_and_serve(project):
    config = config_of(project, "Renamed")
    checked, _, told = shell("check", str(config), "--home", str(project / "home"))
    served, document = refused(config, project / "home")

    assert (checked, served) == (1, 1)
    assert "total/v1" in told
    assert "/y" in told
    assert document["code"] == "configuration_refused"
    assert {error["pointer"].split("/")[1] for error in document["errors"]} == {"total"}


def test_a_break_is_locked_only_when_it_is_named(project):
    config, home = config_of(project, "Renamed"), str(project / "home")
    cli("lock", str(config), "--home", home, code=1)
    cli("lock", str(config), "--home", home, "--breaking", "total/v1")

    assert cli("check", str(config), "--home", home)["not_locked"] == []


@pytest.fixture(scope="module")
def changing(tmp_path_factory):
    folder = tmp_path_factory.mktemp("changing")
    config = config_of(folder, "First")
    with service(config, folder / "home") as running:
        running.folder = folder
        running.config = config
        yield running


def total(talk, client):
    answer = talk.call("/api/total/v1", {"x": [1, 2]})
    assert answer.status == 200, answer.body
    return answer.json["total"]


@pytest.mark.parametrize(
    ("to", "says"),
    [("Renamed", "total/v1"), ("Unloadable", "no weights"), ("BadExample", "example"), ("Missing", "Missing")],
)
def test_a_swap_that_may_not_be_is_refused_while_the_old_version_serves_on(changing, to, says):
    with Crowd(changing.port, changing.key, total, clients=2) as crowd:
        crowd.until(5)
        told = changing.cli("models", "swap", "total", "--to", f"shapes:{to}", code=1)
        crowd.until(5)
        totals = crowd.stop()

    assert says in str(told), told
    assert set(totals) == {3.0}


def test_a_swap_under_load_changes_the_answers_and_loses_no_call(changing):
    begun_after = []
    with Crowd(changing.port, changing.key, total, clients=4) as crowd:
        for to in ("Doubled", "First", "Doubled", "First"):
            crowd.until(20)
            changing.cli("models", "swap", "total", "--to", f"shapes:{to}")
            begun_after.append(changing.call("/api/total/v1", {"x": [1, 2]}).json["total"])
        crowd.until(20)
        totals = crowd.stop()

    assert set(totals) == {3.0, 6.0}
    assert begun_after == [6.0, 3.0, 6.0, 3.0]


def test_a_long_call_is_finished_by_the_version_that_began_it(tmp_path):
    config = write_config(
        tmp_path, 'models: {later: {python: "kinds:Later"}}\nendpoints: {later: {v1: {targets: [later]}}}\n'
    )
    with service(config, tmp_path / "home") as running, Talk(running.port, running.key) as talk:
        before = running.workers()
        talk.ask("/api/later/v1", {"x": [1.5]})
        swapping = threading.Thread(target=running.cli, args=("models", "swap", "later"))
        swapping.start()
        answer = talk.answer()
        swapping.join(30)
        after = talk.call("/api/later/v1", {"x": [0]})
        running.until(lambda: len(running.workers()) == 1)

        assert (answer.status, after.status) == (200, 200)
        assert running.workers() != before


def test_a_reload_under_load_takes_what_the_configuration_says_now_and_loses_no_call(changing):
    with Crowd(changing.port, changing.key, total, clients=4) as crowd:
        crowd.until(20)
        config_of(changing.folder, "Doubled")
        changing.process.send_signal(signal.SIGHUP)
        changing.until(lambda: crowd.kept[-1] == 6.0)
        changing.until(lambda: any('"event":"reloaded"' in line for line in changing.log))
        config_of(changing.folder, "First")
        assert changing.cli("models", "reload") == {
            "swapped": ["total"],
            "waiting": [],
            "changed": ["models.total.python"],
        }
        begun_after = changing.call("/api/total/v1", {"x": [1, 2]}).json["total"]
        crowd.until(20)
        totals = crowd.stop()

    assert set(totals) == {3.0, 6.0}
    assert begun_after == 3.0


def test_a_reload_that_cannot_be_leaves_everything_as_it_was(changing):
    with Crowd(changing.port, changing.key, total, clients=1) as crowd:
        for text in ("models: [", CONFIG.format(model="Renamed"), CONFIG.format(model="First") + "colour: red\n",
                     CONFIG.format(model="First").replace("v1:", "v2:"), CONFIG.format(model="Unloadable")):  # fmt: skip
            changing.config.write_text(text)
            told = changing.cli("models", "reload", code=1)
            assert told["error"], text
            crowd.until(3)
        config_of(changing.folder, "First")
        assert changing.cli("models", "reload") == {"swapped": ["total"], "waiting": [], "changed": []}
        crowd.until(3)

    assert set(crowd.kept) == {3.0}
    assert changing.call("/api/total/v2", {"x": [1]}).status == 404


def test_a_version_that_is_added_is_there_after_a_reload_and_cannot_be_taken_away_by_one(tmp_path):
    config = config_of(tmp_path, "First")
    with service(config, tmp_path / "home") as running:
        before = running.get("/openapi.json")
        config.write_text(CONFIG.format(model="First").replace("[total]}", "[total]}, v2: {targets: [total]}"))
        running.cli("models", "reload")
        added = running.call("/api/total/v2", {"x": [1]})
        after = running.get("/openapi.json")
        config_of(tmp_path, "First")
        told = running.cli("models", "reload", code=1)
        still = running.call("/api/total/v2", {"x": [1]})

    assert (added.status, added.json, still.status) == (200, {"total": 1.0}, 200)
    assert "total/v2" in told["error"]
    assert b"/api/total/v2" not in before.body
    assert b"/api/total/v2" in after.body
