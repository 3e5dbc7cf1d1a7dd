/** What the file of a guest_memfd hands over. All packed, in native order. */
import { array, bits, flags, hex, struct, u64 } from '../../codec/index.js';
import { KhoVmalloc } from '../kho/schema.js';

const PACKED = { packed: true } as const;

export const GuestMemfdFlags = flags('guest_memfd_flags', hex(u64), {
  GUEST_MEMFD_FLAG_MMAP: 1,
  GUEST_MEMFD_FLAG_INIT_SHARED: 2,
});
export const GuestMemfdFolioFlags = flags('guest_memfd_luo_folio_flags', hex(u64), {
  GUEST_MEMFD_LUO_FOLIO_UPTODATE: 1,
});
export const GUEST_MEMFD_FOLIO_UPTODATE = 1;

export const GuestMemfdLuoSer = struct(
  'guest_memfd_luo_ser',
  { size: u64, flags: GuestMemfdFlags, nr_folios: u64, vm_token: hex(u64), folios: KhoVmalloc },
  PACKED,
);
/** One folio; the index counts pages of the file. */
export const GuestMemfdLuoFolioSer = struct(
  'guest_memfd_luo_folio_ser',
  { pfn: bits(hex(u64), 52), flags: bits(GuestMemfdFolioFlags, 12), index: u64 },
  PACKED,
);
export const GuestMemfdLuoFolios = array(GuestMemfdLuoFolioSer, 'rest');
