/**
 * Slack: the bits of an encoding that its value does not tell. Padding, reserved fields, bytes after a
 * string's NUL, the part of a union that its member does not use, the rest of a block.
 *
 * Canonical encodings have zeros there. Where data has something else, decode keeps it beside the object that
 * it belongs to, out of sight, and encode puts it back: that is what makes `encode(decode(b))` equal `b`.
 */
import { byteArray } from './bytes.js';
import type { FieldPlan, Gap, Plan, PlanKind, PlanOf } from './plan.js';
import { textBytes } from './text.js';

/**
 * Slack bytes by where they belong: the name of a reserved or text or union field, the index of an array
 * element, or `+` and the offset of padding.
 */
export type Slack = Readonly<Record<string, Uint8Array>>;

/** The key of slack that belongs to a decoded value as a whole, not to a field of it. */
export const ROOT_KEY = '$root';
/** The key of what a block leaves, beside the key of what stands in the block. */
export function blockKey(key: string): string {
  return `${key}+`;
}

const kept = new WeakMap<object, Slack>();
let any = false;

/** What is kept beside a decoded object; undefined if its encoding is canonical. Not that of nested objects. */
export function slackOf(value: object): Slack | undefined {
  return any ? kept.get(value) : undefined;
}
/** Keeps slack beside an object, replacing what was kept before; undefined forgets it. */
export function setSlack(value: object, slack: Slack | undefined): void {
  if (slack === undefined) kept.delete(value);
  else {
    any = true;
    kept.set(value, slack);
  }
}

/** A mask of the bits of a fixed-size encoding that the value tells, or that are the same for all values. */
export function definedMask(plan: Plan, value: unknown): Uint8Array {
  const mask = new Uint8Array(plan.size ?? 0);
  define(plan, value, mask, 0);
  return mask;
}

function define(plan: Plan, value: unknown, mask: Uint8Array, at: number): void {
  (masks[plan.kind] as (plan: Plan, value: unknown, mask: Uint8Array, at: number) => void)(
    plan,
    value,
    mask,
    at,
  );
}

const whole = (plan: Plan, _: unknown, mask: Uint8Array, at: number): void => {
  mask.fill(0xff, at, at + (plan.size ?? 0));
};

const masks: { [K in PlanKind]: (plan: PlanOf<K>, value: unknown, mask: Uint8Array, at: number) => void } = {
  int: whole,
  bytes: whole,
  foreign: whole,
  versioned: whole,
  bits: (plan, _, mask, at) => {
    for (let bit = plan.shift; bit < plan.shift + plan.width; bit++) {
      const byte = at + (bit >> 3);
      mask[byte] = (mask[byte] ?? 0) | (plan.msb ? 0x80 >> (bit & 7) : 1 << (bit & 7));
    }
  },
  chars: (plan, value, mask, at) => {
    const size = plan.size ?? 0;
    const length = typeof value === 'string' ? (textBytes(value)?.length ?? 0) : 0;
    mask.fill(0xff, at, at + Math.min(size, length + 1));
  },
  array: (plan, value, mask, at) => {
    const step = plan.element.size ?? 0;
    if (Array.isArray(value))
      for (const [i, element] of value.entries()) define(plan.element, element, mask, at + i * step);
  },
  struct: (plan, value, mask, at) => {
    for (const item of plan.segments[0]?.items ?? [])
      if (item.item === 'field') defineField(item, value, mask, at);
  },
  union: (plan, value, mask, at) => {
    for (const member of plan.members) if (isPresent(member, value)) defineField(member, value, mask, at);
  },
  tagged: (plan, value, mask, at) => {
    if (isObject(value) && '$raw' in value) whole(plan, value, mask, at);
    else
      for (const member of plan.members) if (isPresent(member, value)) defineField(member, value, mask, at);
  },
  block: (plan, value, mask, at) => define(plan.type, value, mask, at),
};

function defineField(field: FieldPlan, value: unknown, mask: Uint8Array, at: number): void {
  define(field.plan, memberValue(field, value), mask, at + field.offset);
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
  const bytes = byteArray(view, at, at + gap.size).slice();
  maskGap(bytes, gap);
  return bytes.some((byte) => byte !== 0) ? bytes : undefined;
}
export function maskGap(bytes: Uint8Array, gap: Gap): void {
  bytes[0] = (bytes[0] ?? 0) & gap.first;
  if (gap.size > 1) bytes[gap.size - 1] = (bytes[gap.size - 1] ?? 0) & gap.last;
}
