/** Specs of siblings built, written as a dump, and opened again. */
import { buildHandover, contentsOfBuilt, type HandoverSpec } from '../../../src/build/index.js';
import { type Handover, type HandoverOptions, openHandover } from '../../../src/formats/kho/index.js';
import { bytesSource, openImage, writeMemory } from '../../../src/memory/index.js';

export function opened(spec: HandoverSpec, options: HandoverOptions = {}): Handover {
  const bytes = Buffer.concat([...writeMemory('elf', contentsOfBuilt(buildHandover(spec)))]);
  return openHandover(openImage(bytesSource(new Uint8Array(bytes))), options);
}
