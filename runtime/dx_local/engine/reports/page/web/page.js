// Show the report that is in the file, or follow the one of the server.

class Page {
  constructor(config) {
    this.config = config;
    this.source = config.mode === "file" ? new EmbeddedTexts(config) : new ServedTexts(config);
    this.select = this.select.bind(this);
    this.timeline = new Timeline(this.select);
    this.table = new JobTable(this.select);
    this.details = new Details(this.source, config, this.select);
  }

  /** Show a report, or a later state of the same one. */
  use(data, now) {
    this.data = data;
    this.now = now;
    this.rows = rowsOf(data);
    showHeader(data, this.rows, now);
    showCause(data, this.config);
    show("timeline", this.rows.some((row) => row.started !== null));
    this.timeline.use(this.rows, now);
    this.timeline.legend(this.rows);
    showEntryPoints(data);
    drawGraph(data);
    this.table.use(this.rows, data.created, now);
    showValues("inputs", data.inputs, this.config);
    showValues("outputs", data.state === "done" ? data.outputs : [], this.config);
    showEnvironment(data);
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
