/** What the handler of memfds leaves (include/linux/kho/abi/memfd.h). All packed, in native order. */
import { array, bits, flags, hex, struct, u32, u64 } from '../../codec/index.js';
import { KhoVmalloc } from '../kho/schema.js';

const PACKED = { packed: true } as const;

export const MemfdSeals = flags('memfd_seals', hex(u32), {
  F_SEAL_SEAL: 0x01,
  F_SEAL_SHRINK: 0x02,
  F_SEAL_GROW: 0x04,
  F_SEAL_WRITE: 0x08,
  F_SEAL_FUTURE_WRITE: 0x10,
  F_SEAL_EXEC: 0x20,
});
/** Seals that memfd-v2 takes. */
export const KNOWN_SEALS = 0x3f;

export const MemfdFolioFlags = flags('memfd_luo_folio_flags', hex(u64), {
  MEMFD_LUO_FOLIO_DIRTY: 1,
  MEMFD_LUO_FOLIO_UPTODATE: 2,
});
export const FOLIO_DIRTY = 1;
export const FOLIO_UPTODATE = 2;

/** memfd-v1: Linux 6.19 and 7.0. */
export const MemfdLuoSerV1 = struct(
  'memfd_luo_ser',
  { pos: u64, size: u64, nr_folios: u64, folios: KhoVmalloc },
  PACKED,
);
/** memfd-v2: from 7.1 on. */
export const MemfdLuoSerV2 = struct(
  'memfd_luo_ser',
  { pos: u64, size: u64, seals: MemfdSeals, flags: hex(u32), nr_folios: u64, folios: KhoVmalloc },
  PACKED,
);
/** One folio; the index counts pages of the file. Its length is that of the preserved block at the pfn. */
export const MemfdLuoFolioSer = struct(
  'memfd_luo_folio_ser',
  { pfn: bits(hex(u64), 52), flags: bits(MemfdFolioFlags, 12), index: u64 },
  PACKED,
);
export const MemfdLuoFolios = array(MemfdLuoFolioSer, 'rest');

/** Sizes in bytes. */
export const SIZES = Object.freeze({ v1: 40, v2: 48, folio: 16 });
