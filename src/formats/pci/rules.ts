/** What must hold of the devices that the PCI core hands over. */
import { ruleTable } from '../kho/findings.js';

export const PCI = ruleTable('pci', {
  version: [
    'error',
    'refused',
    'The version is not known',
    'The accepted form begins with a version that is promised never to move: 1, and 2 since refcount counts the devices below a bridge as well. A kernel takes only its own.',
  ],
  capacity: [
    'error',
    'overrun',
    'There are more devices than there is room for',
    'nr_devices is at most max_nr_devices, and all entries lie in the block that was allocated for them.',
  ],
  count: [
    'error',
    'silent loss',
    'The number of devices is not that of the entries in use',
    'nr_devices counts the entries whose refcount is not 0; up to v3, where no refcount tells, all that were written. Restored devices are counted down from it, so that the data is freed too early, or never.',
  ],
  order: [
    'error',
    'silent loss',
    'The devices are not in ascending order',
    'Up to v3 the entries ascend by domain and bdf, and the receiver searches them by halves: what is out of order is not found.',
  ],
  duplicate: [
    'error',
    'silent loss',
    'A device is there twice',
    'A device has one entry. The first one is found, the other one stays for good.',
  ],
  refcount: [
    'error',
    'silent loss',
    'A refcount is above 1',
    'Where refcount does not count the devices below a bridge, it is 1 for a device in use and 0 for a free entry.',
  ],
  'refcount-below': [
    'error',
    'silent loss',
    'A refcount counts more devices than there are below',
    'refcount is the number of preserved devices at the device and below it. All of these have an entry, and those below a bridge have a higher bus number in the same domain, so there cannot be more than that.',
  ],
  reserved: [
    'warning',
    'unnoticed',
    'The last word of an entry is neither padding nor a refcount',
    'In v3 the last two bytes of an entry were padding at first, then a refcount of 1.',
  ],
});
