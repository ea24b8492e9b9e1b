"""How `recnice-scim simulate` is not to be called. None of these sends or starts anything."""

import pytest

from app.cli import main


@pytest.mark.parametrize(
    "words",
    [
        ("--base", "http://127.0.0.1:1/scim/"),
        ("--key", "x"),
        ("--base", "scim.example.com", "--key", "x"),
        ("--base", "http://127.0.0.1:1/scim/", "--key", "two\nlines"),
        ("--people", "0"),
        ("--people", "10001"),
        ("--groups", "many"),
        ("--dialect", "swiss"),
    ],
)
def test_a_mistake_on_the_command_line(capsys, words):
    assert main(["simulate", *words]) == 2
    printed = capsys.readouterr()
    assert printed.err.startswith("recnice-scim: ")
    assert printed.err.count("\n") == 1
    assert printed.out == ""
