/** What must hold of huge pages that are handed over. */
import { ruleTable } from '../kho/findings.js';
import { FOLIO_RULES } from '../memfd/folio-rules.js';

export const HUGETLB = ruleTable('hugetlb', {
  hstates: [
    'error',
    'overrun',
    'There are more sizes of huge pages than there is room for',
    'There is room for 4 sizes, and nr_hstates says how many are used.',
  ],
  order: [
    'error',
    'refused',
    'An order cannot be that of a huge page',
    'A huge page has at least two pages and at most 16 GiB, and each size is there once.',
  ],
  unused: [
    'warning',
    'unnoticed',
    'A size that is not used is not zero',
    'What is behind the last size in use is zero.',
  ],
  size: [
    'error',
    'refused',
    'The size of the file is not that of whole huge pages',
    'A file of huge pages has whole ones only.',
  ],
  'folio-count': [
    'error',
    'refused',
    'There are more folios than the file has huge pages',
    'Each folio is a huge page, so nr_folios is at most the size divided by that of a huge page.',
  ],
  array: FOLIO_RULES.array,
  'folio-unpreserved': [
    'error',
    'refused',
    'A folio is not a preserved huge page',
    'Each folio begins a preserved block of the order of the file.',
  ],
  'folio-twice': FOLIO_RULES['folio-twice'],
  reserved: [
    'warning',
    'unnoticed',
    'Reserved bits of a folio are not zero',
    'The 12 bits above the page frame are reserved.',
  ],
});
