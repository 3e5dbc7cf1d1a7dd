/** What must hold of a preserved guest_memfd. */
import { ruleTable } from '../kho/findings.js';
import { FOLIO_RULES } from '../memfd/folio-rules.js';

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
  array: FOLIO_RULES.array,
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
  'folio-order': FOLIO_RULES['folio-order'],
  'folio-twice': FOLIO_RULES['folio-twice'],
  'folio-beyond': [
    'error',
    'refused',
    'A folio lies behind the end of the file',
    'The index is below size / page size.',
  ],
  'folio-none': FOLIO_RULES['folio-none'],
  tail: FOLIO_RULES.tail,
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
