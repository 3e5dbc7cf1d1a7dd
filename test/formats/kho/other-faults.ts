/** Faults of what is not the memory alone: copies of debugfs, and pairs of a handover and a kernel. */
import { openDebugfs, openHandover, receive } from '../../../src/formats/kho/index.js';
import { build, native, type Spec, text } from './builder.js';
import type { BuiltFault } from './built-faults.js';
import { copyOf, open } from './patch.js';
import { type Capture, openCapture, rulesOf } from './support.js';

function ofDebugfs(files: Readonly<Record<string, Uint8Array>>): readonly string[] {
  return openDebugfs(new Map(Object.entries(files))).findings.map(({ rule }) => rule);
}

function ofReceiver(capture: Capture, release: string): readonly string[] {
  return receive(openCapture(capture), release).findings.map(({ rule }) => rule);
}

function ofBuilt(spec: Spec, release: string): readonly string[] {
  return receive(openHandover(build(spec).image), release).findings.map(({ rule }) => rule);
}

const luo = new Uint8Array([...text('luo-v5'), 0, ...native(1), ...native(0), ...native(0x1000)]);

/** The root of a capture as a file of debugfs, cut off after so many bytes. */
function rootFile(length?: number): Uint8Array {
  return openCapture('v4').root.bytes.slice(0, length);
}

/** A capture of 6.19 whose map was never finalized. */
function unfinished(): ReturnType<typeof open> {
  const handover = openCapture('v1b');
  const memory = copyOf('v1b');
  const { offset = 0 } =
    handover.root.fdt.root.properties.find(({ name }) => name === 'preserved-memory-map') ?? {};
  memory.u64(Number(handover.root.address) + offset + 12, 0);
  return open(memory, 'v1b');
}

/** The bytes of a LUO whose struct was freed, beside a map that was freed too. */
function takenOver(): readonly string[] {
  const memory = copyOf('v4');
  const { root, objects } = openCapture('v4');
  for (const { path, address, size } of objects)
    if (/preserved-memory-map\.(nodes|leaves)/.test(path) || path === 'entries.LUO')
      memory.bytes(Number(address), new Uint8Array(size).fill(path === 'entries.LUO' ? 0x90 : 0));
  return rulesOf(open(memory, 'v4', { khoFdt: root.address }));
}

const OF_70: Spec = {
  kho: 'v1b',
  luo: 'v1',
  memfd: 1,
  pageSize: 4096,
  sessions: [{ name: 's', files: [{ token: 1n, size: 10, folios: [{ index: 0, order: 0, fill: 'x' }] }] }],
  flbs: [{ name: 'an-flb', data: 1n, count: 1 }],
};

export const OTHER_FAULTS: readonly BuiltFault[] = [
  { rules: ['debugfs/fdt-truncated'], found: () => ofDebugfs({ 'out/fdt': rootFile(233) }) },
  { rules: ['debugfs/fdt-invalid'], found: () => ofDebugfs({ 'in/fdt': new Uint8Array(64) }) },
  { rules: ['debugfs/map-freed'], found: () => ofDebugfs({ 'in/fdt': rootFile() }) },
  { rules: ['debugfs/luo-stale'], found: () => ofDebugfs({ 'in/sub_fdts/LUO': new Uint8Array(32).fill(1) }) },
  { rules: ['debugfs/luo-early'], found: () => ofDebugfs({ 'out/sub_fdts/LUO': luo }) },
  {
    rules: ['debugfs/scratch'],
    found: () =>
      ofDebugfs({ 'out/scratch_phys': text('0x1000\n0x2000\n'), 'out/scratch_len': text('0x1000\n') }),
  },
  { rules: ['debugfs/file'], found: () => ofDebugfs({ 'out/README': new Uint8Array() }) },

  { rules: ['receiver/root'], found: () => ofReceiver('v3', '7.2') },
  {
    rules: ['receiver/unfinished'],
    found: () => receive(unfinished(), '6.18').findings.map(({ rule }) => rule),
  },
  { rules: ['receiver/bitmaps-small'], found: () => ofReceiver('v1a', '6.18') },
  { rules: ['receiver/bitmaps-large'], found: () => ofReceiver('v1b', '6.17') },
  { rules: ['receiver/luo-none'], found: () => ofReceiver('v1b', '6.18') },
  { rules: ['receiver/luo'], found: () => ofBuilt({ ...OF_70, kho: 'v4', memfd: 2, luo: 'v4' }, '7.2') },
  { rules: ['receiver/luo-flb'], found: () => ofReceiver('v1b', '7.0') },
  { rules: ['receiver/flbs-ignored'], found: () => ofBuilt(OF_70, '6.19') },
  { rules: ['receiver/handler'], found: () => ofBuilt({ ...OF_70, memfd: 2 }, '7.0') },
  { rules: ['receiver/test'], found: () => ofReceiver('v1a', '6.18') },
  {
    rules: ['receiver/metadata-ignored'],
    found: () =>
      ofBuilt(
        {
          kho: 'v1b',
          luo: 'v1',
          pageSize: 4096,
          nodes: [{ name: 'kexec-metadata', bytes: new Uint8Array(73) }],
        },
        '7.0',
      ),
  },

  { rules: ['luo/freed', 'kho/map-stale'], found: takenOver },
];
