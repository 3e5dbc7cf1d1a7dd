/** Ids of domains on their units: what a kernel gives out where nobody says them. */

/** Ids 0 and 1 are reserved. */
export const FIRST_ID = 2n;
export const LAST_ID = 0xffffn;

/** A device's domain on its unit; devices with the same pair share the id. */
export interface Attached {
  readonly unit: object;
  readonly domain: object;
  /** Undefined where it is to be chosen. */
  readonly id: bigint | undefined;
}

/**
 * The id of each pair by the order of first appearance: the n-th domain of a unit has n + 2, and the next one
 * that is free where that was given to another. Gives pairs that were given two ids, and ids given to two pairs.
 */
export function chooseIds<T extends Attached>(
  list: readonly T[],
): {
  readonly ids: ReadonlyMap<T, bigint>;
  readonly clashes: readonly { readonly one: T; readonly other: T }[];
} {
  interface Pair {
    readonly first: T;
    id: bigint | undefined;
    giver: T | undefined;
  }
  const units = new Map<object, Map<object, Pair>>();
  const clashes: { one: T; other: T }[] = [];
  for (const each of list) {
    const pairs = units.get(each.unit) ?? new Map<object, Pair>();
    units.set(each.unit, pairs);
    const pair = pairs.get(each.domain);
    if (pair === undefined)
      pairs.set(each.domain, {
        first: each,
        id: each.id,
        giver: each.id === undefined ? undefined : each,
      });
    else if (each.id !== undefined && pair.id === undefined) {
      pair.id = each.id;
      pair.giver = each;
    } else if (each.id !== undefined && each.id !== pair.id)
      clashes.push({ one: pair.giver ?? pair.first, other: each });
  }
  for (const pairs of units.values()) {
    const taken = new Map<bigint, Pair>();
    for (const pair of pairs.values()) {
      if (pair.id === undefined) continue;
      const before = taken.get(pair.id);
      if (before !== undefined) clashes.push({ one: before.first, other: pair.first });
      else taken.set(pair.id, pair);
    }
    let candidate = FIRST_ID;
    let free = FIRST_ID;
    for (const pair of pairs.values()) {
      if (pair.id === undefined) {
        let id = candidate;
        if (taken.has(id)) {
          while (taken.has(free)) free++;
          id = free;
        }
        pair.id = id;
        taken.set(id, pair);
      }
      candidate++;
    }
  }
  const ids = new Map<T, bigint>();
  for (const each of list) ids.set(each, units.get(each.unit)?.get(each.domain)?.id ?? FIRST_ID);
  return { ids, clashes };
}
