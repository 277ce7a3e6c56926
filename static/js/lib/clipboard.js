// Copies texts and pictures, where the browser allows it.

/** Copy text; false when the browser does not allow it. */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyOldWay(text); // the clipboard interface exists on secure origins only
  }
}

export function canCopyPictures() {
  return "ClipboardItem" in window && Boolean(navigator.clipboard?.write);
}

/** Copy a PNG that is still on its way; must be called from a press, or the browser refuses. */
export async function copyPicture(png) {
  try {
    await navigator.clipboard.write([new ClipboardItem({ "image/png": png })]);
    return true;
  } catch {
    return false;
  }
}

function copyOldWay(text) {
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "sr";
  area.setAttribute("aria-hidden", "true");
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  return done;
}
