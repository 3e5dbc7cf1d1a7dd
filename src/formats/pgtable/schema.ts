/**
 * Entries as C would declare them: for layouts, dumps and people. The walk reads them by hand, for speed. The
 * hardware has them little-endian on every machine that carryover knows of.
 */
import { bits, hex, reserved, struct, u64 } from '../../codec/index.js';

const frame = (width: 36 | 40 | 44) => bits(hex(u64), width);

/** VT-d second stage; `snp` and `ps` have a meaning where the entry maps memory. */
export const VtdssEntry = struct('vtdss_entry', {
  r: bits(u64, 1),
  w: bits(u64, 1),
  x: bits(u64, 1),
  emt: bits(u64, 3),
  ipat: bits(u64, 1),
  ps: bits(u64, 1),
  a: bits(u64, 1),
  d: bits(u64, 1),
  sw0: bits(u64, 1),
  snp: bits(u64, 1),
  /** Page frame of the table or page. */
  oa: frame(40),
  sw1: bits(u64, 9),
  ignored: bits(u64, 1),
  tm: bits(u64, 1),
  sw2: bits(u64, 1),
});

/** x86 and VT-d first stage. */
export const X86Entry = struct('x86_64_entry', {
  p: bits(u64, 1),
  rw: bits(u64, 1),
  u: bits(u64, 1),
  pwt: bits(u64, 1),
  pcd: bits(u64, 1),
  a: bits(u64, 1),
  d: bits(u64, 1),
  /** The page is large; in a table of level 0, its PAT bit. */
  ps: bits(u64, 1),
  g: bits(u64, 1),
  sw0: bits(u64, 3),
  oa: frame(40),
  sw1: bits(u64, 11),
  xd: bits(u64, 1),
});

/** AMD's format. */
export const Amdv1Entry = struct('amdv1_entry', {
  pr: bits(u64, 1),
  ignored0: bits(u64, 4),
  a: bits(u64, 1),
  d: bits(u64, 1),
  ignored1: bits(u64, 2),
  /** 0: maps memory; 7: maps memory, of a size that the address encodes; else the level of the table. */
  next_level: bits(u64, 3),
  oa: frame(40),
  reserved: reserved(bits(u64, 7)),
  u: bits(u64, 1),
  fc: bits(u64, 1),
  ir: bits(u64, 1),
  iw: bits(u64, 1),
  ignored2: bits(u64, 1),
});

/** RISC-V. */
export const Riscv64Entry = struct('riscv64_entry', {
  v: bits(u64, 1),
  r: bits(u64, 1),
  w: bits(u64, 1),
  x: bits(u64, 1),
  u: bits(u64, 1),
  g: bits(u64, 1),
  a: bits(u64, 1),
  d: bits(u64, 1),
  rsw: bits(u64, 2),
  ppn: frame(44),
  reserved: reserved(bits(u64, 7)),
  pbmt: bits(u64, 2),
  n: bits(u64, 1),
});

/** AArch64 stage 1, with pages of 4 KiB. */
export const Armv8S1Entry = struct('armv8_s1_entry', {
  valid: bits(u64, 1),
  /** Leads to a table; in a table of level 0, is a page. */
  table: bits(u64, 1),
  attr_index: bits(u64, 3),
  ns: bits(u64, 1),
  ap: bits(u64, 2),
  sh: bits(u64, 2),
  af: bits(u64, 1),
  ng: bits(u64, 1),
  oa: frame(36),
  reserved: reserved(bits(u64, 2)),
  gp: bits(u64, 1),
  dbm: bits(u64, 1),
  contiguous: bits(u64, 1),
  pxn: bits(u64, 1),
  uxn: bits(u64, 1),
  sw: bits(u64, 4),
  pbha: bits(u64, 4),
  ns_table: bits(u64, 1),
});

/** AArch64 stage 2, with pages of 4 KiB. */
export const Armv8S2Entry = struct('armv8_s2_entry', {
  valid: bits(u64, 1),
  table: bits(u64, 1),
  mem_attr: bits(u64, 4),
  s2ap: bits(u64, 2),
  sh: bits(u64, 2),
  af: bits(u64, 1),
  ignored: bits(u64, 1),
  oa: frame(36),
  reserved: reserved(bits(u64, 3)),
  dbm: bits(u64, 1),
  contiguous: bits(u64, 1),
  xn: bits(u64, 2),
  sw: bits(u64, 4),
  high: bits(u64, 5),
});
