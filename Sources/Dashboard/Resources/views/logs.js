// A log, followed while it grows.
import { answers, ask, record } from "../base/api.js";
import { every, fill, make } from "../base/dom.js";
import { bytes } from "../base/format.js";
import { saveText, safeName, takeawayMenu } from "../takeaway/takeaway.js";

const mostLetters = 2_000_000;

export function logView(path, title) {
  const text = make("pre", { class: "log", tabindex: 0, "aria-label": title });
  const note = make("p", { class: "dim" });
  const earlier = make("button", { hidden: true }, "Earlier");
  const element = make("section", { class: "card" }, make("h3", {}, title), note, make("div", { class: "tools" }, takeawayMenu(safeName(title), null, null, { more: [["Text", () => saveText(`${safeName(title)}.txt`, "text/plain", text.textContent)]] }), earlier), text);
  let [first, next] = [null, null];
  async function read() {
    const part = await ask(path + (next === null ? "" : `?from=${next}`), undefined, next === null ? path : null);
    if (next !== null && part.from < next) text.textContent = "";
    if (first === null) first = part.from;
    const isAtEnd = text.scrollTop + text.clientHeight >= text.scrollHeight - 30;
    if (part.text) text.append(part.text);
    if (text.textContent.length > mostLetters) text.textContent = text.textContent.slice(-mostLetters / 2);
    next = part.next;
    earlier.hidden = first === 0 || record !== null;
    note.textContent = part.size === 0 ? (part.is_over ? "It is empty." : "It is empty so far; new lines appear here.") : `${bytes(part.size)}${part.is_over ? "" : ", followed"}`;
    if (isAtEnd) text.scrollTop = text.scrollHeight;
    // An export has what is shown, and follows nothing.
    if (!record) answers.set(path, { ...part, text: text.textContent, from: first, is_over: true });
    return !part.is_over || part.next < part.size;
  }
  earlier.addEventListener("click", async () => {
    const from = Math.max(0, first - 200_000);
    const part = await ask(`${path}?from=${from}`, undefined, null);
    // Offsets count bytes, text counts letters.
    text.prepend(new TextDecoder().decode(new TextEncoder().encode(part.text).slice(0, first - from)));
    first = from;
    earlier.hidden = first === 0;
  });
  read().then((goesOn) => { if (goesOn) every(2, element, read); }).catch((error) => fill(note, error.message));
  return element;
}
