/** The few ways in which the view makes and changes nodes: text only, never markup. */

const CONTROLS = new Set(["button", "input", "select", "textarea"]);

const own = newId().slice(0, 8); // each view of a page loads this module anew
let serial = 0;

/** An id that nothing else in the page has. */
export function newNodeId(kind) {
  serial += 1;
  return `wfn-${kind}-${own}-${serial}`;
}

/** JupyterLab listens on a field while its key is down, and refuses it Enter and undo: ask us first. */
function keep(event) {
  event.stopImmediatePropagation();
}

export function make(name, className = "", text = "") {
  const node = document.createElement(name);
  if (className) node.className = className;
  if (text) node.textContent = text;
  if (CONTROLS.has(name)) focusable(node, 0);
  if (["input", "textarea"].includes(name)) node.addEventListener("beforeinput", keep);
  return node;
}

/**
 * Let a node have the focus, and its keys: JupyterLab would take letters on a select, and Enter on
 * a button, for its own commands. It looks for this attribute on the focused node itself first.
 */
export function focusable(node, index) {
  node.tabIndex = index;
  node.dataset.lmSuppressShortcuts = "true";
}

export function button(text, className, onClick) {
  const node = make("button", className, text);
  node.type = "button";
  node.addEventListener("click", () => {
    if (node.getAttribute("aria-disabled") !== "true") onClick();
  });
  return node;
}

export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Busy, but still focusable: a disabled button would drop the focus. */
export function setBusy(node, busy) {
  if (busy) node.setAttribute("aria-disabled", "true");
  else node.removeAttribute("aria-disabled");
}

/** Make these the children, in this order, without moving one that stands right. */
export function place(parent, nodes) {
  const kept = new Set(nodes);
  for (const child of [...parent.children]) if (!kept.has(child)) child.remove();
  let next = parent.firstElementChild;
  for (const node of nodes) {
    if (node === next) next = next.nextElementSibling;
    else parent.insertBefore(node, next);
  }
}

export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** An id's head and tail: enough to tell it from another one. */
export function shortened(id) {
  return id.replace(/[0-9a-zA-Z]{20,}/g, (part) => `${part.slice(0, 8)}…${part.slice(-4)}`);
}
