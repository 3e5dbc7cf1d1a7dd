/**
 * Walks page tables: what they map, merged, and what is wrong with them. The work is in proportion to the table
 * pages that the dump has, each of which is read once, whatever the entries say.
 */
import type { Image } from '../../memory/index.js';
import { Numbers } from '../kho/columns.js';
import { type Entry, entryReaders, entryStep, hardwareBits, NOTHING, newEntry, TABLE } from './entry.js';
import { FRAME } from './frame.js';
import { capacityOf, geometryOf, shiftOf, type TableGeometry } from './geometry.js';
import { Mappings } from './mappings.js';
import {
  MAX_PROBLEMS,
  MAY_READ,
  MAY_WRITE,
  type SizeCount,
  type TableBudget,
  type TablePages,
  type TableProblem,
  type TableProblemKind,
  type TableRoot,
  type TableWalk,
  type WalkLimits,
} from './types.js';

/** Tables that are looked for at most, unless somebody says otherwise. */
const MAX_TABLES = 1 << 20;
const MAX_MAPPINGS = 1 << 21;

/**
 * Follows the tables from their root. Never throws for what the tables hold, and ends: loops and shared tables
 * are met by a set of the tables seen.
 *
 * @example
 * const { mappings, problems } = walkTables(image, { format: 'vtdss', table: 0x4000000n, level: 3, vasz: 48, signExtend: false });
 * for (const { iova, phys, size } of mappings) console.log(iova, phys, size);
 */
export function walkTables(
  image: Image,
  root: TableRoot,
  options: { readonly limits?: WalkLimits } = {},
): TableWalk {
  return new Walker(image, root, options.limits ?? {}).run();
}

const hex = (value: number | bigint) => `0x${value.toString(16)}`;

class Pages implements TablePages {
  readonly #frames = new Numbers();
  readonly #levels = new Numbers();
  readonly size: number;
  readonly #rootSize: number;
  constructor(size: number, rootSize: number) {
    this.size = size;
    this.#rootSize = rootSize;
  }
  get length(): number {
    return this.#frames.length;
  }
  push(frame: number, level: number): void {
    this.#frames.push(frame);
    this.#levels.push(level);
  }
  frameAt(index: number): number {
    return this.#frames.at(index);
  }
  levelAt(index: number): number {
    return this.#levels.at(index);
  }
  sizeAt(index: number): number {
    return index === 0 ? this.#rootSize : this.size;
  }
}

interface Count {
  tables: number;
  tableEntries: number;
  leafEntries: number;
}

class Walker {
  readonly #image: Image;
  readonly #root: TableRoot;
  readonly #geometry: TableGeometry;
  readonly #mappings: Mappings;
  readonly #pages: Pages;
  readonly #maxTables: number;
  readonly #budget: TableBudget;
  readonly #problems: TableProblem[] = [];
  readonly #counts = new Map<TableProblemKind, number>();
  /** By level. */
  readonly #levels: Count[];
  readonly #buffers: Uint8Array[];
  /** Entries by the size of their pages, as a power of two. */
  readonly #sizes = new Float64Array(65);
  readonly #seen = new Set<number>();
  /** Tables on the way from the root to here. */
  readonly #above: number[] = [];
  readonly #entry: Entry = newEntry();
  readonly #rootSize: number;
  /** All bits but the one that marks encryption, of the upper half of an entry. */
  readonly #highMask: number;
  /** Page frames of addresses, before the upper half of them is moved to the top. */
  readonly #span: number;
  readonly #undersized: boolean;
  #looked = 0;
  #complete = true;

  constructor(image: Image, root: TableRoot, limits: WalkLimits) {
    this.#image = image;
    this.#root = root;
    const geometry = geometryOf(root.format, root.granule);
    this.#geometry = geometry;
    this.#mappings = new Mappings(limits.mappings ?? MAX_MAPPINGS);
    this.#maxTables = limits.tables ?? MAX_TABLES;
    this.#budget = limits.budget ?? { tables: Number.POSITIVE_INFINITY };
    const level = this.#levelIsValid() ? root.level : 0;
    const capacity = capacityOf(geometry, level);
    const wanted = root.vasz ?? capacity;
    const held = Math.min(geometry.maxBits, capacity + geometry.concatenated);
    this.#undersized = wanted > held;
    const bits = Math.max(12, Math.min(wanted, held));
    this.#span = 2 ** (bits - 12);
    // ARM's topmost table has as many entries as the addresses need; all others are whole.
    const wholeRoot = root.vasz === undefined || !root.format.startsWith('armv8');
    this.#rootSize = wholeRoot ? geometry.granule : 8 * 2 ** Math.max(0, bits - shiftOf(geometry, level));
    this.#pages = new Pages(geometry.granule, this.#rootSize);
    this.#levels = Array.from({ length: level + 1 }, () => ({ tables: 0, tableEntries: 0, leafEntries: 0 }));
    this.#buffers = this.#levels.map(
      (_, l) => new Uint8Array(l === level ? this.#rootSize : geometry.granule),
    );
    const encryption = root.encryptionBit;
    this.#highMask =
      encryption === undefined || encryption < 32 || encryption > 63 ? -1 : ~(2 ** (encryption - 32));
  }

  #levelIsValid(): boolean {
    const { level } = this.#root;
    return Number.isInteger(level) && level >= 0 && level <= this.#geometry.maxTop;
  }

  run(): TableWalk {
    const { table, level, vasz, format } = this.#root;
    if (!this.#levelIsValid()) {
      this.#find('level', table, level, 0, () => `${format} has no topmost table of level ${level}.`);
      this.#complete = false;
    } else {
      if (this.#undersized)
        this.#find(
          'undersized',
          table,
          level,
          0,
          () =>
            `A topmost table of level ${level} holds addresses of ${capacityOf(this.#geometry, level)} bits, not ${vasz}.`,
        );
      const alignment = Math.max(64, Math.min(this.#rootSize, 1 << 20));
      if (table <= 0n || table >= 1n << 52n || table % BigInt(alignment) !== 0n) {
        this.#find(
          'root',
          table,
          level,
          0,
          () =>
            `The topmost table cannot be at ${hex(table)}: it is at a multiple of ${alignment} below 2^52.`,
        );
        if (table <= 0n || table >= 1n << 52n) this.#complete = false;
        else this.#visit(Number(table), level, 0, MAY_READ | MAY_WRITE);
      } else this.#visit(Number(table), level, 0, MAY_READ | MAY_WRITE);
    }
    this.#mappings.close();
    if (this.#mappings.omittedFrames > 0) {
      this.#complete = false;
      this.#find(
        'limit',
        table,
        level,
        0,
        () => `More than ${this.#mappings.length} separate mappings are not kept.`,
      );
    }
    const sizes: SizeCount[] = [];
    this.#sizes.forEach((entries, shift) => {
      if (entries > 0) sizes.push({ size: 1n << BigInt(shift), entries });
    });
    return {
      root: this.#root,
      mappings: this.#mappings,
      levels: this.#levels.map((count, l) => ({ level: l, ...count })).reverse(),
      sizes,
      tables: this.#pages,
      problems: this.#problems,
      counts: this.#counts,
      complete: this.#complete,
    };
  }

  /** `iova` in page frames before sign extension; the sentence is made only if it is kept. */
  #find(
    kind: TableProblemKind,
    address: bigint | number,
    level: number,
    iova: number,
    sentence: () => string,
  ): void {
    const count = (this.#counts.get(kind) ?? 0) + 1;
    this.#counts.set(kind, count);
    if (count > MAX_PROBLEMS) return;
    this.#problems.push({
      kind,
      address: BigInt(address),
      level,
      iova: BigInt(this.#extend(iova)) * BigInt(FRAME),
      sentence: sentence(),
    });
  }

  /** The upper half of the addresses is at the top, if they are sign extended. */
  #extend(frame: number): number {
    return this.#root.signExtend && frame >= this.#span / 2 ? frame + (2 ** 52 - this.#span) : frame;
  }

  /** Reads a table at an address and what is below it; `base` is its first address, in page frames. */
  #visit(address: number, level: number, base: number, permissions: number): void {
    if (this.#looked >= this.#maxTables || this.#budget.tables <= 0) {
      if (!this.#counts.has('limit'))
        this.#find(
          'limit',
          address,
          level,
          base,
          () =>
            `The table of level ${level} at ${hex(address)}, and those that follow, are not read: ${this.#looked} tables are enough.`,
        );
      this.#complete = false;
      return;
    }
    this.#looked++;
    this.#budget.tables--;
    const frame = Math.floor(address / FRAME);
    this.#seen.add(frame);
    // The buffers go with the levels, of which there is one for each step down.
    const bytes = this.#buffers[level] ?? new Uint8Array(this.#geometry.granule);
    const holes = this.#image.readInto(BigInt(address), bytes);
    let missing = 0;
    for (const hole of holes) {
      missing += hole.length;
      const at = Number(hole.address) - address;
      this.#find('absent', hole.address, level, base, () =>
        hole.length === bytes.length
          ? `The table of level ${level} at ${hex(address)} is not in the dump: ${hole.absence.detail}.`
          : `${hole.length} bytes of the table of level ${level} at ${hex(address)} are not in the dump, from byte ${at} on: ${hole.absence.detail}.`,
      );
    }
    if (missing > 0) this.#complete = false;
    if (missing === bytes.length) return;
    this.#pages.push(frame, level);
    const count = this.#levels[level];
    if (count === undefined) return;
    count.tables++;
    this.#above.push(frame);
    this.#scan(bytes, address, level, base, permissions, count);
    this.#above.pop();
  }

  #scan(
    bytes: Uint8Array,
    address: number,
    level: number,
    base: number,
    permissions: number,
    count: Count,
  ): void {
    const { format, signExtend } = this.#root;
    const geometry = this.#geometry;
    const read = entryReaders[format];
    const entry = this.#entry;
    const mappings = this.#mappings;
    const highMask = this.#highMask;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const entries = bytes.length / 8;
    const shift = shiftOf(geometry, level);
    const item = 2 ** (shift - 12);
    const usable = Math.min(entries, Math.ceil((this.#span - base) / item));
    // A run of pages that simply goes on is found by the next entry's value alone. The middle of a sign-extended
    // root breaks it.
    const step = signExtend && level === this.#root.level ? Number.NaN : entryStep(format, shift);
    let nextLow = -1;
    let nextHigh = -1;
    let run = 0;
    let runIndex = 0;
    let runFrame = 0;
    let runPermissions = 0;
    let brokenGroup = -1;

    for (let i = 0; i < usable; i++) {
      const low = view.getUint32(8 * i, true);
      const high = view.getUint32(8 * i + 4, true);
      if (low === nextLow && high === nextHigh) {
        run++;
        nextLow += step;
        continue;
      }
      if (run > 0) {
        this.#mapRun(base + runIndex * item, runFrame, run * item, runPermissions, shift);
        this.#sizes[shift] = (this.#sizes[shift] ?? 0) + run;
        count.leafEntries += run;
        run = 0;
      }
      nextLow = -1;
      if (low === 0 && high === 0) continue;
      entry.problem = undefined;
      read(low, high & highMask, level, geometry, entry);
      if (entry.problem !== undefined) {
        this.#report(entry.problem, entry.detail, view, i, address, level, base + i * item);
      }
      if (entry.kind === NOTHING) continue;
      const allowed = permissions & entry.permissions;
      if (entry.kind === TABLE) {
        count.tableEntries++;
        this.#follow(entry.frame, address + 8 * i, level, base + i * item, allowed);
        continue;
      }
      if (entry.shift === shift) {
        run = 1;
        runIndex = i;
        runFrame = entry.frame;
        runPermissions = allowed;
        nextLow = low + step;
        nextHigh = high;
        continue;
      }
      // One of several entries that make one page: each maps its part.
      const group = 2 ** (entry.shift - shift);
      const first = i - (i % group);
      if (brokenGroup !== first && !this.#replicas(view, first, group, entries, low, high)) {
        brokenGroup = first;
        this.#reportReplicas(group, first, entry.shift, address, level, base + i * item);
      }
      this.#sizes[entry.shift] = (this.#sizes[entry.shift] ?? 0) + 1;
      count.leafEntries++;
      mappings.add(
        this.#extend(base + i * item),
        entry.frame + (i - first) * item,
        item,
        allowed,
        entry.shift,
      );
    }
    if (run > 0) {
      this.#mapRun(base + runIndex * item, runFrame, run * item, runPermissions, shift);
      this.#sizes[shift] = (this.#sizes[shift] ?? 0) + run;
      count.leafEntries += run;
    }
    this.#checkRest(view, usable, entries, address, level, base, item);
  }

  // These make closures, which must not hold on to the variables of the loop over the entries.
  #report(
    kind: TableProblemKind,
    detail: string,
    view: DataView,
    index: number,
    table: number,
    level: number,
    iova: number,
  ): void {
    const at = table + 8 * index;
    this.#find(
      kind,
      at,
      level,
      iova,
      () =>
        `The entry ${hex(view.getBigUint64(8 * index, true))} at ${hex(at)}, in a table of level ${level}, ${detail}.`,
    );
  }
  #reportReplicas(
    group: number,
    first: number,
    shift: number,
    table: number,
    level: number,
    iova: number,
  ): void {
    const at = table + 8 * first;
    this.#find(
      'replica',
      at,
      level,
      iova,
      () => `The ${group} entries from ${hex(at)} on, which make one page of 2^${shift} bytes, differ.`,
    );
  }

  /** Only as much as addresses reach is mapped: an entry may span more than there are. */
  #mapRun(iova: number, frame: number, frames: number, permissions: number, shift: number): void {
    this.#mappings.add(this.#extend(iova), frame, Math.min(frames, this.#span - iova), permissions, shift);
  }

  #follow(frame: number, entryAt: number, level: number, base: number, permissions: number): void {
    if (this.#seen.has(frame)) {
      const loop = this.#above.includes(frame);
      this.#complete = false;
      this.#find(loop ? 'loop' : 'shared', entryAt, level, base, () =>
        loop
          ? `The entry at ${hex(entryAt)}, in a table of level ${level}, leads back to the table at ${hex(frame * FRAME)} that it is below of.`
          : `The table at ${hex(frame * FRAME)} belongs to another entry than the one at ${hex(entryAt)} too. It is walked once.`,
      );
      return;
    }
    this.#visit(frame * FRAME, level - 1, base, permissions);
  }

  /** Whether all entries that make one page are the same but for what hardware writes. */
  #replicas(
    view: DataView,
    first: number,
    group: number,
    entries: number,
    low: number,
    high: number,
  ): boolean {
    const mask = ~hardwareBits(this.#root.format);
    for (let i = first; i < first + group && i < entries; i++)
      if (((view.getUint32(8 * i, true) ^ low) & mask) !== 0 || view.getUint32(8 * i + 4, true) !== high)
        return false;
    return true;
  }

  #checkRest(
    view: DataView,
    usable: number,
    entries: number,
    address: number,
    level: number,
    base: number,
    item: number,
  ): void {
    let beyond = 0;
    let first = 0;
    for (let i = usable; i < entries; i++) {
      if (view.getUint32(8 * i, true) === 0 && view.getUint32(8 * i + 4, true) === 0) continue;
      if (beyond++ === 0) first = i;
    }
    if (beyond > 0)
      this.#find(
        'unreachable',
        address + 8 * first,
        level,
        Math.min(base + first * item, 2 ** 52 - 1),
        () =>
          `${beyond} ${beyond === 1 ? 'entry' : 'entries'} of the table of level ${level} at ${hex(address)} ${beyond === 1 ? 'is' : 'are'} beyond the addresses of ${Math.log2(this.#span) + 12} bits.`,
      );
  }
}
