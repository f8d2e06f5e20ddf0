/** The timeline: a row for each step, sleep and hook, with bars on one axis of time. */

import { button, focusable, make, newNodeId, place, setBusy, setText } from "./nodes.js";
import { Outline, roomBefore, stepOf, WHOLE, windowOf } from "./outline.js";
import { Hover, Peek } from "./peek.js";
import { duration, growing, remaining, tickStep } from "./times.js";

const HEIGHT = 26; // of a line, until one was measured
const COMING = {
  id: "", kind: "", label: "…", state: "", glyph: "", line: null, start_us: 0, end_us: 0,
  due_us: null, marks: [], attempts: null, received: 0, error: "", child: "",
};

/** What the last column of a row says. */
export function infoOf(row, now) {
  const took = (row.end_us === null ? growing : duration)((row.end_us ?? now) - row.start_us);
  const due = row.due_us === null ? "" : remaining(row.due_us - now);
  if (row.kind === "") return "";
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
  #app;
  #timeline;

  constructor(app, timeline) {
    this.#app = app;
    this.#timeline = timeline;
    this.node = make("li", "wfn-row");
    this.node.append(this.#label(), this.#state(), this.#bars(), this.#last());
  }

  #label() {
    const label = make("span", "wfn-label");
    this.kind = make("span", "wfn-kind");
    this.text = make("span");
    this.name = button("", "wfn-name", () => this.#timeline.toggle(this.id));
    const words = make("span");
    words.append(this.kind, this.text);
    this.name.append(words);
    this.line = button("", "wfn-line", () => this.#app.header.code.go(this.data.line));
    this.line.title = "Show this line of the source";
    label.append(this.name, this.line);
    return label;
  }

  #state() {
    this.glyph = make("span", "wfn-glyph");
    this.glyph.setAttribute("aria-hidden", "true");
    this.word = make("span", "wfn-word");
    this.type = make("span", "wfn-type");
    const state = make("span", "wfn-state");
    state.append(this.glyph, this.word, this.type);
    return state;
  }

  #bars() {
    this.track = make("span", "wfn-track");
    this.track.setAttribute("aria-hidden", "true");
    return this.track;
  }

  #last() {
    this.info = make("span", "wfn-info");
    this.wake = button("Wake now", "wfn-quiet wfn-wake", () => this.#wake());
    this.child = button("Open run", "wfn-quiet wfn-child", () => this.#open());
    const last = make("span", "wfn-last");
    last.append(this.info, this.wake, this.child);
    return last;
  }

  #open() {
    setBusy(this.child, true);
    const message = { op: "open", run_id: this.data.child };
    this.#app.embeds.open(message, () => setBusy(this.child, false));
  }

  #wake() {
    setBusy(this.wake, true);
    this.#app.ask({ op: "wake", wait: this.data.id }, (answer) => {
      if (answer.op !== "refused") return;
      setBusy(this.wake, false);
      this.#app.say(answer.message);
    });
  }

  /** Show a line of the outline: {id, row, group}; `position` of `length`, from 0. */
  update({ id, row, group }, position, length) {
    this.id = id;
    this.data = row ?? COMING;
    const { kind, state, label, line } = this.data;
    Object.assign(this.node.dataset, { kind, state, level: group ? "2" : "1", line: line ?? "" });
    this.node.setAttribute("aria-level", group ? "2" : "1");
    this.node.setAttribute("aria-posinset", String(position + 1));
    this.node.setAttribute("aria-setsize", String(length));
    setText(this.kind, kind === "hook" ? "hook " : "");
    setText(this.text, label);
    this.name.title = label;
    setText(this.line, line === null ? "" : `line ${line}`);
    setText(this.glyph, this.data.glyph);
    setText(this.word, state);
    setText(this.type, ["failed", "retrying"].includes(state) ? this.data.error : "");
    this.child.hidden = !this.data.child;
    this.child.setAttribute("aria-label", `Open the run that ${label} has started`);
    const gone = kind !== "sleep" || state !== "sleeping" || this.#app.past() !== null;
    if (gone && this.wake === this.node.getRootNode().activeElement) this.#app.home();
    this.wake.hidden = gone;
  }

  /** Of many rows only the current one's controls are on the way of the Tab key. */
  reach(current, long) {
    this.name.tabIndex = current ? 0 : -1;
    this.line.tabIndex = this.wake.tabIndex = this.child.tabIndex = current || !long ? 0 : -1;
  }

  /** Mark it if it stands on a line of the source. */
  choose(line) {
    if (line !== null && line === this.data.line) this.node.setAttribute("aria-current", "true");
    else this.node.removeAttribute("aria-current");
  }

  tick(axis, now) {
    setText(this.info, infoOf(this.data, now));
    const { marks, kind } = this.data;
    const bars = marks.length || kind === "" ? marks : [this.data];
    while (this.track.children.length > bars.length) this.track.lastElementChild.remove();
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

/** What a row says of itself that may have changed what it holds. */
function saidOf({ state, marks, received }) {
  return `${state} ${marks.at(-1)?.number ?? 0} ${received}`;
}

export class Timeline {
  #app;
  #outline = new Outline();
  #rows = new Map(); // of the lines that are drawn, by id
  #seen = { first: 0, end: 0 };
  #current = ""; // the line that has the keyboard
  #pinned = ""; // the line whose detail stands open
  #height = HEIGHT;
  #axis = { start: 0, span: 1000 };
  #now = 0;
  #seq = null;
  #chosen = null; // a line of the source
  #measured = false;

  constructor(app) {
    this.#app = app;
    this.node = make("section", "wfn-timeline");
    this.node.setAttribute("aria-label", "Timeline");
    this.axis = make("div", "wfn-axis");
    this.axis.setAttribute("aria-hidden", "true");
    this.scale = make("div", "wfn-scale");
    this.axis.append(this.scale);
    this.list = make("ol", "wfn-rows");
    this.list.setAttribute("role", "list"); // a list without marks is none to some screen readers
    focusable(this.list, -1);
    this.scroll = make("div", "wfn-scroll");
    this.scroll.append(this.list);
    this.detail = new Peek(app, "wfn-detail", () => this.#render());
    this.detail.node.id = newNodeId("detail");
    this.hover = new Hover(app, (id) => this.#held(id));
    this.node.append(this.axis, this.scroll, this.hover.node);
    this.#listen();
    this.resized = new ResizeObserver(() => {
      this.#measured = false;
      this.#render();
    });
    this.resized.observe(this.scroll);
  }

  #listen() {
    const on = (type, handler) => this.scroll.addEventListener(type, handler);
    const rowOf = ({ target }) => this.#rowOf(target.closest?.(".wfn-label"));
    on("scroll", () => this.#scrolled());
    on("keydown", (event) => this.#key(event));
    on("pointerover", (event) => {
      if (event.pointerType === "mouse") this.hover.rest(rowOf(event));
    });
    on("pointerleave", () => this.hover.rest(null));
    on("focusin", ({ target }) => {
      const row = this.#rowOf(target);
      if (!row) return;
      this.#current = row.id;
      this.#reach();
      this.hover.rest(target === row.name && target.matches(":focus-visible") ? row : null);
    });
    on("focusout", () => this.hover.rest(null));
  }

  #rowOf(node) {
    const found = node?.closest(".wfn-row");
    return found ? [...this.#rows.values()].find((row) => row.node === found) : null;
  }

  /** What may be shown of a row at rest: it has an entity, and isn't open already. */
  #held(row) {
    const { kind, id, label } = row.data;
    return kind && kind !== "group" && row.id !== this.#pinned ? { id, label, said: saidOf(row.data) } : null;
  }

  stop() {
    this.resized.disconnect();
    this.hover.stop();
    this.detail.close();
  }

  /** Open or close a line: a group shows its members, another row what it holds. */
  toggle(id) {
    this.hover.close();
    const { row } = this.#outline.at(this.#outline.find(id)) ?? {};
    if (!row) return;
    if (row.kind === "group") this.#outline.toggle(id);
    else this.#pin(id === this.#pinned ? "" : id, row);
    this.#render();
  }

  #pin(id, row) {
    this.#pinned = id;
    if (!id) this.detail.close();
    else this.detail.open(row.id, row.label, saidOf(row));
  }

  /** Show a snapshot; `seq`: of a view of the past, the event that it is as of. */
  draw(view, seq = null) {
    this.#seq = seq;
    this.#outline.take(view.rows);
    this.node.hidden = view.rows.length === 0;
    this.#render();
  }

  #render() {
    const { length } = this.#outline;
    if (this.#pinned && this.#outline.find(this.#pinned) < 0) this.#pin("");
    this.node.dataset.long = String(length > WHOLE);
    this.#place();
    if (length > WHOLE && !this.#measured) this.#measure();
    for (const { group, from, to } of this.#outline.wanted(this.#seen.first, this.#seen.end)) {
      this.#fetch(group, from, to);
    }
  }

  #fetch(group, from, to) {
    const then = this.#seq === null ? {} : { seq: this.#seq };
    this.#app.ask({ op: "rows", group, from, to, ...then }, (answer) => {
      if (answer.op !== "refused") this.#outline.fill({ group, from }, answer);
      else if (this.#outline.isOpen(group)) {
        this.#outline.toggle(group);
        this.#app.announce(answer.message);
      }
      this.#render();
    });
  }

  #measure() {
    const row = [...this.#rows.values()].find(({ id }) => id !== this.#pinned);
    const height = row?.node.offsetHeight ?? 0;
    if (!height) return; // not laid out yet
    this.#measured = true;
    if (height === this.#height) return;
    this.#height = height;
    this.#place();
  }

  /** The detail that stands open, as `roomBefore` takes it. */
  #extra() {
    const position = this.#pinned ? this.#outline.find(this.#pinned) : -1;
    if (position < 0) return null;
    const { node } = this.detail;
    if (node.isConnected) this.detailHeight = node.offsetHeight;
    return { position, height: this.detailHeight ?? 0 };
  }

  #place() {
    const { length } = this.#outline;
    const long = length > WHOLE;
    const { scrollTop: top, clientHeight: room } = this.scroll;
    this.#seen = windowOf(length, { height: this.#height, top, room, detail: long ? this.#extra() : null });
    const { first, end, before, whole } = this.#seen;
    const shown = new Map();
    for (let position = first; position < end; position += 1) {
      const line = this.#outline.at(position);
      const row = this.#rows.get(line.id) ?? new TimelineRow(this.#app, this);
      row.update(line, position, length);
      row.choose(this.#chosen);
      this.#unfold(row);
      row.tick(this.#axis, this.#now);
      shown.set(line.id, row);
    }
    // Before rows go: a list that shrinks would scroll back.
    this.list.style.blockSize = long ? `${whole}px` : "";
    this.list.style.paddingBlockStart = long ? `${before}px` : "";
    this.#swap(shown);
  }

  /** Say whether a line is open, and put what it holds into it. */
  #unfold(row) {
    const { kind } = row.data;
    const open = kind === "group" ? this.#outline.isOpen(row.id) : row.id === this.#pinned;
    if (kind) row.name.setAttribute("aria-expanded", String(open));
    else row.name.removeAttribute("aria-expanded");
    const held = open && kind !== "group";
    if (held) row.name.setAttribute("aria-controls", this.detail.node.id);
    else row.name.removeAttribute("aria-controls");
    if (!held) return;
    if (this.detail.node.parentNode !== row.node) row.node.append(this.detail.node);
    this.detail.open(row.data.id, row.data.label, saidOf(row.data));
  }

  /** Draw these rows instead; a focus that was in one that goes stays in the list. */
  #swap(shown) {
    const active = this.list.getRootNode().activeElement;
    const focused = this.list.contains(active) && active !== this.list;
    if (!this.#pinned) this.detail.node.remove();
    this.#rows = shown;
    place(this.list, [...shown.values()].map(({ node }) => node));
    this.#reach();
    if (focused && !this.list.contains(active)) this.list.focus({ preventScroll: true });
  }

  #reach() {
    const known = this.#outline.find(this.#current) >= 0;
    const first = this.#rows.values().next().value?.id;
    const current = known && this.#rows.has(this.#current) ? this.#current : first;
    const long = this.#outline.length > WHOLE;
    for (const row of this.#rows.values()) row.reach(row.id === current, long);
  }

  #scrolled() {
    this.hover.close();
    if (this.#outline.length > WHOLE) this.#render();
  }

  #key(event) {
    const row = this.#rowOf(event.target);
    if (event.key === "Escape") this.#escape(event, row);
    if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (event.target !== this.list && event.target !== row?.name) return;
    const page = Math.max(Math.floor(this.scroll.clientHeight / this.#height) - 1, 1);
    const from = Math.max(this.#outline.find(this.#current), 0);
    const to = stepOf(event.key, from, this.#outline.length, page);
    if (to < 0) return;
    event.preventDefault();
    this.#go(to);
  }

  #escape(event, row) {
    if (this.hover.shown) this.hover.close();
    else if (row && row.id === this.#pinned) {
      this.toggle(row.id);
      row.name.focus();
    } else return;
    event.stopPropagation();
  }

  /** Bring a line into sight, and the keyboard to it. */
  #go(position) {
    this.#current = this.#outline.at(position).id;
    this.#bring(position);
    this.#rows.get(this.#current)?.name.focus({ preventScroll: true });
  }

  #bring(position) {
    const { id } = this.#outline.at(position);
    const long = this.#outline.length > WHOLE;
    const top = long ? roomBefore(position, this.#height, this.#extra()) : this.#rows.get(id).node.offsetTop;
    const { scrollTop, clientHeight } = this.scroll;
    const last = Math.max(top + this.#height - clientHeight, 0);
    this.scroll.scrollTop = Math.min(Math.max(scrollTop, last), top);
    this.#render();
  }

  /** Mark the rows of a line of the source, or none for null; returns how many there are. */
  choose(line) {
    this.#chosen = line;
    const ids = line === null ? [] : this.#outline.on(line);
    if (ids.length) this.#bring(this.#outline.find(ids[0]));
    else this.#render();
    return ids.length;
  }

  tick(view, now) {
    if (!view.rows.length) return;
    const start = view.rows.reduce((least, row) => Math.min(least, row.start_us), Infinity);
    const end = view.rows.reduce((most, row) => Math.max(most, row.end_us ?? now), start);
    this.#axis = { start, span: Math.max(end - start, 1000) };
    this.#now = now;
    for (const row of this.#rows.values()) row.tick(this.#axis, now);
    this.#ticks(this.#axis.span);
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
