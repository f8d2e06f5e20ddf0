"""The forms of the live view in a real browser: from a schema to a payload, and back to errors."""

from __future__ import annotations

import enum
import os
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

import pytest
from pydantic import BaseModel, Field

from tests.view_runs import APPROVAL, T0, Log, suspended

if TYPE_CHECKING:
    from tests.view_stage import Stage

SHOTS = os.environ.get("WF_TEST_SHOTS")  # a folder for pictures, for whoever looks at them

pytestmark = pytest.mark.browser
pytest_plugins = ["tests.view_stage"]


# -------------------------------------------------------------------------------------- the form


def test_a_form_is_filled_and_sent_by_keyboard_alone(stage: Stage) -> None:
    """Tab to a field, type, press Enter: the payload goes with a resume id."""
    stage.open(suspended())
    keyboard = stage.page.keyboard
    stage.field("Approved").focus()
    keyboard.press("Space")
    keyboard.press("Tab")
    keyboard.type("120")
    keyboard.press("Tab")
    keyboard.type("high")
    keyboard.press("Tab")
    keyboard.type("02282026")
    stage.field("Note").focus()
    keyboard.type("fine")
    keyboard.press("Control+Enter")
    message = stage.sent("resume")
    assert message["token"] == "approve-A-17"
    assert len(message["id"]) == 32
    assert message["payload"] == {
        "ok": True, "amount": 120, "level": "high", "due": "2026-02-28", "note": "fine",
    }  # fmt: skip


GUARD = """
addEventListener("keydown", ({ target }) => {
  target.addEventListener("beforeinput", (event) => event.preventDefault(), { once: true });
}, true)
"""


def test_a_front_end_takes_no_key_from_a_field(stage: Stage) -> None:
    """JupyterLab refuses Enter and undo to what is in a cell: Enter sends, and breaks a line."""
    stage.page.evaluate(GUARD)
    stage.open(suspended())
    stage.field("Note").focus()
    stage.page.keyboard.type("a\nb")
    assert stage.field("Note").input_value() == "a\nb"
    stage.field("Pay until *").fill("2026-02-28")
    stage.field("Amount").press("Enter")
    assert stage.sent("resume")["payload"]["note"] == "a\nb"


def test_the_title_of_a_hook_is_shown_where_it_may_be(stage: Stage) -> None:
    """A title that came by message heads the form; until then the token does."""
    stage.show(suspended())
    heading = stage.page.locator(".wfn-form-title")
    assert heading.inner_text() == "approve-A-17"
    hello = stage.sent("hello")
    stage.reply("hello", hello["id"], now_us=T0, titles={"h1": "Approve it"}, blocked="")
    assert heading.inner_text() == "Approve it"
    assert stage.page.locator(".wfn-token").inner_text() == "approve-A-17"


def test_what_comes_with_a_hook_stands_above_its_fields(stage: Stage) -> None:
    """Metadata comes by message, as text: markup in it stays text; without any there is no box."""
    stage.show(suspended())
    details = stage.page.locator(".wfn-details")
    assert not details.is_visible()
    said = '{\n  "order": "A-17",\n  "note": "<img src=x onerror=alert(1)>"\n}'
    hello = stage.sent("hello")
    stage.reply("hello", hello["id"], now_us=T0, titles={}, details={"h1": said}, blocked="")
    assert details.inner_text() == said
    assert details.locator("*").count() == 0
    assert stage.button("Resume").is_visible()
    if SHOTS:
        stage.page.screenshot(path=f"{SHOTS}/form-with-metadata.png")


def test_server_errors_stand_beside_their_fields(stage: Stage) -> None:
    """A refused payload shows its errors; what was typed stays; the first wrong field has focus."""
    stage.open(suspended())
    stage.field("Amount").fill("900")
    stage.page.get_by_label("Pay until").fill("2026-02-28")
    stage.field("Note").fill("keep me")
    stage.button("Resume").click()
    errors = [{"path": ["amount"], "message": "too much"}, {"path": ["due"], "message": "too late"}]
    stage.refuse(stage.sent("resume")["id"], errors=errors)
    amount = stage.field("Amount")
    assert amount.get_attribute("aria-invalid") == "true"
    described = amount.get_attribute("aria-describedby") or ""
    assert stage.page.locator(f"#{described.split()[0]}").inner_text() == "too much"
    assert (amount.input_value(), stage.field("Note").input_value()) == ("900", "keep me")
    assert stage.focus == "Amount"
    assert stage.said == "Not resumed: 2 to correct."
    amount.fill("90")
    assert amount.get_attribute("aria-invalid") is None


def test_an_error_without_a_field_stands_in_the_form(stage: Stage) -> None:
    """A refusal of another kind is shown above the button, and has the focus."""
    stage.open(suspended())
    stage.page.get_by_label("Pay until").fill("2026-02-28")
    stage.button("Resume").click()
    stage.refuse(stage.sent("resume")["id"], "WF221 It was disposed.")
    assert stage.page.locator(".wfn-form-error").inner_text() == "WF221 It was disposed."
    assert stage.focus == "WF221 It was disposed."


def test_what_is_missing_is_said_before_sending(stage: Stage) -> None:
    """A required field left empty is named at once, and nothing is sent."""
    stage.open(suspended())
    stage.button("Resume").click()
    assert stage.all_sent("resume") == []
    assert stage.focus == "Pay until *"
    assert stage.page.get_by_text("Fill this in.").is_visible()


def test_a_snapshot_disturbs_nobody_who_types(stage: Stage) -> None:
    """Focus, text and selection survive snapshots, also when rows and forms come and go."""
    log = suspended()
    stage.open(log)
    note = stage.field("Note")
    note.fill("half a sent")
    note.evaluate("n => n.setSelectionRange(2, 5)")
    log.hook("h0", "another", 11).step("s9", "notify", 11)
    stage.show(log, 12)
    stage.page.clock.run_for(3_000)
    assert note.input_value() == "half a sent"
    assert note.evaluate("n => [document.activeElement === n, n.selectionStart]") == [True, 2]
    assert stage.page.locator("form").count() == 2


def test_while_it_is_sent_the_button_waits_but_keeps_the_focus(stage: Stage) -> None:
    """Pressing twice sends once; the button is never `disabled`, which would drop the focus."""
    stage.open(suspended())
    stage.page.get_by_label("Pay until").fill("2026-02-28")
    resume = stage.button("Resume")
    resume.click()
    resume.press("Enter")
    assert len(stage.all_sent("resume")) == 1
    assert resume.get_attribute("aria-disabled") == "true"
    assert resume.get_attribute("disabled") is None
    assert stage.focus == "Resume"


def test_a_lost_answer_is_tried_again_under_the_same_id(stage: Stage) -> None:
    """After ten seconds one may press again: the same payload has the same id, another a new one."""
    stage.open(suspended())
    stage.page.get_by_label("Pay until").fill("2026-02-28")
    stage.button("Resume").click()
    stage.page.clock.run_for(10_500)
    assert stage.page.get_by_text("No answer yet").is_visible()
    stage.button("Resume").click()
    stage.page.clock.run_for(10_500)
    stage.field("Amount").fill("3")
    stage.button("Resume").click()
    ids = [message["id"] for message in stage.all_sent("resume")]
    assert ids[0] == ids[1] != ids[2]


def test_when_a_form_goes_the_focus_goes_to_the_title(stage: Stage) -> None:
    """After a resume the keyboard stays in the view, and the change is announced once."""
    log = suspended()
    stage.open(log)
    stage.page.get_by_label("Pay until").fill("2026-02-28")
    stage.button("Resume").click()
    stage.reply("resumed", stage.sent("resume")["id"])
    log.received("h1", 11).add("hook_disposed", 11, "h1").step("s9", "notify", 11)
    stage.show(log, 11)
    assert stage.page.locator("form").count() == 0
    assert stage.focus == "refund"
    assert stage.said == "refund is running."


def test_a_hook_may_be_sent_another(stage: Stage) -> None:
    """A hook that stays open after a payload folds its form away, emptied, until it is wanted."""
    log = suspended()
    stage.open(log)
    stage.page.get_by_label("Pay until").fill("2026-02-28")
    stage.button("Resume").click()
    stage.reply("resumed", stage.sent("resume")["id"])
    stage.show(log.received("h1", 11), 11)
    assert stage.focus == "refund"
    assert stage.button("Resume").count() == 0
    stage.button("Send another").click()
    assert stage.page.get_by_label("Pay until").input_value() == ""
    assert stage.focus == "Approved"


def test_somebody_else_s_payload_leaves_my_typing(stage: Stage) -> None:
    """When another view resumes a hook that stays open, what is typed here stays."""
    log = suspended()
    stage.open(log)
    stage.field("Note").fill("mine")
    stage.show(log.received("h1", 11), 11)
    assert stage.field("Note").input_value() == "mine"
    assert stage.focus == "Note"


def test_a_hook_without_a_schema_takes_json(stage: Stage) -> None:
    """Raw JSON, checked here; left empty it is null."""
    stage.open(Log().begin().hook("h1", "inbox", 1))
    payload = stage.field("Payload")
    payload.fill("{ok: 1}")
    stage.button("Resume").click()
    assert stage.all_sent("resume") == []
    assert stage.page.get_by_text("This is not valid JSON").is_visible()
    payload.fill('{"ok": [1, null]}')
    stage.button("Resume").click()
    assert stage.sent("resume")["payload"] == {"ok": [1, None]}
    stage.refuse(stage.sent("resume")["id"], "no")
    payload.fill("")
    stage.button("Resume").click()
    assert stage.sent("resume")["payload"] is None


def test_many_forms_are_shown_on_request(stage: Stage) -> None:
    """Ten forms, and a button for the rest."""
    log = Log().begin()
    for i in range(14):
        log.hook(f"h{i}", f"t{i}", 1)
    stage.open(log)
    assert stage.page.locator("form").count() == 10
    stage.button("Show 4 more").click()
    assert stage.page.locator("form").count() == 14


def test_a_hook_s_timeout_counts_down(stage: Stage) -> None:
    """Who is asked sees how long there is; without a timeout there is no such word."""
    log = Log().begin().hook("h1", "with", 1, 3).sleep("w1", 1, 31, 3, kind="timer")
    log.hook("h2", "without", 2, 4)
    stage.open(log, 10)
    facts = stage.page.locator(".wfn-form-facts")
    assert "times out in 21 s" in facts.first.inner_text()
    assert "times out" not in facts.last.inner_text()
    stage.page.clock.run_for(5_000)
    assert "times out in 16 s" in facts.first.inner_text()
    stage.page.clock.run_for(30_000)
    assert "timing out" in facts.first.inner_text()


def test_who_else_may_resume_is_said_with_a_line_to_copy(stage: Stage) -> None:
    """A shell's line stands in a disclosure; it is no part of what is saved."""
    stage.open(suspended())
    shell = stage.page.get_by_text("Answer from a shell")
    assert shell.is_hidden()
    line = "wf resume --world w.duckdb approve-A-17 '{}'"
    private = {"op": "private", "titles": {}, "blocked": "", "commands": {"h1": line}}
    stage.page.evaluate("(c) => harness.reply(c)", private)
    shell.focus()
    stage.page.keyboard.press("Enter")
    assert stage.page.locator(".wfn-command").inner_text() == line
    stage.page.evaluate("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    stage.button("Copy the command").click()
    assert stage.page.evaluate("getSelection().toString()") == line


def test_a_form_that_was_sent_leaves_no_timer(stage: Stage) -> None:
    """A view that goes says nothing any more, answered or not."""
    stage.open(suspended())
    stage.page.get_by_label("Pay until").fill("2026-03-04")
    stage.button("Resume").click()
    stage.page.evaluate("harness.stop()")
    before = stage.page.locator("#output").inner_text()
    stage.page.clock.run_for(60_000)
    assert stage.page.locator("#output").inner_text() == before


# --------------------------------------------------------------------------- fields from schemas


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Line(BaseModel):
    sku: str = Field(description="The article", min_length=2)
    count: int = Field(default=1, ge=1, le=9)


class Everything(BaseModel):
    name: str
    secret: str = Field(default="", json_schema_extra={"format": "password"})
    story: str = Field(default="", max_length=500)
    ratio: float = Field(gt=0, lt=1)
    price: Decimal
    sure: bool = False
    maybe: bool | None = None
    colour: Colour = Colour.BLUE
    size: Literal["s", "m", "l"]
    day: date
    moment: datetime
    limit: int | None = None
    kind: Literal["refund"] = "refund"
    lines: list[Line]
    spare: Line | None = None
    first: Line
    tags: dict[str, int] = {}


def test_every_kind_of_field_makes_a_payload_that_its_model_accepts(stage: Stage) -> None:
    """From a pydantic model's schema to a payload that the same model takes."""
    schema = Everything.model_json_schema()
    log = Log().begin().hook("h1", "all", 1, schema="Everything")
    stage.open(log, schemas={"Everything": schema})
    page = stage.page
    page.get_by_label("Name").fill("Ann")
    page.get_by_label("Ratio").fill("0.25")
    page.get_by_label("Price").fill("12.50")
    page.get_by_label("Maybe").select_option("No")
    page.get_by_label("Size").select_option("m")
    page.get_by_label("Day").fill("2026-03-04")
    page.get_by_label("Moment").fill("2026-07-01T12:30")
    for sku in ("ab", "cd"):
        stage.button("Add to Lines").click()
        page.get_by_label("Sku").nth(0 if sku == "ab" else 1).fill(sku)
    page.get_by_label("Count").nth(1).fill("7")
    stage.button("Remove Lines 1").click()
    stage.field("Include Spare").check()
    page.get_by_role("group", name="Spare").get_by_label("Sku").fill("sp")
    page.get_by_role("group", name="First").get_by_label("Sku").fill("fi")
    page.get_by_label("Tags").fill('{"a": 1}')
    stage.button("Resume").click()
    found = Everything.model_validate(stage.sent("resume")["payload"])
    assert found == Everything(
        name="Ann", ratio=0.25, price=Decimal("12.50"), maybe=False, size="m",
        day=date(2026, 3, 4), moment=datetime.fromisoformat("2026-07-01T12:30:00+02:00"),
        lines=[Line(sku="cd", count=7)], spare=Line(sku="sp"), first=Line(sku="fi"),
        tags={"a": 1},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("path", "label"),
    [
        (["lines", 0, "count"], "Count"), (["spare", "sku"], "Include Spare"),
        (["first", "sku"], "Sku *"), (["price", "decimal"], "Price *"), (["nowhere"], None),
    ],
)  # fmt: skip
def test_an_error_finds_its_field_by_path(stage: Stage, path: list[Any], label: str | None) -> None:
    """Into lists and nested models; what has no field of its own falls to the nearest."""
    schema = Everything.model_json_schema()
    initial = {
        "name": "A", "ratio": 0.5, "price": "1", "size": "s", "day": "2026-01-01",
        "moment": "2026-01-01T00:00:00Z", "lines": [{"sku": "ab"}], "first": {"sku": "cd"},
    }  # fmt: skip
    log = Log().begin().hook("h1", "all", 1, schema="Everything")
    stage.open(log, schemas={"Everything": {**schema, "default": initial}})
    stage.button("Resume").click()
    errors = [{"path": path, "message": "not that one"}]
    stage.refuse(stage.sent("resume")["id"], errors=errors)
    assert stage.page.get_by_text("not that one").count() == 1
    if label is not None:
        assert stage.focus == label


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "integer", "default": 3}, 3),
        ({"type": "array", "items": {"type": "string"}, "default": ["a", ""]}, None),
        ({"type": "array", "items": {"type": "string"}, "default": ["a", "b"]}, ["a", "b"]),
        ({"type": "object", "properties": {}}, {}),
        ({"type": "object", "additionalProperties": {"type": "integer"}}, None),
        ({"const": 7}, 7),
        ({"enum": [1, "1", None, True], "default": "1"}, "1"),
        ({"type": "integer", "default": 12345678901234567890}, "12345678901234567000"),
        ({"type": ["string", "null"], "default": "x"}, "x"),
        ({"type": "string", "format": "time", "default": "10:30:00"}, "10:30:00"),
        ({"$ref": "#/$defs/T", "$defs": {"T": {"type": "boolean", "default": True}}}, True),
        ({"$ref": "https://x.test/schema", "default": [1]}, [1]),
        ({"allOf": [{"type": "number"}], "default": 1.5}, 1.5),
        ({"anyOf": [{"type": "object"}, {"type": "string"}], "default": "s"}, "s"),
        ({"prefixItems": [{}, {}], "type": "array", "default": [1, 2]}, [1, 2]),
        ({}, None),
    ],
)
def test_any_schema_has_a_control(stage: Stage, schema: Any, value: Any) -> None:
    """No schema, however odd, is left without a way to answer; defaults go out as they came."""
    log = Log().begin().hook("h1", "odd", 1, schema="Odd")
    stage.open(log, schemas={"Odd": schema})
    stage.button("Resume").click()
    sent = stage.all_sent("resume")
    if value is None:
        assert sent == []
        assert stage.page.get_by_text("Fill this in.").is_visible()
    else:
        assert sent[0]["payload"] == value


def test_a_recursive_schema_ends(stage: Stage) -> None:
    """A model that holds itself is built as deep as it is asked for."""
    tree = {
        "$defs": {"Tree": {
            "type": "object", "title": "Tree", "required": ["name"],
            "properties": {
                "name": {"type": "string"},
                "left": {"anyOf": [{"$ref": "#/$defs/Tree"}, {"type": "null"}], "default": None},
            },
        }},
        "$ref": "#/$defs/Tree",
    }  # fmt: skip
    stage.open(Log().begin().hook("h1", "t", 1, schema="Tree"), schemas={"Tree": tree})
    stage.page.get_by_label("Name").fill("a")
    stage.page.get_by_label("Include Left").check()
    stage.page.get_by_label("Name").nth(1).fill("b")
    stage.button("Resume").click()
    assert stage.sent("resume")["payload"] == {"name": "a", "left": {"name": "b"}}


def test_schemas_of_this_file_are_what_pydantic_makes(stage: Stage) -> None:
    """The hand-written approval schema has a form with its five fields."""
    stage.open(suspended())
    labels = stage.page.locator("form label").all_inner_texts()
    titles = [field["title"] for field in APPROVAL["properties"].values()]
    assert [label.removesuffix(" *") for label in labels] == titles


def test_a_schema_may_come_late(stage: Stage) -> None:
    """A run that was just opened is shown before its schemas are read: its form then follows."""
    stage.open(suspended(), schemas={})
    assert stage.field("Payload").is_visible()
    stage.show(suspended(), 11)
    assert stage.field("Amount").is_visible()
    assert stage.field("Payload").count() == 0
