// The table of jobs: only the rows in view exist; filters and orders work on arrays.

const ROW = 34;
const SPARE = 8;
const MOST_PRINTED = 300;
const UNIT_MS = { ms: 1, s: 1000, m: 60000, h: 3600000 };
const ORDER_OF_KINDS = ["failed", "restarted", "ended", "running", "waiting", "reused", "done"];
const JOB_COLUMNS = [
  { key: "label", title: "job", of: (row) => row.index },
  { key: "state", title: "state", of: (row) => ORDER_OF_KINDS.indexOf(row.kind) },
  { key: "start", title: "start", of: (row) => row.started ?? Infinity, numeric: true, wide: true },
  { key: "duration", title: "duration", of: (row, now) => -(spanOf(row, now) ?? -1), numeric: true },
  { key: "memory", title: "memory", of: (row) => -(row.memory ?? -1), numeric: true, wide: true },
  { key: "cpu", title: "CPU time", of: (row) => -(row.cpu ?? -1), numeric: true, wide: true },
];

/** Return a test of rows for the words of a filter, all of which must hold. */
function filterOf(query, now) {
  const tests = query.trim().toLowerCase().split(/\s+/).filter(Boolean).map((word) => predicateOf(word, now));
  return (row) => tests.every((test) => test(row));
}

function predicateOf(word, now) {
  const span = /^([<>])(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(word);
  if (span) {
    const limit = Number(span[2]) * UNIT_MS[span[3] ?? "s"];
    return (row) => {
      const duration = spanOf(row, now);
      return duration !== null && (span[1] === ">" ? duration > limit : duration < limit);
    };
  }
  if (word.endsWith("[1]")) {
    const first = word.slice(0, -3);
    return (row) => row.label.toLowerCase() === first;
  }
  if (word === "failed") return (row) => row.kind === "failed";
  if (word === "restarted") return (row) => row.tries > 1;
  return (row) => row.text.includes(word);
}

class JobTable {
  constructor(onSelect) {
    this.onSelect = onSelect;
    this.rows = [];
    this.found = [];
    this.sort = { key: "label", isReversed: false };
    this.selected = null;
    this.box = byId("rows");
    this.space = byId("space");
    this.input = byId("filter");
    this.input.addEventListener("input", () => this.apply());
    this.box.addEventListener("scroll", () => this.paint(), { passive: true });
    this.box.addEventListener("keydown", (event) => this.onKey(event));
    window.addEventListener("beforeprint", () => this.paint(true));
    window.addEventListener("afterprint", () => this.paint());
  }

  use(rows, origin, now) {
    this.rows = rows;
    this.origin = origin;
    this.now = now;
    show("jobs");
    this.paintChips();
    this.update();
  }

  /** Filter and sort, and begin at the top. */
  apply() {
    this.box.scrollTop = 0;
    this.update();
  }

  update() {
    const began = performance.now();
    const query = this.input.value;
    this.found = this.rows.filter(filterOf(query, this.now));
    const { of } = JOB_COLUMNS.find((column) => column.key === this.sort.key);
    const sign = this.sort.isReversed ? -1 : 1;
    if (this.sort.key !== "label" || this.sort.isReversed || this.rows.some((row) => row.tryNumber !== undefined)) {
      const position = (row) => row.job * 16 + (row.tryNumber ?? 15);
      const value = this.sort.key === "label" ? position : (row) => of(row, this.now);
      this.found.sort((one, other) => sign * (value(one) - value(other) || 0) || position(one) - position(other));
    }
    this.paintHead();
    this.paint();
    const all = this.found.length === this.rows.length;
    byId("count").textContent = all ? counted(this.rows.length, "row") : `${numberText(this.found.length)} of ${numberText(this.rows.length)}`;
    document.documentElement.dataset.filtered = (performance.now() - began).toFixed(1);
  }

  paintChips() {
    const has = (kind) => this.rows.some((row) => row.kind === kind);
    const words = ["failed", "restarted", "running", "waiting"].filter(has);
    if (has("reused")) words.push("taken");
    byId("chips").replaceChildren(
      ...words.map((word) => make("button", { type: "button", onclick: () => {
        this.input.value = this.input.value.trim() === word ? "" : word;
        this.apply();
      } }, word === "taken" ? "taken over" : word)),
    );
  }

  paintHead() {
    const cells = JOB_COLUMNS.map(({ key, title, numeric, wide }) => {
      const isSorted = this.sort.key === key;
      const order = isSorted ? (this.sort.isReversed ? "descending" : "ascending") : "none";
      const arrow = isSorted ? (this.sort.isReversed ? " ↑" : " ↓") : "";
      return make("div", { role: "columnheader", "aria-sort": order, class: classesOf(numeric, wide) },
        make("button", { type: "button", "data-sort": key, onclick: () => this.sortBy(key) }, title + arrow));
    });
    const focused = document.activeElement?.dataset?.sort;
    byId("table-head").replaceChildren(make("div", { role: "row", class: "row head", "aria-rowindex": "1" }, cells));
    if (focused) byId("table-head").querySelector(`[data-sort="${focused}"]`).focus();
    byId("table").setAttribute("aria-rowcount", String(this.found.length + 1));
  }

  sortBy(key) {
    this.sort = { key, isReversed: this.sort.key === key && !this.sort.isReversed };
    this.apply();
  }

  paint(isForPrint = false) {
    const height = Math.min(this.found.length * ROW, 460);
    this.box.style.height = isForPrint ? "auto" : `${Math.max(height, ROW)}px`;
    const first = isForPrint ? 0 : Math.max(0, Math.floor(this.box.scrollTop / ROW) - SPARE);
    const count = isForPrint ? MOST_PRINTED : Math.ceil(height / ROW) + 2 * SPARE;
    const shown = this.found.slice(first, first + count);
    this.space.style.height = `${(isForPrint ? shown.length : this.found.length) * ROW}px`;
    const focused = document.activeElement?.dataset?.row;
    this.space.replaceChildren(
      ...(this.found.length ? shown.map((row, offset) => this.rowElement(row, first + offset)) :
        [make("p", { class: "hint nothing" }, "No job matches the filter.")]),
    );
    if (focused) this.space.querySelector(`[data-row="${focused}"]`)?.focus({ preventScroll: true });
  }

  rowElement(row, position) {
    const { mark, word } = KINDS[row.kind];
    const texts = {
      start: row.started === null ? "" : `+${durationText(row.started - this.origin)}`,
      duration: durationText(spanOf(row, this.now)),
      memory: sizeText(row.memory),
      cpu: row.cpu === null ? "" : durationText(row.cpu),
    };
    const tries = row.tryNumber === undefined && row.tries > 1 ? `, ${row.tries} tries` : "";
    const cells = JOB_COLUMNS.map(({ key, numeric, wide }) => {
      if (key === "label") {
        return make("div", { role: "cell", class: "label" },
          make("button", { type: "button", "data-row": String(row.index), onclick: () => this.onSelect(row.index) },
            make("bdi", {}, shortened(visible(row.label), 300))));
      }
      if (key === "state") return make("div", { role: "cell", class: "kind" }, `${mark} ${word}${tries}`);
      return make("div", { role: "cell", class: classesOf(numeric, wide) }, texts[key]);
    });
    const element = make("div", {
      role: "row", "aria-rowindex": String(position + 2),
      class: `row ${row.kind}${row.index === this.selected ? " selected" : ""}`,
    }, cells);
    element.style.top = `${position * ROW}px`;
    return element;
  }

  select(index) {
    this.selected = index;
    const position = this.found.findIndex((row) => row.index === index);
    if (position >= 0) this.scrollTo(position);
    this.paint();
  }

  scrollTo(position) {
    const top = position * ROW;
    if (top < this.box.scrollTop) this.box.scrollTop = top;
    else if (top + ROW > this.box.scrollTop + this.box.clientHeight) this.box.scrollTop = top + ROW - this.box.clientHeight;
  }

  onKey(event) {
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: 12, PageUp: -12, Home: -Infinity, End: Infinity };
    const row = event.target.dataset?.row;
    if (!(event.key in steps) || row === undefined) return;
    event.preventDefault();
    const position = this.found.findIndex((each) => each.index === Number(row));
    const next = Math.max(0, Math.min(this.found.length - 1, position + steps[event.key]));
    this.scrollTo(next);
    this.paint();
    this.space.querySelector(`[data-row="${this.found[next].index}"]`)?.focus({ preventScroll: true });
  }
}

function classesOf(numeric, wide) {
  return `${numeric ? "number" : ""} ${wide ? "wide" : ""}`.trim();
}
