// The sandbox's page: no build, no other host. What it shows it asks of /_sandbox/, when the event stream says so.
import { faults, lookAgain, rules, state } from "/_sandbox/panels.js";
import { $, act, ask, make, speech } from "/_sandbox/tools.js";
import { WORDS } from "/_sandbox/words.js";

const ROW = 64; // pixels, as in the style sheet
const PAGE = 50;
let chosen = "";
let shown = ""; // whose conversation is in the page: it is that of the chosen one once the answer is there
let query = "";
let total = 0;
let pages = new Map(); // number of a page -> its handsets, or a promise of them

// -- words -----------------------------------------------------------------------------------------------------------

function speak(language) {
  speech.words = WORDS[language] || WORDS.en;
  document.documentElement.lang = language;
  for (const element of document.querySelectorAll("[data-word]")) element.textContent = speech.words[element.dataset.word];
  for (const element of document.querySelectorAll("[data-label]")) element.setAttribute("aria-label", speech.words[element.dataset.label]);
  for (const button of document.querySelectorAll("[data-language]")) {
    button.setAttribute("aria-pressed", String(button.dataset.language === language));
  }
  try { localStorage.setItem("language", language); } catch { /* not kept */ }
  listening(source && source.readyState === EventSource.OPEN);
  refresh();
}

// -- handsets: a list as long as it likes, of which only what is seen is in the page -----------------------------------

function page(number) {
  if (!pages.has(number)) {
    const asked = ask(`handsets?search=${encodeURIComponent(query)}&offset=${number * PAGE}&limit=${PAGE}`).then((told) => {
      if (pages.get(number) !== asked) return;
      pages.set(number, told.handsets);
      if (told.total !== total) { total = told.total; measure(); }
      draw();
    });
    pages.set(number, asked);
    asked.catch(() => pages.delete(number));
  }
  const held = pages.get(number);
  return Array.isArray(held) ? held : null;
}

function measure() {
  $("rows").style.height = `${total * ROW}px`;
  $("found").textContent = total || query ? speech.words.found(total) : speech.words.nobody;
}

function draw() {
  const box = $("scroller");
  const first = Math.max(0, Math.floor(box.scrollTop / ROW) - 5);
  const last = Math.min(total, Math.ceil((box.scrollTop + box.clientHeight) / ROW) + 5);
  const focused = document.activeElement && document.activeElement.closest("#rows button");
  const held = focused ? focused.dataset.place : null;
  const rows = [];
  for (let number = Math.floor(first / PAGE); number <= Math.floor(Math.max(first, last - 1) / PAGE); number++) page(number);
  for (let place = first; place < last; place++) {
    const known = page(Math.floor(place / PAGE));
    rows.push(row(place, known ? known[place % PAGE] : undefined));
  }
  $("rows").replaceChildren(...rows);
  if (held !== null) {
    const again = $("rows").querySelector(`[data-place="${held}"]`);
    if (again) again.focus({ preventScroll: true });
  }
}

function row(place, handset) {
  const button = make("button", { type: "button" });
  button.dataset.place = place;
  if (handset) {
    button.dataset.phone = handset.phone;
    if (handset.phone === chosen) button.setAttribute("aria-current", "true");
    button.append(
      make("span", { className: "top" }, make("strong", {}, `+${handset.phone}`), make("time", {}, handset.at.replace("T", " ").slice(5, 16))),
      make("span", { className: "text" }, `${handset.count > 1 ? `(${handset.count}) ` : ""}${handset.text}`),
    );
  } else {
    button.append(make("span", { className: "text" }, "…"));
  }
  const item = make("li", {}, button);
  item.setAttribute("aria-setsize", String(total));
  item.setAttribute("aria-posinset", String(place + 1));
  item.style.top = `${place * ROW}px`;
  return item;
}

function relist() {
  pages = new Map();
  page(0);
  draw();
}

async function show(phone, focus = false) {
  chosen = phone;
  const told = await ask(`conversation?phone=${encodeURIComponent(phone)}`);
  if (chosen !== phone) return;
  const log = $("log");
  const follows = phone !== shown || log.scrollHeight - log.scrollTop - log.clientHeight < 40;
  shown = phone;
  $("who").textContent = `+${phone}${told.opted_out ? ` · ${speech.words.opted}` : ""}`;
  const lines = told.lines.map(line);
  if (told.earlier) lines.unshift(make("li", { className: "earlier" }, speech.words.earlier(told.earlier)));
  $("lines").replaceChildren(...lines);
  $("reply-form").hidden = false;
  if (follows) log.scrollTop = log.scrollHeight;
  draw();
  if (focus) $("who").focus();
}

function line(told) {
  const bubble = make("p", { className: "bubble" });
  let rest = told.text;
  if (told.costly.length) {
    const costly = new Set(told.costly);
    let plain = "";
    for (const character of rest) {
      if (!costly.has(character)) { plain += character; continue; }
      bubble.append(plain, make("mark", {}, character));
      plain = "";
    }
    rest = plain;
  }
  bubble.append(rest);
  const facts = make("p", { className: "facts" });
  const state = { delivered: "good", waiting: "", undelivered: "bad", unassigned: "bad" }[told.state];
  if (told.own) facts.append(`${speech.words.replied} · ${told.at}`);
  else {
    facts.append(`${speech.words.from} ${told.sender} · ${told.at} · ${told.protocol} · ${speech.words.parts(told.parts)} · `);
    facts.append(make("span", { className: state || "" }, speech.words[told.state]));
    if (told.costly.length) facts.append(" · ", make("span", { className: "warn" }, speech.words.costly(told.costly.join(" "))));
    if (told.media) facts.append(` · ${speech.words.media}: ${told.media}`);
  }
  return make("li", { className: told.own ? "own" : "" }, bubble, facts);
}

function refresh() {
  measure();
  relist();
  lookAgain();
  if (chosen) show(chosen).catch(() => {});
}

// -- what happens -------------------------------------------------------------------------------------------------------

let source = null;
let soon = 0;
let stale = false; // whether the conversation may have changed

function listening(on) {
  $("live").classList.toggle("on", Boolean(on));
  $("live-words").textContent = on ? speech.words.live : speech.words.lost;
}

function listen() {
  source = new EventSource("/_sandbox/events");
  source.addEventListener("open", () => { listening(true); refresh(); });
  source.addEventListener("error", () => listening(false));
  source.addEventListener("message", (message) => {
    const told = JSON.parse(message.data);
    if (told.kind === "reset") {
      chosen = shown = "";
      $("lines").replaceChildren();
      $("reply-form").hidden = true;
      $("who").textContent = speech.words.choose;
    }
    stale = stale || !told.phone || told.phone === chosen; // texts to several have no number
    // Texts may come by the thousand a second: the page looks again a few times in one.
    if (!soon) soon = setTimeout(() => {
      soon = 0;
      relist();
      lookAgain();
      if (chosen && stale) show(chosen).catch(() => {});
      stale = false;
    }, 250);
  });
}

// -- acting -------------------------------------------------------------------------------------------------------------

const tabs = [...document.querySelectorAll('[role="tab"]')];

function select(tab) {
  for (const each of tabs) {
    const on = each === tab;
    each.setAttribute("aria-selected", String(on));
    each.tabIndex = on ? 0 : -1;
    $(each.getAttribute("aria-controls")).hidden = !on;
  }
  lookAgain();
  draw();
}

for (const tab of tabs) {
  tab.addEventListener("click", () => select(tab));
  tab.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const next = event.key === "Home" ? tabs[0] : event.key === "End" ? tabs.at(-1) : step ? tabs[(tabs.indexOf(tab) + step + tabs.length) % tabs.length] : null;
    if (!next) return;
    event.preventDefault();
    next.focus();
    select(next);
  });
}

$("scroller").addEventListener("scroll", () => requestAnimationFrame(draw), { passive: true });
$("rows").addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button && button.dataset.phone) show(button.dataset.phone, true).catch((error) => { $("notice").textContent = error.message; });
});
$("rows").addEventListener("keydown", (event) => {
  const button = event.target.closest("button");
  const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 }[event.key];
  const wanted = event.key === "Home" ? 0 : event.key === "End" ? total - 1 : step ? Number(button.dataset.place) + step : null;
  if (!button || wanted === null) return;
  event.preventDefault();
  const place = Math.max(0, Math.min(total - 1, wanted));
  const box = $("scroller");
  if (place * ROW < box.scrollTop) box.scrollTop = place * ROW;
  else if ((place + 1) * ROW > box.scrollTop + box.clientHeight) box.scrollTop = (place + 1) * ROW - box.clientHeight;
  draw();
  const next = $("rows").querySelector(`[data-place="${place}"]`);
  if (next) next.focus({ preventScroll: true });
});

let typing = 0;
$("search").addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(() => { query = $("search").value.trim(); $("scroller").scrollTop = 0; relist(); }, 200);
});
$("search-form").addEventListener("submit", (event) => event.preventDefault());
$("reply-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const text = $("reply").value;
  if (text && (await act("replies", [{ phone: chosen, text }]))) $("reply").value = "";
});
for (const button of document.querySelectorAll("[data-reply]")) {
  button.addEventListener("click", () => act("replies", [{ phone: chosen, text: button.dataset.reply }]));
}
for (const button of document.querySelectorAll("[data-advance]")) {
  button.addEventListener("click", () => act("clock", { advance: Number(button.dataset.advance) }));
}
for (const button of document.querySelectorAll("[data-language]")) button.addEventListener("click", () => speak(button.dataset.language));
$("credit-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  await act("credits", { login: $("credit-login").value, credits: Number($("credit-value").value) });
  state();
});
$("reset-form").addEventListener("submit", (event) => {
  event.preventDefault();
  if (confirm(speech.words.sure)) act("reset", {});
});
$("fault-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const rule = {
    fault: $("fault-kind").value.replace("NNN", $("fault-number").value),
    probability: Number($("fault-probability").value), path: $("fault-path").value, seconds: Number($("fault-seconds").value),
  };
  if ($("fault-times").value) rule.times = Number($("fault-times").value);
  await act("faults", [...rules, rule]);
  faults();
});

let language = (navigator.language || "en").slice(0, 2);
try { language = localStorage.getItem("language") || language; } catch { /* not kept */ }
setInterval(() => state().catch(() => {}), 5000);
speak(language === "fr" ? "fr" : "en");
listen();
