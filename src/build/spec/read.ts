/** Reads a spec: YAML, of which JSON is a part, by its shape; what is wrong is told at line and column. */
import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseAllDocuments,
  type Scalar,
  type YAMLMap,
} from 'yaml';
import { CarryoverError } from '../../codec/index.js';
import { suggest } from '../../codec/suggest.js';
import type { BuildCode } from '../codes.js';
import { type Place, Places } from './places.js';
import type { Field, Read, Shape } from './shape.js';

export interface ReadSpec<T> {
  readonly value: T;
  readonly places: Places;
}

/** Specs are written by people, and by this tool; longer ones are something else. */
const MAX_TEXT = 256 << 20;
/** Aliases are followed so often that no spec of a sensible size has more. */
const MAX_NODES = 4_000_000;

interface Reader {
  readonly places: Places;
  readonly lines: LineCounter;
  nodes: number;
  /** What an alias stands for. */
  resolve(node: Node): Node | undefined;
}

/**
 * Reads a spec by its shape.
 *
 * @throws `spec-syntax` for what is no YAML, `spec-invalid` for what the shape does not allow.
 */
export function readSpec<const S extends Shape>(source: string, shape: S): ReadSpec<Read<S>> {
  if (source.length > MAX_TEXT) throw specError('spec-invalid', '', undefined, 'the spec is too long');
  const lines = new LineCounter();
  const documents = parseAllDocuments(source, {
    lineCounter: lines,
    intAsBigInt: true,
    prettyErrors: false,
    uniqueKeys: true,
  });
  const [document, second] = Array.isArray(documents) ? documents : [];
  const places = new Places();
  if (document === undefined || document.contents === null)
    // What says nothing asks for what is built without being asked for anything.
    return { value: readNode(undefined, shape, '', emptyReader(places, lines)) as Read<S>, places };
  const [problem] = document.errors;
  if (problem !== undefined)
    throw specError('spec-syntax', '', placeAt(lines, problem.pos[0]), problem.message.replace(/\s+/g, ' '));
  if (second !== undefined)
    throw specError(
      'spec-syntax',
      '',
      placeAt(lines, second.range[0]),
      'there is a second document; a spec is one',
    );
  const reader: Reader = {
    places,
    lines,
    nodes: 0,
    resolve: (node) => (isAlias(node) ? node.resolve(document) : node),
  };
  // `Read` says what the readers below give for each kind of shape.
  return { value: readNode(document.contents, shape, '', reader) as Read<S>, places };
}

function emptyReader(places: Places, lines: LineCounter): Reader {
  return { places, lines, nodes: 0, resolve: (node) => node };
}

/** An error of a spec, with its place in the text. */
export function specError(
  code: BuildCode,
  path: string,
  place: Place | undefined,
  reason: string,
  details: { readonly expected?: string; readonly found?: string } = {},
): CarryoverError {
  const where = place === undefined ? reason : `${reason}, in line ${place.line}, column ${place.column}`;
  return new CarryoverError(code, where, { ...(path === '' ? {} : { path: [path] }), ...details });
}

function placeAt(lines: LineCounter, offset: number | undefined): Place | undefined {
  if (offset === undefined) return undefined;
  const { line, col } = lines.linePos(offset);
  return line === 0 ? { line: 1, column: 1 } : { line, column: col };
}

function readNode(given: Node | undefined | null, shape: Shape, path: string, reader: Reader): unknown {
  const node = given === null || given === undefined ? undefined : reader.resolve(given);
  if (++reader.nodes > MAX_NODES) fail(reader, path, node, 'the spec has too many parts');
  if (given !== null && given !== undefined) {
    const place = placeAt(reader.lines, given.range?.[0]);
    if (place !== undefined) reader.places.set(path, place);
  }
  switch (shape.kind) {
    case 'object':
      return readObject(node, shape.fields, shape.name, path, reader);
    case 'map': {
      if (isEmpty(node)) return {};
      if (!isMap(node)) return mismatch(reader, path, node, 'names with values');
      const entries = pairsOf(node, path, reader).map(([name, , value]): [string, unknown] => [
        name,
        readNode(value, shape.of, join(path, name), reader),
      ]);
      return Object.fromEntries(entries);
    }
    case 'list':
      if (isEmpty(node)) return [];
      if (!isSeq(node)) return mismatch(reader, path, node, 'a list');
      return node.items.map((item, i) => readNode(asNode(item), shape.of, `${path}[${i}]`, reader));
    case 'either':
      return readEither(node, shape.of, path, reader);
    case 'word':
      return readWord(node, path, reader, (1n << 64n) - 1n);
    case 'number':
      return Number(readWord(node, path, reader, BigInt(shape.max)));
    case 'flags':
      return readFlags(node, shape.bits, path, reader);
    case 'text': {
      const value = scalarOf(node);
      // A name may look like a number.
      if (typeof value === 'bigint' || typeof value === 'number') return sourceOf(node) ?? String(value);
      return typeof value === 'string' ? value : mismatch(reader, path, node, 'a text');
    }
    case 'choice': {
      const value = scalarOf(node);
      const found = typeof value === 'string' ? value : (sourceOf(node) ?? String(value));
      if (shape.values.includes(found)) return found;
      const near = suggest(found, shape.values);
      return fail(reader, path, node, `there is no ${JSON.stringify(found)} here`, {
        expected: `${near === undefined ? 'one of' : `${near}? One of`} ${shape.values.join(', ')}`,
      });
    }
    case 'boolean': {
      const value = scalarOf(node);
      return typeof value === 'boolean' ? value : mismatch(reader, path, node, 'true or false');
    }
    case 'constant':
      return scalarOf(node) === shape.value ? shape.value : mismatch(reader, path, node, String(shape.value));
  }
}

function readObject(
  node: Node | undefined,
  fields: Readonly<Record<string, Field>>,
  name: string,
  path: string,
  reader: Reader,
): unknown {
  if (!isEmpty(node) && !isMap(node)) return mismatch(reader, path, node, `an object: ${name}`);
  const value: [string, unknown][] = [];
  const known = Object.keys(fields);
  for (const [key, keyNode, inner] of isMap(node) ? pairsOf(node, path, reader) : []) {
    const entry = Object.hasOwn(fields, key) ? fields[key] : undefined;
    if (entry === undefined) {
      const near = suggest(key, known);
      fail(reader, join(path, key), keyNode, `${name} has no ${JSON.stringify(key)}`, {
        expected: `${near === undefined ? 'one of' : `${near}? One of`} ${known.join(', ')}`,
      });
    }
    // A key without a value asks for what is there by default.
    if (isEmpty(inner) && entry.shape.kind !== 'object' && entry.shape.kind !== 'either') {
      if (entry.required) fail(reader, join(path, key), keyNode, `${key} has no value`);
      continue;
    }
    value.push([key, readNode(inner, entry.shape, join(path, key), reader)]);
  }
  for (const [key, { required }] of Object.entries(fields))
    if (required && !value.some(([given]) => given === key))
      fail(reader, path, node, `${name} needs ${JSON.stringify(key)}`);
  return Object.fromEntries(value);
}

/** Keys with their nodes. */
function pairsOf(
  node: YAMLMap,
  path: string,
  reader: Reader,
): (readonly [string, Node | undefined, Node | undefined])[] {
  return node.items.map((pair: Pair) => {
    const key = asNode(pair.key);
    const value = scalarOf(key);
    if (typeof value !== 'string' && typeof value !== 'bigint')
      return fail(reader, path, key, 'a key is a text');
    return [typeof value === 'string' ? value : (sourceOf(key) ?? String(value)), key, asNode(pair.value)];
  });
}

/** The parser gives nodes; its types say that anything may stand there. */
function asNode(value: unknown): Node | undefined {
  return value === null || value === undefined ? undefined : (value as Node);
}

/** Which kinds of shapes what is there could be of. */
const FITS: Readonly<Record<string, readonly Shape['kind'][]>> = {
  list: ['list', 'flags'],
  map: ['object', 'map'],
  string: ['text', 'choice', 'word', 'number'],
  bigint: ['word', 'number', 'flags', 'text'],
  number: ['word', 'number', 'flags', 'text'],
  boolean: ['boolean', 'constant'],
  nothing: ['object', 'map', 'list'],
};

function readEither(node: Node | undefined, of: readonly Shape[], path: string, reader: Reader): unknown {
  const kind = isSeq(node) ? 'list' : isMap(node) ? 'map' : isEmpty(node) ? 'nothing' : typeof scalarOf(node);
  const fitting = of.filter((shape) => FITS[kind]?.includes(shape.kind));
  const [first, ...others] = fitting;
  if (first === undefined) return mismatch(reader, path, node, of.map(nameOf).join(', or '));
  if (others.length === 0 || !isMap(node)) return readNode(node, first, path, reader);
  // Of several objects it is the one whose needed keys are there.
  const keys = new Set(pairsOf(node, path, reader).map(([name]) => name));
  const chosen = fitting.find(
    (shape) =>
      shape.kind === 'object' &&
      Object.entries(shape.fields).every(([key, f]) => !f.required || keys.has(key)),
  );
  if (chosen !== undefined) return readNode(node, chosen, path, reader);
  const wanted = fitting.flatMap((shape) =>
    shape.kind === 'object'
      ? Object.entries(shape.fields).flatMap(([key, { required }]) => (required ? [key] : []))
      : [],
  );
  return fail(reader, path, node, 'nothing says what this is', { expected: `one of ${wanted.join(', ')}` });
}

function nameOf(shape: Shape): string {
  switch (shape.kind) {
    case 'word':
    case 'number':
      return 'a number';
    case 'text':
      return 'a text';
    case 'choice':
      return `one of ${shape.values.join(', ')}`;
    case 'boolean':
      return 'true or false';
    case 'constant':
      return String(shape.value);
    case 'flags':
      return 'a number or a list of names';
    case 'list':
      return 'a list';
    case 'map':
      return 'names with values';
    case 'object':
      return shape.name;
    case 'either':
      return shape.of.map(nameOf).join(', or ');
  }
}

const UNITS: Readonly<Record<string, bigint>> = { k: 1n << 10n, m: 1n << 20n, g: 1n << 30n, t: 1n << 40n };

/** `4096`, `0x1000`, `"4 KiB"`, `64M`. */
export function wordOfText(text: string): bigint | undefined {
  const [, digits, unit] =
    /^\s*(0x[0-9a-f_]+|\d[\d_]*)\s*(?:([kmgt])(?:i?b)?|b(?:ytes)?)?\s*$/i.exec(text) ?? [];
  if (digits === undefined) return undefined;
  const value = BigInt(digits.replaceAll('_', ''));
  return unit === undefined ? value : value * (UNITS[unit.toLowerCase()] ?? 1n);
}

function readWord(node: Node | undefined, path: string, reader: Reader, max: bigint): bigint {
  const value = scalarOf(node);
  const word = typeof value === 'bigint' ? value : typeof value === 'string' ? wordOfText(value) : undefined;
  if (word === undefined) return mismatch(reader, path, node, 'a whole number such as 4096, 0x1000 or 4 KiB');
  if (word < 0n || word > max)
    return fail(reader, path, node, `${word} is out of range`, { expected: `a number from 0 to ${max}` });
  return word;
}

function readFlags(
  node: Node | undefined,
  bits: Readonly<Record<string, number>>,
  path: string,
  reader: Reader,
): number {
  if (!isSeq(node)) return Number(readWord(node, path, reader, 0xffffffffn));
  let value = 0;
  for (const [i, item] of node.items.entries()) {
    const one = asNode(item);
    const name = scalarOf(one);
    const bit = typeof name === 'string' ? bits[name] : undefined;
    if (bit === undefined)
      fail(reader, `${path}[${i}]`, one, `there is no flag ${JSON.stringify(String(name))}`, {
        expected: `one of ${Object.keys(bits).join(', ')}`,
      });
    value |= bit;
  }
  return value >>> 0;
}

function isEmpty(node: Node | undefined): boolean {
  return node === undefined || (isScalar(node) && node.value === null);
}
function scalarOf(node: Node | undefined): unknown {
  return isScalar(node) ? node.value : undefined;
}
/** How a scalar stands in the text. */
function sourceOf(node: Node | undefined): string | undefined {
  return isScalar(node) ? (node as Scalar).source : undefined;
}
function join(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}

function foundText(node: Node | undefined): string {
  if (node === undefined || isEmpty(node)) return 'nothing';
  if (isSeq(node)) return 'a list';
  if (isMap(node)) return 'an object';
  const text = sourceOf(node) ?? String(scalarOf(node));
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 57)}…` : text);
}
function mismatch(reader: Reader, path: string, node: Node | undefined, expected: string): never {
  return fail(reader, path, node, 'this is something else', { expected, found: foundText(node) });
}
function fail(
  reader: Reader,
  path: string,
  node: Node | undefined,
  reason: string,
  details: { readonly expected?: string; readonly found?: string } = {},
): never {
  const place = placeAt(reader.lines, node?.range?.[0]) ?? reader.places.get(path);
  throw specError('spec-invalid', path, place, reason, details);
}
