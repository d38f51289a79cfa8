// Elements of the page. Texts from jobs are only ever set as text content.

const byId = (id) => document.getElementById(id);

/** Create an element with attributes and with children: elements, texts or nothing. */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "onclick") element.addEventListener("click", value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

function pre(text, attributes = {}) {
  return make("pre", { tabindex: "0", ...attributes }, visible(text));
}

/** Show the ends of the logs in an element, which explain more than their beginnings. */
function showEnds(element) {
  for (const log of element.querySelectorAll("pre.log")) log.scrollTop = log.scrollHeight;
}

function show(id, isShown = true) {
  byId(id).hidden = !isShown;
}

/** Return a button that copies a text, and tells so. */
function copyButton(text, label = "Copy") {
  const button = make("button", { type: "button", class: "copy" }, label);
  button.addEventListener("click", async () => {
    const isCopied = await copied(text);
    button.textContent = isCopied ? "Copied" : "Select and copy it";
    setTimeout(() => (button.textContent = label), 2000);
  });
  return button;
}

async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = make("textarea", { class: "hidden-area", readonly: true, "aria-hidden": "true" });
    area.value = text;
    document.body.append(area);
    area.select();
    const isDone = document.execCommand("copy");
    area.remove();
    return isDone;
  }
}

function commandLine(text) {
  return make("div", { class: "command" }, make("code", {}, visible(text)), copyButton(text));
}

/** Return pairs for a description list, without those that have no value. */
function pairs(entries) {
  return entries
    .filter(([, value]) => value !== null && value !== undefined && value !== "")
    .map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value)));
}
