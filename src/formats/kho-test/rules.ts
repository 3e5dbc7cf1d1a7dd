/** What must hold of what the kernel's own test of KHO preserved. */
import { ruleTable } from '../kho/findings.js';

export const KHO_TEST = ruleTable('kho-test', {
  compatible: [
    'error',
    'refused',
    'The test is of another version',
    'kho-test-v1 with the magic number 0x4b484f21 is the only one.',
  ],
  property: [
    'error',
    'refused',
    'The data of the test is incomplete',
    'nr_folios, folios_info and csum have to be there.',
  ],
  'folios-info': [
    'error',
    'refused',
    'The list of folios has the wrong length',
    'folios_info has 8 bytes for each folio (6.17), or is a kho_vmalloc of 16 bytes (6.18 on), under the same compatible string.',
  ],
  checksum: [
    'error',
    'refused',
    'The folios of the test do not have the checksum that it wrote',
    'csum is the internet checksum over all folios, which the test fills with random bytes; after restoring them it adds them up again, and prints "KHO restore failed" if the sum differs. How far each architecture folds the sum differs, so it is compared folded to 16 bits, and only where all of the folios are in the dump.',
  ],
  'folio-not-preserved': [
    'error',
    'refused',
    'Folios of the test are not in the map',
    'kho_restore_folio returns nothing for a folio that is not the start of a preserved block of its order, and the test prints "KHO restore failed". A map without them is what finalize after an abort leaves in 6.16 and 6.17: the abort frees the map with all that was in it.',
  ],
});
