/** What the file of an eventfd hands over. Packed. */
import { flags, hex, struct, u32, u64 } from '../../codec/index.js';

export const EventfdFlags = flags('eventfd_flags', hex(u32), {
  EFD_SEMAPHORE: 1,
  EFD_NONBLOCK: 0x800,
  EFD_CLOEXEC: 0x80000,
});
export const EventfdSer = struct('eventfd_ser', { count: u64, flags: EventfdFlags }, { packed: true });
