"""The server of `pipeline browse`: what it gives, and all that it refuses."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from httpx2 import Response
from PIL import Image
from starlette.testclient import TestClient

from pipeline.base.errors import PipelineError
from pipeline.base.files import write_json
from pipeline.collection import served
from pipeline.collection.edits import Action, Edits, read_edits, write_edits
from pipeline.collection.guard import HEADERS
from pipeline.collection.numbers import first_numbers, write_numbers
from pipeline.collection.page_data import way_to
from pipeline.collection.result import ROOT_FROM_HERE, Collection
from pipeline.collection.server import application
from pipeline.images.listing import ImageRecord, digest_of, write_list
from pipeline.images.sources import MARK
from pipeline.images.thumbnails import thumbnail_path
from pipeline.report.pages import script_json, template

HOST, RESULT, MOST = "127.0.0.1:20123", "0123456789ab", 5_000
NAME: Action = {"do": "name", "cluster": 0, "name": "Food & fruit"}
ASIDE: Action = {"do": "aside", "pictures": [{"path": "a.png", "digest": ""}]}
PICTURES = ("a.png", "deep/b.jpg", "deep/caf\u00e9 \u201d.webp", "page.html")


class Session:
    """A result that is served, as its page asks for it."""

    def __init__(self, collection: Collection) -> None:
        self.collection = collection
        self.guard = application(collection, HOST, MOST)
        self.client = TestClient(self.guard, f"http://{HOST}", follow_redirects=False)

    def get(self, path: str = "", **headers: str) -> Response:
        return self.client.get(f"/{self.guard.token}/{path}", headers=headers)

    def now(self) -> dict[str, Any]:
        found: dict[str, Any] = self.get("edits.json").json()
        return found

    def put(self, *actions: Action, result: str = RESULT, body: bytes | None = None, **headers: str | None) -> Response:
        """Sends actions as the page does; a header that is None is left out."""
        about = {"format": "pipeline edits", "version": 1, "result": result, "actions": actions}
        sent: dict[str, str | None] = {"origin": f"http://{HOST}", "content-type": "application/json", "if-match": '""'}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.put(
            f"/{self.guard.token}/edits.json",
            content=json.dumps(about).encode() if body is None else body,
            headers={name: value for name, value in sent.items() if value is not None},
        )


@pytest.fixture
def session(tmp_path: Path) -> Session:
    """A result of four pictures, one of which browsers do not know; its page is nothing but the hole."""
    pictures, made = tmp_path / "pictures", Collection(tmp_path / "made")
    (pictures / "deep").mkdir(parents=True)
    records = []
    for number, name in enumerate(PICTURES):
        path = pictures / name
        if path.suffix == ".html":
            path.write_text("<script>alert(1)</script>")
        else:
            Image.new("RGB", (4, 4), (40 * number, 0, 0)).save(path)
        records.append(ImageRecord(name, "train", str(path), None, digest_of(path.read_bytes())))
    write_list(made.images, records)
    write_numbers(made.clusters, first_numbers(RESULT, 3))
    write_json(made.about, {ROOT_FROM_HERE: way_to(pictures, made.folder)})
    (made.folder / MARK).write_text("")
    made.page.write_text(f"<p>{served.HOLE}</p>")
    small = thumbnail_path(made.thumbnails, records[0].digest)
    small.parent.mkdir(parents=True)
    small.write_bytes(b"small")
    return Session(made)


def digest(session: Session, name: str) -> str:
    return digest_of((session.collection.folder.parent / "pictures" / name).read_bytes())


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def refuses(answer: Response, status: int, words: str) -> None:
    assert (answer.status_code, answer.text.count("\n")) == (status, 1), answer.text
    assert words in answer.text
    assert answer.headers.items() >= {name.lower(): value for name, value in HEADERS.items()}.items()


def test_the_page_learns_that_it_is_served(session: Session) -> None:
    answer = session.get()
    assert answer.status_code == 200
    assert '"mark":"\\"\\"","actions":[]}</script></p>' in answer.text
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert answer.headers.items() >= {name.lower(): value for name, value in HEADERS.items()}.items()
    name = {"do": "name", "cluster": 1, "name": "</script><b>"}
    write_edits(session.collection.edits, Edits(RESULT, (name,)))
    (text,) = re.findall('id="served">(.*?)</script>', session.get().text)
    assert json.loads(text) == session.now()
    assert session.now()["actions"] == [name]


def test_the_page_of_this_version_can_be_served() -> None:
    page = template("browse/page.html.j2").render(
        data=script_json({"paths": [served.HOLE]}), later=script_json({}), clusters=1, images=2, stability=False
    )
    assert page.count(served.HOLE) == 1


def test_changes_are_written_and_nothing_else(session: Session) -> None:
    folder = session.collection.folder
    before = contents(folder)
    answer = session.put(NAME)
    assert answer.status_code == 204
    edits = read_edits(session.collection.edits)
    assert (edits.result, edits.actions) == (RESULT, (NAME,))
    now = session.now()
    assert (now["mark"], now["actions"]) == (answer.headers["etag"], [NAME])
    again = session.put(NAME, ASIDE, if_match=now["mark"])
    assert again.status_code == 204
    assert session.now()["actions"] == [NAME, ASIDE]
    assert session.put(if_match=again.headers["etag"]).status_code == 204
    assert session.now()["actions"] == []
    after = contents(folder)
    assert after.pop("edits.json")
    assert after == before


def test_the_token_is_asked_for(session: Session) -> None:
    token = session.guard.token
    for path in (
        "/",
        "/index.html",
        "/edits.json",
        "/favicon.ico",
        f"/{token}x/",
        f"/{token[:-1]}/",
        "//",
        "/%00/",
        "/é/",
    ):
        refuses(session.client.get(path), 403, "wrong token; open the address that 'pipeline browse' printed")
    assert session.client.get(f"/{token.swapcase()}/").status_code == 403
    assert session.guard.address == f"http://{HOST}/{token}/"
    assert Session(session.collection).guard.token != token


def test_the_address_for_the_browser_leads_there_once(session: Session) -> None:
    assert session.guard.token not in session.guard.address_once
    answer = session.client.get(session.guard.address_once)
    assert (answer.status_code, answer.headers["location"]) == (303, session.guard.address)
    assert session.client.get(answer.headers["location"]).status_code == 200
    refuses(session.client.get(session.guard.address_once), 403, "wrong token")


@pytest.mark.parametrize("host", ["evil.example", "evil.example:20123", "localhost:20123", "127.0.0.1", "127.0.0.1:80"])
def test_another_host_is_refused(host: str, session: Session) -> None:
    refuses(session.get(host=host), 403, f"expected the host {HOST}")
    refuses(session.put(NAME, host=host, origin=f"http://{host}"), 403, f"expected the host {HOST}")
    assert not session.collection.edits.exists()


@pytest.mark.parametrize(
    "origin", [None, "null", "http://evil.example", f"https://{HOST}", "http://127.0.0.1:8888", f"http://{HOST}/"]
)
def test_only_the_page_itself_writes(origin: str | None, session: Session) -> None:
    refuses(session.put(NAME, origin=origin), 403, "expected the page itself to write")
    assert not session.collection.edits.exists()


def test_other_methods_are_refused(session: Session) -> None:
    path, headers = f"/{session.guard.token}/", {"origin": f"http://{HOST}"}
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
        assert session.client.request(method, path, headers=headers).status_code == 405
    assert session.client.delete(f"{path}edits.json", headers=headers).status_code == 405
    assert "access-control-allow-origin" not in session.get(origin="http://evil.example").headers


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "the changes: not JSON"),
        (b"{", "the changes: not JSON"),
        (b"\xff", "the changes: not JSON"),
        (b"[" * 4_000, "the changes: not JSON"),
        (b"[]", "expected the format 'pipeline edits'"),
        (b'{"format": "pipeline edits", "version": 2}', "expected version 1"),
    ],
)
def test_what_is_no_file_of_edits_changes_nothing(body: bytes, words: str, session: Session) -> None:
    refuses(session.put(body=body), 400, words)
    assert not session.collection.edits.exists()


def test_a_wrong_action_is_named(session: Session) -> None:
    refuses(session.put(NAME, {**NAME, "name": "\ud800"}), 400, "the changes: not JSON")
    refuses(
        session.put(NAME, {**NAME, "cluster": -1}), 400, "the changes: action 2 (name): cluster: expected the number"
    )
    refuses(session.put(NAME, {"do": "shell"}), 400, "unknown action 'shell'")
    assert not session.collection.edits.exists()


def test_the_wrong_kind_of_body_is_refused(session: Session) -> None:
    for kind in (None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        refuses(session.put(NAME, content_type=kind), 415, "expected JSON")
    refuses(session.put(NAME, if_match=None), 428, "expected the mark")
    assert not session.collection.edits.exists()


def test_what_is_too_large_is_refused(session: Session) -> None:
    long: Action = {"do": "aside", "pictures": [{"path": "x" * MOST, "digest": ""}]}
    refuses(session.put(long), 413, "expected at most 5,000 bytes")
    # Also where nobody says how much comes.
    whole = iter([b" " * 3_000] * 3)
    answer = session.client.put(
        f"/{session.guard.token}/edits.json",
        content=whole,
        headers={"origin": f"http://{HOST}", "content-type": "application/json", "if-match": '""'},
    )
    refuses(answer, 413, "expected at most 5,000 bytes")
    assert not session.collection.edits.exists()


def test_edits_of_another_result_are_refused(session: Session) -> None:
    refuses(session.put(NAME, result="0" * 12), 409, f"made for another result ({'0' * 12}, this one is {RESULT})")
    assert not session.collection.edits.exists()
    # And one that lies there is not overwritten.
    write_edits(session.collection.edits, Edits("0" * 12, (NAME,)))
    before = session.collection.edits.read_bytes()
    refuses(session.get(), 409, "made for another result")
    refuses(session.get("edits.json"), 409, "move it away first")
    refuses(session.put(ASIDE), 412, "was changed meanwhile")
    assert session.collection.edits.read_bytes() == before


def test_what_was_changed_elsewhere_is_not_overwritten(session: Session) -> None:
    first = session.put(NAME).headers["etag"]
    write_edits(session.collection.edits, Edits(RESULT, (NAME, ASIDE)))
    refuses(session.put(if_match=first), 412, "edits.json: was changed meanwhile; nothing was overwritten")
    assert session.now()["actions"] == [NAME, ASIDE]
    session.collection.edits.write_text("{")
    refuses(session.put(if_match=first), 412, "was changed meanwhile")
    refuses(session.get("edits.json"), 409, "edits.json: not JSON")
    assert session.collection.edits.read_text() == "{"
    session.collection.edits.unlink()
    refuses(session.put(if_match=first), 412, "was changed meanwhile")
    assert not session.collection.edits.exists()
    assert session.put(NAME).status_code == 204


def test_of_two_that_write_at_once_one_is_told(session: Session) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: session.put({**NAME, "cluster": number}).status_code, range(8)))
    assert sorted(answers) == [204] + [412] * 7
    assert answers[session.now()["actions"][0]["cluster"]] == 204


def test_nothing_is_written_while_another_process_fills_the_folder(session: Session) -> None:
    with session.collection.alone():
        refuses(session.put(NAME), 409, "is being filled by another process")
    assert session.put(NAME).status_code == 204


def test_a_folder_that_cannot_be_written_is_named(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", "edits.json")

    monkeypatch.setattr(served, "write_edits", full)
    refuses(session.put(NAME), 500, "edits.json: No space left on device")


@pytest.mark.parametrize(("name", "kind"), [(PICTURES[0], "png"), (PICTURES[1], "jpeg"), (PICTURES[2], "webp")])
def test_originals_are_given_by_what_they_are(name: str, kind: str, session: Session) -> None:
    answer = session.get(f"original/{digest(session, name)}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, f"image/{kind}")
    assert digest_of(answer.content) == digest(session, name)
    assert answer.headers["content-disposition"].startswith("inline; filename*=UTF-8''")
    assert answer.headers["content-security-policy"].startswith("sandbox; default-src 'none'")


def test_what_is_no_picture_is_never_shown(session: Session) -> None:
    answer = session.get(f"original/{digest(session, 'page.html')}")
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "path",
    [
        "original/a.png",
        "original/deep%2fb.jpg",
        "original/..%2f..%2fsecret.txt",
        "original/%2fetc%2fpasswd",
        "original/",
        f"original/{'0' * 32}",
        "thumbnails/aa/..%2f..%2f..%2fsecret.txt",
        f"thumbnails/00/{'0' * 32}.webp",
        "thumbnails/00/%2e%2e.webp",
        "%2e%2e/secret.txt",
        "run.json",
        "cache/images/images.csv",
        "clusters.json",
        "%2e%2e%2fpictures%2fa.png",
        "file:%2f%2f%2fetc%2fpasswd",
    ],
)
def test_no_path_leads_anywhere_else(path: str, session: Session) -> None:
    (session.collection.folder.parent / "secret.txt").write_text("secret")
    answer = session.get(path)
    assert answer.status_code == 404
    assert "secret" not in answer.text


def test_a_picture_that_is_not_in_the_list_is_not_given(session: Session) -> None:
    other = session.collection.folder.parent / "pictures" / "other.png"
    Image.new("RGB", (5, 5)).save(other)
    refuses(session.get(f"original/{digest(session, 'other.png')}"), 404, "no picture of this result")


def test_links_lead_to_nothing_outside(session: Session) -> None:
    collection, root = session.collection, session.collection.folder.parent
    secret = root / "secret.txt"
    secret.write_text("secret")
    known = digest(session, "a.png")
    picture, small = root / "pictures" / "a.png", thumbnail_path(collection.thumbnails, known)
    for path in (picture, small, collection.page):
        path.unlink()
        path.symlink_to(secret)
    collection.edits.symlink_to(secret)
    answers = [session.get(f"original/{known}"), session.get(f"thumbnails/{known[:2]}/{known}.webp")]
    answers += [session.get(), session.get("edits.json"), session.put(NAME)]
    assert [answer.status_code for answer in answers] == [404, 409, 409, 409, 409]
    assert not [answer for answer in answers if answer.text == "secret"]
    assert secret.read_text() == "secret"


def test_pictures_are_found_where_they_were_moved_together(session: Session) -> None:
    root = session.collection.folder.parent
    known = digest(session, "a.png")
    (root / "elsewhere").mkdir()
    for name in ("pictures", "made"):
        (root / name).rename(root / "elsewhere" / name)
    moved = Session(Collection(root / "elsewhere" / "made"))
    assert moved.get(f"original/{known}").status_code == 200
    assert moved.get(f"thumbnails/{known[:2]}/{known}.webp").content == b"small"
    (root / "elsewhere" / "pictures" / "a.png").write_bytes(b"another one")
    refuses(moved.get(f"original/{known}"), 404, "not there any more")


def test_a_list_that_is_another_now_is_read_again(session: Session) -> None:
    first, second = (digest(session, name) for name in PICTURES[:2])
    assert session.get(f"original/{second}").status_code == 200
    path = session.collection.folder.parent / "pictures" / "a.png"
    write_list(session.collection.images, [ImageRecord("a.png", "train", str(path), None, first)])
    assert session.get(f"original/{first}").status_code == 200
    assert session.get(f"original/{second}").status_code == 404


def test_pages_of_earlier_versions_are_named(session: Session) -> None:
    session.collection.page.write_text("<p></p>")
    with pytest.raises(PipelineError, match=r"index\.html: made by an earlier version, which cannot be served"):
        served.page(session.collection)
    session.collection.page.unlink()
    refuses(session.get(), 409, "index.html: not there yet; run 'pipeline cluster'")
    session.collection.clusters.unlink()
    refuses(session.get(), 409, "its clusters' numbers are missing")
