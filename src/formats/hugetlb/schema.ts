/** What hugetlb hands over: its pools as file-lifecycle-bound data, and memfds of huge pages. All packed. */
import { array, bits, hex, struct, u8, u64 } from '../../codec/index.js';
import { KhoVmalloc } from '../kho/schema.js';

const PACKED = { packed: true } as const;

/** Sizes of huge pages that there is room for. */
export const HUGETLB_MAX_HSTATES = 4;

export const HugetlbHstateSer = struct('hugetlb_hstate_ser', { nr_pages: u64, order: u8 }, PACKED);
export const HugetlbSer = struct(
  'hugetlb_ser',
  { hstates: array(HugetlbHstateSer, HUGETLB_MAX_HSTATES), nr_hstates: u8 },
  PACKED,
);

/** A memfd of huge pages. Unlike a memfd of small ones, the size comes first. */
export const HugeMemfdSer = struct(
  'hugetlb_memfd_ser',
  { size: u64, pos: u64, nr_folios: u64, folios: KhoVmalloc, order: u8 },
  PACKED,
);
export const HugeMemfdFolioSer = struct(
  'hugetlb_memfd_folio_ser',
  { pfn: bits(hex(u64), 52), reserved: bits(hex(u64), 12), index: u64 },
  PACKED,
);
export const HugeMemfdFolios = array(HugeMemfdFolioSer, 'rest');
