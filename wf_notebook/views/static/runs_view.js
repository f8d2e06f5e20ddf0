/**
 * The live table of a world's runs; it shares nodes, times and embeds with the view of a run.
 *
 * The kernel writes one snapshot (`table`, and `now`: when it was made) with the runs that may still
 * move and the newest others; older ones are asked for. Filter and order are this side's. While
 * somebody points at rows, or is among them with the keyboard, no row moves.
 */

import { Embeds } from "./embed.js";
import { button, focusable, make, place, setBusy, setText } from "./nodes.js";
import { Questions } from "./questions.js";
import { CancelChosen, Filter, Heads, Line, runs } from "./runs_parts.js";
import { holding, matches, ordered } from "./runs_rows.js";
import { KernelClock } from "./times.js";

const ANSWER_MS = 10000;
const QUIET_MS = 5000; // between two changes that are read out

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
