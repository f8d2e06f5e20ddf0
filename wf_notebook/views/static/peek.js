/** What a row holds: arguments, outcomes, payloads. Asked for when it is opened, forgotten when it is closed. */

import { focusable, make, newId } from "./nodes.js";

const REST_MS = 350; // how long the pointer or the focus rests on a row before it is asked for

export class Peek {
  #app;
  #changed;
  #asked = "";

  /** `app` is {ask}; `changed()` is called when it has become higher or lower. */
  constructor(app, className, changed = () => {}) {
    this.#app = app;
    this.#changed = changed;
    this.node = make("div", `wfn-peek ${className}`);
    this.node.setAttribute("role", "group");
    this.entity = "";
  }

  /** Show what a row holds; `said` is what the row says of itself: another one asks anew. */
  open(entity, label, said) {
    if (entity === this.entity && said === this.said) return;
    const other = entity !== this.entity;
    this.entity = entity;
    this.said = said;
    this.node.setAttribute("aria-label", `What ${label} holds`);
    if (other) this.node.replaceChildren(make("p", "wfn-note", "Opening…"));
    const id = newId();
    this.#asked = id;
    this.#app.ask({ op: "peek", id, entity }, (answer) => {
      if (id === this.#asked) this.#show(answered(answer));
    });
  }

  close() {
    this.#asked = this.entity = "";
    this.node.replaceChildren();
  }

  #show(nodes) {
    this.node.replaceChildren(...nodes);
    this.#changed();
  }
}

/** What the row holds on which pointer or focus rests: seen only, above the page. A row's own
 * disclosure gives the same to those who don't see it, and to keep. */
export class Hover {
  #held;
  #timer = 0;
  #row = null;
  #over = false;

  /** `held(row)` gives {id, label, said} of what may be asked for, or null. */
  constructor(app, held) {
    this.#held = held;
    this.peek = new Peek(app, "wfn-hover", () => this.#place());
    this.node = this.peek.node;
    this.node.popover = "manual";
    this.node.setAttribute("aria-hidden", "true");
  }

  get shown() {
    return this.peek.entity !== "";
  }

  /** Pointer or focus is on this row, or, with null, on none. */
  rest(row) {
    if (this.#over || (row && row === this.#row)) return;
    clearTimeout(this.#timer);
    this.close();
    this.#row = row;
    if (row) this.#timer = setTimeout(() => this.#show(row), REST_MS);
  }

  #show(row) {
    const held = this.#held(row);
    if (!held || !row.node.isConnected || !this.node.showPopover) return;
    this.node.showPopover();
    this.peek.open(held.id, held.label, held.said);
  }

  /** Below the row's bar, or above it where there is more room. */
  #place() {
    if (!this.#row || !this.shown) return;
    const row = this.#row.node.getBoundingClientRect();
    const bar = this.#row.track.getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height } = this.node;
    const below = row.bottom + height < window.innerHeight || row.top < height;
    const left = Math.max(Math.min(bar.left, window.innerWidth - width - 8), 8);
    Object.assign(this.node.style, {
      left: `${left}px`,
      top: `${below ? row.bottom + 2 : row.top - height - 2}px`,
    });
  }

  /** Show nothing any more: rows that move under a pointer that rests would ask again. */
  stop() {
    this.close();
    this.#over = true;
  }

  close() {
    clearTimeout(this.#timer);
    this.#row = null;
    this.peek.close();
    if (this.node.matches(":popover-open")) this.node.hidePopover();
  }
}

function answered(answer) {
  if (answer.op === "refused") return [make("p", "wfn-error", answer.message)];
  if (!answer.parts.length) return [make("p", "wfn-note", "It holds nothing yet.")];
  return answer.parts.flatMap(({ title, text }) => {
    const head = make("p", "wfn-peek-title", title);
    if (!text) return [head];
    const body = make("pre", "wfn-peek-text", text);
    body.setAttribute("role", "group");
    body.setAttribute("aria-label", title);
    focusable(body, 0); // it scrolls: the keyboard must reach it
    return [head, body];
  });
}
