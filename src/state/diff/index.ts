/** Two states compared by what they mean. */
import { CarryoverError, type JSONValue } from '../../codec/index.js';
import { jsonOf } from '../../formats/kho/index.js';
import type { StateCode } from '../codes.js';
import type { HandoverState } from '../handover.js';
import type { State } from '../open.js';
import { type ByteDifferences, handoverBytes, streamBytes } from './bytes.js';
import { type CompareOptions, compare } from './compare.js';
import type { ContextEntry, Difference, Recorder } from './difference.js';
import { meaningOf, sidesOf } from './handover.js';
import { StreamSide } from './stream.js';
import { isList, isObject } from './values.js';

export type { ByteDifference, ByteDifferences } from './bytes.js';
export type { ByteSpan, ContextEntry, Difference, DifferenceKind } from './difference.js';

export interface DiffOptions extends CompareOptions {
  /** The bytes are compared as well. */
  readonly bytes?: boolean | undefined;
}

/** An input of any kind that has been opened. */
export type Diffable =
  | { readonly kind: 'bytes'; readonly state: State }
  | { readonly kind: 'handover'; readonly state: HandoverState };

export interface Diff {
  /** Whether nothing that could be compared differs in meaning (and, where asked for, in bytes). */
  readonly equal: boolean;
  readonly differences: readonly Difference[];
  /** How many differ, and how many parts cannot be compared; both with those that were not kept. */
  readonly count: number;
  readonly notComparable: number;
  readonly omitted: number;
  /** What differs without a difference in meaning. */
  readonly context: readonly ContextEntry[];
  /** What is to be known of how they were compared. */
  readonly notes: readonly string[];
  readonly bytes: ByteDifferences | undefined;
}

/**
 * Compares two states: sessions by name, files by token and content, flows by their endpoints, whatever lies
 * where. Order does not matter where things have names.
 *
 * @throws `diff-kinds` for two that are not of one kind; the decode error of one that has no value at all; `input-no-memory` for bytes of what has no memory.
 */
export function diff(a: Diffable, b: Diffable, options: DiffOptions = {}): Diff {
  if (a.kind === 'bytes' && b.kind === 'bytes') return diffStreams(a.state, b.state, options);
  if (a.kind === 'handover' && b.kind === 'handover') return diffHandovers(a.state, b.state, options);
  throw kinds(nameOf(a), nameOf(b));
}

function diffStreams(a: State, b: State, options: DiffOptions): Diff {
  if (a.format.name !== b.format.name) throw kinds(a.format.name, b.format.name);
  // Of what has no value at all, nothing could be said but that.
  for (const { value, incomplete } of [a, b])
    if (value === undefined && incomplete !== undefined) throw incomplete;
  const recorder = compare(new StreamSide(a), new StreamSide(b), a.format.meaning ?? {}, options);
  const notes = [
    ...(a.incomplete === undefined ? [] : [incompleteNote('A', a.incomplete)]),
    ...(b.incomplete === undefined ? [] : [incompleteNote('B', b.incomplete)]),
  ];
  return diffOf(recorder, notes, options.bytes === true ? streamBytes(a, b) : undefined);
}
function incompleteNote(name: string, { reason }: CarryoverError): string {
  return `${name} could not be read completely: ${reason}; what could be read is compared`;
}

function diffHandovers(a: HandoverState, b: HandoverState, options: DiffOptions): Diff {
  if (a.source === 'blob' && b.source === 'blob' && !haveCommon(a.value, b.value))
    throw kinds(`the blob of ${blobName(a.value)}`, `that of ${blobName(b.value)}`);
  const sides = sidesOf(a, b);
  const recorder = compare(sides.a, sides.b, meaningOf(a, b), options);
  const bytes = options.bytes === true ? handoverBytes(a, b) : undefined;
  if (options.bytes === true && bytes === undefined)
    throw new CarryoverError(
      'input-no-memory' satisfies StateCode,
      'pages can only be compared where both are images of a memory',
    );
  return diffOf(recorder, sides.notes, bytes);
}

function diffOf(recorder: Recorder, notes: readonly string[], bytes: ByteDifferences | undefined): Diff {
  const { differences, count, notComparable, omitted, contexts } = recorder;
  return {
    equal: count === 0 && (bytes === undefined || bytes.differences.length === 0),
    differences,
    count,
    notComparable,
    omitted,
    context: contexts,
    notes,
    bytes,
  };
}

/** Whether two blobs are of the same part of a handover. */
function haveCommon(a: unknown, b: unknown): boolean {
  return blobName(a) === blobName(b);
}
function blobName(value: unknown): string {
  if (!isObject(value)) return '?';
  const { entries, ...rest } = value;
  return [...Object.keys(isObject(entries) ? entries : {}), ...Object.keys(rest)].join(', ');
}

function nameOf(input: Diffable): string {
  if (input.kind === 'bytes') return input.state.format.name;
  return input.state.source === 'memory' ? 'a memory dump' : 'a handover';
}
function kinds(a: string, b: string): CarryoverError {
  return new CarryoverError(
    'diff-kinds' satisfies StateCode,
    `A is ${a} and B is ${b}: these have nothing in common that could be compared`,
  );
}

/** Elements and bytes of values that a document has. */
const LIST = 16;
const BYTES = 256;

/** The document of `diff --json`: the same shape for inputs of all kinds. */
export function diffDocument(
  diff: Diff,
  a: Diffable,
  b: Diffable,
  names: readonly [string, string],
): JSONValue {
  const { equal, differences, omitted, context, notes, bytes } = diff;
  return {
    a: sideJSON(a, names[0]),
    b: sideJSON(b, names[1]),
    equal,
    differences: differences.map((each) => differenceJSON(each)),
    ...(omitted === 0 ? {} : { omitted }),
    context: context.map(contextJSON),
    notes: [...notes],
    ...(bytes === undefined ? {} : { bytes: bytesJSON(bytes) }),
  };
}

function sideJSON(input: Diffable, file: string): JSONValue {
  const { state } = input;
  const [format, generation] =
    input.kind === 'bytes'
      ? [input.state.reading.format, input.state.reading.generation]
      : ['kho', input.state.generation];
  const abi = input.kind === 'bytes' ? input.state.reading.abi : input.state.abi;
  return {
    file,
    format,
    generation: generation ?? null,
    abi: abi?.name ?? null,
    findings: state.findings.length,
  };
}

function differenceJSON(difference: Difference): JSONValue {
  const { path, kind, pathA, pathB, a, b, because, bytes, spans } = difference;
  return {
    path,
    kind,
    ...(pathA === undefined ? {} : { pathA }),
    ...(pathB === undefined ? {} : { pathB }),
    ...(a === undefined ? {} : { a: shortJSON(a, lastName(path)) }),
    ...(b === undefined ? {} : { b: shortJSON(b, lastName(path)) }),
    ...(because === undefined ? {} : { because }),
    ...(bytes === undefined ? {} : { bytes: String(bytes) }),
    ...(spans.length === 0
      ? {}
      : { spans: spans.map(({ offset, length }) => ({ offset: String(offset), length: String(length) })) }),
  };
}
function contextJSON({ what, path, a, b, count, onlyA, onlyB }: ContextEntry): JSONValue {
  return {
    what,
    path,
    a: shortJSON(a, ''),
    b: shortJSON(b, ''),
    count,
    onlyA: [...onlyA],
    onlyB: [...onlyB],
  };
}
function bytesJSON({ unit, differences, omitted }: ByteDifferences): JSONValue {
  return {
    unit,
    differences: differences.map(({ at, length, what, a, b }) => ({
      at: unit === 'address' ? `0x${at.toString(16)}` : String(at),
      length: String(length),
      what,
      a: jsonOf(a),
      b: jsonOf(b),
    })),
    omitted,
  };
}
function lastName(path: string): string {
  return /[^.[\]]*$/.exec(path)?.[0] ?? '';
}

/** A value as JSON, of long lists and bytes the beginning and how much there is. */
function shortJSON(value: unknown, key: string, depth = 0): JSONValue {
  if (value instanceof Uint8Array)
    return value.length <= BYTES
      ? jsonOf(value)
      : { bytes: value.length, first: jsonOf(value.subarray(0, BYTES)) };
  if (isList(value)) {
    if (value.length > LIST || depth > 8) return { elements: value.length };
    return Array.from(value, (element) => shortJSON(element, key, depth + 1));
  }
  if (isObject(value))
    return Object.fromEntries(
      Object.entries(value)
        .filter(([, member]) => member !== undefined)
        .map(([name, member]) => [name, shortJSON(member, name, depth + 1)]),
    );
  return jsonOf(value, key);
}
