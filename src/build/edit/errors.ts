/** Errors of edits. Their codes are those of the state: what a stream refuses, a dump refuses in the same words. */
import { CarryoverError } from '../../codec/index.js';
import { memoryError } from '../../memory/codes.js';
import type { Absence } from '../../memory/index.js';
import type { StateCode } from '../../state/index.js';

/** `edit-impossible`: the reason names the path and says what would do instead. */
export function impossible(reason: string): CarryoverError {
  return new CarryoverError('edit-impossible' satisfies StateCode, reason);
}

/** `memory-absent`: what was to be changed is not in the dump. */
export function absentFor(path: string, { address, detail, absent }: Absence): CarryoverError {
  return memoryError(
    'memory-absent',
    `${path} cannot be changed: the memory at 0x${address.toString(16)} is not in the dump: ${detail}`,
    { found: absent },
  );
}
