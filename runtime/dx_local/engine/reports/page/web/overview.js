// Everything that is not about a single job: state, cause, entry points, inputs, outputs, environment.

const RUN_MARKS = { done: "✓", failed: "✗", running: "▶", terminated: "◼", interrupted: "◼" };

function showHeader(data, rows, now) {
  const mark = RUN_MARKS[data.state] ?? "◌";
  const state = byId("state");
  state.textContent = `${mark} ${data.state.replaceAll("_", " ")}`;
  state.className = `state ${data.state}`;
  byId("name").textContent = shortened(visible(data.name));
  byId("sentence").textContent = visible(data.sentence);
  const jobs = rows.filter((row) => row.tryNumber === undefined);
  const ends = rows.map((row) => row.stopped).filter((end) => end !== null);
  const end = data.state === "running" ? now : ends.reduce((most, each) => Math.max(most, each), 0) || null;
  const cpu = rows.reduce((sum, row) => sum + (row.cpu ?? 0), 0);
  const memory = rows.reduce((most, row) => Math.max(most, row.memory ?? 0), 0);
  byId("facts").replaceChildren(
    ...pairs([
      ["started", timeText(data.created)],
      ["duration", end === null ? "" : durationText(end - data.created)],
      ["jobs", numberText(jobs.length)],
      ["at once", atOnce(rows, now)],
      ["CPU time", cpu ? durationText(cpu) : ""],
      ["most memory", memory ? sizeText(memory) : ""],
    ]),
  );
}

/** Return the greatest number of jobs that ran at the same time. */
function atOnce(rows, now) {
  const changes = [];
  for (const row of rows) {
    if (row.started === null || row.reused) continue;
    changes.push([row.started, 1], [row.stopped ?? now, -1]);
  }
  changes.sort((one, other) => one[0] - other[0] || one[1] - other[1]);
  let current = 0;
  return changes.reduce((most, [, change]) => Math.max(most, (current += change)), 0) || "";
}

function showCause(data, config) {
  const cause = data.cause;
  show("why", cause !== null);
  if (!cause) return;
  const source = cause.source;
  byId("why-body").replaceChildren(
    ...[
      make("p", { class: "path" }, make("bdi", {}, shortened(visible(cause.path), 300))),
      make("p", { class: "reason" }, `✗ ${cause.reason}`),
      pre(cause.explanation, { class: "message" }),
      cause.producer && make("p", {}, "The value came from ", make("bdi", {}, shortened(visible(cause.producer.path), 300)), "."),
      source && sourceLines(source),
      cause.excerpt.length > 0 && labelled(cause.producer ? "Last lines of its log, where the value was made" : "Last lines of its log", pre(cause.excerpt.join("\n"), { class: "log" })),
      cause.log && config.links !== undefined && logLink(cause.log, config),
      cause.input && labelled("Its input", pre(jsonText(cause.input))),
      data.rerun && labelled("Run this job again", commandLine(data.rerun)),
    ].filter(Boolean),
  );
  showEnds(byId("why-body"));
}

function labelled(title, ...content) {
  return make("div", { class: "labelled" }, make("h3", {}, title), ...content);
}

function logLink(path, config) {
  return make("p", {}, make("a", { href: linkTo(path, config) }, "The whole log"));
}

/** Return a relative link to a file of the run. */
function linkTo(path, config) {
  return config.links + path.split("/").map(encodeURIComponent).join("/");
}

function sourceLines(source) {
  const lines = source.lines?.length ? source.lines : [source.text];
  const first = source.lines?.length ? source.first : source.line;
  const list = make("pre", { class: "source", tabindex: "0" });
  lines.forEach((text, offset) => {
    const number = first + offset;
    const isHere = number === source.line;
    const line = make("span", { class: isHere ? "line here" : "line" },
      make("span", { class: "mark" }, isHere ? "▸" : ""), make("span", { class: "line-number" }, String(number)), `${visible(text)}\n`);
    list.append(line);
  });
  return labelled(shortened(`${visible(source.place)}:${source.line}`, 200), list);
}

function showEntryPoints(data) {
  show("entry-points");
  const heads = ["entry point", "jobs", "failed", "median", "slowest", "memory", "CPU time", "instance type", "would do"];
  const head = make("thead", {}, make("tr", {},
    heads.map((text, index) => make("th", { scope: "col", class: index && index < 7 ? "number" : "" }, text))));
  const body = make("tbody", {}, data.entryPoints.map((each) => entryPointRow(data, each)));
  byId("entry-points-table").replaceChildren(head, body);
  byId("advice").replaceChildren(...adviceOf(data));
}

function entryPointRow(data, each) {
  const seconds = (value) => (value === null ? "" : durationText(value * 1000));
  const number = (text, extra = "") => make("td", { class: `number ${extra}` }, text);
  return make("tr", {},
    make("th", { scope: "row" }, make("bdi", {}, shortened(visible(entryPointName(data, each)), 60))),
    number(numberText(each.jobs)),
    number(each.failed ? `✗ ${numberText(each.failed)}` : "0", each.failed ? "bad" : "faint"),
    number(seconds(each.medianSeconds)),
    number(seconds(each.slowestSeconds)),
    number(memoryCell(each)),
    number(seconds(each.cpuSeconds)),
    make("td", {}, make("code", {}, visible(each.instanceType))),
    make("td", {}, adviceCell(each)),
  );
}

function memoryCell(each) {
  if (each.maxMemory === null) return "";
  if (!each.instanceMemory) return sizeText(each.maxMemory);
  const share = Math.min(1, each.maxMemory / each.instanceMemory);
  const meter = make("span", { class: "meter", "aria-hidden": "true" }, make("span"));
  meter.firstChild.style.width = `${Math.max(2, share * 100)}%`;
  return make("span", { class: "memory" }, `${sizeText(each.maxMemory)} of ${sizeText(each.instanceMemory)}`, meter);
}

function adviceCell(each) {
  if (!each.advice) return make("span", { class: "faint" }, each.samples ? "" : "not measured");
  if (each.advice.isPresent) return make("span", { class: "faint" }, "the same");
  const { cores, memory } = each.advice;
  const title = `${counted(cores, "core")}, ${sizeText(memory)}`;
  return make("span", { class: "advice", title }, make("code", {}, each.advice.instanceType),
    make("small", {}, ` from ${counted(each.samples, "job")}`));
}

function adviceOf(data) {
  if (!data.systemRequirements.length) return [];
  const note = "“Would do” is the smallest instance type with 1.5 times the memory, twice the storage and the cores " +
    "that the jobs of this run used, for inputs of this size. The fewer jobs it rests on, the less it is worth.";
  return [
    make("p", { class: "hint" }, note),
    ...data.systemRequirements.map((each) => {
      const text = JSON.stringify({ systemRequirements: each.systemRequirements }, null, 2).slice(2, -2).replaceAll("\n  ", "\n").trim();
      const title = `For ${each.region} in dxapp.json of ${shortened(visible(each.executableName), 60)}`;
      return make("details", {}, make("summary", {}, title),
        make("div", { class: "snippet" }, make("pre", { tabindex: "0" }, text), copyButton(text)));
    }),
  ];
}

function showValues(id, values, config) {
  show(id, values.length > 0);
  byId(`${id}-body`).replaceChildren(
    make("table", { class: "values" }, make("tbody", {}, values.map((each) =>
      make("tr", {}, make("th", { scope: "row" }, make("bdi", {}, shortened(visible(each.name), 60))),
        make("td", {}, valueCell(each, config)))))),
  );
}

function valueCell(each, config) {
  if (!each.files.length) {
    return each.value === null ? make("span", { class: "faint" }, "too large to show") : make("code", {}, visible(jsonText(each.value)));
  }
  const shown = each.files.slice(0, 20).map((file) => {
    const name = shortened(visible(file.name), 80);
    const link = config.fileLink?.(file);
    return make("div", { class: "file" }, link ? make("a", { href: link }, name) : make("bdi", {}, name),
      make("span", { class: "hint" }, sizeText(file.bytes)));
  });
  const more = each.files.length - shown.length;
  return [...shown, more > 0 && make("div", { class: "hint" }, `and ${counted(more, "more file")}`)];
}

function showEnvironment(data) {
  show("environment");
  const { dxLocal, python, machine, cores, region, command } = data.environment;
  byId("environment-body").replaceChildren(
    ...pairs([
      ["dx-local", dxLocal], ["Python", python], ["machine", machine],
      ["cores", cores === null ? "" : String(cores)], ["region", region],
      ["run", data.run && make("code", {}, data.run)],
      ["command", command && make("code", {}, visible(shortened(command.map(quoted).join(" "), 2000)))],
    ]),
  );
}

/** Return a word as a shell takes it. */
function quoted(word) {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
