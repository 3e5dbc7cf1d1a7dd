/** Machines: the presets, and others made from their parts. */
import type fc from 'fast-check';
import { ABI, ABI_NAMES, type ABIName, makeABI } from '../codec/abi.js';
import { type Draw, fromChoices } from './choices.js';

/** An ABI: half of the time a preset, else any combination of parts that a compiler could have. */
export function arbitraryABI(): fc.Arbitrary<ABI> {
  return fromChoices(makeAnyABI);
}

function makeAnyABI(draw: Draw): ABI {
  if (draw.below(2) === 0) return ABI[draw.pick(ABI_NAMES as readonly [ABIName, ...ABIName[]])];
  const two = draw.pick([2, 1]);
  const four = draw.pick([4, 2]);
  return makeABI({
    endian: draw.pick(['little', 'big']),
    bitOrder: draw.pick(['lsb', 'msb']),
    pointerSize: draw.pick([8, 4]),
    longSize: draw.pick([8, 4]),
    timeSize: draw.pick([8, 4]),
    alignments: { 2: two, 4: Math.max(two, four), 8: Math.max(two, four, draw.pick([8, 4, 2])) },
    bitFieldTypeMatters: draw.below(2) === 0,
    unnamedBitsAlign: draw.below(2) === 1,
    pageSize: draw.pick([4096, 16384, 65536]),
  });
}
