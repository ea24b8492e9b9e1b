// What a page gains from a script: times in the reader's zone, buttons that copy, keys that lead on.
// Every page works without it: times stay in UTC, and what could be copied can be selected.

// What the server leaves to the script, in the page as it came and in what a live part brings later.
function enliven(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const moment = new Date(time.dateTime);
    time.title = time.textContent;
    // In a sentence, today goes without saying.
    const isOfToday = time.closest(".notice") && moment.toDateString() === new Date().toDateString();
    time.textContent = moment.toLocaleString(undefined, { dateStyle: isOfToday ? undefined : "medium", timeStyle: "short" });
  }
  for (const button of root.querySelectorAll("button[data-copy]")) enableCopying(button);
}

// The answer to a form that showed something once stands at the form's address; a reload would send the form again.
const address = document.body.dataset.address;
if (address && location.pathname !== address) history.replaceState(null, "", address);

function select(element) {
  const range = document.createRange();
  range.selectNodeContents(element);
  const selection = getSelection();
  selection.removeAllRanges();
  selection.addRange(range);
}

async function copy(element) {
  if (navigator.clipboard) return navigator.clipboard.writeText(element.textContent);
  select(element); // a page on plain HTTP has no clipboard of the newer kind
  if (!document.execCommand("copy")) throw new Error("not copied");
}

function enableCopying(button) {
  const words = button.innerHTML;
  button.setAttribute("aria-live", "polite");
  button.hidden = false;
  button.addEventListener("click", async () => {
    const element = document.getElementById(button.dataset.copy);
    try {
      await copy(element);
      button.textContent = "Copied";
    } catch {
      select(element);
      button.textContent = "Selected";
    }
    setTimeout(() => { button.innerHTML = words; }, 2000);
  });
}

enliven(document);

// --- keyboard shortcuts -----------------------------------------------------------------------------------------------
// The page declares them: what has data-shortcut="g u" is followed, focused or opened by these keys, one after the other.

const SHORTCUT_PAUSE_MS = 1_500;
const TYPED_INTO = "input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]";
const shortcuts = new Map();
for (const element of document.querySelectorAll("[data-shortcut]")) shortcuts.set(element.dataset.shortcut, element);
let keysBefore = "";
let keysEnd = 0;

function useShortcut(element) {
  if (element instanceof HTMLDialogElement) return element.showModal();
  if (!element.matches(TYPED_INTO)) return element.click();
  if (!element.checkVisibility()) element.closest("[popover]")?.showPopover(); // the menu of a narrow window
  element.focus();
  element.select();
}

addEventListener("keydown", (event) => {
  const isTyping = event.target instanceof Element && event.target.closest(TYPED_INTO);
  const isForOthers = event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.key.length > 1;
  if (isTyping || isForOthers || document.querySelector("dialog[open]")) return;
  const keys = event.timeStamp < keysEnd ? `${keysBefore} ${event.key}` : event.key;
  const element = shortcuts.get(keys) ?? shortcuts.get(event.key);
  [keysBefore, keysEnd] = element ? ["", 0] : [event.key, event.timeStamp + SHORTCUT_PAUSE_MS];
  if (!element) return;
  event.preventDefault();
  useShortcut(element);
});

for (const button of document.querySelectorAll("button[data-opens]")) {
  button.hidden = false;
  button.addEventListener("click", () => document.getElementById(button.dataset.opens).showModal());
}

// --- times in forms ---------------------------------------------------------------------------------------------------
// A field with data-utc is sent in UTC, and filled in in the reader's zone. The label's "(UTC)" is for those without a
// script. What a browser filled in again by itself, going back, is in the reader's zone already.

for (const input of document.querySelectorAll("input[data-utc]")) {
  const minute = (moment) => moment.toISOString().slice(0, "2026-01-31T08:00".length);
  const moment = new Date(`${input.value}Z`);
  if (input.value && input.value === input.defaultValue) {
    input.value = minute(new Date(moment - moment.getTimezoneOffset() * 60_000));
  }
  input.labels[0].querySelector("span").remove();
  input.form.addEventListener("formdata", (event) => {
    if (input.value) event.formData.set(input.name, minute(new Date(input.value)));
  });
}

// --- live parts ------------------------------------------------------------------------------------------------------
// An element with an id and data-live="<seconds>" is fetched anew from the present address, while the switch
// [data-live-switch] is on, or always with data-live-always. Give what can be opened or focused in it an id, too: by
// that it is found again when others come before it. When its data-live-summary changes, [data-live-said] says it.

const LIVE_HEADER = "X-Recnice-Live"; // tells the server that nobody used the page, so that an idle session still ends
const LIVE_ANSWER_MS = 20_000;
const KEPT_ATTRIBUTES = new Set(["open"]); // the reader's doing, not the server's

// Makes `present` what `fresh` is, and leaves every node alone that stays: so focus, selection and scroll stay as well.
function renew(present, fresh) {
  if (present.nodeType !== Node.ELEMENT_NODE) {
    if (present.data !== fresh.data) present.data = fresh.data;
    return;
  }
  for (const { name } of [...present.attributes]) {
    if (!fresh.hasAttribute(name) && !KEPT_ATTRIBUTES.has(name)) present.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) {
    if (present.getAttribute(name) !== value && !KEPT_ATTRIBUTES.has(name)) present.setAttribute(name, value);
  }
  const staying = new Set([...fresh.children].map((child) => child.id));
  const known = new Map();
  for (const child of [...present.children]) {
    if (child.id && !staying.has(child.id)) child.remove();
    else if (child.id) known.set(child.id, child);
  }
  let place = present.firstChild;
  for (const child of [...fresh.childNodes]) {
    const isLike = place && !place.id && !child.id && place.nodeName === child.nodeName;
    const same = child.id ? known.get(child.id) : isLike && place;
    if (same && same.nodeName === child.nodeName) {
      if (same === place) place = place.nextSibling;
      else present.insertBefore(same, place);
      renew(same, child);
    } else {
      present.insertBefore(child, place);
    }
  }
  while (place) {
    const next = place.nextSibling;
    place.remove();
    place = next;
  }
}

const liveSwitch = document.querySelector("[data-live-switch]");
let liveTimer = 0;
let isLiveOver = false;

function liveParts() {
  const parts = [...document.querySelectorAll("[data-live][id]")];
  return parts.filter((part) => liveSwitch?.checked || part.hasAttribute("data-live-always"));
}

function sayLive(words) {
  let place = document.querySelector("[data-live-said]");
  if (!place && words) { // a page without a switch
    place = document.createElement("p");
    place.setAttribute("role", "status");
    place.dataset.liveSaid = "";
    document.querySelector("main").prepend(place);
  }
  if (place && place.textContent !== words) place.textContent = words;
}

function planLive() {
  clearTimeout(liveTimer);
  const parts = liveParts();
  if (isLiveOver || document.hidden || !parts.length) return;
  liveTimer = setTimeout(refreshLive, 1000 * Math.min(...parts.map((part) => Number(part.dataset.live))));
}

async function refreshLive() {
  clearTimeout(liveTimer);
  try {
    const answer = await fetch(location.href, {
      headers: { [LIVE_HEADER]: "1" },
      cache: "no-store",
      redirect: "manual",
      signal: AbortSignal.timeout(LIVE_ANSWER_MS),
    });
    if (answer.type === "opaqueredirect") {
      isLiveOver = true;
      sayLive("You are signed out, so this page is no longer updated. Reload it to sign in.");
      return;
    }
    if (!answer.ok) throw new Error(answer.statusText);
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    enliven(fresh);
    sayLive("");
    for (const part of liveParts()) {
      const other = fresh.getElementById(part.id);
      if (!other) continue;
      const isTold = part.dataset.liveSummary !== other.dataset.liveSummary;
      renew(part, other);
      if (isTold) sayLive(part.dataset.liveSummary);
    }
  } catch {
    if (liveParts().length) sayLive("The connection is lost. Retrying.");
  }
  planLive();
}

if (liveSwitch) {
  liveSwitch.closest("[hidden]")?.removeAttribute("hidden");
  liveSwitch.checked = sessionStorage.getItem("live") === "on";
  liveSwitch.addEventListener("change", () => {
    sessionStorage.setItem("live", liveSwitch.checked ? "on" : "off");
    sayLive("");
    if (liveSwitch.checked) refreshLive();
    else planLive();
  });
}
document.addEventListener("visibilitychange", () => {
  if (document.hidden || !liveParts().length) planLive();
  else if (!isLiveOver) refreshLive();
});
planLive();

// --- files to drop ----------------------------------------------------------------------------------------------------
// A form with data-drop takes a file that is dropped anywhere on it, and sends it at once; by hand it works as it is.

for (const form of document.querySelectorAll("form[data-drop]")) {
  const input = form.querySelector("input[type=file]");
  form.querySelector("[data-drop-words]").hidden = false;
  const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
  for (const kind of ["dragenter", "dragover"]) {
    form.addEventListener(kind, (event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      form.classList.add("over-it");
    });
  }
  for (const kind of ["dragleave", "drop"]) form.addEventListener(kind, () => form.classList.remove("over-it"));
  form.addEventListener("drop", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    input.files = event.dataTransfer.files;
    if (input.files.length === 1) form.requestSubmit();
  });
}

// --- connection test ------------------------------------------------------------------------------------------------
// The probes go from this browser to the public URL; the server says what their answers mean.

const PROBE_ANSWER_MS = 30_000; // a proxy that accepts a connection need not answer

async function outcomeOf(base, probe, length) {
  const body = probe.bytes ? "x".repeat(probe.bytes) : probe.body || undefined;
  try {
    const answer = await fetch(base + probe.path, {
      method: probe.method, headers: probe.headers, body, credentials: "omit", redirect: "manual",
      signal: AbortSignal.timeout(PROBE_ANSWER_MS),
    });
    if (answer.type === "opaqueredirect") return { status: 302, text: "" };
    const text = await answer.text();
    return { status: answer.status, text: text.startsWith("{") ? text.slice(0, length) : "" };
  } catch {
    return { status: 0, text: "" };
  }
}

for (const form of document.querySelectorAll("form[data-probes]")) {
  const [button, said] = [form.querySelector("button"), form.querySelector("[data-said]")];
  const { url, probes, textLength } = form.dataset;
  said.textContent = "";
  if (new URL(url).origin !== location.origin) {
    form.querySelector("[data-elsewhere]").hidden = false;
    continue;
  }
  button.hidden = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    const [sent, outcomes] = [JSON.parse(probes), []];
    for (const probe of sent) {
      said.textContent = `Request ${outcomes.length + 1} of ${sent.length}: ${probe.method}`;
      outcomes.push(await outcomeOf(url, probe, Number(textLength)));
    }
    form.elements.outcomes.value = JSON.stringify(outcomes);
    form.submit();
  });
}
