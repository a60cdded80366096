import json
from pathlib import Path

import botocore
import pytest

from headworks.costs import Usage
from headworks.errors import ProviderBroken, ProviderRefused
from headworks.targets.providers.aws.rekognition_labels import DetectLabels, DetectModerationLabels
from headworks.targets.providers.aws.rekognition_objects import DetectFaces, DetectObjects
from headworks.targets.providers.aws.rekognition_text import DetectText
from headworks.targets.providers.aws.textract import DetectDocumentText
from headworks.targets.providers.proof import prove_reply, prove_request
from headworks.targets.providers.wire import HttpResponse
from tests.unit.dialects.pictures import png
from tests.unit.targets.providers.asks import document, picture
from tests.unit.targets.providers.vendor_aws import reply, request_of, same_request

PICTURE = png(200, 100)
HERE = {"Width": 0.5, "Height": 0.25, "Left": 0.25, "Top": 0.5}
CORNERS = [{"X": 0.25, "Y": 0.5}, {"X": 0.75, "Y": 0.5}, {"X": 0.75, "Y": 0.75}, {"X": 0.25, "Y": 0.75}]
PIXELS = {"xmin": 50, "ymin": 50, "xmax": 150, "ymax": 75}
POLYGON = [{"x": 50, "y": 50}, {"x": 150, "y": 50}, {"x": 150, "y": 75}, {"x": 50, "y": 75}]
GEOMETRY = {"BoundingBox": HERE, "Polygon": CORNERS}


def example(operation):
    """The vendor's own example of a reply."""
    path = Path(botocore.__file__).parent / "data" / "rekognition" / "2016-06-27" / "examples-1.json"
    told = json.loads(path.read_text())["examples"][operation][0]["output"]
    return reply("rekognition", operation, told)


@pytest.mark.parametrize(
    ("operation", "service", "name", "more", "parameters"),
    [
        (DetectLabels(), "rekognition", "DetectLabels", {}, {}),
        (DetectLabels(), "rekognition", "DetectLabels", {"MaxLabels": 3}, {"top_k": 3}),
        (DetectObjects(), "rekognition", "DetectLabels", {"MinConfidence": 25.0}, {"threshold": 0.25}),
        (DetectModerationLabels(), "rekognition", "DetectModerationLabels", {}, {}),
        (DetectFaces(), "rekognition", "DetectFaces", {}, {}),
        (DetectText(), "rekognition", "DetectText", {}, {}),
    ],
)
def test_the_request_is_what_the_vendors_sdk_sends(operation, service, name, more, parameters):
    sent = prove_request(operation, picture(PICTURE, **parameters))

    assert same_request(sent, request_of(service, name, {"Image": {"Bytes": PICTURE}, **more}))


def test_a_document_is_what_the_vendors_sdk_sends():
    sent = prove_request(DetectDocumentText(), picture(PICTURE))

    assert same_request(sent, request_of("textract", "DetectDocumentText", {"Document": {"Bytes": PICTURE}}))


def test_the_vendors_example_of_labels():
    answer = prove_reply(DetectLabels(), picture(PICTURE), example("DetectLabels"))

    assert document(answer, "image-classification") == [
        {"label": "Person", "score": 0.9925074005126953},
        {"label": "People", "score": 0.9925072479248047},
    ]
    assert answer.usage == Usage(images=1)


def test_the_vendors_example_of_a_face():
    answer = prove_reply(DetectFaces(), picture(PICTURE), example("DetectFaces"))

    assert document(answer, "object-detection") == [
        {"label": "face", "score": 1.0, "box": {"xmin": 111, "ymin": 34, "xmax": 159, "ymax": 52}}
    ]


def test_objects_are_the_instances_that_have_a_box():
    told = {
        "Labels": [
            {"Name": "Outdoors", "Confidence": 99.0, "Instances": []},
            {"Name": "Car", "Confidence": 98.0, "Instances": [{"BoundingBox": HERE, "Confidence": 75.0}]},
            {"Name": "Wheel", "Confidence": 9.0, "Instances": [{"BoundingBox": HERE, "Confidence": 87.5}]},
        ]
    }
    response = reply("rekognition", "DetectLabels", told)

    assert document(prove_reply(DetectObjects(), picture(PICTURE), response), "object-detection") == [
        {"label": "Wheel", "score": 0.875, "box": PIXELS},
        {"label": "Car", "score": 0.75, "box": PIXELS},
    ]
    assert (
        len(document(prove_reply(DetectObjects(), picture(PICTURE, threshold=0.8), response), "object-detection")) == 1
    )


@pytest.mark.parametrize("far", [0.25, 1e308])
def test_a_box_that_reaches_beyond_the_picture_is_cut_at_its_edges(far):
    beyond = {"Width": 1.5 + far, "Height": 1.5 + far, "Left": -0.25, "Top": -0.25}
    told = {"FaceDetails": [{"BoundingBox": beyond, "Confidence": 50.0}]}
    answer = prove_reply(DetectFaces(), picture(PICTURE), reply("rekognition", "DetectFaces", told))

    assert document(answer, "object-detection")[0]["box"] == {"xmin": 0, "ymin": 0, "xmax": 200, "ymax": 100}


def test_moderation_labels_are_labels():
    told = {"ModerationLabels": [{"Name": "Weapons", "ParentName": "Violence", "Confidence": 62.5, "TaxonomyLevel": 2}]}
    answer = prove_reply(
        DetectModerationLabels(), picture(PICTURE), reply("rekognition", "DetectModerationLabels", told)
    )

    assert document(answer, "image-classification") == [{"label": "Weapons", "score": 0.625}]


def test_lines_of_text_stand_at_their_pixels():
    line = {"DetectedText": "STOP 🎈", "Type": "LINE", "Confidence": 75.0, "Geometry": GEOMETRY}
    told = {"TextDetections": [line, {**line, "Type": "WORD", "ParentId": 0}]}
    answer = prove_reply(DetectText(), picture(PICTURE), reply("rekognition", "DetectText", told))

    assert document(answer, "ocr") == [{"text": "STOP 🎈", "score": 0.75, "box": PIXELS, "polygon": POLYGON}]


def test_lines_of_a_document_stand_at_their_pixels():
    page = {"BlockType": "PAGE", "Geometry": GEOMETRY}
    line = {"BlockType": "LINE", "Text": "Total 7", "Confidence": 75.0, "Geometry": GEOMETRY}
    told = {"Blocks": [page, line, {**line, "BlockType": "WORD"}]}
    answer = prove_reply(DetectDocumentText(), picture(PICTURE), reply("textract", "DetectDocumentText", told))

    assert document(answer, "ocr") == [{"text": "Total 7", "score": 0.75, "box": PIXELS, "polygon": POLYGON}]


@pytest.mark.parametrize("operation", [DetectLabels(), DetectFaces(), DetectText(), DetectDocumentText()])
def test_what_is_no_picture_is_refused_before_it_is_sent(operation):
    with pytest.raises(ProviderRefused):
        operation.request(picture(b"GIF8"))


@pytest.mark.parametrize("operation", [DetectLabels(), DetectFaces(), DetectText(), DetectDocumentText()])
@pytest.mark.parametrize("body", [b"", b"[]", b'{"TextDetections": 1, "Blocks": 1, "Labels": 1, "FaceDetails": 1}'])
def test_what_cannot_be_understood_is_a_broken_answer(operation, body):
    with pytest.raises(ProviderBroken):
        operation.reply(picture(PICTURE), HttpResponse(200, {}, body))
