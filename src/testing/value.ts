/**
 * Valid values of any schema: built from what the schema asks for, in the order in which decode would read
 * them, so that every length, tag, version and condition is known when what depends on it is made.
 */
import type fc from 'fast-check';
import type { ABI } from '../codec/abi.js';
import { alignFrom } from '../codec/bytes.js';
import { decode } from '../codec/decode.js';
import { encode } from '../codec/encode.js';
import { CarryoverError } from '../codec/error.js';
import type {
  BitsPlan,
  FieldPlan,
  IntPlan,
  Names,
  Plan,
  PlanKind,
  PlanLength,
  PlanOf,
  PlanRef,
  StructPlan,
} from '../codec/plan.js';
import { planOf } from '../codec/plan.js';
import { conditionHolds, type Params, resolveRef, type Scope } from '../codec/refs.js';
import type { InputOf, Schema } from '../codec/schema.js';
import { isObject } from '../codec/slack.js';
import { type Draw, fromChoices } from './choices.js';
import { fieldsOf, type Need, type Needs, needsOf } from './needs.js';

export interface ValueOptions {
  /** The machine whose ranges and sizes the values keep to. Not needed where the schema depends on none. */
  readonly abi?: ABI;
  /** Values for references that no field answers. */
  readonly params?: Params;
  /**
   * `some` (the default) leaves derived fields and magic numbers out now and then, `none` always, as far as
   * they are not needed. What is given is right.
   */
  readonly derived?: 'some' | 'none';
  /** Whether tags may be values that their union does not know. True unless told otherwise. */
  readonly unknownTags?: boolean;
  /** Whether blocks whose size a field tells are large enough for the same content on other machines. */
  readonly roomy?: boolean;
}

/**
 * Values that encode takes: integers in range and often at its bounds, counts that agree with their arrays,
 * unions as their tags say, blocks that fit.
 *
 * @throws Error if the schema cannot have a value, e.g. for want of a parameter.
 */
export function arbitraryValue<S extends Schema>(
  schema: S,
  options: ValueOptions = {},
): fc.Arbitrary<InputOf<S>> {
  return fromChoices((draw) => makeValue(schema, draw, options));
}

/** One value, made with these draws. */
export function makeValue<S extends Schema>(schema: S, draw: Draw, options: ValueOptions): InputOf<S> {
  const plan = planOf(schema, options.abi);
  let obstacle: unknown;
  // Smaller and smaller, until it fits in all the blocks and counts there are.
  for (const scale of [1, 0.5, 0.25, 0]) {
    const maker = new Maker(draw, needsOf(plan), options, scale);
    try {
      const value = make(plan, maker, 0, undefined);
      maker.leaveOut();
      // The plan of S made it, so it has the shape that InputOf<S> describes.
      return complete(schema, value as InputOf<S>, draw, options);
    } catch (error) {
      if (!(error instanceof Obstacle)) throw error;
      obstacle = error;
    }
  }
  throw new Error(`no value of ${schema.kind} could be made: ${String(obstacle)}`, { cause: obstacle });
}

/** Now and then all derived fields are given, also those that follow from the encoding. */
function complete<S extends Schema>(
  schema: S,
  value: InputOf<S>,
  draw: Draw,
  options: ValueOptions,
): InputOf<S> {
  if (options.derived === 'none' || !draw.once(8)) return value;
  const { abi, params } = options;
  const more = { ...(abi && { abi }), ...(params && { params }) };
  try {
    const decoded: unknown = decode(schema, encode(schema, value, more), more);
    // A decoded value is also one that encode takes.
    return decoded as InputOf<S>;
  } catch (error) {
    // That is for the laws to find out.
    if (error instanceof CarryoverError) return value;
    throw error;
  }
}

/** What was begun cannot be finished with the choices made; smaller ones may do. */
class Obstacle extends Error {}

class Maker implements Scope {
  readonly draw: Draw;
  readonly needs: Needs;
  readonly params: Params | undefined;
  readonly memory = undefined;
  readonly unknownTags: boolean;
  readonly roomy: boolean;
  readonly derived: 'some' | 'none';
  readonly scopes: Record<string, unknown>[] = [];
  /** Where the innermost block ends. */
  end = Number.POSITIVE_INFINITY;
  /** Where the value made last ends. */
  next = 0;
  /** From 1 down to 0: how much of what may be small is to be so. */
  scale: number;
  /** Fields that encode knows without being told. */
  private readonly spare: { owner: Record<string, unknown>; key: string }[] = [];

  constructor(draw: Draw, needs: Needs, options: ValueOptions, scale: number) {
    this.draw = draw;
    this.needs = needs;
    this.params = options.params;
    this.unknownTags = options.unknownTags ?? true;
    this.roomy = options.roomy ?? false;
    this.derived = options.derived ?? 'some';
    this.scale = scale;
  }

  // Nothing is followed: there is no memory.
  readTarget(): undefined {
    return undefined;
  }
  maySpare(owner: Record<string, unknown>, key: string): void {
    this.spare.push({ owner, key });
  }
  leaveOut(): void {
    for (const { owner, key } of this.spare)
      if (this.derived === 'none' || this.draw.below(2) === 0) delete owner[key];
  }
  /** A count that is small. */
  small(): number {
    return this.draw.below(1 + Math.floor((this.draw.once(8) ? 40 : 6) * this.scale));
  }
}

function make(plan: Plan, m: Maker, at: number, field: FieldPlan | undefined): unknown {
  return (makers[plan.kind] as (plan: Plan, m: Maker, at: number, field: FieldPlan | undefined) => unknown)(
    plan,
    m,
    at,
    field,
  );
}

const makers: {
  [K in PlanKind]: (plan: PlanOf<K>, m: Maker, at: number, field: FieldPlan | undefined) => unknown;
} = {
  int: (plan, m, at, field) => {
    m.next = at + plan.size;
    return makeInteger(plan, plan.size * 8, m, field);
  },
  bits: (plan, m, at, field) => {
    m.next = at + plan.size;
    return makeInteger(plan, plan.width, m, field);
  },
  chars: (plan, m, at) => {
    const size = lengthOf(plan, plan.length, m, at, 1);
    m.next = at + size;
    if (m.needs.counted.has(plan) || plan.length.length === 'rest') return makeText(m.draw, size, true);
    return makeText(
      m.draw,
      m.draw.pick([0, 1, 2]) === 2 ? size : m.draw.below(Math.min(size, 64) + 1),
      false,
    );
  },
  bytes: (plan, m, at) => {
    const size = lengthOf(plan, plan.length, m, at, 1);
    m.next = at + size;
    return m.draw.bytes(size);
  },
  array: (plan, m, at) => {
    const { element } = plan;
    const values: unknown[] = [];
    m.next = at;
    if (plan.length.length === 'rest' && m.end < Number.POSITIVE_INFINITY && element.size === undefined) {
      // Elements of variable size have to end where the block does.
      while (m.next < m.end) {
        const from = m.next;
        values.push(make(element, m, from, undefined));
        if (m.next === from || m.next > m.end) throw new Obstacle('the elements do not fill their block');
      }
      return values;
    }
    const count = lengthOf(plan, plan.length, m, at, element.size);
    for (let i = 0; i < count; i++) {
      // Long arrays repeat: their length is what matters then.
      if (element.size !== undefined && i >= 64) values.push(values[i % 64]);
      else values.push(make(element, m, m.next, undefined));
    }
    if (element.size !== undefined) m.next = at + count * element.size;
    return values;
  },
  struct: (plan, m, at) => {
    const value: Record<string, unknown> = {};
    makeStruct(plan, m, at, value);
    return value;
  },
  union: (plan, m, at) => {
    const value: Record<string, unknown> = {};
    makeUnion(plan, m, at, value);
    return value;
  },
  tagged: (plan, m, at) => {
    const value: Record<string, unknown> = {};
    makeTagged(plan, m, at, value);
    return value;
  },
  versioned: (plan, m, at, field) => {
    const tag = resolveRef(plan.by, m);
    const chosen = tag === undefined ? undefined : plan.cases.get(tag.toString());
    if (chosen === undefined) throw new Obstacle(`${plan.name} has no version for ${plan.by.text} ${tag}`);
    return make(chosen, m, at, field);
  },
  block: (plan, m, at, field) => {
    const outer = { end: m.end, scale: m.scale };
    const size = blockSize(plan, m);
    if (size !== undefined && at + size > outer.end) throw new Obstacle('a block does not fit in its block');
    for (const scale of size === undefined ? [1] : [1, 0.5, 0.25, 0]) {
      m.scale = outer.scale * scale;
      m.end = size === undefined ? Number.POSITIVE_INFINITY : at + size;
      const { length } = m.scopes;
      try {
        const value = make(plan.type, m, at, field);
        if (m.next > m.end) throw new Obstacle(`${m.next - at} bytes do not fit in a block of ${size}`);
        m.end = outer.end;
        m.scale = outer.scale;
        m.next = size === undefined ? at + settleBlock(plan, m, m.next - at) : at + size;
        return value;
      } catch (error) {
        m.scopes.length = length;
        m.end = outer.end;
        m.scale = outer.scale;
        if (!(error instanceof Obstacle) || scale === 0 || size === undefined) throw error;
      }
    }
    throw new Obstacle('a block cannot be filled');
  },
  foreign: (plan, m, at) => {
    // The other library is asked what some bytes are; zeros are what most types take.
    for (const attempt of [0, 1, 2, 3]) {
      const bytes = attempt === 3 ? new Uint8Array(64) : m.draw.bytes(plan.size ?? 16);
      try {
        const { value, size } = plan.foreign.decode(bytes, 0);
        if (!(size <= bytes.length)) continue;
        m.next = at + plan.foreign.encode(value).length;
        return value;
      } catch {}
    }
    throw new Obstacle(`no bytes were found that ${plan.foreign.name} takes`);
  },
};

// --- integers ----------------------------------------------------------------------------------------------

function makeInteger(plan: IntPlan | BitsPlan, width: number, m: Maker, field: FieldPlan | undefined) {
  let low = plan.signed ? -(2n ** BigInt(width - 1)) : 0n;
  let high = 2n ** BigInt(plan.signed ? width - 1 : width) - 1n;
  if (plan.as === 'number' && width > 53) {
    high = BigInt(Number.MAX_SAFE_INTEGER);
    if (plan.signed) low = -high;
  }
  const need = field === undefined ? undefined : m.needs.of.get(field);
  let value: bigint | undefined;
  if (need !== undefined) value = needed(need, m, low, high);
  value ??= plan.names === undefined ? m.draw.integer(low, high) : named(plan.names, m.draw, low, high);
  return plan.as === 'number' ? Number(value) : value;
}

/** A value that what depends on the field can live with; undefined if any will do. */
function needed(need: Need, m: Maker, low: bigint, high: bigint): bigint | undefined {
  const { draw } = m;
  const inRange = (value: bigint): boolean => value >= low && value <= high;
  if (need.versions.length > 0) {
    const [first = [], ...others] = need.versions;
    const common = first.filter((tag) => others.every((tags) => tags.includes(tag))).map(BigInt);
    const [one, ...more] = common.filter(inRange);
    if (one === undefined) throw new Obstacle('a version field can hold no version that all know');
    return draw.pick([one, ...more]);
  }
  const [tag, ...tags] = need.tags.map(BigInt).filter(inRange);
  if (tag !== undefined && !m.unknownTags) return draw.pick([tag, ...tags]);
  if (need.lengths.length > 0) {
    const count = BigInt(m.small());
    return count > high ? high : count;
  }
  // Blocks that are alone in depending on the field decide it themselves, when their content is known.
  if (need.blocks.length > 0) return BigInt(draw.below(Number(high < 64n ? high + 1n : 64n)));
  const telling = [
    ...need.tags.map(BigInt),
    ...need.conditions.flatMap(({ value, is }) =>
      is === 'at-least' ? [value, value - 1n] : is === 'any-bit' ? [value & -value, 0n] : [value, value + 1n],
    ),
  ].filter(inRange);
  const [one, ...more] = telling;
  if (one === undefined || draw.once(6)) return undefined;
  return draw.pick([one, ...more]);
}

/** A member mostly; of flags, several together. */
function named(names: Names, draw: Draw, low: bigint, high: bigint): bigint {
  const [one, ...more] = Object.values(names.members)
    .map(BigInt)
    .filter((value) => value >= low && value <= high);
  if (one === undefined || draw.once(6)) return draw.integer(low, high);
  if (names.kind === 'enum') return draw.pick([one, ...more]);
  let value = 0n;
  for (const member of [one, ...more]) if (draw.below(2) === 1) value |= member;
  return value >= low && value <= high ? value : one;
}

// --- text --------------------------------------------------------------------------------------------------

/** Characters of one to four bytes, and bytes that are in no UTF-8 text, which decode shows as U+DC80…. */
const CHARACTERS = ['a', '/', '\u{7f}', 'ä', 'Ω', '€', '𝄞', '\u{dcff}', '\u{dcc0}'] as const;
const CHARACTER_BYTES = [1, 1, 1, 2, 2, 3, 4, 1, 1] as const;

/** A text of at most, or exactly, so many bytes, without NUL. */
function makeText(draw: Draw, size: number, exactly: boolean): string {
  let text = '';
  let left = Math.min(size, exactly ? size : 64);
  while (left > 0) {
    const kind = size > 64 ? 0 : draw.below(2) === 0 ? 0 : draw.below(CHARACTERS.length);
    const bytes = CHARACTER_BYTES[kind] ?? 1;
    text += kind === 0 || bytes > left ? String.fromCharCode(0x61 + (left % 26)) : CHARACTERS[kind];
    left -= kind === 0 || bytes > left ? 1 : bytes;
  }
  return text;
}

// --- lengths -----------------------------------------------------------------------------------------------

/** How many elements (or bytes) there have to be. */
function lengthOf(plan: Plan, length: PlanLength, m: Maker, at: number, unit: number | undefined): number {
  const room = m.end - at;
  if (length.length === 'fixed') return length.count;
  if (length.length === 'rest') {
    if (room === Number.POSITIVE_INFINITY) return m.small();
    const count = unit === undefined || unit === 0 ? Number.NaN : room / unit;
    if (!Number.isInteger(count) || count < 0)
      throw new Obstacle(`${room} bytes cannot be filled by ${plan.kind}`);
    return count;
  }
  const found = resolveRef(length.ref, m);
  const count = Number(found);
  if (found === undefined) throw new Obstacle(`the length ${length.ref.text} is not known`);
  if (!(count >= 0 && count <= 65536)) throw new Obstacle(`the length ${length.ref.text} is ${found}`);
  if (count * (unit ?? 0) > room) throw new Obstacle(`${count} elements do not fit`);
  return count;
}

/** The size of a block; undefined if the block may say so itself once its content is known. */
function blockSize(plan: PlanOf<'block'>, m: Maker): number | undefined {
  if (plan.length.length === 'fixed') return plan.length.count;
  if (plan.length.length === 'rest') throw new Obstacle('a block has a size');
  const { ref } = plan.length;
  const owner = ownerOf(ref, m);
  const needs = [...m.needs.of.values()].filter((need) => need.blocks.includes(plan));
  const alone = needs.every(
    (need) =>
      need.blocks.length === 1 &&
      need.lengths.length + need.tags.length + need.versions.length + need.conditions.length === 0,
  );
  if (owner !== undefined && needs.length > 0 && alone && !owner.settled) return undefined;
  const found = resolveRef(ref, m);
  if (found === undefined) throw new Obstacle(`the size ${ref.text} is not known`);
  return Number(found);
}

/** Writes the size of a block to the field that tells it. */
function settleBlock(plan: PlanOf<'block'>, m: Maker, used: number): number {
  if (plan.length.length !== 'ref') return used;
  const owner = ownerOf(plan.length.ref, m);
  if (owner === undefined) throw new Obstacle('there is no field for the size of a block');
  // What fills the block leaves nothing over; anything else may.
  const size = endsOpen(plan.type) ? used : (m.roomy ? 2 * used + 16 : used) + m.draw.below(5);
  for (const [field, need] of m.needs.of)
    if (need.blocks.includes(plan) && size >= 2 ** bitsOf(field.plan))
      throw new Obstacle(`${field.key} cannot hold a size of ${size}`);
  const before = owner.object[owner.key];
  owner.object[owner.key] = typeof before === 'bigint' ? BigInt(size) : size;
  settled.set(owner.object, new Set([...(settled.get(owner.object) ?? []), owner.key]));
  return size;
}

/** How many bits a field has for a size. */
function bitsOf(plan: Plan): number {
  const width = plan.kind === 'bits' ? plan.width : (plan.size ?? 0) * 8;
  return 'signed' in plan && plan.signed ? width - 1 : width;
}

/** Size fields that have been settled: in an array of blocks only the first may decide. */
const settled = new WeakMap<object, ReadonlySet<string>>();

function ownerOf(ref: PlanRef, m: Maker) {
  if (ref.up < 0 || ref.through !== undefined) return undefined;
  let object: unknown = m.scopes[m.scopes.length - 1 - ref.up];
  const path = [...ref.path];
  const key = path.pop() ?? '';
  for (const part of path) object = isObject(object) ? object[part] : undefined;
  return isObject(object) && Object.hasOwn(object, key)
    ? { object, key, settled: settled.get(object)?.has(key) ?? false }
    : undefined;
}

/** Whether a value of this plan takes all that is left. */
export function endsOpen(plan: Plan): boolean {
  switch (plan.kind) {
    case 'chars':
    case 'bytes':
      return plan.length.length === 'rest';
    case 'array':
      return plan.length.length === 'rest' || endsOpen(plan.element);
    case 'struct':
      return fieldsOf(plan).some((field) => endsOpen(field.plan));
    case 'versioned':
      return [...plan.cases.values()].some(endsOpen);
    case 'foreign':
      return plan.size === undefined;
    default:
      return false;
  }
}

/** Whether any part of a plan is such; the parts are the plan itself, members, elements, versions, contents. */
export function somePart(plan: Plan, is: (plan: Plan) => boolean): boolean {
  return is(plan) || partsOf(plan).some((part) => somePart(part, is));
}
function partsOf(plan: Plan): readonly Plan[] {
  switch (plan.kind) {
    case 'tagged':
    case 'union':
      return plan.members.map((member) => member.plan);
    case 'array':
      return [plan.element];
    case 'struct':
      return fieldsOf(plan).map((field) => field.plan);
    case 'versioned':
      return [...plan.cases.values()];
    case 'block':
      return [plan.type];
    default:
      return [];
  }
}

// --- structs -----------------------------------------------------------------------------------------------

function makeStruct(plan: StructPlan, m: Maker, at: number, value: Record<string, unknown>): void {
  m.scopes.push(value);
  let position = at;
  for (const segment of plan.segments) {
    position = alignFrom(at, position, segment.align);
    for (const item of segment.items)
      if (item.item === 'field') makeField(item, m, position + item.offset, value);
    position += segment.size;
    const { variable } = segment;
    if (variable === undefined) continue;
    if (variable.when !== undefined && conditionHolds(variable.when, m) !== true) continue;
    position = alignFrom(at, position, variable.plan.align);
    makeField(variable, m, position, value);
    position = m.next;
  }
  m.scopes.pop();
  m.next = position;
  if (position > m.end) throw new Obstacle('a struct does not fit in its block');
}

function makeField(field: FieldPlan, m: Maker, at: number, value: Record<string, unknown>): void {
  const { plan, key, derived, magic } = field;
  if (field.inline) {
    if (plan.kind === 'struct') makeStruct(plan, m, at, value);
    else if (plan.kind === 'union') makeUnion(plan, m, at, value);
    else if (plan.kind === 'tagged') makeTagged(plan, m, at, value);
    return;
  }
  if (magic !== undefined) {
    value[key] = magic;
    m.next = at + sizeOfMagic(plan, magic);
  } else if (derived === undefined) {
    value[key] = make(plan, m, at, field);
    return;
  } else if (derived.rule === 'abi') {
    value[key] = asIn(plan, derived.value);
    m.next = at + (plan.size ?? 0);
  } else {
    // Of the others, encode computes what nothing else depends on.
    const decides = derived.rule === 'count' && (m.needs.of.get(field)?.lengths.length ?? 0) > 0;
    const made = make(plan, m, at, field);
    if (!decides) return;
    value[key] = made;
  }
  m.maySpare(value, key);
}

function asIn(plan: Plan, value: number | bigint): number | bigint {
  return 'as' in plan && plan.as === 'number' ? Number(value) : BigInt(value);
}
function sizeOfMagic(plan: Plan, magic: unknown): number {
  return plan.size ?? (magic instanceof Uint8Array || typeof magic === 'string' ? magic.length : 0);
}

/** One member is given: which of the others its bytes also are is decode's to say. */
function makeUnion(plan: PlanOf<'union'>, m: Maker, at: number, value: Record<string, unknown>): void {
  const telling = plan.members.filter((member) => m.needs.of.has(member));
  const [one, ...more] = telling.length > 0 ? telling : plan.members;
  if (one !== undefined) {
    const member = m.draw.pick([one, ...more]);
    makeField(member, m, at + member.offset, value);
  }
  m.next = at + plan.size;
}

function makeTagged(plan: PlanOf<'tagged'>, m: Maker, at: number, value: Record<string, unknown>): void {
  const tag = resolveRef(plan.by, m);
  const arm = tag === undefined ? undefined : plan.arms.get(tag.toString());
  if (arm === undefined) value.$raw = m.draw.bytes(plan.size);
  else makeField(arm, m, at + arm.offset, value);
  m.next = at + plan.size;
}
