/**
 * The live view of one run: hand-written ES modules for anywidget, no build step.
 *
 * The kernel writes one snapshot (`view`, and `now`: when it was taken); this side only sends
 * messages, listed in widget.py. Countdowns tick here, by the kernel's clock. Rows, forms and
 * fields are kept by id, so that focus and typing survive a snapshot. Whatever comes from a run is
 * put into the page as text, never as markup.
 */

import { Forms } from "./forms.js";
import { button, focusable, make, newId, newNodeId, place, setBusy, setText } from "./nodes.js";
import { Streams } from "./streams.js";
import { KernelClock, duration, growing, remaining, tickStep } from "./times.js";

const ANSWER_MS = 10000;

// ------------------------------------------------------------------------------------ timeline

/** What the last column of a row says. */
export function infoOf(row, now) {
  const took = (row.end_us === null ? growing : duration)((row.end_us ?? now) - row.start_us);
  const due = row.due_us === null ? "" : remaining(row.due_us - now);
  if (row.kind === "group") return took;
  if (row.state === "retrying" && due) return `${attemptOf(row)}, next in ${due}`;
  if (row.state === "sleeping" && due) return `wakes in ${due}`;
  if (due) return `ends in ${due}`;
  if (row.state === "waiting") return `open for ${took}`;
  if (row.marks.length > 1) return `${took}, ${attemptOf(row)}`;
  return row.received > 1 ? `${took}, ${row.received} payloads` : took;
}

function attemptOf(row) {
  const number = row.marks.at(-1)?.number ?? 1;
  return `attempt ${number}${row.attempts ? ` of ${row.attempts}` : ""}`;
}

class TimelineRow {
  constructor(app, data) {
    this.node = make("li", "wfn-row");
    this.label = make("span", "wfn-label");
    this.kind = make("span", "wfn-kind", data.kind === "hook" ? "hook " : "");
    this.name = make("span", "wfn-name");
    this.line = make("span", "wfn-line");
    this.label.append(this.kind, this.name, this.line);
    this.glyph = make("span", "wfn-glyph");
    this.glyph.setAttribute("aria-hidden", "true");
    this.word = make("span", "wfn-word");
    const state = make("span", "wfn-state");
    this.type = make("span", "wfn-type");
    state.append(this.glyph, this.word, this.type);
    this.track = make("span", "wfn-track");
    this.track.setAttribute("aria-hidden", "true");
    this.info = make("span", "wfn-info");
    const last = make("span", "wfn-last");
    last.append(this.info);
    if (data.kind === "sleep") {
      this.wake = button("Wake now", "wfn-quiet wfn-wake", () => this.#wake(app));
      last.append(this.wake);
    }
    this.node.append(this.label, state, this.track, last);
  }

  #wake(app) {
    setBusy(this.wake, true);
    app.ask({ op: "wake", wait: this.data.id }, (answer) => {
      if (answer.op !== "refused") return;
      setBusy(this.wake, false);
      app.say(answer.message);
    });
  }

  update(app, data) {
    this.data = data;
    this.node.dataset.kind = data.kind;
    this.node.dataset.state = data.state;
    setText(this.name, data.label);
    this.name.title = data.label;
    setText(this.line, data.line === null ? "" : `line ${data.line}`);
    setText(this.glyph, data.glyph);
    setText(this.word, data.state);
    setText(this.type, ["failed", "retrying"].includes(data.state) ? data.error : "");
    if (this.wake) {
      const gone = data.state !== "sleeping";
      if (gone && this.wake === this.node.getRootNode().activeElement) app.home();
      this.wake.hidden = gone;
    }
  }

  tick(axis, now) {
    setText(this.info, infoOf(this.data, now));
    const bars = this.data.marks.length ? this.data.marks : [this.data];
    while (this.track.children.length < bars.length) this.track.append(make("span", "wfn-bar"));
    bars.forEach((bar, index) => {
      const { style, dataset } = this.track.children[index];
      const end = bar.end_us ?? now;
      style.insetInlineStart = `min(${percent(bar.start_us - axis.start, axis.span)}, 100% - 3px)`;
      style.inlineSize = percent(Math.max(end - bar.start_us, 0), axis.span);
      dataset.state = bar.state;
      dataset.open = String(bar.end_us === null);
    });
  }
}

function percent(part, whole) {
  return `${Math.min(Math.max((100 * part) / whole, 0), 100).toFixed(2)}%`;
}

class Timeline {
  #app;
  #rows = new Map();

  constructor(app) {
    this.#app = app;
    this.node = make("section", "wfn-timeline");
    this.node.setAttribute("aria-label", "Timeline");
    this.axis = make("div", "wfn-axis");
    this.axis.setAttribute("aria-hidden", "true");
    this.scale = make("div", "wfn-scale");
    this.axis.append(this.scale);
    this.list = make("ol", "wfn-rows");
    this.node.append(this.axis, this.list);
  }

  draw(view) {
    const nodes = view.rows.map((data) => {
      let row = this.#rows.get(data.id);
      if (!row) {
        row = new TimelineRow(this.#app, data);
        this.#rows.set(data.id, row);
      }
      row.update(this.#app, data);
      return row.node;
    });
    const ids = new Set(view.rows.map((data) => data.id));
    for (const id of this.#rows.keys()) if (!ids.has(id)) this.#rows.delete(id);
    place(this.list, nodes);
    this.node.hidden = nodes.length === 0;
    focusable(this.list, nodes.length > 12 ? 0 : -1); // it scrolls: the keyboard must reach it
  }

  tick(view, now) {
    if (!view.rows.length) return;
    const start = view.rows.reduce((least, row) => Math.min(least, row.start_us), Infinity);
    const end = view.rows.reduce((most, row) => Math.max(most, row.end_us ?? now), start);
    const axis = { start, span: Math.max(end - start, 1000) };
    for (const row of this.#rows.values()) row.tick(axis, now);
    this.#ticks(axis.span);
  }

  #ticks(span) {
    const step = tickStep(span);
    const count = Math.floor(span / step) + 1;
    while (this.scale.children.length > count) this.scale.lastElementChild.remove();
    while (this.scale.children.length < count) this.scale.append(make("span", "wfn-tick"));
    [...this.scale.children].forEach((tick, index) => {
      tick.style.insetInlineStart = percent(index * step, span);
      tick.dataset.late = String((index * step) / span > 0.9);
      setText(tick, index ? duration(index * step) : "0");
    });
    this.node.style.setProperty("--wfn-step", percent(step, span));
  }
}

// ---------------------------------------------------------------------------------------- header

/** The source that runs: fetched when it is revealed, forgotten when it is hidden. */
class Code {
  #app;
  #request = "";

  constructor(app) {
    this.#app = app;
    this.button = button("Code", "", () => this.#toggle(this.node.hidden));
    this.button.setAttribute("aria-expanded", "false");
    this.node = make("div", "wfn-code");
    this.node.id = newNodeId("code");
    this.node.hidden = true;
    focusable(this.node, 0);
    this.node.setAttribute("role", "region");
    this.node.setAttribute("aria-label", "The source that runs");
    this.button.setAttribute("aria-controls", this.node.id);
  }

  #toggle(open) {
    this.node.hidden = !open;
    this.button.setAttribute("aria-expanded", String(open));
    this.#request = open ? newId() : "";
    this.node.replaceChildren(...(open ? [make("p", "wfn-note", "Opening…")] : []));
    if (open) this.#app.ask({ op: "reveal", id: this.#request }, (answer) => this.#show(answer));
  }

  #show(answer) {
    if (answer.id !== this.#request) return; // hidden meanwhile
    if (answer.op === "refused") {
      this.node.replaceChildren(make("p", "wfn-error", answer.message));
      return;
    }
    const lines = answer.source.replace(/\n$/, "").split("\n");
    const offset = this.#app.view().line_offset;
    this.node.replaceChildren(...lines.map((text, index) => codeLine(index + 1 + offset, text)));
    this.draw(this.#app.view());
  }

  draw(view) {
    if (this.node.hidden) return;
    const open = view.ended_us === null ? view.rows.filter((row) => row.end_us === null) : [];
    const lines = new Set(open.map((row) => String(row.line)));
    for (const line of this.node.querySelectorAll(".wfn-code-line")) {
      const waits = lines.has(line.dataset.line);
      line.classList.toggle("wfn-waits", waits);
      setText(line.lastElementChild, waits ? " ← here" : "");
    }
  }
}

function codeLine(number, text) {
  const line = make("div", "wfn-code-line");
  line.dataset.line = String(number);
  const code = make("code");
  code.textContent = text;
  line.append(make("span", "wfn-number", String(number)), code, make("span", "wfn-here"));
  return line;
}

/** Cancel, and the question whether one means it. */
class Cancel {
  constructor(app) {
    this.app = app;
    this.button = button("Cancel", "", () => this.#question(true));
    this.keep = button("Keep it running", "", () => this.#question(false));
    this.sure = button("Cancel the run", "wfn-danger", () => this.#send());
    this.node = make("div", "wfn-confirm");
    this.node.setAttribute("role", "group");
    this.node.setAttribute("aria-label", "Cancel this run?");
    this.node.hidden = true;
    const text = make("span", "", "Cancel this run? Steps in flight are told to stop; what is done stays done.");
    this.node.append(text, this.sure, this.keep);
    this.node.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.#question(false);
    });
  }

  #question(open) {
    this.node.hidden = !open;
    (open ? this.keep : this.button).focus();
  }

  #send() {
    setBusy(this.button, true);
    this.#question(false);
    this.app.ask({ op: "cancel" }, (answer) => {
      if (answer.op !== "refused") return;
      setBusy(this.button, false);
      this.app.say(answer.message);
    });
  }

  draw(view) {
    if (view.ended_us === null || this.button.hidden) return;
    const active = this.button.getRootNode().activeElement;
    if (active === this.button || this.node.contains(active)) this.app.home();
    this.button.hidden = true;
    this.node.hidden = true;
  }
}

class Header {
  constructor(app) {
    this.node = make("header", "wfn-head");
    this.title = make("h3", "wfn-title");
    focusable(this.title, -1);
    this.glyph = make("span", "wfn-glyph");
    this.glyph.setAttribute("aria-hidden", "true");
    this.word = make("span");
    this.pill = make("span", "wfn-pill");
    this.pill.append(this.glyph, this.word);
    this.elapsed = make("span", "wfn-elapsed");
    this.code = new Code(app);
    this.cancel = new Cancel(app);
    const tools = make("span", "wfn-tools");
    tools.append(this.code.button, this.cancel.button);
    const first = make("div", "wfn-first");
    first.append(this.title, this.pill, this.elapsed, tools);
    this.node.append(first, this.#second(app));
  }

  #second(app) {
    this.id = make("code", "wfn-id");
    this.copy = button("Copy", "wfn-quiet", () => this.#copied(app));
    this.copy.setAttribute("aria-label", "Copy the run id");
    this.facts = make("span");
    this.bar = make("progress", "wfn-progress");
    this.bar.setAttribute("aria-label", "Replay");
    this.replay = make("span", "wfn-replay");
    const second = make("div", "wfn-second");
    second.append(this.id, this.copy, this.facts, this.bar, this.replay);
    return second;
  }

  async #copied(app) {
    try {
      await navigator.clipboard.writeText(this.id.textContent);
      setText(this.copy, "Copied");
      app.announce("Run id copied.");
    } catch {
      // No clipboard without https: select it, so that the keyboard copies it.
      getSelection().selectAllChildren(this.id);
      setText(this.copy, "Selected");
      app.announce("Run id selected.");
    }
  }

  draw(view) {
    setText(this.title, view.name);
    setText(this.glyph, view.glyph);
    setText(this.word, view.status);
    setText(this.id, view.run_id);
    this.id.title = view.workflow_id;
    const [done, all] = view.replayed ?? [0, 0];
    const facts = [view.origin, `${view.isolation} isolation`, !view.replayed && `${view.events} events`, ...view.notes];
    setText(this.facts, facts.filter(Boolean).join(" · "));
    this.bar.hidden = !view.replayed || done >= all;
    if (!this.bar.hidden) Object.assign(this.bar, { max: all, value: done });
    setText(this.replay, view.replayed ? `${done} of ${all} events replayed` : "");
    this.cancel.draw(view);
    this.code.draw(view);
  }

  tick(view, now) {
    const live = view.ended_us === null;
    const took = (live ? growing : duration)((view.ended_us ?? now) - view.created_us);
    setText(this.elapsed, live ? `${took} elapsed` : `took ${took}`);
  }
}

// ------------------------------------------------------------------------------------- the view

/** One view of a run: draws snapshots, asks the kernel, ticks. */
class RunView {
  #model;
  #clock = new KernelClock();
  #asked = new Map();
  #private = { titles: {}, details: {}, blocked: "" };
  #announced = null;
  #message = "";
  #timers = [];

  constructor(model, node) {
    this.#model = model;
    this.node = node;
    this.header = new Header(this);
    this.banner = make("p", "wfn-banner");
    this.forms = new Forms(this);
    this.timeline = new Timeline(this);
    this.streams = new Streams();
    this.live = make("div", "wfn-hidden");
    this.live.setAttribute("role", "status");
    node.classList.add("wfn");
    node.setAttribute("role", "group");
    const { code, cancel } = this.header;
    node.append(this.header.node, cancel.node, this.banner, code.node, this.forms.node);
    node.append(this.timeline.node, this.streams.node, this.live);
  }

  start() {
    this.snapshot = () => {
      this.#clock.observe(this.#model.get("now"), Date.now());
      this.draw();
    };
    this.message = (content) => this.#received(content);
    this.#model.on("change:view", this.snapshot);
    this.#model.on("msg:custom", this.message);
    this.snapshot();
    const asked = Date.now();
    this.#timers = [setInterval(() => this.tick(), 1000), setTimeout(() => this.#silent(), ANSWER_MS)];
    this.ask({ op: "hello" }, (answer) => {
      clearTimeout(this.#timers[1]);
      this.say("");
      this.#clock.observe(answer.now_us, Date.now(), asked);
      this.#received({ ...answer, op: "private" });
      for (const stream of answer.streams ?? []) this.streams.update(stream);
    });
  }

  stop() {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#model.off("change:view", this.snapshot);
    this.#model.off("msg:custom", this.message);
  }

  view() {
    return this.#model.get("view");
  }

  /** Send a message; `done` gets the answer. */
  ask(message, done) {
    const id = message.id ?? newId();
    this.#asked.set(id, done);
    this.#model.send({ ...message, id });
  }

  #received(content) {
    if (content.op === "private") {
      const { titles, details = {}, blocked } = content;
      this.#private = { titles, details, blocked };
      this.draw();
      return;
    }
    if (content.op === "stream") {
      this.streams.update(content);
      return;
    }
    const done = this.#asked.get(content.id);
    this.#asked.delete(content.id);
    done?.(content);
  }

  #silent() {
    if (this.view().ended_us === null) {
      this.say("No answer from the kernel yet: it is busy, or gone. Run its cell again to see it live.");
    }
  }

  /** Say something in the view's message line. */
  say(text) {
    this.#message = text;
    if (text) this.announce(text);
    this.draw();
  }

  /** Say something to those who don't see it. */
  announce(text) {
    setText(this.live, text);
  }

  /** Where the focus goes when what held it goes. */
  home() {
    this.header.title.focus({ preventScroll: true });
  }

  draw() {
    const view = this.view();
    this.node.dataset.status = view.status;
    this.node.setAttribute("aria-label", `Run of ${view.name}`);
    this.header.draw(view);
    this.#banner(view);
    this.forms.draw(view, this.#private);
    this.timeline.draw(view);
    this.#announce(view);
    this.tick();
  }

  #banner(view) {
    const blocked = view.blocked && `Blocked: ${this.#private.blocked || view.blocked}`;
    const where = view.origin ? ` of ${view.origin}` : "";
    const error = view.error && `${view.error}${view.error.includes(" at line ") ? where : ""}`;
    setText(this.banner, this.#message || blocked || error);
    this.banner.hidden = !this.banner.textContent;
  }

  #announce(view) {
    const names = view.forms.map((form) => this.#private.titles[form.id] ?? form.token);
    const waits = names.length ? ` Waiting for you: ${names.slice(0, 3).join(", ")}.` : "";
    const said = `${view.name} is ${view.status}.${waits}`;
    if (this.#announced !== null && said !== this.#announced) this.announce(said);
    this.#announced = said;
  }

  tick() {
    const view = this.view();
    const now = this.#clock.now(Date.now());
    this.header.tick(view, now);
    this.forms.tick(now);
    this.timeline.tick(view, now);
  }
}

export default {
  render({ model, el }) {
    const view = new RunView(model, el);
    view.start();
    return () => view.stop();
  },
};
