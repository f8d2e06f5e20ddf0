/** The forms of the hooks that wait for a person. */

import { copyButton } from "./copy.js";
import { payloadField } from "./fields.js";
import { button, focusable, make, newId, newNodeId, place, setBusy, setText } from "./nodes.js";
import { growing, remaining } from "./times.js";

const FORMS_SHOWN = 10;
const LATE_MS = 10000;

/** The form of one open hook. `app` is {ask, announce, home}: what it needs of the view around it. */
class HookForm {
  #app;
  #data;
  #schema;
  #field = null;
  #sent = null; // {id, payload} of what was sent and not yet answered
  #timer = 0;
  #touched = false;

  constructor(app, data, schema) {
    this.#app = app;
    this.#data = data;
    this.#schema = schema;
    this.node = make("form", "wfn-form");
    this.node.noValidate = true;
    this.#head(newNodeId("title"));
    this.body = make("div", "wfn-form-body");
    this.error = make("p", "wfn-error wfn-form-error");
    focusable(this.error, -1);
    this.resume = make("button", "wfn-primary", "Resume");
    this.resume.type = "submit";
    this.note = make("span", "wfn-note");
    const foot = make("div", "wfn-form-foot");
    foot.append(this.resume, this.note);
    this.fields = make("div");
    this.details = make("pre", "wfn-details");
    this.details.setAttribute("aria-label", "What comes with the question");
    focusable(this.details, 0);
    this.body.append(this.details, this.fields, this.error, foot, this.#shell());
    this.node.append(this.body);
    this.node.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.node.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) this.node.requestSubmit();
    });
    this.node.addEventListener("input", () => {
      this.#touched = true;
    });
    this.#reset();
  }

  #head(id) {
    this.heading = make("h4", "wfn-form-title");
    this.heading.id = id;
    this.node.setAttribute("aria-labelledby", id);
    this.facts = make("span", "wfn-form-facts");
    this.token = make("code", "wfn-token", this.#data.token);
    this.since = make("span");
    this.facts.append(this.token, this.since);
    this.more = button("Send another", "wfn-quiet", () => this.#open(this.body.hidden));
    const head = make("div", "wfn-form-head");
    head.append(this.heading, this.facts, this.more);
    this.node.append(head);
  }

  /** Who else may resume it, and how. */
  #shell() {
    this.command = make("code", "wfn-command");
    const summary = make("summary", "", "Answer from a shell");
    focusable(summary, 0);
    const hint = "Whoever can open this run's world may resume it. Fill in the payload:";
    const line = make("div", "wfn-command-line");
    line.append(this.command, copyButton(this.#app, this.command, "command"));
    this.shell = make("details", "wfn-shell");
    this.shell.hidden = true;
    this.shell.append(summary, make("p", "wfn-note", hint), line);
    return this.shell;
  }

  #open(open) {
    this.body.hidden = !open;
    this.more.setAttribute("aria-expanded", String(open));
    if (open) this.#field.focus();
  }

  #reset() {
    this.#build();
    this.#settle();
    this.body.hidden = this.#data.received > 0;
    this.more.hidden = this.#data.received === 0;
    this.more.setAttribute("aria-expanded", String(!this.body.hidden));
  }

  #build() {
    this.#field = payloadField(this.#schema);
    this.fields.replaceChildren(this.#field.node);
    this.#touched = false;
    this.#fail("", []);
  }

  /** Bring it up to date; what is being typed stays, unless it was this form's payload that came. */
  update(data, schema, { title, details, command }) {
    if (schema && !this.#schema && !this.#touched) {
      this.#schema = schema; // a run that was just opened is shown before its definition is read
      this.#build();
    }
    const came = data.received > this.#data.received;
    this.#data = data;
    setText(this.heading, title ?? (data.received ? `${data.token} is still open` : data.token));
    setText(this.details, details ?? "");
    this.details.hidden = !details;
    setText(this.command, command ?? "");
    this.shell.hidden = !command;
    this.token.hidden = this.heading.textContent === data.token;
    if (!came) return;
    if (this.#sent) {
      this.leave();
      this.#reset();
    } else this.more.hidden = false;
  }

  /** Put the focus elsewhere before this form goes. */
  leave() {
    this.#settle();
    if (this.node.contains(this.node.getRootNode().activeElement)) this.#app.home();
  }

  tick(now) {
    const { line, opened_us: opened, received, timeout_us: due } = this.#data;
    const parts = [`open for ${growing(now - opened)}`];
    if (due !== null) parts.push(now < due ? `times out in ${remaining(due - now)}` : "timing out");
    if (line !== null) parts.unshift(`line ${line}`);
    if (received) parts.push(`${received} received`);
    setText(this.since, parts.join(" · "));
  }

  #submit() {
    if (this.resume.getAttribute("aria-disabled") === "true" || this.body.hidden) return;
    const problems = [];
    const payload = this.#field.read(problems);
    this.#fail("", problems);
    if (problems.length) return;
    // The same payload sent again has the same id: the kernel records it once.
    const same = this.#sent && JSON.stringify(this.#sent.payload) === JSON.stringify(payload);
    const id = same ? this.#sent.id : newId();
    this.#sent = { id, payload };
    setBusy(this.resume, true);
    setText(this.note, "Resuming…");
    this.#timer = setTimeout(() => this.#late(), LATE_MS);
    const message = { op: "resume", id, token: this.#data.token, payload };
    this.#app.ask(message, (answer) => this.#answered(answer));
  }

  #late() {
    setBusy(this.resume, false);
    setText(this.note, "No answer yet: the kernel may be busy. Pressing again is safe.");
  }

  #answered(answer) {
    if (answer.op !== "refused") {
      clearTimeout(this.#timer);
      setText(this.note, "Resumed.");
      return;
    }
    this.#settle();
    const errors = answer.errors ?? [];
    const placed = errors.map(({ path, message }) => [this.#field.find(path ?? []), message]);
    this.#fail(errors.length ? "" : answer.message, placed);
    this.#app.announce(errors.length ? `Not resumed: ${errors.length} to correct.` : answer.message);
  }

  stop() {
    clearTimeout(this.#timer);
  }

  #settle() {
    clearTimeout(this.#timer);
    this.#sent = null;
    setBusy(this.resume, false);
    setText(this.note, "");
  }

  #fail(message, placed) {
    for (const [field] of this.failed ?? []) field.clear();
    this.failed = placed;
    setText(this.error, message);
    this.error.hidden = !message;
    // Several messages may fall on one field: all are shown.
    const byField = new Map();
    for (const [field, text] of placed) byField.set(field, [...(byField.get(field) ?? []), text]);
    for (const [field, texts] of byField) field.fail(texts.join(" "));
    if (placed.length) placed[0][0].focus();
    else if (message) this.error.focus();
  }
}

/** The section with a form for each open hook. */
export class Forms {
  #app;
  #forms = new Map();
  #all = false;

  constructor(app) {
    this.#app = app;
    this.node = make("section", "wfn-forms");
    this.node.setAttribute("aria-label", "Waiting for you");
    this.heading = make("h4", "wfn-section", "Waiting for you");
    this.more = button("", "wfn-quiet", () => {
      this.#all = true;
      this.#app.draw();
    });
  }

  draw(view, { titles, details, commands }) {
    const shown = this.#all ? view.forms : view.forms.slice(0, FORMS_SHOWN);
    const ids = new Set(shown.map((data) => data.id));
    for (const [id, form] of this.#forms) {
      if (ids.has(id)) continue;
      form.leave();
      this.#forms.delete(id);
    }
    for (const data of shown) {
      const schema = data.schema === null ? null : (view.schemas[data.schema] ?? null);
      if (!this.#forms.has(data.id)) this.#forms.set(data.id, new HookForm(this.#app, data, schema));
      const told = { title: titles[data.id], details: details[data.id], command: commands[data.id] };
      this.#forms.get(data.id).update(data, schema, told);
    }
    const hidden = view.forms.length - shown.length;
    setText(this.more, `Show ${hidden} more`);
    const nodes = shown.map((data) => this.#forms.get(data.id).node);
    place(this.node, [this.heading, ...nodes, ...(hidden ? [this.more] : [])]);
    this.node.hidden = shown.length === 0;
  }

  tick(now) {
    for (const form of this.#forms.values()) form.tick(now);
  }

  stop() {
    for (const form of this.#forms.values()) form.stop();
  }
}
