/** What must hold of preserved memory of the DMA API. */
import { ruleTable } from '../kho/findings.js';

export const DMA_ALLOC = ruleTable('dma-alloc', {
  page: [
    'error',
    'panic',
    'A page is not preserved',
    'The memory that a device goes on using is preserved, page by page or as one block. What is not preserved is used by somebody else.',
  ],
  size: [
    'error',
    'refused',
    'There is no memory',
    'An allocation has at least one page, and one contiguous piece is as large as its size says.',
  ],
  count: [
    'error',
    'overrun',
    'There are more pages than addresses',
    'nr_pages addresses follow the struct, in the block that was allocated for them; a contiguous piece has the first one only.',
  ],
  flag: [
    'warning',
    'unnoticed',
    'A flag is neither 0 nor 1, or padding is not zero',
    'force_decrypted, is_folio and is_contiguous are bools of the kernel that wrote them.',
  ],
});
