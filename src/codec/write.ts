/**
 * The careful writer: the reader's mirror. Values go out in canonical form, with the slack that was kept
 * beside them put back where it still belongs; derived fields are computed.
 */
import { alignFrom, byteArray, toHex, writeBigBits, writeBits, writeSmall } from './bytes.js';
import type { Code } from './codes.js';
import { countIn, derivedValue, type Extents } from './derive.js';
import { CarryoverError, counted, isCarryoverError } from './error.js';
import { encodeForeign } from './foreign.js';
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
  Segment,
  StructPlan,
  TaggedPlan,
  UnionPlan,
} from './plan.js';
import { bytesWithoutField, MAX_PROBLEMS, sameScalar, scalarText } from './read.js';
import { conditionHolds, type Params, resolveRef, type Scope } from './refs.js';
import {
  alignmentKey,
  blockKey,
  contentKey,
  definedMask,
  isObject,
  isPresent,
  maskGap,
  memberValue,
  ownerOf,
  ROOT_KEY,
  type Slack,
  slackOf,
} from './slack.js';
import { textBytes } from './text.js';

export interface WriteOptions {
  readonly params?: Params;
  /** `compute` (the default) writes derived fields as they follow from the rest; `keep` writes what is given. */
  readonly derived?: 'compute' | 'keep';
  /** Leaves out all that is not canonical. */
  readonly canonical?: boolean;
  /** `refuse` (the default) fails at a key that is no field of its struct; `ignore` does not look for any. */
  readonly otherKeys?: 'refuse' | 'ignore';
}

/** Stands in a scope for a field whose value is not known yet: what it measures decides how long it is. */
const PENDING = Symbol('pending');
/** More zeros than this are not written after a text or a block because a field says so. */
const MAX_FILL = 2 ** 24;

export class Writer implements Scope {
  private buffer: ArrayBuffer;
  view: DataView;
  /** Bytes written so far. */
  length = 0;
  readonly path: (string | number)[] = [];
  readonly scopes: Record<string, unknown>[] = [];
  readonly params: Params | undefined;
  // While encoding nothing is followed: what a pointer points to is not part of the value.
  readonly memory = undefined;
  /** Where a lenient writer notes what it refuses, and goes on; a strict one throws. */
  readonly problems: CarryoverError[] | undefined;
  /** The struct that was just written, with its derived fields and magic numbers. */
  written: Record<string, unknown> | undefined;
  readonly keepDerived: boolean;
  readonly canonical: boolean;
  readonly anyKeys: boolean;
  /** Slack of the object being written, and the key of what is being written of it. */
  slack: Slack | undefined;
  key = ROOT_KEY;

  constructor(options: WriteOptions, size: number, problems?: CarryoverError[]) {
    this.params = options.params;
    this.problems = problems;
    this.keepDerived = options.derived === 'keep';
    this.canonical = options.canonical ?? false;
    this.anyKeys = options.otherKeys === 'ignore';
    this.buffer = new ArrayBuffer(size);
    this.view = new DataView(this.buffer);
  }

  root(plan: Plan, value: unknown): Uint8Array {
    this.slack = this.slackOf(value);
    write(plan, this, this.grow(plan.size ?? 0), value);
    return new Uint8Array(this.buffer, 0, this.length);
  }

  /** Makes room for so many zero bytes at the end, and says where they begin. */
  grow(size: number): number {
    const at = this.length;
    if (at + size > this.buffer.byteLength) {
      const larger = this.allocate(Math.max(at + size, this.buffer.byteLength * 2, 256));
      new Uint8Array(larger).set(new Uint8Array(this.buffer, 0, at));
      this.buffer = larger;
      this.view = new DataView(larger);
    }
    this.length += size;
    return at;
  }
  private allocate(size: number): ArrayBuffer {
    try {
      const buffer = new ArrayBuffer(size);
      // An ArrayBuffer may be larger than any view of it.
      new Uint8Array(buffer);
      return buffer;
    } catch (cause) {
      return this.fail('value-range', 'there is not so much memory', { found: counted(size, 'byte'), cause });
    }
  }
  put(bytes: Uint8Array, at: number): void {
    new Uint8Array(this.buffer).set(bytes, at);
  }
  slackOf(value: unknown): Slack | undefined {
    return this.canonical || !isObject(value) ? undefined : slackOf(value);
  }
  /** The slack that was kept for what is being written. */
  keptFor(key: string): Uint8Array | undefined {
    const { slack } = this;
    return slack !== undefined && Object.hasOwn(slack, key) ? slack[key] : undefined;
  }
  fail(
    code: Code,
    reason: string,
    details: { expected?: string; found?: string; cause?: unknown } = {},
  ): never {
    throw new CarryoverError(code, reason, { path: [...this.path], ...details });
  }
  /** Like `fail`, but a lenient writer goes on behind it. */
  refuse(code: Code, reason: string, details: { expected?: string; found?: string } = {}): void {
    this.attempt(() => this.fail(code, reason, details));
  }
  /** Runs what may fail. Lenient, notes the failure and says so; strict, lets it through. */
  attempt(run: () => void): boolean {
    const { slack, key } = this;
    const depth = this.path.length;
    const scopes = this.scopes.length;
    try {
      run();
      return true;
    } catch (error) {
      if (this.problems === undefined || !isCarryoverError(error)) throw error;
      if (this.problems.length < MAX_PROBLEMS) this.problems.push(error);
      this.path.length = depth;
      this.scopes.length = scopes;
      this.slack = slack;
      this.key = key;
      return false;
    }
  }
  /** A writer of its own for a part, within the same structs. */
  inner(canonical: boolean): Writer {
    const writer = new Writer(
      {
        ...(this.params && { params: this.params }),
        derived: this.keepDerived ? 'keep' : 'compute',
        canonical,
      },
      0,
      this.problems,
    );
    writer.scopes.push(...this.scopes);
    writer.path.push(...this.path);
    return writer;
  }
  readTarget(): undefined {
    return undefined;
  }
}

/**
 * Writes a value. Of a plan of fixed size, to the place `at` that the caller has made room for; of any other,
 * to the end of what is written so far.
 */
function write(plan: Plan, w: Writer, at: number, value: unknown): void {
  (writers[plan.kind] as (plan: Plan, w: Writer, at: number, value: unknown) => void)(plan, w, at, value);
}

const writers: { [K in PlanKind]: (plan: PlanOf<K>, w: Writer, at: number, value: unknown) => void } = {
  int: writeInt,
  bits: writeBitField,
  chars: (plan, w, at, value) => {
    const bytes = typeof value === 'string' ? textBytes(value) : undefined;
    if (bytes === undefined)
      return w.fail('value-type', 'this is not a text', { expected: 'a string', found: kindOf(value) });
    if (bytes.includes(0))
      return w.fail('value-range', 'the text holds a NUL', { found: scalarText(value, plan) });
    const tail = w.keptFor(w.key);
    const used =
      tail === undefined || plan.size !== undefined ? bytes.length : bytes.length + 1 + tail.length;
    const size = lengthFor(plan.length, w, used, 'byte');
    checkFill(w, plan, used, size);
    if (bytes.length > size)
      return w.fail('value-range', 'the text is too long', {
        expected: `at most ${counted(size, 'byte')}`,
        found: counted(bytes.length, 'byte'),
      });
    const start = plan.size === undefined ? w.grow(size) : at;
    w.put(bytes, start);
    if (tail !== undefined) putTail(w, tail, start + Math.min(size, bytes.length + 1), start + size);
  },
  bytes: (plan, w, at, value) => {
    if (!(value instanceof Uint8Array))
      return w.fail('value-type', 'these are not bytes', { expected: 'a Uint8Array', found: kindOf(value) });
    const size = lengthFor(plan.length, w, value.length, 'byte');
    if (size !== value.length)
      return w.fail(
        plan.length.length === 'ref' ? 'count-mismatch' : 'value-range',
        'there are not as many bytes as the field has',
        {
          expected: counted(size, 'byte'),
          found: counted(value.length, 'byte'),
        },
      );
    w.put(value, plan.size === undefined ? w.grow(size) : at);
  },
  array: (plan, w, at, value) => {
    if (!Array.isArray(value))
      return w.fail('value-type', 'this is not an array', { expected: 'an array', found: kindOf(value) });
    const count = lengthFor(plan.length, w, value.length, 'element');
    // In a place of fixed size there is no going on with more.
    if (count !== value.length)
      (plan.size === undefined ? w.refuse : w.fail).call(
        w,
        'count-mismatch',
        'the array has another number of elements than it should',
        {
          expected: counted(count, 'element'),
          found: counted(value.length, 'element'),
        },
      );
    const { slack, key } = w;
    w.slack = w.slackOf(value);
    const { element } = plan;
    let next = at;
    if (plan.size === undefined && element.size !== undefined) next = w.grow(element.size * value.length);
    const writeElement = (i: number): void => {
      w.path.push(i);
      w.key = String(i);
      write(element, w, element.size === undefined ? w.length : next, value[i]);
      w.path.pop();
    };
    for (let i = 0; i < value.length; i++) {
      if (w.problems === undefined) writeElement(i);
      else w.attempt(() => writeElement(i));
      next += element.size ?? 0;
    }
    w.slack = slack;
    w.key = key;
    w.written = undefined;
  },
  struct: (plan, w, at, value) => {
    writeStruct(plan, w, at, w.anyKeys ? objectOf(w, value) : asObject(w, value, plan.keys));
  },
  union: (plan, w, at, value) => writeUnion(plan, w, at, asObject(w, value, plan.keys)),
  tagged: (plan, w, at, value) => writeTagged(plan, w, at, asObject(w, value, plan.keys, '$raw')),
  versioned: (plan, w, at, value) => {
    const tag = resolveRef(plan.by, w);
    if (tag === undefined)
      return w.fail('reference-missing', `the version ${plan.by.text} of ${plan.name} is not known`);
    const chosen = plan.cases.get(tag.toString());
    if (chosen === undefined)
      return w.fail('version-unknown', `${plan.name} has no version ${tag}`, {
        expected: `${plan.by.text} to be ${[...plan.cases.keys()].join(', ')}`,
        found: tag.toString(),
      });
    // Versions of one size have their place; of several sizes, all go to the end.
    const start = plan.size === undefined && chosen.size !== undefined ? w.grow(chosen.size) : at;
    write(chosen, w, start, value);
  },
  block: (plan, w, at, value) => {
    const { key } = w;
    const inner = w.inner(w.canonical);
    inner.slack = w.slack;
    inner.key = contentKey(plan, key);
    write(plan.type, inner, inner.grow(plan.type.size ?? 0), value);
    w.written = inner.written;
    const content = byteArray(inner.view, 0, inner.length);
    const size = lengthFor(plan.length, w, content.length, 'byte');
    if (content.length > size)
      return w.fail('value-range', 'the content does not fit in its block', {
        expected: `at most ${counted(size, 'byte')}`,
        found: counted(content.length, 'byte'),
      });
    checkFill(w, plan, content.length, size);
    const start = plan.size === undefined ? w.grow(size) : at;
    w.put(content, start);
    const tail = w.keptFor(blockKey(key));
    if (tail !== undefined) putTail(w, tail, start + content.length, start + size);
  },
  foreign: (plan, w, at, value) => {
    const bytes = encodeForeign(plan, value, { path: [...w.path] });
    w.put(bytes, plan.size === undefined ? w.grow(bytes.length) : at);
  },
};

/** What kind of thing a value is, for messages. */
function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  if (value instanceof Uint8Array) return 'bytes';
  return typeof value === 'undefined' ? 'nothing' : `a ${typeof value}`;
}

function objectOf(w: Writer, value: unknown): Record<string, unknown> {
  if (!isObject(value) || Array.isArray(value) || value instanceof Uint8Array)
    return w.fail('value-type', 'this is not an object', { expected: 'an object', found: kindOf(value) });
  return value;
}
/** An object that has no keys but these. */
function asObject(
  w: Writer,
  given: unknown,
  keys: ReadonlySet<string>,
  extra?: string,
): Record<string, unknown> {
  const value = objectOf(w, given);
  for (const key of Object.keys(value))
    if (!keys.has(key) && key !== extra)
      w.attempt(() =>
        failAt(w, key, 'value-unknown', 'there is no such field', {
          expected: keys.size === 0 ? 'no fields' : `one of ${[...keys].join(', ')}`,
        }),
      );
  return value;
}

/** Zeros for a text or a block are written as far as a field says, but not without end. */
function checkFill(w: Writer, plan: Plan, used: number, size: number): void {
  if (plan.size === undefined && size - used > MAX_FILL)
    w.fail('value-range', 'that many zeros are not written after it', {
      expected: `at most ${counted(used + MAX_FILL, 'byte')}`,
      found: counted(size, 'byte'),
    });
}

/** Whether a reference leads to a field that is not computed yet. */
function isPending(ref: PlanRef, w: Writer): boolean {
  let value: unknown = w.scopes[w.scopes.length - 1 - ref.up];
  for (const part of ref.path)
    value = isObject(value) && Object.hasOwn(value, part) ? value[part] : undefined;
  return value === PENDING;
}

/** Puts kept bytes back, as far as there is room between the end of what is used and the end of the field. */
function putTail(w: Writer, tail: Uint8Array, from: number, to: number): void {
  const room = Math.min(tail.length, to - from);
  if (room > 0) w.put(tail.subarray(tail.length - room), to - room);
}

/** The length that the array must have: what the schema says, or what it has if that decides. */
function lengthFor(length: PlanLength, w: Writer, actual: number, unit: 'byte' | 'element'): number {
  if (length.length === 'fixed') return length.count;
  if (length.length === 'rest') return actual;
  const found = resolveRef(length.ref, w);
  if (found === undefined && isPending(length.ref, w)) return actual;
  if (found === undefined) return w.fail('reference-missing', `the length ${length.ref.text} is not known`);
  if (actual > Number(found))
    w.fail('count-mismatch', `${length.ref.text} says how many ${unit}s there are, and there are more`, {
      expected: counted(found, unit),
      found: counted(actual, unit),
    });
  return Number(found);
}

/** An integer value within its range; numbers and bigints are both taken. */
function checkInt(w: Writer, value: unknown, width: number, signed: boolean, plan: Plan): number | bigint {
  if (typeof value !== 'bigint' && !(typeof value === 'number' && Number.isInteger(value)))
    return w.fail('value-type', 'this is not an integer', {
      expected: 'an integer',
      found: typeof value === 'number' ? String(value) : kindOf(value),
    });
  if (typeof value === 'number' && !Number.isSafeInteger(value))
    return w.fail('value-range', 'a number of that size is not exact; give a bigint', {
      found: String(value),
    });
  const low = signed ? -(2n ** BigInt(width - 1)) : 0n;
  const high = signed ? 2n ** BigInt(width - 1) - 1n : 2n ** BigInt(width) - 1n;
  if (value < low || value > high)
    return w.fail('value-range', 'the value does not fit its field', {
      expected: `${low} to ${high}`,
      found: String(value),
    });
  if (
    plan.kind !== 'foreign' &&
    'as' in plan &&
    plan.as === 'number' &&
    width > 53 &&
    !Number.isSafeInteger(Number(value))
  )
    return w.fail('value-range', 'the field is declared to be exact as a number', {
      expected: 'at most 2^53 - 1',
      found: String(value),
    });
  return value;
}

function writeInt(plan: IntPlan, w: Writer, at: number, value: unknown): void {
  const checked = checkInt(w, value, plan.size * 8, plan.signed, plan);
  if (plan.size === 8) w.view.setBigUint64(at, BigInt.asUintN(64, BigInt(checked)), plan.little);
  else writeSmall(w.view, at, plan.size, plan.little, Number(checked));
}
function writeBitField(plan: BitsPlan, w: Writer, at: number, value: unknown): void {
  const checked = checkInt(w, value, plan.width, plan.signed, plan);
  if (plan.width > 53) writeBigBits(w.view, at, plan.shift, plan.width, plan.msb, BigInt(checked));
  else writeBits(w.view, at, plan.shift, plan.width, plan.msb, Number(checked));
}

/** A derived field whose value is known only when the struct is complete. */
interface Later {
  readonly field: FieldPlan;
  readonly at: number;
}

function writeStruct(plan: StructPlan, w: Writer, at: number, value: Record<string, unknown>): void {
  const { slack, key } = w;
  w.slack = w.slackOf(value);
  if (w.slack !== undefined) checkSlack(plan, w, w.slack);
  // What later fields refer to: the values as written, with derived ones computed.
  const scope: Record<string, unknown> = {};
  w.scopes.push(scope);
  const extents: Extents = new Map();
  const later: Later[] = [];
  const end = writeSegments(plan, w, at, value, scope, extents, later);
  finish(later, w, at, end, scope, extents);
  w.scopes.pop();
  w.slack = slack;
  w.key = key;
  w.written = scope;
}

/** The fields of a struct, one after the other. Says where they end. */
function writeSegments(
  plan: StructPlan,
  w: Writer,
  at: number,
  value: Record<string, unknown>,
  scope: Record<string, unknown>,
  extents: Extents,
  later: Later[],
): number {
  // A struct of fixed size has its room; of any other the first segment begins at the end.
  let position = at;
  for (const [index, segment] of plan.segments.entries()) {
    if (plan.size === undefined) {
      position =
        index === 0 ? at : writeAlignment(w, alignFrom(at, w.length, segment.align), segment, 'segment');
      w.grow(segment.size);
    }
    for (const item of segment.items)
      if (item.item === 'field') writeField(item, w, position + item.offset, value, scope, extents, later);
      else writeGap(item, w, position + item.offset);
    const { variable } = segment;
    if (variable === undefined) continue;
    if (variable.when !== undefined && conditionHolds(variable.when, w) !== true) {
      if (value[variable.key] !== undefined)
        failAt(w, variable.key, 'value-unknown', 'the field is not there under this condition', {
          expected: `${variable.when.ref.text} ${CONDITIONS[variable.when.is]} ${variable.when.value}`,
        });
      continue;
    }
    const start = writeAlignment(w, alignFrom(at, w.length, variable.plan.align), segment, 'variable');
    w.grow(variable.plan.size ?? 0);
    writeField(variable, w, start, value, scope, extents, later);
  }
  return plan.size === undefined ? w.length : at + plan.size;
}

function failAt(
  w: Writer,
  key: string,
  code: Code,
  reason: string,
  details: { expected?: string; found?: string } = {},
): never {
  w.path.push(key);
  return w.fail(code, reason, details);
}

function writeField(
  field: FieldPlan,
  w: Writer,
  at: number,
  value: Record<string, unknown>,
  scope: Record<string, unknown>,
  extents: Extents,
  later: Later[],
): void {
  if (w.problems === undefined) {
    writeFieldStrictly(field, w, at, value, scope, extents, later);
    return;
  }
  const fine = w.attempt(() => writeFieldStrictly(field, w, at, value, scope, extents, later));
  // What refers to a field that was refused is not refused for that.
  if (!fine && !field.inline) scope[field.key] = PENDING;
}

function writeFieldStrictly(
  field: FieldPlan,
  w: Writer,
  at: number,
  value: Record<string, unknown>,
  scope: Record<string, unknown>,
  extents: Extents,
  later: Later[],
): void {
  w.key = field.key;
  const { plan } = field;
  if (field.inline) {
    if (plan.kind === 'union' || plan.kind === 'tagged') {
      for (const name of plan.keys) if (Object.hasOwn(value, name)) scope[name] = value[name];
      if (plan.kind === 'union') writeUnion(plan, w, at, value);
      else writeTagged(plan, w, at, value);
    } else if (plan.kind !== 'struct') return;
    else if (plan.shares) {
      const inner: Later[] = [];
      const end = writeSegments(plan, w, at, value, scope, extents, inner);
      finish(inner, w, at, end, scope, extents);
    } else writeStruct(plan, w, at, pick(value, plan.keys));
    return;
  }
  w.path.push(field.key);
  const given = Object.hasOwn(value, field.key) ? value[field.key] : undefined;
  const written = fieldValue(field, w, given, value);
  if (written === undefined) {
    scope[field.key] = PENDING;
    later.push({ field, at });
  } else {
    scope[field.key] = written;
    w.written = undefined;
    write(plan, w, at, written);
    if (w.written !== undefined) scope[field.key] = w.written;
  }
  extents.set(field.key, { at, end: plan.size === undefined ? w.length : at + plan.size });
  w.path.pop();
}

/** What is written for a field; undefined if that follows from the rest of the struct. */
function fieldValue(field: FieldPlan, w: Writer, given: unknown, value: Record<string, unknown>): unknown {
  const { derived, magic } = field;
  if (derived !== undefined && !(w.keepDerived && given !== undefined)) {
    if (derived.rule === 'abi') return derived.value;
    if (derived.rule !== 'count') return undefined;
    const count = countIn(value, derived.of, w.canonical);
    // What may be absent is counted by nobody: decode takes any number then, and it is kept.
    return count ?? given ?? 0;
  }
  if (magic !== undefined) {
    if (given !== undefined && !sameScalar(magic, given))
      w.fail('magic-mismatch', 'the field has one right value', {
        expected: scalarText(magic, field.plan, true),
        found: scalarText(given, field.plan, true),
      });
    return magic;
  }
  if (given === undefined) w.fail('value-missing', 'the field was left out');
  return given;
}

/** Computes what follows from the complete struct: sizes first, then checksums over all else. */
function finish(
  later: readonly Later[],
  w: Writer,
  at: number,
  end: number,
  scope: Record<string, unknown>,
  extents: Extents,
): void {
  const rank = (item: Later): number => (item.field.derived?.rule === 'checksum' ? 1 : 0);
  for (const { field, at: place } of [...later].sort((a, b) => rank(a) - rank(b))) {
    const { derived } = field;
    if (derived === undefined) continue;
    const computed = derivedValue(derived, {
      value: scope,
      extents,
      at,
      end,
      bytes: () => bytesWithoutField(w.view, at, end, field, place),
    });
    w.path.push(field.key);
    if (computed === undefined) w.fail('value-missing', 'what the field follows from is not there');
    scope[field.key] = computed;
    write(field.plan, w, place, computed);
    w.path.pop();
  }
}

/** The fields of an anonymous struct within the value of the enclosing one. */
function pick(value: Record<string, unknown>, keys: ReadonlySet<string>): Record<string, unknown> {
  const picked: Record<string, unknown> = {};
  for (const key of keys) if (Object.hasOwn(value, key)) picked[key] = value[key];
  return picked;
}

/** Padding before something whose place is only known at run time. Says where that begins. */
function writeAlignment(w: Writer, to: number, segment: Segment, part: 'segment' | 'variable'): number {
  const from = w.grow(to - w.length);
  const kept = w.keptFor(alignmentKey(segment, part));
  if (kept !== undefined) putTail(w, kept, from, to);
  return to;
}

function writeGap(gap: Gap, w: Writer, at: number): void {
  const kept = w.keptFor(gap.key);
  if (kept === undefined) return;
  if (kept.length !== gap.size)
    failAt(w, gap.key, 'slack-mismatch', 'the kept bytes are of another length than their place', {
      expected: counted(gap.size, 'byte'),
      found: `${counted(kept.length, 'byte')} (${toHex(kept.subarray(0, 16))})`,
    });
  const bits = kept.slice();
  maskGap(bits, gap);
  overlay(w, bits, at);
}

function overlay(w: Writer, bits: Uint8Array, at: number): void {
  for (let i = 0; i < bits.length; i++) w.view.setUint8(at + i, w.view.getUint8(at + i) | (bits[i] ?? 0));
}

/** Slack that has no place in the struct would be lost without a word. */
function checkSlack(plan: StructPlan, w: Writer, slack: Slack): void {
  for (const key of Object.keys(slack)) {
    const owner = ownerOf(key);
    if (owner !== ROOT_KEY && !hasPlace(plan, owner))
      w.attempt(() => failAt(w, key, 'slack-mismatch', `the struct ${plan.name} has no such place`));
  }
}
function hasPlace(plan: StructPlan, key: string): boolean {
  const isIt = (item: Item): boolean =>
    item.key === key ||
    (item.item === 'field' && item.plan.kind === 'struct' && item.plan.shares && hasPlace(item.plan, key));
  return plan.segments.some(
    (segment) =>
      segment.items.some(isIt) ||
      (segment.variable !== undefined && isIt(segment.variable)) ||
      key === alignmentKey(segment, 'segment') ||
      key === alignmentKey(segment, 'variable'),
  );
}

function writeUnion(plan: UnionPlan, w: Writer, at: number, value: Record<string, unknown>): void {
  const present = plan.members.filter((member) => isPresent(member, value));
  if (present.length === 0 && plan.members.length > 0)
    w.fail('union-member', 'the union has no member', { expected: `one of ${[...plan.keys].join(', ')}` });
  const defined = new Uint8Array(plan.size);
  for (const member of present) writeMember(member, w, at, plan, value, defined);
  putUnused(w, at, defined);
}

/** Writes one member over what others wrote; where both define a bit they must agree. */
function writeMember(
  member: FieldPlan,
  w: Writer,
  at: number,
  plan: UnionPlan | TaggedPlan,
  value: Record<string, unknown>,
  defined: Uint8Array,
): void {
  const alone = w.inner(true);
  alone.grow(plan.size);
  writeField(member, alone, member.offset, value, {}, new Map(), []);
  const mask = new Uint8Array(plan.size);
  mask.set(definedMask(member.plan, memberValue(member, value), w), member.offset);
  for (let i = 0; i < plan.size; i++) {
    const bits = mask[i] ?? 0;
    const before = w.view.getUint8(at + i);
    const now = alone.view.getUint8(i);
    if (((before ^ now) & bits & (defined[i] ?? 0)) !== 0)
      w.fail('union-conflict', `the member ${member.key} has other bytes than the members before it`, {
        expected: `byte ${i} to be 0x${before.toString(16).padStart(2, '0')}`,
        found: `0x${now.toString(16).padStart(2, '0')}`,
      });
    w.view.setUint8(at + i, before | (now & bits));
    defined[i] = (defined[i] ?? 0) | bits;
  }
}

function writeTagged(plan: TaggedPlan, w: Writer, at: number, value: Record<string, unknown>): void {
  const tag = resolveRef(plan.by, w);
  const arm = tag === undefined ? undefined : plan.arms.get(tag.toString());
  const raw = Object.hasOwn(value, '$raw') ? value.$raw : undefined;
  const present = plan.members.filter((member) => isPresent(member, value));
  const wanted = arm?.key ?? (tag === undefined ? 'one member' : '$raw');
  const [only] = present;
  if (raw !== undefined) {
    if (present.length > 0 || arm !== undefined)
      w.fail('union-member', `${plan.by.text} is ${tag}, which asks for another member`, {
        expected: wanted,
        found: '$raw',
      });
    if (!(raw instanceof Uint8Array) || raw.length !== plan.size)
      w.fail('value-type', 'a union without a member is its bytes', {
        expected: counted(plan.size, 'byte'),
        found: kindOf(raw),
      });
    w.put(raw, at);
    return;
  }
  if (only === undefined || present.length > 1 || (arm === undefined ? tag !== undefined : only !== arm))
    w.fail(
      'union-member',
      tag === undefined
        ? 'the union has not one member'
        : `${plan.by.text} is ${tag}, which asks for another member`,
      {
        expected: wanted,
        found: present.length === 0 ? 'none' : present.map((member) => member.key).join(', '),
      },
    );
  const defined = new Uint8Array(plan.size);
  writeMember(only, w, at, plan, value, defined);
  putUnused(w, at, defined);
}

/** Puts back the bits that no member of the union's value tells. */
function putUnused(w: Writer, at: number, defined: Uint8Array): void {
  const kept = w.keptFor(w.key);
  if (kept === undefined) return;
  if (kept.length !== defined.length)
    w.fail('slack-mismatch', 'the kept bytes are of another length than their place', {
      expected: counted(defined.length, 'byte'),
      found: counted(kept.length, 'byte'),
    });
  overlay(
    w,
    kept.map((byte, i) => byte & ~(defined[i] ?? 0)),
    at,
  );
}

/** How a condition is told. */
const CONDITIONS = {
  equal: 'to be',
  different: 'to be other than',
  'at-least': 'to be at least',
  'any-bit': 'to have a bit of',
} as const;
