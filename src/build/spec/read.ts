/** Reads a spec: YAML, of which JSON is a part, by its shape; what is wrong is told at line and column. */
import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseAllDocuments,
  type Scalar,
  visit,
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
/** More parts than this are not written, nor read in a sensible time. */
const MAX_NODES = 4_000_000;
/** A few lines of aliases of aliases would stand for more than any machine could read. */
const MAX_ALIASED = 200_000;
const TOO_DEEP = 'the spec is nested too deeply to be read';

interface Reader {
  readonly places: Places;
  readonly lines: LineCounter;
  nodes: number;
  /** Aliases that are being followed, and the parts that were read because of them. */
  within: number;
  aliased: number;
  /** Keys at the top of other kinds of documents. */
  readonly otherKeys: readonly string[];
  /** What an alias stands for. */
  resolve(node: Node): Node | undefined;
}

/** A spec whose text was understood. */
export interface ParsedSpec {
  readonly lines: LineCounter;
  /** Undefined where the text says nothing. */
  readonly contents: Node | undefined;
  resolve(node: Node): Node | undefined;
}

/**
 * Reads a spec by its shape.
 *
 * @throws `spec-syntax` for what is no YAML, `spec-invalid` for what the shape does not allow.
 */
export function readSpec<const S extends Shape>(source: string, shape: S): ReadSpec<Read<S>> {
  return readParsed(parseSpec(source), shape);
}

/** The YAML of a spec, whatever it says. @throws `spec-syntax`, `spec-invalid` */
export function parseSpec(source: string): ParsedSpec {
  if (source.length > MAX_TEXT) throw specError('spec-invalid', '', undefined, 'the spec is too long');
  const lines = new LineCounter();
  const documents = shallow(() =>
    parseAllDocuments(source, {
      lineCounter: lines,
      intAsBigInt: true,
      prettyErrors: false,
      // The parser compares each key with all others; the reader looks them up.
      uniqueKeys: false,
    }),
  );
  const [document, second] = Array.isArray(documents) ? documents : [];
  if (document === undefined) return { lines, contents: undefined, resolve: (node) => node };
  // What is not known, such as a tag, is only a warning to the parser; here it would be lost.
  const [problem] = [...document.errors, ...document.warnings];
  if (problem !== undefined)
    throw specError(
      'spec-syntax',
      '',
      placeAt(lines, problem.pos[0]),
      /call stack/.test(problem.message)
        ? TOO_DEEP
        : problem.message.replace(/\s+/g, ' ').replace(/ at line \d+, column \d+$/, ''),
    );
  const { version } = document.directives?.yaml ?? {};
  if (version !== undefined && version !== '1.2')
    throw specError('spec-syntax', '', { line: 1, column: 1 }, `specs are YAML 1.2, not ${version}`);
  if (second !== undefined)
    throw specError(
      'spec-syntax',
      '',
      placeAt(lines, second.range[0]),
      'there is a second document; a spec is one',
    );
  return { lines, contents: document.contents ?? undefined, resolve: resolver(document, lines) };
}

/** What the aliases of a document stand for: the nearest anchor before them, found in one walk. */
function resolver(document: Document.Parsed, lines: LineCounter): ParsedSpec['resolve'] {
  const anchors = new Map<string, Node>();
  const meant = new Map<Node, Node>();
  const lost: Alias[] = [];
  shallow(() =>
    visit(document, {
      Node(_, node) {
        if (isAlias(node)) {
          const found = anchors.get(node.source);
          if (found === undefined) lost.push(node);
          else meant.set(node, found);
        } else if (node.anchor !== undefined) anchors.set(node.anchor, node);
      },
    }),
  );
  const [first] = lost;
  if (first !== undefined)
    throw specError(
      'spec-syntax',
      '',
      placeAt(lines, first.range?.[0]),
      `no anchor is called ${JSON.stringify(first.source)} before this`,
    );
  return (node) => (isAlias(node) ? meant.get(node) : node);
}

/** Parser and reader go down one call for each level, and the engine has only so many. */
function shallow<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof RangeError) throw specError('spec-syntax', '', undefined, TOO_DEEP);
    throw error;
  }
}

/** The keys at the top, which tell what a document describes. */
export function topKeys({ contents, resolve }: ParsedSpec): readonly string[] {
  const top = contents === undefined ? undefined : resolve(contents);
  return isMap(top) ? top.items.flatMap(({ key }) => (isScalar(key) ? [String(key.value)] : [])) : [];
}

/**
 * Reads a parsed spec by a shape. `otherKeys` would make it a document of another kind: they are suggested as well.
 *
 * @throws `spec-invalid`
 */
export function readParsed<const S extends Shape>(
  { lines, contents, resolve }: ParsedSpec,
  shape: S,
  otherKeys: readonly string[] = [],
): ReadSpec<Read<S>> {
  const places = new Places();
  const reader: Reader = { places, lines, nodes: 0, within: 0, aliased: 0, otherKeys, resolve };
  // What says nothing asks for what is built without being asked for anything. `Read` says what the readers
  // below give for each kind of shape.
  return { value: shallow(() => readNode(contents, shape, '', reader)) as Read<S>, places };
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

function notePlace(node: Node | undefined | null, path: string, { lines, places }: Reader): void {
  const place = placeAt(lines, node?.range?.[0]);
  if (place !== undefined) places.set(path, place);
}

function readNode(given: Node | undefined | null, shape: Shape, path: string, reader: Reader): unknown {
  const node = given === null || given === undefined ? undefined : reader.resolve(given);
  if (++reader.nodes > MAX_NODES) fail(reader, path, node, 'the spec has too many parts');
  if (given !== null && given !== undefined && isAlias(given)) {
    reader.within++;
    const value = readNode(node, shape, path, reader);
    reader.within--;
    // An error is where the alias stands, too.
    notePlace(given, path, reader);
    return value;
  }
  if (reader.within > 0 && ++reader.aliased > MAX_ALIASED)
    fail(reader, path, node, `aliases stand for more than ${MAX_ALIASED} parts`);
  notePlace(given, path, reader);
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
      if (!isScalar(node)) return mismatch(reader, path, node, `one of ${shape.values.join(', ')}`);
      const found = typeof value === 'string' ? value : (sourceOf(node) ?? String(value));
      if (shape.values.includes(found)) return found;
      const near = suggest(found, shape.values);
      const hint = near === undefined ? '' : `; did you mean ${near}?`;
      return fail(reader, path, node, `there is no ${JSON.stringify(shortened(found))} here${hint}`, {
        expected: `one of ${shape.values.join(', ')}`,
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
  // Another key would make the whole document one of another kind.
  const known = path === '' ? [...Object.keys(fields), ...reader.otherKeys] : Object.keys(fields);
  for (const [key, keyNode, inner] of isMap(node) ? pairsOf(node, path, reader) : []) {
    const entry = Object.hasOwn(fields, key) ? fields[key] : undefined;
    if (entry === undefined) {
      unknownKey(key, keyNode, known, name, path, reader);
    }
    // A key without a value asks for what is there by default.
    if (isEmpty(inner === undefined ? undefined : reader.resolve(inner)) && !takesNothing(entry.shape)) {
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

/** A key with its node and that of its value. */
type KeyedNode = readonly [name: string, key: Node | undefined, value: Node | undefined];

/** Whether a key without a value says something all the same: that there is an empty one. */
function takesNothing(shape: Shape): boolean {
  return shape.kind === 'either'
    ? shape.of.some(takesNothing)
    : ['object', 'map', 'list'].includes(shape.kind);
}

/** Keys with their nodes. `<<` takes over the keys of another object that are not given. */
function pairsOf(node: YAMLMap, path: string, reader: Reader): KeyedNode[] {
  const pairs = new Map<string, KeyedNode>();
  const merged: (Node | undefined)[] = [];
  for (const pair of node.items) {
    const key = asNode(pair.key);
    const name = keyOf(pair, path, reader);
    if (name === '<<' && isScalar(key) && key.type === 'PLAIN') {
      merged.push(asNode(pair.value));
      continue;
    }
    const other = pairs.get(name);
    if (other !== undefined) {
      const place = placeAt(reader.lines, other[1]?.range?.[0]);
      fail(
        reader,
        join(path, name),
        key,
        `${JSON.stringify(name)} is given twice${place === undefined ? '' : ` (first in line ${place.line})`}`,
      );
    }
    pairs.set(name, [name, key, asNode(pair.value)]);
  }
  for (const one of merged) mergeInto(pairs, one, path, reader, 0);
  return [...pairs.values()];
}

/** Objects that take each other over go no deeper than this. */
const MAX_MERGES = 16;

function mergeInto(
  pairs: Map<string, KeyedNode>,
  given: Node | undefined,
  path: string,
  reader: Reader,
  depth: number,
): void {
  const node = given === undefined ? undefined : reader.resolve(given);
  if (++reader.nodes > MAX_NODES || depth > MAX_MERGES)
    fail(reader, path, given, '<< takes over too many objects');
  if (isSeq(node)) {
    for (const item of node.items) mergeInto(pairs, asNode(item), path, reader, depth + 1);
    return;
  }
  if (!isMap(node)) mismatch(reader, path, given, 'an object, or a list of objects, behind <<');
  for (const pair of node.items) {
    const name = keyOf(pair, path, reader);
    if (name === '<<') mergeInto(pairs, asNode(pair.value), path, reader, depth + 1);
    else if (!pairs.has(name)) pairs.set(name, [name, asNode(pair.key), asNode(pair.value)]);
  }
}

function keyOf(pair: Pair, path: string, reader: Reader): string {
  const key = asNode(pair.key);
  const value = scalarOf(key === undefined ? undefined : reader.resolve(key));
  if (typeof value === 'string') return value;
  // A name may look like a number.
  if (typeof value === 'bigint' || typeof value === 'number') return sourceOf(key) ?? String(value);
  return fail(reader, path, key, 'a key is a text');
}

/** The parser gives nodes; its types say that anything may stand there. */
function asNode(value: unknown): Node | undefined {
  return isNode(value) ? value : undefined;
}

function unknownKey(
  key: string,
  node: Node | undefined,
  known: readonly string[],
  name: string,
  path: string,
  reader: Reader,
): never {
  const near = suggest(key, known);
  const hint = near === undefined ? '' : `; did you mean ${near}?`;
  return fail(reader, join(path, key), node, `${name} has no ${JSON.stringify(shortened(key))}${hint}`, {
    expected: `one of ${known.join(', ')}`,
  });
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
  const objects = fitting.flatMap((shape) => (shape.kind === 'object' ? [shape] : []));
  const known = new Set(objects.flatMap(({ fields }) => Object.keys(fields)));
  // Most often the key that would tell is misspelt.
  for (const [key, keyNode] of pairsOf(node, path, reader))
    if (!known.has(key)) unknownKey(key, keyNode, [...known], 'this', path, reader);
  const wanted = objects.flatMap(({ fields }) =>
    Object.entries(fields).flatMap(([key, { required }]) => (required ? [key] : [])),
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
    /^\s*(0x[0-9a-f][0-9a-f_]*|0|[1-9][\d_]*)\s*(?:([kmgt])(?:i?b)?|b(?:ytes)?)?\s*$/i.exec(text) ?? [];
  if (digits === undefined) return undefined;
  const value = BigInt(digits.replaceAll('_', ''));
  return unit === undefined ? value : value * (UNITS[unit.toLowerCase()] ?? 1n);
}

function readWord(node: Node | undefined, path: string, reader: Reader, max: bigint): bigint {
  const value = scalarOf(node);
  const source = sourceOf(node)?.trim() ?? '';
  if (/^[-+]?0\d/.test(source))
    fail(reader, path, node, `${JSON.stringify(source)} is octal to some and decimal to others`, {
      expected: `${source.replace(/^([-+]?)0+(?=\d)/, '$1')}, or 0o${source.replace(/^[-+]?0+(?=\d)/, '')}`,
    });
  const word = typeof value === 'bigint' ? value : typeof value === 'string' ? wordOfText(value) : undefined;
  if (word === undefined) return mismatch(reader, path, node, 'a whole number such as 4096, 0x1000 or 4 KiB');
  if (word < 0n || word > max)
    return fail(reader, path, node, `${shortened(String(word))} is out of range`, {
      expected: `a number from 0 to ${max}`,
    });
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
    const given = asNode(item);
    const one = given === undefined ? undefined : reader.resolve(given);
    const name = scalarOf(one);
    const bit = typeof name === 'string' && Object.hasOwn(bits, name) ? bits[name] : undefined;
    const near = suggest(String(name), Object.keys(bits));
    const hint = near === undefined ? '' : `; did you mean ${near}?`;
    if (bit === undefined)
      fail(reader, `${path}[${i}]`, one, `there is no flag ${foundText(one)}${hint}`, {
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
  return JSON.stringify(shortened(sourceOf(node) ?? String(scalarOf(node))));
}
function shortened(text: string): string {
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
/** Words that other versions of YAML read as true or false. */
const OLD_BOOLEANS = /^(yes|no|on|off|y|n)$/i;

function mismatch(reader: Reader, path: string, node: Node | undefined, expected: string): never {
  const found = scalarOf(node);
  const isOld = typeof found === 'string' && OLD_BOOLEANS.test(found) && /\b(true|false)\b/.test(expected);
  const hint = isOld ? '; YAML 1.2 writes true and false' : '';
  return fail(reader, path, node, `this has to be ${expected}${hint}`, { found: foundText(node) });
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
