/** Values of derived fields, for decode to check and for encode to write. */
import type { PlanRule } from './plan.js';
import { isObject, slackOf } from './slack.js';
import { textBytes } from './text.js';

/** Where each field of a struct begins and ends. */
export type Extents = Map<string, { readonly at: number; readonly end: number }>;

export interface DerivedContext {
  /** The struct that the field stands in. */
  readonly value: Record<string, unknown>;
  readonly extents: Extents;
  /** Where the struct begins and ends. */
  readonly at: number;
  readonly end: number;
  /** Its bytes, in which the field reads as zero. */
  readonly bytes: () => Uint8Array;
}

/** What the field has to hold; undefined if what it follows from is not there. */
export function derivedValue(rule: PlanRule, cx: DerivedContext): number | bigint | undefined {
  switch (rule.rule) {
    case 'count':
      return countIn(cx.value, rule.of);
    case 'size': {
      const extent = cx.extents.get(rule.of);
      return extent === undefined ? undefined : extent.end - extent.at;
    }
    case 'size-of-struct':
      return cx.end - cx.at;
    case 'checksum':
      return rule.compute(cx.bytes());
    case 'abi':
      return rule.value;
  }
}

/**
 * The number of elements of the array (or bytes of the byte array or text) at a path below a value. What was
 * kept of a text beyond its NUL counts too, unless a canonical encoding is wanted.
 */
export function countIn(value: unknown, path: string, canonical = false): number | undefined {
  let owner: unknown;
  let found: unknown = value;
  let key = '';
  for (key of path.split('.')) {
    owner = found;
    found = isObject(found) && Object.hasOwn(found, key) ? found[key] : undefined;
  }
  if (typeof found === 'string' && isObject(owner))
    return textCount(found, canonical ? undefined : slackOf(owner)?.[key]);
  return Array.isArray(found) || found instanceof Uint8Array ? found.length : undefined;
}

/** The bytes that a text takes where its length is told elsewhere: with its NUL and what follows, if kept. */
function textCount(text: string, tail: Uint8Array | undefined): number | undefined {
  const length = textBytes(text)?.length;
  return length === undefined || tail === undefined ? length : length + 1 + tail.length;
}
