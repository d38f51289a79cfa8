// The graph of entry points: nodes in columns from left to right, in an SVG of our own.

const SVG = "http://www.w3.org/2000/svg";
const NODE = { width: 152, height: 54, across: 56, down: 26, margin: 14 };
const NARROWEST = 640;

function drawGraph(data) {
  const edges = shownEdges(data.edges);
  show("graph", data.entryPoints.length > 1 && edges.length > 0);
  if (byId("graph").hidden) return;
  const places = layOut(data.entryPoints.length, edges);
  const right = Math.max(...places.map((place) => place.x)) + NODE.width + NODE.margin;
  const bottom = Math.max(...places.map((place) => place.y)) + NODE.height + NODE.margin;
  const svg = shape("svg", {
    viewBox: `0 0 ${right} ${bottom}`, width: right, height: bottom, role: "img",
    "aria-label": edges.map((edge) => edgeText(data, edge)).join("; "),
  });
  svg.style.minWidth = `${Math.min(right, NARROWEST)}px`; // a phone scrolls it instead of shrinking the texts
  for (const kind of ["starts", "dependsOn", "data"]) {
    svg.append(arrow(kind));
    for (const edge of edges) if (edge.kind === kind) svg.append(drawEdge(data, edge, places));
  }
  data.entryPoints.forEach((entryPoint, index) => svg.append(drawNode(data, entryPoint, places[index])));
  byId("graph-box").replaceChildren(svg);
}

/** Return the edges to draw: the start of an entry point only if it waits for nothing else. */
function shownEdges(edges) {
  const waiting = new Set(edges.filter((each) => each.kind !== "starts" && each.from !== each.to).map((each) => each.to));
  return edges.filter((each) => each.from !== each.to && (each.kind !== "starts" || !waiting.has(each.to)));
}

/** Return the places of nodes; the column of each is one after the last of those that it follows. */
function layOut(count, edges) {
  const columns = new Array(count).fill(0);
  // An edge back to an earlier column, as in a cycle, must not push nodes to the right for ever.
  for (let round = 0; round < count; round += 1) {
    for (const edge of edges) {
      if (edge.to > edge.from || !reaches(edges, edge.to, edge.from)) {
        columns[edge.to] = Math.min(count - 1, Math.max(columns[edge.to], columns[edge.from] + 1));
      }
    }
  }
  const used = [];
  const tallest = Math.max(...columns.map((column) => columns.filter((each) => each === column).length));
  return columns.map((column) => {
    const size = columns.filter((each) => each === column).length;
    const row = (used[column] = (used[column] ?? -1) + 1);
    return {
      x: NODE.margin + column * (NODE.width + NODE.across),
      y: NODE.margin + (row + (tallest - size) / 2) * (NODE.height + NODE.down),
    };
  });
}

function reaches(edges, from, to) {
  const seen = new Set();
  const open = [from];
  while (open.length) {
    const node = open.pop();
    if (node === to) return true;
    if (seen.has(node)) continue;
    seen.add(node);
    for (const edge of edges) if (edge.from === node) open.push(edge.to);
  }
  return false;
}

function drawEdge(data, edge, places) {
  const from = places[edge.from];
  const to = places[edge.to];
  const isBack = to.x <= from.x;
  const start = [from.x + (isBack ? NODE.width / 2 : NODE.width), from.y + (isBack ? NODE.height : NODE.height / 2)];
  const end = [to.x + (isBack ? NODE.width / 2 : -3), to.y + (isBack ? NODE.height : NODE.height / 2)];
  const bend = isBack ? [0, 40] : [Math.max(30, (end[0] - start[0]) / 2), 0];
  const second = isBack ? [end[0], end[1] + 40] : [end[0] - bend[0], end[1]];
  const path = `M${start} C${[start[0] + bend[0], start[1] + bend[1]]} ${second} ${end}`;
  const line = shape("path", { d: path, class: `edge ${edge.kind}`, "marker-end": `url(#arrow-${edge.kind})` });
  line.append(shape("title", {}, edgeText(data, edge)));
  return line;
}

function drawNode(data, entryPoint, place) {
  const group = shape("g", { transform: `translate(${place.x} ${place.y})` });
  const kind = entryPoint.failed ? "failed" : entryPoint.done === entryPoint.jobs ? "done" : "other";
  const name = entryPointName(data, entryPoint);
  const failed = entryPoint.failed ? `, ✗ ${numberText(entryPoint.failed)} failed` : "";
  group.append(
    shape("rect", { width: NODE.width, height: NODE.height, rx: 8, class: `node ${kind}` }),
    shape("text", { x: 12, y: 23, class: "node-name" }, shortened(visible(name), 19)),
    shape("text", { x: 12, y: 41, class: "node-count" }, `${counted(entryPoint.jobs, "job")}${failed}`),
    shape("title", {}, shortened(visible(name))),
  );
  return group;
}

function arrow(kind) {
  const marker = shape("marker", {
    id: `arrow-${kind}`, viewBox: "0 0 8 8", refX: 6, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto",
  });
  marker.append(shape("path", { d: "M0 0.5 L7 4 L0 7.5 z", class: `head ${kind}` }));
  return marker;
}

function edgeText(data, edge) {
  const [from, to] = [edge.from, edge.to].map((each) => visible(entryPointName(data, data.entryPoints[each])));
  const verbs = { data: "passes outputs to", dependsOn: "must be done before", starts: "starts" };
  return shortened(`${from} ${verbs[edge.kind]} ${to} (${counted(edge.jobs, "time")})`);
}

function entryPointName(data, entryPoint) {
  const names = new Set(data.entryPoints.map((each) => each.executableName));
  if (!entryPoint.function) return entryPoint.executableName; // a workflow has no entry points
  return names.size > 1 ? `${entryPoint.executableName}:${entryPoint.function}` : entryPoint.function;
}

function shape(tag, attributes, text = "") {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (text) element.textContent = text;
  return element;
}
