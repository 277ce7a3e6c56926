// When styles move, what belongs to them moves along: masks, shares, stroke scales. Pure.

/**
 * For each new place the former place whose things it takes, or -1: first the same picture, then, when a picture was
 * merely replaced, the same place.
 * @param {string[]} before ids of the styles in order
 * @param {string[]} after
 * @returns {number[]}
 */
export function follow(before, after) {
  const free = new Set(before.keys());
  const take = (index) => (free.delete(index) ? index : -1);
  const from = after.map((id) => take([...free].find((index) => before[index] === id) ?? -1));
  if (before.length !== after.length) return from;
  return from.map((index, place) => (index >= 0 ? index : take(place)));
}
