/** What must hold of a preserved iommufd. */
import { ruleTable } from '../kho/findings.js';

export const IOMMUFD = ruleTable('iommufd', {
  count: [
    'error',
    'overrun',
    'There are more page tables than there is room for',
    'nr_hwpts entries lie behind it, in the block that was allocated for them. The kernel does not compare.',
  ],
  'token-duplicate': [
    'error',
    'refused',
    'Two page tables have the same token',
    'Userspace names a page table of an iommufd by its token, and marking a second one with the same token fails with -EADDRINUSE. The receiver finds the first one only.',
  ],
  'domain-duplicate': [
    'error',
    'refused',
    'Two page tables are of the same domain',
    'Each page table has a domain of its own. The receiver would restore one domain twice.',
  ],
  domain: [
    'error',
    'panic',
    'A page table has no domain',
    'domain_data is the address of an iommu_domain_ser: in preserved memory, behind the 16 bytes that each page of the array begins with.',
  ],
  reclaimed: [
    'warning',
    'none',
    'A page table is reclaimed already',
    'The receiver sets reclaimed once userspace has a page table back. It is 0 in all that a kernel hands over, so this was captured after the restore began, or is damaged.',
  ],
  padding: [
    'warning',
    'unnoticed',
    'Padding of a page table is not zero',
    'The 7 bytes behind reclaimed are 0.',
  ],
});
