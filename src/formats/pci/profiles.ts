/** Every layout that what the PCI core hands over ever had. */
import type { Schema } from '../../codec/index.js';
import type { Generation } from '../format.js';
import {
  PciDevSer,
  PciDevSerRfc,
  PciDevSerRfcNamed,
  PciDevSerV1,
  PciSer,
  PciSerV1,
  PciSerV2,
  PciSerV3,
  PciSerV3U32,
  PciSerV4,
  PciSerV7,
} from './schema.js';

export interface PciProfile extends Generation {
  /** The strings that it went by. */
  readonly compatible: readonly string[];
  /** Of the whole, or of one entry where there is no header. */
  readonly schema: Schema;
  readonly dev: Schema;
  /** In bytes. */
  readonly header: number;
  readonly entry: number;
  /** In bytes; 0 where the header does not have it. */
  readonly max: 0 | 4 | 8;
  readonly nr: 0 | 4 | 8;
  /** Bytes of the version, which then comes first. */
  readonly version: 0 | 4;
  readonly list: /** Behind the header: `nr_devices` entries. */
    | 'devices'
    /** Behind the header: `max_nr_devices` slots, of which some are free. */
    | 'slots'
    /** In linked blocks. */
    | 'blocks'
    /** From the first byte on, up to the first entry of zeros. */
    | 'open';
  /** Whether the entries ascend by domain and bdf. */
  readonly sorted: boolean;
  readonly refcount:
    | 'none'
    /** Padding, later 1. */
    | 'reserved'
    /** 0 or 1. */
    | 'used'
    /** How many preserved devices there are at the device and below it. */
    | 'below';
  /** The version of the accepted form. */
  readonly number?: number;
}

const INLINE = { version: 0, sorted: true } as const;

export const PCI_PROFILES: readonly PciProfile[] = Object.freeze([
  {
    name: 'rfc',
    title: 'entries of 16 bytes, with the word of the driver',
    source: 'RFC of 2025, as data of a LUO subsystem',
    compatible: [],
    schema: PciDevSerRfc,
    dev: PciDevSerRfc,
    header: 0,
    entry: 16,
    max: 0,
    nr: 0,
    version: 0,
    list: 'open',
    sorted: false,
    refcount: 'none',
  },
  {
    name: 'rfc-named',
    title: 'entries of 80 bytes, with the name of the driver',
    source: 'RFC of 2025, as data of a LUO subsystem',
    compatible: [],
    schema: PciDevSerRfcNamed,
    dev: PciDevSerRfcNamed,
    header: 0,
    entry: 80,
    max: 0,
    nr: 0,
    version: 0,
    list: 'open',
    sorted: false,
    refcount: 'none',
  },
  {
    ...INLINE,
    name: 'v1',
    title: 'a count, sorted entries of 4 bytes',
    source: 'v1 of 2025-11-26',
    compatible: ['pci-v1'],
    schema: PciSerV1,
    dev: PciDevSerV1,
    header: 8,
    entry: 4,
    max: 0,
    nr: 8,
    list: 'devices',
    refcount: 'none',
  },
  {
    ...INLINE,
    name: 'v2',
    title: 'room and count, sorted entries of 4 bytes',
    source: 'v2 of 2026-01-29',
    compatible: ['pci-v1'],
    schema: PciSerV2,
    dev: PciDevSerV1,
    header: 16,
    entry: 4,
    max: 8,
    nr: 8,
    list: 'devices',
    refcount: 'none',
  },
  {
    ...INLINE,
    name: 'v3',
    title: 'room and count, sorted entries of 8 bytes',
    source: 'v3 of 2026-03-23',
    compatible: ['pci-v1', 'pci-v2'],
    schema: PciSerV3,
    dev: PciDevSer,
    header: 16,
    entry: 8,
    max: 8,
    nr: 8,
    list: 'devices',
    refcount: 'reserved',
  },
  {
    ...INLINE,
    name: 'v3-u32',
    title: 'room and count of 32 bits, sorted entries of 8 bytes',
    source: 'v3 of 2026-03-23',
    compatible: ['pci-v1', 'pci-v2'],
    schema: PciSerV3U32,
    dev: PciDevSer,
    header: 8,
    entry: 8,
    max: 4,
    nr: 4,
    list: 'devices',
    refcount: 'reserved',
  },
  {
    ...INLINE,
    name: 'v4',
    title: 'slots of 8 bytes, used where refcount is 1',
    source: 'v4 and v5 of 2026-04-23 and 2026-05-12, before their last patches',
    compatible: ['pci-v1', 'pci-v2'],
    schema: PciSerV4,
    dev: PciDevSer,
    header: 8,
    entry: 8,
    max: 4,
    nr: 4,
    list: 'slots',
    sorted: false,
    refcount: 'used',
  },
  {
    ...INLINE,
    name: 'v5',
    title: 'slots of 8 bytes, refcount counts the devices below too',
    source: 'v4 and v5 of 2026-04-23 and 2026-05-12, with their last patches',
    compatible: ['pci-v3', 'pci-v1', 'pci-v2'],
    schema: PciSerV4,
    dev: PciDevSer,
    header: 8,
    entry: 8,
    max: 4,
    nr: 4,
    list: 'slots',
    sorted: false,
    refcount: 'below',
  },
  {
    name: 'v7',
    title: 'entries in linked blocks',
    source: 'v7 of 2026-07-10',
    compatible: ['pci-v1'],
    schema: PciSerV7,
    dev: PciDevSer,
    header: 12,
    entry: 8,
    max: 0,
    nr: 4,
    version: 0,
    list: 'blocks',
    sorted: false,
    refcount: 'below',
  },
  {
    name: 'accepted-v1',
    title: 'version 1, entries in linked blocks',
    source: 'liveupdate.git, September 2026',
    compatible: ['pci'],
    schema: PciSer,
    dev: PciDevSer,
    header: 16,
    entry: 8,
    max: 0,
    nr: 4,
    version: 4,
    list: 'blocks',
    sorted: false,
    refcount: 'used',
    number: 1,
  },
  {
    name: 'accepted-v2',
    title: 'version 2: refcount counts the devices below too',
    source: 'liveupdate.git, September 2026',
    compatible: ['pci'],
    schema: PciSer,
    dev: PciDevSer,
    header: 16,
    entry: 8,
    max: 0,
    nr: 4,
    version: 4,
    list: 'blocks',
    sorted: false,
    refcount: 'below',
    number: 2,
  },
]);
