/** Lists of runs that may be cut at different places, compared by what holds along them. */
import type { Stretch } from '../../formats/meaning.js';

/** A stretch along which the two say different things. */
export interface StretchDifference {
  readonly from: number;
  readonly to: number;
  readonly name: string;
  readonly a: number;
  readonly b: number;
}

/** The name of what is compared where addresses are. */
export const PLACE = 'address';

/**
 * What holds along both and differs. What only one of them has is nothing to compare: memory that was never
 * written need not have been preserved.
 */
export function* compareStretches(
  one: Iterable<Stretch>,
  other: Iterable<Stretch>,
  addresses: boolean,
): Iterable<StretchDifference> {
  const a = ascending(one)[Symbol.iterator]();
  const b = ascending(other)[Symbol.iterator]();
  let left = a.next();
  let right = b.next();
  const open = new Map<string, StretchDifference>();
  while (left.done !== true && right.done !== true) {
    const x = left.value;
    const y = right.value;
    const from = Math.max(x.from, y.from);
    const to = Math.min(x.to, y.to);
    if (from < to) {
      for (const name of Object.keys(x.says)) {
        const here = { from, to, name, a: x.says[name] ?? 0, b: y.says[name] ?? 0 };
        yield* joined(open, here.a === here.b ? undefined : here, name);
      }
      if (addresses) {
        const here = { from, to, name: PLACE, a: x.place(from), b: y.place(from) };
        const differs = here.a !== here.b || x.place(to - 1) !== y.place(to - 1);
        if (differs) yield here;
      }
    }
    if (x.to <= y.to) left = a.next();
    if (y.to <= x.to) right = b.next();
  }
  yield* open.values();
}

/** Stretches that follow each other and differ in the same way are one. */
function* joined(
  open: Map<string, StretchDifference>,
  here: StretchDifference | undefined,
  name: string,
): Iterable<StretchDifference> {
  const before = open.get(name);
  if (here !== undefined && before?.to === here.from && before.a === here.a && before.b === here.b) {
    open.set(name, { ...before, to: here.to });
    return;
  }
  if (before !== undefined) yield before;
  if (here === undefined) open.delete(name);
  else open.set(name, here);
}

/** By where they begin; most lists are so already, and need not be kept. */
function ascending(stretches: Iterable<Stretch>): Iterable<Stretch> {
  let last = -1;
  for (const { from } of stretches) {
    if (from < last) return [...stretches].sort((a, b) => a.from - b.from);
    last = from;
  }
  return stretches;
}
