"""Columns that fit, names that stay apart, numbers as people read them."""

import pytest

from redundancy.report.layout import Column, amount, columns, cut, listed, plain, share, size, table, wrapped

HEADS = [Column("name", shrinks=True), Column("many", right=True, yields=1), Column("sum", right=True)]
ROWS = [["short", "1", "10"], ["a_name_that_is_as_long_as_those_of_nested_models_are", "1,000", "2"]]


def test_numbers_stand_below_each_other():
    lines = table(HEADS, ROWS, 100)
    assert lines[2].index("10") + 2 == lines[3].rindex("2") + 1 == len(lines[0])


def test_all_columns_are_there_where_they_fit():
    assert table(HEADS, ROWS, 100)[0].split() == ["name", "many", "sum"]


def test_names_are_cut_before_columns_go():
    lines = table(HEADS, ROWS, 50)
    assert lines[0].split() == ["name", "many", "sum"]
    assert lines[3].startswith("a_name_that")
    assert "..." in lines[3]


def test_columns_go_before_names_become_unreadable():
    wide = [*HEADS, *(Column(f"column {n}", yields=n) for n in range(2, 5))]
    rows = [[*row, *["x" * 10] * 3] for row in ROWS]
    head, _, _, long = table(wide, rows, 50)
    assert "column 2" in head
    assert "column 3" not in head
    assert long.startswith("a_name_t")


@pytest.mark.parametrize("width", [0, 50, 60, 77, 100, 300])
def test_no_line_is_wider_than_the_terminal(width):
    assert max(map(columns, table(HEADS, ROWS, width, total=["total", "", "1,000,000"]))) <= max(50, width)


def test_a_total_stands_below_a_line():
    *_, rule, total = table(HEADS, ROWS, 80, total=["total", "", "12"])
    assert set(rule) == {"-"}
    assert total.split() == ["total", "12"]


def test_a_table_without_rows_is_its_head():
    assert len(table(HEADS, [], 80)) == 2


def test_text_below_a_row_is_indented():
    assert table(HEADS, ROWS, 80, below=["why so", ""])[3:5][0] == "    why so"


def test_both_ends_of_a_name_are_kept():
    assert cut("conv2_block1_1_conv", 13) == "conv2..._conv"


@pytest.mark.parametrize("text", ["層層層層層層層層", "e\u0301" * 20, "abcdefghijklmnop"])
def test_a_cut_name_is_no_wider_than_it_may_be(text):
    assert columns(cut(text, 9)) <= 9


def test_wide_characters_count_twice():
    assert table(HEADS[:1] + HEADS[2:], [["層", "1"], ["ab", "1"]], 80)[2:] == ["層      1", "ab      1"]


@pytest.mark.parametrize("name", ["a\nb", "a\x1b[31mb", "a\u202eb", "a\x00b"])
def test_a_name_cannot_steer_the_terminal(name):
    assert plain(name).isprintable()


def test_a_long_list_is_counted():
    assert listed([f"h{n}" for n in range(100)], 30) == "h0; h1; h2; h3; h4 and 95 more"


def test_a_short_list_is_whole():
    assert listed(["h0 = h1", "h2 = 0"], 30) == "h0 = h1; h2 = 0"


def test_a_list_of_one_long_item_is_cut():
    assert columns(listed(["x" * 200], 30)) <= 30


@pytest.mark.parametrize(
    ("number", "shown"),
    [(0, "0"), (999, "999"), (1000, "1.00 k"), (999_600, "1.00 M"), (3.86e9, "3.86 G"), (-1e4, "-10.0 k")],
)
def test_amounts(number, shown):
    assert amount(number) == shown


@pytest.mark.parametrize(
    ("number", "shown"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.00 KiB"), (102546848, "97.8 MiB"), (2**33, "8.00 GiB")],
)
def test_sizes(number, shown):
    assert size(number) == shown


@pytest.mark.parametrize(("part", "shown"), [(0, "0.0%"), (1, "<0.1%"), (5000, "50.0%")])
def test_shares(part, shown):
    assert share(part, 10_000) == shown


def test_a_share_of_nothing_is_none():
    assert share(0, 0) == ""


def test_wrapped_lines_hang():
    assert wrapped("one two " * 10, 50, 2, 2)[1].startswith("    ")
