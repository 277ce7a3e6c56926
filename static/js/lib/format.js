// Numbers as people read them. Pure functions.

import { text } from "./texts.js";

/** Seconds as "4.2 s", "48 s", "3 min 20 s" or "1 h 05 min". */
export function duration(seconds) {
  if (!Number.isFinite(seconds) || seconds < 0) return "";
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, "0")} s`;
  const minutes = Math.round(whole / 60);
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
}

/** Seconds that run, without parts: "4 s", "3 min 20 s". */
export function wholeSeconds(seconds) {
  return seconds < 60 ? `${Math.floor(seconds)} s` : duration(Math.floor(seconds));
}

/** Time left, without false precision: whole seconds, "less than a second" near the end. */
export function timeLeft(seconds) {
  if (!Number.isFinite(seconds) || seconds < 0) return "";
  if (seconds < 1) return text.time.lessThanASecond;
  return seconds < 60 ? text.time.left(`${Math.ceil(seconds)} s`) : text.time.left(duration(seconds));
}

/** Bytes as "950 bytes", "31 MB", in units of 1024 like the limits of the server. */
export function bytes(count) {
  if (!Number.isFinite(count)) return "";
  if (count < 1024) return `${count} bytes`;
  let value = count;
  let unit = "";
  for (unit of ["KB", "MB", "GB"]) {
    value /= 1024;
    if (value < 1000) break;
  }
  return `${value < 9.95 ? Number(value.toFixed(1)) : Math.round(value)} ${unit}`;
}

/** Three significant digits, no exponent in the usual range: 0.0123, 1.45, 120. */
export function short(value) {
  if (!Number.isFinite(value)) return "";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size < 1e-4 || size >= 1e6) return value.toExponential(1);
  return String(Number(value.toPrecision(3)));
}

export function percent(share) {
  return `${Math.round(share * 100)} %`;
}

/** The letter that names a style: A, B, C, D. */
export function letter(index) {
  return String.fromCharCode(65 + index);
}

/** The first letter large, the rest as it is. */
export function sentence(words) {
  const trimmed = String(words ?? "").trim();
  return trimmed ? trimmed[0].toUpperCase() + trimmed.slice(1) : "";
}

/** "measured share 46 % / 54 %", or nothing unless there is one number for each of `count` styles. */
export function measuredText(share, count) {
  if (!Array.isArray(share) || share.length !== count || !share.every(Number.isFinite)) return "";
  return text.mix.measured(share.map(percent).join(" / "));
}
