/** What the parts of a handover mean when two of them are compared. */
import type { Meaning, MeaningOf } from '../meaning.js';
import type { Registry } from './extension.js';
import { isRecord } from './record.js';

/** A blob that nobody knows: its bytes, or the device tree that they are. */
const RAW_BLOB: Meaning = {
  fields: {
    address: { is: 'address' },
    looks: { is: 'derived' },
    text: { is: 'derived' },
    head: { is: 'derived' },
  },
  content: { address: 'address', size: 'size', head: 'head' },
};
const RAW_TREE: Meaning = {
  fields: { properties: { map: true }, nodes: { map: true, each: () => RAW_TREE } },
};
const RAW_TREE_BLOB: Meaning = {
  fields: {
    address: { is: 'address' },
    size: { is: 'layout' },
    looks: { is: 'derived' },
    head: { is: 'layout' },
    tree: RAW_TREE,
  },
};
/** Freed memory that a file of debugfs still shows. */
const STALE: Meaning = { is: 'unknown' };

function rawOf(value: unknown): Meaning | undefined {
  if (!isRecord(value) || value.unknown !== true) return undefined;
  if (value.stale === true) return STALE;
  return value.tree === undefined ? RAW_BLOB : RAW_TREE_BLOB;
}

/** What the value of a handover means, given what decodes its parts. */
export function handoverMeaning(registry: Registry): Meaning {
  const named = new Map<string, MeaningOf>();
  const meanings = registry.subtrees.map((decoder) => ({
    decoder,
    meaning: decoder.meaning?.(registry) ?? {},
  }));
  for (const { decoder, meaning } of meanings)
    if (decoder.name !== undefined && !named.has(decoder.name))
      named.set(decoder.name, (value) => rawOf(value) ?? meaning);
  const other = (value: unknown): Meaning => {
    const raw = rawOf(value);
    if (raw !== undefined || !isRecord(value)) return raw ?? {};
    const { compatible } = value;
    return meanings.find(({ decoder }) => decoder.compatible === compatible)?.meaning ?? {};
  };
  const side: Meaning = {
    fields: {
      fdt: {
        maybe: true,
        fields: {
          address: { is: 'address' },
          compatible: { is: 'generation' },
          'preserved-memory-map': { is: 'address' },
          totalsize: { is: 'layout' },
          nodes: { is: 'layout' },
          partial: { is: 'layout' },
        },
      },
      page_size: { is: 'machine' },
      preserved: {
        maybe: true,
        fields: { pages: { is: 'summary' }, bytes: { is: 'layout' }, ranges: { is: 'layout' } },
      },
      scratch: { maybe: true, each: { fields: { addr: { is: 'address' } } } },
      finalize: { maybe: true },
      kho_data: { fields: { fdt_addr: { is: 'address' }, scratch_addr: { is: 'address' } } },
      entries: { map: true, fields: Object.fromEntries(named), each: other },
    },
  };
  return { fields: { ...side.fields, in: { maybe: true, ...side }, out: { maybe: true, ...side } } };
}
