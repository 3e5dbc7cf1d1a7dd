/** What must hold of a preserved memfd. */
import { ruleTable } from '../kho/findings.js';
import { FOLIO_RULES } from './folio-rules.js';

export const MEMFD = ruleTable('memfd', {
  data: [
    'error',
    'refused',
    'The file has no data',
    'data is the physical address of a memfd_luo_ser in a preserved page. Retrieving the file fails otherwise, for good.',
  ],
  flags: [
    'warning',
    'unnoticed',
    'A reserved word is not zero',
    'flags of memfd-v2 must be 0. No kernel checks it while retrieving.',
  ],
  seals: [
    'error',
    'refused',
    'A seal is not known',
    'Seals other than SEAL, SHRINK, GROW, WRITE, FUTURE_WRITE and EXEC (0x3f) make retrieving fail with -EOPNOTSUPP, for good.',
  ],
  size: [
    'error',
    'silent loss',
    'The size is larger than that of any file',
    'The kernel takes size over as it is, as a signed number: from 2^63 on it is negative, and nothing of the file can be read.',
  ],
  pos: [
    'warning',
    'unnoticed',
    'The position is larger than that of any file',
    'vfs_setpos refuses positions from 2^63 on; nobody looks at its answer, and the position is 0.',
  ],
  'folio-count': [
    'warning',
    'unnoticed',
    'There are more folios than the file has pages',
    'Each folio has at least one page of its own, so nr_folios is at most size / page size, rounded up. No kernel compares; what the surplus entries do is said of each.',
  ],
  array: [
    'error',
    'overrun',
    'The array is shorter than nr_folios',
    'The array has 16 bytes for each folio. The kernel does not compare: it reads on behind the area.',
  ],
  empty: [
    'warning',
    'unnoticed',
    'Size, number of folios and array contradict each other',
    'A memfd of size 0 has no folios, and a descriptor of zeros; one of any other size has a folio for each of its pages, as preserving it allocates those that it lacks.',
  ],
  'folio-unpreserved': [
    'error',
    'refused',
    'A folio is not the start of a preserved block',
    'kho_restore_folio looks for the KHOP stamp on the first page, finds none, and retrieving the file fails, for good.',
  ],
  'folio-flags': [
    'warning',
    'unnoticed',
    'A folio has flags that are not known',
    'Bits 0 (DIRTY) and 1 (UPTODATE) have a meaning.',
  ],
  'folio-index': [
    'error',
    'silent loss',
    'A folio does not lie at a multiple of its size',
    'A folio of order k is at an index that is a multiple of 2^k. shmem_add_to_page_cache tests this with CONFIG_DEBUG_VM only, as a BUG; without, the folio replaces others around its index.',
  ],
  'folio-large': [
    'warning',
    'refused',
    'A folio is larger than any',
    'The preserved block at the page frame of a folio is of a higher order than MAX_PAGE_ORDER, 10 by default (11 with 16 KiB pages, 13 with 64 KiB). Such blocks are made for reserve_mem and not for files.',
  ],
  'folio-order': FOLIO_RULES['folio-order'],
  'folio-twice': [
    'error',
    'refused',
    'Two folios lie at the same place of the file',
    'shmem_add_to_page_cache answers -EEXIST to the second, and retrieving fails.',
  ],
  'folio-beyond': [
    'error',
    'silent loss',
    'A folio lies behind the end of the file',
    'It is added to the page cache and can never be read.',
  ],
  'folio-none': FOLIO_RULES['folio-none'],
  tail: FOLIO_RULES.tail,
});
