// Requests to the server, or to the record that an exported page carries.

const keyOfToken = "spd-token:" + location.pathname;
const element = document.getElementById("record");
// What an exported page shows: its address and all answers that it needs.
export const record = element ? JSON.parse(element.textContent) : null;
// The answers that the present view was made of, for an export.
export const answers = new Map();

// Takes the token out of the address, so a copied address is not a key.
export function takeToken() {
  const found = /[?&]token=([0-9a-f]+)/.exec(location.hash);
  if (!found) return;
  keep(found[1]);
  const rest = location.hash.replace(/([?&])token=[0-9a-f]+&?/, "$1").replace(/[?&]$/, "");
  history.replaceState(null, "", location.pathname + rest);
}

export function keep(token) {
  try { localStorage.setItem(keyOfToken, token); } catch { memory = token; }
}
let memory = "";

function currentToken() {
  try { return localStorage.getItem(keyOfToken) ?? memory; } catch { return memory; }
}

export class Refused extends Error {}
export class Unreachable extends Error {}

async function send(path, body) {
  let answer;
  try {
    answer = await fetch("api/" + path, {
      method: body === undefined ? "GET" : "POST", body: body === undefined ? undefined : JSON.stringify(body),
      headers: { Authorization: "Bearer " + currentToken() }, cache: "no-store", credentials: "omit",
    });
  } catch {
    throw new Unreachable("the server does not answer: it was stopped, or the ssh connection is gone. Start `orchestrator ui` again and open its link.");
  }
  if (answer.ok) return answer;
  let reason = `The server answered ${answer.status}.`;
  try { reason = (await answer.json()).error ?? reason; } catch { /* not ours */ }
  if (answer.status === 401) throw new Refused(reason);
  throw new Error(reason);
}

// What was asked for and has not come yet.
const requests = new Set();
function underWay(request) {
  requests.add(request);
  const end = () => { requests.delete(request); };
  request.then(end, end);
  return request;
}

// Waits until a view has all that it asks for: what is taken away before that would lack it.
export async function settled() {
  do {
    await Promise.allSettled([...requests]);
    // By then an answer has led to the next question.
    await new Promise((resolve) => { setTimeout(resolve); });
  } while (requests.size);
}

const keyOf = (path, body) => path + (body === undefined ? "" : "\n" + JSON.stringify(body));

function recorded(key) {
  if (key in record.answers) return record.answers[key];
  throw new Error("This exported page does not contain that: only a server has it.");
}

// `keepsFor`: the key under which an export looks it up, where that is not the request itself; null for not at all.
export async function ask(path, body, keepsFor) {
  const key = keepsFor === undefined ? keyOf(path, body) : keepsFor;
  if (record) return recorded(key ?? keyOf(path, body));
  const answer = await underWay(send(path, body).then((reply) => reply.json()));
  if (key !== null) answers.set(key, answer);
  return answer;
}

export const askText = (path) => underWay(send(path).then((reply) => reply.text()));

// A picture as an address that an image takes.
export async function askPicture(path) {
  if (record) return recorded(path);
  const address = await underWay(send(path).then((reply) => reply.blob()).then((blob) => new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(blob);
  })));
  answers.set(path, address);
  return address;
}
