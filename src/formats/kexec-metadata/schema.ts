/** `struct kho_kexec_metadata` (7.1 on): which kernel it came from, and how often. Packed, 73 bytes. */
import { chars, struct, u32 } from '../../codec/index.js';

export const KhoKexecMetadata = struct(
  'kho_kexec_metadata',
  { version: u32, previous_release: chars(65), kexec_count: u32 },
  { packed: true },
);
export const METADATA_SIZE = 73;
export const METADATA_VERSION = 1;
