/** A part of the view that is shown on demand: a button, and the region that it opens. */

import { button, focusable, make, newId, newNodeId } from "./nodes.js";

/**
 * What is in it is asked of the kernel when it is opened, and forgotten when it is closed: nothing
 * that was opened stays in the page. `app` is {ask}; `name` is on the button, `label` is the region's;
 * `request()` gives the message that is sent when it is opened, and `show(answer)` the nodes for it.
 */
export class Panel {
  #app;
  #request;
  #show;
  #closed;
  #id = "";

  constructor(app, { name, label, className, request, show, closed = () => {} }) {
    this.#app = app;
    this.#request = request;
    this.#show = show;
    this.#closed = closed;
    this.node = make("div", `wfn-panel ${className}`);
    this.node.id = newNodeId("panel");
    this.node.hidden = true;
    this.node.setAttribute("role", "region");
    this.node.setAttribute("aria-label", label);
    focusable(this.node, 0); // it scrolls: the keyboard must reach it
    this.button = button(name, "", () => this.toggle(this.node.hidden));
    this.button.setAttribute("aria-expanded", "false");
    this.button.setAttribute("aria-controls", this.node.id);
  }

  get open() {
    return !this.node.hidden;
  }

  toggle(open) {
    this.node.hidden = !open;
    this.button.setAttribute("aria-expanded", String(open));
    this.node.replaceChildren(...(open ? [make("p", "wfn-note", "Opening…")] : []));
    if (open) this.ask(this.#request(), (answer) => this.node.replaceChildren(...this.#show(answer)));
    else {
      this.#id = "";
      this.#closed();
    }
  }

  /** Ask for what the panel shows; the answer to an earlier question is dropped, and so is one that
   * comes after it was closed. A refusal takes the place of what was shown. */
  ask(message, done) {
    const id = newId();
    this.#id = id;
    this.#app.ask({ ...message, id }, (answer) => {
      if (id !== this.#id) return;
      if (answer.op === "refused") this.node.replaceChildren(make("p", "wfn-error", answer.message));
      else done(answer);
    });
  }
}
