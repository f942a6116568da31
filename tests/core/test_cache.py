"""The cache that all others are made of."""

from __future__ import annotations

import threading

from terminology.core.cache import (
    LARGEST_ENTRY,
    LARGEST_KEY,
    Cache,
    RecentValues,
    kept_results,
    key_alone,
    size_of,
)

KEY = size_of("a")


def nothing(value: object) -> int:
    return 0


def size_of_both(key: object, value: str) -> int:
    return size_of(key) + len(value)


def test_the_values_that_were_not_used_for_longest_give_way() -> None:
    cache: Cache[int] = Cache(3 * size_of(1), nothing)
    for number in range(3):
        cache.put(number, number)
    assert cache.find(0) == 0
    cache.put(3, 3)
    assert [cache.find(number) for number in range(4)] == [0, None, 2, 3]
    assert len(cache) == 3


def test_a_value_is_made_once() -> None:
    cache: Cache[str] = Cache(1_000, len)
    calls: list[str] = []

    def make() -> str:
        calls.append("made")
        return "value"

    assert [cache.get("key", make) for _ in range(3)] == ["value"] * 3
    assert calls == ["made"]


def test_the_room_is_that_of_the_weights() -> None:
    cache: Cache[str] = Cache(10 + 3 * KEY, len)
    for key, value in (("a", "aaaa"), ("b", "bbbb"), ("c", "cc")):
        cache.put(key, value)
    assert cache.weight == 10 + 3 * KEY
    cache.put("b", "b")
    assert cache.weight == 7 + 3 * KEY
    cache.put("d", "d" * 8)
    assert [cache.find(key) for key in "abcd"] == [None, "b", None, "d" * 8]
    cache.drop("d")
    cache.drop("d")
    assert cache.weight == 1 + KEY
    cache.clear()
    assert len(cache) == cache.weight == 0


def test_a_value_that_is_too_heavy_is_not_kept_unless_one_is_to_stay() -> None:
    cache: Cache[str] = Cache(KEY + 3, len)
    cache.put("a", "abc")
    assert cache.get("b", lambda: "abcd") == "abcd"
    assert cache.find("b") is None and cache.find("a") == "abc"
    cache.put("a", "abcd")
    assert cache.find("a") is None, "the old value is not that of the key any more"
    one: Cache[str] = Cache(KEY + 3, len, keeps_one=True)
    one.put("a", "abc")
    one.put("b", "abcd")
    assert (one.find("a"), one.find("b"), one.weight) == (None, "abcd", KEY + 4)


def test_a_long_key_is_never_kept() -> None:
    long = "x" * LARGEST_KEY
    cache: Cache[str] = Cache(10**9, len, keeps_one=True)
    recent: RecentValues[str] = RecentValues(10, size_of_both)
    for key in (long, ("system", long), (("system", (long,)), 1), frozenset([long])):
        assert cache.get(key, lambda: "made") == "made"
        recent.put(key, "made")
        assert cache.find(key) is None and recent.find(key) is None
    assert len(cache) == cache.weight == len(recent) == 0


def test_recent_values_keep_no_large_value() -> None:
    recent: RecentValues[str] = RecentValues(10, size_of_both)
    recent.put("a", "x" * LARGEST_ENTRY)
    assert recent.find("a") is None
    recent.put("a", "x")
    assert recent.find("a") == "x"


def test_only_results_of_short_texts_are_remembered() -> None:
    calls: list[str] = []

    @kept_results(most=2, longest=4)
    def upper(text: str, other: str | None = None) -> str:
        calls.append(text)
        return text.upper()

    for _ in range(2):
        assert [upper("abcd"), upper("abcde"), upper("a", "long text")] == ["ABCD", "ABCDE", "A"]
    assert calls == ["abcd", "abcde", "a", "abcde", "a"]


def test_many_threads_use_one_cache() -> None:
    cache: Cache[int] = Cache(20 * size_of(1), nothing)
    wrong: list[tuple[int, int | None]] = []

    def work(first: int) -> None:
        for step in range(3_000):
            number = (first * 7 + step) % 60
            value = cache.get(number, lambda number=number: number)  # type: ignore[misc]
            known = cache.find(number + 1)
            if value != number or known not in (None, number + 1):
                wrong.append((number, known))
            if step % 50 == 0:
                cache.drop(number)

    threads = [threading.Thread(target=work, args=(first,)) for first in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert 0 < len(cache) <= 20
    cache.clear()
    assert cache.weight == 0


def test_recent_values_never_take_more_than_twice_their_room() -> None:
    recent: RecentValues[int] = RecentValues(4, key_alone)
    for number in range(100):
        recent.put(number, number)
        assert recent.find(number) == number
        for other in range(number):
            recent.find(other)
        assert len(recent) <= 4  # the newer half
