/** What must hold of the metadata of the kexec. The kernel warns and goes on without it. */
import { ruleTable } from '../kho/findings.js';

export const KEXEC_METADATA = ruleTable('kexec-metadata', {
  size: [
    'error',
    'refused',
    'The blob is too small',
    'The struct has 73 bytes. The kernel warns and ignores a blob that is smaller.',
  ],
  'size-other': ['warning', 'unnoticed', 'The blob is larger than the struct', 'Kernels write blob-size 73.'],
  version: ['error', 'refused', 'The version is not 1', 'The kernel warns and ignores other versions.'],
  release: [
    'error',
    'overrun',
    'The release does not end',
    'previous_release is the uname -r of the kernel before, with its NUL within 65 bytes; it is printed as it is.',
  ],
  count: [
    'warning',
    'unnoticed',
    'The number of kexecs does not fit',
    'kexec_count is 1 after a cold boot and grows with each kexec, so it is at least the number of live updates.',
  ],
});
