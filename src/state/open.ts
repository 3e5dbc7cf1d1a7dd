/** Opening an input: what it is, what is in it, what is wrong with it. */

import { CarryoverError, isCarryoverError } from '../codec/error.js';
import type { ABI } from '../codec/index.js';
import { suggest } from '../codec/suggest.js';
import type { Finding, Format, Reading } from '../formats/format.js';
import { handoverParts } from '../formats/handover.js';
import { formats as allFormats } from '../formats/index.js';
import type { StateCode } from './codes.js';
import { findingsOf, incompleteBecause } from './findings.js';
import { type Node, treeOf } from './tree.js';
import { readWire, type Wire } from './wire.js';

export interface OpenOptions {
  /** `FORMAT` or `FORMAT@GENERATION`, whatever the bytes look like. */
  readonly as?: string | undefined;
  /** The machine that wrote the bytes, whatever they look like. */
  readonly abi?: ABI | undefined;
  /** Unpacks gzip. Without it, gzip is not looked for: what unpacks differs between Node and browsers. */
  readonly gunzip?: ((bytes: Uint8Array) => Uint8Array) | undefined;
  /** The formats to look for; all of carryover's, unless given. */
  readonly formats?: readonly Format[] | undefined;
}

/** An input that has been read. */
export interface State {
  readonly format: Format;
  readonly reading: Reading;
  /** The bytes, unpacked. */
  readonly bytes: Uint8Array;
  /** Whether they came out of gzip. */
  readonly gzip: boolean;
  /** The value as the schema has it, for encode; parts may be missing. */
  readonly wire: Wire;
  /** The value as its format presents it. */
  readonly value: unknown;
  readonly root: Node;
  readonly findings: readonly Finding[];
  /** Why the value does not tell all of the bytes, so that they cannot be made from it; else undefined. */
  readonly incomplete: CarryoverError | undefined;
  /** What it comes to, in a line or two for people. */
  readonly verdict: readonly string[];
}

/**
 * Opens an input.
 *
 * @throws CarryoverError `format-unknown`, `generation-unknown`, `gzip-invalid`. Whatever else is wrong with the
 *   bytes is among the findings.
 */
export function open(input: Uint8Array, options: OpenOptions = {}): State {
  const { bytes, gzip } = unpack(input, options.gunzip);
  const { format, reading } = read(bytes, options);
  const wire = readWire(reading.schema, bytes, {
    ...(reading.abi === undefined ? {} : { abi: reading.abi }),
    params: reading.params,
  });
  return new OpenState(format, reading, bytes, gzip, wire);
}

/** Chooses format, generation and ABI, and says how sure that is. */
function read(bytes: Uint8Array, options: OpenOptions): { format: Format; reading: Reading } {
  const formats = options.formats ?? allFormats;
  const forced = options.as === undefined ? undefined : parseAs(options.as, formats);
  const abi = options.abi === undefined ? {} : { abi: options.abi };
  if (forced !== undefined) {
    const { format, generation } = forced;
    return {
      format,
      reading: format.reading(bytes, { ...abi, ...(generation === undefined ? {} : { generation }) }),
    };
  }
  let best: { format: Format; confidence: number } | undefined;
  for (const format of formats) {
    const recognition = format.recognise(bytes);
    if (recognition !== undefined && recognition.confidence > (best?.confidence ?? 0))
      best = { format, confidence: recognition.confidence };
  }
  if (best === undefined)
    throw new CarryoverError(
      'format-unknown' satisfies StateCode,
      bytes.length === 0 ? 'the input is empty' : 'the input is of no format that is known',
      {
        offset: 0,
        expected: `one of ${formats.map((format) => format.name).join(', ')}; or a memory dump: ELF, kdump, LiME, AVML, raw memory with --raw BASE`,
        input: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength),
      },
    );
  return { format: best.format, reading: best.format.reading(bytes, abi) };
}

/** `passt@v2` as format and generation. @throws `format-unknown`, `generation-unknown` */
export function parseAs(
  text: string,
  formats: readonly Format[] = allFormats,
): { format: Format; generation: string | undefined } {
  const [name = '', generation] = text.split('@', 2);
  const format = formats.find((each) => each.name === name);
  if (format === undefined) {
    const names = [...formats, ...handoverParts].map((each) => each.name);
    throw new CarryoverError(
      'format-unknown' satisfies StateCode,
      `there is no format ${JSON.stringify(name)}${hint(name, names)}`,
      { expected: `one of ${names.join(', ')}` },
    );
  }
  if (generation !== undefined && !format.generations.some((each) => each.name === generation)) {
    const names = format.generations.map((each) => each.name);
    throw new CarryoverError(
      'generation-unknown' satisfies StateCode,
      `${name} has no generation ${JSON.stringify(generation)}${hint(generation, names)}`,
      { expected: `one of ${names.join(', ')}` },
    );
  }
  return { format, generation };
}

function hint(name: string, known: readonly string[]): string {
  const near = suggest(name, known);
  return near === undefined ? '' : `; did you mean ${near}?`;
}

function unpack(input: Uint8Array, gunzip: OpenOptions['gunzip']): { bytes: Uint8Array; gzip: boolean } {
  if (gunzip === undefined || input[0] !== 0x1f || input[1] !== 0x8b) return { bytes: input, gzip: false };
  try {
    return { bytes: gunzip(input), gzip: true };
  } catch (cause) {
    if (isCarryoverError(cause)) throw cause;
    throw new CarryoverError(
      'gzip-invalid' satisfies StateCode,
      `the input begins like gzip, but cannot be unpacked: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    );
  }
}

class OpenState implements State {
  readonly format: Format;
  readonly reading: Reading;
  readonly bytes: Uint8Array;
  readonly gzip: boolean;
  readonly wire: Wire;
  readonly value: unknown;
  readonly root: Node;
  readonly incomplete: CarryoverError | undefined;
  private found: readonly Finding[] | undefined;

  constructor(format: Format, reading: Reading, bytes: Uint8Array, gzip: boolean, wire: Wire) {
    this.format = format;
    this.reading = reading;
    this.bytes = bytes;
    this.gzip = gzip;
    this.wire = wire;
    this.value = wire.value === undefined ? undefined : format.present(wire.value, reading);
    this.incomplete = incompleteBecause(wire);
    this.root = treeOf({
      bytes,
      root: wire.root,
      presented: this.value,
      understood: wire.understood,
      wirePath: (path) => format.wirePath(path, reading),
      ...(format.line === undefined ? {} : { line: (value, path) => format.line?.(value, path) }),
    });
  }

  get findings(): readonly Finding[] {
    this.found ??= findingsOf(this.format, this.reading, this.wire, this.bytes);
    return this.found;
  }
  get verdict(): readonly string[] {
    return this.format.verdict?.(this.wire.value, this.reading, this.bytes) ?? [];
  }
}
