/** What the verbs do with an input that is a handover rather than a value in bytes. */
import type { Command } from 'commander';
import { annotate } from '../codec/annotate.js';
import { CarryoverError, type JSONValue, pathText } from '../codec/index.js';
import { type HandoverFinding, type HandoverObject, jsonOf } from '../formats/kho/index.js';
import { isAbsence } from '../memory/index.js';
import {
  type ByteRange,
  type HandoverNode,
  type HandoverState,
  handoverNodeAt,
  handoverRecord,
  handoverTree,
  missingText,
  objectAt,
  objectOf,
  outcomesOf,
  verdictOf,
  withNames,
} from '../state/index.js';
import { type Context, EXIT, type Exit, UsageError, writeBytes } from './context.js';
import { findingsText, isFailure, summaryText, wrap } from './findings-text.js';
import { handoverHeader, handoverText } from './handover-text.js';
import { hexdumpText } from './hexdump-text.js';
import { writeAll, writeLines } from './io.js';
import { type ToJSON, valueText } from './value-text.js';

export interface DecodeHandoverOptions {
  readonly json?: boolean;
  readonly full?: boolean;
  readonly names?: boolean;
  readonly all?: boolean;
  readonly depth?: number;
  readonly path?: string;
}

/** The value as a tree, or as JSON. */
export async function decodeHandover(
  context: Context,
  command: Command,
  state: HandoverState,
  name: string,
  options: DecodeHandoverOptions,
): Promise<Exit> {
  const root = handoverTree(state);
  const node = options.path === undefined ? root : handoverNodeAt(root, options.path);
  if (options.json === true)
    await writeAll(
      context.io,
      options.path === undefined
        ? valueText(handoverRecord(state, options.full), toJSON(options.names))
        : valueText(node.value, toJSON(options.names), node.label),
    );
  else await writeLines(context.io, decodeScreen(context, command, state, name, node, options));
  return isFailure(state.findings) ? EXIT.findings : EXIT.fine;
}

/** JSON as in documents, with names where they are asked for. */
function toJSON(names: boolean | undefined): ToJSON {
  return names === true ? (value, key) => withNames(jsonOf(value, key), key) : jsonOf;
}

function* decodeScreen(
  context: Context,
  command: Command,
  state: HandoverState,
  name: string,
  node: HandoverNode,
  options: DecodeHandoverOptions,
): Iterable<string> {
  const style = context.style(command);
  const { columns } = context;
  const { findings } = state;
  if (options.path === undefined) {
    yield* handoverHeader(state, name, style, columns);
    if (options.depth !== 0) yield '';
  }
  yield* handoverText(node, state, {
    style,
    columns,
    depth: options.depth ?? Number.POSITIVE_INFINITY,
    all: options.all ?? false,
    full: options.full ?? false,
    findings,
  });
  const here = node.path === '' ? findings : findings.filter(({ path }) => isBelow(path, node.path));
  if (options.path !== undefined && here.length === 0) return;
  yield '';
  yield summaryText(here, style);
  yield* findingsText(here, style, columns, options.all ?? false);
}

function isBelow(path: string, above: string): boolean {
  return path === above || (path.startsWith(above) && /^[.[]/.test(path.slice(above.length)));
}

/** The findings, and with a release what its kernel does. */
export function checkHandoverJSON(
  state: HandoverState,
  file: string,
  receiver: string | undefined,
): JSONValue {
  const verdict = receiver === undefined ? undefined : verdictOf(state, receiver);
  return jsonOf({
    file,
    format: 'kho',
    generation: state.generation,
    verdict: verdict === undefined ? outcomesOf(state).map(outcomeText) : [verdict.title],
    ...(verdict === undefined ? {} : { receiver: verdict }),
    ...(state.missing === undefined ? {} : { contents_missing: state.missing }),
    findings: state.findings,
  });
}

/** `cold boot: Linux 6.16, 6.17`. */
function outcomeText([outcome, releases]: ReturnType<typeof outcomesOf>[number]): string {
  const words = outcome === 'accepted' ? 'accepted by' : `${outcome}:`;
  return `${words} Linux ${releases.join(', ')}`;
}

/** What there is to say against it, for the exit code: with a receiver, what that kernel makes of it. */
export function failsCheck(state: HandoverState, receiver: string | undefined): boolean {
  if (receiver === undefined) return isFailure(state.findings);
  return verdictOf(state, receiver).outcome !== 'accepted' || isFailure(state.findings);
}

export function* checkHandoverScreen(
  context: Context,
  command: Command,
  state: HandoverState,
  file: string,
  receiver: string | undefined,
  all: boolean,
): Iterable<string> {
  const style = context.style(command);
  const { columns } = context;
  const generation = state.generation === undefined ? '' : `@${state.generation}`;
  const verdict = receiver === undefined ? undefined : verdictOf(state, receiver);
  const told = new Set<HandoverFinding>(verdict?.findings ?? []);
  // What the receiver minds is told with its verdict.
  const others = state.findings.filter((finding) => !told.has(finding));
  yield `${style.title(file)}: kho${generation}: ${summaryText([...told, ...others], style)}`;
  if (verdict === undefined) {
    const outcomes = outcomesOf(state);
    for (const outcome of outcomes) {
      const paint = outcome[0] === 'accepted' ? style.good : style.title;
      yield `  ${paint(outcomeText(outcome))}`;
    }
    const refused = outcomes.find(([outcome]) => outcome !== 'accepted')?.[1];
    if (refused !== undefined) yield style.dim(`  why: --receiver ${refused[refused.length - 1]}`);
  } else {
    const paint = verdict.outcome === 'accepted' ? style.good : style.title;
    yield* indented(verdict.title, columns, paint);
  }
  if (state.missing !== undefined)
    yield* indented(`contents ${missingText(state.missing)}`, columns, style.dim);
  if (verdict !== undefined) yield* findingsText(verdict.findings, style, columns, all);
  yield* findingsText(others, style, columns, all);
}

function* indented(text: string, columns: number, paint: (line: string) => string): Iterable<string> {
  for (const [i, line] of wrap(text, columns - 4).entries()) yield `${i === 0 ? '  ' : '    '}${paint(line)}`;
}

export interface GetHandoverOptions {
  readonly json?: boolean;
  readonly rawBytes?: boolean;
  readonly names?: boolean;
}

/** One part of the value. */
export async function getHandover(
  context: Context,
  command: Command,
  state: HandoverState,
  path: string,
  options: GetHandoverOptions,
): Promise<Exit> {
  const node = handoverNodeAt(handoverTree(state), path);
  if (options.rawBytes === true) {
    const found = objectOf(state, node.path);
    if (found === undefined || state.memory === undefined)
      throw new UsageError(
        `it is not known where the bytes of ${path} lie; extract writes the content of files`,
      );
    const { from, to } = spanOf(found.object, found.rest, state);
    await writeBytes(context, '-', readAll(state, found.object.address + BigInt(from), to - from));
  } else if (options.json === true)
    await writeAll(context.io, valueText(node.value, toJSON(options.names), node.label));
  else if (node.count === 0 && !node.isList) await writeLines(context.io, [scalarOf(node)]);
  else
    await writeLines(
      context.io,
      handoverText(node, state, {
        style: context.style(command),
        columns: Number.MAX_SAFE_INTEGER,
        depth: Number.POSITIVE_INFINITY,
        all: true,
        full: false,
        findings: [],
      }),
    );
  return EXIT.fine;
}

/** Whoever asks for one field wants to go on with it: texts and numbers are given as they are. */
function scalarOf({ value, label, text }: HandoverNode): string {
  // Of numbers of up to 32 bits the text is the number itself, or the names of its bits.
  return value === undefined || typeof value === 'number' ? text : String(jsonOf(value, label));
}

function readAll(state: HandoverState, address: bigint, length: number): Uint8Array {
  const bytes = state.memory?.image.read(address, length);
  if (bytes === undefined || isAbsence(bytes))
    throw new CarryoverError(
      'memory-absent',
      `there is no memory at 0x${(bytes?.address ?? address).toString(16)}: ${bytes?.detail ?? 'there is no image'}`,
    );
  return bytes;
}

/** Where in an object a part of it lies; all of it where the part has no place of its own. */
function spanOf(
  object: HandoverObject,
  rest: string,
  state: HandoverState,
): { readonly from: number; readonly to: number } {
  if (rest === '') return { from: 0, to: object.size };
  const { bytes } = state.memory?.image.readSome(object.address, object.size) ?? { bytes: new Uint8Array() };
  const parts = annotate(object.schema, bytes, { abi: object.abi }).filter(({ path, kind }) => {
    const text = pathText(path);
    return (kind === 'field' || kind === 'tail') && (text === rest || isBelow(text, rest));
  });
  if (parts.length === 0)
    throw new UsageError(`${rest} of ${object.path} does not lie in one place; name the whole`);
  const from = Math.min(...parts.map(({ offset }) => offset));
  return { from, to: Math.max(...parts.map(({ offset, size }) => offset + size)) };
}

export interface HexdumpHandoverOptions {
  readonly at?: string;
  readonly length?: number;
  readonly width?: number;
  readonly all?: boolean;
}

/** Bytes that are shown of memory of which nothing is known. */
const PLAIN = 256;
const MAX_SHOWN = 64 << 20;

/** Bytes with what they are: of the object at a path or an address, or of memory as it is. */
export async function hexdumpHandover(
  context: Context,
  command: Command,
  state: HandoverState,
  options: HexdumpHandoverOptions,
): Promise<Exit> {
  const { memory } = state;
  if (memory === undefined)
    throw new UsageError('there is no memory here; hexdump --as fdt FILE shows the bytes of a tree');
  if (options.at === undefined)
    throw new UsageError('a dump is too large to be shown; give --at ADDRESS or --at PATH');
  const { object, from, to } = placeOf(state, options.at, options.length);
  if (to - from > BigInt(MAX_SHOWN))
    throw new UsageError('that is more than 64 MiB; give a smaller --length');
  const start = object === undefined ? from : object.address;
  const end = object === undefined ? to : start + BigInt(object.size);
  // An object is read as a whole, because where its fields lie depends on what is before them.
  const { bytes, holes } = memory.image.readSome(start, Number(max(end, to) - start));
  const shownFrom = Number(from - start);
  const shownTo = Number(to - start);
  const ranges = object === undefined ? [plainRange(0, bytes.length)] : annotated(object, bytes);
  const style = context.style(command);
  const width = options.width ?? ((context.io.columns ?? 120) < 110 ? 8 : 16);
  if (width < 1 || width > 256) throw new UsageError('--width is 1 to 256');
  const absent = holes.map(({ address, length }) => ({
    from: Number(address - start),
    to: Number(address - start) + length,
  }));
  const text = hexdumpText(bytes, presentParts(ranges, shownFrom, shownTo, absent), {
    style,
    width,
    digits: Math.max(8, to.toString(16).length),
    columns: context.io.columns,
    all: options.all ?? false,
    base: start,
  });
  const named =
    object === undefined
      ? []
      : [
          style.dim(
            `${object.path}: ${nameOf(object)}, ${object.size} bytes at 0x${object.address.toString(16)}`,
          ),
        ];
  const lacking = holes
    .filter(({ address, length }) => address < to && address + BigInt(length) > from)
    .map(
      ({ address, length, absence }) =>
        `${style.severity.warning('absent')}  0x${address.toString(16)} to 0x${(address + BigInt(length)).toString(16)}: ${absence.detail}`,
    );
  await writeLines(context.io, chain(named, text, lacking));
  return lacking.length > 0 ? EXIT.findings : EXIT.fine;
}

function* chain(...parts: readonly Iterable<string>[]): Iterable<string> {
  for (const part of parts) yield* part;
}
function nameOf({ schema }: HandoverObject): string {
  return 'name' in schema && typeof schema.name === 'string' ? schema.name : schema.kind;
}

interface Span {
  readonly object: HandoverObject | undefined;
  readonly from: bigint;
  readonly to: bigint;
}

function placeOf(state: HandoverState, at: string, length: number | undefined): Span {
  const [, place, count] = /^(0x[0-9a-f]{1,16}|\d{1,19})(?:\+(0x[0-9a-f]{1,8}|\d{1,9}))?$/i.exec(at) ?? [];
  if (place !== undefined) {
    const from = BigInt(place);
    const wanted = count === undefined ? length : Number(count);
    const object = objectAt(state, from);
    if (wanted !== undefined) return { object, from, to: from + BigInt(wanted) };
    return object === undefined
      ? { object, from, to: from + BigInt(PLAIN) }
      : { object, from, to: object.address + BigInt(object.size) };
  }
  // Chunks, blocks and nodes of the map are parts of no value, and findings name them.
  const listed = state.objects.find(({ path }) => path === at);
  const node = listed === undefined ? handoverNodeAt(handoverTree(state), at) : undefined;
  const found = listed === undefined ? objectOf(state, node?.path ?? at) : { object: listed, rest: '' };
  const isOwn = found !== undefined && (found.rest === '' || hasPart(found.object, found.rest, state));
  if (isOwn) {
    const { object, rest } = found;
    const span = spanOf(object, rest, state);
    const from = object.address + BigInt(span.from);
    return { object, from, to: from + BigInt(length ?? span.to - span.from) };
  }
  if (node?.address === undefined)
    throw new UsageError(`it is not known where the bytes of ${at} lie; name one of its parts`);
  return { object: undefined, from: node.address, to: node.address + BigInt(length ?? PLAIN) };
}

function hasPart(object: HandoverObject, rest: string, state: HandoverState): boolean {
  const { bytes } = state.memory?.image.readSome(object.address, object.size) ?? { bytes: new Uint8Array() };
  return annotate(object.schema, bytes, { abi: object.abi }).some(({ path }) =>
    isBelow(pathText(path), rest),
  );
}

function annotated(object: HandoverObject, bytes: Uint8Array): ByteRange[] {
  const own = bytes.subarray(0, object.size);
  const ranges = annotate(object.schema, own, { abi: object.abi }).flatMap(
    ({ kind, path, offset, size, bit, bits, text }): ByteRange[] =>
      kind === 'missing' || size === 0
        ? []
        : [
            {
              kind: kind === 'trailing' ? 'unknown' : kind,
              path,
              offset,
              size,
              bits: bit === undefined || bits === undefined ? undefined : { first: bit, count: bits },
              text,
            },
          ],
  );
  if (bytes.length > object.size) ranges.push(plainRange(object.size, bytes.length - object.size));
  return ranges;
}

function plainRange(offset: number, size: number): ByteRange {
  return { kind: 'field', path: [], offset, size, bits: undefined, text: '' };
}

/** The parts of ranges that lie between two places and are there. */
function* presentParts(
  ranges: Iterable<ByteRange>,
  from: number,
  to: number,
  absent: readonly { readonly from: number; readonly to: number }[],
): Iterable<ByteRange> {
  for (const range of ranges) {
    let at = Math.max(range.offset, from);
    const end = Math.min(range.offset + range.size, to);
    while (at < end) {
      const hole = absent.find((each) => each.to > at && each.from < end);
      const stop = hole === undefined ? end : Math.max(at, hole.from);
      if (stop > at) yield { ...range, offset: at, size: stop - at };
      at = hole === undefined ? end : Math.max(stop, hole.to);
    }
  }
}

function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
