/**
 * The headers of compressed kdumps as declarations: what makedumpfile and QEMU write, and what diskdump wrote
 * before them (makedumpfile's `diskdump_mod.h`). Neither byte order nor width stands in them; `long` and the
 * alignment of 64-bit integers decide the layout.
 */
import { bytes, chars, flags, hex, i32, i64, long, struct, u32, u64, ulong } from '../codec/index.js';

export const SIGNATURE_SIZE = 8;
export const KDUMP_SIGNATURE = 'KDUMP   ';
export const DISKDUMP_SIGNATURE = 'DISKDUMP';

const NewUtsname = struct('new_utsname', {
  sysname: chars(65),
  nodename: chars(65),
  release: chars(65),
  version: chars(65),
  machine: chars(65),
  domainname: chars(65),
});

/** `struct disk_dump_header`, of kdump versions 1 to 6. */
export const DiskDumpHeader = struct('disk_dump_header', {
  signature: bytes(SIGNATURE_SIZE),
  header_version: i32,
  utsname: NewUtsname,
  timestamp: struct('timeval', { tv_sec: long, tv_usec: long }),
  status: hex(u32),
  block_size: i32,
  /** In blocks. */
  sub_hdr_size: i32,
  /** Blocks of both bitmaps together. */
  bitmap_blocks: u32,
  max_mapnr: u32,
  total_ram_blocks: u32,
  device_blocks: u32,
  written_blocks: u32,
  current_cpu: u32,
  nr_cpus: i32,
});

/**
 * `struct kdump_sub_header`. Fields came with header versions; from 6 on the `_64` ones hold. 32-bit writers
 * align 64-bit integers to 4 (i386) or to 8 (arm and others).
 */
export const KdumpSubHeader = struct('kdump_sub_header', {
  phys_base: hex(ulong),
  // Version 1.
  dump_level: i32,
  // Version 2.
  split: i32,
  start_pfn: ulong,
  end_pfn: ulong,
  // Version 3.
  offset_vmcoreinfo: i64,
  size_vmcoreinfo: ulong,
  // Version 4.
  offset_note: i64,
  size_note: ulong,
  // Version 5.
  offset_eraseinfo: i64,
  size_eraseinfo: ulong,
  // Version 6.
  start_pfn_64: u64,
  end_pfn_64: u64,
  max_mapnr_64: u64,
});

export const PAGE_ZLIB = 0x1;
export const PAGE_LZO = 0x2;
export const PAGE_SNAPPY = 0x4;
export const PAGE_ZSTD = 0x20;

/** `page_desc_t`: where one stored page is. */
export const PageDesc = struct('page_desc', {
  offset: i64,
  size: u32,
  flags: flags('page_desc_flags', u32, {
    ZLIB: PAGE_ZLIB,
    LZO: PAGE_LZO,
    SNAPPY: PAGE_SNAPPY,
    ZSTD: PAGE_ZSTD,
  }),
  page_flags: u64,
});
export const PAGE_DESC_SIZE = 24;
