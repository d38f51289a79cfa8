// Unpack the data of a report: the other end of packing.py.

async function unpacked(base64) {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return JSON.parse(await new Response(stream).text());
}

const KINDS = {
  done: { word: "done", mark: "✓" },
  reused: { word: "taken over", mark: "↺" },
  running: { word: "running", mark: "▶" },
  waiting: { word: "waiting", mark: "◌" },
  restarted: { word: "restarted", mark: "⟳" },
  ended: { word: "ended with it", mark: "◼" },
  failed: { word: "failed", mark: "✗" },
};

/** Return the rows of a report: all jobs, and then the earlier tries of restarted ones. */
function rowsOf(data) {
  const { jobs, earlierTries: earlier, entryPoints, texts } = data;
  const names = [];
  const text = (position) => (position === null ? null : texts[position]);
  const odd = new Map(jobs.log);
  let created = 0;
  let number = 0;
  const rows = jobs.id.map((id, index) => {
    created += jobs.created[index];
    number += jobs.number[index];
    const name = typeof jobs.name[index] === "number" ? names[jobs.name[index]] : jobs.name[index];
    if (typeof jobs.name[index] !== "number") names.push(name);
    const row = {
      index,
      job: index,
      id: id.startsWith("analysis-") ? id : `job-${id}`,
      label: number > 1 ? `${name}[${number}]` : name,
      entryPoint: jobs.entryPoint[index],
      parent: jobs.parent[index],
      created,
      tries: jobs.tries[index],
      reused: jobs.reused[index] === 1,
      again: text(jobs.again[index]),
      node: text(jobs.node[index]),
      state: text(jobs.state[index]),
      ...measuresOf(jobs, index, created, text),
    };
    row.kind = kindOf(row);
    row.log = odd.has(index) ? odd.get(index) : row.started === null ? null : usualLog(row, entryPoints);
    return row;
  });
  const count = rows.length;
  earlier.job.forEach((job, position) => {
    const last = rows[job];
    rows.push({
      ...last,
      index: count + position,
      label: `${last.label} try ${earlier.number[position] + 1}`,
      tryNumber: earlier.number[position],
      node: text(earlier.node[position]),
      state: "restarted",
      kind: "restarted",
      ...measuresOf(earlier, position, last.created, text),
      log: earlier.log[position],
    });
  });
  for (const row of rows) {
    const entryPoint = entryPoints[row.entryPoint];
    const words = [row.label, row.state, KINDS[row.kind].word, entryPoint.function, row.reason ?? "", row.id];
    row.text = words.join("\n").toLowerCase();
  }
  return rows;
}

function measuresOf(columns, index, created, text) {
  const plus = (value) => (value === null ? null : created + value);
  const kib = (value) => (value === null ? null : value * 1024);
  return {
    started: plus(columns.started[index]),
    stopped: plus(columns.stopped[index]),
    memory: kib(columns.memory[index]),
    disk: kib(columns.disk[index]),
    cpu: columns.cpu[index],
    reason: text(columns.reason[index]),
    message: text(columns.message[index]),
  };
}

function kindOf(row) {
  if (row.reused) return "reused";
  if (row.state === "done") return "done";
  if (row.state === "failed") return row.reason === "JobTreeFailure" ? "ended" : "failed";
  if (row.state === "terminated" || row.state === "terminating") return "ended";
  // A job whose code has ended may wait for the outputs of others.
  return row.started === null || row.stopped !== null ? "waiting" : "running";
}

function usualLog(row, entryPoints) {
  const ending = row.tries > 1 ? `-try-${row.tries - 1}` : "";
  return `jobs/${entryPoints[row.entryPoint].function}-${row.id}${ending}/log.txt`;
}

/** Return the duration of a row in ms, up to `now` if it runs; null if it did not run. */
function spanOf(row, now) {
  return row.started === null ? null : Math.max(0, (row.stopped ?? now) - row.started);
}
