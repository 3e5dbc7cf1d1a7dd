/**
 * Columns: the fields of an array of structs as typed arrays, one per field, filled in one pass over the
 * records. The way to scan many records: nothing is allocated per record, and every loop is over one type.
 */
import { type BytesLike, readBig } from './bytes.js';
import { fail } from './error.js';
import {
  type BigIntColumn,
  type Column,
  columnFiller,
  columnType,
  type FillColumn,
  type NumberColumn,
  type ScalarPlan,
} from './integers.js';
import type { Plan } from './plan.js';
import type { Fields, Schema, ValueOf } from './schema.js';
import { type ElementsOptions, elementsIn } from './size.js';

export type { BigIntColumn, Column, NumberColumn } from './integers.js';

/** A schema without the wrappers that a member may have and that do not change its value. */
type Bare<S> = S extends { kind: 'attributed' | 'magic' | 'derived' | 'negotiated'; type: infer T }
  ? Bare<T>
  : S;
type ScalarKind = 'int' | 'enum' | 'flags' | 'pointer' | 'bits';
type ColumnOf<V> = V extends bigint ? BigIntColumn : V extends number ? NumberColumn : Column;
type Merge<U> = (U extends unknown ? (u: U) => void : never) extends (i: infer I) => void
  ? { [K in keyof I]: I[K] }
  : never;

type ScalarColumns<F extends Fields> = {
  [K in keyof F as Bare<F[K]> extends { kind: ScalarKind } ? K : never]: ColumnOf<ValueOf<F[K]>>;
};
type NestedColumns<F extends Fields> = {
  [K in keyof F & string]: Bare<F[K]> extends { kind: 'struct'; fields: infer G extends Fields }
    ? { [P in keyof FieldColumns<G> & string as `${K}.${P}`]: FieldColumns<G>[P] }
    : Bare<F[K]> extends { kind: 'anonymous'; type: infer T }
      ? Columns<T>
      : Record<never, never>;
}[keyof F & string];
/** Of fields whose names are not known, columns whose names are not known. */
type FieldColumns<F extends Fields> = string extends keyof F
  ? Record<string, Column>
  : Merge<ScalarColumns<F> | NestedColumns<F>>;

/**
 * The columns of a struct: its integers and bit-fields, those of nested structs by their path, `hdr.count`.
 * A `number` is in the typed array of its width (a Float64Array from 33 bits on), a `bigint` in a
 * BigUint64Array or BigInt64Array.
 */
export type Columns<S> = Schema extends S
  ? Record<string, Column>
  : Bare<S> extends { kind: 'struct'; fields: infer F extends Fields }
    ? FieldColumns<F>
    : never;

export interface ColumnsOptions<S, K> extends ElementsOptions {
  /** Only these fields; all of them if left out. */
  readonly fields?: readonly K[];
  /** Typed arrays to fill from their start instead of new ones, each of the field's type and long enough. */
  readonly into?: Partial<Columns<S>>;
}

/** Records per turn: all columns of so many are filled before going on, while they are in the cache. */
const BLOCK = 512;

/**
 * Reads fields of so many structs into typed arrays. Only the values are read: padding, magic numbers and
 * derived fields are not checked.
 *
 * @throws `truncated` at the first struct that is not there, `size-not-fixed`, `path-unknown` for a field
 * that is no integer of the struct, `unsafe-integer` with the index of the struct in its path.
 * @example
 * columns(struct('p', { x: u8, y: u8 }), Uint8Array.of(1, 2, 3, 4)).y // => Uint8Array.of(2, 4)
 */
export function columns<S extends Schema, K extends keyof Columns<S> & string = keyof Columns<S> & string>(
  schema: S,
  bytes: BytesLike,
  options: ColumnsOptions<S, K> = {},
): Pick<Columns<S>, K> {
  const { view, plan, size, offset, count } = elementsIn(schema, bytes, options);
  const leaves = leavesOf(plan);
  const filled: Record<string, Column> = {};
  const fills = (options.fields ?? [...leaves.keys()]).map((name) => {
    const leaf = leaves.get(name);
    if (leaf === undefined)
      fail('path-unknown', `there is no integer ${name} at a fixed place`, {
        path: [name],
        expected: `one of ${[...leaves.keys()].join(', ')}`,
      });
    const given = (options.into as Record<string, unknown> | undefined)?.[name];
    const column = given === undefined ? new (columnType(leaf.plan))(count) : checkColumn(given, leaf, count);
    filled[name] = column;
    return { leaf, column, fill: leaf.fill };
  });
  for (let from = 0; from < count; from += BLOCK) {
    const records = Math.min(BLOCK, count - from);
    for (const { leaf, column, fill } of fills)
      if (fill(column, view, offset + from * size + leaf.offset, size, records, from))
        unsafe(view, leaf, offset, size, column, from);
  }
  // Each column is of the type that Columns<S> tells for its field.
  return filled as Pick<Columns<S>, K>;
}

/** An integer at a fixed place in a struct. */
export interface Leaf {
  readonly path: readonly string[];
  readonly offset: number;
  readonly plan: ScalarPlan;
  readonly fill: FillColumn;
}

const known = new WeakMap<Plan, ReadonlyMap<string, Leaf>>();
/** The integers of a struct by their path, those of nested structs included. */
export function leavesOf(plan: Plan): ReadonlyMap<string, Leaf> {
  const found = known.get(plan);
  if (found !== undefined) return found;
  const leaves = new Map<string, Leaf>();
  collect(plan, 0, [], leaves);
  known.set(plan, leaves);
  return leaves;
}
function collect(plan: Plan, offset: number, path: readonly string[], leaves: Map<string, Leaf>): void {
  if (plan.kind === 'int' || plan.kind === 'bits') {
    leaves.set(path.join('.'), { path, offset, plan, fill: columnFiller(plan) });
    return;
  }
  if (plan.kind !== 'struct') return;
  for (const item of plan.segments[0]?.items ?? [])
    if (item.item === 'field' && !item.inline)
      collect(item.plan, offset + item.offset, [...path, item.key], leaves);
}

function checkColumn(given: unknown, leaf: Leaf, count: number): Column {
  const type = columnType(leaf.plan);
  if (!(given instanceof type) || given.length < count)
    fail('value-type', 'the column to fill is not of the type or length that it has to be', {
      path: leaf.path,
      expected: `a ${type.name} of at least ${count}`,
      found:
        ArrayBuffer.isView(given) && 'length' in given
          ? `${given.constructor.name} of ${given.length}`
          : typeof given,
    });
  return given;
}

function unsafe(
  view: DataView,
  leaf: Leaf,
  offset: number,
  size: number,
  column: Column,
  from: number,
): never {
  let index = from;
  while (!Number.isNaN(column[index])) index++;
  const at = offset + index * size + leaf.offset;
  return failUnsafe(view, at, leaf.plan, [index, ...leaf.path]);
}

/** Tells that a 64-bit integer is not exact as a number. */
export function failUnsafe(view: DataView, at: number, plan: ScalarPlan, path: (string | number)[]): never {
  const exact = readBig(view, at, 8, plan.signed, plan.kind === 'int' && plan.little);
  fail('unsafe-integer', 'the value is not exact as a number', {
    path,
    offset: at,
    length: 8,
    expected: 'at most 2^53 - 1 (0x1fffffffffffff)',
    found: `${exact} (0x${BigInt.asUintN(64, exact).toString(16)})`,
    input: view,
  });
}
