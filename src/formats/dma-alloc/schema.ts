/** Memory of the DMA API that is preserved (a development tree; the SMMU's tables are kept that way). */
import { array, hex, phys, reserved, struct, u8, u64 } from '../../codec/index.js';

const PACKED = { packed: true } as const;

/** One contiguous piece. */
export const DmaAllocSerV1 = struct(
  'dma_alloc_ser',
  { page_phys: phys(), size: u64, attrs: hex(u64), force_decrypted: u8, padding: reserved(array(u8, 7)) },
  PACKED,
);
/** Pages, whose addresses begin at byte 18 and are misaligned. */
export const DmaAllocSerV2 = struct(
  'dma_alloc_ser',
  { iova: hex(u64), nr_pages: u64, is_folio: u8, is_contiguous: u8 },
  PACKED,
);
