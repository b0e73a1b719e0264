"""key=value becomes the state, or is refused before anything starts."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from tests.cli.commands import Command


def state_of(graphflow: Command, *arguments: str) -> dict[str, object]:
    said = graphflow("run", "essay.py", *arguments, "--json")
    assert said.code == 0, said
    state: dict[str, object] = said.json["state"]
    return state


def test_values_are_read_by_the_types_of_their_fields(graphflow: Command) -> None:
    state = state_of(graphflow, "topic=12", "words=300", "tags=night", "tags=[birds]")
    assert (state["topic"], state["words"], state["tags"]) == ("12", 300, ["night", "[birds]"])


def test_a_value_may_hold_anything(graphflow: Command) -> None:
    assert state_of(graphflow, "topic=a=b c\n\u00e9")["topic"] == "a=b c\n\u00e9"
    assert state_of(graphflow, "topic=")["topic"] == ""


def test_options_may_stand_anywhere(graphflow: Command) -> None:
    said = graphflow("run", "--quiet", "essay.py", "topic=owls", "--json", "words=3")
    assert said.json["state"]["words"] == 3


def test_files_give_their_text(graphflow: Command, folder: Path) -> None:
    (folder / "a.txt").write_text("first\n", encoding="utf-8-sig")
    (folder / "b.txt").write_text('["second"]')
    state = state_of(graphflow, "topic=@a.txt", "tags=@a.txt", "tags=@b.txt", "tags=third")
    assert state["topic"] == "first\n"
    assert state["tags"] == ["first\n", '["second"]', "third"]


def test_a_text_that_begins_with_an_at_sign_is_written_with_two(graphflow: Command) -> None:
    assert state_of(graphflow, "topic=@@someone")["topic"] == "@someone"


def test_standard_input_is_a_value(graphflow: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("owls\nat night"))
    assert state_of(graphflow, "topic=@-")["topic"] == "owls\nat night"


def test_an_object_of_fields_is_the_input_and_values_win(
    graphflow: Command, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "in.json").write_text('{"topic": "cats", "words": 5}')
    state = state_of(graphflow, "--input", "in.json", "topic=owls")
    assert (state["topic"], state["words"]) == ("owls", 5)
    monkeypatch.setattr("sys.stdin", io.StringIO('{"topic": "mice"}'))
    assert state_of(graphflow, "--input", "-")["topic"] == "mice"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["topik=owls"], 2,
         "[GF521] There is no field 'topik' in the state of graph 'essay'\n"
         "  why    topik=... sets a field of Essay: topic, words, tags, draft, score, comments.\n"
         "  fix    Did you mean 'topic'?\n"),
        (["words=3"], 2,
         "[GF523] Graph 'essay' needs 'topic'\n"
         "  why    These fields of Essay have no default: topic: str.\n"
         "  fix    Add topic=...   (topic=@file reads a file)\n"),
        (["topic=owls", "words=three"], 2,
         "[GF522] words='three' does not fit the field 'words'\n"
         "  why    words is int. Input should be a valid integer, unable to parse string as an integer.\n"
         "  fix    Write a whole number: words=3\n"),
        (["topic=a", "topic=b"], 2,
         "[GF522] topic is given 2 times\n"
         "  why    topic is str; only a list takes several values.\n"
         "  fix    Leave one: topic='b'\n"),
        (["topic"], 2,
         "[GF501] 'topic' is not of the form key=value\n"
         "  why    After TARGET come fields of the state, each with its value.\n"
         "  fix    Write key=value; a value with spaces stands in quotes: topic='night owls'.\n"),
        (["topic=@notes"], 2,
         "[GF524] 'notes' is a folder\n"
         "  why    A value is the text of one file.\n"
         "  fix    Name its files: topic=@notes/one.txt topic=@notes/two.txt\n"),
        (["topic=@binary"], 2,
         "[GF524] The file 'binary' cannot be read\n  why    It is no UTF-8 text.\n  fix    Give a text file.\n"),
        (["topic=@notes/on.txt"], 5,
         "[GF524] There is no file 'notes/on.txt'\n"
         "  why    topic=@FILE reads a file; it was looked for in {here}/notes.\n"
         "  fix    Did you mean 'notes/one.txt'?\n"),
        (["--input", "binary"], 2,
         "[GF524] The file 'binary' cannot be read\n  why    It is no UTF-8 text.\n  fix    Give a text file.\n"),
        (["--input", "notes/one.txt"], 2,
         "[GF524] --input notes/one.txt is no JSON\n"
         "  why    Expecting value: line 1 column 1 (char 0).\n"
         "  fix    A JSON object of the state's fields: {{\"topic\": \"owls\"}}\n"),
        (["--input", "list.json"], 2,
         "[GF524] --input list.json is no JSON object\n"
         "  why    It is [1].\n"
         "  fix    A JSON object of the state's fields: {{\"topic\": \"owls\"}}\n"),
        (["--input", "-", "topic=@-"], 2,
         "[GF524] Both --input - and topic=@- read standard input\n"
         "  why    It can be read once.\n"
         "  fix    Give one of them as a file.\n"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused_before_anything_starts(
    graphflow: Command, folder: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], code: int, message: str
) -> None:
    (folder / "notes").mkdir()
    (folder / "notes" / "one.txt").write_text("one")
    (folder / "notes" / "two.txt").write_text("two")
    (folder / "binary").write_bytes(b"\xff\xfe\x00")
    (folder / "list.json").write_text("[1]")
    monkeypatch.setattr("sys.stdin", io.StringIO("{}"))
    said = graphflow("run", "essay.py", *arguments)
    assert said.err == message.format(here=folder.resolve())
    assert (said.code, said.out) == (code, "")


def test_an_unknown_field_of_the_input_object_is_refused_too(graphflow: Command, folder: Path) -> None:
    """Pydantic alone would drop it."""
    (folder / "in.json").write_text('{"topic": "owls", "word": 5}')
    said = graphflow("run", "essay.py", "--input", "in.json")
    assert said.code == 2
    assert "Did you mean 'words'?" in said.err


def test_the_rules_of_the_state_itself_hold(graphflow: Command, folder: Path) -> None:
    """S1.1: a start state that does not validate is a usage error, exit 2."""
    text = (folder / "essay.py").read_text().replace("words: int = 200", "words: int = Field(default=200, le=500)")
    (folder / "essay.py").write_text(text.replace("import BaseModel", "import BaseModel, Field"))
    said = graphflow("run", "essay.py", "topic=owls", "words=900")
    assert said.code == 2
    assert "[GF211]" in said.err
    assert "less than or equal to 500" in said.err


def test_an_empty_value_empties_a_list(graphflow: Command) -> None:
    assert state_of(graphflow, "topic=owls", "tags=")["tags"] == []
    assert state_of(graphflow, "topic=owls", "tags=", "tags=x")["tags"] == ["", "x"]


def test_a_file_that_is_not_there_names_the_nearest(graphflow: Command, folder: Path) -> None:
    (folder / "texts").mkdir()
    (folder / "texts" / "market.txt").write_text("owls")
    (folder / "night.md").write_text("owls")
    for typed, meant in (("nihgt.md", "night.md"), ("night.txt", "night.md"), ("market.txt", "texts/market.txt")):
        said = graphflow("run", "essay.py", f"topic=@{typed}")
        assert said.code == 5
        assert f"Did you mean '{meant}'?" in said.err
