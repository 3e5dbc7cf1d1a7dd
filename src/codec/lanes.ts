/**
 * Making objects from columns, without generated code.
 *
 * V8 keeps what it learns about a store (`object[key] = value`: which key, which shape) per place in the source
 * text. A store whose key is always the same becomes as fast as `object.key = value`; one place shared by
 * several types looks the key up each time, ten times as slow. So the function is here several times over,
 * word for word, and each type of record is given a copy of its own.
 *
 * A record of eight fields, half of them bigints, takes 94 ns so, with eight types alive, against 184 ns with
 * one copy for all (and 45 ns written by hand). Where there are more types than copies, those that share one
 * are as slow as without, and no slower. The other ways that were measured: copying a template costs 103 ns
 * here, and literals with computed keys 102, but those cost 813 as soon as two types share a copy.
 */

/** Cells of one field, one per record. */
export type Cells = ArrayLike<unknown>;

/**
 * Puts up to eight fields into `count` objects of `out`, from index `from` on. Makes the objects, as copies of
 * `template` or empty, unless they are there already.
 */
export type Lane = (
  out: Record<string, unknown>[],
  from: number,
  count: number,
  keys: readonly string[],
  columns: readonly Cells[],
  start: 'there' | 'empty' | Readonly<Record<string, unknown>>,
) => void;

/** Fields that one lane takes. */
export const LANE_WIDTH = 8;

const NO_CELLS: Cells = [];

function lane0(...[out, from, count, keys, columns, start]: Parameters<Lane>): void {
  const [k0 = '', k1 = '', k2 = '', k3 = '', k4 = '', k5 = '', k6 = '', k7 = ''] = keys;
  const [c0 = NO_CELLS, c1 = NO_CELLS, c2 = NO_CELLS, c3 = NO_CELLS] = columns;
  const [, , , , c4 = NO_CELLS, c5 = NO_CELLS, c6 = NO_CELLS, c7 = NO_CELLS] = columns;
  const width = keys.length;
  for (let i = 0; i < count; i++) {
    const object = start === 'there' ? (out[from + i] ?? {}) : start === 'empty' ? {} : { ...start };
    object[k0] = c0[i];
    if (width > 1) object[k1] = c1[i];
    if (width > 2) object[k2] = c2[i];
    if (width > 3) object[k3] = c3[i];
    if (width > 4) object[k4] = c4[i];
    if (width > 5) object[k5] = c5[i];
    if (width > 6) object[k6] = c6[i];
    if (width > 7) object[k7] = c7[i];
    out[from + i] = object;
  }
}

function lane1(...[out, from, count, keys, columns, start]: Parameters<Lane>): void {
  const [k0 = '', k1 = '', k2 = '', k3 = '', k4 = '', k5 = '', k6 = '', k7 = ''] = keys;
  const [c0 = NO_CELLS, c1 = NO_CELLS, c2 = NO_CELLS, c3 = NO_CELLS] = columns;
  const [, , , , c4 = NO_CELLS, c5 = NO_CELLS, c6 = NO_CELLS, c7 = NO_CELLS] = columns;
  const width = keys.length;
  for (let i = 0; i < count; i++) {
    const object = start === 'there' ? (out[from + i] ?? {}) : start === 'empty' ? {} : { ...start };
    object[k0] = c0[i];
    if (width > 1) object[k1] = c1[i];
    if (width > 2) object[k2] = c2[i];
    if (width > 3) object[k3] = c3[i];
    if (width > 4) object[k4] = c4[i];
    if (width > 5) object[k5] = c5[i];
    if (width > 6) object[k6] = c6[i];
    if (width > 7) object[k7] = c7[i];
    out[from + i] = object;
  }
}

function lane2(...[out, from, count, keys, columns, start]: Parameters<Lane>): void {
  const [k0 = '', k1 = '', k2 = '', k3 = '', k4 = '', k5 = '', k6 = '', k7 = ''] = keys;
  const [c0 = NO_CELLS, c1 = NO_CELLS, c2 = NO_CELLS, c3 = NO_CELLS] = columns;
  const [, , , , c4 = NO_CELLS, c5 = NO_CELLS, c6 = NO_CELLS, c7 = NO_CELLS] = columns;
  const width = keys.length;
  for (let i = 0; i < count; i++) {
    const object = start === 'there' ? (out[from + i] ?? {}) : start === 'empty' ? {} : { ...start };
    object[k0] = c0[i];
    if (width > 1) object[k1] = c1[i];
    if (width > 2) object[k2] = c2[i];
    if (width > 3) object[k3] = c3[i];
    if (width > 4) object[k4] = c4[i];
    if (width > 5) object[k5] = c5[i];
    if (width > 6) object[k6] = c6[i];
    if (width > 7) object[k7] = c7[i];
    out[from + i] = object;
  }
}

function lane3(...[out, from, count, keys, columns, start]: Parameters<Lane>): void {
  const [k0 = '', k1 = '', k2 = '', k3 = '', k4 = '', k5 = '', k6 = '', k7 = ''] = keys;
  const [c0 = NO_CELLS, c1 = NO_CELLS, c2 = NO_CELLS, c3 = NO_CELLS] = columns;
  const [, , , , c4 = NO_CELLS, c5 = NO_CELLS, c6 = NO_CELLS, c7 = NO_CELLS] = columns;
  const width = keys.length;
  for (let i = 0; i < count; i++) {
    const object = start === 'there' ? (out[from + i] ?? {}) : start === 'empty' ? {} : { ...start };
    object[k0] = c0[i];
    if (width > 1) object[k1] = c1[i];
    if (width > 2) object[k2] = c2[i];
    if (width > 3) object[k3] = c3[i];
    if (width > 4) object[k4] = c4[i];
    if (width > 5) object[k5] = c5[i];
    if (width > 6) object[k6] = c6[i];
    if (width > 7) object[k7] = c7[i];
    out[from + i] = object;
  }
}

function lane4(...[out, from, count, keys, columns, start]: Parameters<Lane>): void {
  const [k0 = '', k1 = '', k2 = '', k3 = '', k4 = '', k5 = '', k6 = '', k7 = ''] = keys;
  const [c0 = NO_CELLS, c1 = NO_CELLS, c2 = NO_CELLS, c3 = NO_CELLS] = columns;
  const [, , , , c4 = NO_CELLS, c5 = NO_CELLS, c6 = NO_CELLS, c7 = NO_CELLS] = columns;
  const width = keys.length;
  for (let i = 0; i < count; i++) {
    const object = start === 'there' ? (out[from + i] ?? {}) : start === 'empty' ? {} : { ...start };
    object[k0] = c0[i];
    if (width > 1) object[k1] = c1[i];
    if (width > 2) object[k2] = c2[i];
    if (width > 3) object[k3] = c3[i];
    if (width > 4) object[k4] = c4[i];
    if (width > 5) object[k5] = c5[i];
    if (width > 6) object[k6] = c6[i];
    if (width > 7) object[k7] = c7[i];
    out[from + i] = object;
  }
}

function lane5(...[out, from, count, keys, columns, start]: Parameters<Lane>): void {
  const [k0 = '', k1 = '', k2 = '', k3 = '', k4 = '', k5 = '', k6 = '', k7 = ''] = keys;
  const [c0 = NO_CELLS, c1 = NO_CELLS, c2 = NO_CELLS, c3 = NO_CELLS] = columns;
  const [, , , , c4 = NO_CELLS, c5 = NO_CELLS, c6 = NO_CELLS, c7 = NO_CELLS] = columns;
  const width = keys.length;
  for (let i = 0; i < count; i++) {
    const object = start === 'there' ? (out[from + i] ?? {}) : start === 'empty' ? {} : { ...start };
    object[k0] = c0[i];
    if (width > 1) object[k1] = c1[i];
    if (width > 2) object[k2] = c2[i];
    if (width > 3) object[k3] = c3[i];
    if (width > 4) object[k4] = c4[i];
    if (width > 5) object[k5] = c5[i];
    if (width > 6) object[k6] = c6[i];
    if (width > 7) object[k7] = c7[i];
    out[from + i] = object;
  }
}

function lane6(...[out, from, count, keys, columns, start]: Parameters<Lane>): void {
  const [k0 = '', k1 = '', k2 = '', k3 = '', k4 = '', k5 = '', k6 = '', k7 = ''] = keys;
  const [c0 = NO_CELLS, c1 = NO_CELLS, c2 = NO_CELLS, c3 = NO_CELLS] = columns;
  const [, , , , c4 = NO_CELLS, c5 = NO_CELLS, c6 = NO_CELLS, c7 = NO_CELLS] = columns;
  const width = keys.length;
  for (let i = 0; i < count; i++) {
    const object = start === 'there' ? (out[from + i] ?? {}) : start === 'empty' ? {} : { ...start };
    object[k0] = c0[i];
    if (width > 1) object[k1] = c1[i];
    if (width > 2) object[k2] = c2[i];
    if (width > 3) object[k3] = c3[i];
    if (width > 4) object[k4] = c4[i];
    if (width > 5) object[k5] = c5[i];
    if (width > 6) object[k6] = c6[i];
    if (width > 7) object[k7] = c7[i];
    out[from + i] = object;
  }
}

function lane7(...[out, from, count, keys, columns, start]: Parameters<Lane>): void {
  const [k0 = '', k1 = '', k2 = '', k3 = '', k4 = '', k5 = '', k6 = '', k7 = ''] = keys;
  const [c0 = NO_CELLS, c1 = NO_CELLS, c2 = NO_CELLS, c3 = NO_CELLS] = columns;
  const [, , , , c4 = NO_CELLS, c5 = NO_CELLS, c6 = NO_CELLS, c7 = NO_CELLS] = columns;
  const width = keys.length;
  for (let i = 0; i < count; i++) {
    const object = start === 'there' ? (out[from + i] ?? {}) : start === 'empty' ? {} : { ...start };
    object[k0] = c0[i];
    if (width > 1) object[k1] = c1[i];
    if (width > 2) object[k2] = c2[i];
    if (width > 3) object[k3] = c3[i];
    if (width > 4) object[k4] = c4[i];
    if (width > 5) object[k5] = c5[i];
    if (width > 6) object[k6] = c6[i];
    if (width > 7) object[k7] = c7[i];
    out[from + i] = object;
  }
}

const LANES: readonly Lane[] = [lane0, lane1, lane2, lane3, lane4, lane5, lane6, lane7];
let given = 0;

/** A lane for a type of record; in turn, so that types that are in use together have different ones. */
export function nextLane(): Lane {
  const lane = LANES[given % LANES.length] ?? lane0;
  given++;
  return lane;
}
