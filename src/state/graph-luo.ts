/** Sessions, their files, the memory that these keep, and FLBs. */
import { filesOf } from '../formats/luo/parts.js';

import type { GraphMaker } from './graph-maker.js';
import { fileMemory } from './graph-memory.js';
import { countText, isRecord } from './graph-words.js';
import { sizeText } from './handover-tree.js';

type Fields = Readonly<Record<string, unknown>>;

export function addSessions(maker: GraphMaker, entries: Fields): void {
  const { LUO } = entries;
  if (!isRecord(LUO)) return;
  const luo = 'entries.LUO';
  maker.node({ id: luo, kind: 'entry', path: luo, lines: ['LUO', ...maker.say(luo)], parent: 'handover' });
  maker.edge('handover', luo, '');
  const sessions: readonly unknown[] = Array.isArray(LUO.sessions) ? LUO.sessions : [];
  for (const [i, session] of sessions.entries()) {
    const path = `${luo}.sessions[${i}]`;
    const name = isRecord(session) && typeof session.name === 'string' ? session.name : '';
    maker.group(path, `session ${JSON.stringify(name)}`);
    maker.node({
      id: path,
      kind: 'session',
      path,
      lines: [`session ${JSON.stringify(name)}`, countText(isRecord(session) ? session.files : [], 'file')],
      group: path,
      parent: luo,
    });
    maker.edge(luo, path, '');
  }
  addFiles(maker, entries);
  addFlbs(maker, Array.isArray(LUO.flbs) ? LUO.flbs : []);
}

function addFiles(maker: GraphMaker, entries: Fields): void {
  const files = filesOf(entries);
  /** Ids of files by session and token: the first that has it. */
  const byToken = new Map<string, string>();
  for (const { session, token, path } of files) {
    const key = `${session} ${token}`;
    if (!byToken.has(key)) byToken.set(key, path);
  }
  for (const { path, session, compatible, token, file } of files) {
    const above = `entries.LUO.sessions[${session}]`;
    const [key, value] = payloadOf(file);
    maker.node({
      id: path,
      kind: 'file',
      path,
      lines: [
        compatible,
        `token 0x${token.toString(16)}`,
        ...(key === undefined ? [] : maker.say(`${path}.${key}`)),
      ],
      address: typeof file.data === 'bigint' ? file.data : undefined,
      group: above,
      parent: above,
    });
    maker.edge(above, path, '');
    if (key === undefined || value === undefined) continue;
    const memory = fileMemory(value, maker.pageSize);
    if (memory.runs > 0) {
      const id = `${path}.${key}#memory`;
      maker.node({
        id,
        kind: 'memory',
        path: `${path}.${key}.folios`,
        lines: [
          `${sizeText(memory.bytes)} of memory`,
          memory.runs === 1 ? 'in one piece' : `in ${memory.runs} pieces`,
        ],
        address: memory.first,
        group: above,
        parent: path,
      });
      maker.edge(path, id, 'keeps');
    }
    const to = (other: unknown, label: string): void => {
      if (typeof other !== 'bigint' && typeof other !== 'number') return;
      if (BigInt(other) === 0n) return;
      const known = byToken.get(`${session} ${BigInt(other)}`);
      if (known !== undefined) {
        if (known !== path) maker.edge(path, known, label);
        return;
      }
      const id = `${path}#token`;
      maker.node({
        id,
        kind: 'missing',
        path,
        lines: [`token 0x${other.toString(16)}`, 'no file of the session'],
        group: above,
        parent: path,
      });
      maker.edge(path, id, label);
    };
    to(value.vm_token, key === 'guest_memfd' ? 'memory of' : 'CPU of');
    if (isRecord(value.iommufd_ser)) to(value.iommufd_ser.token, 'attached by');
  }
}

/** What the handler of a file made of it, and its name. */
function payloadOf(file: Fields): readonly [key: string | undefined, value: Fields | undefined] {
  for (const [key, value] of Object.entries(file)) if (isRecord(value)) return [key, value];
  return [undefined, undefined];
}

function addFlbs(maker: GraphMaker, flbs: readonly unknown[]): void {
  for (const [i, flb] of flbs.entries()) {
    if (!isRecord(flb)) continue;
    const path = `entries.LUO.flbs[${i}]`;
    const [key] = payloadOf(flb);
    const { pci } = flb;
    maker.node({
      id: path,
      kind: 'flb',
      path,
      lines: [
        `FLB ${JSON.stringify(flb.name)}`,
        `for ${String(flb.count)} ${flb.count === 1n ? 'file' : 'files'}`,
        // The state of the IOMMUs has a node of its own.
        ...(key === undefined || key === 'iommu' ? [] : maker.say(`${path}.${key}`)),
      ],
      address: typeof flb.data === 'bigint' ? flb.data : undefined,
      parent: 'entries.LUO',
    });
    maker.edge('entries.LUO', path, '');
    if (!isRecord(pci) || !Array.isArray(pci.devices)) continue;
    for (const [j, device] of pci.devices.entries()) {
      if (!isRecord(device) || typeof device.address !== 'string') continue;
      const id = `${path}.pci.devices[${j}]`;
      maker.node({
        id,
        kind: 'pci-device',
        path: id,
        lines: [
          `PCI ${device.address}`,
          typeof device.refcount === 'number' ? `refcount ${device.refcount}` : '',
        ],
        group: path,
        parent: path,
      });
      maker.group(path, `PCI core ${JSON.stringify(flb.name)}`);
      maker.edge(path, id, '');
    }
  }
}
