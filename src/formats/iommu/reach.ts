/** What domains map and devices reach, as it is shown. */
import type { LevelCounts, Mappings, SizeCount, TableFormat } from '../pgtable/index.js';
import type { Translation } from './hw/index.js';

/** What a unit reads to find the tables of a device. */
export interface UnitTables {
  /** `legacy` and `scalable` of VT-d; `stream table` of SMMUv3, in one level or two. */
  readonly mode: 'legacy' | 'scalable' | 'stream table' | 'stream table of two levels';
  readonly because: readonly string[];
  /** Context tables, or second-level stream tables. */
  readonly tables: number;
  /** Context entries, or stream table entries, that are present. */
  readonly entries: number;
  readonly complete: boolean;
}
/** The page tables of a domain, as they are shown. */
export interface DomainTables {
  readonly format: TableFormat;
  /** From 0 (a guess) to 1 (the hardware says so), with the reasons. */
  readonly confidence: number;
  readonly because: readonly string[];
  /** Bytes that are mapped. */
  readonly bytes: bigint;
  /** Whether all that is mapped is preserved memory; undefined where the map of it is not complete. */
  readonly preserved?: boolean;
  readonly levels: readonly LevelCounts[];
  readonly sizes: readonly SizeCount[];
  /** Merged, by ascending address. */
  readonly mappings: Mappings;
  readonly complete: boolean;
}
/** How requests of a device are translated. */
export interface DeviceReach {
  readonly kind: Translation['kind'] | 'unknown';
  readonly because: string;
  /** Bytes of memory that it can reach; undefined where that is not known. */
  readonly bytes?: bigint;
  /** Ranges of addresses that lead there, merged: so many. */
  readonly runs?: number;
}
