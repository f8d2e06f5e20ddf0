/**
 * The live table of a world's runs; it shares nodes, times and embeds with the view of a run.
 *
 * The kernel writes one snapshot (`table`, and `now`: when it was made) with the runs that may still
 * move and the newest others; older ones are asked for. Filter and order are this side's. While
 * somebody points at rows, or is among them with the keyboard, no row moves.
 */

import { Embeds } from "./embed.js";
import { button, focusable, make, newNodeId, place, setBusy, setText, shortened } from "./nodes.js";
import { Questions } from "./questions.js";
import { age, ago, holding, matches, ordered, waiting } from "./runs_rows.js";
import { KernelClock } from "./times.js";

const ANSWER_MS = 10000;
const QUIET_MS = 5000; // between two changes that are read out
const COLUMNS = [
  ["status", "State"],
  ["name", "Run"],
  ["waits", "Waits for"],
  ["age", "Age"],
  ["last", "Last event"],
];

function runs(count) {
  return count === 1 ? "1 run" : `${count} runs`;
}

/** One run's line: kept by the run's id, so that focus and choice survive a snapshot. */
class Line {
  constructor(app, id) {
    this.node = make("tr", "wfn-run");
    this.node.setAttribute("role", "row");
    this.box = make("input");
    this.box.type = "checkbox";
    this.box.addEventListener("change", () => app.choose(id, this.box.checked));
    this.glyph = make("span", "wfn-glyph");
    this.glyph.setAttribute("aria-hidden", "true");
    this.word = make("span");
    this.pill = make("span", "wfn-pill");
    this.pill.append(this.glyph, this.word);
    this.open = button("", "wfn-run-name", () => {
      app.say("");
      setBusy(this.open, true);
      app.embeds.open({ op: "open", run_id: id }, () => setBusy(this.open, false));
    });
    this.name = make("strong");
    this.id = make("code", "wfn-id", shortened(id));
    this.id.title = id;
    this.labels = make("span", "wfn-run-labels");
    this.waits = make("span");
    this.age = make("span");
    this.last = make("span");
    this.node.append(
      cell("cell", "choose", this.box),
      cell("cell", "state", this.pill),
      cell("rowheader", "name", this.open, this.name, this.id, this.labels),
      cell("cell", "waits", this.waits),
      cell("cell", "age", this.age),
      cell("cell", "last", this.last),
    );
  }

  draw(row, chosen) {
    this.row = row;
    this.node.dataset.status = row.status;
    setText(this.glyph, row.glyph);
    setText(this.word, row.status);
    setText(this.open, row.name);
    this.open.setAttribute("aria-label", `Open ${row.name}, ${shortened(row.run_id)}`);
    setText(this.name, row.name);
    this.name.hidden = row.status !== "forgotten";
    this.open.hidden = !this.name.hidden; // nothing is left of it to be shown
    setText(this.labels, row.labels);
    this.box.setAttribute("aria-label", `Select ${row.name}, ${shortened(row.run_id)}`);
    this.box.checked = chosen;
    const ended = row.ended_us !== null;
    if (ended && this.box === this.box.getRootNode().activeElement) this.open.focus();
    this.box.hidden = ended;
  }

  tick(now) {
    setText(this.waits, waiting(this.row, now));
    setText(this.age, age(this.row, now));
    setText(this.last, ago(this.row.last_us, now));
  }
}

/** A part of a line; `role` says what it is where the lines are not laid out as a table. */
function cell(role, name, ...children) {
  const node = make(role === "rowheader" ? "th" : "td", `wfn-run-${name}-cell`);
  if (role === "rowheader") node.scope = "row";
  node.setAttribute("role", role);
  node.append(...children);
  return node;
}

/** Cancelling what is chosen, and the question whether one means it. */
class CancelChosen {
  constructor(app) {
    this.app = app;
    this.button = button("", "", () => this.#question(true));
    this.sure = button("", "wfn-danger", () => this.#send());
    this.keep = button("Keep them running", "", () => this.#question(false));
    this.text = make("span");
    this.node = make("div", "wfn-confirm");
    this.node.setAttribute("role", "group");
    this.node.setAttribute("aria-label", "Cancel the selected runs?");
    this.node.hidden = true;
    this.node.append(this.text, this.sure, this.keep);
    this.node.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.#question(false);
    });
  }

  #question(open) {
    this.node.hidden = !open;
    (open ? this.keep : this.button).focus();
  }

  #send() {
    const chosen = [...this.app.chosen];
    this.app.say("");
    this.node.hidden = true;
    this.app.home();
    setBusy(this.button, true);
    this.app.ask({ op: "cancel", runs: chosen }, (answer) => {
      setBusy(this.button, false);
      this.app.cancelled(answer);
    });
  }

  draw(chosen) {
    const count = chosen.size;
    setText(this.button, `Cancel ${runs(count)}…`);
    setText(this.sure, `Cancel ${runs(count)}`);
    const names = this.app.names(chosen);
    setText(
      this.text,
      `Cancel ${runs(count)}: ${names}? Steps in flight are told to stop; what is done stays done.`,
    );
    if (count > 0) {
      this.button.hidden = false;
      return;
    }
    const active = this.button.getRootNode().activeElement;
    if (active === this.button || this.node.contains(active)) this.app.home();
    this.button.hidden = true;
    this.node.hidden = true;
  }
}

/** The text and the state that rows are looked for by. */
class Filter {
  constructor(app) {
    this.node = make("div", "wfn-filter");
    this.node.setAttribute("role", "search");
    this.node.setAttribute("aria-label", "Filter runs");
    this.text = make("input", "wfn-filter-text");
    this.text.type = "search";
    this.text.placeholder = "Name, id, label, what it waits for";
    this.text.addEventListener("input", () => app.filtered());
    this.status = make("select", "wfn-filter-status");
    this.status.addEventListener("change", () => app.filtered());
    this.node.append(labelled("Text", this.text), labelled("State", this.status));
  }

  get asked() {
    return { status: this.status.value, text: this.text.value.trim() };
  }

  draw({ counts, total }, first) {
    const chosen = this.status.value || first || "";
    const all = Object.entries(counts);
    if (chosen && !(chosen in counts)) all.push([chosen, 0]);
    const options = [["", total], ...all];
    if (this.status.options.length !== options.length) {
      this.status.replaceChildren(...options.map(() => make("option")));
    }
    options.forEach(([status, count], index) => {
      const option = this.status.options[index];
      option.value = status;
      setText(option, `${status || "any"} (${count})`);
    });
    this.status.value = chosen;
  }
}

function labelled(name, control) {
  const label = make("label", "", name);
  control.id = newNodeId("filter");
  label.htmlFor = control.id;
  const node = make("span", "wfn-filter-part");
  node.append(label, control);
  return node;
}

/** The heads of the columns, which set the order. */
class Heads {
  constructor(app) {
    this.order = { by: "age", down: false };
    this.all = make("input");
    this.all.type = "checkbox";
    this.all.setAttribute("aria-label", "Select all that are shown and have not ended");
    this.all.addEventListener("change", () => app.chooseAll(this.all.checked));
    const row = make("tr");
    row.setAttribute("role", "row");
    row.append(head("wfn-run-choose-cell", this.all));
    this.columns = COLUMNS.map(([by, name]) => {
      const mark = make("span", "wfn-sort");
      mark.setAttribute("aria-hidden", "true");
      const sort = button(name, "wfn-quiet", () => this.#sort(app, by));
      sort.append(mark);
      const node = head("", sort);
      row.append(node);
      return { by, node, mark };
    });
    this.node = make("thead");
    this.node.setAttribute("role", "rowgroup");
    this.node.append(row);
    this.draw();
  }

  #sort(app, by) {
    this.order = { by, down: this.order.by === by && !this.order.down };
    this.draw();
    app.filtered();
  }

  draw() {
    for (const { by, node, mark } of this.columns) {
      const sorted = by === this.order.by;
      setText(mark, sorted ? (this.order.down ? "▾" : "▴") : "");
      if (sorted) node.setAttribute("aria-sort", this.order.down ? "descending" : "ascending");
      else node.removeAttribute("aria-sort");
    }
  }
}

function head(className, child) {
  const node = make("th", className);
  node.scope = "col";
  node.setAttribute("role", "columnheader");
  node.append(child);
  return node;
}

/** One table: draws snapshots, asks the kernel, ticks. */
class RunsView {
  #model;
  #questions;
  #clock = new KernelClock();
  #pages = new Map(); // what was asked for to {before, left} of its older rows
  #all = new Map(); // run id to row, as it was told last: in a snapshot, or beside it
  #lines = new Map();
  #shown = [];
  #limit;
  #message = "";
  #said = null;
  #saidMs = Number.NEGATIVE_INFINITY;
  #timers = [];

  constructor(model, node) {
    this.#model = model;
    this.#questions = new Questions(model);
    this.#limit = model.get("table").page;
    this.chosen = new Set();
    this.node = node;
    this.title = make("h3", "wfn-title", "Runs");
    focusable(this.title, -1);
    this.count = make("span", "wfn-elapsed");
    this.cancel = new CancelChosen(this);
    this.filter = new Filter(this);
    this.heads = new Heads(this);
    this.banner = make("p", "wfn-banner");
    this.later = button("", "", () => {
      this.draw(true);
      this.home();
    });
    this.more = button("", "", () => this.#more());
    this.embeds = new Embeds(this, model.widget_manager);
    this.live = make("div", "wfn-hidden");
    this.live.setAttribute("role", "status");
    node.classList.add("wfn", "wfn-runs");
    node.setAttribute("role", "group");
    node.setAttribute("aria-label", "Runs");
    node.append(this.#head(), this.cancel.node, this.banner, this.#table());
    node.append(this.#foot(), this.embeds.node, this.live);
  }

  #head() {
    const first = make("div", "wfn-first");
    const tools = make("span", "wfn-tools");
    tools.append(this.cancel.button);
    first.append(this.title, this.count, this.filter.node, tools);
    const node = make("header", "wfn-head");
    node.append(first);
    return node;
  }

  #table() {
    this.body = make("tbody");
    this.body.setAttribute("role", "rowgroup");
    this.body.addEventListener("pointerleave", () => this.draw());
    for (const node of [this.body, this.later]) {
      node.addEventListener("focusout", ({ relatedTarget: next }) => {
        if (!this.#among(next)) queueMicrotask(() => this.draw()); // it has left by then
      });
    }
    this.body.addEventListener("keydown", (event) => this.#walk(event));
    this.table = make("table", "wfn-runs-table");
    this.table.setAttribute("role", "table");
    this.table.setAttribute("aria-label", "Runs");
    this.table.append(this.heads.node, this.body);
    return this.table;
  }

  #foot() {
    this.none = make("p", "wfn-note");
    const node = make("div", "wfn-runs-foot");
    node.append(this.none, this.later, this.more);
    return node;
  }

  start() {
    this.snapshot = () => {
      this.#clock.observe(this.#model.get("now"), Date.now());
      this.#know(this.#model.get("table").rows); // they may fall out of a later one
      this.draw();
    };
    this.message = (content) => this.#received(content);
    this.#model.on("change:table", this.snapshot);
    this.#model.on("msg:custom", this.message);
    this.filter.draw(this.#model.get("table"), this.#model.get("table").status);
    this.snapshot();
    const asked = Date.now();
    this.#timers = [setInterval(() => this.tick(), 1000), setTimeout(() => this.#silent(), ANSWER_MS)];
    this.ask({ op: "hello" }, (answer) => {
      clearTimeout(this.#timers[1]);
      this.say("");
      this.#clock.observe(answer.now_us, Date.now(), asked);
      this.tick();
    });
  }

  stop() {
    this.embeds.stop();
    for (const timer of this.#timers) clearTimeout(timer);
    this.#model.off("change:table", this.snapshot);
    this.#model.off("msg:custom", this.message);
  }

  ask(message, done) {
    this.#questions.ask(message, done);
  }

  #received(content) {
    if (content.op === "rows") {
      this.#know(content.rows);
      for (const id of content.gone) this.#all.delete(id);
      this.draw();
    } else this.#questions.answer(content);
  }

  #know(rows) {
    for (const row of rows) this.#all.set(row.run_id, row);
  }

  #silent() {
    this.say("No answer from the kernel yet: it is busy, or gone. Run %wf runs again to see it live.");
  }

  /** Say something in the table's message line. */
  say(text) {
    this.#message = text;
    if (text) this.announce(text);
    setText(this.banner, text);
    this.banner.hidden = !text;
  }

  /** Say something to those who don't see it. */
  announce(text) {
    setText(this.live, text);
  }

  /** Where the focus goes when what held it goes. */
  home() {
    this.title.focus({ preventScroll: true });
  }

  // --- what is chosen, and how it is shown

  choose(id, on) {
    if (on) this.chosen.add(id);
    else this.chosen.delete(id);
    this.draw();
  }

  chooseAll(on) {
    for (const row of this.#shown) if (row.ended_us === null) this.choose(row.run_id, on);
  }

  /** The first of these runs, by their names: some may not be shown. */
  names(ids) {
    const names = [...ids].slice(0, 3).map((id) => this.#all.get(id)?.name ?? id);
    return names.join(", ") + (ids.size > 3 ? ", …" : "");
  }

  /** What can't be cancelled stays chosen, and says why. */
  cancelled(answer) {
    if (answer.op === "refused") {
      this.say(answer.message);
      return;
    }
    const { done, late, refused } = answer;
    for (const id of [...done, ...late]) this.chosen.delete(id);
    const whys = Object.entries(refused).map(([id, why]) => `${this.#all.get(id)?.name ?? id}: ${why}`);
    this.say(whys.slice(0, 3).join(" "));
    const ended = late.length ? ` ${runs(late.length)} had already ended.` : "";
    if (!whys.length) this.announce(`${runs(done.length)} cancelled.${ended}`);
    this.draw();
  }

  /** Somebody has asked for other rows, or another order: they come at once. */
  filtered() {
    this.#limit = this.#model.get("table").page;
    this.draw(true);
    this.announce(this.count.textContent);
  }

  #more() {
    const { page } = this.#model.get("table");
    const focused = this.more.getRootNode().activeElement === this.more;
    const first = this.#shown.length;
    const shown = () => {
      this.#limit = first + page;
      this.draw(true);
      // what was pressed may be gone, or far below: go on where the new rows begin
      if (focused) (this.#lines.get(this.#shown[first]?.run_id)?.open ?? this.title).focus();
    };
    if (this.#matching().length > first) shown();
    else this.#ask(shown);
  }

  /** Ask for older rows of those that are looked for. */
  #ask(shown) {
    const { status, text } = this.filter.asked;
    const key = JSON.stringify([status, text]);
    const before = this.#pages.get(key)?.before ?? null;
    setBusy(this.more, true);
    this.ask({ op: "older", status, text, before }, (answer) => {
      setBusy(this.more, false);
      if (answer.op === "refused") {
        this.say(answer.message);
        return;
      }
      this.#know(answer.rows);
      const last = answer.rows.at(-1);
      const next = last ? [last.created_us, last.run_id] : before;
      this.#pages.set(key, { before: next, left: answer.left });
      shown();
    });
  }

  /** Whether the kernel may have more of what is looked for. */
  #elsewhere() {
    const { status, text } = this.filter.asked;
    const page = this.#pages.get(JSON.stringify([status, text]));
    if (page) return page.left > 0;
    const { counts, total } = this.#model.get("table");
    const known = [...this.#all.values()].filter((row) => matches(row, { status, text: "" }));
    return known.length < (status ? (counts[status] ?? 0) : total);
  }

  #matching() {
    const found = [...this.#all.values()].filter((row) => matches(row, this.filter.asked));
    return ordered(found, this.heads.order);
  }

  // --- drawing

  draw(fresh = false) {
    const table = this.#model.get("table");
    this.filter.draw(table);
    const matching = this.#matching();
    const page = matching.slice(0, this.#limit);
    const held = fresh || !this.#pointed() ? null : this.#shown.map((row) => row.run_id);
    const { rows, later } = held ? holding(page, held, this.#all) : { rows: page, later: 0 };
    this.#place(rows);
    this.#foots(table, matching.length, later);
    this.#choices();
    this.tick();
  }

  /** Whether somebody points at the rows, or is among them with the keyboard. */
  #pointed() {
    return this.body.matches(":hover") || this.#among(this.body.getRootNode().activeElement);
  }

  /** Whether a node is one of the rows', or the button that lets others come among them. */
  #among(node) {
    return this.body.contains(node) || node === this.later;
  }

  #place(rows) {
    this.#shown = rows;
    const kept = new Set(rows.map((row) => row.run_id));
    for (const id of this.#lines.keys()) if (!kept.has(id)) this.#lines.delete(id);
    for (const row of rows) {
      if (!this.#lines.has(row.run_id)) this.#lines.set(row.run_id, new Line(this, row.run_id));
      this.#lines.get(row.run_id).draw(row, this.chosen.has(row.run_id));
    }
    place(this.body, rows.map((row) => this.#lines.get(row.run_id).node));
  }

  #foots({ total, labels }, matching, later) {
    const which = labels ? ` labelled ${labels}` : "";
    const all = `${runs(total)}${which}`;
    const { status, text } = this.filter.asked;
    const some = this.#shown.length < total || status || text;
    setText(this.count, some ? `${this.#shown.length} of ${all} shown` : all);
    const missing = status || text ? "No run that is known here is like that." : "No runs yet.";
    setText(this.none, this.#shown.length ? "" : missing);
    this.none.hidden = this.#shown.length > 0;
    this.table.hidden = this.#shown.length === 0;
    setText(this.later, `Show ${later} more that came meanwhile`);
    this.later.hidden = later === 0;
    const left = matching - this.#shown.length;
    this.more.hidden = later > 0 || (left <= 0 && !this.#elsewhere());
    setText(this.more, left > 0 ? "Show more" : "Look among older runs");
  }

  #choices() {
    for (const id of this.chosen) {
      if (this.#all.get(id)?.ended_us !== null) this.chosen.delete(id);
    }
    const open = this.#shown.filter((row) => row.ended_us === null);
    const chosen = open.filter((row) => this.chosen.has(row.run_id)).length;
    this.heads.all.checked = chosen > 0 && chosen === open.length;
    this.heads.all.indeterminate = chosen > 0 && chosen < open.length;
    this.heads.all.hidden = open.length === 0;
    this.cancel.draw(this.chosen);
  }

  /** Say how shown runs stand now, not more often than one can listen to. */
  #announce() {
    const now = new Map(this.#shown.map((row) => [row.run_id, row.status]));
    if (Date.now() - this.#saidMs < QUIET_MS) return;
    const before = this.#said ?? now;
    const changed = this.#shown.filter(
      (row) => before.has(row.run_id) && before.get(row.run_id) !== row.status,
    );
    this.#said = now;
    if (!changed.length) return;
    this.#saidMs = Date.now();
    const [first] = changed;
    this.announce(
      changed.length === 1 ? `${first.name} is ${first.status}.` : `${runs(changed.length)} changed.`,
    );
  }

  /** Up and down lead to the same control of the next line. */
  #walk(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const lines = this.#shown.map((row) => this.#lines.get(row.run_id));
    const at = lines.findIndex((line) => line.node.contains(event.target));
    if (!step || at < 0) return;
    event.preventDefault();
    const part = event.target === lines[at].box ? "box" : "open";
    for (let next = at + step; lines[next]; next += step) {
      if (lines[next][part].hidden) continue;
      lines[next][part].focus();
      return;
    }
  }

  tick() {
    const now = this.#clock.now(Date.now());
    for (const line of this.#lines.values()) line.tick(now);
    this.#announce();
  }
}

export default {
  render({ model, el }) {
    const view = new RunsView(model, el);
    view.start();
    return () => view.stop();
  },
};
