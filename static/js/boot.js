// Runs before the page's script: says in words when that does not come or cannot run, and tries again.
// The script takes the note out of the page when it has started. Imports nothing: what is missing may be that.

const WAITS_S = [2, 5, 10, 20];
const LATE_S = 60;
const MOST_BROKEN = 3;
const TRIES = "duostyle:tries";

const note = /** @type {any} */ (document.getElementById("boot"));
let waiting = 0;

/** How often the page was loaded in vain, one after the other. */
function tries() {
  try {
    return Number(sessionStorage.getItem(TRIES)) || 0;
  } catch {
    return WAITS_S.length; // storage may be blocked: then every wait is the longest
  }
}

function keepTries(count) {
  try {
    if (count) sessionStorage.setItem(TRIES, String(count));
    else sessionStorage.removeItem(TRIES);
  } catch {
    // then it is not counted
  }
}

/** Show one of the note's texts, and load the page again after a while. */
function failed(part, detail = "") {
  if (!note?.isConnected || waiting) return;
  for (const name of ["late", "missing", "broken"]) note.querySelector(`[data-part=${name}]`).hidden = name !== part;
  note.querySelector("[data-part=detail]").textContent = detail;
  const count = tries();
  const again = part !== "broken" || count < MOST_BROKEN;
  note.querySelector("[data-part=again]").hidden = !again;
  note.classList.toggle("shown", true);
  if (!again) return;
  keepTries(count + 1);
  waiting = window.setTimeout(() => location.reload(), 1000 * WAITS_S[Math.min(count, WAITS_S.length - 1)]);
}

// that of an element does not bubble, but passes here on its way down
window.addEventListener(
  "error",
  (event) => {
    const target = /** @type {any} */ (event.target);
    if (target === window) failed("broken", event.message);
    else if (target.localName === "script") failed("missing");
  },
  true,
);
window.setTimeout(() => failed("late"), 1000 * LATE_S);
window.addEventListener("load", () => {
  if (!note?.isConnected && !waiting) keepTries(0);
});
// scripts run when the sheets have come, or failed
if (note && getComputedStyle(note).position !== "fixed") failed("missing");
