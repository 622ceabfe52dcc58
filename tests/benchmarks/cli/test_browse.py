from __future__ import annotations


def test_lists_have_stable_keys(mecbench) -> None:  # type: ignore[no-untyped-def]
    """Scripts read lists; each row names its subject by the list's own word."""
    keys = {
        "problems": {"problem", "title", "sense", "sizes"},
        "suites": {"suite", "instances", "seeds", "time_limit", "memory_limit", "description"},
        "instances": {"instance", "problem"},
        "algorithms": {"algorithm", "kind", "sees", "version", "requires", "missing", "description"},
    }
    for what, expected in keys.items():
        rows = mecbench("list", what, "--json").json
        assert rows
        assert all(set(row) == expected for row in rows)


def test_lists_name_what_runs(mecbench) -> None:  # type: ignore[no-untyped-def]
    """What is listed for people is what other verbs take."""
    assert "p-edge" in mecbench("list", "problems").out
    assert "quick" in mecbench("list", "suites", "--problem", "p-edge").out
    for word in ("p-edge/threshold", "exact", "central"):
        assert word in mecbench("list", "algorithms").out


def test_lists_tell_what_was_learned(mecbench) -> None:  # type: ignore[no-untyped-def]
    """Learned agents stand among the algorithms of their problem, with their label, and need no package to run."""
    rows = {row["algorithm"]: row for row in mecbench("list", "algorithms", "--problem", "p", "--json").json}
    learned = {name for name, row in rows.items() if row["kind"] == "learned"}
    assert learned == {"p/hc-mappo-l", "p/hc-ippo-l", "p/heuristic-mappo-l", "p/h-mappo", "p/h-ippo"}
    assert all(not rows[name]["requires"] for name in learned)


def test_an_unknown_problem_names_the_known(refused) -> None:  # type: ignore[no-untyped-def]
    """The answer to a typing error is in the message."""
    assert refused("list", "instances", "--problem", "p_edge") == "unknown problem 'p_edge': the nearest problem names are p-edge"


def test_show_tells_sizes_values_and_draws(mecbench, workplace) -> None:  # type: ignore[no-untyped-def]
    """One look at an instance: how big, how hard, what is known, what it looks like."""
    answer = mecbench("show", "p-edge-tiny-nsg-0000")
    assert answer.code == 0
    for words in ("M = 8", "multiprocessors", "optimum known", "1.7774924922195474", "8 × device", "█"):
        assert words in answer.out
    unknown = mecbench("show", workplace / "demo-3.json").out
    assert "nothing known yet" in unknown or "optimum known" in unknown


def test_show_as_json(mecbench) -> None:  # type: ignore[no-untyped-def]
    """The contract's keys carry the library's values."""
    shown = mecbench("show", "p-edge-tiny-nsg-0000", "--json").json
    assert (shown["instance"], shown["problem"], shown["split"], shown["sense"]) == ("p-edge-tiny-nsg-0000", "p-edge", "test", "minimise")
    assert (shown["bound_kind"], shown["gap"], shown["sizes"]["M"]) == ("certified", 0.0, 8)
    assert shown["objective"] == shown["bound"]


def test_an_unknown_instance_names_near_ones(refused) -> None:  # type: ignore[no-untyped-def]
    """A forgotten digit is found."""
    assert "p-edge-tiny-nsg-00" in refused("show", "p-edge-tiny-nsg-000")
