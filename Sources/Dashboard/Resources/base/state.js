// What this browser remembers, besides what the address holds.

export function remembered(name, standard) {
  try { return JSON.parse(localStorage.getItem("spd:" + name)) ?? standard; } catch { return standard; }
}

export function remember(name, value) {
  try { localStorage.setItem("spd:" + name, JSON.stringify(value)); } catch { /* a browser that keeps nothing */ }
}
