/** What must hold of the VFIO devices that are preserved, and between them and what they belong to. */
import { ruleTable } from '../kho/findings.js';

export const VFIO_PCI = ruleTable('vfio-pci', {
  'config-size': [
    'error',
    'overrun',
    'The size of the configuration space is wrong',
    'A device has 256 bytes of configuration space, or 4096. The receiver copies as many as are said out of arrays of 4096.',
  ],
  reset: [
    'warning',
    'unnoticed',
    'reset_works is neither 0 nor 1',
    'It is a bool of the kernel that wrote it.',
  ],
  'saved-state': [
    'error',
    'overrun',
    'The saved state goes on behind its memory',
    'The saved state is 64 bytes of configuration space, and capabilities with their sizes up to one of size 0. The kernel reads on until it meets it.',
  ],
  'saved-preserved': [
    'error',
    'refused',
    'The saved state is not preserved',
    'pci_saved_state_phys is the address of a preserved page.',
  ],
  'saved-capability': [
    'warning',
    'refused',
    'A capability of the saved state cannot be one',
    'cap_nr is at most 0xff, or 0xffff for an extended one. The receiver finds no capability of the device that it belongs to, and gives the state up.',
  ],
  duplicate: [
    'error',
    'refused',
    'Two files are of the same device',
    'A VFIO device is preserved once. The second file finds the device taken.',
  ],
  'token-cut': [
    'error',
    'refused',
    'The token of the iommufd is cut to 32 bits',
    'Preserving a file gives a token of 64 bits, and the device keeps it in 32. Tokens from 2^32 on are cut, so that the receiver looks for a file that does not exist, or takes another one.',
  ],
  'token-dangling': [
    'error',
    'refused',
    'The token of the iommufd names no iommufd',
    'A device that is attached keeps the token of its iommufd, which is a preserved file of the same session. 0 means that it is not attached.',
  ],
  'pci-entry': [
    'warning',
    'refused',
    'The PCI core does not preserve the device',
    'Where the PCI core hands devices over, each preserved VFIO device is one of them. The next kernel enumerates, resets and binds any other.',
  ],
  'pci-device': [
    'warning',
    'silent loss',
    'The PCI core preserves a device of which there is no file',
    'The device is held for a file that nobody can retrieve.',
  ],
});
