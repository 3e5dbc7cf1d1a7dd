/** What must hold of a preserved guest_memfd. */
import { ruleTable } from '../kho/findings.js';

export const GUEST_MEMFD = ruleTable('guest-memfd', {
  size: [
    'error',
    'refused',
    'The size cannot be that of a guest_memfd',
    'A guest_memfd has at least one page, whole pages only, and fewer than 2^63 bytes. Creating it again fails with -EINVAL.',
  ],
  flags: [
    'error',
    'refused',
    'A flag is not known',
    'Flags other than MMAP (bit 0) and INIT_SHARED (bit 1) make retrieving fail with -EOPNOTSUPP.',
  ],
  private: [
    'error',
    'refused',
    'The memory is not shared',
    'Only a guest_memfd with INIT_SHARED, of a VM without private memory, can be preserved: of other memory the host may not even keep the addresses.',
  ],
  'folio-count': [
    'error',
    'refused',
    'There are more folios than the file has pages',
    'Each folio is a page of its own, so nr_folios is at most size / page size.',
  ],
  array: [
    'error',
    'overrun',
    'The array is shorter than nr_folios',
    'The array has 16 bytes for each folio. The kernel reads on behind the area.',
  ],
  'folio-unpreserved': [
    'error',
    'refused',
    'A folio is not the start of a preserved block',
    'kho_restore_folio finds no stamp on the first page, and retrieving the file fails.',
  ],
  'folio-flags': [
    'warning',
    'unnoticed',
    'A folio has flags that are not known',
    'Bit 0 (UPTODATE) has a meaning.',
  ],
  'folio-large': [
    'error',
    'refused',
    'A folio is larger than a page',
    'Only folios of order 0 are preserved: guest_memfd has no others so far.',
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
  'folio-beyond': [
    'error',
    'refused',
    'A folio lies behind the end of the file',
    'The index is below size / page size.',
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
  'vm-none': [
    'error',
    'refused',
    'The VM was not filled in',
    'vm_token is filled in when the session is frozen, just before the kexec. It is 0 before that.',
  ],
  'vm-token': [
    'error',
    'refused',
    'The token names no VM',
    'vm_token is the token of a preserved VM in the same session. The file cannot be created without its VM.',
  ],
});
