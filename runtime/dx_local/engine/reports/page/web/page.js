// Show the report that is in the file, or follow the one of the server.

class Page {
  constructor(config) {
    this.config = config;
    this.source = config.mode === "file" ? new EmbeddedTexts(config) : new ServedTexts(config);
    this.shown = new Map();
    this.select = this.select.bind(this);
    this.timeline = new Timeline(this.select);
    this.table = new JobTable(this.select);
    this.details = new Details(this.source, config, this.select);
  }

  /** Show a report, or a later state of the same one; what has not changed stays as it is. */
  use(data, now) {
    this.data = data;
    KINDS.ended.word = data.state === "failed" ? "ended with it" : "stopped";
    this.rows = rowsOf(data);
    this.received = performance.now();
    this.sent = now;
    this.drawTimes(now);
    this.renew("cause", [data.cause, data.rerun], () => showCause(data, this.config));
    this.renew("entry points", [data.entryPoints, data.systemRequirements], () => showEntryPoints(data));
    this.renew("graph", [data.entryPoints, data.edges], () => drawGraph(data));
    this.renew("inputs", data.inputs, () => showValues("inputs", data.inputs, this.config));
    const outputs = data.state === "done" ? data.outputs : [];
    this.renew("outputs", outputs, () => showValues("outputs", outputs, this.config));
    this.renew("environment", data.environment, () => showEnvironment(data));
  }

  /** Show everything that grows with time. */
  drawTimes(now) {
    this.now = now;
    showHeader(this.data, this.rows, now);
    show("timeline", this.rows.some((row) => row.started !== null || row.reused));
    this.timeline.use(this.rows, now);
    this.timeline.legend(this.rows);
    this.table.use(this.rows, this.data.created, now);
  }

  /** Let the bars of running jobs grow between two messages of the server. */
  tick() {
    if (this.rows?.some((row) => row.kind === "running")) {
      this.drawTimes(this.sent + performance.now() - this.received);
    }
  }

  renew(name, value, draw) {
    const text = JSON.stringify(value);
    if (this.shown.get(name) === text) return;
    this.shown.set(name, text);
    draw();
  }

  select(index) {
    this.timeline.selected = index;
    this.timeline.draw();
    this.table.select(index);
    if (index === null) return;
    this.details.open(this.rows[index], this.rows, this.data, this.now);
    byId("details").scrollIntoView({ behavior: "smooth", block: "nearest" });
  }
}

/** Return the last time of a report that is no longer in progress. */
function endOf(data) {
  let created = 0;
  return data.jobs.created.reduce((last, step, index) => {
    created += step;
    return Math.max(last, created + Math.max(data.jobs.started[index] ?? 0, data.jobs.stopped[index] ?? 0));
  }, data.created + 1);
}

async function start() {
  const config = JSON.parse(byId("config").textContent);
  if (config.mode === "lists") return followLists(config);
  const page = new Page(config);
  if (config.mode === "live") return followReport(page, config);
  const data = await unpacked(byId("report-data").textContent);
  page.use(data, endOf(data));
  byId("footer").textContent = `Report of dx-local ${data.environment.dxLocal}. This file contains everything it shows and loads nothing.`;
  document.documentElement.dataset.ready = String(Math.round(performance.now()));
}

start();
