/** A memory image as what the codec follows pointers into. */
import type { Memory } from '../codec/index.js';
import { type Image, isAbsence } from './image.js';

/** Virtual addresses are followed where the dump’s segments tell where they are. */
export function codecMemory(image: Image): Memory {
  return {
    read(space, address, length) {
      const physical = space === 'phys' ? address : image.toPhysical(address);
      if (physical === undefined) return undefined;
      const answer = image.read(physical, length);
      return isAbsence(answer) ? undefined : answer;
    },
  };
}
