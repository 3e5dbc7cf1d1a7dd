import { type Edited, editHandover, fileWrites, innerSource } from '../../../src/build/edit/index.js';
import { patched } from '../../../src/cli/patched-copy.js';
import { bytesSource, openImage, type Source } from '../../../src/memory/index.js';
import { type Edit, type HandoverState, openDump } from '../../../src/state/index.js';
import { unzipped } from '../../memory/fixtures.js';

const files = new Map<string, Uint8Array>();

/** The bytes of a capture's file, unpacked. */
export function fileOf(name: string): Uint8Array {
  const known = files.get(name) ?? unzipped(name);
  files.set(name, known);
  return known;
}
export function stateOf(bytes: Uint8Array): HandoverState {
  return openDump(openImage(bytesSource(bytes)));
}
/** The file with the edits, as `carryover set -o` writes it. */
export function written(state: HandoverState, file: Uint8Array, edited: Edited): Uint8Array {
  const image = state.memory?.image;
  if (image === undefined) throw new Error('there is no memory');
  const source: Source = bytesSource(file);
  const inner = innerSource(image, source);
  return patched(inner, fileWrites(edited.image, edited.changes, inner));
}
export function set(state: HandoverState, file: Uint8Array, ...edits: Edit[]): Uint8Array {
  return written(state, file, editHandover(state, edits));
}
const PIECE = 4096;
/** Offsets at which two files differ, also where one is longer. */
export function differing(a: Uint8Array, b: Uint8Array): number[] {
  const places: number[] = [];
  for (let from = 0; from < Math.max(a.length, b.length); from += PIECE) {
    const to = from + PIECE;
    if (Buffer.compare(a.subarray(from, to), b.subarray(from, to)) === 0) continue;
    for (let i = from; i < Math.min(to, Math.max(a.length, b.length)); i++) if (a[i] !== b[i]) places.push(i);
  }
  return places;
}

/** Paths of leaves of two JSON values at which they differ. */
export function differences(a: unknown, b: unknown, path = ''): string[] {
  if (Object.is(a, b)) return [];
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return [path];
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...keys].flatMap((key) => {
    const at = Array.isArray(a) ? `${path}[${key}]` : path === '' ? key : `${path}.${key}`;
    const one: unknown = Reflect.get(a, key);
    const other: unknown = Reflect.get(b, key);
    return differences(one, other, at);
  });
}
