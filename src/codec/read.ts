/**
 * The careful reader: every kind of plan, strict or lenient, with every error in its place. It needs no
 * code generation. The fast paths (`records.ts`, generated code) do the regular cases and come back here for
 * all else, so that there is one place in which odd data is judged.
 */
import {
  byteArray,
  dataView,
  firstNonZero,
  readBig,
  readBigBits,
  readBits,
  readI64Number,
  readSmall,
  readU64Number,
  toHex,
} from './bytes.js';
import type { Code } from './codes.js';
import { derivedValue, type Extents } from './derive.js';
import { CarryoverError, type ErrorDetails, hexOffset, type Path } from './error.js';
import type {
  BitsPlan,
  FieldPlan,
  Gap,
  IntPlan,
  Plan,
  PlanKind,
  PlanLength,
  PlanOf,
  Segment,
  StructPlan,
  TaggedPlan,
  UnionPlan,
} from './plan.js';
import { conditionHolds, type Memory, type Params, resolveRef, type Scope } from './refs.js';
import { blockKey, definedMask, gapBits, isObject, ROOT_KEY, setSlack, slackOf } from './slack.js';
import { readText } from './text.js';

/** What an observer of a decode is told. Paths are only valid during the call. */
export interface Observer {
  /** A scalar: an integer, a bit-field, text, bytes. `bit` is counted from `at` in the bit order. */
  leaf?(plan: Plan, field: FieldPlan | undefined, at: number, size: number, value: unknown, path: Path): void;
  gap?(gap: Gap, at: number, bits: Uint8Array | undefined, path: Path): void;
  /** Bytes that a value does not use: after a text's NUL, after a union's member, at the end of a block. */
  tail?(plan: Plan, at: number, size: number, bytes: Uint8Array | undefined, path: Path): void;
  enter?(plan: Plan, at: number, path: Path): void;
  leave?(plan: Plan, at: number, size: number, value: unknown, path: Path): void;
}

/** What may take no room at all must not be asked for without end. */
const MAX_EMPTY_ELEMENTS = 65536;

export class Reader implements Scope {
  readonly view: DataView;
  readonly params: Params | undefined;
  readonly memory: Memory | undefined;
  readonly strict: boolean;
  readonly problems: CarryoverError[] = [];
  readonly path: (string | number)[] = [];
  readonly scopes: Record<string, unknown>[] = [];
  observer: Observer | undefined;
  /** Where the bytes for what is being read end: the input, or the innermost block. */
  end: number;
  /** Where the last value ended. */
  next = 0;
  /** A lenient decode met the end of the input, or something whose size is not known. */
  stopped = false;
  /** A lenient decode found a count larger than what is there, and goes on to the last element that is. */
  shortened = false;
  /** Slack of the object being made, and the key of what is being read into it. */
  slack: Record<string, Uint8Array> | undefined;
  key = ROOT_KEY;
  /** Inside a union the slack is kept by the union as a whole. */
  inUnion = 0;

  constructor(
    view: DataView,
    options: { readonly params?: Params; readonly memory?: Memory },
    strict: boolean,
  ) {
    this.view = view;
    this.params = options.params;
    this.memory = options.memory;
    this.strict = strict;
    this.end = view.byteLength;
  }

  root(plan: Plan, at: number): unknown {
    const value = read(plan, this, at, undefined);
    if (this.slack !== undefined && isObject(value)) setSlack(value, { ...slackOf(value), ...this.slack });
    else if (this.slack !== undefined && !this.stopped)
      this.problem('not-canonical', 'bytes after the end of the text cannot be kept', { offset: at });
    return value;
  }

  /** Throws when strict; notes the problem and goes on when lenient. */
  problem(code: Code, reason: string, details: ErrorDetails): void {
    const error = new CarryoverError(code, reason, { path: [...this.path], input: this.view, ...details });
    if (this.strict) throw error;
    this.problems.push(error);
  }
  /** The same, where nothing that follows can be found. */
  stop(code: Code, reason: string, details: ErrorDetails): void {
    this.problem(code, reason, details);
    this.stopped = true;
  }
  /** Whether there are so many bytes; if not, that is a problem. */
  has(at: number, size: number): boolean {
    if (at + size <= this.end) return true;
    const left = Math.max(0, this.end - at);
    this.next = at;
    this.stop('truncated', `needs ${size} bytes, but only ${left} are left`, {
      offset: at,
      length: left,
      expected: `${size} bytes`,
      found: `the ${this.end < this.view.byteLength ? 'block' : 'input'} ends at ${hexOffset(this.end)}`,
    });
    return false;
  }
  readTarget(plan: StructPlan, bytes: Uint8Array): unknown {
    return new Reader(dataView(bytes), {}, false).root(plan, 0);
  }
  keep(bytes: Uint8Array): void {
    if (this.inUnion > 0) return;
    this.slack ??= {};
    this.slack[this.key] = bytes;
  }
}

/** Decodes whatever kind of plan it is. `field` is the struct field that it stands in, if any. */
function read(plan: Plan, r: Reader, at: number, field: FieldPlan | undefined): unknown {
  return (readers[plan.kind] as (plan: Plan, r: Reader, at: number, field: FieldPlan | undefined) => unknown)(
    plan,
    r,
    at,
    field,
  );
}

const readers: {
  [K in PlanKind]: (plan: PlanOf<K>, r: Reader, at: number, field: FieldPlan | undefined) => unknown;
} = {
  int: (plan, r, at, field) => {
    if (!r.has(at, plan.size)) return undefined;
    const value = readInt(plan, r, at);
    r.next = at + plan.size;
    r.observer?.leaf?.(plan, field, at, plan.size, value, r.path);
    return value;
  },
  bits: (plan, r, at, field) => {
    const value = readBitField(plan, r.view, at);
    r.next = at + plan.size;
    r.observer?.leaf?.(plan, field, at, plan.size, value, r.path);
    return value;
  },
  chars: (plan, r, at, field) => {
    const size = lengthIn(plan.length, r, at, 1, 1);
    if (size === undefined) return undefined;
    let end = at;
    while (end < at + size && r.view.getUint8(end) !== 0) end++;
    const value = readText(r.view, at, end);
    r.observer?.leaf?.(plan, field, at, Math.min(size, end - at + 1), value, r.path);
    if (end < at + size) {
      const tail = byteArray(r.view, end + 1, at + size);
      // Of a text whose length is told elsewhere, also the zeros after it say something: how long it is.
      const filled = firstNonZero(tail, 0, tail.length) >= 0;
      if (filled || plan.size === undefined) r.keep(tail.slice());
      if (tail.length > 0) r.observer?.tail?.(plan, end + 1, tail.length, filled ? tail : undefined, r.path);
    }
    r.next = at + size;
    return value;
  },
  bytes: (plan, r, at, field) => {
    const size = lengthIn(plan.length, r, at, 1, 1);
    if (size === undefined) return undefined;
    const value = byteArray(r.view, at, at + size).slice();
    r.next = at + size;
    r.observer?.leaf?.(plan, field, at, size, value, r.path);
    return value;
  },
  array: (plan, r, at) => {
    r.observer?.enter?.(plan, at, r.path);
    const { element, length } = plan;
    const values: unknown[] = [];
    const slack = r.slack;
    const key = r.key;
    r.slack = undefined;
    let next = at;
    if (length.length === 'rest') {
      for (let i = 0; next < r.end && !r.stopped; i++) {
        values.push(readElement(element, r, next, i));
        if (r.next === next) {
          r.stop('count-limit', 'elements that take no bytes cannot fill the rest', { offset: next });
          break;
        }
        next = r.next;
      }
    } else {
      const count = lengthIn(length, r, at, element.minSize, element.size ?? element.minSize) ?? 0;
      for (let i = 0; i < count && !r.stopped; i++) {
        values.push(readElement(element, r, next, i));
        next = r.next;
      }
      if (r.shortened) {
        r.shortened = false;
        r.stopped = true;
      }
    }
    if (r.slack !== undefined) setSlack(values, r.slack);
    r.slack = slack;
    r.key = key;
    r.next = next;
    r.observer?.leave?.(plan, at, next - at, values, r.path);
    return values;
  },
  struct: (plan, r, at) => {
    const value: Record<string, unknown> = {};
    readStruct(plan, r, at, value);
    return value;
  },
  union: (plan, r, at, field) => {
    const value: Record<string, unknown> = {};
    readUnion(plan, r, at, value, field);
    return value;
  },
  tagged: (plan, r, at, field) => {
    const value: Record<string, unknown> = {};
    readTagged(plan, r, at, value, field);
    return value;
  },
  versioned: (plan, r, at, field) => {
    const tag = resolveRef(plan.by, r);
    const chosen = tag === undefined ? undefined : plan.cases.get(tag.toString());
    if (chosen !== undefined) return read(chosen, r, at, field);
    r.next = at;
    if (tag === undefined)
      r.stop('reference-missing', `the version ${plan.by.text} of ${plan.name} is not known`, { offset: at });
    else
      r.stop('version-unknown', `${plan.name} has no version ${tag}`, {
        offset: at,
        expected: `${plan.by.text} to be ${[...plan.cases.keys()].join(', ')}`,
        found: tag.toString(),
      });
    return undefined;
  },
  block: (plan, r, at, field) => {
    const size = lengthIn(plan.length, r, at, 1, 1);
    if (size === undefined) return undefined;
    const outer = r.end;
    const { key } = r;
    r.end = at + size;
    const value = read(plan.type, r, at, field);
    const used = r.next;
    r.end = outer;
    if (used < at + size && !r.stopped) {
      const tail = byteArray(r.view, used, at + size);
      const filled = firstNonZero(tail, 0, tail.length) >= 0;
      r.key = blockKey(key);
      if (filled) r.keep(tail.slice());
      r.observer?.tail?.(plan, used, tail.length, filled ? tail : undefined, r.path);
    }
    r.next = at + size;
    return value;
  },
  foreign: (plan, r, at, field) => {
    const { foreign } = plan;
    if (!r.has(at, plan.minSize)) return undefined;
    let result: { value: unknown; size: number };
    try {
      result = foreign.decode(byteArray(r.view, 0, r.end), at);
    } catch (cause) {
      r.next = at;
      r.stop('foreign-failed', `the type ${foreign.name} threw: ${String(cause)}`, { offset: at, cause });
      return undefined;
    }
    if (!Number.isSafeInteger(result.size) || result.size < plan.minSize || !r.has(at, result.size)) {
      if (!r.stopped)
        r.stop('foreign-failed', `the type ${foreign.name} says that it takes ${result.size} bytes`, {
          offset: at,
        });
      return undefined;
    }
    r.next = at + result.size;
    r.observer?.leaf?.(plan, field, at, result.size, result.value, r.path);
    return result.value;
  },
};

function readElement(element: Plan, r: Reader, at: number, index: number): unknown {
  r.path.push(index);
  r.key = String(index);
  const value = read(element, r, at, undefined);
  r.path.pop();
  return value;
}

function readInt(plan: IntPlan, r: Reader, at: number): number | bigint {
  const { view } = r;
  if (plan.as === 'bigint') return readBig(view, at, plan.size, plan.signed, plan.little);
  if (plan.size !== 8) return readSmall(view, at, plan.size, plan.signed, plan.little);
  const value = plan.signed ? readI64Number(view, at, plan.little) : readU64Number(view, at, plan.little);
  if (!Number.isNaN(value)) return value;
  const exact = readBig(view, at, 8, plan.signed, plan.little);
  r.problem('unsafe-integer', 'the value is not exact as a number', {
    offset: at,
    length: 8,
    expected: 'at most 2^53 - 1 (0x1fffffffffffff)',
    found: `${exact} (0x${BigInt.asUintN(64, exact).toString(16)})`,
  });
  return exact;
}

export function readBitField(plan: BitsPlan, view: DataView, at: number): number | bigint {
  const { shift, width, msb } = plan;
  if (plan.as === 'bigint') {
    const value = readBigBits(view, at, shift, width, msb);
    return plan.signed ? BigInt.asIntN(width, value) : value;
  }
  const value = readBits(view, at, shift, width, msb);
  return plan.signed && value >= 2 ** (width - 1) ? value - 2 ** width : value;
}

/**
 * How many elements (or bytes) there are. Checked against what is left before anything is allocated: a
 * lenient decode goes on with as many as fit, and stops after them.
 */
function lengthIn(
  length: PlanLength,
  r: Reader,
  at: number,
  minSize: number,
  size: number,
): number | undefined {
  if (length.length === 'rest') return Math.max(0, r.end - at);
  let count: number;
  if (length.length === 'fixed') count = length.count;
  else {
    const found = resolveRef(length.ref, r);
    if (found === undefined) {
      r.next = at;
      r.stop('reference-missing', `the length ${length.ref.text} is not known`, { offset: at });
      return undefined;
    }
    count = Number(found);
    if (count < 0) {
      r.next = at;
      r.stop('count-limit', `the length ${length.ref.text} is negative`, {
        offset: at,
        found: found.toString(),
      });
      return undefined;
    }
  }
  const left = Math.max(0, r.end - at);
  if (minSize === 0 ? count <= Math.max(left, MAX_EMPTY_ELEMENTS) : count * minSize <= left) return count;
  if (length.length === 'fixed' && minSize === 1 && size === 1) return r.has(at, count) ? count : undefined;
  const fit = minSize === 0 ? 0 : Math.floor(left / minSize);
  const details = {
    offset: at,
    length: left,
    expected: minSize === 0 ? `at most ${MAX_EMPTY_ELEMENTS} elements` : `${count} × ${minSize} bytes`,
    found: `${left} bytes`,
  };
  const what = length.length === 'fixed' ? 'the array has' : `${length.ref.text} says`;
  r.problem(
    length.length === 'fixed' ? 'truncated' : 'count-limit',
    `${what} ${count} elements, but only ${fit} can be there`,
    details,
  );
  r.shortened = true;
  return fit;
}

function readStruct(plan: StructPlan, r: Reader, at: number, value: Record<string, unknown>): void {
  r.observer?.enter?.(plan, at, r.path);
  const slack = r.slack;
  const key = r.key;
  r.slack = undefined;
  r.scopes.push(value);
  const extents: Extents | undefined = plan.derives ? new Map() : undefined;
  let position = at;
  for (const segment of plan.segments) {
    position = alignFrom(at, position, segment.align);
    readSegment(segment, r, position, value, extents);
    if (r.stopped) break;
    position += segment.size;
    const { variable } = segment;
    if (variable === undefined) continue;
    if (variable.when !== undefined && conditionHolds(variable.when, r) !== true) continue;
    position = alignFrom(at, position, variable.plan.align);
    readField(variable, r, position, value, extents);
    position = r.next;
    if (r.stopped) break;
  }
  r.scopes.pop();
  if (r.slack !== undefined) setSlack(value, r.slack);
  if (!r.stopped) {
    r.next = position;
    if (extents !== undefined) checkDerived(plan, r, at, value, extents);
  }
  r.slack = slack;
  r.key = key;
  r.observer?.leave?.(plan, at, r.next - at, value, r.path);
}

/** The offset from `at` that is a multiple of the alignment, at or after `position`. */
export function alignFrom(at: number, position: number, align: number): number {
  return at + Math.ceil((position - at) / align) * align;
}

function readSegment(
  segment: Segment,
  r: Reader,
  position: number,
  value: Record<string, unknown>,
  extents: Extents | undefined,
): void {
  for (const item of segment.items) {
    if (item.item === 'field') readField(item, r, position + item.offset, value, extents);
    else readGap(item, r, position + item.offset);
    if (r.stopped) return;
  }
}

function readGap(gap: Gap, r: Reader, at: number): void {
  r.path.push(gap.key);
  if (r.has(at, gap.size)) {
    const bits = gapBits(r.view, gap, at);
    if (bits !== undefined) {
      r.key = gap.key;
      r.keep(bits);
    }
    r.observer?.gap?.(gap, at, bits, r.path);
  }
  r.path.pop();
}

function readField(
  field: FieldPlan,
  r: Reader,
  at: number,
  value: Record<string, unknown>,
  extents: Extents | undefined,
): void {
  r.key = field.key;
  if (field.inline) {
    readInline(field, r, at, value);
    return;
  }
  r.path.push(field.key);
  const { plan } = field;
  if (plan.kind !== 'bits' || r.has(at, plan.size)) {
    const found = read(plan, r, at, field);
    if (found !== undefined) value[field.key] = found;
    if (field.magic !== undefined && found !== undefined) checkMagic(field, r, at, found);
  }
  extents?.set(field.key, { at, end: r.next });
  r.path.pop();
}

/** An anonymous member: its fields go into the enclosing value. */
function readInline(field: FieldPlan, r: Reader, at: number, value: Record<string, unknown>): void {
  const { plan } = field;
  if (plan.kind === 'union') readUnion(plan, r, at, value, field);
  else if (plan.kind === 'tagged') readTagged(plan, r, at, value, field);
  else if (plan.kind === 'struct') readStruct(plan, r, at, value);
}

function checkMagic(field: FieldPlan, r: Reader, at: number, found: unknown): void {
  const { magic, plan } = field;
  if (magic === undefined || sameScalar(magic, found)) return;
  r.problem(
    'magic-mismatch',
    `this is not ${field.plan.schema.kind === 'int' ? 'the magic number' : 'the magic'}`,
    {
      offset: at,
      length: plan.size ?? 1,
      expected: scalarText(magic, plan),
      found: scalarText(found, plan),
    },
  );
}

/** Whether two scalars are the same value, also a number and a bigint, also bytes. */
export function sameScalar(a: unknown, b: unknown): boolean {
  if (a instanceof Uint8Array && b instanceof Uint8Array)
    return a.length === b.length && a.every((byte, i) => byte === b[i]);
  if (typeof a === 'number' && typeof b === 'bigint') return BigInt(a) === b;
  if (typeof a === 'bigint' && typeof b === 'number') return a === BigInt(b);
  return a === b;
}

/** A scalar in the width of its field, for messages. */
export function scalarText(value: unknown, plan: Plan): string {
  if (value instanceof Uint8Array)
    return value.length > 32 ? `${toHex(value.subarray(0, 32))}…` : toHex(value);
  if (typeof value === 'string') return JSON.stringify(value.length > 80 ? `${value.slice(0, 80)}…` : value);
  if (typeof value !== 'number' && typeof value !== 'bigint') return String(value);
  const big = BigInt(value);
  const width = plan.kind === 'bits' ? plan.width : (plan.size ?? 8) * 8;
  const digits = BigInt.asUintN(width, big)
    .toString(16)
    .padStart(Math.ceil(width / 4), '0');
  return big >= 0n && big < 10n ? `${big}` : `${big} (0x${digits})`;
}

function checkDerived(
  plan: StructPlan,
  r: Reader,
  at: number,
  value: Record<string, unknown>,
  extents: Extents,
): void {
  for (const segment of plan.segments)
    for (const item of segment.items) {
      if (item.item !== 'field' || item.derived === undefined) continue;
      const place = extents.get(item.key);
      const found = value[item.key];
      if (place === undefined || (typeof found !== 'number' && typeof found !== 'bigint')) continue;
      const expected = derivedValue(item.derived, {
        value,
        extents,
        at,
        end: r.next,
        bytes: () => bytesWithoutField(r.view, at, r.next, item, place.at),
      });
      if (expected === undefined || sameScalar(expected, found)) continue;
      r.path.push(item.key);
      r.problem('derived-mismatch', 'the field does not hold what follows from the rest', {
        offset: place.at,
        length: item.plan.size ?? 1,
        expected: scalarText(expected, item.plan),
        found: scalarText(found, item.plan),
      });
      r.path.pop();
    }
}

/** The bytes of a struct, in which a field reads as zero. */
export function bytesWithoutField(
  view: DataView,
  at: number,
  end: number,
  field: FieldPlan,
  place: number,
): Uint8Array {
  const bytes = byteArray(view, at, end).slice();
  const mask = definedMask(field.plan, undefined);
  mask.forEach((bits, i) => {
    bytes[place - at + i] = (bytes[place - at + i] ?? 0) & ~bits;
  });
  return bytes;
}

function readUnion(
  plan: UnionPlan,
  r: Reader,
  at: number,
  value: Record<string, unknown>,
  field: FieldPlan | undefined,
): void {
  if (!r.has(at, plan.size)) return;
  const { key } = r;
  r.observer?.enter?.(plan, at, r.path);
  r.inUnion++;
  for (const member of plan.members) {
    readField(member, r, at + member.offset, value, undefined);
    if (r.stopped) break;
  }
  r.inUnion--;
  r.key = key;
  keepUnused(plan, r, at, value, field);
  r.next = at + plan.size;
  r.observer?.leave?.(plan, at, plan.size, value, r.path);
}

function readTagged(
  plan: TaggedPlan,
  r: Reader,
  at: number,
  value: Record<string, unknown>,
  field: FieldPlan | undefined,
): void {
  if (!r.has(at, plan.size)) return;
  const { key } = r;
  r.observer?.enter?.(plan, at, r.path);
  const tag = resolveRef(plan.by, r);
  const arm = tag === undefined ? undefined : plan.arms.get(tag.toString());
  if (arm === undefined) {
    const raw = byteArray(r.view, at, at + plan.size).slice();
    value.$raw = raw;
    r.path.push('$raw');
    r.observer?.leaf?.(plan, field, at, plan.size, raw, r.path);
    r.path.pop();
  } else {
    r.inUnion++;
    readField(arm, r, at + arm.offset, value, undefined);
    r.inUnion--;
    r.key = key;
    keepUnused(plan, r, at, value, field);
  }
  r.next = at + plan.size;
  r.observer?.leave?.(plan, at, plan.size, value, r.path);
}

/** Keeps the bits of a union that no member of its value tells. */
function keepUnused(
  plan: UnionPlan | TaggedPlan,
  r: Reader,
  at: number,
  value: Record<string, unknown>,
  field: FieldPlan | undefined,
): void {
  if (r.inUnion > 0 || r.stopped) return;
  const mask = definedMask(plan, value);
  const bytes = byteArray(r.view, at, at + plan.size).slice();
  let filled = false;
  for (let i = 0; i < bytes.length; i++) {
    const slack = (bytes[i] ?? 0) & ~(mask[i] ?? 0);
    bytes[i] = slack;
    if (slack !== 0) filled = true;
  }
  if (filled) r.keep(bytes);
  let used = mask.length;
  while (used > 0 && mask[used - 1] === 0) used--;
  if (used < plan.size)
    r.observer?.tail?.(plan, at + used, plan.size - used, filled ? bytes.subarray(used) : undefined, r.path);
}
