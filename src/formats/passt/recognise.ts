/**
 * Telling passt's streams from other bytes, and its generations from each other.
 *
 * The merged format and a draft from a big-endian machine begin with the same 12 bytes (magic, version 1);
 * what follows tells them apart: a compat_version in the one, a pointer size and other sizes in the other.
 */
import type { Recognition } from '../format.js';
import { DRAFT_SIZE } from './draft-schema.js';
import type { GenerationName } from './generations.js';
import { HEADER_SIZE, MAGIC, MAGIC_SWAPPED } from './schema.js';
import { otherSizeFits } from './walk.js';

/** The magic number in big-endian order. */
export const MAGIC_BYTES = bytesOf(MAGIC);
const SWAPPED_BYTES = bytesOf(MAGIC_SWAPPED);
const PASSTY_BYTES = Uint8Array.from('{passty}', (char) => char.charCodeAt(0));
const PLACEHOLDER_BYTES = Uint8Array.of(0x50, 0x41, 0x53, 0x53, 0x54, 0);

function bytesOf(value: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, value);
  return bytes;
}

/** Looks at the bytes; undefined if they are not passt's. Never throws. */
export function recognise(bytes: Uint8Array): Recognition | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (startsWith(bytes, PLACEHOLDER_BYTES))
    return found('placeholder', bytes.length === 6 ? 1 : 0.6, 'it begins with "PASST" and a NUL');
  if (startsWith(bytes, PASSTY_BYTES))
    return found('passty', 1, 'it begins with {passty}, as one unmerged revision did');
  if (bytes.length < 2) return undefined;
  if (bytes.length < 8) return recognisePrefix(bytes);

  const big = matching(bytes, MAGIC_BYTES);
  const little = matching(bytes, SWAPPED_BYTES);
  // Damage to a byte or two must not keep people from seeing the rest.
  if (Math.max(big, little) < 6) return undefined;
  const exact = big === 8 || little === 8;
  const magic = exact
    ? 'the magic number is right'
    : 'all but one or two bytes of the magic number are right';
  const draft = draftScore(view);
  if (little > big) {
    // Only drafts write the magic number in host order. A merged stream with a reversed one is damaged.
    if (bytes.length < HEADER_SIZE || draft >= 3 || !mergedHeader(view))
      return found(
        'draft',
        exact ? 1 : 0.5,
        `${magic} in reversed byte order, and only the drafts wrote it in the byte order of their machine`,
      );
    return merged(view, 0.4, 'the magic number is in reversed byte order, but what follows is merged');
  }
  if (bytes.length >= HEADER_SIZE && draft >= 4)
    return found(
      'draft',
      exact ? 1 : 0.5,
      `${magic} in byte order, and the words after it are a pointer size, a time_t size and the sizes of structs: a draft from a big-endian machine`,
    );
  return merged(view, exact ? 1 : 0.5, `${magic} in byte order, as in every merged version`);
}

/** The generation of a merged stream: its versions decide, as they do for a target. */
function merged(view: DataView, confidence: number, why: string): Recognition {
  if (view.byteLength < HEADER_SIZE) {
    const one = view.byteLength >= 12 && view.getUint32(8) === 1;
    return found(one ? 'v1' : 'v2', confidence * 0.8, why, 'the header is cut off');
  }
  const version = view.getUint32(8);
  const compat = view.getUint32(12);
  const versions = `version ${version}, compat_version ${compat}`;
  if (version === 0 || compat === 0 || compat > 2 || compat > version)
    return found('unsupported', confidence * 0.8, why, `${versions}: no known passt takes that`);
  if (version === 1) {
    const drift = otherSizeFits(view, 48) ? ', though its extended records look like those of version 2' : '';
    const short =
      view.byteLength === 16 || view.byteLength === 58
        ? `; ${view.byteLength} bytes would also be a whole stream of an unreleased skeleton (--as passt@${view.byteLength === 16 ? 'skeleton-header' : 'skeleton-addresses'})`
        : '';
    return found('v1', confidence, why, `${versions}${drift}${short}`);
  }
  if (version === 2) return found('v2', confidence, why, versions);
  return found(
    'newer',
    confidence * 0.9,
    why,
    `${versions}: newer than all that is known, and it allows readers of version 2 to read it as that`,
  );
}

/** Of a few bytes only the beginning of a magic number can be told. */
function recognisePrefix(bytes: Uint8Array): Recognition | undefined {
  const cut = 'the input ends within the magic number';
  if (prefixOf(bytes, MAGIC_BYTES)) return found('v2', 0.3, cut);
  if (prefixOf(bytes, SWAPPED_BYTES)) return found('draft', 0.3, cut);
  if (bytes.length > 2 && prefixOf(bytes, PLACEHOLDER_BYTES)) return found('placeholder', 0.2, cut);
  if (bytes.length > 2 && prefixOf(bytes, PASSTY_BYTES)) return found('passty', 0.2, cut);
  return undefined;
}

function found(generation: GenerationName, confidence: number, ...because: string[]): Recognition {
  return { generation, confidence, because };
}

/** How many of the draft's fields, read as such, hold what a draft holds: 0 to 6. */
function draftScore(view: DataView): number {
  const word = (at: number): number => (at + 4 <= view.byteLength ? view.getUint32(at) : -1);
  const checks = [
    word(8) === 1,
    word(12) === 4 || word(12) === 8,
    word(16) === 4 || word(16) === 8,
    word(20) === 120 || word(20) === 128,
    word(24) === 3 || word(24) === 4,
    view.byteLength >= DRAFT_SIZE,
  ];
  return checks.filter(Boolean).length;
}

/** Whether the two words after the magic number can be a version and what it is compatible with. */
function mergedHeader(view: DataView): boolean {
  const version = view.getUint32(8);
  const compat = view.getUint32(12);
  return compat >= 1 && compat <= version && version <= 16;
}

function matching(bytes: Uint8Array, wanted: Uint8Array): number {
  let same = 0;
  for (let i = 0; i < wanted.length; i++) if (bytes[i] === wanted[i]) same++;
  return same;
}
function startsWith(bytes: Uint8Array, wanted: Uint8Array): boolean {
  return bytes.length >= wanted.length && matching(bytes, wanted) === wanted.length;
}
function prefixOf(bytes: Uint8Array, whole: Uint8Array): boolean {
  return bytes.every((byte, i) => byte === whole[i]);
}
