/** The error numbers of Linux that a passt target answers with. */
export const ERRNO = Object.freeze({
  ENOENT: 2,
  EAGAIN: 11,
  EINVAL: 22,
  EFBIG: 27,
  ENODATA: 61,
  ENOTSUP: 95,
  EAFNOSUPPORT: 97,
  EADDRNOTAVAIL: 99,
});
export type Errno = keyof typeof ERRNO;

/** passt's int result as the u64 that it answers to CHECK_DEVICE_STATE. */
export function deviceState(result: number): bigint {
  return BigInt.asUintN(64, BigInt(result));
}
export function deviceStateText(result: bigint): string {
  return `0x${result.toString(16)}`;
}
