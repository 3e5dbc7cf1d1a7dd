/** The graph of a handover: what is in it, what it says of faults, and how much of it is shown. */
import { describe, expect, it } from 'vitest';
import { type HandoverGraph, handoverGraph, openDump } from '../../src/state/index.js';
import { crowd, HUGE, host, SMALL } from './graph-machine.js';

const LUO = 'entries.LUO';
const STATE = `${LUO}.flbs[0].iommu`;
const alpha = (file: number): string => `${LUO}.sessions[0].files[${file}]`;
const beta = (file: number): string => `${LUO}.sessions[1].files[${file}]`;

type Change = (write: (address: number, bytes: Uint8Array) => void, made: ReturnType<typeof host>) => void;

function graphOf(
  spec = SMALL,
  options: Parameters<typeof handoverGraph>[1] = { all: true },
  change?: Change,
) {
  const made = host(spec);
  change?.((address, bytes) => made.machine.write(address, bytes), made);
  return handoverGraph(openDump(made.machine.build().memory.image(62)), options);
}
const edgesOf = ({ edges }: HandoverGraph, label: string | RegExp): string[] =>
  edges
    .filter((edge) => (typeof label === 'string' ? edge.label === label : label.test(edge.label)))
    .map(({ from, to, label: text }) => `${from} -> ${to}${typeof label === 'string' ? '' : ` ${text}`}`);
const nodeOf = (graph: HandoverGraph, id: string) => {
  const node = graph.nodes.find((each) => each.id === id);
  if (node === undefined) throw new Error(`no node ${id}`);
  return node;
};
const word = (value: bigint): Uint8Array => {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, value, true);
  return bytes;
};

describe('a sound handover', () => {
  const graph = graphOf();
  it('has nothing that is marked or missing', () => {
    expect(graph.nodes.filter(({ severity, kind }) => severity !== undefined || kind === 'missing')).toEqual(
      [],
    );
  });
  it('has each of its objects once', () => {
    const counts = new Map<string, number>();
    for (const { kind } of graph.nodes) counts.set(kind, (counts.get(kind) ?? 0) + 1);
    expect(Object.fromEntries(counts)).toEqual({
      handover: 1,
      entry: 1,
      session: 2,
      file: 11,
      memory: 3,
      flb: 2,
      'pci-device': 4,
      'iommu-state': 1,
      iommu: 2,
      'hardware-table': 2,
      domain: 2,
      'page-tables': 2,
      device: 4,
    });
    expect(new Set(graph.nodes.map(({ id }) => id)).size).toBe(graph.nodes.length);
  });
  it('says what each is, as people write it', () => {
    const device = nodeOf(graph, `${STATE}.devices[0]`);
    expect(device.lines).toEqual(['0001:3a:01.0', 'second-stage, reaches 8 MiB']);
    expect(nodeOf(graph, `${STATE}.domains[1]`).lines).toEqual(['domain 1', '48 bits', '1 device']);
    expect(nodeOf(graph, `${STATE}.iommus[1]`).lines).toEqual([
      'IOMMU 1: Intel VT-d',
      'registers 0xfed91000',
      '2 devices',
    ]);
  });
  it('links devices, domains, tables, memory, owners and files', () => {
    expect(edgesOf(graph, /^id /)).toEqual([
      `${STATE}.devices[0] -> ${STATE}.domains[0] id 2`,
      `${STATE}.devices[1] -> ${STATE}.domains[0] id 2`,
      `${STATE}.devices[2] -> ${STATE}.domains[0] id 2`,
      `${STATE}.devices[3] -> ${STATE}.domains[1] id 3`,
    ]);
    const [first, second] = edgesOf(graph, 'translates by').map((edge) => edge.split(' -> ')[1]);
    expect(edgesOf(graph, /^maps/)).toEqual([
      `${first} -> ${alpha(0)}.memfd#memory maps 8 MiB`,
      `${second} -> ${beta(0)}.memfd#memory maps 2 MiB`,
    ]);
    expect(edgesOf(graph, 'owned by')).toEqual([
      `${STATE}.devices[0] -> ${alpha(1)}`,
      `${STATE}.devices[1] -> ${alpha(1)}`,
      `${STATE}.devices[2] -> ${alpha(1)}`,
      `${STATE}.devices[3] -> ${beta(1)}`,
    ]);
    expect(edgesOf(graph, /^hwpt/)).toEqual([
      `${alpha(1)} -> ${STATE}.domains[0] hwpt 0x70`,
      `${beta(1)} -> ${STATE}.domains[1] hwpt 0x71`,
    ]);
    expect(edgesOf(graph, 'device')).toEqual([
      `${alpha(2)} -> ${STATE}.devices[0]`,
      `${alpha(3)} -> ${STATE}.devices[1]`,
      `${alpha(4)} -> ${STATE}.devices[2]`,
      `${beta(2)} -> ${STATE}.devices[3]`,
    ]);
    expect(edgesOf(graph, 'attached by')).toEqual([
      `${alpha(2)} -> ${alpha(1)}`,
      `${alpha(3)} -> ${alpha(1)}`,
      `${alpha(4)} -> ${alpha(1)}`,
      `${beta(2)} -> ${beta(1)}`,
    ]);
    expect(edgesOf(graph, 'CPU of')).toEqual([`${alpha(6)} -> ${alpha(5)}`]);
    expect(edgesOf(graph, 'memory of')).toEqual([`${alpha(7)} -> ${alpha(5)}`]);
    expect(edgesOf(graph, 'same device').length).toBe(4);
  });
  it('leads from the root to everything', () => {
    const seen = new Set(['handover']);
    for (const id of seen) for (const { from, to } of graph.edges) if (from === id) seen.add(to);
    expect(graph.nodes.filter(({ id }) => !seen.has(id))).toEqual([]);
  });
  it('is the same each time, and small enough to be shown whole', () => {
    expect(graphOf()).toEqual(graph);
    expect(graphOf(SMALL, {})).toEqual(graph);
  });
});

describe('what is wrong', () => {
  it('marks what it is about', () => {
    const outside = { iova: 0x40000000n, phys: 0x7000_0000n, size: 0x1000n };
    const [first, second] = SMALL.guests;
    if (first === undefined || second === undefined) throw new Error('there are two guests');
    const graph = graphOf({ ...SMALL, guests: [{ ...first, mappings: [outside] }, second] });
    const marked = graph.nodes.filter(({ severity }) => severity !== undefined);
    expect(marked.map(({ id, severity, rules }) => [id, severity, rules])).toEqual([
      [`${STATE}.domains[0]`, 'error', ['iommu-hw/map-outside']],
    ]);
  });
  it('shows a domain and an IOMMU that are not there', () => {
    const graph = graphOf(SMALL, { all: true }, (write, { devices }) => {
      write((devices[3] ?? 0) + 32, word(0x1234n));
      write((devices[3] ?? 0) + 40, word(0x5678n));
    });
    const missing = graph.nodes.filter(({ kind }) => kind === 'missing');
    expect(missing.map(({ lines }) => lines)).toEqual([['no IOMMU at 0x5678'], ['no domain at 0x1234']]);
    expect(nodeOf(graph, `${STATE}.devices[3]`)).toMatchObject({ severity: 'error' });
    expect(edgesOf(graph, /^id /)).toContain(`${STATE}.devices[3] -> ${STATE}#domain@0x1234 id 3`);
  });
  it('shows an owner that is no file', () => {
    const graph = graphOf(SMALL, { all: true }, (write, { devices }) =>
      write((devices[3] ?? 0) + 16, word(0x9999n)),
    );
    const owner = graph.nodes.find(({ kind }) => kind === 'owner');
    expect(owner?.lines).toEqual(['owner 0x9999', 'no iommufd has this token']);
    expect(edgesOf(graph, 'owned by')).toContain(`${STATE}.devices[3] -> ${owner?.id}`);
  });
  it('shows two domains with one topmost table as such', () => {
    const graph = graphOf(SMALL, { all: true }, (write, { domains, tops }) =>
      write((domains[1] ?? 0) + 8, word(BigInt(tops[0] ?? 0))),
    );
    expect(graph.nodes.filter(({ kind }) => kind === 'page-tables').length).toBe(1);
    expect(edgesOf(graph, 'translates by').length).toBe(2);
  });
});

describe('a part', () => {
  it('is what it leads to, and what leads to it', () => {
    const graph = graphOf(SMALL, { path: `${STATE}.devices[3]` });
    expect(graph.nodes.map(({ kind }) => kind).sort()).toEqual([
      'device',
      'domain',
      'file',
      'file',
      'iommu',
      'memory',
      'page-tables',
      'pci-device',
    ]);
    expect(graph.groups.map(({ id }) => id)).toEqual([`${LUO}.sessions[1]`, `${LUO}.flbs[1]`, STATE]);
  });
  it('of a field is that of its object', () => {
    expect(graphOf(SMALL, { path: `${STATE}.devices[3].reach` })).toEqual(
      graphOf(SMALL, { path: `${STATE}.devices[3]` }),
    );
  });
  it.each(['preserved', `${STATE}.devices[9]`])('that is none: %s', (path) => {
    expect(() => graphOf(SMALL, { path })).toThrow(expect.objectContaining({ code: 'path-unknown' }));
  });
});

describe('several hundred devices', () => {
  const spec = crowd(64, 4);
  const made = openDump(host(spec).machine.build().memory.image(62));
  const all = handoverGraph(made, { all: true });
  const folded = handoverGraph(made);
  it('are all there if asked for', () => {
    expect(all.nodes.filter(({ kind }) => kind === 'device').length).toBe(256);
    expect(all.nodes.filter(({ kind }) => kind === 'domain').length).toBe(64);
  });
  it('are folded without losing one', () => {
    expect(folded.nodes.length).toBeLessThanOrEqual(110);
    const counts = (graph: HandoverGraph): Record<string, number> => {
      const found: Record<string, number> = {};
      for (const { kind, folded: times = 1 } of graph.nodes) found[kind] = (found[kind] ?? 0) + times;
      return found;
    };
    expect(counts(folded)).toEqual(counts(all));
    const ids = new Set(folded.nodes.map(({ id }) => id));
    expect(ids.size).toBe(folded.nodes.length);
    for (const { from, to } of folded.edges) expect([ids.has(from), ids.has(to)]).toEqual([true, true]);
  });
  it('show what has findings before what has none', () => {
    const bad = host(spec);
    // The domain of the 200th device: none.
    bad.machine.write((bad.devices[200] ?? 0) + 32, word(0x1234n));
    const graph = handoverGraph(openDump(bad.machine.build().memory.image(62)));
    expect(nodeOf(graph, `${STATE}.devices[200]`).severity).toBe('error');
  });
  it('has memory in proportion to the guests', () => {
    const sizes = all.nodes.filter(({ kind }) => kind === 'memory').map(({ lines }) => lines[0]);
    expect(new Set(sizes)).toEqual(new Set([`${HUGE / 1048576} MiB of memory`]));
  });
});
