/** Compares the page tables of a domain with what is preserved. */

import type { HandoverRule } from '../../kho/findings.js';
import { hexText, many, type Walk } from '../../kho/walk.js';
import { coverageOf, FRAME, type TableProblemKind, type TableWalk } from '../../pgtable/index.js';
import { IOMMU_HW } from './rules.js';
import type { MappingChecks } from './types.js';

/**
 * Rules for what a walk finds. Top level and width are the serialized domain's own, and are checked with it.
 */
const RULES: Readonly<Record<TableProblemKind, HandoverRule | undefined>> = {
  level: undefined,
  undersized: undefined,
  root: IOMMU_HW['table-absent'],
  absent: IOMMU_HW['table-absent'],
  loop: IOMMU_HW['table-loop'],
  shared: IOMMU_HW['table-loop'],
  reserved: IOMMU_HW['entry-reserved'],
  'level-mismatch': IOMMU_HW['entry-reserved'],
  'page-size': IOMMU_HW['entry-reserved'],
  misaligned: IOMMU_HW['entry-reserved'],
  replica: IOMMU_HW['entry-reserved'],
  'not-present': IOMMU_HW['entry-stale'],
  unreachable: IOMMU_HW['entry-unreachable'],
  limit: IOMMU_HW.limit,
};

/** What is listed of mappings that lead outside, for each domain. */
const LISTED = 16;

/**
 * Reports what is wrong with the tables of a domain, pages of them that are not preserved, and mappings that lead
 * outside of preserved guest memory; and owns the pages of the tables, under the path of the domain.
 */
export function checkMappings(
  walk: Walk,
  tables: TableWalk,
  path: string,
  { guest }: MappingChecks = { guest: undefined },
): void {
  for (const { kind, address, sentence } of tables.problems) {
    if (kind === 'absent' && walk.blind) continue;
    const rule = RULES[kind];
    if (rule !== undefined) walk.find(rule, path, address, sentence);
  }
  for (const [kind, count] of tables.counts) {
    const rule = RULES[kind];
    const listed = tables.problems.reduce((sum, problem) => sum + (problem.kind === kind ? 1 : 0), 0);
    if (rule !== undefined && count > listed && !(kind === 'absent' && walk.blind))
      walk.find(
        rule,
        path,
        undefined,
        `${many(count - listed, 'more such entry', 'more such entries')} of this domain.`,
      );
  }
  checkPages(walk, tables, path);
  if (guest?.complete === true) checkTargets(walk, tables, path, guest);
}

function checkPages(walk: Walk, { tables }: TableWalk, path: string): void {
  const preserved = walk.map.complete ? coverageOf(walk.map) : undefined;
  const scale = walk.pageSize / FRAME;
  let missing = 0;
  let first = 0;
  for (let i = 0; i < tables.length; i++) {
    const frame = tables.frameAt(i);
    const frames = Math.max(1, tables.sizeAt(i) / FRAME);
    const page = Math.floor(frame / scale);
    walk.claims.add(page, Math.floor((frame + frames - 1) / scale) - page + 1, path);
    if (preserved?.firstOutside(frame, frames) === undefined) continue;
    if (missing++ === 0) first = frame;
  }
  if (missing > 0)
    walk.find(
      IOMMU_HW['table-unpreserved'],
      path,
      BigInt(first) * BigInt(FRAME),
      `${many(missing, 'page')} of ${tables.length} of the tables ${missing === 1 ? 'is' : 'are'} not preserved, the first at ${hexText(BigInt(first) * BigInt(FRAME))}.`,
    );
}

function checkTargets(
  walk: Walk,
  { mappings }: TableWalk,
  path: string,
  guest: NonNullable<MappingChecks['guest']>,
): void {
  let outside = 0;
  for (let i = 0; i < mappings.length; i++) {
    const phys = mappings.physFrameAt(i);
    const frames = mappings.framesAt(i);
    const at = guest.firstOutside(phys, frames);
    if (at === undefined) continue;
    if (outside++ >= LISTED) continue;
    const iova = BigInt(mappings.iovaFrameAt(i) + (at - phys)) * BigInt(FRAME);
    const target = BigInt(at) * BigInt(FRAME);
    walk.find(
      IOMMU_HW['map-outside'],
      path,
      target,
      `${hexText(iova)} leads to ${hexText(target)}, which is no preserved guest memory.`,
    );
  }
  if (outside > LISTED)
    walk.find(
      IOMMU_HW['map-outside'],
      path,
      undefined,
      `${many(outside - LISTED, 'more mapping')} of ${mappings.length} lead outside of preserved guest memory too.`,
    );
}
