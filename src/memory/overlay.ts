/** Pieces that may overlap, and the disjoint runs that remain when some of them hide others. */

export interface Piece<T extends number | bigint> {
  readonly start: T;
  /** First position after it; pieces that hold nothing are left out. */
  readonly end: T;
  /** Of pieces that overlap the one with the lowest rank is seen. */
  readonly rank: number;
}
/** A part of a piece that nothing hides. */
export interface Visible<T extends number | bigint, P extends Piece<T>> {
  readonly start: T;
  readonly end: T;
  readonly piece: P;
}

/** Disjoint runs in ascending order, in time n log n however the pieces overlap. */
export function overlay<T extends number | bigint, P extends Piece<T>>(
  pieces: readonly P[],
): Visible<T, P>[] {
  const byStart = pieces
    .filter((piece) => piece.start < piece.end)
    .sort((a, b) => compare(a.start, b.start) || a.rank - b.rank);
  const visible: Visible<T, P>[] = [];
  // The pieces that began before the position and may go on beyond it, the lowest rank on top.
  const heap: P[] = [];
  let next = 0;
  let position: T | undefined;
  for (;;) {
    let top = heap[0];
    while (top !== undefined && position !== undefined && top.end <= position) {
      removeTop(heap);
      top = heap[0];
    }
    const coming = byStart[next];
    if (top === undefined || position === undefined) {
      if (coming === undefined) return visible;
      position = coming.start;
      push(heap, coming);
      next++;
      continue;
    }
    // The top is seen up to its end, or up to where another piece begins, which may hide it.
    if (coming !== undefined && coming.start < top.end) {
      if (coming.rank < top.rank || coming.start <= position) {
        if (coming.start > position) add(visible, position, coming.start, top);
        position = coming.start > position ? coming.start : position;
      }
      push(heap, coming);
      next++;
      continue;
    }
    add(visible, position, top.end, top);
    position = top.end;
  }
}

function add<T extends number | bigint, P extends Piece<T>>(
  visible: Visible<T, P>[],
  start: T,
  end: T,
  piece: P,
): void {
  const last = visible[visible.length - 1];
  if (last !== undefined && last.piece === piece && last.end === start)
    visible[visible.length - 1] = { start: last.start, end, piece };
  else visible.push({ start, end, piece });
}

/** The index of the last run that begins at or before the position, or -1. */
export function findRun<T extends number | bigint>(
  runs: readonly { readonly start: T }[],
  position: T,
): number {
  let low = 0;
  let high = runs.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const run = runs[middle];
    if (run !== undefined && run.start <= position) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

function compare<T extends number | bigint>(a: T, b: T): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

interface Ranked {
  readonly rank: number;
}
function push<P extends Ranked>(heap: P[], item: P): void {
  let at = heap.length;
  heap.push(item);
  while (at > 0) {
    const parent = (at - 1) >> 1;
    const above = heap[parent];
    if (above === undefined || above.rank <= item.rank) break;
    heap[at] = above;
    at = parent;
  }
  heap[at] = item;
}
function removeTop<P extends Ranked>(heap: P[]): void {
  const item = heap.pop();
  if (item === undefined || heap.length === 0) return;
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    let below = heap[child];
    if (below === undefined) break;
    const right = heap[child + 1];
    if (right !== undefined && right.rank < below.rank) {
      below = right;
      child++;
    }
    if (below.rank >= item.rank) break;
    heap[at] = below;
    at = child;
  }
  heap[at] = item;
}
