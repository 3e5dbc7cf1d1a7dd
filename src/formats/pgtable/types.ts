/** What the page tables of an IOMMU are to everybody: formats, roots, mappings to write, what a walk gives. */
import type { Mappings } from './mappings.js';

/**
 * `vtdss`: VT-d second stage. `x86_64`: VT-d first stage, AMD v2. `amdv1`: AMD's own. `riscv64`: RISC-V Sv39 to
 * Sv57. `armv8-s1`, `armv8-s2`: the stages of an SMMUv3 with AArch64 tables.
 */
export type TableFormat = 'vtdss' | 'x86_64' | 'amdv1' | 'riscv64' | 'armv8-s1' | 'armv8-s2';
export const TABLE_FORMATS: readonly TableFormat[] = Object.freeze([
  'vtdss',
  'x86_64',
  'amdv1',
  'riscv64',
  'armv8-s1',
  'armv8-s2',
]);

/** Bytes of a table, and of the smallest page. */
export type Granule = 4096 | 16384 | 65536;

/** Everything about tables of a domain but where they are. */
export interface TableShape {
  readonly format: TableFormat;
  /** Level of the topmost table; 0 is the table whose entries are pages. */
  readonly level: number;
  /** Bits of an address, the sign bit included; undefined where all that the tables can hold is meant. */
  readonly vasz: number | undefined;
  /** Whether the upper half of the addresses is at the top of the 64-bit space. */
  readonly signExtend: boolean;
  /** ARMv8 only; 4096 if not given. */
  readonly granule?: Granule;
  /** The bit of addresses that marks encrypted memory (AMD SME: 47 or 51), taken out of them. */
  readonly encryptionBit?: number;
}
export interface TableRoot extends TableShape {
  /** Physical address of the topmost table. */
  readonly table: bigint;
}

/** Bits of `permissions`: what a device may do through a mapping. */
export const MAY_READ = 1;
export const MAY_WRITE = 2;

export type TableProblemKind =
  /** The level is none that the format has a table for; nothing was walked. */
  | 'level'
  /** The topmost table cannot hold addresses of `vasz` bits. */
  | 'undersized'
  /** The topmost table is at 0, beyond 52 bits, or not aligned to its size. */
  | 'root'
  /** The dump does not have the table, or a part of it. */
  | 'absent'
  /** The entry leads back to a table that it is in. */
  | 'loop'
  /** Another entry leads to the same table; it was walked for the first one only. */
  | 'shared'
  /** Bits are set that the hardware wants to be zero. */
  | 'reserved'
  /** The entry says that it is of another level than it is (AMD's next level, RISC-V's non-leaf in level 0). */
  | 'level-mismatch'
  /** A leaf where the format has none, or of a size that it has not. */
  | 'page-size'
  /** Address bits below the size of the page are set. */
  | 'misaligned'
  /** Entries that together map one large page differ. */
  | 'replica'
  /** Not present, but not zero either. */
  | 'not-present'
  /** Entries beyond the addresses of `vasz` bits, which nothing reaches. */
  | 'unreachable'
  /** There is more than the limits allow to look at. */
  | 'limit';

export interface TableProblem {
  readonly kind: TableProblemKind;
  /** Physical address of the entry (of the table, where it is about a table). */
  readonly address: bigint;
  readonly level: number;
  /** The first address that the entry translates. */
  readonly iova: bigint;
  /** What is wrong, in a sentence. */
  readonly sentence: string;
}

/** What one level of the tables holds. */
export interface LevelCounts {
  readonly level: number;
  readonly tables: number;
  /** Entries that lead to a table, and that map memory. */
  readonly tableEntries: number;
  readonly leafEntries: number;
}
/** How many entries map pages of a size; a page that takes several entries counts as often. */
export interface SizeCount {
  /** In bytes. */
  readonly size: bigint;
  readonly entries: number;
}

/** Table pages in the order in which they were met, the topmost first. */
export interface TablePages {
  readonly length: number;
  /** Bytes of each of them; the topmost may have more (ARMv8 stage 2). */
  readonly size: number;
  /** First page frame (of 4 KiB) of the table. */
  frameAt(index: number): number;
  levelAt(index: number): number;
  /** In bytes. */
  sizeAt(index: number): number;
}

export interface TableWalk {
  readonly root: TableRoot;
  readonly mappings: Mappings;
  /** From the topmost level down. */
  readonly levels: readonly LevelCounts[];
  /** By ascending size. */
  readonly sizes: readonly SizeCount[];
  readonly tables: TablePages;
  /** Up to {@link MAX_PROBLEMS} of each kind. */
  readonly problems: readonly TableProblem[];
  /** All that were found of each kind, listed or not. */
  readonly counts: ReadonlyMap<TableProblemKind, number>;
  /** Whether all tables were there and looked at. */
  readonly complete: boolean;
}
/** Problems of one kind that are listed. */
export const MAX_PROBLEMS = 32;

export interface WalkLimits {
  /** Tables that are read; by default 2^20, which map 2 TiB in pages of 4 KiB. */
  readonly tables?: number;
  /** Merged mappings that are kept; by default 2^21. The rest is counted. */
  readonly mappings?: number;
  /**
   * What all walks of one input may take together: counted down by each. Domains that name the same tables
   * again and again would multiply the work otherwise.
   */
  readonly budget?: TableBudget;
}
export interface TableBudget {
  /** Tables that may still be read. */
  tables: number;
}
