/** JSON as text, piece by piece: a document may be longer than one string can be. */
import type { JSONValue } from '../codec/index.js';

/** Lists and objects are written in one line up to so many characters. */
const LINE = 100;

/** Levels that are written element by element; what is deeper is made as one piece. */
const PIECEWISE = 3;

/** Indented by two spaces; what is short stays in one line. Ends with a newline, but for a part that is indented. */
export function* jsonText(value: JSONValue, indent?: string): Generator<string> {
  yield* pieces(value, indent ?? '', PIECEWISE);
  if (indent === undefined) yield '\n';
}

function* pieces(value: JSONValue, indent: string, levels: number): Generator<string> {
  if (levels === 0 || typeof value !== 'object' || value === null) {
    yield wholeText(value, indent);
    return;
  }
  const short = inLine(value);
  if (short !== undefined && short.length + indent.length <= LINE) {
    yield short;
    return;
  }
  const inner = `${indent}  `;
  let before = '';
  yield Array.isArray(value) ? '[\n' : '{\n';
  for (const [label, member] of members(value)) {
    yield `${before}${inner}${label}`;
    yield* pieces(member, inner, levels - 1);
    before = ',\n';
  }
  yield `\n${indent}${Array.isArray(value) ? ']' : '}'}`;
}

/** The same as one piece of text, without a newline at its end. */
export function wholeText(value: JSONValue, indent: string): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const short = inLine(value);
  if (short !== undefined && short.length + indent.length <= LINE) return short;
  const inner = `${indent}  `;
  // Without the generator: most of the text of a long document is made here.
  const lines: string[] = [];
  if (Array.isArray(value)) for (const element of value) lines.push(`${inner}${wholeText(element, inner)}`);
  else
    for (const [key, member] of Object.entries(value))
      lines.push(`${inner}${JSON.stringify(key)}: ${wholeText(member, inner)}`);
  const text = lines.join(',\n');
  return Array.isArray(value) ? `[\n${text}\n${indent}]` : `{\n${text}\n${indent}}`;
}

/** What stands in a list or an object, with what is written before it. */
function* members(
  value: readonly JSONValue[] | { readonly [key: string]: JSONValue },
): Generator<[string, JSONValue]> {
  if (Array.isArray(value)) for (const element of value as readonly JSONValue[]) yield ['', element];
  else for (const [key, member] of Object.entries(value)) yield [`${JSON.stringify(key)}: `, member];
}

/** A list of scalars, or an object that is empty, in one line; undefined for anything that may be long. */
function inLine(value: readonly JSONValue[] | { readonly [key: string]: JSONValue }): string | undefined {
  if (!Array.isArray(value)) return Object.keys(value).length === 0 ? '{}' : undefined;
  const elements: readonly JSONValue[] = value;
  if (elements.length > 16) return undefined;
  const texts: string[] = [];
  for (const element of elements) {
    if (typeof element === 'object' && element !== null) return undefined;
    if (typeof element === 'string' && element.length > LINE) return undefined;
    texts.push(JSON.stringify(element));
  }
  return `[${texts.join(', ')}]`;
}
