"""Reading process trees out of /proc."""

from bench.tree import TICK_S, Stat, members, parse_stat


def test_a_stat_line_is_read_though_the_name_holds_parentheses_and_spaces() -> None:
    line = "42 (a (odd) name) S 7 42 9 0 -1 0 0 0 0 0 10 5 2 1 20 0 1 0 100"

    assert parse_stat(line) == Stat(pid=42, parent=7, session=9, cpu_s=18 * TICK_S)


def test_a_tree_holds_descendants_and_the_session_but_no_strangers() -> None:
    root, child, grandchild = Stat(10, 1, 10, 0), Stat(11, 10, 11, 0), Stat(12, 11, 11, 0)
    orphan, stranger = Stat(13, 1, 10, 0), Stat(14, 1, 1, 0)

    found = members([stranger, grandchild, orphan, child, root], 10)

    assert {stat.pid for stat in found} == {10, 11, 12, 13}
