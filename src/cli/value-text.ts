/**
 * A value as JSON text without making the JSON of all of it: lists that are kept in columns may have millions of
 * elements, which are turned into JSON and text one after the other. The text is what `jsonText` makes of the
 * whole.
 */
import type { JSONValue } from '../codec/index.js';
import { jsonText, wholeText } from './json-text.js';

/** Turns a value, or an element of a list, into JSON. The key is the name that it has, or that its list has. */
export type ToJSON = (value: unknown, key: string) => JSONValue;

/** Elements whose text is made at once. */
const BATCH = 512;

/** Indented by two spaces; ends with a newline. */
export function* valueText(value: unknown, toJSON: ToJSON, key = ''): Generator<string> {
  yield* pieces(value, key, '', toJSON);
  yield '\n';
}

function* pieces(value: unknown, key: string, indent: string, toJSON: ToJSON): Generator<string> {
  if (isColumns(value)) {
    yield* columnsText(value, key, indent, toJSON);
    return;
  }
  if (!holdsColumns(value)) {
    yield* jsonText(toJSON(value, key), indent);
    return;
  }
  const inner = `${indent}  `;
  const isList = Array.isArray(value);
  yield isList ? '[\n' : '{\n';
  let before = '';
  for (const [name, member] of Object.entries(value)) {
    if (!isList && member === undefined) continue;
    yield isList ? `${before}${inner}` : `${before}${inner}${JSON.stringify(name)}: `;
    yield* pieces(member, isList ? key : name, inner, toJSON);
    before = ',\n';
  }
  yield `\n${indent}${isList ? ']' : '}'}`;
}

/** A list that is kept in columns, or made while it is read. */
function isColumns(value: unknown): value is Iterable<unknown> {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Uint8Array) &&
    Symbol.iterator in value
  );
}

/** Whether something in it is such a list. */
function holdsColumns(value: unknown): value is object {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return false;
  return Object.values(value).some((member: unknown) => isColumns(member) || holdsColumns(member));
}

function* columnsText(
  columns: Iterable<unknown>,
  key: string,
  indent: string,
  toJSON: ToJSON,
): Generator<string> {
  const inner = `${indent}  `;
  let batch: JSONValue[] = [];
  let any = false;
  for (const element of columns) {
    batch.push(toJSON(element, key));
    if (batch.length < BATCH) continue;
    yield `${any ? ',\n' : '[\n'}${batchText(batch, inner)}`;
    any = true;
    batch = [];
  }
  // What is short may stay in one line.
  if (!any) yield wholeText(batch, indent);
  else if (batch.length > 0) yield `,\n${batchText(batch, inner)}`;
  if (any) yield `\n${indent}]`;
}

function batchText(batch: readonly JSONValue[], inner: string): string {
  if (!batch.every(isFlat)) return batch.map((element) => `${inner}${wholeText(element, inner)}`).join(',\n');
  // The engine's own indentation is the same for objects of scalars, and much faster.
  return JSON.stringify(batch, null, 2)
    .slice(2, -2)
    .replaceAll('\n', `\n${inner.slice(2)}`)
    .replace(/^/, inner.slice(2));
}

/** Objects with members, all of them scalars. */
function isFlat(value: JSONValue): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const members = Object.values(value);
  return members.length > 0 && members.every((member) => typeof member !== 'object' || member === null);
}
