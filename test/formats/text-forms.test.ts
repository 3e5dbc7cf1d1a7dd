import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { inany, ipv4, ipv6, mac } from '../../src/formats/text-forms.js';

describe('IPv6 as RFC 5952 writes it', () => {
  it.each([
    ['20010db8000000000000000000000001', '2001:db8::1'],
    ['20010db8000000010001000100010001', '2001:db8:0:1:1:1:1:1'],
    ['20010000000000010000000000000001', '2001:0:0:1::1'],
    ['20010db8000000000001000000000001', '2001:db8::1:0:0:1'],
    ['00000000000000000000000000000000', '::'],
    ['00000000000000000000000000000001', '::1'],
    ['fe800000000000000000000000000000', 'fe80::'],
    ['00000000000000000000ffffc0000201', '::ffff:192.0.2.1'],
    ['2001ABCD000100020003000400050006', '2001:abcd:1:2:3:4:5:6'],
  ])('%s: %s', (hex, text) => {
    const bytes = new Uint8Array(Buffer.from(hex, 'hex'));
    expect(ipv6.print(bytes)).toBe(text);
    expect(ipv6.parse(text)).toEqual(bytes);
  });
  it.each([
    '',
    ':',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7::8',
    '12345::',
    'g::',
    '::1.2.3',
    '1.2.3.4::',
    '::1%eth0',
  ])('%s is none', (text) => {
    expect(ipv6.parse(text)).toBeUndefined();
  });
  it('reads other spellings', () => {
    expect(ipv6.parse('2001:0DB8:0:0::0001')).toEqual(ipv6.parse('2001:db8::1'));
    expect(ipv6.parse('::ffff:c000:201')).toEqual(ipv6.parse('::ffff:192.0.2.1'));
  });
});

it.each(['1.2.3', '1.2.3.256', '01.2.3.4', '1.2.3.4.5', '1.2.3.4 '])('%s is no IPv4 address', (text) => {
  expect(ipv4.parse(text)).toBeUndefined();
});
it('v4-mapped addresses are written as IPv4', () => {
  expect(inany.print(inany.parse('192.0.2.1') ?? new Uint8Array())).toBe('192.0.2.1');
  expect(inany.parse('::ffff:192.0.2.1')).toEqual(inany.parse('192.0.2.1'));
  expect(inany.print(Uint8Array.from({ length: 16 }, (_, i) => (i === 11 ? 0xfe : 0)))).toBe('::fe:0:0');
});
it.each([
  [ipv4, 4],
  [ipv6, 16],
  [inany, 16],
  [mac, 6],
] as const)('%o: any bytes print and parse back', (form, length) => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: length, maxLength: length }), (bytes) => {
      expect(form.parse(form.print(bytes) ?? '')).toEqual(bytes);
    }),
  );
  expect(form.print(new Uint8Array(length + 1))).toBeUndefined();
});
