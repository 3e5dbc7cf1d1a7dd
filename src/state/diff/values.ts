/** The shapes that values come in: decoded ones, and lists that keep their elements in columns. */

/** Lists are arrays, or keep their elements in columns and know how many there are. */
export type List = readonly unknown[] | (Iterable<unknown> & { readonly length: number });

export function isList(value: unknown): value is List {
  return (
    typeof value === 'object' &&
    value !== null &&
    !(value instanceof Uint8Array) &&
    Symbol.iterator in value &&
    'length' in value &&
    typeof value.length === 'number'
  );
}
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !(value instanceof Uint8Array) && !isList(value);
}
/** Not there: left out, not known, or nothing to be read. */
export function isNothing(value: unknown): value is undefined | null {
  return value === undefined || value === null;
}
