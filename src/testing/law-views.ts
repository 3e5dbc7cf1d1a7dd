/** Views, columns and sizes: what is read in place, and what decode gives. */
import { toHex } from '../codec/bytes.js';
import { type Column, columns } from '../codec/columns.js';
import { decode } from '../codec/decode.js';
import { type Path, pathText } from '../codec/error.js';
import type { Schema } from '../codec/schema.js';
import { sizeIn } from '../codec/size.js';
import { isObject } from '../codec/slack.js';
import { toObject, type ViewArray, view } from '../codec/view.js';
import { makeBytes } from './bytes.js';
import { broken, encodeAny, equalBytes, type LawOptions, over, showBytes } from './law.js';
import { differenceAt, same } from './same.js';

/**
 * A view gives field by field, and made into an object as a whole, what decode gives; a column gives its field
 * of each struct; and the size of a value is found without decoding it.
 */
export function lawViews(options: LawOptions): void {
  const { schema } = options;
  over(
    options,
    (draw, { given }) => makeBytes(schema, draw, given),
    showBytes,
    (bytes, { given, plan }) => {
      const value: unknown = decode(schema, bytes, given);
      const size = sizeIn(schema, bytes, given);
      if (size !== bytes.length) broken('views', `the size in the data is ${size}, not ${bytes.length}`);
      const seen: unknown = view(schema, bytes, given);
      const wrong = differing(value, seen, []);
      if (wrong !== undefined)
        broken('views', `${pathText(wrong) || 'the value'} is another through the view`);
      const built: unknown = toObject(seen);
      const at = differenceAt(value, built, 'same');
      if (at !== undefined)
        broken('views', `${pathText(at) || 'the value'} is another in the object made of the view`);
      if (isObject(built) && !(built instanceof Uint8Array)) {
        const again = encodeAny(schema, built, given);
        if (!equalBytes(again, bytes))
          broken('views', `the object made of the view encodes to ${toHex(again)}`);
      }
      if (plan.kind === 'struct' && plan.size !== undefined && plan.size > 0)
        checkColumns(schema, bytes, given, value);
    },
  );
}

/** Where a view gives something else than the decoded value has. */
function differing(value: unknown, seen: unknown, path: Path): Path | undefined {
  if (Array.isArray(value)) {
    // The view of an array is a ViewArray; one of bytes or another library's value is the value itself.
    if (!isViewArray(seen)) return same(value, seen) ? undefined : path;
    if (seen.length !== value.length) return [...path, 'length'];
    for (const [index, element] of value.entries()) {
      const found = differing(element, seen.at(index), [...path, index]);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  if (!isObject(value) || value instanceof Uint8Array) return same(value, seen) ? undefined : path;
  if (!isObject(seen)) return path;
  for (const [key, field] of Object.entries(value)) {
    const found = differing(field, seen[key], [...path, key]);
    if (found !== undefined) return found;
  }
  return undefined;
}
function isViewArray(seen: unknown): seen is ViewArray<Schema> {
  return (
    isObject(seen) &&
    !Array.isArray(seen) &&
    typeof seen.at === 'function' &&
    typeof seen.field === 'function'
  );
}

/** Three of the same in a row have it three times in each column. */
function checkColumns(schema: Schema, bytes: Uint8Array, given: object, value: unknown): void {
  const row = new Uint8Array(bytes.length * 3);
  for (let i = 0; i < 3; i++) row.set(bytes, i * bytes.length);
  const found: Record<string, Column> = columns(schema, row, { ...given, count: 3 });
  for (const [name, column] of Object.entries(found)) {
    let field: unknown = value;
    for (const part of name.split('.')) field = isObject(field) ? field[part] : undefined;
    // A union's members are not told apart by columns.
    if (field === undefined) continue;
    if (column.length !== 3) broken('columns', `${name} has ${column.length} elements`);
    for (const element of column)
      if (element !== field) broken('columns', `${name} has ${element}, not ${String(field)}`);
  }
}
