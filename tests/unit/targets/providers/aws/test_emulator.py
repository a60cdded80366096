"""Our requests, signed by us, against moto: an independent AWS that checks signatures and answers over real sockets."""

import json
import re
from time import time_ns

import pytest

from headworks.errors import ProviderKeyRejected
from headworks.secret import Secret
from headworks.targets.providers.aws import KIND
from headworks.targets.providers.proof import prove_reply
from headworks.targets.providers.wire import HttpRequest, ProviderSettings
from tests.unit.dialects.pictures import png
from tests.unit.targets.providers.asks import document, picture, text
from tests.unit.targets.providers.emulators import exchanged, running

pytestmark = pytest.mark.slow
FORM = (("content-type", "application/x-www-form-urlencoded"),)
EVERYTHING = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}'
ACTIONS = (
    "Action=CreateUser&UserName=team",
    f"Action=PutUserPolicy&UserName=team&PolicyName=all&PolicyDocument={EVERYTHING}",
    "Action=CreateAccessKey&UserName=team",
)
ADA = "Hello Ada Lovelace, your card is ready 🎈. " * 10


@pytest.fixture(scope="module")
def cloud():
    """An AWS that, once a user is made, takes nothing unsigned."""
    env = {"INITIAL_NO_AUTH_ACTION_COUNT": str(len(ACTIONS))}
    with running("moto[server]==5.2.5", "moto_server", "-p", env=env) as origin:
        answers = []
        for action in ACTIONS:
            fields = (*FORM, ("authorization", "AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/iam/aws4_request"))
            answers.append(exchanged(HttpRequest("POST", "/", fields, f"{action}&Version=2010-05-08".encode()), origin))
        assert [answer.status for answer in answers] == [200] * len(ACTIONS)
        told = answers[-1].body.decode()
        key_id = re.search("<AccessKeyId>(.*?)<", told)[1]
        secret = re.search("<SecretAccessKey>(.*?)<", told)[1]
        yield origin, key_id, secret


def bound(cloud, reference, task, secret=None):
    origin, key_id, own = cloud
    key = Secret(f"{key_id}:{secret or own}")
    settings = ProviderSettings("cloud", "aws", f"http://{origin.host}:{origin.port}", (key,), {"region": "eu-west-1"})
    return KIND.bind(settings, reference, task)


def answered(made, ask):
    request = made.credentials[0].signed(made.operation.request(ask), made.origin, time_ns())
    return exchanged(request, made.origin)


@pytest.mark.parametrize(
    ("reference", "ask", "task"),
    [
        ("comprehend:sentiment", text("so so"), "text-classification"),
        ("comprehend:pii", text(ADA), "token-classification"),
        ("rekognition:labels", picture(png(200, 100)), "image-classification"),
        ("rekognition:objects", picture(png(200, 100)), "object-detection"),
        ("rekognition:text", picture(png(200, 100)), "ocr"),
        ("textract:text", picture(png(200, 100)), "ocr"),
    ],
)
def test_a_signed_request_is_taken_and_its_answer_understood(cloud, reference, ask, task):
    made = bound(cloud, reference, task)
    response = answered(made, ask)

    assert response.status == 200
    document(prove_reply(made.operation, ask, response), task)


def test_a_sagemaker_endpoint_is_asked_and_understood(cloud):
    origin = cloud[0]
    told = {"Body": '[{"label": "good", "score": 0.75}]', "ContentType": "application/json"}
    results = {"account_id": "123456789012", "region": "eu-west-1", "results": [told]}
    made = HttpRequest("POST", "/moto-api/static/sagemaker/endpoint-results", body=json.dumps(results).encode())
    assert exchanged(made, origin).status == 201

    endpoint = bound(cloud, "sagemaker:team-bert", "text-classification")
    response = answered(endpoint, text("well"))
    assert document(prove_reply(endpoint.operation, text("well"), response), "text-classification") == [
        {"label": "good", "score": 0.75}
    ]


def test_a_wrong_secret_is_a_rejected_key(cloud):
    made = bound(cloud, "comprehend:sentiment", "text-classification", secret="wrong")
    response = answered(made, text("so so"))

    assert response.status == 403
    assert type(made.operation.failure(response)) is ProviderKeyRejected


def test_words_are_cut_where_the_emulator_says(cloud):
    made = bound(cloud, "comprehend:pii", "token-classification")
    found = document(prove_reply(made.operation, text(ADA), answered(made, text(ADA))), "token-classification")

    assert found
    assert all(one["word"] == ADA[one["start"] : one["end"]] for one in found)
