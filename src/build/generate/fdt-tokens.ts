/**
 * Device trees token by token, for what no writer of sound trees would write: NOPs, blocks in another order, and
 * everything that is wrong.
 */
import { FDT_MAGIC, headerSize, TOKEN } from '../../formats/fdt/schema.js';

/** A token of the structure block, or bytes that stand in place of some. */
export type Token =
  | { readonly begin: string }
  | { readonly property: string; readonly value: Uint8Array }
  | { readonly raw: readonly number[] }
  | 'end-node'
  | 'nop'
  | 'end';

export type Block = 'reservations' | 'structure' | 'strings';

export interface Assembly {
  readonly version: number;
  /** Names of nodes as they are to stand there: before version 16 the full paths. */
  readonly tokens: readonly Token[];
  /** Pairs of address and size, without the one that ends them. */
  readonly reservations?: readonly (readonly [address: bigint, size: bigint])[];
  /** The pair that ends them; none if undefined is given. */
  readonly terminator?: readonly [address: bigint, size: bigint] | undefined;
  /** From the header on; reservations, structure and strings if not given. */
  readonly order?: readonly Block[];
  /** Whether each name stands in the strings as often as it is used. */
  readonly unshared?: boolean;
  /** Bytes that keep the structure block off from a multiple of 4. */
  readonly off?: number;
  /** Bytes that count as structure behind the token that ends it; before version 17 nothing tells them. */
  readonly slack?: number;
  /** Zeros at the end. */
  readonly padding?: number;
}

/** Offsets of the header's fields. */
export const FIELD = {
  magic: 0,
  totalsize: 4,
  off_dt_struct: 8,
  off_dt_strings: 12,
  off_mem_rsvmap: 16,
  version: 20,
  last_comp_version: 24,
  boot_cpuid_phys: 28,
  size_dt_strings: 32,
  size_dt_struct: 36,
} as const;

const text = (name: string): Uint8Array => new TextEncoder().encode(name);

class Bytes {
  readonly #all: number[] = [];
  get length(): number {
    return this.#all.length;
  }
  put(bytes: Iterable<number>): void {
    for (const byte of bytes) this.#all.push(byte);
  }
  word(value: number): void {
    this.put([value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff]);
  }
  pair([address, size]: readonly [bigint, bigint]): void {
    for (const value of [address, size]) {
      this.word(Number(value >> 32n));
      this.word(Number(value & 0xffffffffn));
    }
  }
  align(unit: number): void {
    while (this.#all.length % unit !== 0) this.#all.push(0);
  }
  bytes(): Uint8Array {
    return Uint8Array.from(this.#all);
  }
}

class Names {
  readonly #places = new Map<string, number>();
  readonly #bytes = new Bytes();
  readonly #unshared: boolean;
  constructor(unshared: boolean) {
    this.#unshared = unshared;
  }
  place(name: string): number {
    const known = this.#unshared ? undefined : this.#places.get(name);
    if (known !== undefined) return known;
    const at = this.#bytes.length;
    this.#places.set(name, at);
    this.#bytes.put(text(name));
    this.#bytes.put([0]);
    return at;
  }
  bytes(): Uint8Array {
    return this.#bytes.bytes();
  }
}

function structureOf(tokens: readonly Token[], version: number, names: Names): Bytes {
  const sink = new Bytes();
  for (const token of tokens) {
    if (token === 'nop') sink.word(TOKEN.NOP);
    else if (token === 'end-node') sink.word(TOKEN.END_NODE);
    else if (token === 'end') sink.word(TOKEN.END);
    else if ('raw' in token) sink.put(token.raw);
    else if ('begin' in token) {
      sink.word(TOKEN.BEGIN_NODE);
      sink.put(text(token.begin));
      sink.put([0]);
      sink.align(4);
    } else {
      sink.word(TOKEN.PROP);
      sink.word(token.value.length);
      sink.word(names.place(token.property));
      if (version < 16 && token.value.length >= 8) sink.align(8);
      sink.put(token.value);
      sink.align(4);
    }
  }
  return sink;
}

/** The bytes of a device tree. */
export function assembled(assembly: Assembly): Uint8Array {
  const { version, tokens, order = ['reservations', 'structure', 'strings'] } = assembly;
  const names = new Names(assembly.unshared === true);
  const structure = structureOf(tokens, version, names);
  structure.put(new Uint8Array(assembly.slack ?? 0));
  const strings = names.bytes();
  const all = new Bytes();
  const at: Record<Block, number> = { reservations: 0, structure: 0, strings: 0 };
  all.put(new Uint8Array(headerSize(version)));
  for (const block of order) {
    if (block === 'reservations') all.align(8);
    if (block === 'structure') {
      all.align(4);
      all.put(new Uint8Array(assembly.off ?? 0));
    }
    at[block] = all.length;
    if (block === 'structure') all.put(structure.bytes());
    if (block === 'strings') all.put(strings);
    if (block === 'reservations') {
      for (const pair of assembly.reservations ?? []) all.pair(pair);
      const end = 'terminator' in assembly ? assembly.terminator : ([0n, 0n] as const);
      if (end !== undefined) all.pair(end);
    }
  }
  all.put(new Uint8Array(assembly.padding ?? 0));
  const bytes = all.bytes();
  const view = new DataView(bytes.buffer);
  view.setUint32(FIELD.magic, FDT_MAGIC);
  view.setUint32(FIELD.totalsize, bytes.length);
  view.setUint32(FIELD.off_dt_struct, at.structure);
  view.setUint32(FIELD.off_dt_strings, at.strings);
  view.setUint32(FIELD.off_mem_rsvmap, at.reservations);
  view.setUint32(FIELD.version, version);
  view.setUint32(FIELD.last_comp_version, version >= 16 ? 16 : 1);
  if (version >= 3) view.setUint32(FIELD.size_dt_strings, strings.length);
  if (version >= 17) view.setUint32(FIELD.size_dt_struct, structure.length);
  return bytes;
}

/** The same bytes with one number of the header replaced. */
export function withField(bytes: Uint8Array, field: keyof typeof FIELD, value: number): Uint8Array {
  const copy = bytes.slice();
  new DataView(copy.buffer).setUint32(FIELD[field], value);
  return copy;
}

/** A number of the header. */
export function fieldOf(bytes: Uint8Array, field: keyof typeof FIELD): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(FIELD[field]);
}

/** The token that begins a node, named as the version has it. */
export function begin(version: number, path: string): Token {
  return { begin: version < 16 ? path : path.slice(path.lastIndexOf('/') + 1) };
}
/** A property of text. */
export function property(name: string, value: string): Token {
  return { property: name, value: text(`${value}\0`) };
}
