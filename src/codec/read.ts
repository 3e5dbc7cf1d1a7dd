/**
 * The careful reader: every kind of plan, strict or lenient, with every error in its place. It needs no
 * code generation. The fast paths (`records.ts`, generated code) do the regular cases and come back here for
 * all else, so that there is one place in which odd data is judged.
 */

import { readBatch } from './batch.js';
import {
  alignFrom,
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
import {
  CarryoverError,
  counted,
  type ErrorDetails,
  fail,
  hexOffset,
  isCarryoverError,
  type Path,
  pathText,
} from './error.js';
import { decodeForeign, type ForeignResult } from './foreign.js';
import type {
  BitsPlan,
  FieldPlan,
  Gap,
  IntPlan,
  Item,
  Plan,
  PlanKind,
  PlanLength,
  PlanOf,
  PlanRef,
  PlanRule,
  Segment,
  StructPlan,
  TaggedPlan,
  UnionPlan,
} from './plan.js';
import { conditionHolds, type Memory, type Params, resolveRef, type Scope } from './refs.js';
import {
  alignmentKey,
  blockKey,
  contentKey,
  definedMask,
  gapBits,
  isObject,
  ROOT_KEY,
  setSlack,
  slackOf,
} from './slack.js';
import { readText } from './text.js';

/** What an observer of a decode is told. Paths are only valid during the call. */
export interface Observer {
  /** A scalar: an integer, a bit-field, text, bytes. `bit` is counted from `at` in the bit order. */
  leaf?(plan: Plan, field: FieldPlan | undefined, at: number, size: number, value: unknown, path: Path): void;
  gap?(gap: Gap, at: number, bits: Uint8Array | undefined, path: Path): void;
  /**
   * Bytes that a value does not use: after a text's NUL, at the end of a block, and of a union from the first
   * bit that no member tells. `bytes` are what is not zero of them, if anything is, the rest masked.
   */
  tail?(plan: Plan, at: number, size: number, bytes: Uint8Array | undefined, path: Path): void;
  /** One member of a union of which every member is read, before it is. */
  member?(plan: UnionPlan, index: number): void;
  enter?(plan: Plan, at: number, path: Path): void;
  leave?(plan: Plan, at: number, size: number, value: unknown, path: Path): void;
}

/** What may take no room at all must not be asked for without end. */
export const MAX_EMPTY_ELEMENTS = 65536;
/** Problems that are kept of one value. A megabyte of wrong magic numbers would else become gigabytes of errors. */
export const MAX_PROBLEMS = 10000;

/** A struct being read, so that an error can tell where a field of it came from. */
interface Frame {
  readonly plan: StructPlan;
  /** How much of the path leads to the struct. */
  readonly depth: number;
  /** Where its segments begin, and its parts of variable size. */
  readonly starts: number[];
}
/** What decided about what is being read: a reference as seen from a struct, or a block. */
type Led =
  | { readonly ref: PlanRef; readonly level: number }
  | { readonly block: string; readonly at: number; readonly size: number };

export class Reader implements Scope {
  readonly view: DataView;
  readonly params: Params | undefined;
  readonly memory: Memory | undefined;
  readonly strict: boolean;
  readonly problems: CarryoverError[] = [];
  /** How many more there are. */
  unlisted = 0;
  readonly path: (string | number)[] = [];
  readonly scopes: Record<string, unknown>[] = [];
  /** One for each of the scopes. */
  readonly frames: Frame[] = [];
  readonly led: Led[] = [];
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
  /** Elements read so far that took no bytes. */
  empty = 0;

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
    if (!Number.isSafeInteger(at) || at < 0) fail('truncated', `the input has no byte at offset ${at}`);
    const value = read(plan, this, at, undefined);
    if (this.slack !== undefined && isObject(value)) setSlack(value, { ...slackOf(value), ...this.slack });
    else if (this.slack !== undefined && !this.stopped)
      this.problem('not-canonical', 'what the value does not tell of its bytes cannot be kept', {
        offset: at,
      });
    return value;
  }

  /** Throws when strict; notes the problem and goes on when lenient. What ends the decode is always kept. */
  problem(code: Code, reason: string, details: ErrorDetails, last = false): void {
    if (this.problems.length >= MAX_PROBLEMS && !last) {
      this.unlisted++;
      return;
    }
    const error = new CarryoverError(code, reason, {
      path: [...this.path],
      input: this.view,
      ...details,
      because: [...this.led.map((led) => this.ledText(led)), ...(details.because ?? [])],
    });
    this.note(error);
  }
  /** The same with an error that is made already. */
  note(error: CarryoverError): void {
    if (this.strict) throw error;
    this.problems.push(error);
  }
  /** The same, where nothing that follows can be found. */
  stop(code: Code, reason: string, details: ErrorDetails): void {
    this.problem(code, reason, details, true);
    this.stopped = true;
  }
  ledText(led: Led): string {
    return 'ref' in led
      ? this.origin(led.ref, led.level)
      : `the block ${led.block} has ${led.size} bytes from offset ${hexOffset(led.at)}`;
  }
  /** Where the value of a reference came from: `hdr.n at offset 0x4 is 200`. */
  origin(ref: PlanRef, level = this.frames.length): string {
    const scope: Scope = {
      scopes: this.scopes.slice(0, level),
      params: this.params,
      memory: this.memory,
      readTarget: (plan, bytes) => this.readTarget(plan, bytes),
    };
    const found = resolveRef(ref, scope);
    if (ref.up < 0)
      return found === undefined
        ? `there is no field ${ref.text} before it, and no parameter ${ref.text} was given`
        : `the parameter ${ref.text} is ${found}`;
    const frame = this.frames[level - 1 - ref.up];
    const value = scope.scopes[level - 1 - ref.up];
    const [first] = ref.path;
    const owner = this.path.slice(0, frame?.depth ?? 0);
    const place = (path: readonly string[]): string => {
      const at = frame === undefined ? undefined : offsetOf(frame, path);
      return `${pathText([...owner, ...path])}${at === undefined ? '' : ` at offset ${hexOffset(at)}`}`;
    };
    if (ref.through === undefined || first === undefined)
      return `${place(ref.path)} is ${found ?? 'not there'}`;
    const address = value === undefined ? undefined : value[first];
    const target = typeof address === 'bigint' ? `0x${address.toString(16)}` : 'nowhere';
    return found === undefined
      ? `${place([first])} is ${target}, and what it points to is not at hand`
      : `${place([first])} is ${target}, where ${ref.path.slice(1).join('.')} is ${found}`;
  }
  /** Whether there are so many bytes; if not, that is a problem. */
  has(at: number, size: number, bit?: number, what = ''): boolean {
    if (at + size <= this.end) return true;
    const left = Math.max(0, this.end - at);
    this.next = at;
    const end = this.end < this.view.byteLength ? 'block' : 'input';
    this.stop(
      'truncated',
      `needs ${counted(size, 'byte')}${what}, but ${left === 0 ? `the ${end} ends there` : `only ${left} ${left === 1 ? 'is' : 'are'} left`}`,
      {
        offset: at,
        ...(bit === undefined ? {} : { bit }),
        length: left,
        expected: counted(size, 'byte'),
        found: `the ${end} ends at ${hexOffset(this.end)}`,
      },
    );
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
    const shortened = takeShortened(r);
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
    r.stopped ||= shortened;
    return value;
  },
  bytes: (plan, r, at, field) => {
    const size = lengthIn(plan.length, r, at, 1, 1);
    if (size === undefined) return undefined;
    const value = byteArray(r.view, at, at + size).slice();
    r.next = at + size;
    r.stopped ||= takeShortened(r);
    r.observer?.leaf?.(plan, field, at, size, value, r.path);
    return value;
  },
  array: (plan, r, at) => {
    r.observer?.enter?.(plan, at, r.path);
    const { element, length } = plan;
    let values: unknown[] = [];
    const slack = r.slack;
    const key = r.key;
    r.slack = undefined;
    const rest = length.length === 'rest';
    const count = rest
      ? Number.POSITIVE_INFINITY
      : (lengthIn(length, r, at, element.minSize, element.size ?? element.minSize) ?? 0);
    const shortened = takeShortened(r);
    if (length.length === 'ref') r.led.push({ ref: length.ref, level: r.frames.length });
    let next = at;
    if (r.strict && r.observer === undefined && element.size !== undefined && element.size > 0) {
      const whole = Math.min(count, Math.floor(Math.max(0, r.end - at) / element.size));
      const batch = readBatch(element, r.view, at, whole, (i, place) => readElement(element, r, place, i));
      if (batch !== undefined) {
        values = batch;
        next = at + whole * element.size;
      }
    }
    // A lenient decode also shows the beginning of the element in which the input ends.
    const last = shortened ? count + 1 : count;
    for (let i = values.length; i < last && !((rest || shortened) && next >= r.end) && !r.stopped; i++) {
      const value = readElement(element, r, next, i);
      // What the end of the input left nothing of is no element.
      if (value !== undefined || !r.stopped) values.push(value);
      if (r.next === next && !r.stopped) {
        if (rest) r.stop('count-limit', 'elements that take no bytes cannot fill the rest', { offset: next });
        else if (++r.empty > Math.max(r.view.byteLength, MAX_EMPTY_ELEMENTS))
          r.stop('count-limit', 'there are too many elements that take no bytes', { offset: next });
      }
      next = r.next;
    }
    if (length.length === 'ref') r.led.pop();
    r.stopped ||= shortened;
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
  union: (plan, r, at) => {
    const value: Record<string, unknown> = {};
    readUnion(plan, r, at, value);
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
    if (chosen !== undefined) {
      r.led.push({ ref: plan.by, level: r.frames.length });
      const value = read(chosen, r, at, field);
      r.led.pop();
      return value;
    }
    r.next = at;
    const because = [r.origin(plan.by)];
    if (tag === undefined)
      r.stop('reference-missing', `the version ${plan.by.text} of ${plan.name} is not known`, {
        offset: at,
        because,
      });
    else
      r.stop('version-unknown', `${plan.name} has no version ${tag}`, {
        offset: at,
        expected: `${plan.by.text} to be ${orList([...plan.cases.keys()])}`,
        found: tag.toString(),
        because,
      });
    return undefined;
  },
  block: (plan, r, at, field) => {
    const size = lengthIn(plan.length, r, at, 1, 1);
    if (size === undefined) return undefined;
    const shortened = takeShortened(r);
    const outer = r.end;
    const { key } = r;
    r.end = at + size;
    r.key = contentKey(plan, key);
    r.led.push({ block: pathText(r.path), at, size });
    const value = read(plan.type, r, at, field);
    r.led.pop();
    const used = r.next;
    r.end = outer;
    if (used < at + size && !r.stopped) {
      const tail = byteArray(r.view, used, at + size);
      const filled = firstNonZero(tail, 0, tail.length) >= 0;
      r.key = blockKey(key);
      if (filled) r.keep(tail.slice());
      r.observer?.tail?.(plan, used, tail.length, filled ? tail : undefined, r.path);
    }
    if (!r.stopped) r.next = at + size;
    r.stopped ||= shortened;
    return value;
  },
  foreign: (plan, r, at, field) => {
    if (!r.has(at, plan.minSize)) return undefined;
    const place = { path: [...r.path], because: r.led.map((led) => r.ledText(led)) };
    let result: ForeignResult;
    try {
      result = decodeForeign(plan, r.view, at, r.end, !r.strict, place);
    } catch (error) {
      if (!isCarryoverError(error)) throw error;
      r.next = at;
      r.note(error);
      r.stopped = true;
      return undefined;
    }
    for (const problem of result.problems) r.note(problem);
    if (!r.has(at, result.size)) return undefined;
    r.next = at + result.size;
    r.observer?.leaf?.(plan, field, at, result.size, result.value, r.path);
    return result.value;
  },
};

/** Whether the last length was cut down to what is there; to be acted on when what it counts has been read. */
function takeShortened(r: Reader): boolean {
  const { shortened } = r;
  r.shortened = false;
  return shortened;
}

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
      r.stop('reference-missing', `the length ${length.ref.text} is not known`, {
        offset: at,
        because: [r.origin(length.ref)],
      });
      return undefined;
    }
    count = Number(found);
    if (count < 0) {
      r.next = at;
      r.stop('count-limit', `the length ${length.ref.text} is negative`, {
        offset: at,
        expected: 'a length of 0 or more',
        found: found.toString(),
        because: [r.origin(length.ref)],
      });
      return undefined;
    }
  }
  const left = Math.max(0, r.end - at);
  if (minSize === 0 ? count <= Math.max(left, MAX_EMPTY_ELEMENTS) : count * minSize <= left) return count;
  if (length.length === 'fixed' && minSize === 1 && size === 1) return r.has(at, count) ? count : undefined;
  const fit = minSize === 0 ? 0 : Math.floor(left / minSize);
  const unit = minSize === 1 && size === 1 ? 'byte' : 'element';
  const each = size === minSize ? '' : 'at least ';
  const end = r.end < r.view.byteLength ? 'block' : 'input';
  r.problem(
    length.length === 'fixed' ? 'truncated' : 'count-limit',
    length.length === 'fixed'
      ? `the array has ${counted(count, unit)}, but the ${end} has room for ${fit} of them`
      : `${length.ref.text} says that there ${count === 1 ? 'is' : 'are'} ${counted(count, unit)}, but the ${end} has room for ${fit} at the most`,
    {
      offset: at,
      length: left,
      expected:
        minSize === 0
          ? `at most ${MAX_EMPTY_ELEMENTS} elements`
          : unit === 'byte'
            ? counted(count, unit)
            : `${each}${count * minSize} bytes (${counted(count, unit)} of ${each}${minSize})`,
      found: `${counted(left, 'byte')} up to the end of the ${end} at ${hexOffset(r.end)}`,
      because: length.length === 'ref' ? [r.origin(length.ref)] : [],
    },
    true,
  );
  r.shortened = true;
  return fit;
}

function readStruct(plan: StructPlan, r: Reader, at: number, value: Record<string, unknown>): void {
  r.observer?.enter?.(plan, at, r.path);
  const slack = r.slack;
  const key = r.key;
  r.slack = undefined;
  const extents: Extents | undefined = plan.derives ? new Map() : undefined;
  const frame: Frame = { plan, depth: r.path.length, starts: [] };
  r.scopes.push(value);
  r.frames.push(frame);
  readSegments(plan, r, at, value, extents, frame.starts);
  r.scopes.pop();
  r.frames.pop();
  if (r.slack !== undefined) setSlack(value, r.slack);
  if (!r.stopped && extents !== undefined) checkDerived(plan, r, at, r.next, value, extents);
  r.slack = slack;
  r.key = key;
  r.observer?.leave?.(plan, at, r.next - at, value, r.path);
}

/** The fields of a struct, one after the other; `starts` is told where each segment and variable part begins. */
function readSegments(
  plan: StructPlan,
  r: Reader,
  at: number,
  value: Record<string, unknown>,
  extents: Extents | undefined,
  starts: number[],
): void {
  let position = at;
  for (const segment of plan.segments) {
    position = readAlignment(r, position, alignFrom(at, position, segment.align), segment, 'segment');
    if (r.stopped) return;
    starts.push(position);
    readSegment(segment, r, position, value, extents);
    if (r.stopped) return;
    position += segment.size;
    const { variable } = segment;
    if (
      variable !== undefined &&
      (variable.when === undefined || conditionHolds(variable.when, r) === true)
    ) {
      const start = alignFrom(at, position, variable.plan.align);
      position = readAlignment(r, position, start, segment, 'variable');
      if (r.stopped) return;
      starts.push(position);
      readField(variable, r, position, value, extents);
      if (r.stopped) return;
      position = r.next;
    } else starts.push(position);
  }
  r.next = position;
}

/** Padding before something whose place is only known at run time. Says where that begins. */
function readAlignment(
  r: Reader,
  from: number,
  to: number,
  segment: Segment,
  part: 'segment' | 'variable',
): number {
  if (to > from) {
    const key = alignmentKey(segment, part);
    readGap(
      { item: 'gap', key, offset: 0, size: to - from, first: 0xff, last: 0xff, reserved: false, msb: false },
      r,
      from,
    );
  }
  return to;
}

/** Where the field at a path below a struct is, as far as that can be told without reading it again. */
function offsetOf(frame: Frame, path: readonly string[]): number | undefined {
  for (const [index, segment] of frame.plan.segments.entries()) {
    const start = frame.starts[2 * index];
    const item = segment.items.find((item) => item.item === 'field' && item.key === path[0]);
    if (start !== undefined && item !== undefined) return within(item, path.slice(1), start);
    const part = frame.starts[2 * index + 1];
    const { variable } = segment;
    if (part !== undefined && variable !== undefined && variable.key === path[0])
      return within(variable, path.slice(1), part);
  }
  return undefined;
}
function within(item: Item, path: readonly string[], start: number): number | undefined {
  const at = start + item.offset;
  if (path.length === 0) return at;
  if (item.item === 'gap' || item.plan.kind !== 'struct') return undefined;
  return offsetOf({ plan: item.plan, depth: 0, starts: [at] }, path);
}

/** `1, 2 or 3` */
function orList(names: readonly string[]): string {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} or ${names[names.length - 1]}`;
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

/** Whether the padding is there; what lacks it is the struct, not the padding itself. */
function hasPadding(gap: Gap, r: Reader, at: number): boolean {
  const name = r.path.pop();
  const there = r.has(at, gap.size, undefined, ' of padding');
  if (name !== undefined) r.path.push(name);
  return there;
}

function readGap(gap: Gap, r: Reader, at: number): void {
  r.path.push(gap.key);
  if (gap.reserved ? r.has(at, gap.size) : hasPadding(gap, r, at)) {
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
    readInline(field, r, at, value, extents);
    extents?.set(field.key, { at, end: r.next });
    return;
  }
  r.path.push(field.key);
  const { plan } = field;
  if (plan.kind !== 'bits' || r.has(at, plan.size, plan.shift)) {
    const found = read(plan, r, at, field);
    if (found !== undefined) value[field.key] = found;
    if (field.magic !== undefined && found !== undefined) checkMagic(field, r, at, found);
  }
  extents?.set(field.key, { at, end: r.next });
  r.path.pop();
}

/** An anonymous member: its fields go into the enclosing value. */
function readInline(
  field: FieldPlan,
  r: Reader,
  at: number,
  value: Record<string, unknown>,
  extents: Extents | undefined,
): void {
  const { plan } = field;
  if (plan.kind === 'union') readUnion(plan, r, at, value);
  else if (plan.kind === 'tagged') readTagged(plan, r, at, value, field);
  else if (plan.kind !== 'struct') return;
  else if (plan.shares) {
    r.observer?.enter?.(plan, at, r.path);
    readSegments(plan, r, at, value, extents, []);
    r.observer?.leave?.(plan, at, r.next - at, value, r.path);
  } else readStruct(plan, r, at, value);
}

function checkMagic(field: FieldPlan, r: Reader, at: number, found: unknown): void {
  const { magic, plan } = field;
  if (magic === undefined || sameScalar(magic, found)) return;
  r.problem(
    'magic-mismatch',
    plan.kind === 'int' ? 'this is not the magic number' : 'this is not what always stands here',
    {
      offset: at,
      length: plan.size ?? 1,
      expected: scalarText(magic, plan, true),
      found: scalarText(found, plan, true),
    },
  );
}

/** Whether two scalars are the same value, also a number and a bigint, also bytes. */
export function sameScalar(a: unknown, b: unknown): boolean {
  if (a instanceof Uint8Array && b instanceof Uint8Array)
    return a.length === b.length && a.every((byte, i) => byte === b[i]);
  if (typeof a === 'number' && typeof b === 'bigint') return Number.isInteger(a) && BigInt(a) === b;
  if (typeof a === 'bigint' && typeof b === 'number') return Number.isInteger(b) && a === BigInt(b);
  return a === b;
}

/** A scalar in the width of its field, for messages: `12 (0x000c)`, or hexadecimal first, as for magic numbers. */
export function scalarText(value: unknown, plan: Plan, hexFirst = false): string {
  if (value instanceof Uint8Array)
    return value.length > 32 ? `${toHex(value.subarray(0, 32))}…` : toHex(value);
  if (typeof value === 'string') return JSON.stringify(value.length > 80 ? `${value.slice(0, 80)}…` : value);
  if (typeof value !== 'bigint' && !(typeof value === 'number' && Number.isInteger(value)))
    return String(value);
  const big = BigInt(value);
  const width = plan.kind === 'bits' ? plan.width : (plan.size ?? 8) * 8;
  const digits = BigInt.asUintN(width, big)
    .toString(16)
    .padStart(Math.ceil(width / 4), '0');
  if (hexFirst) return big >= 0n && big < 10n ? `0x${digits}` : `0x${digits} (${big})`;
  return big >= 0n && big < 10n ? `${big}` : `${big} (0x${digits})`;
}

function checkDerived(
  plan: StructPlan,
  r: Reader,
  at: number,
  end: number,
  value: Record<string, unknown>,
  extents: Extents,
): void {
  for (const segment of plan.segments)
    for (const item of segment.variable === undefined
      ? segment.items
      : [...segment.items, segment.variable]) {
      if (item.item !== 'field') continue;
      const inner = item.inline ? extents.get(item.key) : undefined;
      if (inner !== undefined && item.plan.kind === 'struct')
        checkDerived(item.plan, r, inner.at, inner.end, value, extents);
      if (item.derived === undefined) continue;
      const place = extents.get(item.key);
      const found = value[item.key];
      if (place === undefined || (typeof found !== 'number' && typeof found !== 'bigint')) continue;
      const expected = derivedValue(item.derived, {
        value,
        extents,
        at,
        end,
        bytes: () => bytesWithoutField(r.view, at, end, item, place.at),
      });
      if (expected === undefined || sameScalar(expected, found)) continue;
      const hexFirst =
        item.derived.rule === 'checksum' || (item.derived.rule === 'abi' && item.derived.part === 'endian');
      r.path.push(item.key);
      r.problem('derived-mismatch', followsText(item.derived, plan), {
        offset: place.at,
        ...(item.plan.kind === 'bits' ? { bit: item.plan.shift } : {}),
        length: item.plan.size ?? 1,
        expected: scalarText(expected, item.plan, hexFirst),
        found: scalarText(found, item.plan, hexFirst),
      });
      r.path.pop();
    }
}

/** What a derived field has to hold, for messages. */
function followsText(rule: PlanRule, plan: StructPlan): string {
  switch (rule.rule) {
    case 'count':
      return `this is not the length of ${rule.of}`;
    case 'size':
      return `this is not the size of ${rule.of} in bytes`;
    case 'size-of-struct':
      return `this is not the size of ${plan.name} in bytes`;
    case 'checksum':
      return `this is not the ${rule.name} of ${plan.name}`;
    case 'abi':
      return 'the bytes contradict the ABI that they are read for: such a machine writes another value here';
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

function readUnion(plan: UnionPlan, r: Reader, at: number, value: Record<string, unknown>): void {
  if (!r.has(at, plan.size)) return;
  const { key } = r;
  r.observer?.enter?.(plan, at, r.path);
  r.inUnion++;
  for (const [index, member] of plan.members.entries()) {
    r.observer?.member?.(plan, index);
    readField(member, r, at + member.offset, value, undefined);
    if (r.stopped) break;
  }
  r.inUnion--;
  r.key = key;
  keepUnused(plan, r, at, value);
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
    keepUnused(plan, r, at, value);
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
): void {
  if (r.inUnion > 0 || r.stopped) return;
  const mask = definedMask(plan, value, r);
  const bytes = byteArray(r.view, at, at + plan.size).slice();
  let filled = false;
  for (let i = 0; i < bytes.length; i++) {
    const slack = (bytes[i] ?? 0) & ~(mask[i] ?? 0);
    bytes[i] = slack;
    if (slack !== 0) filled = true;
  }
  if (filled) r.keep(bytes);
  let used = 0;
  while (mask[used] === 0xff) used++;
  if (used < plan.size)
    r.observer?.tail?.(plan, at + used, plan.size - used, filled ? bytes.subarray(used) : undefined, r.path);
}
