// What every part of the page needs: an element, a question to the sandbox, the words of its language.
import { WORDS } from "/_sandbox/words.js";

export const $ = (id) => document.getElementById(id);
export const speech = { words: WORDS.en };

export async function ask(path, body) {
  const options = body === undefined ? {} : { method: "POST", body: JSON.stringify(body), headers: { "content-type": "application/json" } };
  const answer = await fetch(`/_sandbox/${path}`, options);
  const told = await answer.json();
  if (!answer.ok) throw new Error(told.error || answer.statusText);
  return told;
}

export async function act(path, body) {
  try {
    $("notice").textContent = "";
    await ask(path, body);
    return true;
  } catch (error) {
    $("notice").textContent = error.message;
    return false;
  }
}

export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in element && name !== "role") element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}
