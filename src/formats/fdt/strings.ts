/**
 * The strings block while it is being written. A name that is already there, be it as the end of a longer
 * one, is not written again; which place it then gets is the first one from the start of the block, as in
 * libfdt and dtc.
 */
import { CarryoverError } from '../../codec/index.js';
import { textBytes } from '../../codec/text.js';

/** The parser reads no longer ones. */
const MAX_NAME = 255;

/** A name as text of one character per byte, so that the end of a name is the end of its bytes. */
function keyOf(name: string): string {
  const bytes = textBytes(name);
  if (bytes === undefined || bytes.includes(0) || bytes.length > MAX_NAME)
    throw new CarryoverError('fdt-unwritable', 'this cannot be the name of a property', {
      expected: `text without a NUL, at most ${MAX_NAME} bytes`,
      found: JSON.stringify(name.slice(0, 64)),
    });
  return bytesKey(bytes);
}
function bytesKey(bytes: Uint8Array): string {
  let key = '';
  for (const byte of bytes) key += String.fromCharCode(byte);
  return key;
}
function keyBytes(key: string): Uint8Array {
  return Uint8Array.from(key, (char) => char.charCodeAt(0));
}

/** A block to whose end names are added, as dtc and `fdt_setprop` do. */
export class AppendedStrings {
  readonly #places = new Map<string, number>();
  readonly #parts: Uint8Array[] = [];
  #size = 0;

  /** `base` is what the block begins with. */
  constructor(base: Uint8Array = new Uint8Array()) {
    let start = 0;
    for (let end = base.indexOf(0); end >= 0; end = base.indexOf(0, start)) {
      const from = Math.max(start, end - MAX_NAME);
      this.#index(bytesKey(base.subarray(from, end)), from);
      start = end + 1;
    }
    this.#push(base);
    // What follows the last NUL would run into the first name that is added.
    if (start < base.length) this.#push(Uint8Array.of(0));
  }

  /** The offset of the name, which is added if it is not there. */
  place(name: string): number {
    const key = keyOf(name);
    const found = this.#places.get(key);
    if (found !== undefined) return found;
    const at = this.#size;
    this.#index(key, at);
    this.#push(keyBytes(`${key}\0`));
    return at;
  }

  bytes(): Uint8Array {
    const all = new Uint8Array(this.#size);
    let at = 0;
    for (const part of this.#parts) {
      all.set(part, at);
      at += part.length;
    }
    return all;
  }

  #index(key: string, at: number): void {
    for (let i = 0; i <= key.length; i++) {
      const end = key.slice(i);
      if (!this.#places.has(end)) this.#places.set(end, at + i);
    }
  }
  #push(part: Uint8Array): void {
    this.#parts.push(part);
    this.#size += part.length;
  }
}

/** A block to whose start names are added, as libfdt's sequential write does; it has its place at the end. */
export class PrependedStrings {
  /** Places counted from the end of the block. */
  readonly #places = new Map<string, number>();
  readonly #keys: string[] = [];
  #size = 0;

  /** Adds the name if it is not there. Gives its place counted from the end of the block, as it is now. */
  place(name: string): number {
    const key = keyOf(name);
    const found = this.#places.get(key);
    if (found !== undefined) return found;
    this.#size += key.length + 1;
    // The new name is the first in the block, so its ends are found before those of the others.
    for (let i = 0; i <= key.length; i++) this.#places.set(key.slice(i), this.#size - i);
    this.#keys.push(key);
    return this.#size;
  }

  bytes(): Uint8Array {
    return keyBytes(
      [...this.#keys]
        .reverse()
        .map((key) => `${key}\0`)
        .join(''),
    );
  }
}
