/** Streams to test with: the captures, and streams made from them by overwriting bytes. */
import { readFileSync } from 'node:fs';
import { decode, decodeLenient, encode, type LenientResult } from '../../../src/codec/index.js';
import type { Finding, FormatOptions, Reading } from '../../../src/formats/format.js';
import { passt } from '../../../src/formats/passt/index.js';

/** The streams among the captures, all but the QEMU section. */
export const CAPTURES = [
  'v1-inbound-closewait',
  'v1-inbound-est-rcvq22',
  'v2-20261002-two-flows-rcvq3000',
  'v2-inbound-closed-state7',
  'v2-inbound-closewait-rcvq21',
  'v2-inbound-est-rcvq22',
  'v2-inbound-finwait2',
  'v2-inbound-sndq46080',
  'v2-outbound-est',
  'v2-sid20261002-inbound-est',
  'v2-trixie20250503-inbound-est',
  'v2-two-flows-v4-v6',
  'v2-zero-flows',
] as const;
export type CaptureName = (typeof CAPTURES)[number];

export function capture(name: CaptureName): Uint8Array {
  return new Uint8Array(readFileSync(new URL(`../../../fixtures/passt/${name}.bin`, import.meta.url)));
}

export const HEADER = 16;
export const COUNT = 58;
export const RECORDS = 62;
export const RECORD = 112;

/** A copy with bytes overwritten from an offset on. */
export function patched(
  bytes: Uint8Array,
  ...patches: readonly [offset: number, bytes: readonly number[]][]
): Uint8Array {
  const copy = bytes.slice();
  for (const [offset, patch] of patches) copy.set(patch, offset);
  return copy;
}
export function be32(value: number): number[] {
  return [value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff];
}
export function withVersions(bytes: Uint8Array, version: number, compat: number): Uint8Array {
  return patched(bytes, [8, be32(version)], [12, be32(compat)]);
}
export function join(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

/** A stream of many flows: one flow's record and what follows it, over and over. */
export function manyFlows(bytes: Uint8Array, count: number, transfers = count): Uint8Array {
  const record = bytes.subarray(RECORDS, RECORDS + RECORD);
  const transfer = bytes.subarray(RECORDS + RECORD);
  const all = new Uint8Array(RECORDS + record.length * count + transfer.length * transfers);
  all.set(bytes.subarray(0, COUNT));
  all.set(be32(count), COUNT);
  for (let i = 0; i < count; i++) all.set(record, RECORDS + i * record.length);
  for (let i = 0; i < transfers; i++)
    all.set(transfer, RECORDS + count * record.length + i * transfer.length);
  return all;
}

/** The presented value of any generation, as far as tests look into it. */
export interface Shown {
  header: Record<string, number | bigint>;
  addresses: { addr6: Uint8Array; mac: Uint8Array };
  flow_count: number;
  flows: [ShownFlow, ...ShownFlow[]];
  body: Uint8Array;
}
export interface ShownFlow {
  pif: number[];
  side: [ShownSide, ShownSide];
  ext: Record<string, number>;
  send_queue: Uint8Array;
  receive_queue: Uint8Array;
}
export interface ShownSide {
  oaddr: Uint8Array;
  eaddr: Uint8Array;
  oport: number;
  eport: number;
}

/** What reading an input comes to. */
export interface Read extends LenientResult {
  readonly reading: Reading;
  readonly findings: readonly Finding[];
  readonly shown: Shown;
}
export function read(bytes: Uint8Array, options: FormatOptions = {}): Read {
  const reading = passt.reading(bytes, options);
  const result = decodeLenient(reading.schema, bytes, codecOptions(reading));
  return {
    ...result,
    reading,
    findings: passt.check(result.value, reading, bytes, result.size),
    // Each test asks for what its generation has; what is not there fails it.
    shown: passt.present(result.value, reading) as Shown,
  };
}
export function codecOptions(reading: Reading) {
  return { ...(reading.abi === undefined ? {} : { abi: reading.abi }), params: reading.params };
}
/** Decodes strictly, presents, goes back and encodes. */
export function again(bytes: Uint8Array, options: FormatOptions = {}): Uint8Array {
  const reading = passt.reading(bytes, options);
  const value = decode(reading.schema, bytes, codecOptions(reading));
  const wire = passt.absent(passt.present(value, reading), reading);
  return encode(reading.schema, wire as never, codecOptions(reading));
}
/** The names of the rules that a stream breaks, without `passt/`. */
export function rules(bytes: Uint8Array, options: FormatOptions = {}): string[] {
  return [...new Set(read(bytes, options).findings.map(({ rule }) => rule.replace(/^passt\//, '')))].sort();
}
