"""What the harness's own load generator sends and understands."""

import pytest
from bench.generator import Tally, complete, request_bytes
from bench.load import wrk_figures

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"


def test_the_request_states_its_length_and_headers() -> None:
    sent = request_bytes("127.0.0.1", "/p", {"Authorization": "Bearer k"}, b"body")

    assert sent.startswith(b"POST /p HTTP/1.1\r\nHost: 127.0.0.1\r\n")
    assert b"\r\nContent-Length: 4\r\nAuthorization: Bearer k\r\n\r\nbody" in sent


def test_a_whole_answer_gives_its_status() -> None:
    assert complete(ANSWER) == (200, False)


def test_a_closing_answer_is_noticed_whatever_its_case() -> None:
    assert complete(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: Close\r\n\r\n") == (503, True)


@pytest.mark.parametrize("length", range(len(ANSWER)))
def test_a_partial_answer_is_waited_for(length: int) -> None:
    assert complete(ANSWER[:length]) is None


def test_an_answer_without_a_length_is_refused() -> None:
    with pytest.raises(ValueError, match="Content-Length"):
        complete(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")


def test_refusals_do_not_enter_the_times_of_accepted_calls() -> None:
    tally = Tally()
    tally.count(200, 1000)
    tally.count(503, 10)

    assert (tally.accepted_us, tally.refused_us) == ([1000], [10])


def test_figures_are_found_in_what_wrk_prints() -> None:
    output = 'Running 1s test\nRESULT {"requests":5,"errors":0,"seconds":1.0,"p50_us":9.0,"p99_us":12.0}\n'

    assert wrk_figures(output)["requests"] == 5


def test_wrk_without_a_result_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="unable to connect"):
        wrk_figures("unable to connect to 127.0.0.1:1")
