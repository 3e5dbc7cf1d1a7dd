/** Which elements of two lists belong together, in time that is nearly in proportion to their lengths. */

/** Places in the two lists; -1 where the element has no counterpart. */
export type Pair = readonly [a: number, b: number];

/**
 * Pairs elements of equal fingerprints in the order of both lists: what the lists begin and end with, then what
 * occurs once in each of them. Between those, elements are paired by place.
 */
export function align(a: readonly number[], b: readonly number[]): Pair[] {
  const pairs: Pair[] = [];
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) {
    pairs.push([start, start]);
    start++;
  }
  let endA = a.length;
  let endB = b.length;
  while (endA > start && endB > start && a[endA - 1] === b[endB - 1]) {
    endA--;
    endB--;
  }
  let atA = start;
  let atB = start;
  for (const [i, j] of [...anchors(a, b, start, endA, endB), [endA, endB] as const]) {
    between(a, b, atA, i, atB, j, pairs);
    if (i < endA) pairs.push([i, j]);
    atA = i + 1;
    atB = j + 1;
  }
  for (let i = endA, j = endB; i < a.length; i++, j++) pairs.push([i, j]);
  return pairs;
}

/** What lies between two anchors: equal at either end, else by place. */
function between(
  a: readonly number[],
  b: readonly number[],
  fromA: number,
  toA: number,
  fromB: number,
  toB: number,
  pairs: Pair[],
): void {
  let i = fromA;
  let j = fromB;
  while (i < toA && j < toB && a[i] === b[j]) pairs.push([i++, j++]);
  let endA = toA;
  let endB = toB;
  while (endA > i && endB > j && a[endA - 1] === b[endB - 1]) {
    endA--;
    endB--;
  }
  while (i < endA && j < endB) pairs.push([i++, j++]);
  while (i < endA) pairs.push([i++, -1]);
  while (j < endB) pairs.push([-1, j++]);
  for (i = endA, j = endB; i < toA; i++, j++) pairs.push([i, j]);
}

/** Elements that occur once in each list, as many as come in the same order. */
function anchors(
  a: readonly number[],
  b: readonly number[],
  start: number,
  endA: number,
  endB: number,
): readonly Pair[] {
  const onceA = once(a, start, endA);
  const onceB = once(b, start, endB);
  const common: Pair[] = [];
  for (const [fingerprint, i] of onceA) {
    const j = onceB.get(fingerprint);
    if (i >= 0 && j !== undefined && j >= 0) common.push([i, j]);
  }
  return longestAscending(common);
}

/** Where each fingerprint is; -1 for those that occur more than once. By ascending place. */
function once(list: readonly number[], from: number, to: number): Map<number, number> {
  const places = new Map<number, number>();
  for (let i = from; i < to; i++) {
    const fingerprint = list[i] ?? 0;
    places.set(fingerprint, places.has(fingerprint) ? -1 : i);
  }
  return places;
}

/** The longest part of pairs, which ascend in the first place, that ascends in the second one too. */
function longestAscending(pairs: readonly Pair[]): Pair[] {
  const tails: number[] = [];
  const before = new Int32Array(pairs.length);
  for (const [n, [, j]] of pairs.entries()) {
    let low = 0;
    let high = tails.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((pairs[tails[middle] ?? 0]?.[1] ?? 0) < j) low = middle + 1;
      else high = middle;
    }
    before[n] = low === 0 ? -1 : (tails[low - 1] ?? -1);
    tails[low] = n;
  }
  const out: Pair[] = [];
  for (let n = tails[tails.length - 1] ?? -1; n >= 0; n = before[n] ?? -1) {
    const pair = pairs[n];
    if (pair !== undefined) out.push(pair);
  }
  return out.reverse();
}
