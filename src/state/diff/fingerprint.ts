/** A number for what a value means, so that equal elements of lists find each other. */
import type { PathPart } from '../../formats/format.js';
import type { Meaning, MeaningOf, Sense } from '../../formats/meaning.js';
import { isList, isNothing, isObject } from './values.js';

type SenseAt = (path: readonly PathPart[]) => Sense | undefined;

/** Senses that say nothing of what is compared. */
const LEFT_OUT: ReadonlySet<Sense> = new Set([
  'derived',
  'unknown',
  'summary',
  'machine',
  'generation',
  'word',
]);
const MAX_DEPTH = 64;

/**
 * Equal for values that mean the same; for others different but by rare accident, so that whoever pairs by it
 * compares all the same. The fields of `key`, if given, are left out.
 */
export function fingerprint(
  value: unknown,
  meaning: Meaning,
  path: readonly PathPart[],
  senseAt: SenseAt,
  addresses: boolean,
  key?: Meaning['key'],
): number {
  const printer = new Printer(senseAt, addresses, new Set(typeof key === 'string' ? [key] : key));
  printer.value(value, meaning, [...path], '', 0);
  return printer.done();
}

class Printer {
  readonly #senseAt: SenseAt;
  readonly #addresses: boolean;
  readonly #key: ReadonlySet<string>;
  #high = 0x811c9dc5;
  #low = 0x9747b28c;

  constructor(senseAt: SenseAt, addresses: boolean, key: ReadonlySet<string>) {
    this.#senseAt = senseAt;
    this.#addresses = addresses;
    this.#key = key;
  }
  done(): number {
    return (this.#high >>> 0) * 0x200000 + (this.#low >>> 11);
  }
  #word(word: number): void {
    this.#high = Math.imul(this.#high ^ word, 0x01000193);
    this.#low = Math.imul(this.#low ^ ((word << 7) | (word >>> 25)), 0x85ebca6b) ^ (this.#low >>> 15);
  }
  #text(text: string): void {
    this.#word(text.length);
    for (let i = 0; i < text.length; i++) this.#word(text.charCodeAt(i));
  }

  value(value: unknown, meaning: Meaning, path: PathPart[], inner: string, depth: number): void {
    if (isNothing(value) || this.#key.has(inner) || depth > MAX_DEPTH || meaning.maybe === true) return;
    if (this.#isLeftOut(meaning.is)) return;
    if (value instanceof Uint8Array) {
      this.#word(value.length);
      for (const byte of value) this.#word(byte);
    } else if (isList(value)) {
      if (meaning.stretches !== undefined) return;
      this.#word(value.length);
      let index = 0;
      for (const element of value) {
        path.push(index);
        this.value(element, one(meaning.each, element), path, join(inner, index), depth + 1);
        path.pop();
        index++;
      }
    } else if (isObject(value)) {
      for (const name of Object.keys(value).sort()) {
        const member = value[name];
        if (isNothing(member)) continue;
        const declared = Object.hasOwn(meaning.fields ?? {}, name) ? meaning.fields?.[name] : meaning.each;
        this.#text(name);
        path.push(name);
        this.value(member, one(declared, member), path, join(inner, name), depth + 1);
        path.pop();
      }
    } else {
      if (meaning.is === undefined && typeof value !== 'string' && this.#isLeftOut(this.#senseAt(path)))
        return;
      this.#text(`${typeof value}${String(value)}`);
    }
  }
  #isLeftOut(sense: Sense | undefined): boolean {
    if (sense === 'address' || sense === 'layout') return !this.#addresses;
    return sense !== undefined && LEFT_OUT.has(sense);
  }
}

function one(meaning: MeaningOf | undefined, value: unknown): Meaning {
  return typeof meaning === 'function' ? meaning(value) : (meaning ?? {});
}
function join(path: string, part: PathPart): string {
  return path === '' ? String(part) : `${path}.${part}`;
}
