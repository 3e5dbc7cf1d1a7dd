/**
 * Writes page tables as the hardware takes them and as Linux writes them: for tests, and for images that are
 * built. Shares nothing with the walk but where the bits are.
 */
import { CarryoverError } from '../../codec/index.js';
import { AMD, AMD_ENCODED_SIZE, ARM, RISCV, VTDSS, X86 } from './bits.js';
import type { PgtableCode } from './codes.js';
import { FRAME } from './frame.js';
import { capacityOf, geometryOf, shiftOf, type TableGeometry } from './geometry.js';
import { MAY_READ, MAY_WRITE, type TableFormat, type TableRoot, type TableShape } from './types.js';

export interface MappingInput {
  /** First address; with sign extension one of 64 bits, sign and all. */
  readonly iova: bigint;
  readonly phys: bigint;
  /** In bytes. */
  readonly size: bigint;
  /** {@link MAY_READ} and {@link MAY_WRITE}; both by default. */
  readonly permissions?: number;
  /**
   * The largest page to use, in bytes; by default the largest that the addresses allow, of those that take one
   * entry. May be one that takes several (64 KiB on RISC-V, any power of two in AMD's format).
   */
  readonly largestPage?: bigint;
}

export interface TablePage {
  readonly address: bigint;
  readonly level: number;
  readonly bytes: Uint8Array;
}
export interface WrittenTables {
  readonly root: TableRoot;
  /** The topmost one first. */
  readonly pages: readonly TablePage[];
}

/**
 * Writes tables that map what is asked for. `allocate` gives the physical address of so many bytes, at a
 * multiple of that.
 *
 * @throws `pgtable-shape`, `pgtable-mapping`, `pgtable-memory`.
 *
 * @example
 * let next = 0x100000n;
 * const { root, pages } = writeTables(
 *   { format: 'vtdss', level: 3, vasz: 48, signExtend: false },
 *   [{ iova: 0n, phys: 0x40000000n, size: 0x40000000n }],
 *   (bytes) => { next += BigInt(bytes); return next - BigInt(bytes); },
 * );
 */
export function writeTables(
  shape: TableShape,
  mappings: Iterable<MappingInput>,
  allocate: (bytes: number) => bigint,
): WrittenTables {
  const writer = new Writer(shape, allocate);
  for (const mapping of mappings) writer.map(mapping);
  return writer.done();
}

function fail(code: PgtableCode, reason: string, expected: string, found: string): never {
  throw new CarryoverError(code, reason, { expected, found });
}
const hex = (value: bigint) => `0x${value.toString(16)}`;

interface Table {
  readonly address: bigint;
  readonly level: number;
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly children: Map<number, Table>;
}

class Writer {
  readonly #shape: TableShape;
  readonly #geometry: TableGeometry;
  readonly #allocate: (bytes: number) => bigint;
  readonly #tables: Table[] = [];
  readonly #root: Table;
  readonly #bits: number;
  /** Sizes of pages that take one entry, the largest first: as powers of two, with their levels. */
  readonly #sizes: readonly { readonly shift: number; readonly level: number }[];

  constructor(shape: TableShape, allocate: (bytes: number) => bigint) {
    this.#shape = shape;
    this.#allocate = allocate;
    const geometry = geometryOf(shape.format, shape.granule);
    this.#geometry = geometry;
    const { level } = shape;
    if (!Number.isInteger(level) || level < geometry.minTop || level > geometry.maxTop)
      fail(
        'pgtable-shape',
        `${shape.format} has no topmost table of this level`,
        `${geometry.minTop} to ${geometry.maxTop}`,
        String(level),
      );
    const held = Math.min(geometry.maxBits, capacityOf(geometry, level) + geometry.concatenated);
    this.#bits = shape.vasz ?? capacityOf(geometry, level);
    if (!Number.isInteger(this.#bits) || this.#bits < 12 || this.#bits > held)
      fail(
        'pgtable-shape',
        `a topmost table of level ${level} does not hold such addresses`,
        `12 to ${held} bits`,
        String(this.#bits),
      );
    if (
      shape.signExtend &&
      (shape.format === 'vtdss' || shape.format === 'amdv1' || shape.format === 'armv8-s2')
    )
      fail('pgtable-shape', `${shape.format} does not extend the sign of addresses`, 'false', 'true');
    this.#sizes = [...geometry.leafLevels.filter((l) => l <= level), 0]
      .map((l) => ({ shift: shiftOf(geometry, l), level: l }))
      .sort((a, b) => b.shift - a.shift);
    const indexed = Math.max(0, this.#bits - shiftOf(geometry, level));
    const wholeRoot = shape.vasz === undefined || !shape.format.startsWith('armv8');
    this.#root = this.#table(level, wholeRoot ? geometry.granule : Math.max(64, 8 * 2 ** indexed));
  }

  done(): WrittenTables {
    const pages = this.#tables.map(({ address, level, bytes }) => ({ address, level, bytes }));
    return { root: { ...this.#shape, table: this.#root.address }, pages };
  }

  map({ iova, phys, size, permissions = MAY_READ | MAY_WRITE, largestPage }: MappingInput): void {
    const smallest = BigInt(this.#geometry.granule);
    if (size <= 0n || iova % smallest !== 0n || phys % smallest !== 0n || size % smallest !== 0n)
      fail(
        'pgtable-mapping',
        'a mapping is not made of whole pages',
        `multiples of ${smallest}`,
        `${hex(iova)} to ${hex(phys)}, ${size} bytes`,
      );
    if (phys < 0n || phys + size > 1n << BigInt(this.#physicalBits()))
      fail(
        'pgtable-mapping',
        'the format does not reach this memory',
        `${this.#physicalBits()} bits`,
        hex(phys),
      );
    if (permissions < 1 || permissions > 3 || (permissions === MAY_WRITE && !this.#mayBeWriteOnly()))
      fail('pgtable-mapping', 'the format cannot express these permissions', '1 to 3', String(permissions));
    const start = this.#offset(iova, size);
    const limit = this.#largest(largestPage);
    let at = start / FRAME;
    let frame = Number(phys) / FRAME;
    let left = Number(size) / FRAME;
    while (left > 0) {
      const { shift, level } = this.#choose(at, frame, left, limit);
      this.#leaf(at, frame, permissions, shift, level);
      const frames = 2 ** (shift - 12);
      at += frames;
      frame += frames;
      left -= frames;
    }
  }

  /** The place of the address among all that the tables have: without the sign. */
  #offset(iova: bigint, size: bigint): number {
    const span = 1n << BigInt(this.#bits);
    if (this.#shape.signExtend) {
      const half = span / 2n;
      const top = 1n << 64n;
      if (iova >= 0n && iova + size <= half) return Number(iova);
      if (iova >= top - half && iova + size <= top) return Number(iova - (top - span));
    } else if (iova >= 0n && iova + size <= span) return Number(iova);
    fail(
      'pgtable-mapping',
      'the addresses are not ones of the domain',
      `${this.#bits} bits${this.#shape.signExtend ? ', the highest repeated' : ''}`,
      `${hex(iova)} and ${size} bytes`,
    );
  }

  #largest(size: bigint | undefined): { readonly shift: number; readonly level: number } | undefined {
    if (size === undefined) return undefined;
    const shift = size.toString(2).length - 1;
    const plain = this.#sizes.find((candidate) => candidate.shift === shift);
    if (1n << BigInt(shift) === size) {
      if (plain !== undefined) return plain;
      if (this.#shape.format === 'riscv64' && shift === 16) return { shift, level: 0 };
      const level = Math.floor((shift - 12) / 9);
      if (this.#shape.format === 'amdv1' && shift > 12 && level <= this.#shape.level && level <= 4)
        return { shift, level };
    }
    fail(
      'pgtable-mapping',
      `${this.#shape.format} has no pages of this size`,
      this.#sizes.map((candidate) => String(2 ** candidate.shift)).join(', '),
      String(size),
    );
  }

  #choose(
    at: number,
    frame: number,
    left: number,
    limit: { readonly shift: number; readonly level: number } | undefined,
  ): { readonly shift: number; readonly level: number } {
    const fits = (shift: number) => {
      const frames = 2 ** (shift - 12);
      return at % frames === 0 && frame % frames === 0 && left >= frames;
    };
    if (limit !== undefined && fits(limit.shift)) return limit;
    for (const size of this.#sizes) {
      if (limit !== undefined && size.shift > limit.shift) continue;
      if (fits(size.shift)) return size;
    }
    // Whole pages were asked for, so the smallest size always fits.
    return { shift: this.#geometry.granuleShift, level: 0 };
  }

  #leaf(at: number, frame: number, permissions: number, shift: number, level: number): void {
    let table = this.#root;
    for (let l = table.level; l > level; l--) table = this.#below(table, this.#index(at, l), l);
    const first = this.#index(at, level);
    const entries = 2 ** (shift - shiftOf(this.#geometry, level));
    const [low, high] = LEAVES[this.#shape.format](frame, permissions, shift, level, this.#geometry);
    for (let i = first; i < first + entries; i++) {
      if (table.children.has(i) || table.view.getBigUint64(8 * i, true) !== 0n)
        fail('pgtable-mapping', 'an address is mapped twice', 'nothing there', `page frame ${at}`);
      this.#put(table, i, low, high);
    }
  }

  #index(at: number, level: number): number {
    const index = Math.floor(at / 2 ** (shiftOf(this.#geometry, level) - 12));
    return level === this.#root.level ? index : index % 2 ** this.#geometry.indexBits;
  }

  #below(table: Table, index: number, level: number): Table {
    const known = table.children.get(index);
    if (known !== undefined) return known;
    if (table.view.getBigUint64(8 * index, true) !== 0n)
      fail('pgtable-mapping', 'an address is mapped twice', 'nothing there', 'a larger page');
    const child = this.#table(level - 1, this.#geometry.granule);
    const [low, high] = TABLES[this.#shape.format](Number(child.address) / FRAME, level);
    this.#put(table, index, low, high);
    table.children.set(index, child);
    return child;
  }

  #put(table: Table, index: number, low: number, high: number): void {
    const encryption = this.#shape.encryptionBit;
    table.view.setUint32(8 * index, low, true);
    table.view.setUint32(
      8 * index + 4,
      encryption === undefined ? high : (high | (2 ** (encryption - 32))) >>> 0,
      true,
    );
  }

  #table(level: number, size: number): Table {
    const address = this.#allocate(size);
    if (address <= 0n || address % BigInt(size) !== 0n || address >= 1n << BigInt(this.#physicalBits()))
      fail(
        'pgtable-memory',
        'a table cannot be at this address',
        `a multiple of ${size} below 2^${this.#physicalBits()}`,
        hex(address),
      );
    const bytes = new Uint8Array(size);
    const table = { address, level, bytes, view: new DataView(bytes.buffer), children: new Map() };
    this.#tables.push(table);
    return table;
  }

  #physicalBits(): number {
    const { format } = this.#shape;
    return format === 'armv8-s1' || format === 'armv8-s2' ? (this.#geometry.granule === 65536 ? 52 : 48) : 52;
  }
  #mayBeWriteOnly(): boolean {
    const { format } = this.#shape;
    return format === 'vtdss' || format === 'amdv1' || format === 'armv8-s2';
  }
}

type Halves = readonly [low: number, high: number];

/** An entry from the address in bits 12 to 51 and from single bits. */
function entry(frame: number, positions: readonly number[], low = 0): Halves {
  let lower = (frame % 2 ** 20) * FRAME + low;
  let upper = Math.floor(frame / 2 ** 20);
  for (const position of positions) {
    if (position < 32) lower += 2 ** position;
    else upper += 2 ** (position - 32);
  }
  return [lower, upper];
}
const when = (condition: boolean, position: number) => (condition ? [position] : []);
const reads = (permissions: number) => (permissions & MAY_READ) !== 0;
const writes = (permissions: number) => (permissions & MAY_WRITE) !== 0;

function riscvEntry(frame: number, positions: readonly number[]): Halves {
  const [low, high] = entry(0, positions);
  return [low + (frame % 2 ** 22) * 2 ** RISCV.PPN, high + Math.floor(frame / 2 ** 22)];
}
/** ARM with pages of 64 KiB keeps the bits of an address from 48 on where the low ones would be. */
function armEntry(frame: number, positions: readonly number[]): Halves {
  const above = Math.floor(frame / 2 ** 36);
  return entry((frame % 2 ** 36) + above, positions);
}

const LEAVES: Readonly<
  Record<
    TableFormat,
    (frame: number, permissions: number, shift: number, level: number, geometry: TableGeometry) => Halves
  >
> = Object.freeze({
  vtdss: (frame, permissions, _shift, level) =>
    entry(frame, [
      ...when(reads(permissions), VTDSS.R),
      ...when(writes(permissions), VTDSS.W),
      ...when(level > 0, VTDSS.PS),
    ]),
  x86_64: (frame, permissions, _shift, level) =>
    entry(frame, [X86.P, X86.U, X86.A, ...when(writes(permissions), X86.RW), ...when(level > 0, X86.PS)]),
  amdv1: (frame, permissions, shift, level, geometry) => {
    const encoded = shift !== shiftOf(geometry, level);
    return entry(
      encoded ? frame + 2 ** (shift - 13) - 1 : frame,
      [AMD.PR, AMD.FC, ...when(reads(permissions), AMD.IR), ...when(writes(permissions), AMD.IW)],
      encoded ? AMD_ENCODED_SIZE * 2 ** AMD.NEXT_LEVEL : 0,
    );
  },
  riscv64: (frame, permissions, shift, level) => {
    const several = shift === 16 && level === 0;
    return riscvEntry(several ? frame + 8 : frame, [
      RISCV.V,
      RISCV.R,
      ...when(writes(permissions), RISCV.W),
      RISCV.U,
      RISCV.A,
      RISCV.D,
      ...when(several, RISCV.N),
    ]);
  },
  'armv8-s1': (frame, permissions, _shift, level) =>
    armEntry(frame, [
      ARM.VALID,
      ...when(level === 0, ARM.TABLE),
      ARM.AP_UNPRIVILEGED,
      ...when(!writes(permissions), ARM.AP_READ_ONLY),
      ARM.SH,
      ARM.SH + 1,
      ARM.AF,
      ARM.NG,
    ]),
  'armv8-s2': (frame, permissions, _shift, level) =>
    armEntry(frame, [
      ARM.VALID,
      ...when(level === 0, ARM.TABLE),
      2,
      3,
      4,
      5,
      ...when(reads(permissions), ARM.S2AP_READ),
      ...when(writes(permissions), ARM.S2AP_WRITE),
      ARM.SH,
      ARM.SH + 1,
      ARM.AF,
    ]),
});

/** Entries that lead to a table, in a table of a level. */
const TABLES: Readonly<Record<TableFormat, (frame: number, level: number) => Halves>> = Object.freeze({
  vtdss: (frame) => entry(frame, [VTDSS.R, VTDSS.W]),
  x86_64: (frame) => entry(frame, [X86.P, X86.RW, X86.U, X86.A]),
  amdv1: (frame, level) => entry(frame, [AMD.PR, AMD.IR, AMD.IW], level * 2 ** AMD.NEXT_LEVEL),
  riscv64: (frame) => riscvEntry(frame, [RISCV.V]),
  'armv8-s1': (frame) => armEntry(frame, [ARM.VALID, ARM.TABLE]),
  'armv8-s2': (frame) => armEntry(frame, [ARM.VALID, ARM.TABLE]),
});
