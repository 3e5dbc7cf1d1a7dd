/** A value in the memory of a dump: where it stands, how it reads, and how it is written. */
import { fromHex, type JSONValue, typeText, valueText } from '../../codec/index.js';
import { fromJSONByPlan } from '../../codec/json.js';
import type { Names, Plan } from '../../codec/plan.js';
import { Reader } from '../../codec/read.js';
import { definedMask } from '../../codec/slack.js';
import { Writer } from '../../codec/write.js';
import { isAbsence } from '../../memory/index.js';
import { absentFor, impossible } from './errors.js';
import type { OverlayImage } from './overlay-image.js';

/** Bytes of memory that follow each other. */
export interface Extent {
  readonly address: bigint;
  readonly size: number;
}

/** How derived fields are treated: recomputed, or left as they are. */
export interface SetOptions {
  readonly keepDerived: boolean;
}

/** What a path of a dump leads to. */
export interface Field {
  readonly path: string;
  /** The C type, or what it is where C has none for it. */
  readonly type: string;
  /** Where it stands; several places where one value is told by several. In the order of the value. */
  readonly extents: readonly Extent[];
  /** The first bit and their number, where it does not take whole bytes. In the bit order of the ABI. */
  readonly bits: { readonly first: number; readonly count: number } | undefined;
  /** The value as it stands now, in a line. */
  text(memory: OverlayImage): string;
  /** Writes the value. @throws what does not fit: `value-type`, `value-range`, `edit-impossible`. */
  set(memory: OverlayImage, value: JSONValue, options: SetOptions): void;
}

/** The bytes of a place. @throws `memory-absent` */
export function bytesOf(memory: OverlayImage, { address, size }: Extent, path: string): Uint8Array {
  const bytes = memory.read(address, size);
  if (isAbsence(bytes)) throw absentFor(path, bytes);
  return bytes;
}

/** The value that a plan reads from bytes. */
export function readByPlan(plan: Plan, bytes: Uint8Array): unknown {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return new Reader(view, {}, false).root(plan, 0);
}

/**
 * Puts a value into bytes. Only the bits that the old or the new value tells change: what else lies there
 * stays, and nothing is left of a text that was longer.
 */
export function writeByPlan(plan: Plan, bytes: Uint8Array, value: unknown, path: string): void {
  const writer = new Writer({}, 0);
  writer.path.push(path);
  const encoded = writer.root(plan, value);
  const before = definedMask(plan, readByPlan(plan, bytes));
  for (const [i, bits] of definedMask(plan, value).entries()) {
    const mask = bits | (before[i] ?? 0);
    bytes[i] = ((bytes[i] ?? 0) & ~mask) | ((encoded[i] ?? 0) & mask);
  }
}

/** A field of fixed size that a plan describes. */
export function planField(path: string, plan: Plan, address: bigint): Field {
  const { size } = plan;
  if (size === undefined) throw impossible(`${path} has no fixed size; name one of its parts`);
  const extent = { address, size };
  return {
    path,
    type: typeText(plan.schema),
    extents: [extent],
    bits: plan.kind === 'bits' ? { first: plan.shift, count: plan.width } : undefined,
    text: (memory) => textByPlan(plan, bytesOf(memory, extent, path)),
    set: (memory, value) => {
      const bytes = bytesOf(memory, extent, path);
      writeByPlan(plan, bytes, givenValue(plan, value, path), path);
      memory.write(address, bytes, path);
    },
  };
}

/** What a plan reads from bytes, in a line; empty of what has parts. */
export function textByPlan(plan: Plan, bytes: Uint8Array): string {
  const value = readByPlan(plan, bytes);
  return plan.kind === 'struct' || plan.kind === 'array' ? '' : valueText(plan, value);
}

/** The value that somebody wrote for a plan. @throws `value-type`, `value-range`, `value-unknown` */
export function givenValue(plan: Plan, value: JSONValue, path: string): unknown {
  if (plan.kind === 'bytes' && plan.text === undefined && typeof value === 'string') {
    const raw = fromHex(value);
    if (raw === undefined || raw.length !== plan.size)
      throw impossible(`${path} takes ${plan.size} bytes, given as hex digits`);
    return raw;
  }
  const names = plan.kind === 'int' || plan.kind === 'bits' ? plan.names : undefined;
  return fromJSONByPlan(plan, typeof value === 'string' && names ? fullNames(names, value) : value, [path]);
}

/** Names of flags as `decode` shows them, without what all of them begin with: `WRITE|GROW`. */
function fullNames(names: Names, text: string): string {
  const all = Object.keys(names.members);
  if (text === 'none') return '0';
  return text
    .split('|')
    .map((part) => {
      const name = part.trim();
      if (all.includes(name) || name === '') return part;
      const ends = all.filter((member) => member.endsWith(`_${name}`));
      const [shortest] = ends.sort((a, b) => a.length - b.length);
      return shortest ?? part;
    })
    .join('|');
}

/** An unsigned integer as somebody wrote it. */
export function integerOf(value: JSONValue, path: string): bigint {
  const isText = typeof value === 'string' && /^\s*(0x[0-9a-f]{1,16}|\d{1,20})\s*$/i.test(value);
  if (isText || (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0))
    return BigInt(value);
  throw impossible(`${path} takes an integer, decimal or 0x…, not ${JSON.stringify(value)}`);
}
