// The timeline: a canvas on which each row is a slot, and each bar a job.

const AXIS = 22;
const PAINT = {
  done: "--done-soft", reused: "--reused", running: "--running", waiting: "--line", restarted: "--ended-soft",
  ended: "--ended-soft", failed: "--failed",
};
// Failed jobs are painted last, so that no neighbour covers them.
const ORDER = ["waiting", "done", "reused", "running", "ended", "restarted", "failed"];

const LEAST = { failed: 3, reused: 9 }; // widths in pixels

class Timeline {
  constructor(onSelect) {
    this.canvas = byId("canvas");
    this.tip = byId("tip");
    this.onSelect = onSelect;
    this.rows = [];
    this.lanes = [];
    this.range = null;
    this.selected = null;
    this.anchor = null;
    this.listen();
  }

  /** Show these rows; the part that is zoomed to stays. */
  use(rows, now) {
    this.now = now;
    this.rows = rows.filter((row) => row.started !== null || row.reused);
    this.first = rows[0].created;
    this.last = this.first + 1;
    for (const row of this.rows) {
      this.first = Math.min(this.first, this.startOf(row));
      this.last = Math.max(this.last, this.endOf(row));
    }
    this.assignLanes();
    const height = Math.max(5, Math.min(22, Math.floor(380 / Math.max(1, this.lanes.length)))) * this.lanes.length;
    this.canvas.style.height = `${Math.max(44, Math.min(height, 420)) + AXIS}px`;
    this.draw();
  }

  /** Return the start of a bar; jobs that were taken over did not run, and stand at their creation. */
  startOf(row) {
    return row.started ?? row.created;
  }

  endOf(row) {
    return row.stopped ?? (row.reused ? row.created : this.now);
  }

  assignLanes() {
    const sorted = [...this.rows].sort((one, other) => this.startOf(one) - this.startOf(other) || one.index - other.index);
    this.lanes = [];
    for (const row of sorted) {
      let lane = this.lanes.findIndex((each) => this.endOf(each.at(-1)) <= this.startOf(row));
      if (lane < 0) lane = this.lanes.push([]) - 1;
      this.lanes[lane].push(row);
      row.lane = lane;
    }
  }

  get view() {
    return this.range ?? [this.first, this.last];
  }

  zoom(low, high) {
    const shortest = Math.max(1, (this.last - this.first) / 100000);
    const from = Math.max(this.first, Math.min(low, high));
    const to = Math.min(this.last, Math.max(low, high));
    if (to - from < shortest) return;
    this.range = from <= this.first && to >= this.last ? null : [from, to];
    this.draw();
  }

  scale(factor) {
    const [low, high] = this.view;
    const middle = (low + high) / 2;
    const half = ((high - low) * factor) / 2;
    this.zoom(middle - half, middle + half);
  }

  move(share) {
    const [low, high] = this.view;
    const step = Math.max(this.first - low, Math.min((high - low) * share, this.last - high));
    this.zoom(low + step, high + step);
  }

  all() {
    this.range = null;
    this.draw();
  }

  draw() {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    if (!width) return;
    const ratio = window.devicePixelRatio || 1;
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    const context = this.canvas.getContext("2d");
    context.scale(ratio, ratio);
    this.colours = coloursOf([...Object.values(PAINT), "--text", "--muted", "--line", "--card"]);
    this.drawAxis(context, width, height);
    this.hatched = new Set();
    for (const kind of ORDER) {
      context.fillStyle = kind === "reused" ? hatch(context, this.colours["--reused"]) : this.colours[PAINT[kind]];
      for (const row of this.rows) if (row.kind === kind) this.drawBar(context, row, width, height);
    }
    this.drawSelection(context, width, height);
  }

  /** Return the place of a row, or null if it is out of view. */
  boxOf(row, width, height) {
    const [low, high] = this.view;
    const start = this.startOf(row);
    const end = this.endOf(row);
    if (end < low || start > high) return null;
    const laneHeight = (height - AXIS) / this.lanes.length;
    const left = Math.max(-2, ((start - low) / (high - low)) * width);
    const right = Math.min(width + 2, ((end - low) / (high - low)) * width);
    const gap = row.kind === "failed" ? 0 : Math.min(2, laneHeight * 0.14);
    return {
      left,
      top: row.lane * laneHeight + gap,
      width: Math.max(LEAST[row.kind] ?? 0.7, right - left - (right - left > 4 ? 1 : 0)),
      height: laneHeight - 2 * gap,
    };
  }

  drawBar(context, row, width, height) {
    const box = this.boxOf(row, width, height);
    if (!box) return;
    if (row.kind === "reused") {
      // Jobs are taken over at once, and hatches on hatches would look solid.
      const place = `${row.lane} ${Math.round(box.left / 4)}`;
      if (this.hatched.has(place)) return;
      this.hatched.add(place);
    }
    if (row.kind === "ended" || row.kind === "restarted") {
      box.top += box.height / 4;
      box.height /= 2;
    }
    context.beginPath();
    if (box.width > 6 && box.height > 6) context.roundRect(box.left, box.top, box.width, box.height, 2.5);
    else context.rect(box.left, box.top, box.width, box.height);
    context.fill();
    const name = row.kind === "failed" ? `✗ ${row.label}` : row.label;
    if (box.width > 34 && box.height >= 11) this.drawName(context, name, row.kind, box);
    else if (row.kind === "failed" && box.width > 9 && box.height >= 9) this.drawName(context, "✗", row.kind, box);
  }

  drawName(context, name, kind, box) {
    const paint = context.fillStyle;
    context.save();
    context.clip();
    context.fillStyle = this.colours["--card"];
    if (["done", "reused", "waiting"].includes(kind)) context.fillStyle = this.colours["--text"];
    context.font = `${Math.min(11, box.height - 2)}px system-ui, sans-serif`;
    context.textAlign = "left";
    context.textBaseline = "middle";
    context.fillText(shortened(visible(name), 60), Math.max(box.left, 0) + 4, box.top + box.height / 2 + 0.5);
    context.restore();
    context.fillStyle = paint;
  }

  drawSelection(context, width, height) {
    const row = this.selected === null ? null : this.rows.find((each) => each.index === this.selected);
    const box = row && this.boxOf(row, width, height);
    if (box) {
      context.strokeStyle = this.colours["--text"];
      context.lineWidth = 1.5;
      context.strokeRect(box.left, box.top, box.width, box.height);
    }
    if (this.dragged) {
      const [from, to] = this.dragged;
      context.globalAlpha = 0.15;
      context.fillStyle = this.colours["--running"];
      context.fillRect(Math.min(from, to), 0, Math.abs(to - from), height - AXIS);
      context.globalAlpha = 1;
    }
  }

  drawAxis(context, width, height) {
    const [low, high] = this.view;
    const step = niceStep((high - low) / Math.max(2, width / 110));
    context.font = "11px system-ui, sans-serif";
    context.textBaseline = "alphabetic";
    const from = Math.ceil((low - this.first) / step) * step;
    for (let time = from; time <= high - this.first; time += step) {
      const x = ((time + this.first - low) / (high - low)) * width;
      context.fillStyle = this.colours["--line"];
      context.fillRect(x, 0, 1, height - AXIS + 4);
      context.fillStyle = this.colours["--muted"];
      context.textAlign = x < 20 ? "left" : x > width - 24 ? "right" : "center";
      context.fillText(axisText(time), x, height - 6);
    }
  }

  rowAt(event) {
    const place = this.canvas.getBoundingClientRect();
    const lane = Math.floor((event.clientY - place.top) / ((place.height - AXIS) / this.lanes.length));
    const [low, high] = this.view;
    const pixel = (high - low) / place.width;
    const time = low + (event.clientX - place.left) * pixel;
    const found = (this.lanes[lane] ?? []).filter(
      (row) => this.startOf(row) - 3 * pixel <= time && this.endOf(row) + (LEAST[row.kind] ?? 3) * pixel >= time,
    );
    const distance = (row) => Math.max(this.startOf(row) - time, time - this.endOf(row), 0);
    return found.sort((one, other) => distance(one) - distance(other))[0] ?? null;
  }

  listen() {
    const x = (event) => event.clientX - this.canvas.getBoundingClientRect().left;
    this.canvas.addEventListener("pointerdown", (event) => {
      if (event.button === 0) this.anchor = x(event);
    });
    this.canvas.addEventListener("pointermove", (event) => {
      if (this.anchor !== null && Math.abs(x(event) - this.anchor) > 5 && event.pointerType === "mouse") {
        if (!this.dragged) this.canvas.setPointerCapture(event.pointerId);
        this.dragged = [this.anchor, x(event)];
        this.draw();
      }
      this.showTip(event);
    });
    this.canvas.addEventListener("pointerup", (event) => {
      const [low, high] = this.view;
      const time = (pixel) => low + (pixel / this.canvas.clientWidth) * (high - low);
      const { dragged, anchor } = this;
      this.dragged = this.anchor = null;
      if (dragged) this.zoom(time(dragged[0]), time(dragged[1]));
      else if (anchor !== null) {
        const row = this.rowAt(event);
        if (row) this.onSelect(row.index);
      }
    });
    this.canvas.addEventListener("pointercancel", () => (this.dragged = this.anchor = null));
    this.canvas.addEventListener("pointerleave", () => (this.tip.hidden = true));
    this.canvas.addEventListener("keydown", (event) => {
      const actions = {
        "+": () => this.scale(0.5), "=": () => this.scale(0.5), "-": () => this.scale(2),
        ArrowLeft: () => this.move(-0.2), ArrowRight: () => this.move(0.2),
        Escape: () => this.all(), 0: () => this.all(),
      };
      if (!actions[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      actions[event.key]();
    });
    byId("zoom-in").addEventListener("click", () => this.scale(0.5));
    byId("zoom-out").addEventListener("click", () => this.scale(2));
    byId("zoom-all").addEventListener("click", () => this.all());
    new ResizeObserver(() => this.draw()).observe(this.canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
  }

  showTip(event) {
    const row = this.dragged ? null : this.rowAt(event);
    this.tip.hidden = !row;
    this.canvas.classList.toggle("over", Boolean(row));
    if (!row) return;
    const { mark, word } = KINDS[row.kind];
    const facts = [`${mark} ${word}`, durationText(spanOf(row, this.now)), sizeText(row.memory)];
    this.tip.replaceChildren(
      make("strong", {}, shortened(visible(row.label))),
      make("span", {}, facts.filter(Boolean).join("   ")),
    );
    const place = this.canvas.getBoundingClientRect();
    const left = Math.min(event.clientX - place.left + 12, place.width - this.tip.offsetWidth - 4);
    this.tip.style.left = `${Math.max(0, left)}px`;
    this.tip.style.top = `${event.clientY - place.top + 16}px`;
  }

  legend(rows) {
    const counts = {};
    for (const row of rows) counts[row.kind] = (counts[row.kind] ?? 0) + 1;
    byId("legend").replaceChildren(
      ...Object.keys(KINDS)
        .filter((kind) => counts[kind])
        .map((kind) =>
          make("li", {}, make("span", { class: `swatch ${kind}`, "aria-hidden": "true" }, kind === "failed" ? "✗" : ""),
            `${numberText(counts[kind])} ${KINDS[kind].word}`)),
    );
  }
}

/** Return the colours of custom properties as the canvas takes them. */
function coloursOf(names) {
  const probe = make("i");
  document.body.append(probe);
  const colours = {};
  for (const name of names) {
    probe.style.color = `var(${name})`;
    colours[name] = getComputedStyle(probe).color;
  }
  probe.remove();
  return colours;
}

function hatch(context, colour) {
  const tile = make("canvas", { width: "6", height: "6" });
  const paint = tile.getContext("2d");
  paint.fillStyle = colour;
  paint.globalAlpha = 0.35;
  paint.fillRect(0, 0, 6, 6);
  paint.globalAlpha = 1;
  paint.strokeStyle = colour;
  paint.lineWidth = 1.3;
  paint.beginPath();
  for (const offset of [-6, 0, 6]) {
    paint.moveTo(offset, 6);
    paint.lineTo(offset + 6, 0);
  }
  paint.stroke();
  return context.createPattern(tile, "repeat");
}

/** Return the next round number of ms: 1, 2 or 5 times a power of ten below a minute, then whole minutes. */
function niceStep(ms) {
  const long = [60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400].map((each) => each * 1000);
  if (ms > 30000) return long.find((each) => each >= ms) ?? Math.ceil(ms / 86400000) * 86400000;
  const power = 10 ** Math.floor(Math.log10(Math.max(ms, 1)));
  return [1, 2, 5, 10].map((each) => each * power).find((each) => each >= ms);
}
