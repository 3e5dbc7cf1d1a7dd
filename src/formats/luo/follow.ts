/** From the entry of the LUO to its sessions, their files, and what is bound to the life of files. */
import { FDT_MAGIC } from '../fdt/index.js';
import type { Blob, Registry, SubtreeDecoder } from '../kho/extension.js';
import { KHO } from '../kho/rules.js';
import type { Walk } from '../kho/walk.js';
import { checkGeneration } from './entries.js';
import { entriesOfStruct } from './entries-of-struct.js';
import { entriesOfTree } from './entries-of-tree.js';
import { readFlbs } from './flbs.js';
import { luoMeaning } from './meaning.js';
import { LUO } from './rules.js';
import { readSessions } from './sessions.js';
import type { LuoValue } from './value.js';

export const luoSubtree: SubtreeDecoder = Object.freeze({
  name: 'LUO',
  decode: decodeLuo,
  meaning: luoMeaning,
});

export function decodeLuo(blob: Blob, walk: Walk, registry: Registry): LuoValue | undefined {
  const { bytes } = blob;
  const isTree = bytes.length >= 4 && new DataView(bytes.buffer, bytes.byteOffset).getUint32(0) === FDT_MAGIC;
  const entries = isTree ? entriesOfTree(blob, walk) : entriesOfStruct(blob, walk);
  if (entries === undefined) return undefined;
  checkGeneration(entries, blob, walk);
  const { path } = blob;
  if (entries.number === 0n)
    walk.find(LUO['number-zero'], `${path}.liveupdate_num`, blob.address, 'The number of live updates is 0.');
  const before = brokenLists(walk);
  const sessions = readSessions(entries, walk, registry, `${path}.sessions`, blob.address);
  // Files can only be counted where all lists are there.
  const isWhole = entries.sessions !== 0n && brokenLists(walk) === before;
  const files = sessions.list.reduce((sum, session) => sum + session.files.length, 0);
  const flbs =
    entries.flbs === undefined || entries.flbs === 0n
      ? { list: [], complete: entries.flbs !== undefined || entries.flbNode === false }
      : readFlbs(entries.flbs, walk, registry, `${path}.flbs`, sessions.list, isWhole ? files : undefined);
  return {
    compatible: entries.compatible,
    liveupdate_num: entries.number,
    sessions: sessions.list,
    ...(sessions.complete ? {} : { sessions_incomplete: true }),
    flbs: flbs.list,
    ...(flbs.complete ? {} : { flbs_incomplete: true }),
    ...(entries.flbNode === undefined ? {} : { flb_node: entries.flbNode }),
  };
}

/** Rules whose breach makes the number of files uncertain. */
const OF_LISTS = [
  KHO['memory-absent'],
  KHO['block-count'],
  KHO['block-cycle'],
  KHO['block-many'],
  KHO['block-not-full'],
  KHO.shared,
  LUO['session-count'],
  LUO['file-set'],
  LUO['file-count'],
  LUO['file-sum'],
];
function brokenLists(walk: Walk): number {
  return OF_LISTS.reduce((sum, rule) => sum + walk.findings.count(rule), 0);
}
