import type { Content, Handover, HandoverOptions } from '../../../src/formats/kho/index.js';
import { fileContents, jsonOf, openHandover } from '../../../src/formats/kho/index.js';
import type { LuoSession, LuoValue } from '../../../src/formats/luo/index.js';
import type { MemfdValue } from '../../../src/formats/memfd/index.js';
import { openFixture } from '../../memory/fixtures.js';

export const CAPTURES = {
  v4: 'kho/kho-v4-luo-v5-x86_64.elf',
  kdump: 'kho/kho-v4-luo-v5-x86_64.kdump',
  arm64: 'kho/kho-v4-luo-v5-arm64-64k.elf',
  v1a: 'kho/kho-older/kho-v1a-512B-bitmaps-meta.elf',
  broken: 'kho/kho-older/kho-v1a-refinalized-broken-meta.elf',
  v1b: 'kho/kho-older/kho-v1b-luo-v1-noflb-memfd-v1-meta.elf',
  v3: 'kho/kho-older/kho-v3-luo-v1-flb-memfd-v2-meta.elf',
} as const;
export type Capture = keyof typeof CAPTURES;

export function openCapture(name: Capture, options?: HandoverOptions): Handover {
  return openHandover(openFixture(CAPTURES[name]), options);
}
export function luoOf(handover: Handover): LuoValue {
  const { LUO } = handover.value.entries;
  if (LUO === undefined) throw new Error('there is no LUO');
  return LUO as LuoValue;
}
export function sessionOf(handover: Handover, name: string): LuoSession {
  const session = luoOf(handover).sessions.find((candidate) => candidate.name === name);
  if (session === undefined) throw new Error(`there is no session ${name}`);
  return session;
}
export function memfdOf(handover: Handover, session: string, token: bigint): MemfdValue {
  const file = sessionOf(handover, session).files.find((candidate) => candidate.token === token);
  if (file?.memfd === undefined) throw new Error(`there is no memfd ${token} in ${session}`);
  return file.memfd as MemfdValue;
}

export interface Gathered {
  /** The file with zeros for what is absent. */
  readonly bytes: Uint8Array;
  readonly absent: number;
  readonly stale: number;
  /** Whether the byte is in the dump. */
  has(offset: number): boolean;
}
export function gather(pieces: Iterable<Content>): Gathered {
  const parts: Uint8Array[] = [];
  let size = 0n;
  let absent = 0;
  let stale = 0;
  const missing: { from: number; to: number }[] = [];
  for (const piece of pieces) {
    if (piece.offset !== size) throw new Error(`a piece begins at ${piece.offset} instead of ${size}`);
    size += piece.length;
    if (piece.kind === 'absent') {
      absent += Number(piece.length);
      missing.push({ from: Number(piece.offset), to: Number(piece.offset + piece.length) });
    }
    if (piece.kind === 'hole' && piece.because === 'not up to date') stale += Number(piece.length);
    parts.push(piece.kind === 'data' ? piece.bytes.slice() : new Uint8Array(Number(piece.length)));
  }
  return {
    bytes: new Uint8Array(Buffer.concat(parts)),
    absent,
    stale,
    has: (offset) => !missing.some(({ from, to }) => offset >= from && offset < to),
  };
}
export function contentOf(handover: Handover, session: string | number, file: bigint | number): Gathered {
  return gather(fileContents(handover, session, file));
}
export function textAt(bytes: Uint8Array, at: number): string {
  const end = bytes.indexOf(0, at);
  return Buffer.from(bytes.subarray(at, end < 0 ? bytes.length : end)).toString('latin1');
}
export function rulesOf(handover: Handover): string[] {
  return [...new Set(handover.findings.map(({ rule }) => rule))].sort();
}
export { jsonOf };
