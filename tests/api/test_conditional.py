"""ETags: what is unchanged is not sent again, and what has changed is not overwritten."""

import pytest

from tests.fixtures.api import NORWAY, Ask, create, error_of
from tests.workbench import Configure


@pytest.fixture
def tag(demo_settings: Configure, ask: Ask) -> str:
    """The ETag of the segment vip."""
    create(ask, "VIP", NORWAY)
    return ask("/segments/vip/").headers["etag"]


def test_what_is_unchanged_is_not_sent_again(tag: str, ask: Ask):
    for known in (tag, f'"other", W/{tag}', "*"):
        answer = ask("/segments/vip/", headers={"if-none-match": known})
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", tag)
    assert ask("/segments/vip/", headers={"if-none-match": '"other"'}).json()["id"] == "vip"
    assert ask("/segments/vip/refresh/", "POST").status_code == 200
    changed = ask("/segments/vip/", headers={"if-none-match": tag})
    assert (changed.status_code, changed.headers["etag"] == tag) == (200, False)


def test_what_has_changed_is_not_overwritten(tag: str, ask: Ask):
    body = {"name": "VIP", "rule": NORWAY, "description": "first", "version": 1}
    saved = ask("/segments/vip/", "PUT", body, {"if-match": tag})
    assert (saved.status_code, saved.headers["etag"]) == (200, ask("/segments/vip/").headers["etag"])
    for stale in (tag, f"W/{saved.headers['etag']}", '"other"'):
        answer = ask("/segments/vip/", "PUT", body | {"version": 2}, {"if-match": stale})
        assert error_of(answer)[:2] == (412, "precondition_failed")
        assert error_of(ask("/segments/vip/", "DELETE", headers={"if-match": stale}))[:2] == (
            412,
            "precondition_failed",
        )
    assert ask("/segments/vip/").json()["version"] == 2
    assert ask("/segments/vip/", "DELETE", headers={"if-match": f'"x", {saved.headers["etag"]}'}).status_code == 204
