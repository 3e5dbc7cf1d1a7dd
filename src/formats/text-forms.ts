/** How people write the byte arrays that are addresses: IPv4, IPv6 (RFC 5952), MAC, and passt's either-or. */
import type { TextForm } from '../codec/index.js';

/** `192.0.2.1`, 4 bytes. */
export const ipv4: TextForm = Object.freeze({ name: 'IPv4 address', print: printIPv4, parse: parseIPv4 });
/** `2001:db8::1`, 16 bytes. Printed as RFC 5952 says; read in every form of RFC 4291. */
export const ipv6: TextForm = Object.freeze({ name: 'IPv6 address', print: printIPv6, parse: parseIPv6 });
/** `52:54:00:12:34:56`, 6 bytes. */
export const mac: TextForm = Object.freeze({ name: 'MAC address', print: printMAC, parse: parseMAC });
/** 16 bytes that are an IPv6 address, or an IPv4 one in v4-mapped form, which is written as IPv4. */
export const inany: TextForm = Object.freeze({
  name: 'IPv4 or IPv6 address',
  print: (bytes: Uint8Array) => (isV4Mapped(bytes) ? printIPv4(bytes.subarray(12)) : printIPv6(bytes)),
  parse: (text: string) => {
    const four = parseIPv4(text);
    return four === undefined ? parseIPv6(text) : v4Mapped(four);
  },
});

/** Whether 16 bytes are `::ffff:a.b.c.d`. */
export function isV4Mapped(bytes: Uint8Array): boolean {
  if (bytes.length !== 16 || bytes[10] !== 0xff || bytes[11] !== 0xff) return false;
  for (let i = 0; i < 10; i++) if (bytes[i] !== 0) return false;
  return true;
}
/** The v4-mapped form of an IPv4 address. */
export function v4Mapped(four: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(16);
  bytes.fill(0xff, 10, 12);
  bytes.set(four, 12);
  return bytes;
}

function printIPv4(bytes: Uint8Array): string | undefined {
  return bytes.length === 4 ? bytes.join('.') : undefined;
}
function parseIPv4(text: string): Uint8Array | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (match === null) return undefined;
  const parts = match.slice(1).map(Number);
  // A leading zero means octal to some readers, so it is not taken.
  return parts.some((part, i) => part > 255 || String(part) !== match[i + 1])
    ? undefined
    : Uint8Array.from(parts);
}

function printIPv6(bytes: Uint8Array): string | undefined {
  if (bytes.length !== 16) return undefined;
  if (isV4Mapped(bytes)) return `::ffff:${printIPv4(bytes.subarray(12))}`;
  const groups = Array.from({ length: 8 }, (_, i) => (bytes[2 * i] ?? 0) * 256 + (bytes[2 * i + 1] ?? 0));
  // The longest run of two or more zero groups is left out, of equal ones the first.
  let from = 0;
  let length = 0;
  for (let i = 0; i < 8; i++) {
    let run = 0;
    while (i + run < 8 && groups[i + run] === 0) run++;
    if (run > length) [from, length] = [i, run];
  }
  const text = (part: number[]): string => part.map((group) => group.toString(16)).join(':');
  return length < 2 ? text(groups) : `${text(groups.slice(0, from))}::${text(groups.slice(from + length))}`;
}
function parseIPv6(text: string): Uint8Array | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const head = groupsOf(halves[0] ?? '', halves.length === 1);
  const tail = halves.length === 2 ? groupsOf(halves[1] ?? '', true) : [];
  if (head === undefined || tail === undefined) return undefined;
  const left = 8 - head.length - tail.length;
  if (halves.length === 1 ? left !== 0 : left < 1) return undefined;
  const bytes = new Uint8Array(16);
  for (const [i, group] of [...head, ...Array<number>(Math.max(0, left)).fill(0), ...tail].entries()) {
    bytes[2 * i] = group >> 8;
    bytes[2 * i + 1] = group & 0xff;
  }
  return bytes;
}
/** The 16-bit groups of a part of an IPv6 address; the last may be an IPv4 address, which is two groups. */
function groupsOf(text: string, last: boolean): number[] | undefined {
  if (text === '') return [];
  const groups: number[] = [];
  const parts = text.split(':');
  for (const [i, part] of parts.entries()) {
    const four = last && i === parts.length - 1 ? parseIPv4(part) : undefined;
    if (four !== undefined) {
      const [a = 0, b = 0, c = 0, d = 0] = four;
      groups.push(a * 256 + b, c * 256 + d);
    } else if (/^[0-9a-f]{1,4}$/i.test(part)) groups.push(Number.parseInt(part, 16));
    else return undefined;
  }
  return groups;
}

function printMAC(bytes: Uint8Array): string | undefined {
  return bytes.length === 6
    ? Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(':')
    : undefined;
}
function parseMAC(text: string): Uint8Array | undefined {
  if (!/^[0-9a-f]{2}([:-][0-9a-f]{2}){5}$/i.test(text)) return undefined;
  return Uint8Array.from(text.split(/[:-]/), (part) => Number.parseInt(part, 16));
}
