"""Who may ask the studio for what: pages of others nothing, its own page to look, and who has its token to act."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("starlette")

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from graphflow.stores.sqlite import SQLiteStore
from graphflow.studio.addresses import decoded, encoded
from graphflow.studio.safety import HEADERS
from tests.studio.desks import HOME, HOSTILE, Page, page_over, run_essay, store_in

LOOKS = (
    "/",
    "/start",
    "/compare?a=owls-1&b=owls-1",
    "/runs/owls-1",
    "/page/colours.css",
    "/api/studio",
    "/api/runs",
    "/api/compare?a=owls-1&b=owls-1",
    "/api/runs/owls-1",
    "/api/runs/owls-1/stage.svg",
    "/api/runs/owls-1/stage.svg?theme=dark",
    "/api/runs/owls-1/at/last",
    "/api/runs/owls-1/at/2",
    "/api/runs/owls-1/steps",
    "/api/runs/owls-1/steps/3",
    "/api/runs/owls-1/timeline",
)
ODD = ("/api/nothing", "/page/../desk.py", "/page/%2e%2e%2fdesk.py", "/api/runs/nobody", "/api/runs/owls-1/at/999")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SQLiteStore]:
    with store_in(tmp_path) as made:
        run_essay(made)
        yield made


@pytest.fixture
def page(store: SQLiteStore) -> Iterator[Page]:
    with page_over(store) as made:
        yield made


@pytest.fixture
def acting(store: SQLiteStore, monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    """A studio in which something can be done."""

    def routes(desk: object) -> list[BaseRoute]:
        return [Route("/api/act", lambda request: Response("done"), methods=["POST"])]

    monkeypatch.setattr("graphflow.studio.app.action_routes", routes)
    with page_over(store) as made:
        yield made


def test_every_answer_says_what_a_page_may_do(page: Page) -> None:
    for path in (*LOOKS, *ODD, "/favicon.ico"):
        answer = page.client.get(path)
        for name, value in HEADERS.items():
            assert answer.headers[name] == value, path
        assert "access-control-allow-origin" not in answer.headers


def test_nothing_is_run_or_loaded_but_the_studios_own(page: Page) -> None:
    policy = page.client.get("/").headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "[::2]", "", "127.0.0.1@evil.example:80"])
def test_a_name_that_only_leads_here_is_refused(page: Page, host: str) -> None:
    """So a site cannot point its own name at this machine, and read what is here."""
    for path in ("/", "/api/runs", "/page/colours.css"):
        answer = page.client.get(path, headers={"host": host})
        assert answer.status_code == 403
        assert answer.json()["error"]["code"] == "GF542"
        assert "owls" not in answer.text


@pytest.mark.parametrize("host", ["127.0.0.1:1", "localhost:8765", "LOCALHOST", "[::1]:8765"])
def test_this_machine_by_any_of_its_names_is_answered(page: Page, host: str) -> None:
    assert page.client.get("/api/runs", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "http://127.0.0.1:9999", "null", "http://localhost:8765", ""]
)
def test_a_page_of_another_origin_is_refused(acting: Page, origin: str) -> None:
    headers = {"origin": origin, "x-graphflow-token": acting.desk.token, "content-type": "application/json"}
    for answer in (
        acting.client.get("/api/runs", headers=headers),
        acting.client.post("/api/act", headers=headers, content="{}"),
    ):
        assert answer.status_code == 403
        assert answer.json()["error"]["code"] == "GF542"


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_what_a_page_of_another_site_loads_is_refused(page: Page, site: str) -> None:
    for path in ("/api/runs", "/page/colours.css", "/api/runs/owls-1/stage.svg", "/api/events"):
        answer = page.client.get(path, headers={"sec-fetch-site": site, "sec-fetch-mode": "no-cors"})
        assert answer.json()["error"]["code"] == "GF542"


def test_a_link_may_lead_to_the_page_but_to_no_data(page: Page) -> None:
    link = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    assert page.client.get("/runs/owls-1", headers=link).status_code == 200
    assert page.client.get("/api/runs", headers=link).status_code == 403
    frame = link | {"sec-fetch-dest": "iframe"}
    assert page.client.get("/runs/owls-1", headers=frame).status_code == 403


def test_who_has_the_token_may_act(acting: Page) -> None:
    headers = {"x-graphflow-token": acting.desk.token, "origin": HOME, "content-type": "application/json"}
    assert acting.client.post("/api/act", headers=headers, content="{}").text == "done"


@pytest.mark.parametrize("token", ["", "wrong", "schlüssel".encode().decode("latin-1")])
def test_who_has_not_may_not(acting: Page, token: str) -> None:
    headers = {b"x-graphflow-token": token.encode("latin-1"), b"content-type": b"application/json"}
    answer = acting.client.post("/api/act", headers=headers, content="{}")
    assert answer.status_code == 403
    error = answer.json()["error"]
    assert error["code"] == "GF543"
    assert ("earlier start" in error["why"]) == bool(token)
    assert "Open the address" in error["fix"]


def test_what_a_form_of_another_page_could_send_is_refused(acting: Page) -> None:
    headers = {"x-graphflow-token": acting.desk.token, "content-type": "text/plain"}
    assert acting.client.post("/api/act", headers=headers, content="{}").status_code == 415


def test_a_token_is_that_of_one_start(store: SQLiteStore) -> None:
    with page_over(store) as one, page_over(store) as other:
        assert one.desk.token != other.desk.token
        assert len(one.desk.token) >= 32


def test_a_read_only_studio_refuses_all_that_changes(store: SQLiteStore) -> None:
    with page_over(store, is_read_only=True) as page:
        headers = {"x-graphflow-token": page.desk.token, "content-type": "application/json"}
        for method in ("POST", "PUT", "DELETE", "PATCH"):
            answer = page.client.request(method, "/api/runs/owls-1/answer", headers=headers, content="{}")
            assert answer.status_code == 403
            assert answer.json()["error"]["code"] == "GF544"
        assert page.of("owls-1")["why_not"].startswith("This studio is read-only")
        assert page.get("/api/studio")["read_only"] is True


def _content(store: SQLiteStore) -> str:
    """All that a store holds."""
    parts = [(row, list(store.read(row.run)), store.answers(row.run)) for row in store.rows()]
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def test_looking_changes_nothing(store: SQLiteStore, page: Page) -> None:
    before = _content(store)
    for path in (*LOOKS, *ODD):
        page.client.get(path)
        page.client.head(path)
    assert _content(store) == before


def test_only_the_files_of_the_page_are_given_out(page: Page) -> None:
    assert page.client.get("/page/colours.css").headers["content-type"].startswith("text/css")
    for path in (
        "/page/..%2fdesk.py",
        "/page/%2e%2e%2fdesk.py",
        "/page/desk.py",
        "/page/",
        "/page/.hidden",
        "/page/a%00b",
    ):
        answer = page.client.get(path)
        assert answer.status_code == 404, path
        assert "class Desk" not in answer.text


def test_a_file_that_is_known_is_not_sent_again(page: Page) -> None:
    first = page.client.get("/page/colours.css")
    assert first.headers["cache-control"] == "no-cache"
    again = page.client.get("/page/colours.css", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("name", HOSTILE, ids=lambda text: ascii(text[:12]))
def test_a_name_comes_back_from_an_address(name: str) -> None:
    assert decoded(encoded(name)) == name
    assert "/" not in encoded(name)
    assert encoded(name) not in (".", "..")


def test_what_nobody_expected_is_told_and_says_nothing_else(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*given: object) -> None:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr("graphflow.studio.looking.marks_at", broken)
    answer = page.client.get("/api/runs/owls-1/at/last")
    assert answer.status_code == 500
    assert answer.json()["error"]["what"] == "ZeroDivisionError: division by zero"
    assert "Traceback" not in answer.text
    assert answer.headers["content-security-policy"] == HEADERS["Content-Security-Policy"]
