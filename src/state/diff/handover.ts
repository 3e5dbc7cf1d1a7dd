/** Two handovers as the comparison sees them, whatever they were read from. */
import { parsePath } from '../../codec/error.js';
import type { Schema } from '../../codec/index.js';
import type { PathPart } from '../../formats/format.js';
import { type Content, handoverMeaning, REGISTRY } from '../../formats/kho/index.js';
import { handlerFor } from '../../formats/luo/index.js';
import type { Meaning, Sense } from '../../formats/meaning.js';
import type { Image } from '../../memory/index.js';
import type { HandoverState } from '../handover.js';
import type { Side } from './compare.js';
import { senseOf } from './sense.js';
import { isObject } from './values.js';

/** What the values of two handovers mean. Both know the same parts, unless one was opened with more. */
export function meaningOf(a: HandoverState, b: HandoverState): Meaning {
  return handoverMeaning((a.memory ?? b.memory)?.handover.registry ?? REGISTRY);
}

/** The two sides, and what is to be said of what was chosen. */
export function sidesOf(
  a: HandoverState,
  b: HandoverState,
): { readonly a: Side; readonly b: Side; readonly notes: readonly string[] } {
  const notes: string[] = [];
  // Two layouts of the map went by kho-v1.
  if (a.memory && b.memory && a.generation !== b.generation)
    notes.push(`A is read as kho@${a.generation ?? '?'}, B as kho@${b.generation ?? '?'}`);
  const baseA = baseOf(a, b, 'A', notes);
  const baseB = baseOf(b, a, 'B', notes);
  return { a: new HandoverSide(a, baseA), b: new HandoverSide(b, baseB), notes };
}

/**
 * A copy of debugfs has the handover that a kernel was given and the one that it prepares. Against another
 * copy both are compared; against anything else the one whose map is at the same address, or that has more of
 * the same entries.
 */
function baseOf(
  state: HandoverState,
  other: HandoverState,
  name: string,
  notes: string[],
): readonly PathPart[] {
  if (state.source !== 'debugfs' || other.source === 'debugfs') return [];
  const wanted = other.value;
  let best: { readonly base: string; readonly points: number } | undefined;
  for (const base of ['in', 'out']) {
    const side = state.value[base];
    if (!isObject(side)) continue;
    const map = mapOf(side);
    const isSame = map !== undefined && map !== 0n && map === mapOf(wanted);
    const entries = isObject(side.entries) ? side.entries : {};
    const known = isObject(wanted.entries) ? wanted.entries : {};
    const common = Object.keys(known).filter((key) => Object.hasOwn(entries, key)).length;
    const points = (isSame ? 1000 : 0) + common;
    if (best === undefined || points > best.points) best = { base, points };
  }
  if (best === undefined) return [];
  const what = best.base === 'in' ? 'what its kernel was given' : 'what its kernel prepares';
  notes.push(`of ${name}, a copy of debugfs, ${best.base}/ is compared: ${what}`);
  return [best.base];
}
function mapOf(side: Readonly<Record<string, unknown>>): unknown {
  return isObject(side.fdt) ? side.fdt['preserved-memory-map'] : undefined;
}

class HandoverSide implements Side {
  readonly value: unknown;
  readonly base: readonly PathPart[];
  // The strings say it, each for its own part.
  readonly generation = undefined;
  readonly hasMemory: boolean;
  readonly isPart: boolean;
  readonly #state: HandoverState;
  #schemas: ReadonlyMap<string, Schema> | undefined;
  #absent: readonly (readonly PathPart[])[] | undefined;

  constructor(state: HandoverState, base: readonly PathPart[]) {
    this.#state = state;
    this.base = base;
    const [name] = base;
    this.value = name === undefined ? state.value : state.value[name];
    this.hasMemory = state.memory !== undefined;
    this.isPart = state.source === 'blob';
  }

  senseAt = (path: readonly PathPart[]): Sense | undefined => {
    this.#schemas ??= new Map(this.#state.objects.map(({ path: at, schema }) => [at, schema]));
    if (this.#schemas.size === 0) return undefined;
    for (let length = path.length; length > 0; length--) {
      const schema = this.#schemas.get(textOf(path.slice(0, length)));
      if (schema !== undefined) return senseOf(schema, path.slice(length));
    }
    return undefined;
  };

  isAbsent(path: readonly PathPart[]): boolean {
    this.#absent ??= this.#state.findings.flatMap(({ rule, path: at }) =>
      rule === 'kho/memory-absent' ? [partsOf(at)] : [],
    );
    return this.#absent.some((at) => at.every((part, i) => i >= path.length || part === path[i]));
  }

  fileContents(file: unknown): Iterable<Content> | undefined {
    const { memory } = this.#state;
    if (memory === undefined || !isObject(file) || typeof file.compatible !== 'string') return undefined;
    const handler = handlerFor(file.compatible, memory.handover.registry);
    const value = handler && file[handler.key];
    return value === undefined ? undefined : handler?.contents?.(value, memory.handover.walk);
  }

  memory(address: bigint, size: bigint): Iterable<Content> | undefined {
    const { memory } = this.#state;
    return memory === undefined ? undefined : memoryContents(memory.image, address, size);
  }
}

/** As the objects of a handover have it: names are not quoted there, whatever is in them. */
function textOf(path: readonly PathPart[]): string {
  let text = '';
  for (const part of path) text += typeof part === 'number' ? `[${part}]` : text === '' ? part : `.${part}`;
  return text;
}
function partsOf(path: string): readonly PathPart[] {
  try {
    return parsePath(path);
  } catch {
    // A name with dots or brackets in it leads nowhere that could be told apart.
    return path.split(/[.[\]]+/);
  }
}

const PIECE = 1 << 20;

/** The bytes of a piece of memory, as far as the image has them. */
function* memoryContents(image: Image, address: bigint, size: bigint): Generator<Content> {
  const buffer = new Uint8Array(Math.min(PIECE, Number(size)));
  for (let offset = 0n; offset < size; ) {
    const at = address + offset;
    const place = image.at(at);
    const left = size - offset;
    const reach = place.length < left ? place.length : left;
    if (place.state === 'absent') {
      const { absent: reason, detail } = place.absence;
      yield { kind: 'absent', offset, length: reach, reason, detail, address: at };
      offset += reach;
      continue;
    }
    if (place.state === 'zero') {
      yield { kind: 'hole', offset, length: reach, because: 'zero in the dump' };
      offset += reach;
      continue;
    }
    const length = reach < BigInt(buffer.length) ? Number(reach) : buffer.length;
    const bytes = buffer.subarray(0, length);
    const [hole] = image.readInto(at, bytes);
    const there = hole === undefined ? length : Number(hole.address - at);
    if (there > 0) yield { kind: 'data', offset, length: BigInt(there), bytes: bytes.subarray(0, there) };
    if (hole !== undefined) {
      const { absent: reason, detail } = hole.absence;
      yield {
        kind: 'absent',
        offset: offset + BigInt(there),
        length: BigInt(hole.length),
        reason,
        detail,
        address: hole.address,
      };
      offset += BigInt(there + hole.length);
    } else offset += BigInt(length);
  }
}
