/** What tells the elements of a list apart. */
import { hexText } from '../../codec/json.js';
import type { Meaning } from '../../formats/meaning.js';
import { isObject } from './values.js';

/** What reads the key of an element, as text; it gives undefined where there is none. */
export function keyReader(key: NonNullable<Meaning['key']>): (element: unknown) => string | undefined {
  const paths = (typeof key === 'string' ? [key] : key).map((path) => path.split('.'));
  return (element) => {
    let text = '';
    for (const [i, path] of paths.entries()) {
      const part = partText(partAt(element, path));
      if (part === undefined) return undefined;
      text += i === 0 ? part : ` ${part}`;
    }
    return text;
  };
}

/** The part of a value that names and places lead to. */
function partAt(value: unknown, path: readonly string[]): unknown {
  let at = value;
  for (const name of path) {
    if (Array.isArray(at)) at = at[Number(name)];
    else if (isObject(at)) at = Object.hasOwn(at, name) ? at[name] : undefined;
    else return undefined;
  }
  return at;
}

function partText(part: unknown): string | undefined {
  if (typeof part === 'string') return JSON.stringify(part);
  if (typeof part === 'bigint' || typeof part === 'number' || typeof part === 'boolean') return String(part);
  return part instanceof Uint8Array ? hexText(part) : undefined;
}
