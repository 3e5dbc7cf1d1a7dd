/** Opens a handover: from the memory of a kernel to all that it left for the next one. */
import type { ABI } from '../../codec/index.js';
import type { Image } from '../../memory/index.js';
import { FdtHeader } from '../fdt/index.js';
import { isEdited } from './bitmap-kind.js';
import { checkMap, checkOwners } from './check-memory.js';
import { readEntries } from './entries.js';
import { khoError } from './error.js';
import type { Registry } from './extension.js';
import type { HandoverFinding } from './findings.js';
import type { KhoGeneration } from './generations.js';
import { generationNamed, type HandoverOptions, PAGE_SIZES } from './options.js';
import type { PreservedMap } from './preserved.js';
import { extended } from './registry.js';
import { findRoots, type Root, readRoot } from './root.js';
import { KHO } from './rules.js';
import { checkScratch, readScratch, type ScratchArea, scratchTold } from './scratch.js';
import { toldOf } from './told.js';
import { bestTrial, type Trial } from './trial.js';
import { type HandoverObject, hexText, type Walk } from './walk.js';

export interface HandoverValue {
  readonly fdt: {
    /** Physical address of the root. */
    readonly address: bigint;
    readonly compatible: string;
    readonly 'preserved-memory-map': bigint | undefined;
    readonly totalsize: number;
  };
  readonly page_size: number;
  readonly preserved: {
    readonly pages: bigint;
    readonly bytes: bigint;
    readonly ranges: PreservedMap;
  };
  readonly scratch?: readonly ScratchArea[];
  /** What the nodes of the root lead to, by their names; null where there is nothing to read. */
  readonly entries: Readonly<Record<string, unknown>>;
}

export interface Handover {
  readonly generation: KhoGeneration | undefined;
  readonly abi: ABI;
  /** Why this root, generation and page size, in sentences. */
  readonly because: readonly string[];
  readonly value: HandoverValue;
  readonly findings: readonly HandoverFinding[];
  /** Everything that was decoded, and where it is. */
  readonly objects: readonly HandoverObject[];
  readonly root: Root;
  readonly registry: Registry;
  /** For whoever follows on: the memory, the machine and the map. */
  readonly walk: Walk;
}

/**
 * Opens the handover in a memory image.
 *
 * @throws CarryoverError `kho-no-root` where there is none; `kho-generation`, `kho-page-size` for options
 * that do not exist. Everything else that is wrong is a finding.
 * @example
 * const handover = openHandover(openImage(bytesSource(readFileSync('dump.elf'))));
 * handover.value.entries.LUO
 */
export function openHandover(image: Image, options: HandoverOptions = {}): Handover {
  const forced = options.generation === undefined ? undefined : generationNamed(options.generation);
  if (options.pageSize !== undefined && !PAGE_SIZES.some((size) => size === options.pageSize))
    throw khoError('kho-page-size', `a page does not have ${options.pageSize} bytes`);
  const registry = extended(options.registry);
  const told = toldOf(image, options);
  const because = [...told.because];

  const found = told.fdt === undefined ? findRoots(image) : { roots: [told.fdt], told: [] };
  const roots = readRoots(image, found.roots);
  const pageSize = options.pageSize ?? told.pageSize;
  let best: Trial | undefined;
  for (const root of roots) {
    const trial = bestTrial(image, root, pageSize, forced);
    // What a kernel is told of wins where the maps are equally sound.
    const score = trial.score + (found.told.some(({ fdt }) => fdt === root.address) ? 1 : 0);
    if (best === undefined || score > best.score) best = { ...trial, score };
  }
  if (best === undefined) throw khoError('kho-no-root', NO_ROOT);
  const { walk, root, generation } = best;
  if (options.forced !== undefined) walk.forced = options.forced;
  if (told.fdt === undefined)
    because.push(`the root is at ${hexText(root.address)}, found by looking through the memory`);
  because.push(...best.because);
  if (pageSize !== undefined && options.pageSize === undefined)
    because.push('the page size is what kho_data says');

  checkRoot(walk, root, roots);
  const entries = readEntries(walk, root, registry);
  for (const check of registry.checks) check(entries, walk);
  const scratch =
    options.scratch ??
    (told.scratch === undefined
      ? scratchTold(walk, root, options.setupData === undefined ? found.told : [], because)
      : readScratch(walk, told.scratch));
  if (scratch !== undefined) checkScratch(walk, scratch);
  checkMap(walk, best.tables);
  checkOwners(walk);
  return {
    generation,
    abi: walk.abi,
    because,
    value: {
      fdt: {
        address: root.address,
        compatible: root.compatible[0] ?? '',
        'preserved-memory-map': root.map,
        totalsize: root.fdt.totalSize,
      },
      page_size: walk.pageSize,
      preserved: { pages: walk.map.pages, bytes: walk.map.bytes, ranges: walk.map },
      ...(scratch === undefined ? {} : { scratch }),
      entries,
    },
    findings: walk.findings.list(),
    objects: walk.objects,
    root,
    registry,
    walk,
  };
}

const NO_ROOT = 'no page begins with a device tree that is compatible with "kho-v…"';

/** Those that can be read; an error that says why the last one cannot where there are none. */
function readRoots(image: Image, addresses: readonly bigint[]): Root[] {
  const roots: Root[] = [];
  let refusal = NO_ROOT;
  for (const address of addresses) {
    const root = readRoot(image, address, image.machine.endian);
    if (typeof root === 'string') refusal = root;
    else roots.push(root);
  }
  if (roots.length === 0) throw khoError('kho-no-root', refusal);
  return roots;
}

/** Claims the page of the root and reports what is odd about it. Needs its map. `all` are the roots, it among them. */
function checkRoot(walk: Walk, root: Root, all: readonly Root[]): void {
  for (const { rule, path, address, message } of root.problems) walk.find(rule, path, address, message);
  if (all.length > 1)
    walk.find(
      KHO['root-others'],
      'fdt',
      root.address,
      `There are roots at ${all.map(({ address }) => hexText(address)).join(', ')}; this one has the best map.`,
    );
  walk.claims.add(walk.pfn(root.address), 1, 'fdt');
  walk.object('fdt', FdtHeader, root.address, 40);
  if (root.fdt.totalSize > walk.pageSize)
    walk.find(
      KHO['root-too-large'],
      'fdt',
      root.address,
      `The root has ${root.fdt.totalSize} bytes, a page has ${walk.pageSize}.`,
    );
  const generation = walk.generation?.name;
  if (walk.map.complete && generation !== 'v1a' && !walk.map.covers(root.address, walk.pageSize))
    if (generation !== 'v1b' || isEdited(root))
      walk.find(
        KHO['root-not-preserved'],
        'fdt',
        root.address,
        `The page ${hexText(root.address)} is not preserved.`,
      );
}
