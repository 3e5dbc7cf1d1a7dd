/**
 * The tables that an SMMUv3 reads: stream table and context descriptors, as its specification and Linux's driver
 * (arm-smmu-v3.h) have them. Little-endian. Members that carryover has no use for are left unnamed.
 */
import { bits, enumeration, hex, struct, u64, unnamed } from '../../../codec/index.js';

/** STRTAB_BASE_CFG, the register. */
export const SmmuStrtabBaseCfg = struct('smmu_strtab_base_cfg', {
  /** Stream ids have so many bits. */
  log2size: bits(u64, 6),
  /** Bits of a stream id that index the second level. */
  split: bits(u64, 5),
  rest0: unnamed(u64, 5),
  /** 0: linear, 1: two levels. */
  fmt: bits(u64, 2),
  rest1: unnamed(u64, 46),
});

export const SmmuL1StreamDesc = struct('smmu_l1_stream_desc', {
  /** The second level has 2^(span - 1) entries; 0: there is none. */
  span: bits(u64, 5),
  rest0: unnamed(u64, 1),
  /** Address of the second level in units of 64 bytes. */
  l2ptr: bits(hex(u64), 46),
  rest1: unnamed(u64, 12),
});

/** Config of a stream table entry. */
export const SmmuSteConfig = enumeration('smmu_ste_config', u64, {
  ABORT: 0,
  BYPASS: 4,
  S1_TRANSLATE: 5,
  S2_TRANSLATE: 6,
  NESTED: 7,
});

/** Stream table entry: 64 bytes. */
export const Ste = struct('smmu_ste', {
  v: bits(u64, 1),
  config: bits(SmmuSteConfig, 3),
  /** 0: linear, 1: two levels with leaves of 4 KiB, 2: of 64 KiB. */
  s1fmt: bits(u64, 2),
  /** Address of the context descriptors in units of 64 bytes. */
  s1ctxptr: bits(hex(u64), 46),
  rest0: unnamed(u64, 7),
  /** There are 2^s1cdmax descriptors. */
  s1cdmax: bits(u64, 5),
  s1dss: bits(u64, 2),
  s1cir: bits(u64, 2),
  s1cor: bits(u64, 2),
  s1csh: bits(u64, 2),
  rest1: unnamed(u64, 11),
  mev: bits(u64, 1),
  rest2: unnamed(u64, 7),
  s1stalld: bits(u64, 1),
  /** ATS. */
  eats: bits(u64, 2),
  strw: bits(u64, 2),
  rest3: unnamed(u64, 12),
  shcfg: bits(u64, 2),
  rest4: unnamed(u64, 18),
  s2vmid: bits(u64, 16),
  rest5: unnamed(u64, 16),
  /** Addresses of stage 2 have 64 - s2t0sz bits. */
  s2t0sz: bits(u64, 6),
  s2sl0: bits(u64, 2),
  s2ir0: bits(u64, 2),
  s2or0: bits(u64, 2),
  s2sh0: bits(u64, 2),
  /** Granule: 0 is 4 KiB, 1 is 64 KiB, 2 is 16 KiB. */
  s2tg: bits(u64, 2),
  s2ps: bits(u64, 3),
  s2aa64: bits(u64, 1),
  s2endi: bits(u64, 1),
  rest6: unnamed(u64, 1),
  s2ptw: bits(u64, 1),
  rest7: unnamed(u64, 2),
  s2s: bits(u64, 1),
  s2r: bits(u64, 1),
  rest8: unnamed(u64, 5),
  rest9: unnamed(u64, 4),
  /** Address of the topmost table of stage 2 in units of 16 bytes. */
  s2ttb: bits(hex(u64), 48),
  rest10: unnamed(u64, 12),
  words4: u64,
  words5: u64,
  words6: u64,
  words7: u64,
});

export const SmmuL1CdDesc = struct('smmu_l1_cd_desc', {
  v: bits(u64, 1),
  rest0: unnamed(u64, 11),
  /** Page frame (of 4 KiB) of a table of context descriptors. */
  l2ptr: bits(hex(u64), 40),
  rest1: unnamed(u64, 12),
});

/** Context descriptor: 64 bytes. */
export const Cd = struct('smmu_cd', {
  /** Addresses have 64 - t0sz bits. */
  t0sz: bits(u64, 6),
  /** Granule: 0 is 4 KiB, 1 is 64 KiB, 2 is 16 KiB. */
  tg0: bits(u64, 2),
  ir0: bits(u64, 2),
  or0: bits(u64, 2),
  sh0: bits(u64, 2),
  epd0: bits(u64, 1),
  endi: bits(u64, 1),
  t1sz: bits(u64, 6),
  tg1: bits(u64, 2),
  ir1: bits(u64, 2),
  or1: bits(u64, 2),
  sh1: bits(u64, 2),
  epd1: bits(u64, 1),
  v: bits(u64, 1),
  ips: bits(u64, 3),
  rest0: unnamed(u64, 3),
  tbi0: bits(u64, 1),
  rest1: unnamed(u64, 2),
  aa64: bits(u64, 1),
  hd: bits(u64, 1),
  ha: bits(u64, 1),
  s: bits(u64, 1),
  r: bits(u64, 1),
  a: bits(u64, 1),
  aset: bits(u64, 1),
  asid: bits(u64, 16),
  rest2: unnamed(u64, 4),
  /** Address of the topmost table in units of 16 bytes. */
  ttb0: bits(hex(u64), 48),
  rest3: unnamed(u64, 12),
  ttb1: u64,
  mair: u64,
  words4: u64,
  words5: u64,
  words6: u64,
  words7: u64,
});

/** Sizes in bytes. */
export const SMMU_SIZES = Object.freeze({ l1: 8, ste: 64, l1cd: 8, cd: 64 });
