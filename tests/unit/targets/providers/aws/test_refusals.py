import json

import pytest
from botocore.loaders import Loader
from botocore.retries.standard import ThrottledRetryableChecker, TransientRetryableChecker

from headworks.errors import (
    ContextTooLong,
    ProviderBusy,
    ProviderDown,
    ProviderError,
    ProviderKeyRejected,
    ProviderRefused,
    ProviderTimeout,
    ProviderUnable,
)
from headworks.targets.providers.aws.refusals import BY_NAME, failure
from headworks.targets.providers.wire import HttpResponse
from tests.unit.targets.providers.vendor_aws import refusal, service

USED = {
    "comprehend": [
        "DetectSentiment",
        "DetectEntities",
        "DetectPiiEntities",
        "DetectDominantLanguage",
        "DetectToxicContent",
    ],
    "rekognition": ["DetectLabels", "DetectFaces", "DetectModerationLabels", "DetectText"],
    "textract": ["DetectDocumentText"],
    "translate": ["TranslateText"],
    "bedrock-runtime": ["Converse", "ConverseStream", "InvokeModel", "InvokeModelWithResponseStream"],
    "sagemaker-runtime": ["InvokeEndpoint", "InvokeEndpointWithResponseStream"],
}


@pytest.mark.parametrize("name", USED)
def test_every_error_that_the_services_model_names_is_in_the_table(name):
    named = {error.name for operation in USED[name] for error in service(name).operation_model(operation).error_shapes}

    assert named - BY_NAME.keys() == set()


def test_what_the_vendor_retries_as_throttling_is_busy():
    codes = set(ThrottledRetryableChecker()._throttled_error_codes)
    table = Loader().load_data("_retry")["definitions"].values()
    codes |= {
        rule["applies_when"]["response"]["service_error_code"]
        for rule in table
        if "service_error_code" in rule["applies_when"].get("response", {})
        and "hrottl" in rule["applies_when"]["response"]["service_error_code"]
    }

    assert {code for code in codes if BY_NAME.get(code) is not ProviderBusy} == set()


def test_what_the_vendor_retries_as_transient_may_be_tried_elsewhere():
    codes = TransientRetryableChecker()._transient_error_codes

    assert all(BY_NAME[code].retryable for code in codes)


@pytest.mark.parametrize(
    ("response", "kind"),
    [
        (refusal("ThrottlingException"), ProviderBusy),
        (refusal("com.amazon.coral.availability#ThrottlingException"), ProviderBusy),
        (refusal("UnrecognizedClientException"), ProviderKeyRejected),
        (refusal("com.amazonaws.comprehend#TextSizeLimitExceededException"), ContextTooLong),
        (refusal("UnsupportedLanguageException"), ProviderUnable),
        (refusal("ResourceNotFoundException"), ProviderError),
        (refusal("ModelErrorException", 424), ProviderDown),
        (refusal("SomethingNew", 500), ProviderDown),
        (refusal("SomethingNew", 400), ProviderRefused),
        (HttpResponse(408, {"x-amzn-errortype": "ModelTimeoutException:http://x/"}, b"{}"), ProviderTimeout),
        (HttpResponse(503, {}, b"<html>"), ProviderBusy),
        (HttpResponse(502, {}, b""), ProviderDown),
        (HttpResponse(403, {}, b"\xff"), ProviderKeyRejected),
    ],
)
def test_an_error_means_what_its_name_says(response, kind):
    assert type(failure(response)) is kind


def test_the_services_own_words_are_for_the_log_only():
    caught = failure(refusal("ValidationException", message="secret words"))

    assert "secret words" in caught.reason
    assert "secret words" not in json.dumps([str(caught), caught.detail, str(caught.errors)])


def test_when_to_come_back_is_read():
    assert failure(HttpResponse(429, {"retry-after": "7"}, b"{}")).retry_after_s == 7.0


def test_words_about_a_refused_signature_are_not_even_logged():
    caught = failure(refusal("InvalidSignatureException", message="x-amz-security-token:FwoGZX"))

    assert "FwoGZX" not in caught.reason + str(caught)
