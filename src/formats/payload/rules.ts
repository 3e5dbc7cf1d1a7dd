/** What must hold of the memory that a file's or an FLB's data points at, whoever wrote it. */
import { ruleTable } from '../kho/findings.js';

export const PAYLOAD = ruleTable('payload', {
  none: [
    'error',
    'refused',
    'There is no data',
    'data is the physical address of what the handler left. With 0 there is nothing that could be had back.',
  ],
  'not-preserved': [
    'error',
    'refused',
    'The data is not preserved',
    'What data points at was allocated with kho_alloc_preserve, so it begins a preserved block. Restoring it fails otherwise.',
  ],
  unaligned: [
    'error',
    'refused',
    'The data does not begin a page',
    'kho_alloc_preserve gives whole pages, and data is the address of the first one.',
  ],
  tail: [
    'warning',
    'unnoticed',
    'There is something behind the data',
    'The pages are allocated zeroed, and nothing is written behind the struct.',
  ],
  ambiguous: [
    'note',
    'none',
    'The data can be read in two ways',
    'One compatible string stood for several layouts while the series was posted. Two of them fit the bytes equally well and say different things; --as names the right one.',
  ],
  forced: [
    'error',
    'none',
    'The layout that was asked for does not exist',
    'Layouts have the names that `carryover formats` lists. The data is read as if none had been named.',
  ],
});
