import pytest
from google.cloud import vision_v1 as vendor
from google.rpc import status_pb2

from headworks.costs import Usage
from headworks.errors import ProviderBroken, ProviderBusy, ProviderDown, ProviderRefused
from headworks.targets.providers.google.vision_labels import LIKELIHOODS, DetectLabels, DetectUnsafe
from headworks.targets.providers.google.vision_objects import DetectObjects
from headworks.targets.providers.google.vision_text import BREAKS, DetectText
from headworks.targets.providers.proof import prove_reply, prove_request
from headworks.targets.providers.wire import Ask
from tests.unit.dialects.pictures import jpeg, png
from tests.unit.targets.providers.asks import document, picture
from tests.unit.targets.providers.vendor_google import reply, same_request

PICTURE = png(200, 100)
FACES = DetectObjects(feature="FACE_DETECTION")
BREAK = vendor.TextAnnotation.DetectedBreak


def annotated(**fields):
    return reply(vendor.BatchAnnotateImagesResponse(responses=[vendor.AnnotateImageResponse(**fields)]))


def poly(*corners, normalized=False):
    kind = vendor.NormalizedVertex if normalized else vendor.Vertex
    name = "normalized_vertices" if normalized else "vertices"
    return vendor.BoundingPoly(**{name: [kind(x=x, y=y) for x, y in corners]})


def turned(width, height, orientation):
    exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0" + bytes([orientation, 0, 0, 0]) + bytes(4)
    plain = jpeg(width, height)
    return plain[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + plain[2:]


@pytest.mark.parametrize(
    ("operation", "feature"),
    [
        (DetectLabels(), vendor.Feature(type_="LABEL_DETECTION", max_results=1000)),
        (DetectUnsafe(), vendor.Feature(type_="SAFE_SEARCH_DETECTION")),
        (DetectObjects(), vendor.Feature(type_="OBJECT_LOCALIZATION", max_results=1000)),
        (FACES, vendor.Feature(type_="FACE_DETECTION", max_results=1000)),
        (DetectText(), vendor.Feature(type_="DOCUMENT_TEXT_DETECTION")),
    ],
)
def test_the_request_is_the_vendors_message(operation, feature):
    one = vendor.AnnotateImageRequest(image=vendor.Image(content=PICTURE), features=[feature])
    message = vendor.BatchAnnotateImagesRequest(requests=[one])

    assert same_request(prove_request(operation, picture(PICTURE)), "/v1/images:annotate", message)


def test_a_picture_within_the_json_is_sent_the_same():
    within = Ask(b'{"inputs": "' + __import__("base64").b64encode(PICTURE) + b'"}')

    assert prove_request(DetectLabels(), within) == DetectLabels().request(picture(PICTURE))


def test_what_is_no_picture_is_refused_before_it_is_sent():
    with pytest.raises(ProviderRefused):
        prove_request(DetectObjects(), picture(b"no picture at all"))


def test_labels_are_best_first():
    told = [
        vendor.EntityAnnotation(description="cat", score=0.5),
        vendor.EntityAnnotation(description="pet", score=0.75),
    ]
    answer = prove_reply(DetectLabels(), picture(PICTURE), annotated(label_annotations=told))

    assert document(answer, "image-classification") == [{"label": "pet", "score": 0.75}, {"label": "cat", "score": 0.5}]
    assert answer.usage == Usage(images=1)


def test_words_of_likelihood_have_scores():
    told = vendor.SafeSearchAnnotation(adult="VERY_LIKELY", racy="POSSIBLE", spoof="UNKNOWN", violence="VERY_UNLIKELY")
    answer = prove_reply(DetectUnsafe(), picture(PICTURE), annotated(safe_search_annotation=told))

    assert document(answer, "image-classification") == [
        {"label": "adult", "score": 0.95},
        {"label": "racy", "score": 0.5},
        {"label": "violence", "score": 0.05},
    ]


def test_every_likelihood_the_vendor_knows_has_a_score():
    assert set(vendor.Likelihood.__members__) - {"UNKNOWN"} == LIKELIHOODS.keys()
    assert set(BREAK.BreakType.__members__) - {"UNKNOWN"} == BREAKS.keys()


def test_parts_of_the_size_become_pixels():
    corners = [(0.0, 0.1), (0.5, 0.1), (0.5, 1.0), (0.0, 1.0)]
    told = vendor.LocalizedObjectAnnotation(name="Cat", score=0.5, bounding_poly=poly(*corners, normalized=True))
    answer = prove_reply(DetectObjects(), picture(PICTURE), annotated(localized_object_annotations=[told]))

    assert document(answer, "object-detection") == [
        {"label": "Cat", "score": 0.5, "box": {"xmin": 0, "ymin": 10, "xmax": 100, "ymax": 100}}
    ]


def test_parts_refer_to_the_picture_as_it_is_shown():
    corners = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)]
    told = vendor.LocalizedObjectAnnotation(name="Cat", score=0.5, bounding_poly=poly(*corners, normalized=True))
    answer = prove_reply(DetectObjects(), picture(turned(200, 100, 6)), annotated(localized_object_annotations=[told]))

    assert document(answer, "object-detection")[0]["box"] == {"xmin": 0, "ymin": 0, "xmax": 100, "ymax": 200}


def test_faces_have_the_box_of_the_skin_and_are_kept_inside():
    head, skin = poly((0, 0), (99, 0), (99, 99), (0, 99)), poly((-5, 10), (60, 10), (60, 400), (-5, 400))
    told = vendor.FaceAnnotation(bounding_poly=head, fd_bounding_poly=skin, detection_confidence=0.5)
    answer = prove_reply(FACES, picture(PICTURE), annotated(face_annotations=[told]))

    assert document(answer, "object-detection") == [
        {"label": "face", "score": 0.5, "box": {"xmin": 0, "ymin": 10, "xmax": 60, "ymax": 100}}
    ]


def test_below_the_threshold_nothing_is_seen():
    told = vendor.FaceAnnotation(fd_bounding_poly=poly((0, 0), (9, 9)), detection_confidence=0.5)
    answer = prove_reply(FACES, picture(PICTURE, threshold=0.6), annotated(face_annotations=[told]))

    assert document(answer, "object-detection") == []


def word(text, at, confidence, ending="UNKNOWN"):
    symbols = [vendor.Symbol(text=letter) for letter in text]
    symbols[-1].property = vendor.TextAnnotation.TextProperty(detected_break=BREAK(type_=ending))
    box = poly((at, 10), (at + 10, 10), (at + 10, 20), (at, 20))
    return vendor.Word(symbols=symbols, bounding_box=box, confidence=confidence)


def test_words_become_lines():
    words = [
        word("Let", 0, 1.0, "SPACE"),
        word("us", 20, 0.5, "EOL_SURE_SPACE"),
        word("se", 0, 0.5, "HYPHEN"),
        word("e.", 0, 0.25, "LINE_BREAK"),
        word("🎈", 30, 0.75),
    ]
    page = vendor.Page(blocks=[vendor.Block(paragraphs=[vendor.Paragraph(words=words)])])
    answer = prove_reply(
        DetectText(), picture(PICTURE), annotated(full_text_annotation=vendor.TextAnnotation(pages=[page]))
    )

    lines = document(answer, "ocr")
    assert [(line["text"], line["score"]) for line in lines] == [
        ("Let us", 0.8),
        ("se-", 0.5),
        ("e.", 0.25),
        ("🎈", 0.75),
    ]
    assert lines[0]["box"] == {"xmin": 0, "ymin": 10, "xmax": 30, "ymax": 20}
    assert lines[0]["polygon"] == [{"x": 0, "y": 10}, {"x": 30, "y": 10}, {"x": 30, "y": 20}, {"x": 0, "y": 20}]


def test_a_picture_without_text_has_no_lines():
    assert document(prove_reply(DetectText(), picture(PICTURE), annotated()), "ocr") == []


@pytest.mark.parametrize(
    ("code", "kind"), [(3, ProviderRefused), (8, ProviderBusy), (13, ProviderDown), (14, ProviderBusy)]
)
def test_an_error_of_one_item_inside_a_success_is_an_error(code, kind):
    with pytest.raises(kind) as caught:
        prove_reply(
            DetectText(), picture(PICTURE), annotated(error=status_pb2.Status(code=code, message="Bad image data."))
        )

    assert "Bad image data." not in str(caught.value)
    assert "Bad image data." in caught.value.reason


@pytest.mark.parametrize("count", [0, 2])
def test_an_answer_for_no_picture_or_for_two_is_broken(count):
    told = vendor.BatchAnnotateImagesResponse(responses=[vendor.AnnotateImageResponse()] * count)

    with pytest.raises(ProviderBroken):
        prove_reply(DetectLabels(), picture(PICTURE), reply(told))


def test_a_polygon_without_corners_is_a_broken_answer():
    told = vendor.FaceAnnotation(fd_bounding_poly=vendor.BoundingPoly(), detection_confidence=0.5)

    with pytest.raises(ProviderBroken):
        prove_reply(FACES, picture(PICTURE), annotated(face_annotations=[told]))
