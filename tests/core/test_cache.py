"""The cache that all others are made of."""

from __future__ import annotations

import threading

from terminology.core.cache import Cache, RecentValues


def test_the_values_that_were_not_used_for_longest_give_way() -> None:
    cache: Cache[int] = Cache(room=3)
    for number in range(3):
        cache.put(number, number)
    assert cache.find(0) == 0
    cache.put(3, 3)
    assert [cache.find(number) for number in range(4)] == [0, None, 2, 3]
    assert len(cache) == cache.weight == 3


def test_a_value_is_made_once() -> None:
    cache: Cache[str] = Cache(room=2)
    calls: list[str] = []

    def make() -> str:
        calls.append("made")
        return "value"

    assert [cache.get("key", make) for _ in range(3)] == ["value"] * 3
    assert calls == ["made"]


def test_the_room_is_that_of_the_weights() -> None:
    cache: Cache[str] = Cache(10, len)
    for key, value in (("a", "aaaa"), ("b", "bbbb"), ("c", "cc")):
        cache.put(key, value)
    assert cache.weight == 10
    cache.put("b", "b")
    assert cache.weight == 7
    cache.put("d", "dddddddd")
    assert (cache.find("a"), cache.find("b"), cache.find("c"), cache.find("d")) == (
        None,
        "b",
        None,
        "dddddddd",
    )
    cache.drop("d")
    cache.drop("d")
    assert cache.weight == 1
    cache.clear()
    assert len(cache) == cache.weight == 0


def test_a_value_that_is_too_heavy_is_not_kept_unless_one_is_to_stay() -> None:
    cache: Cache[str] = Cache(3, len)
    cache.put("light", "abc")
    assert cache.get("heavy", lambda: "abcd") == "abcd"
    assert cache.find("heavy") is None and cache.find("light") == "abc"
    cache.put("light", "abcd")
    assert cache.find("light") is None, "the old value is not that of the key any more"
    one: Cache[str] = Cache(3, len, keeps_one=True)
    one.put("light", "abc")
    one.put("heavy", "abcd")
    assert (one.find("light"), one.find("heavy"), one.weight) == (None, "abcd", 4)


def test_many_threads_use_one_cache() -> None:
    cache: Cache[int] = Cache(20, lambda value: value % 3 + 1)
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
    assert cache.weight <= 20
    cache.clear()
    assert cache.weight == 0


def test_recent_values_never_take_more_than_twice_their_room() -> None:
    recent: RecentValues[int] = RecentValues(room=4)
    for number in range(100):
        recent.put(number, number)
        assert recent.find(number) == number
        for other in range(number):
            recent.find(other)
        assert len(recent) <= 8
