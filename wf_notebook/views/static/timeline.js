/** The timeline: a row for each step, sleep and hook, with bars on one axis of time. */

import { button, focusable, make, place, setBusy, setText } from "./nodes.js";
import { duration, growing, remaining, tickStep } from "./times.js";

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
    this.line = button("", "wfn-line", () => app.header.code.go(this.data.line));
    this.line.title = "Show this line of the source";
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
    this.child = button("Open run", "wfn-quiet wfn-child", () => this.#open(app));
    this.child.hidden = true;
    last.append(this.child);
    this.node.append(this.label, state, this.track, last);
  }

  #open(app) {
    setBusy(this.child, true);
    app.embeds.open({ op: "open", run_id: this.data.child }, () => setBusy(this.child, false));
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
    this.child.hidden = !data.child;
    this.child.setAttribute("aria-label", `Open the run that ${data.label} has started`);
    setText(this.type, ["failed", "retrying"].includes(data.state) ? data.error : "");
    if (this.wake) {
      const gone = data.state !== "sleeping" || app.past() !== null;
      if (gone && this.wake === this.node.getRootNode().activeElement) app.home();
      this.wake.hidden = gone;
    }
  }

  /** Mark it if it stands on a line of the source; whether it does. */
  choose(line) {
    const chosen = line !== null && line === this.data.line;
    if (chosen) this.node.setAttribute("aria-current", "true");
    else this.node.removeAttribute("aria-current");
    return chosen;
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

export class Timeline {
  #app;
  #rows = new Map();
  #chosen = null; // a line of the source

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
      row.choose(this.#chosen);
      return row.node;
    });
    const ids = new Set(view.rows.map((data) => data.id));
    for (const id of this.#rows.keys()) if (!ids.has(id)) this.#rows.delete(id);
    place(this.list, nodes);
    this.node.hidden = nodes.length === 0;
    focusable(this.list, nodes.length > 12 ? 0 : -1); // it scrolls: the keyboard must reach it
  }

  /** Mark the rows of a line of the source, or none for null; returns how many there are. */
  choose(line) {
    this.#chosen = line;
    const found = [...this.#rows.values()].filter((row) => row.choose(line));
    found[0]?.node.scrollIntoView({ block: "nearest" });
    return found.length;
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
