/** What must hold of a preserved eventfd. */
import { ruleTable } from '../kho/findings.js';

export const EVENTFD = ruleTable('eventfd', {
  count: [
    'warning',
    'unnoticed',
    'The counter is at its limit',
    'The counter is at most 2^64 - 2: with more, a write would wrap it. 2^64 - 1 is what an overflow of signals leaves.',
  ],
  flags: [
    'error',
    'refused',
    'A flag is not known',
    'EFD_SEMAPHORE, EFD_NONBLOCK and EFD_CLOEXEC are all there are. Creating the eventfd again fails with -EINVAL.',
  ],
});
