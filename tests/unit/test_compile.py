"""What a definition is made of, and which arguments can't make one."""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field

from wf_notebook.definition.compile import compile_definition, normalise
from wf_notebook.definition.model import Definition, source_hash
from wf_notebook.definition.steps import step
from wf_notebook.errors import RegistrationError
from wf_notebook.guest.language import LANGUAGE_VERSION

SOURCE = """async def refund(order_id):
    "use workflow"
    order = await steps.fetch_order(order_id)
    approval = await create_hook(schema="Approval")
    return await steps.charge(order, amount=approval.amount)
"""


class Approval(BaseModel):
    ok: bool
    amount: int = Field(default=0, ge=0)


@step
async def fetch_order(order_id: str) -> dict[str, Any]:
    return {"id": order_id}


@step(retries=0)
def charge(order: dict[str, Any], *, amount: int = 0) -> str:
    return "paid"


@step(name="charge")
def charge_again() -> None: ...


def compiled(source: str = SOURCE, **options: Any) -> Definition:
    given = {"steps": [fetch_order, charge], "schemas": [Approval]} | options
    report = compile_definition(source, **given)
    assert report.diagnostics == ()
    assert report.definition is not None
    return report.definition


def refused(**options: Any) -> RegistrationError:
    given = {"steps": [fetch_order], "schemas": [Approval]} | options
    with pytest.raises(RegistrationError) as caught:
        compile_definition(given.pop("source", SOURCE), **given)
    assert caught.value.hint, "an error without a way out"
    return caught.value


# ------------------------------------------------------------------------------------- identity


def test_the_published_vector() -> None:
    """The hash of this source over this binding stands in the README and never changes."""
    text = 'async def workflow(): pass\n\n{"a":"step//m//a"}'
    digest = "8362954758bd20d7f04303bef98c1f2ef6e57f309be66f7acf2c8b2d11f7d25d"
    assert source_hash("async def workflow(): pass\n", {"a": "step//m//a"}) == digest
    assert hashlib.sha256(text.encode()).hexdigest() == digest


def test_the_id_is_the_specified_one() -> None:
    """workflow//dynamic/<32 hex>//<name>, the hash over the source and the sorted bindings."""
    definition = compiled()
    bindings = {"charge": charge.step_id, "fetch_order": fetch_order.step_id}
    text = json.dumps(bindings, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    digest = hashlib.sha256(f"{SOURCE}\n{text}".encode()).hexdigest()
    assert definition.source_hash == digest
    assert definition.workflow_id == f"workflow//dynamic/{digest[:32]}//refund"


def test_text_beyond_ascii_is_hashed_as_utf_8() -> None:
    """What the source says in other scripts is hashed as it is, not as escapes."""
    source = SOURCE.replace("order_id", "order_id, note='Grüße, 世界'", 1)
    assert compiled(source).source_hash == source_hash(source, bindings_of(compiled(source)))


def bindings_of(definition: Definition) -> dict[str, str]:
    return {b.alias: b.step_id for b in definition.steps}


def test_the_order_of_steps_is_no_part_of_the_identity() -> None:
    """The same map, written in another order, is the same workflow."""
    one = compiled(steps={"fetch_order": fetch_order, "charge": charge})
    other = compiled(steps={"charge": charge, "fetch_order": fetch_order})
    assert one == other
    assert [b.alias for b in one.steps] == ["charge", "fetch_order"]


@pytest.mark.parametrize(
    "change",
    [
        {"source": SOURCE.replace("    order =", "    order  =")},
        {"steps": {"fetch_order": fetch_order, "charge": charge, "spare": charge}},
        {"steps": {"fetch_order": charge, "charge": fetch_order}},
    ],
    ids=["whitespace", "another alias", "another binding"],
)
def test_what_changes_the_identity(change: dict[str, Any]) -> None:
    """Whitespace, aliases and what they stand for are part of what runs."""
    assert compiled(**change).source_hash != compiled().source_hash


def test_line_ends_are_no_part_of_the_identity() -> None:
    """A cell that came through Windows, or without its last newline, is the same workflow."""
    windows = SOURCE.replace("\n", "\r\n")
    for text in (windows, SOURCE.replace("\n", "\r"), SOURCE.rstrip("\n"), SOURCE + "\n\n"):
        assert compiled(text) == compiled()


def test_blanks_at_line_ends_stay() -> None:
    """Normalising touches line ends only: a text in the source keeps its blanks."""
    assert normalise("a = '''x  \n'''  \n  \n") == "a = '''x  \n'''  \n  \n"


def test_the_implementation_is_no_part_of_the_identity() -> None:
    """A step's code is recorded by its digest; the id stays when it changes."""
    definition = compiled()
    digests = {b.alias: b.digest for b in definition.steps}
    assert digests == {"fetch_order": fetch_order.digest, "charge": charge.digest}
    assert charge.digest not in definition.workflow_id


def test_the_name_is_in_the_id() -> None:
    """The NAME of a cell names the workflow; the entry stays what it is."""
    definition = compiled(name="monthly-refund")
    assert definition.workflow_id.endswith("//monthly-refund")
    assert definition.entry == "refund"
    assert definition.source_hash == compiled().source_hash


def test_a_definition_survives_its_record() -> None:
    """What is stored is read back equal, and refused if it was touched."""
    record = json.loads(json.dumps(compiled().to_record()))
    assert Definition.from_record(record) == compiled()
    record["source"] += "# touched\n"
    with pytest.raises(ValueError, match="hash"):
        Definition.from_record(record)


def test_what_is_recorded_of_steps_and_schemas() -> None:
    """Parameter names and kinds, JSON Schemas and the language version are stored along."""
    definition = compiled()
    binding = definition.binding("charge")
    assert binding is not None
    assert [(p.name, p.kind, p.required) for p in binding.parameters] == [
        ("order", "POSITIONAL_OR_KEYWORD", True),
        ("amount", "KEYWORD_ONLY", False),
    ]
    assert definition.schemas["Approval"] == Approval.model_json_schema()
    assert definition.language == LANGUAGE_VERSION


# --------------------------------------------------------------------------------------- report


def test_a_report_of_problems_has_no_definition() -> None:
    """Nothing can be started from a source with a problem; what it uses is told nevertheless."""
    report = compile_definition(
        SOURCE.replace("charge", "chrge"), steps=[fetch_order, charge], schemas=[Approval]
    )
    assert not report.ok
    assert report.definition is report.workflow_id is None
    assert [d.code for d in report.diagnostics] == ["WF140"]
    assert (report.steps_used, report.schemas_used) == (("fetch_order",), ("Approval",))


def test_a_good_report() -> None:
    """It carries the definition and says what is used."""
    report = compile_definition(SOURCE, steps=[fetch_order, charge], schemas=[Approval])
    assert report.ok
    assert report.workflow_id == compiled().workflow_id
    assert report.steps_used == ("charge", "fetch_order")


def test_any_iterable_of_steps_will_do() -> None:
    """A generator is as good as a list."""
    assert compiled(steps=(s for s in [fetch_order, charge])) == compiled()


def test_a_cell_needs_no_directive() -> None:
    """The %%workflow line is the directive."""
    source = SOURCE.replace('    "use workflow"\n', "")
    assert compiled(source, cell=True).entry == "refund"
    report = compile_definition(source, steps=[fetch_order, charge], schemas=[Approval])
    assert [d.code for d in report.diagnostics] == ["WF114"]


def test_export_name_wins() -> None:
    """An entry can be named when there are several candidates."""
    source = SOURCE + 'async def other():\n    "use workflow"\n'
    assert compiled(source, export_name="other").entry == "other"


# ------------------------------------------------------------------------------------ arguments


@pytest.mark.parametrize("steps", [[], {}, (), iter(())], ids=["list", "map", "tuple", "iterator"])
def test_no_steps(steps: Any) -> None:
    """A source without steps can do nothing: it is refused before it is read."""
    assert refused(steps=steps).code == "WF151"


@pytest.mark.parametrize(
    "steps",
    [[len], [lambda: 1], {"a": None}, "fetch_order", fetch_order, 3, None, [fetch_order.function]],
    ids=["builtin", "lambda", "none", "text", "a step alone", "int", "nothing", "undecorated"],
)
def test_no_step(steps: Any) -> None:
    """Only decorated functions are steps, and they come in a list or a map."""
    error = refused(steps=steps)
    assert error.code == "WF152"


def test_an_undecorated_function_is_named() -> None:
    """The error says which function, and to decorate it."""
    error = refused(steps=[charge.function])
    assert "`charge` is not a step" in error.message
    assert "@step" in error.hint


def test_two_steps_of_one_name() -> None:
    """In a list each step needs a name of its own; a map gives them."""
    error = refused(steps=[fetch_order, charge, charge_again])
    assert error.code == "WF153"
    assert charge.step_id in error.message
    assert charge_again.step_id in error.message
    compiled(steps={"fetch_order": fetch_order, "charge": charge, "again": charge_again})


@pytest.mark.parametrize("alias", ["_x", "größe", "class", "a-b", "1a", "", 3, "a b", "ｘ"])
def test_bad_aliases(alias: Any) -> None:
    """An alias is an ASCII identifier without a leading underscore, and no keyword."""
    assert refused(steps={alias: charge}).code == "WF154"


def test_a_private_function_needs_an_alias() -> None:
    """A step whose function's name begins with an underscore says how to name it."""

    @step
    def _hidden() -> None: ...

    error = refused(steps=[_hidden])
    assert error.code == "WF154"
    assert "name=" in error.hint


class Odd:
    pass


@pytest.mark.parametrize(
    "schemas",
    [
        [Odd()],
        [3],
        ["Approval"],
        {"A B": Approval},
        {1: Approval},
        [int | None],
        [Approval, Approval],
        "Approval",
        3,
        {"Odd": Odd},
        {"Approval": {"ok": True}},
        {"Approval": Approval(ok=True)},
        {"Later": "Undefined"},
    ],
    ids=lambda schemas: repr(schemas)[:30],
)
def test_bad_schemas(schemas: Any) -> None:
    """A schema is a type that pydantic can show as a form, under a name."""
    assert refused(schemas=schemas).code == "WF155"


def test_schemas_of_other_types() -> None:
    """Any type with a JSON Schema will do, if it is given a name."""
    definition = compiled(
        SOURCE.replace('"Approval"', '"Amount"'), schemas={"Amount": Annotated[int, Field(ge=0)]}
    )
    assert definition.schemas["Amount"] == {"type": "integer", "minimum": 0}


@pytest.mark.parametrize("name", ["", "a b", "1st", "-x", "ä", "a/b", "x" * 65, "a\n"])
def test_bad_names(name: str) -> None:
    """A workflow's name is short and plain: it stands in ids, tokens and file names."""
    assert refused(name=name).code == "WF156"


@pytest.mark.parametrize("source", [b"async def workflow(): ...", None, 3])
def test_a_source_is_text(source: Any) -> None:
    """Bytes are not guessed at."""
    assert refused(source=source).code == "WF157"


def test_an_annotation_without_a_meaning() -> None:
    """A step whose annotations can't be used is found before anything is started."""

    @step
    def later(when: "NeverDefined") -> None: ...  # type: ignore[name-defined]  # noqa: F821, UP037

    error = refused(steps=[later])
    assert error.code == "WF150"
    assert "`when`" in error.message
    assert "NeverDefined" in error.message


def test_arguments_come_before_the_source() -> None:
    """Unusable arguments are an error of the call, even if the source has problems too."""
    assert refused(source="not python", steps=[]).code == "WF151"
