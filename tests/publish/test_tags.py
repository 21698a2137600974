"""Which tags an event gives, and back from a tag to its commit."""

from __future__ import annotations

import pytest

from publish.tags import BadTag, Event, built_from, is_plain, publication

COMMIT = "0123456789abcdef0123456789abcdef01234567"
SHA = "sha-0123456789ab"


def tags(ref: str, *released: str, name: str = "push") -> tuple[str, ...]:
    return publication(Event(name, ref, COMMIT, 17), [*released, ref.removeprefix("refs/tags/")]).tags


def test_a_push_to_main_is_named_after_its_commit_alone() -> None:
    assert tags("refs/heads/main", "v1.0.0") == (SHA,)
    assert tags("refs/pull/3/merge", name="pull_request") == (SHA,)


def test_a_build_of_the_same_commit_anew_has_a_name_of_its_own() -> None:
    assert tags("refs/heads/main", name="workflow_dispatch") == (f"{SHA}-r17",)


def test_a_release_is_found_under_its_number_its_series_and_latest() -> None:
    assert tags("refs/tags/v1.4.0", "v1.3.9", "v1.4.0-rc.1", "nightly") == ("1.4.0", "1.4", "1", "latest", SHA)


@pytest.mark.parametrize(
    ("ref", "released", "expected"),
    [
        ("v1.3.5", ["v1.3.4", "v1.4.0"], ("1.3.5", "1.3", SHA)),
        ("v1.9.0", ["v2.0.0"], ("1.9.0", "1.9", "1", SHA)),
        ("v1.4.0", ["v1.4.1"], ("1.4.0", SHA)),
        ("v0.2.0", ["v0.1.0"], ("0.2.0", "0.2", "latest", SHA)),
        ("v1.10.0", ["v1.9.0"], ("1.10.0", "1.10", "1", "latest", SHA)),
    ],
)
def test_an_older_series_takes_nothing_from_a_newer_one(
    ref: str, released: list[str], expected: tuple[str, ...]
) -> None:
    assert tags(f"refs/tags/{ref}", *released) == expected


def test_a_pre_release_is_nobodys_latest() -> None:
    assert tags("refs/tags/v2.0.0-rc.1", "v1.0.0") == ("2.0.0-rc.1", SHA)


@pytest.mark.parametrize(
    "ref", ["refs/tags/v1", "refs/tags/v1.2", "refs/tags/v01.2.3", "refs/tags/v1.2.3+build", "refs/tags/1.2.3"]
)
def test_a_tag_that_is_no_release_is_refused(ref: str) -> None:
    with pytest.raises(BadTag, match=r"expected a tag such as v1\.4\.0 .* delete it and tag again"):
        tags(ref)


def test_a_tag_says_what_it_was_built_from() -> None:
    assert built_from(SHA) == built_from(f"{SHA}-r17") == "0123456789ab"
    assert built_from("1.4.0") == "refs/tags/v1.4.0"
    assert built_from("") is built_from("dev") is built_from("sha-123") is None
    assert [is_plain(tag) for tag in (SHA, f"{SHA}-r17", "1.4.0")] == [True, False, False]
