import { describe, expect, it } from 'vitest';
import { ABI, decode, sizeof } from '../../../src/codec/index.js';
import {
  checkArgument,
  LIVEUPDATE_IOCTLS,
  LiveupdateSessionPreserveFd,
} from '../../../src/formats/liveupdate/index.js';

describe('the structs of /dev/liveupdate', () => {
  it.each(LIVEUPDATE_IOCTLS)('$name has $size bytes on machines of 64 and of 32 bits', ({ schema, size }) => {
    expect(sizeof(schema, ABI.x86_64)).toBe(size);
    expect(sizeof(schema, ABI.i386)).toBe(size);
    expect(sizeof(schema, ABI.aarch64)).toBe(size);
  });
  it('have the numbers of the header', () => {
    expect(LIVEUPDATE_IOCTLS.map(({ number }) => number)).toEqual([
      0xba00, 0xba01, 0xba40, 0xba41, 0xba42, 0xba43,
    ]);
  });
  it('decode', () => {
    const bytes = new Uint8Array(16);
    new DataView(bytes.buffer).setUint32(0, 16, true);
    new DataView(bytes.buffer).setInt32(4, -1, true);
    new DataView(bytes.buffer).setBigUint64(8, 0x1001n, true);
    expect(decode(LiveupdateSessionPreserveFd, bytes, { abi: ABI.x86_64 })).toEqual({
      size: 16,
      fd: -1,
      token: 0x1001n,
    });
  });
});

describe('sizes', () => {
  const argument = (size: number, length: number, fill?: readonly [number, number]): Uint8Array => {
    const bytes = new Uint8Array(length);
    new DataView(bytes.buffer).setUint32(0, size, true);
    if (fill !== undefined) bytes[fill[0]] = fill[1];
    return bytes;
  };
  it('below the smallest are EINVAL', () => {
    expect(checkArgument(0xba40, 'session', argument(15, 16))).toMatchObject({ ok: false, errno: 'EINVAL' });
  });
  it('above the kernel’s are taken if the rest is zero, and E2BIG otherwise', () => {
    expect(checkArgument(0xba40, 'session', argument(24, 24))).toMatchObject({ ok: true, copied: 16 });
    expect(checkArgument(0xba40, 'session', argument(24, 24, [23, 1]))).toMatchObject({
      ok: false,
      errno: 'E2BIG',
    });
  });
  it('an unknown number is EINVAL, another type ENOTTY, the wrong file EINVAL', () => {
    expect(checkArgument(0xba44, 'session', argument(16, 16))).toMatchObject({ ok: false, errno: 'EINVAL' });
    expect(checkArgument(0xbb40, 'session', argument(16, 16))).toMatchObject({ ok: false, errno: 'ENOTTY' });
    expect(checkArgument(0xba00, 'session', argument(72, 72))).toMatchObject({ ok: false, errno: 'EINVAL' });
  });
  it('what cannot be read is EFAULT', () => {
    expect(checkArgument(0xba00, 'device', argument(72, 40))).toMatchObject({ ok: false, errno: 'EFAULT' });
    expect(checkArgument(0xba00, 'device', new Uint8Array(2))).toMatchObject({ ok: false, errno: 'EFAULT' });
  });
});
