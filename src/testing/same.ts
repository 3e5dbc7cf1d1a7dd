/** Comparing decoded values. */
import { isObject } from '../codec/slack.js';

/** Whether two values are the same through and through: keys, types, bytes. Slack is not looked at. */
export function same(a: unknown, b: unknown): boolean {
  return differenceAt(a, b, 'same') === undefined;
}

/**
 * The path of the first difference between two values, undefined if there is none. `within` lets the second
 * have more fields than the first: derived ones that were left out, members of a union seen several ways.
 */
export function differenceAt(
  a: unknown,
  b: unknown,
  mode: 'same' | 'within',
  path: readonly (string | number)[] = [],
): readonly (string | number)[] | undefined {
  if (Object.is(a, b)) return undefined;
  if (a instanceof Uint8Array || b instanceof Uint8Array) {
    const equal =
      a instanceof Uint8Array &&
      b instanceof Uint8Array &&
      a.length === b.length &&
      a.every((byte, i) => byte === b[i]);
    return equal ? undefined : path;
  }
  if (!isObject(a) || !isObject(b) || Array.isArray(a) !== Array.isArray(b)) return path;
  const keys = Object.keys(a);
  if ((mode === 'same' || Array.isArray(a)) && keys.length !== Object.keys(b).length) return path;
  for (const key of keys) {
    if (mode === 'within' && a[key] === undefined) continue;
    const at = [...path, Array.isArray(a) ? Number(key) : key];
    if (!Object.hasOwn(b, key)) return at;
    const found = differenceAt(a[key], b[key], mode, at);
    if (found !== undefined) return found;
  }
  return undefined;
}
