// One job: its facts, message, log, input and output.

class Details {
  /** `source` has `log(row)`, which returns an element, and `values(row)`, which returns [input, output]. */
  constructor(source, config, onSelect) {
    this.source = source;
    this.config = config;
    this.onSelect = onSelect;
    this.box = byId("details");
    this.current = null;
  }

  async open(row, rows, data, now) {
    this.current = row.index;
    const { mark, word } = KINDS[row.kind];
    const close = make("button", { type: "button", class: "close", "aria-label": "Close", onclick: () => this.close() }, "×");
    const head = make("div", { class: "bar" },
      make("h3", {}, make("span", { class: `kind ${row.kind}` }, `${mark} ${word}`), " ",
        make("bdi", {}, shortened(visible(pathOf(row, rows)), 300))), close);
    const body = make("div", { class: "detail-body" });
    this.box.replaceChildren(head, make("dl", { class: "facts" }, pairs(factsOf(row, data, now))), body);
    this.box.hidden = false;
    if (row.message) body.append(labelled(row.reason ?? "Message", pre(row.message, { class: "message" })));
    const tries = rows.filter((each) => each.job === row.job && each.index !== row.index);
    if (tries.length) {
      body.append(labelled("Other tries", make("p", { class: "chips" }, tries.map((each) =>
        make("button", { type: "button", onclick: () => this.onSelect(each.index) },
          each.tryNumber === undefined ? `last try: ${KINDS[each.kind].word}` : `try ${each.tryNumber + 1}: ${each.reason ?? "restarted"}`)))));
    }
    const log = await this.source.log(row);
    const values = row.tryNumber === undefined ? await this.source.values(row) : null;
    if (this.current !== row.index) return;
    if (log) body.append(labelled("Log", log));
    for (const [title, value] of [["Input", values?.[0]], ["Output", values?.[1]]]) {
      if (value !== null && value !== undefined) body.append(labelled(title, pre(indented(value))));
    }
    if (values === null && row.log && this.config.links !== undefined) {
      const input = row.log.replace(/log\.txt$/, "home/job_input.json");
      body.append(make("p", { class: "hint" }, "Its input: ", make("a", { href: linkTo(input, this.config) }, input)));
    }
    showEnds(body);
  }

  close() {
    this.current = null;
    this.source.stop?.();
    this.box.hidden = true;
    this.box.replaceChildren();
    this.onSelect(null);
  }
}

function pathOf(row, rows) {
  const labels = [row.label];
  for (let job = rows[row.job].parent; job !== null; job = rows[job].parent) labels.unshift(rows[job].label);
  return labels.join(" → ");
}

function factsOf(row, data, now) {
  const entryPoint = data.entryPoints[row.entryPoint];
  return [
    ["started", row.started === null ? "" : timeText(row.started)],
    ["waited", row.started === null || row.tryNumber !== undefined ? "" : durationText(row.started - row.created)],
    ["duration", durationText(spanOf(row, now))],
    ["ran again", row.again && visible(shortened(row.again, 300))],
    ["node", row.node && visible(shortened(row.node))],
    ["memory", sizeText(row.memory)],
    ["CPU time", row.cpu === null ? "" : durationText(row.cpu)],
    ["disk", sizeText(row.disk)],
    ["instance type", visible(entryPoint.instanceType)],
    ["executable", visible(shortened(entryPoint.executableName))],
    ["ID", make("code", {}, row.id)],
  ];
}

/** Return a JSON text, indented if it is valid and long. */
function indented(text) {
  try {
    return jsonText(JSON.parse(text));
  } catch {
    return text;
  }
}

/** The texts of jobs that are embedded in the file, or links to the files of the run. */
class EmbeddedTexts {
  constructor(config) {
    this.config = config;
    this.logs = null;
    this.all = null;
  }

  async log(row) {
    this.logs ??= unpacked(byId("log-data").textContent);
    const found = (await this.logs)[row.index];
    const link = row.log && make("p", { class: "hint" }, make("a", { href: linkTo(row.log, this.config) }, row.log));
    if (!found) return link;
    const note = found.isCut ? "The last lines; the whole log is in " : "Also in ";
    if (link) link.prepend(note);
    return make("div", {}, pre(found.text || "(it printed nothing)", { class: "log" }), link);
  }

  async values(row) {
    this.all ??= unpacked(byId("value-data").textContent);
    return (await this.all)[row.index] ?? null;
  }
}
