/** Root, pages and slots: rules about where things lie, whatever they mean. */

import type { HandoverRule } from '../kho/findings.js';
import { KHO } from '../kho/rules.js';
import { hexText, many, type Walk } from '../kho/walk.js';
import type { ArrayIssue, ArrayIssueKind } from './arrays.js';
import type { FoundState } from './objects.js';
import { IOMMU_KINDS } from './profiles.js';
import { IOMMU } from './rules.js';
import { hasUnused, integerAt, KIND_NAMES, slotsOf } from './slots.js';

const RULES: Readonly<Record<ArrayIssueKind, HandoverRule>> = Object.freeze({
  none: IOMMU['array-none'],
  unaligned: IOMMU['page-unaligned'],
  absent: KHO['memory-absent'],
  cycle: IOMMU['page-cycle'],
  shared: IOMMU['page-shared'],
  count: IOMMU['page-count'],
  'not-full': IOMMU['page-not-full'],
  total: IOMMU.total,
  tail: IOMMU.tail,
  limit: KHO.limit,
});

/** Reports what reading the pages found, and looks at what only the chosen profile can be asked for. */
export function checkArrays(walk: Walk, state: FoundState, data: bigint, name: string): void {
  const { profile, path, arrays } = state;
  const { pageSize, map } = walk;
  if (profile.compatible !== name)
    walk.find(
      IOMMU.name,
      path,
      data,
      `The data is called ${JSON.stringify(name)} and is laid out as ${profile.name}, which is called ${JSON.stringify(profile.compatible)}.`,
    );
  if (profile.version !== undefined && arrays.version !== profile.version)
    walk.find(
      IOMMU.version,
      `${path}.root.version`,
      data,
      `The version is ${arrays.version}; ${profile.version} is known.`,
    );
  if (!walk.isAligned(data))
    walk.find(IOMMU.root, `${path}.root`, data, `The root at ${hexText(data)} is not page aligned.`);
  else if (map.complete && !map.covers(data, profile.root.size))
    walk.find(IOMMU.root, `${path}.root`, data, `The root at ${hexText(data)} is not preserved.`);
  walk.claims.add(walk.pfn(data), 1, `${path}.root`);
  if (arrays.rootTail)
    walk.find(
      IOMMU.tail,
      `${path}.root`,
      data + BigInt(profile.root.size),
      `Something stands behind the ${many(profile.root.size, 'byte')} of the root.`,
    );
  for (const issue of arrays.issues) report(walk, state, issue);
  for (const kind of IOMMU_KINDS)
    for (const [i, { address, used, first }] of arrays.chains[kind].pages.entries()) {
      const where = `${path}.${kind}`;
      walk.object(`${where}.pages[${i}]`, profile.page.schema, address, 16);
      walk.claims.add(walk.pfn(address), 1, where);
      if (map.complete && !map.covers(address, pageSize))
        walk.find(
          IOMMU['page-not-preserved'],
          where,
          address,
          `Page ${i} of the ${KIND_NAMES[kind][1]} at ${hexText(address)}, with ${many(used, 'slot')} from ${first} on, is not preserved.`,
        );
    }
  checkSlots(walk, state);
}

function report(
  walk: Walk,
  { path, arrays }: FoundState,
  { issue, kind, page, address, sentence }: ArrayIssue,
): void {
  const also = (other: ArrayIssueKind): boolean =>
    arrays.issues.some((each) => each.issue === other && each.kind === kind && each.page === page);
  // An address that cannot be that of a page was told, and a total needs pages to differ from.
  if ((issue === 'absent' && also('unaligned')) || (issue === 'total' && also('none'))) return;
  const { map } = walk;
  // What is not preserved is lost, whether the dump has it or not.
  if (issue === 'absent' && address !== undefined && map.complete && !map.covers(address, walk.pageSize)) {
    walk.find(
      IOMMU['page-not-preserved'],
      `${path}.${kind}`,
      address,
      `Page ${page} of the ${KIND_NAMES[kind][1]} at ${hexText(address)} is not preserved, nor in the dump.`,
    );
    return;
  }
  const rule = RULES[issue];
  if (issue === 'absent' && walk.blind) return;
  walk.find(rule, `${path}.${kind}`, address, `Page ${page} of the ${KIND_NAMES[kind][1]}: ${sentence}.`);
}

function checkSlots(walk: Walk, { profile, arrays, path, iommus, devices }: FoundState): void {
  const typeOf = {
    iommus: iommus.map(({ type }) => type),
    domains: [],
    devices: devices.map(({ iommu }) => iommu?.type),
  };
  const slots = slotsOf(profile, walk.abi);
  for (const kind of IOMMU_KINDS) {
    const { at, unusedOf } = slots[kind];
    const [one] = KIND_NAMES[kind];
    for (const { address, bytes, ordinal } of arrays.chains[kind].slots) {
      const where = `${path}.${kind}[${ordinal}]`;
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      const idx = at.idx === undefined ? undefined : integerAt(view, 0, at.idx, walk.little);
      if (idx !== undefined && idx !== BigInt(ordinal))
        walk.find(IOMMU.idx, where, address, `The ${one} in slot ${ordinal} has the idx ${idx}.`);
      const flags = at.flags === undefined ? 0n : integerAt(view, 0, at.flags, walk.little);
      if (hasUnused(bytes, unusedOf(typeOf[kind][ordinal] ?? 0)) || flags > 3n)
        walk.find(
          IOMMU.reserved,
          where,
          address,
          flags > 3n
            ? `The flags of the ${one} are ${hexText(flags)}; 3 is all that is known.`
            : `The ${one} has bits set that no member has.`,
        );
    }
  }
  const sign = slots.domains.at.sign_extend;
  // The bit of C to F0 can be 0 or 1 only; the byte of F1 can be anything.
  if (sign === undefined || sign.bit !== undefined) return;
  for (const { address, bytes, ordinal } of arrays.chains.domains.slots) {
    const value = bytes[sign.offset] ?? 0;
    if (value > 1)
      walk.find(
        IOMMU.reserved,
        `${path}.domains[${ordinal}].sign_extend`,
        address + BigInt(sign.offset),
        `sign_extend is ${value}; it is 0 or 1.`,
      );
  }
}
