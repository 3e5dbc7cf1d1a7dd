/**
 * What generated code calls: cold paths, and what is not worth repeating in every generated text.
 *
 * Generated code does only what is regular. On anything else it gives up (out of range, a magic number that
 * is not right, padding that is not zero, a value of the wrong type) and lets the careful reader or writer do
 * the same input over, which makes the exact error, or the exact value with its slack.
 */
import { byteArray, firstNonZero } from './bytes.js';
import { Careful } from './careful.js';
import { isCarryoverError } from './error.js';
import type { Plan } from './plan.js';
import { Writer } from './write.js';

export { ABI, makeABI } from './abi.js';
export { dataView, readBigBits, writeBigBits } from './bytes.js';
export { interpretedWith } from './compiled.js';
export { sameScalar } from './read.js';
export { anySlack, slackOf } from './slack.js';
export { readText } from './text.js';
export { Careful };

/** A u64 is written through these: V8 11 and 12 do not inline setBigUint64, which costs five times as much. */
export const WIDE = new BigUint64Array(1);
export const HALVES = new Uint32Array(WIDE.buffer);
/** Which of the halves is the low one on this machine. */
export const LOW: 0 | 1 = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1 ? 0 : 1;

/** A copy of so many bytes. A loop beats making a second view of the buffer up to some dozens of bytes. */
export function copyBytes(view: DataView, at: number, size: number): Uint8Array {
  if (size > 48) return byteArray(view, at, at + size).slice();
  const bytes = new Uint8Array(size);
  for (let i = 0; i < size; i++) bytes[i] = view.getUint8(at + i);
  return bytes;
}
export function putBytes(view: DataView, at: number, bytes: Uint8Array): void {
  if (bytes.length > 48) byteArray(view, at, at + bytes.length).set(bytes);
  else for (let i = 0; i < bytes.length; i++) view.setUint8(at + i, bytes[i] ?? 0);
}
/** Whether all bytes from one offset to another are zero. */
export function areZero(view: DataView, from: number, to: number): boolean {
  if (to - from > 256) {
    const bytes = byteArray(view, from, to);
    return firstNonZero(bytes, 0, bytes.length) < 0;
  }
  let any = 0;
  let at = from;
  for (; at + 4 <= to; at += 4) any |= view.getInt32(at, true);
  for (; at < to; at++) any |= view.getUint8(at);
  return any === 0;
}
export function clear(view: DataView, from: number, to: number): void {
  if (to - from > 256) byteArray(view, from, to).fill(0);
  else {
    let at = from;
    for (; at + 4 <= to; at += 4) view.setInt32(at, 0, true);
    for (; at < to; at++) view.setUint8(at, 0);
  }
}
/** The bytes written so far, moved to where there is room for more. */
export function larger(view: DataView, used: number, needed: number): DataView {
  const buffer = new ArrayBuffer(Math.max(needed, view.byteLength * 2, 256));
  new Uint8Array(buffer).set(byteArray(view, 0, used));
  return new DataView(buffer);
}

let pairs: (string | undefined)[] | undefined;
/** Two ASCII characters as a string, by the first plus 128 times the second; undefined until first asked for. */
export function pairTable(): (string | undefined)[] {
  pairs ??= new Array<string | undefined>(128 * 128);
  return pairs;
}
export function pairOf(index: number): string {
  const pair = String.fromCharCode(index & 127, index >>> 7);
  pairTable()[index] = pair;
  return pair;
}

/** A parameter of the call, if it is an integer. */
export function paramOf(
  params: Readonly<Record<string, number | bigint>> | undefined,
  name: string,
): number | bigint | undefined {
  const value = params !== undefined && Object.hasOwn(params, name) ? params[name] : undefined;
  return typeof value === 'bigint' || (typeof value === 'number' && Number.isInteger(value))
    ? value
    : undefined;
}
/** Whether two integers, of which either may be a bigint, have a bit in common. */
export function anyBit(value: number | bigint, bits: bigint): boolean {
  return (BigInt(value) & bits) !== 0n;
}
/** Whether all keys of a value are fields of its struct. Asked where counting them does not tell. */
export function areKnown(value: object, keys: ReadonlySet<string>): boolean {
  return Object.keys(value).every((key) => keys.has(key));
}
/** The canonical bytes of a part that refers to nothing outside of it; undefined if it is not regular. */
export function partBytes(plan: Plan, value: unknown): Uint8Array | undefined {
  try {
    return new Writer({ canonical: true }, 0).root(plan, value);
  } catch (error) {
    if (isCarryoverError(error)) return undefined;
    throw error;
  }
}
