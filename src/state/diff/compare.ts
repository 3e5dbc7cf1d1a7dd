/**
 * Two values compared by what they mean: along what their formats declare of them, and as plain values where
 * these declare nothing.
 */
import type { PathPart } from '../../formats/format.js';
import type { Content } from '../../formats/kho/index.js';
import type { Meaning, MeaningOf, Sense } from '../../formats/meaning.js';
import { align } from './align.js';
import { sameBytes } from './bytes-equal.js';
import { compareContents } from './contents.js';
import { Recorder, Trail } from './difference.js';
import { fingerprint } from './fingerprint.js';
import { keyReader } from './keys.js';
import { compareStretches, type StretchDifference } from './stretches.js';
import { isList, isNothing, isObject, type List } from './values.js';

/** One of the two, and what lies behind its value. */
export interface Side {
  readonly value: unknown;
  /** Where that value is in all that the input says. */
  readonly base: readonly PathPart[];
  /** Short and stable: `kho@v4`. */
  readonly generation: string | undefined;
  /** Whether there is memory behind the pointers. */
  readonly hasMemory: boolean;
  /** Whether it is a part of something, so that what it lacks is only elsewhere. */
  readonly isPart: boolean;
  /** What the schemas say of a part of the value. */
  senseAt(path: readonly PathPart[]): Sense | undefined;
  /** Whether memory is missing at a path or above it, or below it. */
  isAbsent(path: readonly PathPart[]): boolean;
  /** The bytes of a preserved file; undefined where nobody knows them. */
  fileContents(file: unknown): Iterable<Content> | undefined;
  /** The bytes of a piece of memory; undefined where there is none. */
  memory(address: bigint, size: bigint): Iterable<Content> | undefined;
}

export interface CompareOptions {
  /** Where things lie and how they are stored is compared as well. */
  readonly addresses?: boolean | undefined;
}

/** Levels that are compared. */
const MAX_DEPTH = 256;
/** Lists of more elements are compared by place. */
const MAX_ALIGNED = 1 << 18;
const NOTHING: Meaning = {};
const NO_MEMORY = 'it is in the memory behind the pointers, which is not in both';

interface StretchTotal {
  readonly first: StretchDifference;
  count: number;
  length: number;
}

/** Whether the generations of the two differ here, and where the fields that only one has are noted. */
interface Scope {
  readonly note: { readonly onlyA: string[]; readonly onlyB: string[] } | undefined;
}

/** Compares two values. */
export function compare(a: Side, b: Side, meaning: Meaning, options: CompareOptions = {}): Recorder {
  const comparison = new Comparison(a, b, options);
  comparison.run(meaning);
  return comparison.recorder;
}

class Comparison {
  readonly recorder: Recorder;
  readonly #a: Side;
  readonly #b: Side;
  readonly #addresses: boolean;
  /** What is only told where nothing else differs in the element that it belongs to. */
  #deferred: (() => void)[] = [];

  constructor(a: Side, b: Side, options: CompareOptions) {
    this.#a = a;
    this.#b = b;
    this.recorder = new Recorder(a.base, b.base);
    this.#addresses = options.addresses ?? false;
  }

  run(meaning: Meaning): void {
    const { generation: a } = this.#a;
    const { generation: b } = this.#b;
    const root = new Trail(undefined, '', undefined, undefined);
    const differs = a !== undefined && b !== undefined && a !== b;
    const note = differs ? this.recorder.context('generation', root, a, b) : undefined;
    this.#scoped(() => this.#values(this.#a.value, this.#b.value, meaning, root, { note }));
  }

  /** An element of its own: what follows from its parts is told if they do not differ. */
  #scoped(work: () => void): void {
    const outer = this.#deferred;
    this.#deferred = [];
    const before = this.recorder.count;
    work();
    const deferred = this.#deferred;
    this.#deferred = [];
    if (this.recorder.count === before) for (const tell of deferred) tell();
    this.#deferred = outer;
  }

  #values(a: unknown, b: unknown, meaning: Meaning, trail: Trail, scope: Scope): void {
    if (meaning.is === 'unknown') return;
    if (isNothing(a) && isNothing(b)) return;
    if (trail.depth > MAX_DEPTH) {
      this.recorder.add('not-comparable', trail, { because: `it is more than ${MAX_DEPTH} levels deep` });
      return;
    }
    if (meaning.needs === 'memory' && !(this.#a.hasMemory && this.#b.hasMemory)) {
      this.recorder.add('not-comparable', trail, { because: NO_MEMORY });
      return;
    }
    if (isNothing(a) || isNothing(b)) this.#one(a, b, meaning, trail, scope);
    else if (meaning.stretches !== undefined && isList(a) && isList(b))
      this.#stretches(a, b, meaning.stretches, trail);
    else if (meaning.is === 'layout' && !this.#addresses) return;
    else if (meaning.is === 'derived' && (isObject(a) || isList(a)))
      this.#deferred.push(() => this.#values(a, b, { ...meaning, is: 'value' }, trail, scope));
    else if (a instanceof Uint8Array && b instanceof Uint8Array) {
      if (!sameBytes(a, b)) this.#leaf(a, b, meaning, trail);
    } else if (isList(a) && isList(b)) this.#lists(a, b, meaning, trail, scope);
    else if (isObject(a) && isObject(b)) this.#objects(a, b, meaning, trail, scope);
    else if (!Object.is(a, b)) this.#leaf(a, b, meaning, trail);
  }

  #senseOf(meaning: Meaning, trail: Trail): Sense {
    if (meaning.is !== undefined) return meaning.is;
    const a = trail.parts('a');
    const b = trail.parts('b');
    return (a && this.#a.senseAt(a)) ?? (b && this.#b.senseAt(b)) ?? 'value';
  }

  /** Two scalars, bytes, or things of different kinds, that are not the same. */
  #leaf(a: unknown, b: unknown, meaning: Meaning, trail: Trail): void {
    const changed = (): void => this.recorder.add('changed', trail, { a, b });
    const sense = this.#senseOf(meaning, trail);
    switch (sense) {
      case 'value':
        changed();
        return;
      case 'address':
        if (this.#addresses) changed();
        else if (isNone(a) !== isNone(b)) this.#deferred.push(changed);
        return;
      case 'layout':
        if (this.#addresses) changed();
        return;
      case 'derived':
        this.#deferred.push(changed);
        return;
      case 'word':
        this.recorder.add('not-comparable', trail, {
          a,
          b,
          because: 'nobody knows whether it is an address or a value',
        });
        return;
      case 'generation':
        if (familyOf(a) === familyOf(b)) this.recorder.context('generation', trail, a, b);
        else changed();
        return;
      case 'machine':
      case 'summary':
        this.recorder.context(sense, trail, a, b);
        return;
      case 'unknown':
        return;
    }
  }

  /** What only one of them has. */
  #one(a: unknown, b: unknown, meaning: Meaning, trail: Trail, scope: Scope, isElement = false): void {
    const lacking = isNothing(a) ? this.#a : this.#b;
    const because = (text: string): void =>
      this.recorder.add('not-comparable', trail, { a, b, because: text });
    const { is } = meaning;
    if (is === 'unknown' || (is === 'layout' && !this.#addresses)) return;
    if (meaning.maybe === true) {
      // A part that says nothing of it is the ordinary case, of which nobody needs to hear.
      if (!lacking.isPart) because(`only ${isNothing(a) ? 'B' : 'A'} says it`);
      return;
    }
    if (is === 'machine' || is === 'summary') return;
    if (is === 'generation') {
      this.recorder.context(is, trail, a, b);
      return;
    }
    // A pointer that leads nowhere is 0; one that is left out is not known.
    if (this.#senseOf(meaning, trail) === 'address' && !this.#addresses) return;
    const parts = trail.up?.parts(isNothing(a) ? 'a' : 'b');
    if (parts !== undefined && lacking.isAbsent([...parts, trail.a ?? trail.b ?? ''])) {
      because('its memory is not in the dump');
      return;
    }
    const tell = (): void =>
      this.recorder.add(isNothing(a) ? 'added' : 'removed', trail, isNothing(a) ? { b } : { a });
    if (!isElement && scope.note !== undefined) {
      const fields = isNothing(a) ? scope.note.onlyB : scope.note.onlyA;
      if (!fields.includes(trail.shape)) fields.push(trail.shape);
    } else if (is === 'derived') this.#deferred.push(tell);
    else tell();
  }

  // --- objects ---------------------------------------------------------------------------------------------

  #objects(
    a: Readonly<Record<string, unknown>>,
    b: Readonly<Record<string, unknown>>,
    meaning: Meaning,
    trail: Trail,
    scope: Scope,
  ): void {
    const inner = this.#scopeOf(a, b, meaning, trail, scope);
    for (const name of namesOf(a, b)) {
      const [x, y] = [own(a, name), own(b, name)];
      const at = trail.field(name);
      const declared = Object.hasOwn(meaning.fields ?? {}, name) ? meaning.fields?.[name] : meaning.each;
      const of = resolve(declared, x, y);
      if (meaning.map === true) {
        // What a part does not have is in the rest of it.
        if ((isNothing(x) && this.#a.isPart) || (isNothing(y) && this.#b.isPart)) continue;
        this.#scoped(() => {
          if (isNothing(x) !== isNothing(y)) this.#one(x, y, of, at, inner, true);
          else this.#values(x, y, of, at, inner);
        });
      } else if (of.incomplete !== undefined && isList(x) && isList(y))
        this.#lists(x, y, of, at, inner, isTrue(own(a, of.incomplete)), isTrue(own(b, of.incomplete)));
      else this.#values(x, y, of, at, inner);
    }
    if (meaning.content !== undefined) this.#contents(a, b, meaning.content, trail);
  }

  /** The object's own generation, where it says one. */
  #scopeOf(
    a: Readonly<Record<string, unknown>>,
    b: Readonly<Record<string, unknown>>,
    { fields }: Meaning,
    trail: Trail,
    scope: Scope,
  ): Scope {
    for (const [name, field] of Object.entries(fields ?? {})) {
      if (typeof field === 'function' || field.is !== 'generation') continue;
      const [x, y] = [own(a, name), own(b, name)];
      if (typeof x !== 'string' || typeof y !== 'string') continue;
      if (x === y || familyOf(x) !== familyOf(y)) return { note: undefined };
      // Counted when the field itself is compared.
      const note = this.recorder.context('generation', trail.field(name), x, y, 0);
      return { note };
    }
    return scope;
  }

  // --- lists -----------------------------------------------------------------------------------------------

  #lists(
    a: List,
    b: List,
    meaning: Meaning,
    trail: Trail,
    scope: Scope,
    incompleteA = false,
    incompleteB = false,
  ): void {
    if (meaning.needs === 'memory' && !(this.#a.hasMemory && this.#b.hasMemory)) {
      this.recorder.add('not-comparable', trail, { because: NO_MEMORY });
      return;
    }
    const pair = (x: unknown, y: unknown, at: Trail): void => {
      const of = resolve(meaning.each, x, y);
      this.#scoped(() => {
        if (isNothing(x) === isNothing(y)) this.#values(x, y, of, at, scope);
        else if (isNothing(x) ? incompleteA : incompleteB)
          this.recorder.add('not-comparable', at, {
            a: x,
            b: y,
            because: `not all of the list could be read in ${isNothing(x) ? 'A' : 'B'}`,
          });
        else this.#one(x, y, of, at, scope, true);
      });
    };
    const { key } = meaning;
    const [listA, listB] = [[...a], [...b]];
    const keyOf = key === undefined ? undefined : keyReader(key);
    const keysA = keyOf && listA.map(keyOf);
    const keysB = keyOf && listB.map(keyOf);
    if (keysA === undefined || keysB === undefined || keysA.includes(undefined) || keysB.includes(undefined))
      this.#byPlace(listA, listB, meaning, trail, pair);
    else this.#byKey(listA, listB, keysA, keysB, meaning, trail, pair);
  }

  #byPlace(
    a: readonly unknown[],
    b: readonly unknown[],
    meaning: Meaning,
    trail: Trail,
    pair: (x: unknown, y: unknown, at: Trail) => void,
  ): void {
    const longest = Math.max(a.length, b.length);
    if (a.length === b.length || longest > MAX_ALIGNED) {
      // Of lists of one length, elements were more likely changed than moved.
      for (let i = 0; i < longest; i++)
        pair(
          a[i],
          b[i],
          trail.element(() => String(i), i < a.length ? i : undefined, i < b.length ? i : undefined),
        );
      return;
    }
    const printsA = a.map((element, i) => this.#print(element, meaning, trail, 'a', i));
    const printsB = b.map((element, i) => this.#print(element, meaning, trail, 'b', i));
    for (const [i, j] of align(printsA, printsB)) {
      const label = (): string => (i === j || j < 0 ? String(i) : i < 0 ? String(j) : `${i}→${j}`);
      pair(
        i < 0 ? undefined : a[i],
        j < 0 ? undefined : b[j],
        trail.element(label, i < 0 ? undefined : i, j < 0 ? undefined : j),
      );
    }
  }

  #print(
    element: unknown,
    meaning: Meaning,
    trail: Trail,
    side: 'a' | 'b',
    index: number,
    key?: Meaning['key'],
  ): number {
    const { senseAt } = side === 'a' ? this.#a : this.#b;
    const path = [...(trail.parts(side) ?? []), index];
    return fingerprint(
      element,
      resolve(meaning.each, element, undefined),
      path,
      senseAt,
      this.#addresses,
      key,
    );
  }

  #byKey(
    a: readonly unknown[],
    b: readonly unknown[],
    keysA: readonly (string | undefined)[],
    keysB: readonly (string | undefined)[],
    meaning: Meaning,
    trail: Trail,
    pair: (x: unknown, y: unknown, at: Trail) => void,
  ): void {
    // Of several elements of one key, the first belongs to the first, and so on.
    const places = new Map<string, number[]>();
    for (const [j, key] of keysB.entries()) {
      const known = places.get(key ?? '');
      if (known === undefined) places.set(key ?? '', [j]);
      else known.push(j);
    }
    const next = new Map<string, number>();
    const counterparts = new Int32Array(a.length).fill(-1);
    const taken = new Uint8Array(b.length);
    for (const [i, key] of keysA.entries()) {
      const nth = next.get(key ?? '') ?? 0;
      const j = places.get(key ?? '')?.[nth];
      next.set(key ?? '', nth + 1);
      if (j === undefined) continue;
      counterparts[i] = j;
      taken[j] = 1;
    }
    this.#renamed(a, b, counterparts, taken, meaning, trail);
    const label = (element: unknown, key: string | undefined) => (): string =>
      meaning.keyText?.(element) ?? key ?? '';
    for (const [i, j] of counterparts.entries())
      pair(a[i], j < 0 ? undefined : b[j], trail.element(label(a[i], keysA[i]), i, j < 0 ? undefined : j));
    for (const [j, isTaken] of taken.entries())
      if (isTaken === 0) pair(undefined, b[j], trail.element(label(b[j], keysB[j]), undefined, j));
  }

  /** Elements that are equal but for their keys: one whose name was changed is no other one. */
  #renamed(
    a: readonly unknown[],
    b: readonly unknown[],
    counterparts: Int32Array,
    taken: Uint8Array,
    meaning: Meaning,
    trail: Trail,
  ): void {
    const free = new Map<number, number[]>();
    for (const [j, isTaken] of taken.entries()) {
      if (isTaken !== 0) continue;
      const print = this.#print(b[j], meaning, trail, 'b', j, meaning.key);
      const known = free.get(print);
      if (known === undefined) free.set(print, [j]);
      else known.push(j);
    }
    if (free.size === 0) return;
    // From the last on: the places of a fingerprint are taken from their end.
    for (const list of free.values()) list.reverse();
    for (const [i, j] of counterparts.entries()) {
      if (j >= 0) continue;
      const found = free.get(this.#print(a[i], meaning, trail, 'a', i, meaning.key))?.pop();
      if (found === undefined) continue;
      counterparts[i] = found;
      taken[found] = 1;
    }
  }

  // --- bytes -----------------------------------------------------------------------------------------------

  #stretches(a: List, b: List, stretchOf: NonNullable<Meaning['stretches']>, trail: Trail): void {
    const stretches = function* (list: List) {
      for (const element of list) {
        const stretch = stretchOf(element);
        if (stretch !== undefined) yield stretch;
      }
    };
    const restartable = (list: List) => ({ [Symbol.iterator]: () => stretches(list) });
    // All stretches of a list are one difference: they have one cause more often than many.
    const found = new Map<string, StretchTotal>();
    for (const difference of compareStretches(restartable(a), restartable(b), this.#addresses)) {
      const { name, from, to } = difference;
      const total = found.get(name);
      if (total === undefined) found.set(name, { first: difference, count: 1, length: to - from });
      else {
        total.count++;
        total.length += to - from;
      }
    }
    for (const [name, { first, count, length }] of found)
      this.recorder.add('changed', trail.field(name), {
        a: first.a,
        b: first.b,
        because:
          count === 1
            ? `at ${stretchText(first.from, first.to)}`
            : `first at ${stretchText(first.from, first.to)}, ${length} in ${count} stretches`,
      });
  }

  #contents(
    a: Readonly<Record<string, unknown>>,
    b: Readonly<Record<string, unknown>>,
    content: NonNullable<Meaning['content']>,
    trail: Trail,
  ): void {
    const at = trail.field('content');
    const one = contentOf(this.#a, a, content);
    const other = contentOf(this.#b, b, content);
    if (one === undefined || other === undefined) {
      if (content === 'file' || content.head === undefined) {
        if (this.#a.hasMemory && this.#b.hasMemory) return;
        this.recorder.add('not-comparable', at, { because: NO_MEMORY });
        return;
      }
      const [headA, headB] = [own(a, content.head), own(b, content.head)];
      if (!(headA instanceof Uint8Array && headB instanceof Uint8Array)) return;
      if (!sameBytes(headA, headB)) this.recorder.add('changed', at, { a: headA, b: headB });
      else if (BigInt(headA.length) < sizeOf(own(a, content.size)))
        this.recorder.add('not-comparable', at, {
          because: `only its first ${headA.length} bytes are in both, and equal`,
        });
      return;
    }
    const { changed, spans, absentA, absentB, absentBoth, detail } = compareContents(one, other);
    if (changed > 0n) this.recorder.add('changed', at, { bytes: changed, spans });
    const absent = absentA + absentB + absentBoth;
    if (absent === 0n) return;
    const where = [
      ...(absentA > 0n ? ['A'] : []),
      ...(absentB > 0n ? ['B'] : []),
      ...(absentBoth > 0n ? ['both'] : []),
    ].join(' and ');
    this.recorder.add('not-comparable', at, {
      bytes: absent,
      because: `its memory is absent in ${where}${detail === undefined ? '' : `: ${detail}`}`,
    });
  }
}

function contentOf(
  side: Side,
  value: Readonly<Record<string, unknown>>,
  content: NonNullable<Meaning['content']>,
): Iterable<Content> | undefined {
  if (content === 'file') return side.fileContents(value);
  const address = own(value, content.address);
  return typeof address === 'bigint' ? side.memory(address, sizeOf(own(value, content.size))) : undefined;
}
function sizeOf(size: unknown): bigint {
  return typeof size === 'bigint' ? size : typeof size === 'number' ? BigInt(size) : 0n;
}

function resolve(meaning: MeaningOf | undefined, a: unknown, b: unknown): Meaning {
  if (typeof meaning !== 'function') return meaning ?? NOTHING;
  if (isNothing(a)) return meaning(b);
  const one = meaning(a);
  if (isNothing(b) || one.is === 'unknown') return one;
  const other = meaning(b);
  return other.is === 'unknown' ? other : one;
}

function own(value: Readonly<Record<string, unknown>>, name: string): unknown {
  return Object.hasOwn(value, name) ? value[name] : undefined;
}
function namesOf(a: object, b: object): Iterable<string> {
  const names = Object.keys(a);
  if (names.length === Object.keys(b).length && names.every((name) => Object.hasOwn(b, name))) return names;
  const known = new Set(names);
  for (const name of Object.keys(b)) if (!known.has(name)) names.push(name);
  return names;
}
function isTrue(value: unknown): boolean {
  return value === true;
}
/** An address that leads nowhere. */
function isNone(value: unknown): boolean {
  return value === 0n || value === 0 || isNothing(value);
}
/** `memfd` of `memfd-v2`: generations of one family say the same in different ways. */
function familyOf(value: unknown): string {
  return typeof value === 'string' ? value.replace(/-?v\d[^;]*(;.*)?$/, '') : typeof value;
}
function stretchText(from: number, to: number): string {
  return to === from + 1 ? String(from) : `${from}..${to - 1}`;
}
