/** What an edit changes, as people read it: old and new values and bytes, and where they stand. */
import type { Edited, Extent, FileWrite, Step } from '../build/edit/index.js';
import type { Image } from '../memory/index.js';
import { wrap } from './findings-text.js';
import type { Style } from './style.js';

const ROW = 16;
/** Rows of bytes that are shown of one field. */
const MAX_ROWS = 8;
const MAX_STEPS = 200;

/** Each field that changes. */
export function* stepsText({ steps }: Edited, image: Image, style: Style, columns: number): Iterable<string> {
  for (const step of steps.slice(0, MAX_STEPS)) {
    const note = step.derived ? '  (follows)' : '';
    yield `${style.name(step.path)}  ${style.dim(`${step.type}${note}`)}`;
    for (const [i, line] of wrap(placeText(step, image), columns - 2).entries())
      yield `${i === 0 ? '  ' : '    '}${style.dim(line)}`;
    if (step.before !== '' || step.after !== '')
      yield `  ${style.value(step.before)} → ${step.before === step.after ? style.dim('the same') : style.value(step.after)}`;
    yield* bytesRows(step.oldBytes, step.newBytes, style);
  }
  if (steps.length > MAX_STEPS) yield style.dim(`… ${steps.length - MAX_STEPS} more`);
}

function placeText({ extents, bits }: Step, image: Image): string {
  const [first] = extents;
  if (first === undefined) return '';
  const where = `${first.size === 1 ? '1 byte' : `${first.size} bytes`} at 0x${first.address.toString(16)}${fileText(first, image)}`;
  const part =
    bits === undefined
      ? ''
      : `, ${bits.count === 1 ? `bit ${bits.first}` : `bits ${bits.first} to ${bits.first + bits.count - 1}`}`;
  const more = extents.length === 1 ? '' : `; the first of ${extents.length} places`;
  return `${where}${part}${more}`;
}

function fileText({ address }: Extent, image: Image): string {
  const place = image.at(address);
  const inner = image.layers.length > 1 ? 'the unpacked file' : 'the file';
  if (place.state === 'data' && place.stored === 'plain')
    return `, offset 0x${place.fileOffset.toString(16)} of ${inner}`;
  if (place.state === 'zero' && place.fileOffset !== undefined)
    return `, in a hole at 0x${place.fileOffset.toString(16)} of ${inner}`;
  return ', in a page that is stored compressed';
}

/** Rows of which something differs, the old one above the new one. */
export function* bytesRows(before: Uint8Array, after: Uint8Array, style: Style): Iterable<string> {
  const length = Math.max(before.length, after.length);
  let rows = 0;
  for (let at = 0; at < length; at += ROW) {
    const old = before.subarray(at, at + ROW);
    const fresh = after.subarray(at, at + ROW);
    if (old.length === fresh.length && old.every((byte, i) => byte === fresh[i])) continue;
    if (rows++ >= MAX_ROWS) {
      yield style.dim('  …');
      return;
    }
    const place = length > ROW ? `${`+0x${at.toString(16)}`.padEnd(7)}` : '';
    if (old.length > 0) yield `  - ${place}${hexText(old, fresh, style.severity.error)}`;
    if (fresh.length > 0) yield `  + ${place}${hexText(fresh, old, style.good)}`;
  }
}
function hexText(bytes: Uint8Array, other: Uint8Array, paint: (text: string) => string): string {
  return [...bytes]
    .map((byte, i) => {
      const text = byte.toString(16).padStart(2, '0');
      return byte === other[i] ? text : paint(text);
    })
    .join(' ');
}

/** What of the file is written. */
export function writesText(writes: readonly FileWrite[], size: number): string {
  const bytes = writes.reduce((sum, write) => sum + write.bytes.length, 0);
  const end = writes.reduce((most, write) => Math.max(most, write.offset + write.bytes.length), size);
  if (bytes === 0) return 'nothing changes';
  const grown = end > size ? `; it grows by ${end - size}` : '';
  return `${bytes === 1 ? '1 byte' : `${bytes} bytes`} of the file ${bytes === 1 ? 'changes' : 'change'}, at ${writes.length === 1 ? '1 place' : `${writes.length} places`}${grown}`;
}
