/** What the tables that the hardware reads tell about units, devices and domains. */
import type { ValueOf } from '../../../codec/index.js';
import type { Coverage, Granule, TableFormat } from '../../pgtable/index.js';
import type { Cd, Ste } from './smmu-schema.js';
import type { VtdContextEntry, VtdPasidEntry, VtdScalableContextEntry } from './vtd-schema.js';

/** Where a device is on its segment. */
export interface RequesterId {
  readonly bus: number;
  /** Device and function: device * 8 + function. */
  readonly devfn: number;
}

export type VtdMode = 'legacy' | 'scalable';

/** A table of contexts that an entry of the root table leads to. */
export interface VtdContextTable {
  readonly bus: number;
  /** Scalable mode: 0 for devfn below 0x80, 1 for the rest. Legacy mode: 0, for all of them. */
  readonly half: 0 | 1;
  /** Physical address of the entry in the root table, and of the table. */
  readonly entry: bigint;
  readonly table: bigint;
  /** Whether the dump has the table. */
  readonly present: boolean;
}
/** A context entry that is present. */
export interface VtdContext extends RequesterId {
  /** Physical address of the entry. */
  readonly address: bigint;
  /** The one that fits the mode of the unit is there. */
  readonly legacy?: ValueOf<typeof VtdContextEntry>;
  readonly scalable?: ValueOf<typeof VtdScalableContextEntry>;
}
export interface VtdUnit {
  readonly rootTable: bigint;
  readonly mode: VtdMode;
  /** Why this mode, in sentences. */
  readonly because: readonly string[];
  readonly tables: readonly VtdContextTable[];
  /** Contexts that are present, by bus and devfn. */
  readonly contexts: readonly VtdContext[];
  /** Whether the root table and all context tables were there and read. */
  readonly complete: boolean;
}

/** A PASID table entry that is present. */
export interface VtdPasid {
  readonly pasid: number;
  /** Physical address of the entry. */
  readonly address: bigint;
  readonly entry: ValueOf<typeof VtdPasidEntry>;
}
export interface VtdPasidTable {
  /** Physical address of the directory. */
  readonly directory: bigint;
  /** PASIDs that the directory has room for, as the context entry (or, without one, max_pasid) says. */
  readonly maxPasid: number;
  /** Leaf tables that are present: index in the directory and physical address. */
  readonly leaves: readonly { readonly index: number; readonly table: bigint; readonly present: boolean }[];
  readonly entries: readonly VtdPasid[];
  /** Whether all of it was there and read. */
  readonly complete: boolean;
}
export interface VtdDevice {
  readonly id: RequesterId;
  /** Undefined where no context of the device is present. */
  readonly context: VtdContext | undefined;
  readonly pasids: VtdPasidTable | undefined;
  /** What translates requests without a PASID, where that can be told. */
  readonly translation: Translation | undefined;
}

/** How requests of a device are translated. */
export interface Translation {
  readonly kind: 'first-stage' | 'second-stage' | 'nested' | 'pass-through' | 'blocked' | 'unknown';
  /** Tables that are walked for it; undefined where there are none, or their format is not known. */
  readonly format: TableFormat | undefined;
  readonly granule?: Granule;
  /** Physical address of the topmost table. */
  readonly table: bigint | undefined;
  /** Level of the topmost table, 0 for the leaf level. */
  readonly level: number | undefined;
  /** VT-d: the domain id that the tables name. SMMUv3: the ASID or VMID. */
  readonly id: number | undefined;
  /** Physical address of the entry that says so. */
  readonly address: bigint;
  /** Where it was found, in a sentence. */
  readonly because: string;
}

export interface SmmuUnit {
  readonly strtabBase: bigint;
  /** Number of stream ids that the table has room for, 2^LOG2SIZE. */
  readonly streams: number;
  readonly twoLevel: boolean;
  /** Bits of a stream id that index the second level. */
  readonly split: number;
  readonly because: readonly string[];
  /** Second-level tables: first stream id, address, number of STEs. */
  readonly tables: readonly {
    readonly firstStream: number;
    readonly table: bigint;
    readonly entries: number;
    readonly present: boolean;
  }[];
  /** Stream table entries that are valid. */
  readonly streamsValid: readonly SmmuStream[];
  readonly complete: boolean;
}
export interface SmmuStream {
  readonly stream: number;
  readonly address: bigint;
  readonly ste: ValueOf<typeof Ste>;
}
export interface SmmuDevice {
  readonly stream: SmmuStream | undefined;
  /** The context descriptor of substream 0, where stage 1 is in use. */
  readonly cd: { readonly address: bigint; readonly value: ValueOf<typeof Cd> } | undefined;
  readonly translation: Translation | undefined;
}

/** What a device of the serialized state says, to be compared with the hardware's tables. */
export interface DeviceClaim {
  readonly id: RequesterId;
  /** `did` or `attachment_id`; undefined where it is not to be compared. */
  readonly attachmentId: bigint | undefined;
  /** Undefined in generations without them. */
  readonly pasidTable: bigint | undefined;
  readonly maxPasid: bigint | undefined;
  /** The domain that the device is attached to; undefined where it dangles. */
  readonly domain:
    | { readonly topTable: bigint; readonly topLevel: bigint; readonly signExtend?: boolean }
    | undefined;
}

export interface MappingChecks {
  /** Guest memory that is preserved; undefined where nobody knows, and mappings are not compared with it. */
  readonly guest: Coverage | undefined;
}
