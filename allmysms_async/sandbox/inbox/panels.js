// Campaigns, accounts, faults and requests: each asked for while its panel is seen.
import { $, act, ask, make, speech } from "/_sandbox/tools.js";

function table(caption, columns, rows, empty) {
  if (!rows.length) return make("p", {}, empty);
  const head = make("tr", {}, ...columns.map(([name, , figure]) => make("th", { scope: "col", className: figure ? "figure" : "" }, name)));
  const body = rows.map((each) => make("tr", {}, ...columns.map(([, of, figure]) => make("td", { className: figure ? "figure" : "" }, String(of(each))))));
  return make("table", {}, make("caption", {}, caption), make("thead", {}, head), make("tbody", {}, ...body));
}

function count(value) {
  return value.toLocaleString(document.documentElement.lang);
}

export async function state() {
  const told = await ask("state");
  $("clock").textContent = told.clock;
  if (!$("campaigns").hidden) {
    $("campaign-table").replaceChildren(table(speech.words.campaigns, [
      [speech.words.at, (each) => each.send_at], [speech.words.name, (each) => each.name || each.id], [speech.words.login, (each) => each.login],
      [speech.words.protocol, (each) => each.protocol], [speech.words.status, (each) => speech.words[each.status] || each.status],
      [speech.words.contacts, (each) => count(each.contacts), true], [speech.words.part, (each) => count(each.parts), true],
      [speech.words.credits, (each) => count(each.credits), true],
    ], told.campaigns.slice(-500).reverse(), speech.words.noCampaigns));
  }
  if (!$("accounts").hidden) {
    $("account-table").replaceChildren(table(speech.words.accounts, [
      [speech.words.login, (each) => each.login], [speech.words.master, (each) => each.master || speech.words.none],
      [speech.words.credits, (each) => count(each.credits), true],
    ], told.accounts, speech.words.none));
    const before = $("credit-login").value;
    $("credit-login").replaceChildren(...told.accounts.map((each) => make("option", { value: each.login }, each.login)));
    if (before) $("credit-login").value = before;
  }
}

export let rules = [];

export async function faults() {
  if ($("faults").hidden) return;
  const told = await ask("faults");
  rules = told.faults;
  if (!$("fault-kind").options.length) {
    $("fault-kind").replaceChildren(...Object.keys(told.kinds).map((kind) => make("option", { value: kind, title: told.kinds[kind] }, kind)));
    $("fault-kind").addEventListener("change", () => explain(told.kinds));
    explain(told.kinds);
  }
  const items = rules.map((rule, place) => {
    const off = make("button", { type: "button" }, speech.words.off);
    off.setAttribute("aria-label", `${speech.words.off} ${rule.fault}`);
    off.addEventListener("click", async () => {
      await act("faults", rules.filter((_, other) => other !== place));
      faults();
    });
    const often = rule.times === undefined || rule.times === null ? speech.words.always : `${rule.times} ×`;
    const chance = rule.probability === undefined ? "" : ` · p = ${rule.probability}`;
    return make("li", {}, make("strong", {}, rule.fault), make("span", {}, `${rule.path || speech.words.any} · ${often}${chance}`), off);
  });
  $("fault-rules").replaceChildren(...(items.length ? items : [make("li", {}, speech.words.noFaults)]));
}

function explain(kinds) {
  $("fault-help").textContent = kinds[$("fault-kind").value];
  $("fault-number-label").hidden = !$("fault-kind").value.includes("NNN");
}

async function requests() {
  if ($("requests").hidden) return;
  const told = await ask("requests");
  const open = new Set([...document.querySelectorAll("#request-list details[open]")].map((each) => each.dataset.number));
  const items = told.requests.map((each) => {
    const status = each.status || speech.words.unanswered;
    const item = make("details", {},
      make("summary", {}, `${each.at} · ${each.method} ${each.path} · ${status}${each.fault ? ` · ${each.fault}` : ""}`),
      make("p", {}, speech.words.asked), make("pre", {}, each.body), make("p", {}, speech.words.answered), make("pre", {}, each.answer));
    item.dataset.number = each.number;
    item.open = open.has(String(each.number));
    return item;
  });
  $("request-list").replaceChildren(...(items.length ? items : [make("p", {}, speech.words.noRequests)]));
}

export function lookAgain() {
  for (const look of [state, faults, requests]) look().catch(() => {}); // the event stream tells when it is back
}
