"""Forms in plain ipywidgets controls: every kind of field, what goes wrong, and what is left."""

from __future__ import annotations

import datetime as dt
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Literal

import pytest
from ipywidgets import HTML, Checkbox, DatetimePicker, Password, Text, Textarea
from ipywidgets.widgets import widget as registry
from pydantic import BaseModel, Field

from tests.unit.test_view_controls import Colour, Line
from wf_notebook import open_world, step
from wf_notebook.acting import RunActions
from wf_notebook.errors import HookNotFoundError, UsageError
from wf_notebook.views import plainform

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from wf_notebook import Run, World
    from wf_notebook.views.plainform import PlainForm

SOURCE = """
async def ask(schema, tokens):
    "use workflow"
    hooks = [create_hook(token=t, schema=schema, title="a secret title") for t in tokens]
    return [repr(await hook) for hook in hooks]
"""
LOCAL = dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)


class Everything(BaseModel):
    kind: Literal["fixed"] = "fixed"
    colour: Colour
    sure: bool
    maybe: bool | None = None
    whole: int = Field(ge=0, le=9, description="From <b>none</b> to nine")
    real: float | None = None
    name: str = Field(min_length=2)
    comment: str = "as it was"
    secret: str = Field(json_schema_extra={"format": "password"})
    day: dt.date
    at: dt.time
    when: dt.datetime
    lines: list[Line] = Field(min_length=1)
    first: Line | None = None
    extra: dict[str, int]


@step
def unused_here() -> str:
    return ""


@pytest.fixture(autouse=True)
def nothing_is_held_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plainform, "HELD_SECONDS", 0)


@pytest.fixture
def world() -> Iterator[World]:
    with open_world(":memory:", isolation="inline", steps=[unused_here]) as found:
        yield found


@pytest.fixture
def start(world: World) -> Callable[..., Run]:
    def start(schema: type[BaseModel] | None, *tokens: str) -> Run:
        name = None if schema is None else schema.__name__
        models = [] if schema is None else [schema]
        run = world.start(SOURCE, [name, tokens or ("t",)], steps=[unused_here], schemas=models)
        return run.wait_for("suspended")

    return start


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    """Forms are closed with all that is in them: the library's registry is as before."""
    before = dict(registry._instances)
    yield
    assert registry._instances == before


@pytest.fixture
def form_of(nothing_left: None) -> Iterator[Callable[..., PlainForm]]:
    made: list[PlainForm] = []

    def form_of(run: Run, token: str | None = None) -> PlainForm:
        made.append(run.form(token))
        return made[-1]

    yield form_of
    for form in made:
        form.close()


def inside(widget: Any) -> Iterator[Any]:
    yield widget
    for child in getattr(widget, "children", ()):
        yield from inside(child)


def control(form: PlainForm, title: str) -> Any:
    """The one control with that title, a required one's star left out."""
    named = [w for w in inside(form) if not isinstance(w, HTML) and hasattr(w, "description")]
    (found,) = [w for w in named if w.description.removesuffix(" *") == title]
    return found


def said(form: PlainForm) -> str:
    """All that it says, as the HTML that it is."""
    return "\n".join(w.value for w in inside(form) if isinstance(w, HTML) and w.value)


def beside(form: PlainForm, title: str) -> str:
    """What is said below a control."""
    (around,) = [w for w in inside(form) if control(form, title) in getattr(w, "children", ())]
    return "".join(w.value for w in around.children[1:] if isinstance(w, HTML))


def press(form: PlainForm, title: str = "Resume") -> None:
    """Send what the browser sends."""
    control(form, title)._handle_custom_msg({"event": "click"}, [])


def changed(form: PlainForm) -> threading.Event:
    """Is set when the form has said something else, or ended."""
    event = threading.Event()
    form.children[-1].observe(lambda change: "Resuming" in change["new"] or event.set(), "value")
    return event


def answered(form: PlainForm) -> None:
    """Press Resume and wait for the answer."""
    event = changed(form)
    press(form)
    assert event.wait(10)


def fill(form: PlainForm) -> None:
    """Give each required field a value."""
    control(form, "Colour").value = 1
    control(form, "Sure").value = True
    control(form, "Whole").value = "7"
    control(form, "Name").value = "Ada"
    control(form, "Secret").value = "hidden"
    control(form, "Day").value = dt.date(2026, 1, 2)
    control(form, "At").value = dt.time(3, 4)
    control(form, "When").value = LOCAL
    control(form, "Item").value = "pen"
    control(form, "Extra").value = '{"a": 1}'


# --------------------------------------------------------------------------------------- values


def test_every_kind_of_field_reaches_the_run(
    start: Callable[..., Run], form_of: Callable[..., PlainForm]
) -> None:
    """What is typed, ticked and chosen is what the hook receives; the rest are defaults."""
    run = start(Everything)
    form = form_of(run)
    fill(form)
    control(form, "Include First").value = True
    press(form, "Add to Lines")
    answered(form)
    assert "Resumed" not in said(form)
    items = [w for w in inside(form) if getattr(w, "description", "") == "Item *"]
    for item, text in zip(items, ("pen", "ink", "mug"), strict=True):
        item.value = text
    answered(form)
    assert "✓ Resumed t." in said(form)
    (result,) = run.result(timeout=10)
    for part in (
        "colour='blue'", "sure=True", "maybe=None", "whole=7", "real=None", "name='Ada'",
        "comment='as it was'", "day=datetime.date(2026, 1, 2)", "at=datetime.time(3, 4)",
        "lines=[Line(item='pen', count=1), Line(item='ink', count=1)]",
        "first=Line(item='mug', count=1)", "extra={'a': 1}",
    ):  # fmt: skip
        assert part in result, part


def test_controls_are_what_the_fields_are(
    start: Callable[..., Run], form_of: Callable[..., PlainForm]
) -> None:
    """Titles, defaults, choices and help; nothing that was written as text is markup."""
    form = form_of(start(Everything))
    classes = {"Comment": Textarea, "Secret": Password, "When": DatetimePicker, "Whole": Text}
    assert {title: type(control(form, title)) for title in classes} == classes
    assert isinstance(control(form, "Sure"), Checkbox)
    assert [o[0] for o in control(form, "Colour").options] == ["Choose…", "red", "blue"]
    assert [o[0] for o in control(form, "Maybe").options] == ["(none)", "Yes", "No"]
    assert control(form, "Comment").value == "as it was"
    assert control(form, "Count").value == "1"
    assert "From &lt;b&gt;none&lt;/b&gt; to nine · 0 to 9" in beside(form, "Whole")
    assert "<b>none" not in said(form)
    assert "your local time" in beside(form, "When")
    assert "Kind: fixed" in said(form)


class Defaults(BaseModel):
    colour: Colour = Colour.BLUE
    sure: bool = True
    whole: int = 3
    day: dt.date = dt.date(2026, 1, 2)
    at: dt.time = dt.time(3, 4)
    when: dt.datetime = LOCAL
    words: list[str] = ["a", "b"]
    first: Line | None = Line(item="pen", count=2)
    label: str | None = "x"


def test_defaults_stand_in_the_controls(
    start: Callable[..., Run], form_of: Callable[..., PlainForm]
) -> None:
    """Resumed as it stands, a form gives the defaults; what may be null is null when emptied."""
    run = start(Defaults)
    form = form_of(run)
    shown = [control(form, title).value for title in ("Whole", "Day", "At", "When", "Label")]
    assert shown == ["3", dt.date(2026, 1, 2), dt.time(3, 4), LOCAL, "x"]
    control(form, "Label").value = ""
    answered(form)
    (result,) = run.result(timeout=10)
    assert "colour='blue', sure=True, whole=3, day=datetime.date(2026, 1, 2)" in result
    assert "words=['a', 'b'], first=Line(item='pen', count=2), label=None" in result


def test_an_item_can_be_taken_out(
    start: Callable[..., Run], form_of: Callable[..., PlainForm]
) -> None:
    """What is left of a list keeps its order; the rest is closed."""
    run = start(Defaults)
    form = form_of(run)
    gone = control(form, "Words 1")
    press(form, "Remove Words 1")
    assert gone.comm is None
    answered(form)
    assert "words=['b']" in run.result(timeout=10)[0]


def test_without_a_schema_json_is_asked_for(
    start: Callable[..., Run], form_of: Callable[..., PlainForm]
) -> None:
    """What is no JSON is refused beside the field; what is JSON arrives."""
    run = start(None)
    form = form_of(run)
    control(form, "payload").value = "{oops"
    answered(form)
    assert "not JSON" in beside(form, "payload")
    control(form, "payload").value = '{"a": [1]}'
    assert "not JSON" not in beside(form, "payload")
    answered(form)
    assert run.result(timeout=10) == ["{'a': [1]}"]


# --------------------------------------------------------------------------------------- refusals


def test_what_is_missing_is_said_beside_its_field(
    start: Callable[..., Run], form_of: Callable[..., PlainForm]
) -> None:
    """Nothing is sent until each required field has something that can be read."""
    run = start(Everything)
    form = form_of(run)
    control(form, "Whole").value = "many"
    answered(form)
    assert "is not a whole number" in beside(form, "Whole")
    assert "Fill this in." in beside(form, "Name")
    assert "Fill this in." in beside(form, "Colour")
    assert "Fill this in." not in beside(form, "Real")
    assert run.hooks[0].received == 0


def test_what_the_hook_refuses_is_said_beside_its_field(
    start: Callable[..., Run], form_of: Callable[..., PlainForm]
) -> None:
    """The errors of the schema stand beside the fields, in lists as well; what was typed stays."""
    run = start(Everything)
    form = form_of(run)
    fill(form)
    control(form, "Name").value = "A"
    control(form, "Count").value = "99"
    answered(form)
    assert "at least 2 characters" in beside(form, "Name")
    assert "less than or equal to 9" in beside(form, "Count")
    assert "see above" in said(form)
    assert control(form, "Name").value == "A"
    control(form, "Name").value = "Ada"
    control(form, "Count").value = "9"
    answered(form)
    assert "name='Ada'" in run.result(timeout=10)[0]


def test_a_closed_world_is_told_of(world: World, start: Callable[..., Run]) -> None:
    """A click that raises says so in the form: the library would swallow it."""
    form = start(None).form()
    world.close()
    press(form)
    assert "WF307" in said(form)
    form.close()


def test_a_form_needs_one_open_hook(start: Callable[..., Run]) -> None:
    """Several are listed; none, and a wrong token, are refused with what there is."""
    run = start(None, "a", "b")
    with pytest.raises(UsageError, match="several open hooks: a, b"):
        run.form()
    with pytest.raises(HookNotFoundError, match="Its open hooks: a, b"):
        run.form("c")
    run.cancel()
    with pytest.raises(HookNotFoundError, match="no open hook"):
        run.form()


# --------------------------------------------------------------------------------------- the end


def test_after_resume_one_line_is_left(
    start: Callable[..., Run], form_of: Callable[..., PlainForm]
) -> None:
    """All is closed but the line that says so; what was typed was taken out before."""
    before = set(registry._instances)
    run = start(Everything, "a", "b")
    form = form_of(run, "a")
    fill(form)
    secret = control(form, "Secret")
    values = [w for w in inside(form) if hasattr(w, "value") and not isinstance(w, HTML)]
    answered(form)
    line = form.children[0]
    left = {form, form.layout, line, line.layout, line.style}
    assert {registry._instances[k] for k in set(registry._instances) - before} == left
    assert (secret.comm, secret.value) == (None, "")
    assert {w.value for w in values} <= {"", False, None, -1}
    assert [hook.received for hook in run.hooks] == [1, 0]


def test_a_click_too_many_is_nothing(
    start: Callable[..., Run], form_of: Callable[..., PlainForm]
) -> None:
    """The hook may still be open: what the emptied form would mean is not sent to it."""
    run = start(None, "a", "b")
    form = form_of(run, "a")
    control(form, "payload").value = "1"
    resume = control(form, "Resume")
    event = changed(form)
    resume.click()
    resume.click()
    assert event.wait(10)
    resume.click()
    run.resume("b", 2)
    assert run.result(timeout=10) == ["1", "2"]
    assert [hook.received for hook in run.hooks] == [1, 1]


def test_a_hook_answered_elsewhere_ends_the_form(
    start: Callable[..., Run], form_of: Callable[..., PlainForm]
) -> None:
    """Whoever comes too late is told; so is who opened the form when it was already over."""
    run = start(None)
    form = form_of(run)
    event = changed(form)
    run.cancel()
    assert event.wait(10)
    assert "t is no longer open." in said(form)
    assert len(form.children) == 1


def test_a_hook_that_goes_while_it_is_resumed_ends_the_form(
    start: Callable[..., Run], form_of: Callable[..., PlainForm], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The refusal may come after the news that the hook is gone."""
    asked: Future[int] = Future()
    monkeypatch.setattr(RunActions, "resume", lambda *_: asked)
    run = start(None)
    form = form_of(run)
    ended = threading.Event()
    form.observe(lambda _: ended.set(), "children")
    press(form)
    run.cancel()
    assert "Resuming…" in said(form)
    asked.set_exception(HookNotFoundError("Too late.", reason="ended"))
    assert ended.wait(10)


def test_nothing_sealed_is_in_what_is_saved(
    start: Callable[..., Run], form_of: Callable[..., PlainForm]
) -> None:
    """A form shows token and schema; the hook's title is not in its state, nor in its text."""
    run = start(Everything)
    form = form_of(run)
    states = [str(w.get_state()) for w in inside(form)]
    assert "secret title" not in "".join(states)
    assert repr(form) == f"<form of hook t in run {run.id}>"
    assert form._repr_mimebundle_()["text/plain"] == repr(form)
