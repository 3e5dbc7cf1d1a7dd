import { describe, expect, it } from 'vitest';
import { ABI, encode, sizeof, toHex } from '../../../src/codec/index.js';
import { DmabufSer, type DmabufValue } from '../../../src/formats/dmabuf/index.js';
import { EVENTFD, EventfdSer, type EventfdValue } from '../../../src/formats/eventfd/index.js';
import type { RxeValue } from '../../../src/formats/rxe/index.js';
import { rulesOf } from '../kho/support.js';
import { fileValue, Machine, words } from '../machine.js';

const of = (compatible: string, data: Uint8Array | number): Machine => {
  const on = new Machine();
  on.file(compatible, data);
  return on;
};

it('sizes and golden bytes', () => {
  for (const abi of Object.values(ABI)) {
    expect(sizeof(EventfdSer, abi)).toBe(12);
    expect(sizeof(DmabufSer, abi)).toBe(6);
  }
  expect(toHex(encode(EventfdSer, { count: 5n, flags: 0x801 }, { abi: ABI.x86_64 }))).toBe(
    '050000000000000001080000',
  );
  expect(toHex(encode(DmabufSer, { domain: 1, bdf: 0x3a08 }, { abi: ABI.s390x }))).toBe('000000013a08');
});

describe('eventfd-v1', () => {
  it('is decoded', () => {
    const handover = of('eventfd-v1', words([8, 5], [4, 0x80801])).open();
    expect(rulesOf(handover)).toEqual([]);
    expect(fileValue<EventfdValue>(handover, 'eventfd')).toEqual({ count: 5n, flags: 0x80801 });
  });
  it.each<[keyof typeof EVENTFD, Uint8Array]>([
    ['count', words([8, -1], [4, 0])],
    ['flags', words([8, 0], [4, 2])],
  ])('%s', (rule, bytes) => {
    expect(rulesOf(of('eventfd-v1', bytes).open())).toEqual([EVENTFD[rule].name]);
  });
});

it('dmabuf-v1 is the device that exported it', () => {
  const handover = of('dmabuf-v1', words([4, 1], [2, 0x3a08])).open();
  expect(rulesOf(handover)).toEqual([]);
  expect(fileValue<DmabufValue>(handover, 'dmabuf')).toEqual({
    domain: 1,
    bdf: 0x3a08,
    address: '0001:3a:01.0',
  });
});

describe('rxe-liveupdate-v1', () => {
  it.each([
    ['nothing', 0],
    ['a word', 5],
    ['a preserved block', Uint8Array.of(1)],
  ])('has %s', (what, data) => {
    const handover = of('rxe-liveupdate-v1', data).open();
    expect(rulesOf(handover)).toEqual([]);
    expect(fileValue<RxeValue>(handover, 'rxe')).toEqual({ data_is: what });
  });
});
