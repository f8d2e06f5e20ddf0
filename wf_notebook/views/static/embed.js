/** Other runs, shown below the one that they were opened from: its reruns and its children. */

import { button, focusable, make, newNodeId, place } from "./nodes.js";

/**
 * The kernel makes the view's model, this side the view. Where a front end has no widgets to make
 * views of (`model.widget_manager`), the run's id and the magic that shows it are there to be copied.
 */
export class Embeds {
  #app;
  #manager;
  #shown = new Map(); // run id to {node, heading, close}
  #stopped = false;

  constructor(app, manager) {
    this.#app = app;
    this.#manager = manager;
    this.node = make("section", "wfn-embeds");
    this.node.setAttribute("aria-label", "Runs opened from here");
    this.node.hidden = true;
  }

  /** Ask for another run and show it. `message` is {op: "rerun"} or {op: "open", run_id}. */
  open(message, done = () => {}) {
    this.#app.ask(message, (answer) => {
      done(answer);
      if (answer.op === "refused") this.#app.say(answer.message);
      else if (!this.#stopped) this.#show(answer);
    });
  }

  #show({ run_id: run, model_id: model }) {
    if (!this.#shown.has(run)) this.#shown.set(run, this.#frame(run, model));
    this.#place();
    this.#shown.get(run).heading.focus();
    this.#app.announce(`Run ${run} is shown below.`);
  }

  #frame(run, model) {
    const node = make("div", "wfn-embed");
    node.setAttribute("role", "group");
    const heading = make("h4", "wfn-embed-title", `Run ${run}`);
    heading.id = newNodeId("embed");
    focusable(heading, -1);
    node.setAttribute("aria-labelledby", heading.id);
    const close = button("Close", "wfn-quiet", () => this.#close(run));
    close.setAttribute("aria-label", `Close run ${run}`);
    const head = make("div", "wfn-embed-head");
    head.append(heading, close);
    const body = make("div", "wfn-embed-body");
    node.append(head, body);
    const frame = { node, heading, view: null, closed: false };
    this.#fill(frame, body, run, model);
    return frame;
  }

  async #fill(frame, body, run, id) {
    if (!this.#manager?.get_model) {
      body.append(elsewhere(run));
      return;
    }
    try {
      const model = await this.#manager.get_model(id);
      const view = await this.#manager.create_view(model);
      if (frame.closed) view.remove();
      else {
        frame.view = view;
        body.append(view.el);
      }
    } catch {
      body.append(elsewhere(run));
    }
  }

  #close(run) {
    const frame = this.#shown.get(run);
    this.#shown.delete(run);
    drop(frame);
    this.#place();
    this.#app.home();
    this.#app.ask({ op: "shut", run_id: run }, () => {});
  }

  #place() {
    place(this.node, [...this.#shown.values()].map(({ node }) => node));
    this.node.hidden = this.#shown.size === 0;
  }

  /** The view around it goes, and they with it. */
  stop() {
    this.#stopped = true;
    for (const frame of this.#shown.values()) drop(frame);
    this.#shown.clear();
  }
}

function drop(frame) {
  frame.closed = true;
  frame.view?.remove();
}

function elsewhere(run) {
  const text = make("p", "wfn-note", "It cannot be shown in here. In a cell: ");
  text.append(make("code", "", `%wf show ${run}`));
  return text;
}
