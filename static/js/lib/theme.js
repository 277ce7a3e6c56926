// Light and dark: follows the system until the button says otherwise; then the choice is kept.

const KEY = "duostyle:theme";
const root = document.documentElement;
const system = window.matchMedia("(prefers-color-scheme: dark)");

function stored() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null; // storage may be blocked; the system's choice is fine then
  }
}

function isDark() {
  return root.dataset.theme ? root.dataset.theme === "dark" : system.matches;
}

function apply(theme) {
  if (theme === "light" || theme === "dark") root.dataset.theme = theme;
  else delete root.dataset.theme;
}

function showTheme(button, labels) {
  button.setAttribute("aria-label", isDark() ? labels.light : labels.dark);
  document.dispatchEvent(new CustomEvent("themechange"));
}

/** `labels` {light, dark} say what a press would do. */
export function startTheme(button, labels) {
  showTheme(button, labels);
  system.addEventListener("change", () => showTheme(button, labels));
  button.addEventListener("click", () => {
    const next = isDark() ? "light" : "dark";
    apply(next);
    try {
      localStorage.setItem(KEY, next);
    } catch {
      // the choice then lasts until the next reload
    }
    showTheme(button, labels);
  });
}

// runs before the first paint, so that a kept choice does not flash
apply(stored());
