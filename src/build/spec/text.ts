/** The text of a spec, from its bytes. */
import { specError } from './read.js';

/** @throws `spec-syntax`, with line and column, for what is no UTF-8. */
export function specTextOf(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    const wide = (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff);
    const sound = soundPrefix(bytes);
    const before = new TextDecoder().decode(bytes.subarray(0, sound));
    const line = before.split('\n').length;
    const column = before.length - before.lastIndexOf('\n');
    throw specError(
      'spec-syntax',
      '',
      { line, column },
      wide
        ? 'a spec is text in UTF-8, and this is UTF-16'
        : `a spec is text in UTF-8, and 0x${(bytes[sound] ?? 0).toString(16).padStart(2, '0')} is none`,
    );
  }
}

/** How many bytes from the start on are UTF-8. */
function soundPrefix(bytes: Uint8Array): number {
  let low = 0;
  let high = bytes.length;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (isSound(bytes.subarray(0, middle))) low = middle;
    else high = middle - 1;
  }
  // The first byte of a character is what is wrong where the next one does not belong to it.
  while (low > 0 && !isWhole(bytes.subarray(0, low))) low--;
  return low;
}
function isWhole(bytes: Uint8Array): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}
/** Whether they begin as UTF-8; the last character may be cut off. */
function isSound(bytes: Uint8Array): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: true });
    return true;
  } catch {
    return false;
  }
}
