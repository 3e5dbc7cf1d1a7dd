/**
 * Batches: many structs of one fixed size at once, read to objects and written from them, without generated
 * code. A block of records is read field by field into columns, each by one tight loop, and the objects are
 * made from the columns. Nothing is decided per record and field.
 *
 * Only what is regular is done here: integers, bit-fields, texts, bytes and nested structs, whose padding is
 * zero, whose magic numbers are right and whose numbers are exact. Any record that is otherwise is left to the
 * careful reader or writer, which keeps the padding or tells the error. Of types with anything else in them
 * (unions, arrays, derived fields, …) there are no batches.
 */
import { byteArray } from './bytes.js';
import { columnFiller, columnType, type ScalarPlan, scalarWriter } from './integers.js';
import { type Cells, LANE_WIDTH, type Lane, nextLane } from './lanes.js';
import type { FieldPlan, Gap, Plan, PlanOf, StructPlan } from './plan.js';
import { slackOf } from './slack.js';
import { readText, textBytes } from './text.js';

/** Records per block: their columns stay in the cache until the objects are made of them. */
const BLOCK = 256;
/** Fewer are not worth the columns. */
const FEW = 16;
/** Up to so many fields objects grow field by field; from there on V8 does that five times as slowly. */
const WIDE = 16;

/** Reads one record carefully, and gives its value. */
export type ReadOne = (index: number, at: number) => unknown;
/** Writes one record carefully, and gives its bytes. */
export type WriteOne = (index: number) => Uint8Array;

/**
 * Reads `count` structs that follow each other, all of whose bytes are there. Undefined if that is nothing
 * for a batch: they are few, or their type is not regular.
 */
export function readBatch(
  plan: Plan,
  view: DataView,
  at: number,
  count: number,
  readOne: ReadOne,
): unknown[] | undefined {
  if (count < FEW) return undefined;
  const block = makerOf(plan);
  if (block === undefined || plan.size === undefined) return undefined;
  const { size } = plan;
  const out: Record<string, unknown>[] = [];
  for (let from = 0; from < count; from += BLOCK) {
    const records = Math.min(BLOCK, count - from);
    block.odd.fill(0);
    block.any = false;
    block.make(view, at + from * size, size, records, out, from);
    if (!block.any) continue;
    for (let i = 0; i < records; i++)
      // What the careful reader gives of a struct is an object.
      if (block.odd[i] !== 0)
        out[from + i] = readOne(from + i, at + (from + i) * size) as Record<string, unknown>;
  }
  return out;
}

/** Notes the records of a block that are not regular. */
interface Odd {
  readonly odd: Uint8Array;
  any: boolean;
}
/** Makes the objects of a block. */
interface Maker extends Odd {
  make(
    view: DataView,
    at: number,
    step: number,
    count: number,
    out: Record<string, unknown>[],
    from: number,
  ): void;
}
/** One field of a struct: what is read of it for a block, and how. */
interface Part {
  readonly key: string;
  readonly cells: Cells;
  /** What stands for a value of the field in an object to be copied. */
  readonly sample: unknown;
  fill(view: DataView, at: number, step: number, count: number): void;
}
type Check = (view: DataView, at: number, step: number, count: number) => void;

const makers = new WeakMap<Plan, Maker | null>();
function makerOf(plan: Plan): Maker | undefined {
  const known = makers.get(plan);
  if (known !== undefined) return known ?? undefined;
  const marks: Odd = { odd: new Uint8Array(BLOCK), any: false };
  const make = plan.kind === 'struct' && isRegular(plan) ? structMaker(plan, marks) : undefined;
  const made = make === undefined ? undefined : Object.assign(marks, { make });
  makers.set(plan, made ?? null);
  return made;
}

/** Whether all that is in a struct is for batches. */
function isRegular(plan: StructPlan): boolean {
  const [segment, ...others] = plan.segments;
  if (plan.size === undefined || plan.derives || segment === undefined || others.length > 0) return false;
  return segment.items.every((item) => item.item === 'gap' || isRegularField(item)) && plan.keys.size > 0;
}
function isRegularField(field: FieldPlan): boolean {
  const { plan } = field;
  if (field.inline || field.derived !== undefined) return false;
  if (plan.kind === 'int' || plan.kind === 'bits') return true;
  if (field.magic !== undefined) return false;
  return plan.kind === 'struct' ? isRegular(plan) : plan.kind === 'chars' || plan.kind === 'bytes';
}

function structMaker(plan: StructPlan, marks: Odd): Maker['make'] {
  const parts: (Part & { readonly offset: number })[] = [];
  const checks: { readonly check: Check; readonly offset: number }[] = [];
  for (const item of plan.segments[0]?.items ?? []) {
    const { offset } = item;
    if (item.item === 'gap') checks.push({ check: gapCheck(item, marks), offset });
    else parts.push({ ...partOf(item, marks), offset });
  }
  const template: Record<string, unknown> = {};
  for (const { key, sample } of parts) template[key] = sample;
  const start = parts.length > WIDE ? template : 'empty';
  const lanes: { lane: Lane; keys: string[]; columns: Cells[]; start: Parameters<Lane>[5] }[] = [];
  for (let i = 0; i < parts.length; i += LANE_WIDTH) {
    const some = parts.slice(i, i + LANE_WIDTH);
    lanes.push({
      lane: nextLane(),
      keys: some.map((part) => part.key),
      columns: some.map((part) => part.cells),
      start: i === 0 ? start : 'there',
    });
  }
  return (view, at, step, count, out, from) => {
    for (const part of parts) part.fill(view, at + part.offset, step, count);
    for (const { check, offset } of checks) check(view, at + offset, step, count);
    for (const { lane, keys, columns, start } of lanes) lane(out, from, count, keys, columns, start);
  };
}

function partOf(field: FieldPlan, marks: Odd): Part {
  const { key, plan } = field;
  switch (plan.kind) {
    case 'int':
    case 'bits':
      return scalarPart(key, plan, field.magic, marks);
    case 'chars':
      return charsPart(key, plan, marks);
    case 'bytes':
      return bytesPart(key, plan);
    case 'struct': {
      const make = structMaker(plan, marks);
      const cells: Record<string, unknown>[] = [];
      return {
        key,
        cells,
        sample: undefined,
        fill: (view, at, step, count) => make(view, at, step, count, cells, 0),
      };
    }
    default:
      throw new TypeError(`there are no batches of ${plan.kind}`);
  }
}

function scalarPart(key: string, plan: ScalarPlan, magic: FieldPlan['magic'], marks: Odd): Part {
  const cells = new (columnType(plan))(BLOCK);
  const fillColumn = columnFiller(plan);
  const right =
    magic === undefined ? undefined : plan.as === 'bigint' ? BigInt(magic as number | bigint) : Number(magic);
  const fill: Part['fill'] = (view, at, step, count) => {
    if (fillColumn(cells, view, at, step, count, 0)) markNaNs(cells, count, marks);
    if (right !== undefined) for (let i = 0; i < count; i++) if (cells[i] !== right) mark(marks, i);
  };
  return { key, cells, sample: plan.as === 'bigint' ? 0n : 0, fill };
}
function markNaNs(cells: Cells, count: number, marks: Odd): void {
  for (let i = 0; i < count; i++) if (Number.isNaN(cells[i])) mark(marks, i);
}
function mark(marks: Odd, index: number): void {
  marks.odd[index] = 1;
  marks.any = true;
}

function charsPart(key: string, plan: PlanOf<'chars'>, marks: Odd): Part {
  const cells: string[] = [];
  const size = plan.size ?? 0;
  const fill: Part['fill'] = (view, at, step, count) => {
    for (let i = 0, p = at; i < count; i++, p += step) {
      let end = p;
      while (end < p + size && view.getUint8(end) !== 0) end++;
      cells[i] = readText(view, p, end);
      for (let rest = end + 1; rest < p + size; rest++)
        if (view.getUint8(rest) !== 0) {
          mark(marks, i);
          break;
        }
    }
  };
  return { key, cells, sample: '', fill };
}

function bytesPart(key: string, plan: PlanOf<'bytes'>): Part {
  const cells: Uint8Array[] = [];
  const size = plan.size ?? 0;
  const fill: Part['fill'] = (view, at, step, count) => {
    for (let i = 0, p = at; i < count; i++, p += step) cells[i] = byteArray(view, p, p + size).slice();
  };
  return { key, cells, sample: undefined, fill };
}

/** Padding and reserved bits of every record have to be zero. */
function gapCheck(gap: Gap, marks: Odd): Check {
  const { size, first, last } = gap;
  if (first !== 0xff || (size > 1 && last !== 0xff) || size < 4)
    return (view, at, step, count) => {
      for (let i = 0, p = at; i < count; i++, p += step) {
        let bits = view.getUint8(p) & first;
        for (let byte = 1; byte < size; byte++)
          bits |= view.getUint8(p + byte) & (byte === size - 1 ? last : 0xff);
        if (bits !== 0) mark(marks, i);
      }
    };
  return (view, at, step, count) => {
    for (let i = 0, p = at; i < count; i++, p += step) {
      // The last word overlaps the one before it where the gap is no multiple of four.
      let bits = view.getInt32(p + size - 4, true);
      for (let byte = 0; byte + 4 <= size; byte += 4) bits |= view.getInt32(p + byte, true);
      if (bits !== 0) mark(marks, i);
    }
  };
}

// --- writing -----------------------------------------------------------------------------------------------

/**
 * Writes structs one after the other into bytes that are all zero. Says false if that is nothing for a batch.
 */
export function writeBatch(
  plan: Plan,
  values: readonly unknown[],
  into: DataView,
  writeOne: WriteOne,
): boolean {
  const put = putterOf(plan);
  const { size } = plan;
  if (put === undefined || size === undefined) return false;
  const marks: Odd = { odd: new Uint8Array(Math.min(BLOCK, values.length)), any: false };
  const whole = byteArray(into);
  for (let from = 0; from < values.length; from += BLOCK) {
    const block = values.slice(from, from + BLOCK);
    marks.odd.fill(0);
    marks.any = false;
    put(into, from * size, size, block, marks);
    if (!marks.any) continue;
    for (let i = 0; i < block.length; i++)
      if (marks.odd[i] !== 0) whole.set(writeOne(from + i), (from + i) * size);
  }
  return true;
}

/** Writes one part of a block of records, and notes those whose value is not regular. */
type Put = (view: DataView, at: number, step: number, values: readonly unknown[], marks: Odd) => void;

const putters = new WeakMap<Plan, Put | null>();
function putterOf(plan: Plan): Put | undefined {
  const known = putters.get(plan);
  if (known !== undefined) return known ?? undefined;
  const made = plan.kind === 'struct' && isRegular(plan) ? structPutter(plan) : undefined;
  putters.set(plan, made ?? null);
  return made;
}

function structPutter(plan: StructPlan): Put {
  const fields = (plan.segments[0]?.items ?? []).filter((item) => item.item === 'field');
  const parts = fields.map(({ key, offset, plan, magic }) => ({ key, offset, put: putter(plan, magic) }));
  const width = plan.keys.size;
  return (view, at, step, values, marks) => {
    const objects = values.map((value, i) => {
      if (isPlain(value, width)) return value;
      mark(marks, i);
      return NOTHING;
    });
    for (const { key, offset, put } of parts)
      put(
        view,
        at + offset,
        step,
        objects.map((object) => object[key]),
        marks,
      );
  };
}
const NOTHING: Readonly<Record<string, unknown>> = Object.freeze({});

/** Whether it is an ordinary object of so many fields, with nothing kept beside it. */
function isPlain(value: unknown, width: number): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype)
    return false;
  let fields = 0;
  for (const _ in value) fields++;
  return fields === width && slackOf(value) === undefined;
}

function putter(plan: Plan, magic: FieldPlan['magic']): Put {
  switch (plan.kind) {
    case 'int':
    case 'bits': {
      const write = scalarWriter(plan);
      return (view, at, step, values, marks) => {
        for (let i = 0, p = at; i < values.length; i++, p += step)
          if (!write(view, p, values[i]) || (magic !== undefined && values[i] !== magic)) mark(marks, i);
      };
    }
    case 'struct':
      return structPutter(plan);
    case 'chars':
      return textPutter(plan.size ?? 0);
    default:
      return bytesPutter(plan.size ?? 0);
  }
}
function textPutter(size: number): Put {
  return (view, at, step, values, marks) => {
    for (let i = 0, p = at; i < values.length; i++, p += step) {
      const text = values[i];
      const bytes = typeof text === 'string' ? textBytes(text) : undefined;
      if (bytes === undefined || bytes.length > size || bytes.includes(0)) mark(marks, i);
      else byteArray(view, p, p + size).set(bytes);
    }
  };
}
function bytesPutter(size: number): Put {
  return (view, at, step, values, marks) => {
    for (let i = 0, p = at; i < values.length; i++, p += step) {
      const bytes = values[i];
      if (!(bytes instanceof Uint8Array) || bytes.length !== size) mark(marks, i);
      else byteArray(view, p, p + size).set(bytes);
    }
  };
}
