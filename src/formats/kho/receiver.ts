/** What a kernel of a given release does with a handover, as trying releases against each other showed it. */

import type { LuoFile, LuoSession } from '../luo/index.js';
import { khoError } from './error.js';
import { EFFECTS, type Effect, Findings, type HandoverFinding, ruleTable } from './findings.js';
import type { MapKind } from './generations.js';
import type { Handover } from './handover.js';
import { isRecord } from './record.js';
import { KHO } from './rules.js';
import { many } from './walk.js';

export interface Receiver {
  /** Of Linux: `7.2`. */
  readonly release: string;
  /** The compatible string that the root has to have. */
  readonly root: string;
  readonly map: MapKind;
  /** Whether a map of 0 is refused. */
  readonly refusesUnfinished: boolean;
  /** The LUO's version; undefined where the kernel has none. */
  readonly luo: string | undefined;
  /** Whether it knows FLBs, and with luo-v1 requires their node. */
  readonly flbs: boolean;
  readonly memfd: string | undefined;
  readonly metadata: boolean;
  /** How the kernel's own test lists its folios. */
  readonly test: 'inline' | 'vmalloc' | undefined;
}

export const RECEIVERS: readonly Receiver[] = Object.freeze([
  receiver('6.16', 'kho-v1', 'bitmaps-512', undefined, false, undefined, undefined),
  receiver('6.17', 'kho-v1', 'bitmaps-512', undefined, false, undefined, 'inline'),
  receiver('6.18', 'kho-v1', 'bitmaps-page', undefined, false, undefined, 'vmalloc'),
  receiver('6.19', 'kho-v1', 'bitmaps-page', 'luo-v1', false, 'memfd-v1', 'vmalloc'),
  receiver('7.0', 'kho-v1', 'bitmaps-page', 'luo-v1', true, 'memfd-v1', 'vmalloc'),
  receiver('7.1', 'kho-v3', 'radix', 'luo-v1', true, 'memfd-v2', 'vmalloc'),
  receiver('7.2', 'kho-v4', 'radix', 'luo-v5', true, 'memfd-v2', 'vmalloc'),
  receiver('7.3', 'kho-v4', 'radix', 'luo-v5', true, 'memfd-v2', 'vmalloc'),
]);

function receiver(
  release: string,
  root: string,
  map: MapKind,
  luo: string | undefined,
  flbs: boolean,
  memfd: string | undefined,
  test: 'inline' | 'vmalloc' | undefined,
): Receiver {
  const number = Number(release.split('.')[0]) * 100 + Number(release.split('.')[1]);
  return Object.freeze({
    release,
    root,
    map,
    refusesUnfinished: number >= 619,
    luo,
    flbs,
    memfd,
    metadata: number >= 701,
    test,
  });
}

export const RECEIVER = ruleTable('receiver', {
  root: [
    'error',
    'cold boot',
    'The receiver does not take this root',
    'kho_populate compares the compatible strings of the root with the one it knows. 7.0 to 7.1 and 7.1 to 7.2 were seen to end in "handover FDT is incompatible" and "disabling KHO revival".',
  ],
  unfinished: [
    'error',
    'silent loss',
    'The receiver does not notice that nothing is preserved',
    'kho_populate of 6.16 to 6.18 does not test the map.',
  ],
  'bitmaps-small': [
    'error',
    'early panic',
    'The receiver takes small bitmaps for large ones',
    'A map of 512-byte bitmaps (6.16, 6.17) given to a kernel with bitmaps of a page (6.18 to 7.0) was seen to end in a page fault in kho_memory_init, before the console is up. The compatible string is the same.',
  ],
  'bitmaps-large': [
    'error',
    'silent loss',
    'The receiver reads only the start of each bitmap',
    'A map of bitmaps of a page given to a kernel with 512-byte bitmaps was seen to boot and to say "KHO restore succeeded", while all blocks behind bit 4095 of a bitmap were lost.',
  ],
  'luo-none': [
    'warning',
    'silent loss',
    'The receiver has no LUO',
    'Kernels before 6.19 do not look for the node. The memory stays reserved, and the sessions cannot be had back.',
  ],
  luo: [
    'error',
    'panic',
    'The receiver has another LUO',
    'The compatible string is compared as a whole, also without liveupdate=on: "The incoming tree failed to initialize properly".',
  ],
  'luo-flb': [
    'error',
    'panic',
    'The receiver requires a node that is not there',
    'Linux 7.0 and 7.1 require luo-flb, which 6.19 does not write, although both say luo-v1. Seen: "luo: Unable to get FLB node [luo-flb]", "Kernel panic - not syncing: The incoming tree failed to initialize properly [-2]".',
  ],
  'flbs-ignored': [
    'warning',
    'silent loss',
    'The receiver does not know FLBs',
    'Linux 6.19 does not look for the node luo-flb.',
  ],
  handler: [
    'error',
    '-EIO',
    'The receiver has no handler for a file',
    'luo_file_deserialize looks for a handler of exactly this string; -ENOENT is kept and returned as -EIO by every open of /dev/liveupdate.',
  ],
  test: [
    'warning',
    'refused',
    'The receiver’s test lists its folios in another way',
    'folios_info is an array in 6.17 and a kho_vmalloc from 6.18 on, under the same string. The test alone fails.',
  ],
  'metadata-ignored': [
    'note',
    'unnoticed',
    'The receiver does not know the metadata of the kexec',
    'kexec-metadata is there from 7.1 on.',
  ],
});

export interface Verdict {
  readonly release: string;
  /** The worst that happens; `accepted` if nothing does. */
  readonly outcome: Effect | 'accepted';
  /** In a line. */
  readonly title: string;
  /** Why: the findings that lead to it, worst first. */
  readonly findings: readonly HandoverFinding[];
}

const TITLES: Readonly<Record<Effect | 'accepted', string>> = Object.freeze({
  accepted: 'accepts all of it',
  'early panic':
    'faults and panics before its console is up; without earlyprintk it looks like a silent reboot',
  panic: 'panics while it boots',
  hang: 'never gets out of a loop, at boot or when it is asked for the file',
  overrun: 'does not notice, and reads or reserves memory that was not meant',
  'cold boot': 'refuses all of it and boots cold',
  '-EIO': 'boots, but every open of /dev/liveupdate fails with -EIO',
  refused: 'boots, but refuses parts of it',
  'silent loss': 'boots and says nothing, but parts of it are lost',
  unnoticed: 'accepts it, oddities included',
  none: 'accepts it',
});

/** By the release of Linux, also as `uname -r` says it: `7.2.13-4-amd64`. @throws `kho-receiver` */
export function receiverNamed(release: string): Receiver {
  const [, version] = /^(?:linux[ -])?v?(\d+\.\d+)(?![\d])/i.exec(release.trim()) ?? [];
  const found = RECEIVERS.find((candidate) => candidate.release === version);
  if (found === undefined)
    throw khoError(
      'kho-receiver',
      `${JSON.stringify(release)} is none of ${RECEIVERS.map((candidate) => candidate.release).join(', ')}`,
    );
  return found;
}

/** What the kernel of a release does with it. */
export function receive(handover: Handover, release: string): Verdict {
  const kernel = receiverNamed(release);
  const found = new Findings();
  const refused = refusal(handover, kernel, found);
  if (!refused) compare(handover, kernel, found);
  // What is wrong in itself does to this kernel what it does to any, unless the kernel does not get that far.
  const own = refused ? [] : handover.findings.filter((finding) => concerns(finding, kernel));
  const first = [...found.list().map((finding) => ownOf(finding, handover)), ...own];
  const findings = first
    .filter((finding) => isReached(finding, first))
    .sort((a, b) => EFFECTS.indexOf(a.effect) - EFFECTS.indexOf(b.effect));
  const [worst] = findings;
  const outcome = worst === undefined || isHarmless(worst.effect) ? 'accepted' : worst.effect;
  return { release: kernel.release, outcome, title: `Linux ${kernel.release} ${TITLES[outcome]}`, findings };
}

/** A finding of the handover itself rather than the same said once more. */
function ownOf(finding: HandoverFinding, { findings }: Handover): HandoverFinding {
  return (
    findings.find(
      ({ rule, path, effect }) => rule === finding.rule && path === finding.path && effect === finding.effect,
    ) ?? finding
  );
}

/** Where no session can be opened, no file is asked for, and what is wrong inside of one is never met. */
function isReached({ path }: HandoverFinding, all: readonly HandoverFinding[]): boolean {
  return (
    !/^entries\.LUO\.sessions\[\d+\]\.files\[\d+\]\.(?!compatible)/.test(path) ||
    !all.some(({ effect }) => effect === '-EIO' || effect === 'panic')
  );
}

function isHarmless(effect: Effect): boolean {
  return effect === 'none' || effect === 'unnoticed';
}

/** Rules of the root that `refusal` judges for the receiver itself. */
const OF_THE_ROOT = new Set([
  KHO['root-compatible'].name,
  KHO['root-composite'].name,
  KHO['root-unfinished'].name,
  'luo/compatible',
  'luo/composite',
  'luo/generation',
  'luo/handler-generation',
]);

function concerns(finding: HandoverFinding, kernel: Receiver): boolean {
  if (finding.severity !== 'error' || isHarmless(finding.effect) || OF_THE_ROOT.has(finding.rule))
    return false;
  const isLuo = /^(luo|memfd)\//.test(finding.rule) || finding.path.startsWith('entries.LUO');
  if (isLuo && kernel.luo === undefined) return false;
  if (finding.rule === 'luo/flb-none' && !kernel.flbs) return false;
  // No release so far has a user of FLBs: what their data leads to (IOMMUs, PCI devices) is never read.
  if (/^entries\.LUO\.flbs\[\d+\]\.(iommu|pci|hugetlb)\b/.test(finding.path)) return false;
  return !(finding.rule.startsWith('kexec-metadata/') && !kernel.metadata);
}

function refusal({ root, findings }: Handover, kernel: Receiver, found: Findings): boolean {
  const { address } = root;
  const broken = findings.find(
    ({ rule }) => rule === KHO['root-invalid'].name || rule === KHO['root-map'].name,
  );
  if (
    broken?.rule === KHO['root-map'].name &&
    !kernel.refusesUnfinished &&
    root.compatible.includes(kernel.root)
  ) {
    found.add(RECEIVER.unfinished, broken.path, address, broken.message);
    return true;
  }
  if (broken !== undefined) {
    found.add(
      broken.rule === KHO['root-map'].name ? KHO['root-map'] : KHO['root-invalid'],
      broken.path,
      address,
      broken.message,
    );
    return true;
  }
  if (!root.compatible.includes(kernel.root)) {
    found.add(
      RECEIVER.root,
      'fdt.compatible',
      address,
      `The root is ${JSON.stringify(root.compatible[0] ?? '')}, Linux ${kernel.release} takes ${JSON.stringify(kernel.root)} only.`,
    );
    return true;
  }
  if (root.map !== 0n) return false;
  if (kernel.refusesUnfinished)
    found.add(KHO['root-unfinished'], 'fdt.preserved-memory-map', address, 'preserved-memory-map is 0.');
  else found.add(RECEIVER.unfinished, 'fdt.preserved-memory-map', address, 'preserved-memory-map is 0.');
  return true;
}

function compare(handover: Handover, kernel: Receiver, found: Findings): void {
  const { generation, walk, value } = handover;
  if (generation?.map === 'bitmaps-512' && kernel.map === 'bitmaps-page')
    found.add(
      RECEIVER['bitmaps-small'],
      'fdt.preserved-memory-map',
      handover.root.map,
      `The bitmaps have 512 bytes, Linux ${kernel.release} reads a page of each.`,
    );
  if (generation?.map === 'bitmaps-page' && kernel.map === 'bitmaps-512') {
    const { blocks, pages } = behindSmall(handover);
    if (blocks > 0)
      found.add(
        RECEIVER['bitmaps-large'],
        'preserved',
        handover.root.map,
        `Linux ${kernel.release} reads 4096 bits of each bitmap: ${blocks} of ${many(walk.map.blocks, 'block')} (${many(pages, 'page')}) are lost.`,
      );
  }
  const { LUO: luo, kho_test: test } = value.entries;
  if (isRecord(luo) && typeof luo.compatible === 'string') compareLuo(luo, luo.compatible, kernel, found);
  if (
    isRecord(test) &&
    typeof test.folios_info === 'string' &&
    kernel.test !== undefined &&
    test.folios_info !== kernel.test
  )
    found.add(
      RECEIVER.test,
      'entries.kho_test.folios_info',
      undefined,
      `The list of folios is ${test.folios_info}, Linux ${kernel.release} reads it as ${kernel.test}.`,
    );
  if ('kexec-metadata' in value.entries && !kernel.metadata)
    found.add(
      RECEIVER['metadata-ignored'],
      'entries.kexec-metadata',
      undefined,
      `Linux ${kernel.release} does not look for it.`,
    );
}

function compareLuo(
  luo: Readonly<Record<string, unknown>>,
  compatible: string,
  kernel: Receiver,
  found: Findings,
): void {
  const sessions = isSessions(luo.sessions) ? luo.sessions : [];
  const files = sessions.flatMap((session) => session.files);
  if (kernel.luo === undefined) {
    if (sessions.length > 0)
      found.add(
        RECEIVER['luo-none'],
        'entries.LUO',
        undefined,
        `${many(sessions.length, 'session')} with ${many(files.length, 'file')} cannot be had back.`,
      );
    return;
  }
  if (compatible !== kernel.luo) {
    found.add(
      RECEIVER.luo,
      'entries.LUO.compatible',
      undefined,
      `The LUO is ${JSON.stringify(compatible)}, Linux ${kernel.release} takes ${JSON.stringify(kernel.luo)} only.`,
    );
    return;
  }
  if (luo.flb_node === false && kernel.flbs)
    found.add(
      RECEIVER['luo-flb'],
      'entries.LUO.flbs',
      undefined,
      'There is no node luo-flb ("luo: Unable to get FLB node").',
    );
  if (!kernel.flbs && Array.isArray(luo.flbs) && luo.flbs.length > 0)
    found.add(
      RECEIVER['flbs-ignored'],
      'entries.LUO.flbs',
      undefined,
      `Linux ${kernel.release} does not know the ${many(luo.flbs.length, 'FLB')}.`,
    );
  const others = files.filter((file: LuoFile) => file.compatible !== kernel.memfd);
  const [other] = others;
  if (other !== undefined)
    found.add(
      RECEIVER.handler,
      'entries.LUO.sessions',
      undefined,
      `${many(others.length, 'file')} of ${files.length} need a handler ${JSON.stringify(other.compatible)}, which Linux ${kernel.release} itself does not have.`,
    );
}

/** Blocks whose bit lies behind the first 4096 of their bitmap. */
function behindSmall({ walk }: Handover): { blocks: number; pages: number } {
  const bits = walk.pageSize * 8;
  let blocks = 0;
  let pages = 0;
  for (const { address, order, count } of walk.map) {
    const first = walk.pfn(address) / 2 ** order;
    // Of each bitmap that the range touches, the part behind its first 4096 bits.
    for (let at = first; at < first + count; ) {
      const start = at - (at % bits);
      const end = Math.min(first + count, start + bits);
      const lost = Math.max(0, end - Math.max(at, start + 4096));
      blocks += lost;
      pages += lost * 2 ** order;
      at = end;
    }
  }
  return { blocks, pages };
}

function isSessions(value: unknown): value is readonly LuoSession[] {
  return Array.isArray(value) && value.every((session) => isRecord(session) && Array.isArray(session.files));
}
