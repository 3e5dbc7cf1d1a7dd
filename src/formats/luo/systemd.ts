/** The session in which systemd keeps its file descriptors: token 0 is a memfd with a mapping in JSON. */
import { readText } from '../../codec/text.js';
import type { Registry } from '../kho/extension.js';
import type { Walk } from '../kho/walk.js';
import { handlerFor } from './handler.js';
import type { LuoFile, SystemdMapping } from './value.js';

/** A mapping of more bytes is not one. */
const MAX_MAPPING = 1 << 22;

export function recogniseSystemd(
  files: readonly LuoFile[],
  registry: Registry,
  walk: Walk,
): SystemdMapping | undefined {
  const file = files.find(({ token }) => token === 0n);
  const handler = file && handlerFor(file.compatible, registry);
  const value = handler && file?.[handler.key];
  if (handler?.contents === undefined || value === undefined) return undefined;
  const parts: Uint8Array[] = [];
  let size = 0n;
  for (const piece of handler.contents(value, walk)) {
    if (piece.kind === 'absent') return { problem: `its memory is not in the dump: ${piece.detail}` };
    size += piece.length;
    if (size > BigInt(MAX_MAPPING)) return { problem: 'it is too large to be a mapping' };
    parts.push(piece.kind === 'data' ? piece.bytes.slice() : new Uint8Array(Number(piece.length)));
  }
  const all = new Uint8Array(Number(size));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  let end = all.length;
  while (end > 0 && all[end - 1] === 0) end--;
  try {
    return { mapping: JSON.parse(utf8(all.subarray(0, end))) };
  } catch (error) {
    if (error instanceof SyntaxError) return { problem: `it is no JSON: ${error.message}` };
    throw error;
  }
}

function utf8(bytes: Uint8Array): string {
  return readText(new DataView(bytes.buffer, bytes.byteOffset, bytes.length), 0, bytes.length);
}
