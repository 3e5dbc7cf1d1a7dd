/**
 * Slack: the bits of an encoding that its value does not tell. Padding, reserved fields, bytes after a
 * string's NUL, the part of a union that its member does not use, the rest of a block.
 *
 * Canonical encodings have zeros there. Where data has something else, decode keeps it beside the object that
 * it belongs to, out of sight, and encode puts it back: that is what makes `encode(decode(b))` equal `b`.
 */
import { alignFrom, byteArray, firstNonZero } from './bytes.js';
import type { FieldPlan, Gap, Plan, PlanKind, PlanLength, PlanOf, Segment, StructPlan } from './plan.js';
import { conditionHolds, resolveRef, type Scope } from './refs.js';
import { textBytes } from './text.js';

/**
 * Slack bytes by where they belong: the name of a reserved or text or union field, the index of an array
 * element, or `+` and the offset of padding. What a block leaves has `+` after its field's name.
 */
export type Slack = Readonly<Record<string, Uint8Array>>;

/** The key of slack that belongs to a decoded value as a whole, not to a field of it. */
export const ROOT_KEY = '$root';
/** The key of what a block leaves, beside the key of what stands in the block. */
export function blockKey(key: string): string {
  return `${key}+`;
}
/** The key of what stands in a block: that of the block, unless it can be a block itself. */
export function contentKey(block: PlanOf<'block'>, key: string): string {
  return block.type.kind === 'block' || block.type.kind === 'versioned' ? `${key}++` : key;
}
/** The key of what lies before a segment because of its alignment, or before the variable part of it. */
export function alignmentKey(segment: Segment, part: 'segment' | 'variable'): string {
  return `${segment.key}${part === 'segment' ? '<' : '>'}`;
}
/** The field that slack of that key belongs to. */
export function ownerOf(key: string): string {
  return key.replace(/\++$/, '');
}

const kept = new WeakMap<object, Slack>();
let any = false;

/** What is kept beside a decoded object; undefined if its encoding is canonical. Not that of nested objects. */
export function slackOf(value: object): Slack | undefined {
  return any ? kept.get(value) : undefined;
}
/** Whether there is any slack at all: asked once, it saves loops to ask for each object. */
export function anySlack(): boolean {
  return any;
}
/** Keeps slack beside an object, replacing what was kept before; undefined forgets it. */
export function setSlack(value: object, slack: Slack | undefined): void {
  if (slack === undefined) kept.delete(value);
  else {
    any = true;
    kept.set(value, slack);
  }
}

/**
 * A mask of the bits of a fixed-size encoding that the value tells, or that are the same for all values.
 * `scope` answers the references of what is inside to what is outside.
 */
export function definedMask(plan: Plan, value: unknown, scope: Scope = NO_SCOPE): Uint8Array {
  const mask = new Uint8Array(plan.size ?? 0);
  define(plan, value, { mask, scope, end: mask.length }, 0);
  return mask;
}

const NO_SCOPE: Scope = { scopes: [], params: undefined, memory: undefined, readTarget: () => undefined };

interface Defining {
  readonly mask: Uint8Array;
  readonly scope: Scope;
  /** Where the innermost block ends. */
  readonly end: number;
}

/** Marks the bits that a value at that offset tells, and says where it ends. */
function define(plan: Plan, value: unknown, cx: Defining, at: number): number {
  return (masks[plan.kind] as (plan: Plan, value: unknown, cx: Defining, at: number) => number)(
    plan,
    value,
    cx,
    at,
  );
}

const whole = (plan: Plan, _: unknown, cx: Defining, at: number): number => {
  const end = at + (plan.size ?? 0);
  cx.mask.fill(0xff, at, end);
  return end;
};

/** Where something of that length ends that has so many bytes of its own. */
function endOf(length: PlanLength, cx: Defining, at: number): number {
  if (length.length === 'rest') return cx.end;
  return at + Number(length.length === 'fixed' ? length.count : (resolveRef(length.ref, cx.scope) ?? 0));
}

const masks: { [K in PlanKind]: (plan: PlanOf<K>, value: unknown, cx: Defining, at: number) => number } = {
  int: whole,
  bits: (plan, _, { mask }, at) => {
    for (let bit = plan.shift; bit < plan.shift + plan.width; bit++) {
      const byte = at + (bit >> 3);
      mask[byte] = (mask[byte] ?? 0) | (plan.msb ? 0x80 >> (bit & 7) : 1 << (bit & 7));
    }
    return at + plan.size;
  },
  chars: (plan, value, cx, at) => {
    const end = endOf(plan.length, cx, at);
    const length = typeof value === 'string' ? (textBytes(value)?.length ?? 0) : 0;
    cx.mask.fill(0xff, at, Math.min(end, at + length + 1));
    return end;
  },
  bytes: (plan, value, cx, at) => {
    const end = at + (plan.size ?? (value instanceof Uint8Array ? value.length : 0));
    cx.mask.fill(0xff, at, end);
    return end;
  },
  array: (plan, value, cx, at) => {
    let next = at;
    if (Array.isArray(value)) for (const element of value) next = define(plan.element, element, cx, next);
    return next;
  },
  struct: (plan, value, cx, at) => {
    if (plan.shares || !isObject(value)) return defineSegments(plan, value, cx, at);
    const { scopes, params, memory } = cx.scope;
    const scope: Scope = {
      scopes: [...scopes, value],
      params,
      memory,
      readTarget: (target, bytes) => cx.scope.readTarget(target, bytes),
    };
    return defineSegments(plan, value, { ...cx, scope }, at);
  },
  union: (plan, value, cx, at) => {
    for (const member of plan.members) if (isPresent(member, value)) defineField(member, value, cx, at);
    return at + plan.size;
  },
  tagged: (plan, value, cx, at) => {
    if (isObject(value) && Object.hasOwn(value, '$raw')) return whole(plan, value, cx, at);
    for (const member of plan.members) if (isPresent(member, value)) defineField(member, value, cx, at);
    return at + plan.size;
  },
  versioned: (plan, value, cx, at) => {
    const chosen = plan.cases.get(resolveRef(plan.by, cx.scope)?.toString() ?? '');
    return chosen === undefined ? whole(plan, value, cx, at) : define(chosen, value, cx, at);
  },
  block: (plan, value, cx, at) => {
    const end = endOf(plan.length, cx, at);
    define(plan.type, value, { ...cx, end }, at);
    return end;
  },
  foreign: whole,
};

function defineSegments(plan: StructPlan, value: unknown, cx: Defining, at: number): number {
  let position = at;
  for (const { align, size, items, variable } of plan.segments) {
    position = alignFrom(at, position, align);
    for (const item of items) if (item.item === 'field') defineField(item, value, cx, position);
    position += size;
    if (variable === undefined) continue;
    if (variable.when !== undefined && conditionHolds(variable.when, cx.scope) !== true) continue;
    position = defineField(variable, value, cx, alignFrom(at, position, variable.plan.align));
  }
  return position;
}

function defineField(field: FieldPlan, value: unknown, cx: Defining, at: number): number {
  // A magic text may be left out of a value that is encoded; it takes its bytes all the same.
  return define(field.plan, memberValue(field, value) ?? field.magic, cx, at + field.offset);
}

/** The value of a field of a struct or union value; an anonymous one's is the enclosing value itself. */
export function memberValue(field: FieldPlan, value: unknown): unknown {
  if (field.inline) return value;
  return isObject(value) && Object.hasOwn(value, field.key) ? value[field.key] : undefined;
}

/** Whether a union's value has that member; of an anonymous one, any of its fields. */
export function isPresent(member: FieldPlan, value: unknown): boolean {
  if (!isObject(value)) return false;
  const has = (key: string): boolean => Object.hasOwn(value, key) && value[key] !== undefined;
  if (!member.inline) return has(member.key);
  const { plan } = member;
  return (
    (plan.kind === 'struct' || plan.kind === 'union' || plan.kind === 'tagged') && [...plan.keys].some(has)
  );
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

/** The bits of a gap that are not zero, as bytes of the gap's size; undefined if all are zero. */
export function gapBits(view: DataView, gap: Gap, at: number): Uint8Array | undefined {
  const last = at + gap.size - 1;
  const isZero =
    (view.getUint8(at) & gap.first) === 0 &&
    (gap.size === 1 ||
      ((view.getUint8(last) & gap.last) === 0 && firstNonZero(byteArray(view), at + 1, last) < 0));
  if (isZero) return undefined;
  const bytes = byteArray(view, at, at + gap.size).slice();
  maskGap(bytes, gap);
  return bytes;
}
export function maskGap(bytes: Uint8Array, gap: Gap): void {
  bytes[0] = (bytes[0] ?? 0) & gap.first;
  if (gap.size > 1) bytes[gap.size - 1] = (bytes[gap.size - 1] ?? 0) & gap.last;
}
