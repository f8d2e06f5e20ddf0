/** A button that copies the text of a node, or selects it where there is no clipboard. */

import { button, setText } from "./nodes.js";

/** `app` is {announce}; `what` is said of the text: "run id"; `text()` is what to copy, if not all of the node. */
export function copyButton(app, node, what, text = () => node.textContent) {
  const copy = button("Copy", "wfn-quiet wfn-copy", async () => {
    try {
      await navigator.clipboard.writeText(text());
      setText(copy, "Copied");
      app.announce(`The ${what} was copied.`);
    } catch {
      // No clipboard without https: select it, so that the keyboard copies it.
      node.textContent = text();
      getSelection().selectAllChildren(node);
      setText(copy, "Selected");
      app.announce(`The ${what} is selected.`);
    }
  });
  copy.setAttribute("aria-label", `Copy the ${what}`);
  return copy;
}
