// Numbers and times as people read them.

export function number(value) {
  if (value === null || value === undefined || value === "") return "";
  if (typeof value === "boolean") return String(value);
  if (typeof value === "string") return value;
  if (typeof value === "object") return JSON.stringify(value);
  if (!Number.isFinite(value)) return String(value);
  if (Number.isInteger(value) && Math.abs(value) < 1e7) return String(value);
  const size = Math.abs(value);
  return size !== 0 && (size < 1e-3 || size >= 1e6) ? Number(value.toPrecision(4)).toExponential() : String(Number(value.toPrecision(5)));
}

export function duration(seconds) {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return "";
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172800) return `${(seconds / 3600).toFixed(1)} h`;
  return `${(seconds / 86400).toFixed(1)} d`;
}

export function moment(unix) {
  if (!unix) return "";
  const time = new Date(1000 * unix);
  const two = (part) => String(part).padStart(2, "0");
  return `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())} ${two(time.getHours())}:${two(time.getMinutes())}`;
}

export function bytes(count) {
  if (count < 1000) return `${count} B`;
  const units = ["kB", "MB", "GB", "TB"];
  let size = count / 1000;
  let unit = 0;
  while (size >= 1000 && unit < 3) { size /= 1000; unit += 1; }
  return `${size.toFixed(1)} ${units[unit]}`;
}

export function plural(count, noun) { return `${count} ${noun}${count === 1 ? "" : "s"}`; }

// Strings with numbers in them come in the numbers' order.
export function compare(a, b) {
  const isNothing = (value) => value === null || value === undefined || value === "";
  if (isNothing(a) || isNothing(b)) return isNothing(a) - isNothing(b);
  if (typeof a === "number" && typeof b === "number") return a - b;
  return String(a).localeCompare(String(b), "en", { numeric: true });
}

// A field of a table as RFC 4180 has it.
export function csvField(value) {
  const text = value === null || value === undefined ? "" : typeof value === "object" ? JSON.stringify(value) : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export function csv(rows) { return rows.map((row) => row.map(csvField).join(",") + "\r\n").join(""); }
