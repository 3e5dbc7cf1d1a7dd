/**
 * Where the bits of entries are. Sources: the VT-d specification (second-stage paging entries), the x86 manuals,
 * AMD's IOMMU specification, the RISC-V privileged specification, ARM's for AArch64's VMSA; and which of them
 * Linux sets (drivers/iommu/generic_pt, io-pgtable-arm.c).
 */

/** VT-d second stage. Bits 10, 52 to 60 and 63 are the software's. */
export const VTDSS = Object.freeze({ R: 0, W: 1, PS: 7, A: 8, D: 9, SNP: 11, RESERVED_62: 62 });
/** x86 and VT-d first stage. Bit 12 of a large page is its PAT bit. */
export const X86 = Object.freeze({ P: 0, RW: 1, U: 2, A: 5, D: 6, PS: 7, PAT_LARGE: 12, XD: 63 });
/** AMD's format. Bits 52 to 58 are reserved. */
export const AMD = Object.freeze({
  PR: 0,
  A: 5,
  D: 6,
  /** Three bits. */
  NEXT_LEVEL: 9,
  FC: 60,
  IR: 61,
  IW: 62,
});
/** The next level of an entry whose address encodes the size of the page. */
export const AMD_ENCODED_SIZE = 7;
/** RISC-V. Bits 54 to 60 are reserved; the page frame number begins at bit 10. */
export const RISCV = Object.freeze({ V: 0, R: 1, W: 2, X: 3, U: 4, A: 6, D: 7, PPN: 10, PBMT: 61, N: 63 });
/** AArch64's descriptors. In a table of level 0 a page has TABLE set as well. */
export const ARM = Object.freeze({
  VALID: 0,
  TABLE: 1,
  /** Stage 1: not privileged only, read only. */
  AP_UNPRIVILEGED: 6,
  AP_READ_ONLY: 7,
  /** Stage 2. */
  S2AP_READ: 6,
  S2AP_WRITE: 7,
  /** Two bits; 3 is inner shareable. */
  SH: 8,
  AF: 10,
  NG: 11,
  /** With 64 KiB pages bits 48 to 51 of an address are here. */
  HIGH_ADDRESS: 12,
  /** nT of a block. */
  NT: 16,
  DBM: 51,
  /** Stage 1 tables: nothing below may be written. */
  AP_TABLE_READ_ONLY: 62,
});
