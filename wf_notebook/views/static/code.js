/** The source that runs: fetched when it is revealed, forgotten when it is hidden. */

import { make, setText } from "./nodes.js";
import { Panel } from "./panel.js";

export class Code {
  #app;

  constructor(app) {
    this.#app = app;
    this.panel = new Panel(app, {
      name: "Code",
      label: "The source that runs",
      className: "wfn-code",
      request: () => ({ op: "reveal" }),
      show: (answer) => this.#show(answer),
    });
  }

  #show(answer) {
    const view = this.#app.view();
    const lines = answer.source.replace(/\n$/, "").split("\n");
    const nodes = lines.map((text, index) => codeLine(index + 1 + view.line_offset, text));
    mark(nodes, view);
    return nodes;
  }

  draw(view) {
    if (this.panel.open) mark(this.panel.node.querySelectorAll(".wfn-code-line"), view);
  }
}

/** Mark the lines on which the run waits. */
function mark(lines, view) {
  const open = view.ended_us === null ? view.rows.filter((row) => row.end_us === null) : [];
  const waiting = new Set(open.map((row) => String(row.line)));
  for (const line of lines) {
    const waits = waiting.has(line.dataset.line);
    line.classList.toggle("wfn-waits", waits);
    setText(line.lastElementChild, waits ? " ← here" : "");
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
