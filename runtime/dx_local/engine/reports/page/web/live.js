// The same page, with data from the server: reports and lists as they change, and logs as they grow.

const MOST_LINES = 5000;

/** Texts of jobs that the server sends. */
class ServedTexts {
  constructor(config) {
    this.config = config;
    this.stream = null;
  }

  log(row) {
    this.stop();
    const box = make("pre", { class: "log", tabindex: "0" });
    const number = row.tryNumber ?? row.tries - 1;
    this.stream = new EventSource(`/ui/log/${row.id}?try=${number}`);
    let count = 0;
    this.stream.addEventListener("open", () => {
      // After a lost connection, the server sends the lines from the beginning.
      box.textContent = "";
      count = 0;
    });
    this.stream.addEventListener("message", (event) => {
      const isAtEnd = box.scrollTop + box.clientHeight >= box.scrollHeight - 30;
      const lines = JSON.parse(event.data);
      box.append(lines.map((line) => `${visible(line)}\n`).join(""));
      count += lines.length;
      while (count > MOST_LINES && box.childNodes.length > 1) {
        count -= box.firstChild.data.split("\n").length - 1;
        box.firstChild.remove();
      }
      if (isAtEnd) box.scrollTop = box.scrollHeight;
    });
    this.stream.addEventListener("end", () => this.stop());
    return box;
  }

  async values(row) {
    const answer = await fetch(`/ui/values/${row.id}`);
    return answer.ok ? answer.json() : null;
  }

  stop() {
    this.stream?.close();
    this.stream = null;
  }
}

function crumbs(...links) {
  show("crumbs");
  byId("crumbs").replaceChildren(...links.map(([text, href]) => make("a", { href }, text)));
}

function followReport(page, config) {
  crumbs(["Local platform", "/ui/"]);
  page.config.fileLink = (file) => (file.bytes === null ? null : `/ui/file/${file.id}`);
  const stream = new EventSource(`/ui/events/${config.root}`);
  stream.addEventListener("message", async (event) => {
    const { now, report } = JSON.parse(event.data);
    const data = await unpacked(report);
    document.title = `${data.state}: ${shortened(visible(data.name))}`;
    page.use(data, now);
    document.documentElement.dataset.ready = String(Math.round(performance.now()));
  });
  const timer = setInterval(() => page.tick(), 1000);
  stream.addEventListener("end", () => {
    clearInterval(timer);
    stream.close();
  });
  connection(stream);
}

/** Tell whether the server still answers. */
function connection(stream) {
  const footer = byId("footer");
  stream.addEventListener("open", () => (footer.textContent = "Live: this page follows the server."));
  stream.addEventListener("error", () => {
    footer.textContent = stream.readyState === EventSource.CLOSED ? "The run has ended, or the server is gone." : "The server does not answer; trying again.";
  });
  stream.addEventListener("end", () => (footer.textContent = "Ended: nothing can change any more."));
}

/** Show what a platform holds: its executions and projects, or the files of one project. */
function followLists(config) {
  byId("state").textContent = "";
  byId("name").textContent = visible(config.title);
  if (config.project) crumbs(["Local platform", "/ui/"]);
  const stream = new EventSource(config.project ? `/ui/lists/${config.project}` : "/ui/lists");
  stream.addEventListener("message", (event) => {
    const data = JSON.parse(event.data);
    byId("sentence").textContent = visible(data.sentence);
    show("lists");
    byId("lists").replaceChildren(...data.lists.map(listCard));
    document.documentElement.dataset.ready = String(Math.round(performance.now()));
  });
  connection(stream);
}

function listCard(list) {
  const head = make("thead", {}, make("tr", {}, list.columns.map((each, index) =>
    make("th", { scope: "col", class: isNumeric(list.rows[0]?.[index]) ? "number" : "" }, each))));
  const body = make("tbody", {}, list.rows.map((row) => make("tr", {}, row.map(listCell))));
  return make("section", { class: "card" }, make("h2", {}, list.title),
    list.rows.length ? make("div", { class: "scroll" }, make("table", {}, head, body)) : make("p", { class: "hint" }, list.nothing));
}

function isNumeric(value) {
  return value !== null && typeof value === "object" && ("bytes" in value || "ms" in value || "number" in value);
}

/** Return a cell for a text, or for {text, href}, {time}, {bytes}, {ms}, {number} or {state}. */
function listCell(value) {
  if (value === null || typeof value !== "object") return make("td", {}, make("bdi", {}, shortened(visible(value ?? ""))));
  if ("href" in value) return make("td", {}, make("a", { href: value.href }, make("bdi", {}, shortened(visible(value.text)))));
  if ("bytes" in value) return make("td", { class: "number" }, sizeText(value.bytes));
  if ("number" in value) return make("td", { class: "number" }, numberText(value.number));
  if ("ms" in value) return make("td", { class: "number" }, durationText(value.ms));
  if ("time" in value) return make("td", {}, value.time === null ? "" : timeText(value.time));
  const mark = RUN_MARKS[value.state] ?? "◌";
  return make("td", {}, make("span", { class: `state ${value.state}` }, `${mark} ${value.state.replaceAll("_", " ")}`));
}
