"""The fields of a form in plain ipywidgets controls, made from the places of a JSON schema.

What is typed goes through Text controls, numbers too: a number control of ipywidgets is never empty
and moves a number into its bounds unasked, so that a payload could hold one that nobody gave.

A front end holds a control's next change back until the kernel was idle after the one before, but
never a click: Resume must not come before what was corrected last. So a control tells of a change
only once it is left, and each change is acknowledged, which ipykernel 7.4 doesn't do on a subshell
while a cell awaits.
"""

from __future__ import annotations

from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

import ipywidgets

from wf_notebook.errors import UsageError
from wf_notebook.views.answers import said
from wf_notebook.views.card import element
from wf_notebook.views.controls import MISSING, meant, nothing, payload_place, shown
from wf_notebook.views.words import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from wf_notebook.views.controls import Kind, Path, Place, Schema

Problem = tuple["Field", str]

widgets: Final = cast("Any", ipywidgets)  # it ships no types

_ITEMS: Final = 20  # of those that a list must have, so many are there from the start
_BLANK: Final = -1
_BAD: Final = "#dc5050"
_MUTED: Final = "font-size: 12px; opacity: 0.75"
_WIDE: Final = {"width": "auto", "max_width": "560px"}
_LABELLED: Final = {"description_width": "140px"}
_BELOW: Final = "margin-left: 148px; max-width: 420px; line-height: 1.4; white-space: normal"
_BUTTON: Final = {"width": "auto", "align_self": "flex-start"}
_INDENTED: Final = {"margin": "0 0 4px 12px", "padding": "0 0 0 10px"}


class Field(Protocol):
    """What stands in a form for one place of a payload."""

    @property
    def node(self) -> Any:
        """Its widget."""
        ...

    def read(self, problems: list[Problem]) -> Any:
        """Its value, or `MISSING`; what cannot be sent is added to the problems."""
        ...

    def find(self, path: Path, /) -> Field:
        """The field at a path from here, or the closest one around it."""
        ...

    def tell(self, message: str) -> None:
        """Show a message beside it; "" for none."""
        ...

    def clear(self) -> None:
        """Take out what was typed."""
        ...


def payload_field(schema: Schema | None) -> Field:
    """Return the field of a whole payload: of an object its properties, else one control."""
    return _field(payload_place(schema))


def text_line(text: str, style: str = "") -> Any:
    """Return a line of text: an HTML widget, whose value is made by the one who escapes.

    A Label would set `$` as mathematics.
    """
    return widgets.HTML(marked(text, style))


def marked(text: str, style: str = "") -> str:
    """Return what an HTML widget shows as a text."""
    return element("div", text, style=style) if text else ""


def close_all(widget: Any) -> None:
    """Close a widget, those inside it, and what the library makes with each."""
    for child in getattr(widget, "children", ()):
        close_all(child)
    for made_with in (widget.layout, getattr(widget, "style", None)):
        if made_with is not None:
            made_with.close()
    widget.close()


def _field(place: Place) -> Field:
    if place.kind not in ("record", "list"):
        return _Leaf(place)
    return _Optional(place) if place.nullable else _group(place)


def _group(place: Place) -> Field:
    return _Record(place) if place.kind == "record" else _List(place)


# ----------------------------------------------------------------------------- one value, one control


class _Leaf:
    """One control, with help and a line for what is wrong with it."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._control, self._read = _CONTROLS.get(place.kind, _text)(place)
        self._error = _error_line()
        self.node = widgets.VBox([self._control, *_help(place, _BELOW), self._error])
        _on_change(self._control, lambda: self.tell(""))

    def read(self, problems: list[Problem]) -> Any:
        try:
            return self._read()
        except UsageError as problem:
            problems.append((self, problem.message))
            return MISSING

    def find(self, _path: Path) -> Field:
        return self

    def tell(self, message: str) -> None:
        _tell(self._error, message, _BELOW)

    def clear(self) -> None:
        self._control.value = _EMPTY.get(type(self._control), "")


def _common(place: Place) -> dict[str, Any]:
    star = " *" if place.required and not place.nullable and place.kind != "boolean" else ""
    return {
        "description": visible(place.title) + star,
        "style": _LABELLED,
        "layout": {**_WIDE, "height": "72px"} if place.kind in ("long", "json") else _WIDE,
    }


Made = tuple[Any, "Callable[[], Any]"]


def _text(place: Place) -> Made:
    """A control for what is typed: text, numbers, JSON."""
    kinds: Mapping[Kind, Any] = {
        "long": widgets.Textarea, "json": widgets.Textarea, "password": widgets.Password,
    }  # fmt: skip
    start = "" if place.start is MISSING or place.start is None else _typed(place)
    control = kinds.get(place.kind, widgets.Text)(
        value=start, continuous_update=False, **_common(place)
    )

    def read() -> Any:
        if control.value != "" or _may_be_empty(place):
            return meant(place, control.value)
        return nothing(place)

    return control, read


def _typed(place: Place) -> str:
    """What is there from the start, as it would be typed."""
    is_text = place.kind in ("text", "long", "password", "decimal")
    return str(place.start) if is_text else shown(place.start)


def _may_be_empty(place: Place) -> bool:
    """Whether an empty text is a text rather than no answer."""
    if place.kind not in ("text", "long", "password") or place.nullable:
        return False
    if place.required:
        return bool(place.schema.get("minLength") == 0)
    return isinstance(place.start, str)


def _moment(make: Any, parse: Callable[[str], Any], **options: Any) -> Callable[[Place], Made]:
    def control(place: Place) -> Made:
        picker = make(value=_parsed(parse, place.start), **options, **_common(place))

        def read() -> Any:
            return nothing(place) if picker.value is None else picker.value.isoformat()

        return picker, read

    return control


def _parsed(parse: Callable[[str], Any], start: object) -> Any:
    try:
        return parse(start) if isinstance(start, str) else None
    except ValueError:
        return None


def _aware(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone()


def _checkbox(place: Place) -> Made:
    if place.nullable:
        return _dropdown(place, [True, False], ["Yes", "No"])
    options = {**_common(place), "indent": True}
    control = widgets.Checkbox(value=place.start is True, **options)
    return control, lambda: bool(control.value)


def _choice(place: Place) -> Made:
    return _dropdown(place, place.choices, list(map(shown, place.choices)))


def _dropdown(place: Place, values: Sequence[Any], labels: Sequence[str]) -> Made:
    chosen = next((n for n, it in enumerate(values) if _same(it, place.start)), _BLANK)
    blank = "Choose…" if place.required and not place.nullable else "(none)"
    options = [(visible(label), n) for n, label in enumerate(labels)]
    # the blank is always there: the control is left with it at the end
    control = widgets.Dropdown(options=[(blank, _BLANK), *options], value=chosen, **_common(place))

    def read() -> Any:
        return nothing(place) if control.value == _BLANK else values[control.value]

    return control, read


def _same(one: object, other: object) -> bool:
    return type(one) is type(other) and one == other


def _const(place: Place) -> Made:
    value = place.schema["const"]
    return text_line(f"{place.title}: {shown(value)}"), lambda: value


_CONTROLS: Final[Mapping[Kind, Callable[[Place], Made]]] = {
    "const": _const,
    "choice": _choice,
    "boolean": _checkbox,
    "date": _moment(widgets.DatePicker, date.fromisoformat),
    "time": _moment(widgets.TimePicker, time.fromisoformat, step=1),
    "date-time": _moment(widgets.DatetimePicker, _aware),
}
_EMPTY: Final[Mapping[Any, Any]] = {
    widgets.Checkbox: False,
    widgets.Dropdown: _BLANK,
    widgets.DatePicker: None,
    widgets.TimePicker: None,
    widgets.DatetimePicker: None,
}


# --------------------------------------------------------------------------- several, in a group


class _Record:
    """The fields of an object; that of the whole payload has no frame."""

    def __init__(self, place: Place) -> None:
        self._fields = {child.path[-1]: _field(child) for child in place.children()}
        self._error = _error_line()
        nodes = [field.node for field in self._fields.values()]
        framed = _framed(place, nodes) if place.path else widgets.VBox(nodes)
        self.node = widgets.VBox([framed, self._error])

    def read(self, problems: list[Problem]) -> Any:
        found = {key: field.read(problems) for key, field in self._fields.items()}
        return {key: value for key, value in found.items() if value is not MISSING}

    def find(self, path: Path) -> Field:
        inner = self._fields.get(path[0]) if path else None
        return self if inner is None else inner.find(path[1:])

    def tell(self, message: str) -> None:
        _tell(self._error, message)

    def clear(self) -> None:
        for field in self._fields.values():
            field.clear()


class _List:
    """Items that can be added and removed."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._items: list[tuple[Field, Any]] = []
        self._error = _error_line()
        self._add = button(f"Add to {place.title}", self._append, self.tell)
        self._body = widgets.VBox([self._add])
        self.node = widgets.VBox([_framed(place, [self._body]), self._error])
        given: object = place.start
        start = cast("list[object]", given) if isinstance(given, list) else []
        least = min(place.schema.get("minItems") or 0, _ITEMS)
        for value in [*start, *[MISSING] * (least - len(start))]:
            self._append(value)

    def _append(self, start: object = MISSING) -> None:
        place = self._place.item(len(self._items), start)
        field = _field(place)
        drop = button(f"Remove {place.title}", lambda: self._remove(field), self.tell)
        line = widgets.VBox([field.node, drop])
        self._items.append((field, line))
        self._place_items()

    def _remove(self, field: Field) -> None:
        gone = [line for one, line in self._items if one is field]
        self._items = [item for item in self._items if item[0] is not field]
        self._place_items()
        for line in gone:
            close_all(line)

    def _place_items(self) -> None:
        self._body.children = (*(line for _, line in self._items), self._add)

    def read(self, problems: list[Problem]) -> Any:
        return [field.read(problems) for field, _ in self._items]

    def find(self, path: Path) -> Field:
        index = path[0] if path else None
        if isinstance(index, int) and index < len(self._items):
            return self._items[index][0].find(path[1:])
        return self

    def tell(self, message: str) -> None:
        _tell(self._error, message)

    def clear(self) -> None:
        for field, _ in self._items:
            field.clear()


class _Optional:
    """A group that may be null: a tick brings it in, and only then is it made."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._inner: Field | None = None
        self._box = widgets.Checkbox(
            value=place.start not in (MISSING, None),
            description=f"Include {visible(place.title)}",
            style={"description_width": "initial"},
            layout=_WIDE,
        )
        self._error = _error_line()
        self.node = widgets.VBox([self._box, self._error])
        _on_change(self._box, lambda: seen(self._show, self.tell))
        self._show()

    def _show(self) -> None:
        self.tell("")
        if self._box.value and self._inner is None:
            self._inner = _group(self._place)
            self.node.children = (self._box, self._inner.node, self._error)
        if self._inner is not None:
            self._inner.node.layout.display = None if self._box.value else "none"

    @property
    def _there(self) -> Field | None:
        return self._inner if self._box.value else None

    def read(self, problems: list[Problem]) -> Any:
        if self._there is not None:
            return self._there.read(problems)
        try:
            return nothing(self._place)
        except UsageError as problem:
            problems.append((self, problem.message))
            return MISSING

    def find(self, path: Path) -> Field:
        return self if self._there is None or not path else self._there.find(path)

    def tell(self, message: str) -> None:
        _tell(self._error, message)

    def clear(self) -> None:
        self._box.value = False
        if self._inner is not None:
            self._inner.clear()


def _framed(place: Place, nodes: Sequence[Any]) -> Any:
    head = text_line(place.title, "font-weight: bold")
    layout = {**_INDENTED, "border_left": "2px solid rgba(128, 128, 128, 0.35)"}
    return widgets.VBox([head, *_help(place), *nodes], layout=layout)


def _help(place: Place, style: str = "") -> list[Any]:
    zone = "your local time" if place.kind == "date-time" else ""
    told = " · ".join(note for note in (place.description, place.bounds, zone) if note)
    return [text_line(told, f"{_MUTED}; {style}")] if told else []


def _error_line() -> Any:
    line = text_line("")
    line.layout.display = "none"
    return line


def _tell(line: Any, message: str, style: str = "") -> None:
    line.value = marked(message, f"color: {_BAD}; {style}")
    line.layout.display = None if message else "none"


def button(text: str, do: Callable[[], object], tell: Callable[[str], None]) -> Any:
    """Return a button; `tell` shows what goes wrong, which the library would swallow."""

    def clicked(_button: object) -> None:
        seen(do, tell)

    made = widgets.Button(description=visible(text), layout=_BUTTON)
    made.on_click(clicked)
    return made


def _on_change(control: Any, do: Callable[[], object]) -> None:
    def changed(_change: object) -> None:
        do()
        if getattr(control, "_property_lock", None):  # it comes from the front end
            _acknowledge(control.comm)

    control.observe(changed, "value")


def _acknowledge(comm: Any) -> None:
    """Say that the kernel is idle after the message at hand; a second time does no harm."""
    if type(comm).__module__.startswith("ipykernel."):
        comm.publish_msg("status", execution_state="idle")


def seen(do: Callable[[], object], tell: Callable[[str], None]) -> None:
    """Do something; tell the user what goes wrong."""
    try:
        do()
    except Exception as error:  # noqa: BLE001 - whatever it is, the user must see it
        tell(said(error))
