/**
 * The structs of /dev/liveupdate (include/uapi/linux/liveupdate.h). Each begins with its size, as the program
 * that was compiled with it knows it, so that structs can grow at their end.
 */
import { aligned, chars, i32, reserved, type Schema, struct, u32, u64 } from '../../codec/index.js';

/** The type of all its ioctls. They are `_IO`: the number does not tell the size. */
export const LIVEUPDATE_IOCTL_TYPE = 0xba;

export const LiveupdateIoctlCreateSession = struct('liveupdate_ioctl_create_session', {
  size: u32,
  fd: i32,
  name: chars(64),
});
export const LiveupdateIoctlRetrieveSession = struct('liveupdate_ioctl_retrieve_session', {
  size: u32,
  fd: i32,
  name: chars(64),
});
export const LiveupdateSessionPreserveFd = struct('liveupdate_session_preserve_fd', {
  size: u32,
  fd: i32,
  token: aligned(u64, 8),
});
export const LiveupdateSessionRetrieveFd = struct('liveupdate_session_retrieve_fd', {
  size: u32,
  fd: i32,
  token: aligned(u64, 8),
});
export const LiveupdateSessionFinish = struct('liveupdate_session_finish', {
  size: u32,
  reserved: reserved(u32),
});
export const LiveupdateSessionGetName = struct('liveupdate_session_get_name', {
  size: u32,
  reserved: reserved(u32),
  name: chars(64),
});

export interface LiveupdateIoctl {
  readonly name: string;
  /** The whole number, `_IO(0xba, nr)`. */
  readonly number: number;
  /** What it is called on. */
  readonly on: 'device' | 'session';
  readonly schema: Schema;
  /** Bytes of the struct in the kernel, and the fewest that it takes. */
  readonly size: number;
  readonly least: number;
  /** The release of Linux that has it first. */
  readonly since: string;
}

function ioctl(
  name: string,
  nr: number,
  on: 'device' | 'session',
  schema: Schema,
  size: number,
  since: string,
): LiveupdateIoctl {
  return Object.freeze({
    name,
    number: (LIVEUPDATE_IOCTL_TYPE << 8) | nr,
    on,
    schema,
    size,
    least: size,
    since,
  });
}

export const LIVEUPDATE_IOCTLS: readonly LiveupdateIoctl[] = Object.freeze([
  ioctl('LIVEUPDATE_IOCTL_CREATE_SESSION', 0x00, 'device', LiveupdateIoctlCreateSession, 72, '6.19'),
  ioctl('LIVEUPDATE_IOCTL_RETRIEVE_SESSION', 0x01, 'device', LiveupdateIoctlRetrieveSession, 72, '6.19'),
  ioctl('LIVEUPDATE_SESSION_PRESERVE_FD', 0x40, 'session', LiveupdateSessionPreserveFd, 16, '6.19'),
  ioctl('LIVEUPDATE_SESSION_RETRIEVE_FD', 0x41, 'session', LiveupdateSessionRetrieveFd, 16, '6.19'),
  ioctl('LIVEUPDATE_SESSION_FINISH', 0x42, 'session', LiveupdateSessionFinish, 8, '6.19'),
  ioctl('LIVEUPDATE_SESSION_GET_NAME', 0x43, 'session', LiveupdateSessionGetName, 72, '7.2'),
]);

/** What the kernel makes of an argument. */
export type ArgumentVerdict =
  | {
      readonly ok: true;
      readonly ioctl: LiveupdateIoctl;
      /** The struct as the kernel sees it: cut or filled with zeros to its own size. */
      readonly bytes: Uint8Array;
      /** Bytes of the answer that are copied back. */
      readonly copied: number;
    }
  | {
      readonly ok: false;
      readonly errno: 'EINVAL' | 'E2BIG' | 'ENOTTY' | 'EFAULT';
      readonly because: string;
    };

/**
 * Applies the rules of size-prefixed structs: a size below the smallest is EINVAL; one above the kernel's is
 * E2BIG unless all that the kernel does not know is zero.
 */
export function checkArgument(
  number: number,
  on: 'device' | 'session',
  argument: Uint8Array,
  little = true,
): ArgumentVerdict {
  const isOurs = number >>> 8 === LIVEUPDATE_IOCTL_TYPE;
  const ioctl = LIVEUPDATE_IOCTLS.find((candidate) => candidate.number === number && candidate.on === on);
  if (ioctl === undefined)
    return isOurs
      ? { ok: false, errno: 'EINVAL', because: `there is no ioctl 0x${number.toString(16)} on a ${on}` }
      : { ok: false, errno: 'ENOTTY', because: `0x${number.toString(16)} is no ioctl of /dev/liveupdate` };
  if (argument.length < 4) return { ok: false, errno: 'EFAULT', because: 'there is no size to read' };
  const size = new DataView(argument.buffer, argument.byteOffset, argument.length).getUint32(0, little);
  if (size < ioctl.least)
    return {
      ok: false,
      errno: 'EINVAL',
      because: `size is ${size}, the struct has at least ${ioctl.least} bytes`,
    };
  const known = Math.min(size, ioctl.size);
  if (argument.length < known)
    return {
      ok: false,
      errno: 'EFAULT',
      because: `size is ${size}, but only ${argument.length} bytes are there`,
    };
  if (argument.subarray(ioctl.size, size).some((byte) => byte !== 0))
    return {
      ok: false,
      errno: 'E2BIG',
      because: `size is ${size}, and something behind the ${ioctl.size} bytes that the kernel knows is not zero`,
    };
  if (argument.length < size)
    return {
      ok: false,
      errno: 'EFAULT',
      because: `size is ${size}, but only ${argument.length} bytes are there`,
    };
  const bytes = new Uint8Array(ioctl.size);
  bytes.set(argument.subarray(0, known));
  return { ok: true, ioctl, bytes, copied: known };
}
