// Numbers, times and texts for people.

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];
// Characters that would reorder or hide the text around them.
const UNSAFE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;
const ESCAPES = /\u001b\[[0-?]*[ -/]*[@-~]/g;

/** Return text without terminal colours, with the codes of invisible characters in their place. */
function visible(text) {
  return String(text)
    .replace(ESCAPES, "")
    .replace(UNSAFE, (found) => `[U+${found.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}]`);
}

/** Return a text that is cut in the middle if it is longer than `most` characters. */
function shortened(text, most = 160) {
  if (text.length <= most) return text;
  const half = (most - 1) >> 1;
  return `${text.slice(0, half)}…${text.slice(-half)}`;
}

function sizeText(bytes) {
  if (bytes === null || bytes === undefined) return "";
  let amount = bytes;
  let unit = 0;
  while (amount >= 1000 && unit < UNITS.length - 1) {
    amount /= 1024;
    unit += 1;
  }
  return `${unit && amount < 100 ? amount.toFixed(1) : Math.round(amount)} ${UNITS[unit]}`;
}

function durationText(ms) {
  if (ms === null || ms === undefined) return "";
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 59950) return `${(ms / 1000).toFixed(ms < 10000 ? 2 : 1)} s`;
  const seconds = Math.round(ms / 1000);
  const rest = String(seconds % 60).padStart(2, "0");
  const minutes = Math.floor(seconds / 60) % 60;
  const hours = Math.floor(seconds / 3600);
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}

/** Return a round duration for an axis. */
function axisText(ms) {
  if (ms === 0) return "0";
  if (ms < 1000) return `${Math.round(ms)} ms`;
  return ms < 59950 ? `${Number((ms / 1000).toFixed(3))} s` : durationText(ms);
}

function numberText(number) {
  return number.toLocaleString("en");
}

function counted(number, noun) {
  return `${numberText(number)} ${noun}${number === 1 ? "" : "s"}`;
}

function timeText(ms) {
  return new Date(ms).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });
}

/** Return JSON, indented if it is more than a line. */
function jsonText(value) {
  const short = JSON.stringify(value);
  return short.length > 80 ? JSON.stringify(value, null, 2) : short;
}
