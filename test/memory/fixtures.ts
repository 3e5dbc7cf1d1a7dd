import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { bytesSource, type Image, isAbsence, type OpenOptions, openImage } from '../../src/memory/index.js';

export function fixturePath(name: string): string {
  return fileURLToPath(new URL(`../../fixtures/${name}`, import.meta.url));
}
/** The bytes of a fixture as they are. */
export function fixture(name: string): Uint8Array {
  return new Uint8Array(readFileSync(fixturePath(name)));
}
/** The bytes of a fixture that is stored gzipped. */
export function unzipped(name: string): Uint8Array {
  return new Uint8Array(gunzipSync(fixture(`${name}.gz`)));
}
export function openFixture(name: string, options?: OpenOptions): Image {
  return openImage(bytesSource(unzipped(name)), options);
}
export function bytesAt(image: Image, address: bigint, length: number): Uint8Array {
  const answer = image.read(address, length);
  if (isAbsence(answer))
    throw new Error(`0x${answer.address.toString(16)}: ${answer.absent}: ${answer.detail}`);
  return answer;
}
/** Why there is nothing at an address; undefined if there is something. */
export function absentAt(image: Image, address: bigint): string | undefined {
  const answer = image.read(address, 1);
  return isAbsence(answer) ? answer.absent : undefined;
}
/** CRC-32 by address of all memory that the dumps of fixtures/memory hold. */
export const PAGES: ReadonlyMap<bigint, string> = new Map(
  Object.entries(
    JSON.parse(readFileSync(fixturePath('memory/pages.json'), 'utf8')) as Record<string, string>,
  ).map(([address, crc]) => [BigInt(address), crc]),
);

/** Node has had it since 20.15, its types have it later. */
export function crc32(bytes: Uint8Array): string {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ((crc ^ 0xffffffff) >>> 0).toString(16).padStart(8, '0');
}
