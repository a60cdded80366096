"""Files, batches and jobs are endpoints like any other: scopes, money, records, persons, and every door."""

import json

import openai
import pytest

from tests.keeping import KEY, account
from tests.running import cli, refused, service, write_config
from tests.story.test_canaries import files_below, forms_of
from tests.story.test_keeping import JSONL, client_of, sent
from tests.talking import Talk

CONFIG = """
providers:
  up: {{kind: openai, base_url: "{url}", api_key: {key}, attempts: 3, resend: true, hedge: 0.5}}
  same: {{kind: openai, base_url: "{url}", api_key: {key}}}
endpoints:
  files: {{v1: {{task: files, targets: ["up/files"], max_body: 18MiB}}}}
  batches: {{v1: {{task: batches, targets: ["up/batches"], record: digest}}}}
  talk: {{v1: {{task: chat, targets: ["up/gpt-5-mini"]}}}}
  tuning: {{v1: {{task: fine-tuning, targets: ["up/fine-tuning"]}}}}
  responses: {{v1: {{task: responses, targets: ["same/m"]}}}}
prices:
  up/fine-tuning: {{call: 4}}
budgets:
  priced: {{per: key, only: buyer, limit: 10 USD, period: total}}
  dear: {{per: key, only: poor, limit: 10 USD}}
  bounded: {{per: key, only: rich, limit: 10 USD, ceiling: 4 USD, period: total}}
"""
CONTENT = b"canary7content"
SUBJECT = "canary7subject"


class House:
    def __init__(self, running, kept):
        self.running, self.kept = running, kept

    def call(self, path, document=None, **more):
        return self.running.call(path, document, **more)

    def asked(self, method, path):
        """How often the vendor was asked so."""
        return sum((each[0], each[1]) == (method, path) for each in self.kept.asked)

    def upload(self, key=None, content=b"x", purpose="user_data", headers=None):
        with client_of(self.running, key or self.running.key) as client:
            return sent(client, content, purpose=purpose, extra_headers=headers or {})

    def begin(self, file, key=None, headers=None):
        body = {"input_file_id": file.id, "endpoint": "/v1/responses", "completion_window": "24h"}
        return self.call("/v1/batches", body, key=key, headers=headers)


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keeping-rules")
    with account() as (kept, url):
        config = write_config(folder, CONFIG.format(url=url, key=KEY))
        with service(config, folder / "home") as running:
            yield House(running, kept)


@pytest.fixture(autouse=True)
def well(house):
    house.kept.script.clear()


def test_a_key_does_what_its_scopes_hold(house):
    key = house.running.make_key("files only", scopes=["call:files"])

    assert house.call("/v1/files", key=key, method="GET").status == 200
    answers = [house.call(f"/v1/{shelf}", key=key, method="GET") for shelf in ("batches", "fine_tuning/jobs")]
    assert [answer.status for answer in answers] == [403, 403]
    assert answers[0].json["error"]["type"] == "permission_error"


def test_no_other_door_leads_to_somebody_elses_things(house):
    file = house.upload(content=CONTENT)
    other = house.running.make_key("other")
    natively = {"action": "retrieve", "id": file.id}
    fetched = {**natively, "action": "content"}
    mine = house.call("/api/files/v1", fetched)
    said = (("action", '"retrieve"'), ("id", file.id))
    tensors = {"inputs": [{"name": name, "shape": [1], "datatype": "BYTES", "data": [text]} for name, text in said]}
    with Talk(house.running.port, other) as talk:
        theirs = [talk.call("/api/files/v1", document) for document in (natively, fetched, {"action": "list"})]
    through_v2 = [house.call("/v2/models/files/infer", tensors, key=key) for key in (None, other)]

    assert (mine.status, mine.body, mine.headers["content-type"]) == (200, CONTENT, "application/octet-stream")
    assert [answer.status for answer in theirs] == [404, 404, 200]
    assert theirs[2].json["data"] == []
    assert [answer.status for answer in through_v2] == [200, 404]
    assert file.id.encode() in through_v2[0].body


def test_an_array_of_things_is_not_asked_for(house):
    assert house.call("/api/files/v1", [{"action": "list"}]).status == 422


def test_a_file_natively_sent_as_a_form_is_the_same(house):
    body = b'--b\r\ncontent-disposition: form-data; name="action"\r\n\r\ncreate\r\n'
    body += b'--b\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nuser_data\r\n'
    body += b'--b\r\ncontent-disposition: form-data; name="file"; filename="x"\r\n\r\n' + CONTENT + b"\r\n--b--\r\n"
    made = house.call("/api/files/v1", body=body, headers={"Content-Type": "multipart/form-data; boundary=b"})

    assert made.status == 200, made.body
    assert house.kept.contents[made.json["id"]] == CONTENT


@pytest.mark.parametrize("way", ["as sent", "escaped"])
def test_a_response_is_made_of_the_callers_own_files_alone(house, way):
    file = house.upload()
    part = {"type": "input_file", "file_id": file.id}
    body = json.dumps({"model": "responses", "input": [{"role": "user", "content": [part]}]})
    if way == "escaped":
        body = body.replace("file-", "\\u0066ile-").replace("file_id", "file\\u005fid")
    before = house.asked("POST", "/v1/responses")
    answers = [house.call("/v1/responses", body=body.encode(), key=key) for key in (None, house.running.make_key("x"))]

    assert house.asked("POST", "/v1/responses") == before + 1
    assert answers[1].status == 400
    assert answers[1].json["error"]["code"] == "provider_refused"


def test_what_breaks_off_is_not_begun_twice_and_is_nobodys(house):
    file = house.upload(content=JSONL, purpose="batch")
    lost = []

    def breaks(answer):
        lost.append(json.loads(answer()[2])["id"])

    house.kept.script = [breaks]
    before = house.asked("POST", "/v1/batches")
    answer = house.begin(file)

    assert answer.status == 502
    assert house.asked("POST", "/v1/batches") == before + 1
    assert house.call(f"/v1/batches/{lost[0]}", method="GET").status == 404
    assert lost[0] in house.kept.batches


def test_what_was_begun_when_its_caller_left_is_in_the_callers_list(house):
    key = house.running.make_key("leaver")
    house.kept.gate.clear()
    before = house.asked("POST", "/v1/files")
    with Talk(house.running.port, key) as talk:
        talk.ask("/api/files/v1", {"action": "create", "purpose": "x", "file": "aGk="})
        house.running.until(lambda: house.asked("POST", "/v1/files") > before)
        talk.reset()
    house.running.until(
        lambda: b"client_gone" in json.dumps(house.running.cli("records", "list", "--limit", "1")).encode()
    )
    house.kept.gate.set()
    house.running.until(lambda: house.call("/v1/files", key=key, method="GET").json["data"])

    assert [each["bytes"] for each in house.call("/v1/files", key=key, method="GET").json["data"]] == [2]


def test_what_a_provider_says_of_a_refusal_is_for_the_log_alone(house):
    file = house.upload(content=JSONL, purpose="batch")
    house.kept.files.pop(file.id)
    refused_ = house.begin(file)
    batch = house.begin(house.upload(content=JSONL, purpose="batch")).json
    house.kept.finish_batch(batch["id"])
    conflict = house.call(f"/v1/batches/{batch['id']}/cancel", method="POST")

    assert (refused_.status, conflict.status) == (400, 400)
    assert b"canary7vendortext" not in refused_.body + conflict.body


def test_the_same_call_under_an_idempotency_key_is_begun_once(house):
    file = house.upload(content=JSONL, purpose="batch")
    before = house.asked("POST", "/v1/batches")
    answers = [house.begin(file, headers={"Idempotency-Key": "once"}) for _ in range(2)]

    assert answers[0].json["id"] == answers[1].json["id"]
    assert answers[1].headers["idempotency-replayed"] == "true"
    assert house.asked("POST", "/v1/batches") == before + 1


def test_a_file_that_is_larger_than_the_version_takes_is_refused(house):
    with client_of(house.running, house.running.key) as client, pytest.raises(openai.APIStatusError) as caught:
        sent(client, bytes(18 * 2**20), purpose="user_data")

    assert caught.value.status_code == 413


def test_a_file_may_be_as_large_as_its_version_says_whatever_others_take(house):
    content = bytes(17 * 2**20)
    file = house.upload(content=content)
    with client_of(house.running, house.running.key) as client:
        fetched = client.files.content(file.id).read()

    assert file.bytes == len(content)
    assert fetched == content
    assert house.call("/api/batches/v1", body=b" " * 2**24 + b"{}").status == 413


def test_under_a_budget_a_batch_needs_a_ceiling_and_looking_goes_on(house):
    poor, rich = house.running.make_key("poor"), house.running.make_key("rich")
    files = {key: house.upload(key, JSONL, "batch") for key in (poor, rich)}
    refused_ = house.begin(files[poor], poor)
    begun_ = [house.begin(files[rich], rich) for _ in range(3)]
    looked = house.call("/v1/batches", key=rich, method="GET")
    cancelled = house.call(f"/v1/batches/{begun_[0].json['id']}/cancel", key=rich, method="POST")

    assert (refused_.status, refused_.json["error"]["code"]) == (402, "price_unknown")
    assert [answer.status for answer in begun_] == [200, 200, 402]
    assert (len(looked.json["data"]), cancelled.status) == (2, 200)


def test_under_a_budget_a_job_of_a_known_price_is_charged_that(house):
    key = house.running.make_key("buyer")
    file = house.upload(key, b"{}", "fine-tune")
    body = {"model": "gpt-5-mini", "training_file": file.id}
    answers = [house.call("/v1/fine_tuning/jobs", body, key=key) for _ in range(3)]
    used = house.running.cli("usage", "--by", "caller,target")

    assert [answer.status for answer in answers] == [200, 200, 402]
    assert answers[2].json["error"]["code"] == "insufficient_quota"
    assert {row["target"] for row in used if row["caller"] == key[-59:-51]} == {"up/files", "up/fine-tuning"}


def test_every_call_is_recorded_as_its_version_says(house):
    file = house.upload(content=CONTENT)
    sending = house.running.cli("records", "list", "--limit", "1")[0]
    looked = house.call(f"/v1/files/{file.id}/content", method="GET")
    shown = [
        house.running.cli("records", "show", each) for each in (sending["request_id"], looked.headers["x-request-id"])
    ]
    batch = house.begin(house.upload(content=JSONL, purpose="batch"))
    unshown = house.running.cli("records", "show", batch.headers["x-request-id"])

    assert (sending["route"], sending["target"], sending["outcome"]) == ("/v1/files", "up/files", "ok")
    assert "canary7content" in json.dumps(shown[0])
    assert "canary7content" in json.dumps(shown[1])
    assert batch.json["id"] not in json.dumps(unshown)


def test_what_is_about_a_person_is_given_up_with_the_person_and_named(house):
    about = {"X-Subject": SUBJECT}
    file = house.upload(content=JSONL, purpose="batch", headers=about)
    batch = house.begin(file).json["id"]
    house.kept.finish_batch(batch)
    output = house.call(f"/v1/batches/{batch}", method="GET").json["output_file_id"]
    erased = house.running.cli("records", "erase", SUBJECT)
    again = house.running.cli("records", "erase", SUBJECT)
    answers = [
        house.call(f"/v1/{path}", method="GET") for path in (f"files/{file.id}", f"files/{output}", f"batches/{batch}")
    ]

    assert {f"up/file/{file.id}", f"up/file/{output}", f"up/batch/{batch}"} < set(erased["at_providers"])
    assert again["at_providers"] == []
    assert [answer.status for answer in answers] == [404, 404, 404]


def test_owners_outlive_the_service_and_persons_are_given_up_without_one(tmp_path):
    with account() as (kept, url):
        config = write_config(tmp_path, CONFIG.format(url=url, key=KEY))
        with service(config, tmp_path / "home") as running:
            house = House(running, kept)
            file, about = house.upload(), house.upload(headers={"X-Subject": SUBJECT})
            key, other = running.key, running.make_key("other")
        with service(config, tmp_path / "home", key=key) as running:
            mine = running.call(f"/v1/files/{file.id}", method="GET")
            listed = running.call("/v1/files", method="GET").json["data"]
            theirs = running.call(f"/v1/files/{file.id}", method="GET", key=other)
        erased = cli("records", "erase", SUBJECT, "--home", str(tmp_path / "home"))
        with service(config, tmp_path / "home", key=key) as running:
            gone = running.call(f"/v1/files/{about.id}", method="GET")

    assert (mine.status, theirs.status, gone.status) == (200, 404, 404)
    assert [each["id"] for each in listed] == [about.id, file.id]
    assert erased["at_providers"] == [f"up/file/{about.id}"]


def test_no_secret_and_no_content_is_in_any_sink(tmp_path):
    with account() as (kept, url):
        config = write_config(tmp_path, CONFIG.format(url=url, key=KEY))
        with service(config, tmp_path / "home") as running:
            house = House(running, kept)
            file = house.upload(content=CONTENT, headers={"X-Subject": SUBJECT})
            for status in (400, 401, 403, 404, 409, 413, 429, 500):
                told = f'{{"error": {{"message": "{KEY} canary7content", "code": "{KEY}"}}}}'.encode()
                house.kept.script = [(status, "application/json", told)] * 3
                answer = house.call(f"/v1/files/{file.id}", method="DELETE")
                assert answer.status >= 400
                assert b"canary7" not in answer.body + repr(answer.headers).encode()
                if answer.status == 404:
                    file = house.upload(content=CONTENT, headers={"X-Subject": SUBJECT})
            sinks = [
                running.get(path, key=running.admin_key).body for path in ("/metrics", "/admin/records?limit=1000")
            ]
        sinks += ["\n".join(running.log).encode(), *(path.read_bytes() for path in files_below(running.home))]

    found = [
        secret
        for secret in (KEY, "canary7content", SUBJECT, "canary7vendortext")
        for form in forms_of(secret)
        if any(form in sink for sink in sinks)
    ]
    assert found == []


@pytest.mark.parametrize(
    ("endpoints", "place", "told"),
    [
        ('a: {v1: {task: files, targets: ["up/files", "up/m"]}}', "endpoints.a.v1.targets", "one target"),
        ("a: {v1: {task: files, targets: [own]}}", "endpoints.a.v1.targets", "one target"),
        ('a: {v1: {task: batches, targets: ["web/x"]}}', "endpoints.a.v1.targets", "openai and azure do"),
        ('a: {v1: {task: files, targets: ["up/files"]}}\n  b: {v1: {task: files, targets: ["up/files"]}}', "endpoints.b.v1.task", "already"),
        ('a: {v1: {task: files, targets: ["up/files"], cache: {fresh: 1m}}}', "endpoints.a.v1.cache", "remove the key"),
        ('a: {v1: {task: files, targets: ["up/batches"]}}', "endpoints.a.v1.targets", "up/files"),
    ],
)  # fmt: skip
def test_a_configuration_that_would_mix_things_up_is_refused(tmp_path, endpoints, place, told):
    text = 'models:\n  own: {python: "kinds:Echo"}\nproviders:\n  up: {kind: openai, api_key: k}\n'
    text += '  web: {kind: oip, base_url: "http://127.0.0.1:9"}\n'
    code, answer = refused(write_config(tmp_path, f"{text}endpoints:\n  {endpoints}\n"), tmp_path / "home")

    assert code != 0
    assert told in json.dumps(answer)
