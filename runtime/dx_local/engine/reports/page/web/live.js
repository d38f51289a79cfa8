// The same page, with data from the server: reports and lists as they change, and logs as they grow.

const MOST_LINES = 5000;

/** Messages of the server, one after the other; while the page is hidden, it leaves its connection to others. */
class Stream {
  /** `on` has a function `message`, and may have `open`, `lost` and `end`. */
  constructor(url, on) {
    // Browsers open at most six connections to one server, over all their tabs.
    this.turn = () => (document.hidden ? this.pause() : this.open());
    this.url = url;
    this.on = on;
    this.source = null;
    this.isOver = false;
    document.addEventListener("visibilitychange", this.turn);
    this.open();
  }

  open() {
    if (this.isOver || this.source) return;
    const source = new EventSource(this.url);
    this.source = source;
    source.addEventListener("open", () => this.on.open?.());
    source.addEventListener("message", (event) => this.on.message(JSON.parse(event.data)));
    source.addEventListener("error", () => this.on.lost?.(source.readyState === EventSource.CLOSED));
    source.addEventListener("end", () => {
      this.stop();
      this.on.end?.();
    });
  }

  pause() {
    this.source?.close();
    this.source = null;
  }

  stop() {
    this.isOver = true;
    this.pause();
    document.removeEventListener("visibilitychange", this.turn);
  }
}

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
    let count = 0;
    this.stream = new Stream(`/ui/log/${row.id}?try=${number}`, {
      // After a lost connection, the server sends the lines from the beginning.
      open: () => {
        box.textContent = "";
        count = 0;
      },
      message: (lines) => {
        const isAtEnd = box.scrollTop + box.clientHeight >= box.scrollHeight - 30;
        box.append(lines.map((line) => `${visible(line)}\n`).join(""));
        count += lines.length;
        while (count > MOST_LINES && box.childNodes.length > 1) {
          count -= box.firstChild.data.split("\n").length - 1;
          box.firstChild.remove();
        }
        if (isAtEnd) box.scrollTop = box.scrollHeight;
      },
    });
    return box;
  }

  async values(row) {
    const answer = await fetch(`/ui/values/${row.id}`);
    return answer.ok ? answer.json() : null;
  }

  stop() {
    this.stream?.stop();
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
  const timer = setInterval(() => page.tick(), 1000);
  follow(`/ui/events/${config.root}`, async ({ now, report }) => {
    const data = await unpacked(report);
    document.title = `${data.state}: ${shortened(visible(data.name))}`;
    page.use(data, now);
  }, () => clearInterval(timer));
}

/** Show what a platform holds: its executions and projects, or the files of one project. */
function followLists(config) {
  byId("state").textContent = "";
  byId("name").textContent = visible(config.title);
  if (config.project) crumbs(["Local platform", "/ui/"]);
  follow(config.project ? `/ui/lists/${config.project}` : "/ui/lists", (data) => {
    byId("sentence").textContent = visible(data.sentence);
    show("lists");
    byId("lists").replaceChildren(...data.lists.map(listCard));
  });
}

/** Show each message of the server, and below whether it still answers. */
function follow(url, showMessage, onEnd = () => {}) {
  const footer = byId("footer");
  new Stream(url, {
    open: () => (footer.textContent = "Live: this page follows the server."),
    message: async (data) => {
      await showMessage(data);
      document.documentElement.dataset.ready = String(Math.round(performance.now()));
    },
    lost: (isClosed) => {
      footer.textContent = isClosed ? "The server refuses this page: open its new link." : "The server does not answer; trying again.";
    },
    end: () => {
      footer.textContent = "The run has ended.";
      onEnd();
    },
  });
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
