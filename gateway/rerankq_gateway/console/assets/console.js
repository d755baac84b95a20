// Brings pages up to date, shows times in the reader's zone, and copies. Pages work without it.

const EVERY_MS = 3000;
const SLOWEST_MS = 30000;
const state = document.getElementById("live-state");
let pause = EVERY_MS;

function localTimes(root) {
  for (const each of root.querySelectorAll("time[datetime]")) {
    const then = new Date(each.dateTime);
    if (Number.isNaN(then.getTime())) continue;
    each.title = each.dateTime;
    each.textContent = written(then, each.hasAttribute("data-exact"));
  }
}

// In an order of day and month that nobody can take for another; of today the time alone.
function written(then, exact) {
  const two = (number) => String(number).padStart(2, "0");
  const time = [then.getHours(), then.getMinutes(), then.getSeconds()].map(two).join(":");
  const fraction = exact ? `.${String(then.getMilliseconds()).padStart(3, "0")}` : "";
  const isToday = then.toDateString() === new Date().toDateString();
  const day = [then.getFullYear(), two(then.getMonth() + 1), two(then.getDate())].join("-");
  return `${isToday ? "" : `${day} `}${time}${fraction}`;
}

// Not under a hand: an open question, or a link or button that has the focus, stays as it is.
function isInUse(part) {
  const held = part.contains(document.activeElement) && !document.activeElement.matches(".scroll");
  return held || part.querySelector(":popover-open") !== null;
}

// Tables keep their focus, and how far they were scrolled.
function replace(old, part) {
  const before = [...old.querySelectorAll(".scroll")];
  const scrolled = before.map((each) => each.scrollLeft);
  const focused = before.indexOf(document.activeElement);
  old.replaceChildren(...part.childNodes);
  const after = old.querySelectorAll(".scroll");
  scrolled.forEach((left, at) => { if (after[at]) after[at].scrollLeft = left; });
  if (after[focused]) after[focused].focus({ preventScroll: true });
}

async function refresh() {
  const answer = await fetch(location.href, { credentials: "same-origin", redirect: "manual" });
  if (answer.type === "opaqueredirect") {
    location.reload(); // The session has ended: to the sign-in, and back from there.
    return;
  }
  if (!answer.ok) throw new Error(String(answer.status));
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  localTimes(fresh);
  for (const old of document.querySelectorAll("[data-live]")) {
    const part = fresh.getElementById(old.id);
    if (part && !isInUse(old) && part.innerHTML !== old.innerHTML) {
      replace(old, part);
    }
  }
}

function say(words) {
  if (state && state.textContent !== words) state.textContent = words;
}

async function keepUpToDate() {
  if (document.visibilityState === "visible") {
    try {
      await refresh();
      pause = EVERY_MS;
      document.documentElement.removeAttribute("data-stale");
      say("");
    } catch {
      pause = Math.min(2 * pause, SLOWEST_MS);
      document.documentElement.setAttribute("data-stale", "");
      say(`Not up to date: the gateway does not answer. It is asked again in ${pause / 1000} seconds.`);
    }
  }
  setTimeout(keepUpToDate, pause);
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
  button.textContent = "Copied";
});

// A second press would send the form twice.
document.addEventListener("submit", (event) => {
  const button = event.submitter;
  if (!button || event.target.method !== "post") return;
  if (button.getAttribute("aria-busy") === "true") event.preventDefault();
  button.setAttribute("aria-busy", "true");
});
// A page that comes back from the history is ready again.
addEventListener("pageshow", () => {
  for (const each of document.querySelectorAll("[aria-busy]")) each.removeAttribute("aria-busy");
});

localTimes(document);
// On a narrow screen the navigation is scrolled to where the reader is.
const here = document.querySelector("body > header nav [aria-current]");
if (here) here.closest("nav").scrollLeft = here.offsetLeft - 40;
if (navigator.clipboard) {
  for (const each of document.querySelectorAll("[data-copy]")) each.hidden = false;
}
if (document.querySelector("[data-live]")) setTimeout(keepUpToDate, pause);
