/** Copies of captures that can be changed. */
import { type Handover, type HandoverOptions, openHandover } from '../../../src/formats/kho/index.js';
import type { Image } from '../../../src/memory/index.js';
import { bytesAt, openFixture } from '../../memory/fixtures.js';
import { Memory } from './builder.js';
import { CAPTURES, type Capture } from './support.js';

const images = new Map<Capture, Image>();

/** All memory of a capture. */
export function copyOf(name: Capture): Memory {
  const image = images.get(name) ?? openFixture(CAPTURES[name]);
  images.set(name, image);
  const memory = new Memory();
  for (const { address, size } of image.regions())
    memory.bytes(Number(address), bytesAt(image, address, Number(size)));
  return memory;
}
export function open(memory: Memory, name: Capture, options?: HandoverOptions): Handover {
  return openHandover(memory.image(name === 'arm64' ? 183 : 62), options);
}
/** Physical address of what is at a path. */
export function addressOf(handover: Handover, path: string): number {
  const found = handover.objects.find((object) => object.path === path);
  if (found === undefined) throw new Error(`nothing is at ${path}`);
  return Number(found.address);
}
export function read(memory: Memory, address: number, size: number): bigint {
  let value = 0n;
  for (let i = size - 1; i >= 0; i--) {
    const at = address + i;
    value = (value << 8n) | BigInt(memory.pages.get(Math.floor(at / 4096))?.[at % 4096] ?? 0);
  }
  return value;
}
