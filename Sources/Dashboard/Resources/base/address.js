// What is shown is in the address, behind the `#`: it can be kept, sent, and gone back to.
import { record } from "./api.js";

const text = () => (record ? exported ?? record.address : location.hash.slice(1));
let exported = null;
const listeners = [];

export function place() {
  const [path] = text().split("?");
  return path.split("/").filter((part) => part).map(decodeURIComponent);
}

function parameters() { return new URLSearchParams(text().split("?")[1] ?? ""); }

export function setting(name, standard) { return parameters().get(name) ?? standard; }

export function list(name, standard) {
  const value = parameters().get(name);
  return value === null ? standard : value.split(",").filter((part) => part).map(decodeURIComponent);
}

export const listText = (values) => values.map((value) => encodeURIComponent(value)).join(",");

// Changes parts of what is shown; null takes a part away. The back button skips it, unless it is its own view.
export function change(parts, isView) {
  const query = parameters();
  for (const [name, value] of Object.entries(parts)) {
    if (value === null || value === undefined || value === "") query.delete(name); else query.set(name, value);
  }
  const rest = query.toString();
  const next = "/" + place().map(encodeURIComponent).join("/") + (rest ? "?" + rest : "");
  if (record) exported = next;
  else if (isView) history.pushState(null, "", location.pathname + "#" + next);
  else history.replaceState(null, "", location.pathname + "#" + next);
}

export function whole() { return text(); }

// In an exported page links within it change what is shown without an address.
export function go(address) {
  if (record) { exported = address; listeners.forEach((listener) => listener()); } else location.hash = address;
}

export function whenMoved(listener) {
  listeners.push(listener);
  addEventListener("hashchange", listener);
}
