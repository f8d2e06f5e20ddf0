/**
 * The source that runs: fetched when it is revealed, forgotten when it is hidden. The lines on which
 * the run waits and those that it has reached are marked, as it is now or as it stood where the replay
 * bar is; a row of the timeline leads to its line, and the number of a line to its rows.
 */

import { copyButton } from "./copy.js";
import { button, make, setText } from "./nodes.js";
import { Panel } from "./panel.js";

/**
 * The lines that wait and those that were reached, as {waiting, reached}: of the past as the kernel
 * says, of the run as it is now by its rows. A group of rows that stand on several lines names none
 * of them: for those, what was true when the source was revealed.
 */
export function marksOf(view, revealed, past) {
  if (past) return { waiting: new Set(past.waiting), reached: new Set(past.reached) };
  const named = view.rows.filter((row) => row.line !== null);
  const open = view.ended_us === null ? view.rows.filter((row) => row.end_us === null) : [];
  const unnamed = open.some((row) => row.line === null && row.kind === "group");
  const waiting = open.filter((row) => row.line !== null).map((row) => row.line);
  return {
    waiting: new Set([...waiting, ...(unnamed ? revealed.waiting : [])]),
    reached: new Set([...revealed.reached, ...named.map((row) => row.line)]),
  };
}

export class Code {
  #app;
  #revealed = null; // {reached, waiting} while the source is shown
  #lines = [];
  #chosen = null;
  #wanted = null;

  constructor(app) {
    this.#app = app;
    this.panel = new Panel(app, {
      name: "Code",
      label: "The source that runs",
      className: "wfn-code",
      request: () => ({ op: "reveal" }),
      show: (answer) => this.#show(answer),
      closed: () => this.#forget(),
    });
  }

  /** Go to a line of the cell; where the source is hidden, reveal it. */
  go(number) {
    this.#wanted = number;
    if (!this.panel.open) this.panel.toggle(true);
    else if (this.#revealed) this.#arrive();
  }

  #arrive() {
    const line = this.#lines.find((found) => found.number === this.#wanted);
    this.#wanted = null;
    if (!line) return;
    this.#choose(line.number);
    line.node.scrollIntoView({ block: "nearest" });
    line.label.focus({ preventScroll: true });
  }

  #choose(number) {
    this.#chosen = number;
    for (const line of this.#lines) line.choose(number);
    return this.#app.timeline.choose(number);
  }

  #pressed(number) {
    const off = number === this.#chosen;
    const count = this.#choose(off ? null : number);
    const rows = `${count} ${count === 1 ? "row" : "rows"} of line ${number}`;
    this.#app.announce(off ? "No row is marked." : `${rows} marked in the timeline.`);
  }

  #show({ source, hash = "", approved = "", reached = [], waiting = [], compared = false, changed = null }) {
    this.#revealed = { reached, waiting };
    const { line_offset: offset } = this.#app.view();
    const texts = source.replace(/\n$/, "").split("\n");
    this.#lines = texts.map((text, index) => new CodeLine(index + 1 + offset, text));
    for (const line of this.#lines) line.pressed = () => this.#pressed(line.number);
    this.#app.draw();
    if (this.#wanted !== null) queueMicrotask(() => this.#arrive());
    const facts = make("div", "wfn-code-facts");
    const digest = make("code", "wfn-hash", hash);
    digest.title = hash;
    facts.append(make("span", "", "sha256 "), digest, copyButton(this.#app, digest, "hash"));
    if (approved) facts.append(make("span", "wfn-same", `✓ approved as ${approved}`));
    facts.append(...comparison(compared, changed));
    return [facts, ...this.#lines.map((line) => line.node)];
  }

  #forget() {
    this.#revealed = this.#wanted = null;
    this.#choose(null);
    this.#lines = [];
  }

  draw(view, past) {
    if (!this.#revealed) return;
    const { waiting, reached } = marksOf(view, this.#revealed, past);
    for (const line of this.#lines) line.mark(waiting.has(line.number), reached.has(line.number));
  }
}

/** What is known of the cell as it reads now. */
function comparison(compared, changed) {
  if (!compared) return [make("span", "", "· not compared: its cell was not run in this session")];
  if (changed === null) return [make("span", "wfn-same", "✓ matches the cell")];
  const diff = make("details", "wfn-diff");
  diff.open = true;
  diff.append(make("summary", "wfn-changed", "≠ the cell has changed since: this is what runs"));
  const text = make("pre");
  for (const line of changed.replace(/\n$/, "").split("\n")) {
    text.append(make("span", `wfn-diff-line ${diffClass(line)}`, `${line}\n`));
  }
  diff.append(text);
  return [diff];
}

function diffClass(line) {
  if (/^(---|\+\+\+|@@)/.test(line)) return "wfn-diff-place";
  return { "+": "wfn-diff-more", "-": "wfn-diff-less" }[line[0]] ?? "";
}

/** One line: its number, which is a button where there are rows, its text, and what it has to say. */
class CodeLine {
  constructor(number, text) {
    this.number = number;
    this.node = make("div", "wfn-code-line");
    this.node.dataset.line = String(number);
    this.label = make("span", "wfn-number", String(number));
    this.here = make("span", "wfn-here");
    this.node.append(this.label, make("code", "", text), this.here);
  }

  mark(waits, reached) {
    this.node.classList.toggle("wfn-waits", waits);
    this.node.classList.toggle("wfn-reached", reached);
    setText(this.here, waits ? " ← here" : "");
    if (reached !== (this.label.localName === "button")) this.#relabel(reached);
  }

  #relabel(reached) {
    const text = String(this.number);
    const label = reached
      ? button(text, "wfn-number", () => this.pressed())
      : make("span", "wfn-number", text);
    if (reached) label.setAttribute("aria-label", `Line ${text}, reached: mark its rows`);
    this.label.replaceWith(label);
    this.label = label;
    this.choose(this.node.dataset.chosen === "true" ? this.number : null);
  }

  choose(number) {
    const chosen = number === this.number;
    this.node.dataset.chosen = String(chosen);
    if (this.label.localName === "button") this.label.setAttribute("aria-pressed", String(chosen));
  }
}
