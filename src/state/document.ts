/**
 * The JSON of `decode --json`: one object that names itself, so that the bytes can be made from it and nothing
 * else. `format.present` and `format.absent` only move parts of a value about; here they move JSON.
 */

import { fromHex } from '../codec/bytes.js';
import { encode } from '../codec/encode.js';
import { CarryoverError, pathText } from '../codec/error.js';
import { fromJSON, hexText, type JSONValue, plainObject, toJSON } from '../codec/json.js';
import { suggest } from '../codec/suggest.js';
import type { Finding, Format, Reading } from '../formats/format.js';
import { formats as allFormats } from '../formats/index.js';
import { abiFromJSON, abiToJSON } from './abi-text.js';
import type { StateCode } from './codes.js';
import { parseAs, type State } from './open.js';
import type { Node } from './tree.js';

export interface DocumentOptions {
  /** Names of enum members and flags instead of integers. */
  readonly names?: boolean | undefined;
  /** Adds `ranges`: where every part lies. */
  readonly full?: boolean | undefined;
}

/** The keys of a document, in their order. `encode` needs the first four. */
const KEYS = [
  'format',
  'generation',
  'abi',
  'value',
  'trailing',
  'incomplete',
  'findings',
  'ranges',
] as const;

/** The value of an input as JSON, as its format presents it. */
export function valueToJSON(state: State, options: DocumentOptions = {}): JSONValue {
  const { reading, format, wire } = state;
  if (wire.value === undefined) return null;
  const json = toJSON(reading.schema, wire.value, {
    abi: reading.abi,
    params: reading.params,
    names: options.names,
  });
  // Presenting JSON gives JSON: its parts are only moved.
  return format.present(json, reading) as JSONValue;
}

/** The whole document. */
export function toDocument(state: State, options: DocumentOptions = {}): { [key: string]: JSONValue } {
  const { reading, incomplete, wire, bytes } = state;
  const document: { [key: string]: JSONValue } = {
    format: reading.format,
    generation: reading.generation,
    abi: abiToJSON(reading.abi),
    value: valueToJSON(state, options),
  };
  if (incomplete === undefined && wire.understood < bytes.length)
    document.trailing = hexText(bytes.subarray(wire.understood));
  if (incomplete !== undefined)
    document.incomplete = `${pathText(incomplete.path)}: ${incomplete.reason}`.replace(/^: /, '');
  document.findings = state.findings.map(findingToJSON);
  if (options.full === true) document.ranges = [...ranges(state.root)];
  return document;
}

/** A finding as a document has it. */
export function findingToJSON(finding: Finding): JSONValue {
  const { severity, rule, path, offset, message } = finding;
  return { severity, rule, path, ...(offset === undefined ? {} : { offset }), message };
}

function* ranges(node: Node): Generator<JSONValue> {
  if (node.offset !== undefined && node.size !== undefined && node.path.length > 0)
    yield {
      path: pathText(node.path),
      offset: node.offset,
      size: node.size,
      ...(node.bits === undefined ? {} : { bit: node.bits.first, bits: node.bits.count }),
      ...(node.kind === 'field' ? { type: node.type } : { kind: node.kind }),
    };
  for (const child of node.children()) yield* ranges(child);
}

export interface EncodeDocumentOptions {
  /** Computes counts, lengths and checksums anew instead of writing those in the document. */
  readonly derive?: boolean | undefined;
  /** Leaves out all that is not canonical. */
  readonly canonical?: boolean | undefined;
  readonly formats?: readonly Format[] | undefined;
}

/**
 * The bytes that a document stands for.
 *
 * @throws CarryoverError `document-invalid`, `document-incomplete`, `format-unknown`, `generation-unknown`,
 *   `abi-unknown`, and those of the value, each with its path in the presented value.
 */
export function encodeDocument(json: JSONValue, options: EncodeDocumentOptions = {}): Uint8Array {
  const { format, reading, value, trailing } = parseDocument(json, options.formats ?? allFormats);
  const bytes = encodePresented(format, reading, value, options);
  if (trailing.length === 0) return bytes;
  const all = new Uint8Array(bytes.length + trailing.length);
  all.set(bytes);
  all.set(trailing, bytes.length);
  return all;
}

/** What a presented JSON value comes to, in bytes. */
export function encodePresented(
  format: Format,
  reading: Reading,
  value: JSONValue,
  options: EncodeDocumentOptions,
): Uint8Array {
  return presentingErrors(format, reading, () =>
    encode(reading.schema, wireFromJSON(format, reading, value), {
      ...(reading.abi === undefined ? {} : { abi: reading.abi }),
      params: reading.params,
      derived: options.derive === true ? 'compute' : 'keep',
      canonical: options.canonical ?? false,
    }),
  );
}

/** The wire value that presented JSON stands for. */
function wireFromJSON(format: Format, reading: Reading, value: JSONValue): object {
  // Making it absent only moves its parts, so that it is JSON still.
  const absent = format.absent(value, reading) as JSONValue;
  const wire = fromJSON(reading.schema, absent, { abi: reading.abi, params: reading.params });
  if (typeof wire !== 'object' || wire === null) throw invalid('the value of a document is an object');
  return wire;
}

/** Errors name the paths that people see. */
function presentingErrors<T>(format: Format, reading: Reading, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof CarryoverError)) throw error;
    const path = format.presentPath(error.path, reading);
    if (path === undefined || pathText(path) === pathText(error.path)) throw error;
    throw new CarryoverError(error.code, error.reason, {
      path,
      ...(error.expected === undefined ? {} : { expected: error.expected }),
      ...(error.found === undefined ? {} : { found: error.found }),
      cause: error,
    });
  }
}

interface ParsedDocument {
  readonly format: Format;
  readonly reading: Reading;
  readonly value: JSONValue;
  readonly trailing: Uint8Array;
}

function parseDocument(json: JSONValue, formats: readonly Format[]): ParsedDocument {
  if (!plainObject(json)) throw invalid('a document is an object with format, generation, abi and value');
  for (const key of Object.keys(json))
    if (!(KEYS as readonly string[]).includes(key)) {
      const near = suggest(key, KEYS);
      throw invalid(
        `a document has no key ${JSON.stringify(key)}${near === undefined ? '' : `; did you mean ${near}?`}`,
      );
    }
  const { format: name, generation, value, incomplete, trailing } = json;
  if (typeof name !== 'string') throw invalid('a document names its format: "format"');
  if (typeof generation !== 'string') throw invalid('a document names its generation: "generation"');
  if (name === 'kho')
    throw new CarryoverError(
      'dump-read-only' satisfies StateCode,
      'the document is what a kernel handed over, which lies scattered in its memory: decode --spec and build make it anew, set and patch change fields of the dump',
    );
  const { format } = parseAs(`${name}@${generation}`, formats);
  if (incomplete !== undefined)
    throw new CarryoverError(
      'document-incomplete' satisfies StateCode,
      `the document says that its value is not complete: ${typeof incomplete === 'string' ? incomplete : JSON.stringify(incomplete)}`,
    );
  if (!plainObject(value)) throw invalid('a document has a value, which is an object: "value"');
  const abi = abiFromJSON(json.abi);
  const rest =
    trailing === undefined ? new Uint8Array() : typeof trailing === 'string' ? fromHex(trailing) : undefined;
  if (rest === undefined) throw invalid('"trailing" of a document is hex digits, two a byte');
  // A generation and an ABI decide the schema without looking at any bytes.
  const reading = format.reading(new Uint8Array(), { generation, ...(abi === undefined ? {} : { abi }) });
  return { format, reading, value, trailing: rest };
}

function invalid(reason: string): CarryoverError {
  return new CarryoverError('document-invalid' satisfies StateCode, reason);
}
