/**
 * The fields of a form, made from a JSON schema.
 *
 * A field is {node, read(problems), find(path), fail(message), clear(), focus()}. `read` returns a
 * value or ABSENT, and pushes [field, message] for what cannot be sent.
 */

import { button, make, newNodeId, setText } from "./nodes.js";
import { boundsOf, humanise, kindOf, toLocal, unwrap, withOffset } from "./schema.js";

const ABSENT = Symbol("absent");

function makeField(name, raw, { required, initial, root, nested = true }) {
  const { schema, nullable } = unwrap(raw, root);
  const kind = kindOf(schema, name);
  const start = initial === undefined ? schema.default : initial;
  const title = raw?.title ?? humanise(name);
  const spec = { name, schema, kind, nullable, required, start, title, root, nested };
  if (kind === "record" || kind === "list") {
    return nullable ? optionalGroup(spec) : groups[kind](spec);
  }
  return leaf(spec);
}

function helpOf(spec) {
  const zone = spec.kind === "date-time" ? "your local time" : "";
  return [spec.schema.description, boundsOf(spec.schema), zone].filter(Boolean).join(" · ");
}

function withMessages(node, target, help) {
  const error = make("p", "wfn-error");
  error.id = newNodeId("error");
  error.hidden = true;
  const described = [];
  if (help) {
    const small = make("small", "wfn-help", help);
    small.id = newNodeId("help");
    described.push(small.id);
    node.append(small);
  }
  node.append(error);
  const describe = (ids) => {
    if (ids.length) target.setAttribute("aria-describedby", ids.join(" "));
    else target.removeAttribute("aria-describedby");
  };
  describe(described);
  return {
    fail(message) {
      setText(error, message);
      error.hidden = false;
      target.setAttribute("aria-invalid", "true");
      describe([error.id, ...described]);
    },
    clear() {
      error.hidden = true;
      target.removeAttribute("aria-invalid");
      describe(described);
    },
  };
}

function leaf(spec) {
  const { input, read } = controls[spec.kind](spec);
  const node = make("div", `wfn-field wfn-field-${spec.kind}`);
  const label = make("label", "wfn-label-text", spec.title);
  input.id = newNodeId("input");
  label.htmlFor = input.id;
  if (spec.required && !spec.nullable && !["boolean", "const"].includes(spec.kind)) {
    const mark = make("span", "wfn-required", "*");
    mark.setAttribute("aria-hidden", "true");
    label.append(" ", mark);
    input.setAttribute("aria-required", "true");
  }
  const inline = spec.kind === "boolean" && !spec.nullable;
  node.append(...(inline ? [input, label] : [label, input]));
  const messages = withMessages(node, input, helpOf(spec));
  const field = { node, ...messages, focus: () => input.focus(), find: () => field };
  field.read = (problems) => read((message) => problems.push([field, message]));
  input.addEventListener("input", messages.clear);
  return field;
}

/** What an empty control means: null, nothing, or a problem. */
function nothing({ nullable, required, start }, problem) {
  if (nullable) return required || (start !== undefined && start !== null) ? null : ABSENT;
  if (required) problem("Fill this in.");
  return ABSENT;
}

function inputOf(type, value, attributes = {}) {
  const input = make("input");
  input.type = type;
  for (const [name, it] of Object.entries(attributes)) {
    if (it !== undefined) input.setAttribute(name, it);
  }
  if (value !== undefined && value !== null) input.value = String(value);
  return input;
}

function typed(spec, input, parse) {
  const read = (problem) => (input.value === "" ? nothing(spec, problem) : parse(input.value, problem));
  return { input, read };
}

function numberControl(spec) {
  const { schema } = spec;
  const whole = spec.kind === "integer";
  const input = inputOf("number", spec.start, {
    min: schema.minimum ?? (whole && schema.exclusiveMinimum !== undefined ? schema.exclusiveMinimum + 1 : undefined),
    max: schema.maximum ?? (whole && schema.exclusiveMaximum !== undefined ? schema.exclusiveMaximum - 1 : undefined),
    step: schema.multipleOf ?? (whole ? 1 : "any"),
  });
  const read = (problem) => {
    if (input.validity.badInput) {
      problem("Enter a number.");
      return ABSENT;
    }
    if (input.value === "") return nothing(spec, problem);
    // A whole number too large for a double goes as text, which loses nothing.
    const value = Number(input.value);
    return whole && !Number.isSafeInteger(value) ? input.value : value;
  };
  return { input, read };
}

function textControl(spec) {
  const input = spec.kind === "long" ? make("textarea") : inputOf("text", undefined);
  if (spec.kind === "long") input.rows = 3;
  if (spec.kind === "password") {
    input.type = "password";
    input.autocomplete = "new-password";
  }
  input.value = spec.start ?? "";
  const read = (problem) => {
    const mayBeEmpty = spec.required ? spec.schema.minLength === 0 : typeof spec.start === "string";
    if (input.value !== "" || (mayBeEmpty && !spec.nullable)) return input.value;
    return nothing(spec, problem);
  };
  return { input, read };
}

function choiceControl(spec, values, labels) {
  const input = make("select");
  const chosen = values.indexOf(spec.start);
  if (chosen < 0 || spec.nullable || !spec.required) {
    const blank = make("option", "", spec.required && !spec.nullable ? "Choose…" : "(none)");
    blank.value = "";
    input.append(blank);
  }
  values.forEach((_, index) => {
    const option = make("option", "", labels[index]);
    option.value = String(index);
    input.append(option);
  });
  input.value = chosen < 0 ? "" : String(chosen);
  return typed(spec, input, (index) => values[Number(index)]);
}

function jsonControl(spec) {
  const input = make("textarea", "wfn-json");
  input.rows = 3;
  input.spellcheck = false;
  if (spec.start !== undefined) input.value = JSON.stringify(spec.start, null, 2);
  const parse = (text, problem) => {
    try {
      return JSON.parse(text);
    } catch (error) {
      problem(`This is not valid JSON: ${error.message}`);
      return ABSENT;
    }
  };
  return typed(spec, input, parse);
}

const controls = {
  text: textControl,
  long: textControl,
  password: textControl,
  integer: numberControl,
  number: numberControl,
  json: jsonControl,
  decimal: (spec) => typed(spec, inputOf("text", spec.start, { inputmode: "decimal" }), (text) => text.trim()),
  date: (spec) => typed(spec, inputOf("date", spec.start), (text) => text),
  time: (spec) => typed(spec, inputOf("time", spec.start, { step: 1 }), (text) => text),
  "date-time": (spec) =>
    typed(spec, inputOf("datetime-local", toLocal(spec.start), { step: 1 }), withOffset),
  choice: (spec) => choiceControl(spec, spec.schema.enum, spec.schema.enum.map(String)),
  const: (spec) => {
    const input = make("output", "wfn-const", String(spec.schema.const));
    return { input, read: () => spec.schema.const };
  },
  boolean: (spec) => {
    if (spec.nullable) return choiceControl(spec, [true, false], ["Yes", "No"]);
    const input = inputOf("checkbox");
    input.checked = spec.start === true;
    return { input, read: () => input.checked };
  },
};

function groupOf(spec, content) {
  const node = make("fieldset", spec.nested ? "wfn-group" : "wfn-whole");
  if (spec.nested) node.append(make("legend", "wfn-label-text", spec.title));
  node.append(content);
  const messages = withMessages(node, node, spec.nested ? helpOf(spec) : "");
  return { node, ...messages };
}

function record(spec) {
  const body = make("div", "wfn-fields");
  const fields = new Map();
  const required = new Set(spec.schema.required ?? []);
  for (const [name, schema] of Object.entries(spec.schema.properties)) {
    const initial = spec.start?.[name];
    fields.set(name, makeField(name, schema, { required: required.has(name), initial, root: spec.root }));
  }
  body.append(...[...fields.values()].map((field) => field.node));
  const group = groupOf(spec, body);
  const first = () => fields.values().next().value;
  return Object.assign(group, {
    focus: () => first()?.focus(),
    find: ([name, ...rest]) => fields.get(name)?.find(rest) ?? group,
    read(problems) {
      const found = {};
      for (const [name, field] of fields) {
        const value = field.read(problems);
        // defineProperty: a field may be called __proto__
        if (value !== ABSENT) Object.defineProperty(found, name, { value, enumerable: true });
      }
      return found;
    },
  });
}

function list(spec) {
  const body = make("div", "wfn-list");
  const items = [];
  const add = button("Add", "wfn-quiet", () => append(undefined).focus());
  add.setAttribute("aria-label", `Add to ${spec.title}`);
  const append = (initial) => {
    const line = make("div", "wfn-item");
    const name = `${spec.title} ${items.length + 1}`;
    const item = { ...spec.schema.items, title: spec.schema.items.title ?? name };
    const field = makeField(name, item, { required: true, initial, root: spec.root });
    const drop = button("Remove", "wfn-quiet", () => {
      items.splice(items.indexOf(field), 1);
      line.remove();
      add.focus();
    });
    drop.setAttribute("aria-label", `Remove ${name}`);
    items.push(field);
    line.append(field.node, drop);
    body.insertBefore(line, add);
    return field;
  };
  body.append(add);
  for (const initial of Array.isArray(spec.start) ? spec.start : []) append(initial);
  for (let n = items.length; n < Math.min(spec.schema.minItems ?? 0, 20); n += 1) append(undefined);
  const group = groupOf(spec, body);
  return Object.assign(group, {
    focus: () => add.focus(),
    find: ([index, ...rest]) => items[index]?.find(rest) ?? group,
    read: (problems) => items.map((field) => field.read(problems)),
  });
}

const groups = { record, list };

/** A group that may be null: a tick box brings it in, and only then is it built. */
function optionalGroup(spec) {
  const body = make("div");
  let inner = null;
  const box = inputOf("checkbox");
  const label = make("label", "wfn-include");
  label.append(box, ` Include ${spec.title}`);
  const show = () => {
    if (box.checked && !inner) {
      inner = groups[spec.kind](spec);
      body.append(inner.node);
    }
    body.hidden = !box.checked;
  };
  box.checked = spec.start !== undefined && spec.start !== null;
  box.addEventListener("change", show);
  const node = make("div", "wfn-field");
  node.append(label, body);
  const messages = withMessages(node, box, "");
  show();
  const field = { node, ...messages, focus: () => box.focus() };
  field.find = (path) => (box.checked && path.length ? inner.find(path) : field);
  field.read = (problems) => (box.checked ? inner.read(problems) : nothing(spec));
  return field;
}

/** The fields of a whole payload: of an object its properties, else one control. */
export function payloadField(schema) {
  if (!schema) {
    const spec = { description: "JSON; left empty it is null." };
    return makeField("payload", { anyOf: [spec, { type: "null" }] }, { required: true, root: {} });
  }
  const { schema: found } = unwrap(schema, schema);
  const nested = kindOf(found) !== "record";
  return makeField(schema.title ?? "value", schema, { required: true, root: schema, nested });
}
