// What a page gains from a script: times in the reader's zone, buttons that copy, "/" for the search.
// Every page works without it: times stay in UTC, and what could be copied can be selected.

for (const time of document.querySelectorAll("time[datetime]")) {
  const moment = new Date(time.dateTime);
  time.title = time.textContent;
  time.textContent = moment.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
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

for (const button of document.querySelectorAll("button[data-copy]")) {
  const words = button.innerHTML;
  const element = document.getElementById(button.dataset.copy);
  button.setAttribute("aria-live", "polite");
  button.hidden = false;
  button.addEventListener("click", async () => {
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

addEventListener("keydown", (event) => {
  const search = document.querySelector("input[type=search]");
  const isTyping = event.target instanceof Element && event.target.closest("input, textarea, select");
  if (event.key !== "/" || !search || isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  search.focus();
});
