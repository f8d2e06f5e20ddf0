/** What a run's steps write, as it grows: the last lines of each stream. */

import { button, focusable, make, newNodeId, place, setText } from "./nodes.js";

const LINES = 200;
const CHARS = 64000;
const HELD = 20; // times as much is kept while somebody reads further up
const NEAR = 8; // pixels from the end that still count as the end

/** One stream: a name, what is known of it, and its text, which follows its end. */
class Pane {
  #parts = []; // {node, lines, chars}, oldest first
  #lines = 0;
  #chars = 0;
  #follows = true;

  constructor(name) {
    this.to = 0;
    this.node = make("details", "wfn-stream");
    this.node.open = true;
    const summary = make("summary", "wfn-stream-head");
    focusable(summary, 0);
    this.name = make("span", "wfn-stream-name", name);
    this.name.id = newNodeId("stream");
    this.facts = make("span", "wfn-stream-facts");
    summary.append(this.name, this.facts);
    this.cut = make("p", "wfn-stream-cut", "Earlier text is not shown: it is kept with the run.");
    this.cut.hidden = true;
    this.text = make("div", "wfn-stream-text");
    this.body = this.#body();
    this.newest = button("Newest ↓", "wfn-stream-newest", () => this.#follow());
    this.newest.hidden = true;
    const frame = make("div", "wfn-stream-frame");
    frame.append(this.body, this.newest);
    this.node.append(summary, frame);
    this.node.addEventListener("toggle", () => this.toEnd());
  }

  /** It scrolls, so the keyboard must reach it; it is too quick to be read aloud as it comes. */
  #body() {
    const body = make("div", "wfn-stream-body");
    body.setAttribute("role", "region");
    body.setAttribute("aria-labelledby", this.name.id);
    body.setAttribute("aria-live", "off");
    focusable(body, 0);
    body.append(this.cut, this.text);
    body.addEventListener("scroll", () => this.#scrolled());
    return body;
  }

  /** Take in what is new; whether it fits what is shown. */
  update(data) {
    const whole = data.from === null;
    if (!whole && data.from !== this.to) return false;
    if (whole) this.#clear(data.cut);
    this.to = data.to;
    if (data.text) this.#add(data.text);
    const count = `${data.to} ${data.to === 1 ? "chunk" : "chunks"}`;
    setText(this.facts, data.closed ? `${count}, closed` : count);
    this.node.dataset.closed = String(data.closed);
    this.#prune();
    return true;
  }

  #clear(cut) {
    this.text.replaceChildren();
    this.#parts = [];
    this.#lines = this.#chars = 0;
    this.cut.hidden = !cut;
  }

  #add(text) {
    const node = document.createTextNode(text); // a node for each piece: a selection survives
    this.text.append(node);
    const lines = text.split("\n").length - 1;
    this.#parts.push({ node, lines, chars: text.length });
    this.#lines += lines;
    this.#chars += text.length;
  }

  #prune() {
    const times = this.#follows ? 1 : HELD;
    while (this.#parts.length > 1) {
      const { node, lines, chars } = this.#parts[0];
      if (this.#lines - lines < LINES * times && this.#chars - chars < CHARS * times) return;
      node.remove();
      this.#parts.shift();
      this.#lines -= lines;
      this.#chars -= chars;
      this.cut.hidden = false;
    }
  }

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.body;
    this.#follows = scrollHeight - scrollTop - clientHeight <= NEAR;
    this.newest.hidden = this.#follows;
  }

  /** Show the newest, unless somebody reads further up. */
  toEnd() {
    if (this.#follows) this.body.scrollTop = this.body.scrollHeight;
  }

  #follow() {
    this.#follows = true;
    this.toEnd();
    this.body.focus({ preventScroll: true });
    this.newest.hidden = true;
  }
}

export class Streams {
  #panes = new Map();

  constructor() {
    this.node = make("section", "wfn-streams");
    this.node.setAttribute("aria-label", "Streams");
    this.node.hidden = true;
    this.list = make("div");
    this.more = make("p", "wfn-note wfn-stream-more");
    this.node.append(this.list, this.more);
  }

  /** Take in what is new of one stream. What doesn't follow on what is shown belongs to a view that
   * was drawn earlier: the answer to this one's greeting brings all of it. */
  update(data) {
    const pane = this.#panes.get(data.name) ?? new Pane(data.name);
    if (!pane.update(data)) return;
    this.#panes.set(data.name, pane);
    place(this.list, [...this.#panes.values()].map(({ node }) => node));
    this.node.hidden = false;
    pane.toEnd();
    const others = data.more === 1 ? "1 more stream is" : `${data.more} more streams are`;
    setText(this.more, data.more ? `${others} not shown: run.stream(name) reads any.` : "");
    this.more.hidden = !data.more;
  }
}
