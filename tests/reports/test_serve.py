"""The server for Perfetto's page: one file, one origin, loopback only."""

import http.client
import socket
import struct
import threading

import pytest

from launchlens.reports.open import serve
from launchlens.reports.open.serve import ORIGIN, TraceServer


@pytest.fixture
def server(tmp_path):
    path = tmp_path / "a trace.json.gz"
    path.write_bytes(b"x" * 3_000_000)
    (tmp_path / "secret").write_text("no")
    made = TraceServer(path, port=0)
    threading.Thread(target=made.serve_forever, args=(0.02,), daemon=True).start()
    yield made
    made.shutdown()
    made.server_close()


def ask(server, target, method="GET", **headers):
    connection = http.client.HTTPConnection(*server.server_address[:2])
    connection.request(method, target, headers=headers)
    answer = connection.getresponse()
    return answer, answer.read()


def test_the_file_is_served_whole_to_perfettos_page(server):
    assert server.server_address[0] == "127.0.0.1"
    assert (
        server.ui_url
        == f"{ORIGIN}/#!/?url=http://127.0.0.1:{server.server_address[1]}{server.address.replace('%', '%25')}"
    )
    assert server.address.endswith("/a%20trace.json.gz") and len(server.address) > 40
    answer, body = ask(server, server.address)
    assert (answer.status, len(body)) == (200, 3_000_000)
    assert answer.getheader("Access-Control-Allow-Origin") == ORIGIN
    assert answer.getheader("X-Content-Type-Options") == "nosniff"
    assert server.fetched.wait(10)


def test_a_tab_that_is_closed_meanwhile_is_no_error_and_another_gets_the_file(server, capfd):
    server.path.write_bytes(b"x" * 40_000_000)  # more than the system takes off a server's hands
    with socket.create_connection(server.server_address[:2]) as tab:
        tab.sendall(f"GET {server.address} HTTP/1.1\r\nHost: 127.0.0.1:{server.server_address[1]}\r\n\r\n".encode())
        assert tab.recv(5) == b"HTTP/"
        tab.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # closing resets the connection
    assert not server.fetched.wait(0.5)
    assert len(ask(server, server.address)[1]) == 40_000_000
    assert server.fetched.wait(10)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("target", ["/secret", "/../secret", "/", "/a%20trace.json.gz/..", "/%2e%2e/secret"])
def test_nothing_else_is_served(server, target):
    answer, body = ask(server, target)
    assert answer.status == 404
    assert b"no" != body and not server.fetched.is_set()


def test_a_foreign_host_name_is_refused(server):
    assert ask(server, server.address, Host="evil.example")[0].status == 404


@pytest.mark.parametrize(
    "asked",
    [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "https://evil.example"}],
    ids=["no-cors", "of another port", "another origin"],
)
def test_a_page_of_somebody_else_gets_nothing_and_ends_nothing(server, asked):
    assert ask(server, server.address, **asked)[0].status == 404 and not server.fetched.is_set()
    answer, _ = ask(server, server.address, **{"Origin": ORIGIN, "Sec-Fetch-Site": "cross-site"})
    assert answer.status == 200 and server.fetched.wait(10)


def test_another_user_of_the_machine_can_t_guess_the_address(server):
    name = server.address.rpartition("/")[2]
    assert ask(server, f"/{name}")[0].status == 404
    other = TraceServer(server.path, port=0)
    other.server_close()
    assert other.address != server.address


def test_head_and_preflight_send_no_body(server):
    answer, body = ask(server, server.address, method="HEAD")
    assert (answer.status, answer.getheader("Content-Length"), body) == (200, "3000000", b"")
    answer, _ = ask(server, server.address, method="OPTIONS")
    assert answer.status == 204 and answer.getheader("Access-Control-Allow-Private-Network") == "true"
    assert not server.fetched.is_set()


@pytest.mark.parametrize(
    "headers", [{"Host": "evil.example"}, {"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}]
)
def test_a_page_of_somebody_else_is_not_told_that_there_is_a_server_of_ours(server, headers):
    answer, _ = ask(server, server.address, method="OPTIONS", **headers)
    assert answer.status == 404 and answer.getheader("Access-Control-Allow-Origin") is None
    assert ask(server, "/x", method="OPTIONS", Origin=ORIGIN)[0].status == 404


def said_to(server, *lines):
    """The status of an answer to some lines of a request, and whether its type may be guessed."""
    with socket.create_connection(server.server_address[:2], timeout=10) as tab:
        tab.sendall("\r\n".join([*lines, "", ""]).encode())
        answer = http.client.HTTPResponse(tab)
        answer.begin()
        return answer.status, answer.getheader("X-Content-Type-Options")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "TRACE", "CONNECT", "get", "<script>alert(1)</script>"])
def test_other_methods_get_nothing(server, method):
    host = f"Host: 127.0.0.1:{server.server_address[1]}"
    assert said_to(server, f"{method} {server.address} HTTP/1.1", host) == (501, "nosniff")
    assert not server.fetched.is_set()


@pytest.mark.parametrize(
    "more",
    [
        ["Host: evil.example"],
        [f"Origin: {ORIGIN}", "Origin: https://evil.example"],
        ["Origin: null"],
        [f"X{number}: x" for number in range(200)],
        [f"X: {'x' * 100_000}"],
    ],
    ids=["two hosts", "two origins", "no origin", "many headers", "a long header"],
)
def test_odd_requests_get_nothing(server, more):
    host = f"Host: 127.0.0.1:{server.server_address[1]}"
    status, sniffed = said_to(server, f"GET {server.address} HTTP/1.1", host, *more)
    assert status in (404, 431) and sniffed == "nosniff" and not server.fetched.is_set()
    assert said_to(server, f"GET /{'x' * 100_000} HTTP/1.1", host)[0] == 414


def test_who_asks_for_nothing_holds_no_thread_for_long(server, monkeypatch):
    monkeypatch.setattr(serve, "MOST_SILENT", 3)
    slow = [socket.create_connection(server.server_address[:2], timeout=10) for _ in range(12)]
    for tab in slow:
        tab.sendall(b"GET / HTTP/1.1\r\nX: ")
    assert slow[0].recv(1) == b"", "the first of more than may wait is ended"
    assert len(ask(server, server.address)[1]) == 3_000_000
    monkeypatch.setattr(serve, "ASKS_S", 0.0)
    assert slow[-1].recv(1) == b"", "and all of them in time"
    for tab in slow:
        tab.close()


@pytest.mark.parametrize("sent", [b"", b"GET / HT", b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n" * 50, b"\xff\r\n\r\n"])
def test_a_connection_that_is_dropped_prints_nothing(tmp_path, capfd, sent):
    (tmp_path / "x").write_bytes(b"x")
    with TraceServer(tmp_path / "x", 0) as server:
        server.daemon_threads = False  # so that closing it waits for them
        with socket.create_connection(server.server_address[:2]) as tab:
            tab.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            tab.sendall(sent)
        server.handle_request()
    assert capfd.readouterr() == ("", "")
