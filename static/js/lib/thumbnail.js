// A small copy of a picture that can be kept in the browser's storage.

const LONGEST_PX = 192;

/** A JPEG of at most 192 px as data URL, from a canvas or a bitmap. */
export function thumbnail(picture) {
  const scale = Math.min(1, LONGEST_PX / Math.max(picture.width, picture.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(picture.width * scale));
  canvas.height = Math.max(1, Math.round(picture.height * scale));
  const to = canvas.getContext("2d");
  if (!to) return null;
  to.imageSmoothingQuality = "high";
  to.drawImage(picture, 0, 0, canvas.width, canvas.height);
  return canvas.toDataURL("image/jpeg", 0.72);
}

/** The same from an encoded picture. */
export async function thumbnailOf(blob) {
  const bitmap = await createImageBitmap(blob);
  const small = thumbnail(bitmap);
  bitmap.close();
  return small;
}
