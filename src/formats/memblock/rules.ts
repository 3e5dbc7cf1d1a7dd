/** What must hold of the regions of `reserve_mem=`. */
import { ruleTable } from '../kho/findings.js';

export const MEMBLOCK = ruleTable('memblock', {
  compatible: [
    'error',
    'refused',
    'The node or a region is of another version',
    'memblock-v1 and reserve-mem-v1 are the only ones. Otherwise a fresh region is allocated, with a warning.',
  ],
  region: [
    'error',
    'refused',
    'A region does not say where it is',
    'start and size have 8 bytes each, in the byte order of the machine. Otherwise a fresh region is allocated.',
  ],
  'not-preserved': [
    'error',
    'silent loss',
    'A region is not preserved',
    'The next kernel takes the region over without asking the map; the allocator may have handed out its pages by then.',
  ],
  unaligned: [
    'error',
    'refused',
    'A region does not consist of pages',
    'start is aligned as the command line says, at least to a page, and size is a multiple of it.',
  ],
  name: [
    'warning',
    'unnoticed',
    'The name of a region is too long',
    'Names have at most 15 characters; on the command line of the next kernel there is none that matches.',
  ],
  many: [
    'warning',
    'unnoticed',
    'There are too many regions',
    'A kernel has at most 8 regions of reserve_mem=.',
  ],
});
