/**
 * The tables that VT-d reads: root, context, PASID directory and PASID table entries, in both modes. The
 * hardware has them little-endian. What Linux leaves zero is reserved here.
 */
import { bits, enumeration, hex, reserved, struct, u64 } from '../../../codec/index.js';

/** A page frame of 4 KiB in bits 12 to 63. */
const frame = bits(hex(u64), 52);

/** Legacy mode: one for each bus. */
export const VtdRootEntry = struct('vtd_root_entry', {
  present: bits(u64, 1),
  reserved: reserved(bits(u64, 11)),
  context_table: frame,
  reserved_hi: reserved(u64),
});

/** Scalable mode: devices 0 to 15 of the bus, then devices 16 to 31. */
export const VtdScalableRootEntry = struct('vtd_scalable_root_entry', {
  lower_present: bits(u64, 1),
  reserved_lower: reserved(bits(u64, 11)),
  lower_context_table: frame,
  upper_present: bits(u64, 1),
  reserved_upper: reserved(bits(u64, 11)),
  upper_context_table: frame,
});

/** TT of a context entry in legacy mode. */
export const VtdTranslationType = enumeration('vtd_translation_type', u64, {
  MULTI_LEVEL: 0,
  DEVICE_IOTLB: 1,
  PASS_THROUGH: 2,
});

/** Legacy mode. */
export const VtdContextEntry = struct('vtd_context_entry', {
  present: bits(u64, 1),
  /** Faults are not recorded. */
  fpd: bits(u64, 1),
  tt: bits(VtdTranslationType, 2),
  reserved: reserved(bits(u64, 8)),
  /** Page frame of the topmost table of the second stage. */
  sspt: frame,
  /** Levels of the tables, less 2. */
  aw: bits(u64, 3),
  avail: bits(u64, 4),
  reserved_hi: reserved(bits(u64, 1)),
  did: bits(u64, 16),
  reserved_top: reserved(bits(u64, 40)),
});

/** Scalable mode. */
export const VtdScalableContextEntry = struct('vtd_scalable_context_entry', {
  present: bits(u64, 1),
  fpd: bits(u64, 1),
  /** The device may have a TLB of its own (ATS). */
  dte: bits(u64, 1),
  pasid_enable: bits(u64, 1),
  /** Page requests. */
  pre: bits(u64, 1),
  reserved: reserved(bits(u64, 4)),
  /** The directory has 2^(pdts + 7) entries. */
  pdts: bits(u64, 3),
  /** Page frame of the PASID directory. */
  pasid_dir: frame,
  /** PASID of requests that have none. */
  rid_pasid: bits(u64, 20),
  rid_priv: bits(u64, 1),
  reserved1: reserved(bits(u64, 43)),
  reserved2: reserved(u64),
  reserved3: reserved(u64),
});

export const VtdPasidDirEntry = struct('vtd_pasid_dir_entry', {
  present: bits(u64, 1),
  fpd: bits(u64, 1),
  reserved: reserved(bits(u64, 10)),
  /** Page frame of a table of 64 entries. */
  pasid_table: frame,
});

/** PGTT of a PASID table entry. */
export const VtdPasidTranslationType = enumeration('vtd_pasid_translation_type', u64, {
  FIRST_STAGE: 1,
  SECOND_STAGE: 2,
  NESTED: 3,
  PASS_THROUGH: 4,
});

/** 64 bytes; 64 of them in a table. */
export const VtdPasidEntry = struct('vtd_pasid_entry', {
  present: bits(u64, 1),
  fpd: bits(u64, 1),
  /** Levels of the second stage, less 2. Written for the first stage too, and not read then. */
  aw: bits(u64, 3),
  reserved0: reserved(bits(u64, 1)),
  pgtt: bits(VtdPasidTranslationType, 3),
  /** A and D bits of the second stage. */
  ssade: bits(u64, 1),
  reserved1: reserved(bits(u64, 2)),
  /** Page frame of the topmost table of the second stage. */
  sspt: frame,
  did: bits(u64, 16),
  reserved2: reserved(bits(u64, 7)),
  pwsnp: bits(u64, 1),
  pgsnp: bits(u64, 1),
  reserved3: reserved(bits(u64, 39)),
  sre: bits(u64, 1),
  reserved4: reserved(bits(u64, 1)),
  /** 0: four levels of the first stage; 1: five. */
  fspm: bits(u64, 2),
  wpe: bits(u64, 1),
  reserved5: reserved(bits(u64, 2)),
  eafe: bits(u64, 1),
  reserved6: reserved(bits(u64, 4)),
  /** Page frame of the topmost table of the first stage. */
  fspt: frame,
  reserved7: reserved(u64),
  reserved8: reserved(u64),
  reserved9: reserved(u64),
  reserved10: reserved(u64),
  reserved11: reserved(u64),
});

/** Sizes in bytes. */
export const VTD_SIZES = Object.freeze({
  table: 4096,
  root: 16,
  context: 16,
  scalableContext: 32,
  pasidDir: 8,
  pasid: 64,
});
