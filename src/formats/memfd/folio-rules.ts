/** What is said in the same words of every file whose folios lie in an array, for the tables of its rules. */

import type { Severity } from '../format.js';
import type { Effect } from '../kho/findings.js';

export const FOLIO_RULES = Object.freeze({
  array: [
    'error',
    'overrun',
    'The array is shorter than nr_folios',
    'The array has 16 bytes for each folio. The kernel reads on behind the area.',
  ],
  'folio-order': [
    'warning',
    'unnoticed',
    'The folios are not in the order of the file',
    'Kernels write the array by ascending index.',
  ],
  'folio-twice': [
    'error',
    'refused',
    'Two folios lie at the same place of the file',
    'Adding the second one to the page cache fails with -EEXIST.',
  ],
  'folio-none': [
    'note',
    'unnoticed',
    'Entries of the array are empty',
    'Entries with page frame 0 are skipped; the file has holes there.',
  ],
  tail: [
    'warning',
    'unnoticed',
    'There is something behind the last folio',
    'The array is allocated zeroed.',
  ],
} as const satisfies Readonly<Record<string, readonly [Severity, Effect, string, string]>>);
