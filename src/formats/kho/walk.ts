/**
 * What everything that follows pointers through a handover shares: the memory, the machine, the map of
 * preserved memory, and where findings and objects are collected.
 */
import { type ABI, decodeLenient, type Schema, type ValueOf } from '../../codec/index.js';
import { type Image, isAbsence } from '../../memory/index.js';
import { Claims } from './claims.js';
import { type Effect, Findings, type HandoverRule } from './findings.js';
import type { KhoGeneration } from './generations.js';
import type { PreservedMap } from './preserved.js';
import { KHO } from './rules.js';

/** Something that was decoded, and where. */
export interface HandoverObject {
  /** Where in the value: `entries.LUO.sessions[3]`. */
  readonly path: string;
  readonly schema: Schema;
  readonly abi: ABI;
  /** Physical address of its first byte. */
  readonly address: bigint;
  /** In bytes. */
  readonly size: number;
}

/** Objects that are listed; a handover of more is followed all the same. */
export const MAX_OBJECTS = 1 << 17;

export class Walk {
  readonly image: Image;
  readonly abi: ABI;
  readonly findings = new Findings();
  readonly objects: HandoverObject[] = [];
  /** Who owns which memory. */
  readonly claims = new Claims();
  /** The map of preserved memory; empty and incomplete until it is read. */
  map: PreservedMap;
  /** The generation of the root. */
  generation: KhoGeneration | undefined;
  /** Generations that parts are to be read as, whatever they say, by the names of the parts: `{ iommu: 'B' }`. */
  forced: Readonly<Record<string, string>> = {};

  /** Whether there is no memory to look into at all, so that its absence is nothing to speak of. */
  readonly blind: boolean;

  constructor(image: Image, abi: ABI, map: PreservedMap, blind = false) {
    this.image = image;
    this.blind = blind;
    this.abi = abi;
    this.map = map;
  }

  /** Lists that were followed: what two owners share is followed once, so that the work stays in proportion. */
  readonly #entered = new Set<bigint>();

  /** Whether a page of a list is met for the first time; a finding if another list had it. */
  enter(address: bigint, path: string): boolean {
    if (!this.#entered.has(address)) {
      this.#entered.add(address);
      return true;
    }
    this.find(
      KHO.shared,
      path,
      address,
      `The list at ${hexText(address)} belongs to something else already.`,
    );
    return false;
  }

  get pageSize(): number {
    return this.abi.pageSize;
  }
  get little(): boolean {
    return this.abi.endian === 'little';
  }
  isAligned(address: bigint): boolean {
    return address % BigInt(this.pageSize) === 0n;
  }
  /** The page frame that an address lies in. */
  pfn(address: bigint): number {
    return Number(address / BigInt(this.pageSize));
  }

  find(
    rule: HandoverRule,
    path: string,
    address: bigint | undefined,
    message: string,
    effect: Effect = rule.effect,
  ): void {
    this.findings.add(rule, path, address, message, effect);
  }

  /** The bytes; where the dump does not have them, a finding and undefined. */
  bytes(address: bigint, length: number, path: string, what: string): Uint8Array | undefined {
    const answer = this.image.read(address, length);
    if (!isAbsence(answer)) return answer;
    if (this.blind) return undefined;
    this.find(
      KHO['memory-absent'],
      path,
      answer.address,
      `${what.charAt(0).toUpperCase()}${what.slice(1)} at ${hexText(address)} is not in the dump: ${answer.detail}.`,
    );
    return undefined;
  }

  object(path: string, schema: Schema, address: bigint, size: number): void {
    if (this.objects.length < MAX_OBJECTS) this.objects.push({ path, schema, abi: this.abi, address, size });
  }

  /** Decodes a struct of fixed size; undefined, with a finding, where its memory is absent. */
  decode<S extends Schema>(
    schema: S,
    address: bigint,
    size: number,
    path: string,
    what: string,
  ): ValueOf<S> | undefined {
    const bytes = this.bytes(address, size, path, what);
    return bytes === undefined ? undefined : this.decodeBytes(schema, bytes, address, path);
  }

  /** The same from bytes that were read already. */
  decodeBytes<S extends Schema>(schema: S, bytes: Uint8Array, address: bigint, path: string): ValueOf<S> {
    this.object(path, schema, address, bytes.length);
    // The schemas given here are of fixed size and refuse no value, so a lenient decode of enough bytes has
    // all fields.
    return decodeLenient(schema, bytes, { abi: this.abi }).value as ValueOf<S>;
  }
}

/** `0x4bd000`. */
export function hexText(value: bigint | number): string {
  return `0x${value.toString(16)}`;
}
/** `1 page`, `2 pages`. */
export function many(count: bigint | number, unit: string, units = `${unit}s`): string {
  return `${count} ${Number(count) === 1 ? unit : units}`;
}

/** The verb that goes with a count. */
export function are(count: bigint | number): string {
  return Number(count) === 1 ? 'is' : 'are';
}
