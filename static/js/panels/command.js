// The command line that paints the same picture again: `duostyle paint ...`. Pure.

/** A file name for a picture from its title: "Night of whirls" becomes night-of-whirls.jpg. */
export function fileName(title, fallback) {
  const plain = String(title ?? "").normalize("NFKD").replace(/[\u0300-\u036f]/g, "");
  const stem = plain.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "");
  return `${stem || fallback}.jpg`;
}

/** Names for these titles in order, each only once. */
export function fileNames(titles, fallbacks) {
  const taken = new Set();
  return titles.map((title, index) => {
    const name = fileName(title, fallbacks[index]);
    const free = taken.has(name) ? name.replace(/\.jpg$/, `-${index + 1}.jpg`) : name;
    taken.add(free);
    return free;
  });
}

/** One argument for a POSIX shell. */
export function quoted(argument) {
  return /^[\w@%+=:,./-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", "'\\''")}'`;
}

/**
 * The parameters that differ from the server's own, as [name, value as text].
 * @param {Record<string, any>} params
 * @param {{name: string, default: any}[]} rows the description of the parameters
 * @returns {[string, string][]}
 */
export function changed(params, rows) {
  return rows
    .filter(({ name }) => params[name] !== undefined && params[name] !== null)
    .filter((row) => JSON.stringify(params[row.name]) !== JSON.stringify(row.default))
    .map(({ name }) => [name, written(name, params[name])]);
}

function written(name, value) {
  if (Array.isArray(value)) {
    const mask = (part, index) => (part === null ? "-" : name === "masks" ? `mask-${index + 1}.png` : String(part));
    return value.map(mask).join(",");
  }
  if (typeof value === "object") return Object.entries(value).map(([key, part]) => `${key}=${part}`).join(",");
  return String(value);
}

/**
 * @param {{content: string, styles: string[], params: [string, string][]}} asked file names and changed parameters
 */
export function commandLine({ content, styles, params }) {
  const parts = ["duostyle", "paint", content];
  for (const style of styles) parts.push("--style", style);
  parts.push("-o", "painting.png");
  for (const [name, value] of params) parts.push(`--${name.replaceAll("_", "-")}`, value);
  return parts.map(quoted).join(" ");
}
