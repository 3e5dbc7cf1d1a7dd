/** Random device trees. */
import { FDT_LAYOUTS, type FDTNode, type FDTProperty, writeFDT } from '../../formats/fdt/index.js';
import type { Choices } from './handover-generator.js';

const NAMES = [
  'compatible',
  'reg',
  '#address-cells',
  '#size-cells',
  'size-cells',
  'status',
  'ranges',
  'label',
  'interrupts',
  'linux,kho-fdt',
];

/** A sound tree of a version, in any of its layouts. */
export function randomTree(version: number, choices: Choices): Uint8Array {
  const layout = choices.one(FDT_LAYOUTS);
  const reservations = Array.from({ length: choices.one([0, 0, 1, 3]) }, () => ({
    address: choices.word(),
    size: choices.word() | 1n,
  }));
  const tree = { version, reservations, root: node('', choices, 4) };
  const bootCpuid = version >= 2 ? choices.one([0, 0, 1, 255]) : 0;
  return writeFDT(
    { ...tree, bootCpuid },
    { layout, ...(choices.chance(0.2) ? { padding: 4 * choices.between(1, 64) } : {}) },
  );
}

/** `depth`: of it and what is in it. Names are different within a node. */
function node(name: string, choices: Choices, depth: number): FDTNode {
  const properties = new Map<string, FDTProperty>();
  for (let i = choices.below(6); i > 0; i--) {
    const found = choices.chance(0.7) ? choices.one(NAMES) : choices.name(31);
    properties.set(found, { name: found, value: value(choices) });
  }
  const children = new Map<string, FDTNode>();
  for (let i = depth > 1 ? choices.below(4) : 0; i > 0; i--) {
    const child = choices.chance(0.5)
      ? choices.name(12)
      : `${choices.name(12)}@${choices.below(65536).toString(16)}`;
    children.set(child, node(child, choices, depth - 1));
  }
  return { name, properties: [...properties.values()], children: [...children.values()] };
}

function value(choices: Choices): Uint8Array {
  const kind = choices.below(4);
  if (kind === 0) return new Uint8Array();
  if (kind === 1) return new TextEncoder().encode(`${choices.name(20)}\0`);
  const length = kind === 2 ? 4 * choices.between(1, 4) : choices.between(1, 40);
  return Uint8Array.from({ length }, () => choices.below(256));
}
