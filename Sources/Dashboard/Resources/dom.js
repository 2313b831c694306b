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

export function fill(element, ...children) {
  element.replaceChildren(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

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
    })), found.length === 0 ? "nothing of that name" : null);
  }
  draw();
  return make("details", { class: "menu" }, make("summary", {}, label), make("div", { class: "panel" }, search, list));
}

// A request again and again until the page is left; one at a time, slower while nobody looks.
export function every(seconds, element, work) {
  let wasThere = false;
  const step = async () => {
    wasThere ||= element.isConnected;
    if (wasThere && !element.isConnected) return;
    let pause = seconds;
    if (document.hidden) pause = 4 * seconds;
    else {
      try {
        if (await work() === false) return;
      } catch {
        pause = 4 * seconds;
      }
    }
    setTimeout(step, 1000 * pause);
  };
  setTimeout(step, 1000 * seconds);
}
