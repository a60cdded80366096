"""Keys and their administration on a running service."""


def test_a_scoped_key_calls_its_endpoint_only(served):
    key = served.cli("keys", "create", "scoped", "--scope", "call:echo")["key"]

    assert served.call("/api/echo/v1", {"text": "a"}, key=key).status == 200
    assert served.call("/api/sum/v2", {"x": [1]}, key=key).status == 403
    assert served.call("/api/none/v1", {"x": [1]}, key=key).status == 404


def test_a_keys_own_rate_is_kept(served):
    key = served.cli("keys", "create", "slow", "--rate", "2/h")["key"]
    answers = [served.call("/api/echo/v1", {"text": "a"}, key=key) for _ in range(3)]

    assert [answer.status for answer in answers] == [200, 200, 429]
    assert "retry-after" in answers[2].headers


def test_a_revoked_key_opens_nothing_any_more(served):
    made = served.cli("keys", "create", "brief")
    assert served.call("/api/echo/v1", {"text": "a"}, key=made["key"]).status == 200
    served.cli("keys", "revoke", made["id"])

    assert served.call("/api/echo/v1", {"text": "a"}, key=made["key"]).status == 401


def test_a_rotated_key_and_its_successor_are_both_valid_for_the_overlap(served):
    old = served.cli("keys", "create", "rotated", "--scope", "call:echo")
    new = served.cli("keys", "rotate", old["id"], "--overlap", "1h")
    statuses = [served.call("/api/echo/v1", {"text": "a"}, key=each["key"]).status for each in (old, new)]

    assert statuses == [200, 200]
    assert served.call("/api/sum/v2", {"x": [1]}, key=new["key"]).status == 403


def test_a_list_of_keys_shows_no_secret(served):
    made = served.cli("keys", "create", "listed")
    listed = served.cli("keys", "list")

    assert made["id"] in {key["id"] for key in listed}
    assert made["key"].rsplit("_", 2)[1] not in str(listed)


def test_the_one_time_key_administers_and_calls_no_model(served):
    made = served.call("/admin/keys", {"name": "by-http", "scopes": ["call:echo"]}, key=served.admin_key)

    assert made.status == 200, made.body
    assert served.call("/api/echo/v1", {"text": "a"}, key=made.json["key"]).status == 200
    assert served.call("/api/echo/v1", {"text": "a"}, key=served.admin_key).status == 403


def test_an_ordinary_key_administers_nothing(served):
    assert served.get("/admin/keys").status == 403
    assert served.call("/admin/models/swap", {"name": "echo"}).status == 403


def test_wrong_words_of_an_administrator_are_named(served):
    answer = served.call("/admin/keys", {"name": "x", "colour": "red"}, key=served.admin_key)

    assert answer.status == 422
    assert "colour" in str(answer.json["errors"])


def test_models_are_listed_and_swapped(served):
    assert {model["name"] for model in served.cli("models", "list")} >= {"sum", "echo"}
    swapped = served.call("/admin/models/swap", {"name": "spare"}, key=served.admin_key)

    assert swapped.json["version"] == swapped.json["was"]
    assert served.call("/api/split/v1", {"text": "a"}).status == 200
