// Elements made of names, attributes and children. Text is always set as text: no run's name can become markup.

export function make(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value" || name === "checked" || name === "selected") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

// A shape of a picture.
export function shape(tag, attributes, text) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

// Puts children in place of those that are there. What is drawn again leaves the keyboard where it was, and menus open.
export function fill(element, ...children) {
  const kept = keptOf(element);
  element.replaceChildren(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  kept?.forEach((restore) => restore());
  return element;
}

// The way to something within an element: a child's `data-key` where it has one, else its tag and number.
function wayTo(inner, element) {
  const way = [];
  for (let at = inner; at !== element; at = at.parentElement) {
    way.unshift({ key: at.dataset.key, tag: at.tagName, index: [...at.parentElement.children].indexOf(at) });
  }
  return way;
}

function follow(way, element) {
  let at = element;
  for (const { key, tag, index } of way) {
    const next = key === undefined ? at.children[index] : [...at.children].find((child) => child.dataset.key === key);
    if (next?.tagName !== tag) return null;
    at = next;
  }
  return at;
}

function keptOf(element) {
  if (!element.isConnected) return null;
  const kept = [...element.querySelectorAll("details[open]")].map((menu) => {
    const way = wayTo(menu, element);
    return () => { const found = follow(way, element); if (found) found.open = true; };
  });
  const focused = document.activeElement;
  if (!focused || focused === element || !element.contains(focused)) return kept;
  const way = wayTo(focused, element);
  const [start, end] = focused.matches("input:not([type]), input[type=text], input[type=search], textarea") ? [focused.selectionStart, focused.selectionEnd] : [];
  kept.push(() => {
    if (document.contains(focused)) return focused.focus({ preventScroll: true });
    const found = follow(way, element);
    found?.focus({ preventScroll: true });
    if (start !== undefined) found?.setSelectionRange?.(start, end);
  });
  return kept;
}

// What the pointer holds: it is not drawn again under a hand that drags.
let held = null;
addEventListener("pointerdown", (event) => { held = event.target; }, true);
for (const kind of ["pointerup", "pointercancel"]) addEventListener(kind, () => { held = null; }, true);
export const isHeld = (element) => held !== null && element.contains(held);

// Escape and a click elsewhere close an open menu.
addEventListener("keydown", (event) => {
  const menu = event.key === "Escape" ? document.activeElement?.closest("details.menu[open]") : null;
  if (!menu) return;
  menu.open = false;
  menu.querySelector("summary").focus();
});
addEventListener("click", (event) => {
  // What a click has drawn again is nowhere now: it was within its menu. A script's click saves a file.
  if (!event.target.isConnected || !event.isTrusted) return;
  for (const menu of document.querySelectorAll("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
});

export function link(text, address, attributes) {
  return make("a", { href: "#" + address, ...attributes }, text);
}

// A list to choose one of; `options` are values or [value, text] pairs.
export function choice(label, options, value, change) {
  const select = make("select", { "aria-label": label, onchange: () => change(select.value) },
    options.map((option) => {
      const [key, text] = Array.isArray(option) ? option : [option, option];
      return make("option", { value: key, selected: key === value }, text);
    }));
  return make("label", { class: "control" }, make("span", {}, label), select);
}

export function toggle(label, isOn, change) {
  const box = make("input", { type: "checkbox", checked: isOn, onchange: () => change(box.checked) });
  return make("label", { class: "control toggle" }, box, make("span", {}, label));
}

// Several of a list, with a field that searches it.
export function choices(label, options, chosen, change) {
  const search = make("input", { type: "search", placeholder: "search", "aria-label": `search ${label}`, oninput: draw });
  const list = make("div", { class: "choices" });
  const selected = new Set(chosen);
  function draw() {
    const words = search.value.toLowerCase();
    const found = options.filter((option) => (option[1] ?? option[0]).toLowerCase().includes(words)).slice(0, 200);
    fill(list, found.map(([key, text]) => toggle(text ?? key, selected.has(key), (isOn) => {
      if (isOn) selected.add(key); else selected.delete(key);
      change(options.map((option) => option[0]).filter((name) => selected.has(name)));
    })), found.length === 0 ? "nothing with that name" : null);
  }
  draw();
  return make("details", { class: "menu" }, make("summary", {}, label), make("div", { class: "panel" }, search, list));
}

// Who is told why a page is not kept up to date, and by nothing that it is again.
let tellTrouble = () => {};
export function whenTroubled(tell) { tellTrouble = tell; }

// A request again and again until the page is left; one at a time, slower while nobody looks or, as the work says with
// `false`, nothing happens: a job that is over may be given more runs.
export function every(seconds, element, work) {
  let wasThere = false;
  const step = async () => {
    wasThere ||= element.isConnected;
    if (wasThere && !element.isConnected) return;
    let pause = seconds;
    if (document.hidden) pause = 4 * seconds;
    else {
      try {
        if (await work() === false) pause = 10 * seconds;
        tellTrouble(null);
      } catch (error) {
        tellTrouble(error);
      }
    }
    setTimeout(step, 1000 * pause);
  };
  setTimeout(step, 1000 * seconds);
}
